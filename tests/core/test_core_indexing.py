"""The tables of text search: whatever is in them already, a search finds what a plain look at all messages finds."""

import asyncio
import contextlib
import email.header
import functools
import random
import re
from pathlib import Path

import pytest

from office import DOMAIN, Office, address, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.core.finding import email_search
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.message.text import all_header_text, fold, headers_of, search_text, text_parts
from pillarbox.model.account import Account
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.query import (
    And,
    HasFlags,
    HasHeader,
    HasText,
    HasWords,
    InMailbox,
    InOtherMailbox,
    Larger,
    Not,
    Or,
    Order,
    Query,
    SortKey,
)

SEEN, DELETED = FlagSet.of("\\Seen"), FlagSet.of("\\Deleted")
FIELDS = ("from", "to", "cc", "bcc", "subject")
WORDS = [
    "a",
    "an",
    "and",
    "garden",
    "gardener",
    "mail",
    "e-mail",
    "müller",
    "größe",
    "Straße",
    "foo_bar",
    "会議",
    "会議の予定",
    "予定",
    "c++",
    "x@far.test",
]


class Letter:
    """A message as its writer knows it."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.subject = self._some(chance, 3)
        self.sender = f"{chance.choice(('ann', 'bob', 'Anna'))}@far{number % 3}.test"
        self.lines = [self._some(chance, 8) for _ in range(chance.randrange(1, 4))]
        self.html = self._some(chance, 4) if chance.random() < 0.3 else ""
        if chance.random() < 0.02:
            self.lines.append("padding " * 40_000 + chance.choice(WORDS))

    @staticmethod
    def _some(chance: random.Random, most: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(chance.randrange(1, most)))

    def octets(self) -> bytes:
        subject = email.header.Header(self.subject, "utf-8").encode()
        text = "\r\n".join(self.lines)
        head = (
            f"From: {self.sender}\r\nTo: you@here.test\r\nSubject: {subject}\r\nX-Kind: letter\r\nMIME-Version: 1.0\r\n"
        )
        kind = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        if not self.html:
            return f"{head}{kind}{text}\r\n".encode()
        return (
            f'{head}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n{kind}{text}\r\n'
            f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{self.html}</p><!-- hidden -->\r\n--b--\r\n"
        ).encode()

    @functools.cached_property
    def texts(self) -> tuple[str, str]:
        """Header and body, folded, of the whole content."""
        octets = self.octets()
        part = scan(octets, limits=Limits())
        body = "\n".join(fold(search_text(octets, one)) for one in text_parts(part))
        return fold(all_header_text(octets, headers_of(part))), body

    def fields(self) -> dict[str, str]:
        return {"from": fold(self.sender), "to": "you@here.test", "subject": fold(self.subject), "cc": "", "bcc": ""}


def fits(query: Query, letter: Letter) -> bool:
    """By the plain meaning of the words."""
    match query:
        case And(terms):
            return all(fits(term, letter) for term in terms)
        case Or(terms):
            return any(fits(term, letter) for term in terms)
        case Not(term):
            return not fits(term, letter)
        case HasText(text, body_only):
            head, body = letter.texts
            return fold(text) in body or (not body_only and fold(text) in head)
        case HasHeader(name, text):
            return fold(text) in letter.fields()[name]
        case HasWords(text, fields, in_body, is_phrase):
            places = [letter.fields()[name] for name in fields] + ([letter.texts[1]] if in_body else [])
            return any(has_words(place, fold(text), is_phrase) for place in places)
    raise AssertionError(query)


def has_words(text: str, words: str, is_phrase: bool) -> bool:
    spaced = "[^\\W_会議の予定]"
    before = f"(?<!{spaced})" if re.match(spaced, words) else ""
    after = f"(?!{spaced})" if is_phrase and re.search(f"{spaced}$", words) else ""
    return re.search(before + r"\s+".join(map(re.escape, words.split())) + after, text) is not None


def any_term(chance: random.Random) -> Query:
    words = " ".join(chance.choice(WORDS) for _ in range(chance.choice((1, 1, 2))))
    start = chance.randrange(len(words))
    piece = words[start : start + chance.randrange(1, 8)].strip() or "a"
    match chance.randrange(4):
        case 0:
            return HasText(piece, body_only=chance.random() < 0.7)
        case 1:
            return HasWords(words, tuple(chance.sample(FIELDS, 2)), in_body=True, is_phrase=" " in words)
        case 2:
            return HasWords(chance.choice((words, piece)), chance.choice((FIELDS, ("subject",))), chance.random() < 0.5)
        case _:
            return HasHeader("subject", piece)


def any_query(chance: random.Random) -> Query:
    match chance.randrange(6):
        case 0:
            return And((any_term(chance), any_term(chance)))
        case 1:
            return Or((any_term(chance), any_term(chance)))
        case 2:
            return And((any_term(chance), Not(any_term(chance))))
        case _:
            return any_term(chance)


class Desk:
    """An account with letters, known by their message ids."""

    def __init__(self, office: Office, account: Account, inbox: MailboxId) -> None:
        self.office = office
        self.account = account
        self.inbox = inbox
        self.letters: dict[int, Letter] = {}
        self.received: dict[int, int] = {}

    async def put(self, letter: Letter, *, minutes: int = 0) -> int:
        placed = await self.office.mail.messages.append(
            self.account.id, self.inbox, Content.of(letter.octets()), flags=FlagSet(), received=self.office.clock.now()
        )
        self.office.clock.advance(minutes * 60)
        self.letters[placed.message_id] = letter
        self.received[placed.message_id] = len(self.received) if minutes else -1
        return placed.message_id

    async def uid_of(self, message_id: int) -> int:
        sql = "select uid from placement where account_id = $1 and message_id = $2"
        return int(await self.office.database.value(self.account.id, sql, self.account.id, message_id))

    async def remove(self, message_id: int) -> None:
        uid, messages = [await self.uid_of(message_id)], self.office.mail.messages
        await messages.change_flags(self.account.id, self.inbox, uid, FlagAction.ADD, DELETED)
        await messages.expunge(self.account.id, self.inbox, uid)
        del self.letters[message_id]

    async def found(self, query: Query, *orders: Order, **more) -> list[int]:
        return list((await self.office.mail.email_queries.find(self.account.id, query, orders, **more)).ids)

    async def found_in_mailbox(self, query: Query) -> list[int]:
        view = await self.office.mail.open_mailboxes.open(self.account.id, self.inbox, claim_recent=False)
        with contextlib.closing(view):
            uids = set(await self.office.mail.search.find(self.account.id, view, query))
        return sorted([one for one in self.letters if await self.uid_of(one) in uids], reverse=True)

    async def check(self, query: Query, chance: random.Random) -> None:
        wanted = sorted((id for id, letter in self.letters.items() if fits(query, letter)), reverse=True)
        assert sorted(await self.found(query), reverse=True) == wanted, query
        assert await self.found(And((InMailbox(self.inbox), query)), Order(SortKey.SIZE)) == await self.found(
            query, Order(SortKey.SIZE)
        )
        most = chance.randrange(1, 6)
        whole = await self.found(query)
        assert (await self.found(query, most=most))[:most] == whole[:most], query
        assert (await self.found(And((query, InMailbox(self.inbox))), most=most))[:most] == whole[:most]
        if "HasWords" not in repr(query):
            assert await self.found_in_mailbox(query) == wanted, query


async def desk_of(office: Office, name: str) -> Desk:
    account = await office.account(name)
    return Desk(office, account, await office.mail.mailboxes.inbox(account.id))


@pytest.fixture
async def desk(office: Office) -> Desk:
    await office.add("alice")
    return await desk_of(office, "alice")


async def rows_of(office: Office, account: Account) -> dict[str, int]:
    """How many rows there are of an account, and in the index of all."""
    texts = "select count(*) from search_text where account_id = $1"
    return {
        "texts": await office.database.value(account.id, texts, account.id),
        "words": await office.database.value(account.id, "select count(*) from search_word_docsize"),
    }


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_in_the_tables_the_answer_is_the_same(desk: Desk, seed: int, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(seed)
    if seed % 2:  # so that a few messages are many, and each way of looking is taken
        for name, few in (("FIRST_LOOK", 3), ("SECOND_LOOK", 6), ("MANY", 4), ("TEXT_SLICE", 2)):
            monkeypatch.setattr(email_search, name, few)
    for round in range(12):
        for _ in range(chance.randrange(6)):
            await desk.put(Letter(chance, len(desk.received)), minutes=chance.randrange(2))
        for _ in range(min(chance.randrange(3), len(desk.letters))):
            await desk.remove(chance.choice(list(desk.letters)))
        for _ in range(chance.randrange(3)):
            await desk.office.mail.indexing.step()
        if round == 8:
            await desk.office.mail.indexing.catch_up()
        for _ in range(8):
            await desk.check(any_query(chance), chance)


async def test_messages_that_came_at_other_times_than_their_order_are_in_order(desk: Desk):
    """Received says where a message stands, not its id."""
    chance = random.Random(1)
    for _ in range(5):
        await desk.put(Letter(chance, 0), minutes=1)
    desk.office.clock.advance(-3_600)
    for _ in range(400):
        await desk.put(Letter(chance, 0), minutes=chance.randrange(2))
    await desk.office.mail.indexing.catch_up()
    for text in ("a", "ga", "garden", "gardener", "e-mail", "会", "nothing"):
        query = HasWords(text, FIELDS, in_body=True)
        whole = await desk.found(query)
        for most in (1, 7, 60, 300):
            assert (await desk.found(query, most=most))[:most] == whole[:most]
            assert await desk.found(query, most=most, collapse=True) in (whole, whole[:most])


async def test_other_keys_beside_words(desk: Desk):
    chance = random.Random(2)
    for number in range(30):
        await desk.put(Letter(chance, number), minutes=1)
    archive = (await desk.office.mail.mailboxes.get(desk.account.id, ("Archive",))).id
    some = sorted(desk.letters)[::3]
    uids = sorted([await desk.uid_of(one) for one in some])
    await desk.office.mail.messages.change_flags(desk.account.id, desk.inbox, uids, FlagAction.ADD, SEEN)
    await desk.office.mail.messages.copy(desk.account.id, desk.inbox, uids, archive)
    words = HasWords("a", FIELDS, in_body=True)
    others = [HasFlags(SEEN), InOtherMailbox((desk.inbox,)), Larger(400), HasHeader("x-kind", "lett")]
    queries = [And((words, other)) for other in others] + [Or((words, other)) for other in others]
    before = [await desk.found(query) for query in queries]
    assert before[0] and before[0] == before[1]
    await desk.office.mail.indexing.catch_up()
    assert [await desk.found(query) for query in queries] == before
    for query, whole in zip(queries, before, strict=True):
        assert (await desk.found(query, most=4))[:4] == whole[:4]


async def test_what_is_gone_is_not_found_and_leaves_the_tables(desk: Desk):
    chance = random.Random(3)
    ids = [await desk.put(Letter(chance, number)) for number in range(20)]
    words = HasWords("far0", ("from",))
    await desk.office.mail.indexing.catch_up()
    assert len(await desk.found(words)) == 7
    for message_id in ids[:10]:
        await desk.remove(message_id)
    assert await desk.found(words) == [
        one for one in reversed(ids[10:]) if desk.letters[one].sender.endswith("far0.test")
    ]
    assert (await rows_of(desk.office, desk.account))["texts"] == 20
    await desk.office.mail.indexing.catch_up()
    assert (await rows_of(desk.office, desk.account))["texts"] == 10


async def test_what_went_while_nobody_could_tell_leaves_the_tables_too(desk: Desk):
    """The feed of changes is kept for some time only."""
    chance = random.Random(4)
    ids = [await desk.put(Letter(chance, number)) for number in range(20)]
    await desk.office.mail.indexing.catch_up()
    for message_id in ids[5:]:
        await desk.remove(message_id)
    async with desk.office.database.write(desk.account.id) as tx:
        await tx.run("update account set change_floor = modseq where id = $1", desk.account.id)
        await tx.run("delete from change where account_id = $1", desk.account.id)
    await desk.office.mail.indexing.catch_up()
    assert (await rows_of(desk.office, desk.account))["texts"] == 5


async def test_a_message_with_another_placement_stays(desk: Desk):
    message_id = await desk.put(Letter(random.Random(5), 0))
    await desk.office.mail.indexing.catch_up()
    uid = [await desk.uid_of(message_id)]
    await desk.office.mail.messages.copy(desk.account.id, desk.inbox, uid, desk.inbox)
    await desk.office.mail.messages.change_flags(desk.account.id, desk.inbox, uid, FlagAction.ADD, DELETED)
    await desk.office.mail.messages.expunge(desk.account.id, desk.inbox, uid)
    await desk.office.mail.indexing.catch_up()
    assert await desk.found(HasWords("far0", ("from",))) == [message_id]


async def test_nothing_of_another_account_is_found(office: Office):
    await office.add("alice", "bob")
    alice, bob = await desk_of(office, "alice"), await desk_of(office, "bob")
    chance = random.Random(6)
    for number in range(12):
        await (alice if number % 2 else bob).put(Letter(chance, number))
    await bob.put(Letter(chance, 0))
    await office.mail.indexing.catch_up()
    for desk in (alice, bob):
        assert set(await desk.found(HasWords("you", ("to",)))) == set(desk.letters)
        for _ in range(20):
            await desk.check(any_query(chance), chance)


async def test_a_removed_account_leaves_nothing(office: Office):
    await office.add("alice", "bob")
    alice, bob = await desk_of(office, "alice"), await desk_of(office, "bob")
    chance = random.Random(7)
    for number in range(20):
        await alice.put(Letter(chance, number))
    kept = await bob.put(Letter(chance, 0))
    await office.mail.indexing.catch_up()
    await office.mail.accounts.remove(address("alice"))
    await office.mail.indexing.catch_up()
    assert await rows_of(office, alice.account) == {"texts": 0, "words": 1}
    assert await office.database.all(alice.account.id, "select account_id from search_mark") == [(bob.account.id,)]
    assert await bob.found(HasWords("you", ("to",))) == [kept]


async def test_tables_of_another_version_count_for_nothing_and_are_made_anew(desk: Desk):
    chance = random.Random(8)
    ids = [await desk.put(Letter(chance, number)) for number in range(20)]
    await desk.office.mail.indexing.catch_up()
    await desk.remove(ids[0])
    async with desk.office.database.write(desk.account.id) as tx:
        await tx.run("update search_mark set version = 0")
        await tx.run("update search_text set body = $1, head = $1, fields = $2", b"wrong", b"\xff\xff\xff\xff")
        await tx.run("delete from search_word where rowid > 0")
    for steps in range(4):
        for _ in range(10):
            await desk.check(any_query(chance), chance)
        if steps == 0:
            await desk.office.mail.indexing.catch_up()
    assert await rows_of(desk.office, desk.account) == {"texts": 19, "words": 19}


@pytest.mark.parametrize("seed", range(3))
async def test_it_goes_on_after_any_end(tmp_path: Path, seed: int):
    """Cancelled anywhere, and opened again: nothing is twice, nothing is missing."""
    chance = random.Random(seed)
    letters: dict[int, Letter] = {}
    for round in range(6):
        async with open_office(tmp_path / "data") as office:
            if round == 0:
                await office.mail.directory.add_domain(DOMAIN)
                await office.add("alice")
            desk = await desk_of(office, "alice")
            desk.letters = letters
            for _ in range(20):
                await desk.put(Letter(chance, chance.randrange(9)))
            await desk.remove(chance.choice(list(letters)))
            work = asyncio.ensure_future(office.mail.indexing.catch_up())
            for _ in range(chance.randrange(60)):
                await asyncio.sleep(0)
            work.cancel()
            await asyncio.wait([work])
            for _ in range(4):
                await desk.check(any_query(chance), chance)
    async with open_office(tmp_path / "data") as office:
        desk = await desk_of(office, "alice")
        desk.letters = letters
        await office.mail.indexing.catch_up()
        kept = await rows_of(office, desk.account)
        cut = await office.database.value(desk.account.id, "select count(*) from search_text where is_cut = 1")
        assert kept == {"texts": len(letters), "words": len(letters) - cut}
        for _ in range(20):
            await desk.check(any_query(chance), chance)


async def test_the_worker_is_woken_by_what_comes(office: Office):
    await office.add("alice")
    desk = await desk_of(office, "alice")
    work = asyncio.ensure_future(office.mail.indexing.run())
    try:
        for number in range(3):
            await desk.put(Letter(random.Random(number), 0))
            for _ in range(200):
                office.clock.advance(1)
                async with office.database.write(desk.account.id):  # a turn, and a commit, after those of the worker
                    pass
                if (await rows_of(office, desk.account))["texts"] == number + 1:
                    break
            assert (await rows_of(office, desk.account))["texts"] == number + 1
    finally:
        work.cancel()
        await asyncio.wait([work])


async def test_a_content_that_is_missing_stops_nothing(desk: Desk):
    await desk.put(Letter(random.Random(9), 0))
    async with desk.office.database.write(desk.account.id) as tx:
        await tx.run("delete from content where account_id = $1", desk.account.id)
    second = await desk.put(Letter(random.Random(10), 0))
    await desk.office.mail.indexing.catch_up()
    assert await desk.found(HasWords("you", ("to",))) == [second]
    assert (await rows_of(desk.office, desk.account)) == {"texts": 2, "words": 1}
