"""Which messages fit, and in which order (RFC 8621 §4.4), against a plain look at all of them."""

import random
from datetime import datetime
from typing import NamedTuple

import pytest
from emails_put import SEEN, WORK, found, put

from office import Office
from pillarbox.core.feed.states import Kind, StateTooOld
from pillarbox.core.finding import email_search, hot_rows, pieces
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.account import Account
from pillarbox.model.ids import MailboxId, MessageId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import (
    All,
    And,
    HasAttachment,
    HasFlags,
    HasHeader,
    HasText,
    InMailbox,
    InOtherMailbox,
    Larger,
    Not,
    Or,
    Order,
    Query,
    ReceivedAt,
    Smaller,
    SortKey,
    ThreadHasFlags,
)


@pytest.fixture
async def alice(office: Office) -> Account:
    (account,) = await office.add("alice")
    return account


async def test_each_condition(office: Office, alice: Account):
    inbox = await office.mail.mailboxes.inbox(alice.id)
    archive = (await office.mail.mailboxes.get(alice.id, ("Archive",))).id
    one = await put(office, alice, "From: Ann <ann@far.test>\r\nSubject: Plans\r\nX-Thing: yes", "about the garden")
    two = await put(
        office,
        alice,
        "From: bob@far.test\r\nTo: Cy <cy@far.test>\r\nSubject: Grüße",
        "x" * 500,
        path="Archive",
        flags=SEEN,
    )
    three = await put(
        office, alice,
        'Subject: file\r\nContent-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment', flags=WORK,
    )  # fmt: skip
    moment = office.clock.now()
    table: list[tuple[Query, list[int]]] = [
        (All(), [three, two, one]),
        (InMailbox(inbox), [three, one]),
        (Not(InMailbox(inbox)), [two]),
        (InOtherMailbox((archive,)), [three, one]),
        (HasFlags(SEEN), [two]),
        (And((InMailbox(inbox), HasFlags(WORK))), [three]),
        (And((InMailbox(inbox), InMailbox(archive))), []),
        (Or((HasFlags(SEEN), HasFlags(WORK))), [three, two]),
        (Larger(400), [two]),
        (Smaller(400), [three, one]),
        (ReceivedAt(since=moment), [three]),
        (ReceivedAt(before=moment), [two, one]),
        (HasAttachment(), [three]),
        (HasHeader("subject", "grü"), [two]),
        (HasHeader("From", "ANN"), [one]),
        (HasHeader("x-thing", ""), [one]),
        (HasText("garden"), [one]),
        (HasText("garden", body_only=True), [one]),
        (HasText("cy@far"), [two]),
        (Not(HasText("garden")), [three, two]),
        (InMailbox(MailboxId(999_999)), []),
    ]
    for query, expected in table:
        assert await found(office, alice, query) == expected, query


async def test_orders(office: Office, alice: Account):
    one = await put(office, alice, "From: Zoe <a@x>\r\nSubject: Re: b\r\nDate: Tue, 3 Nov 2026 10:00:00 +0000", "xx")
    two = await put(office, alice, "From: b@x\r\nSubject: a\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000", "x", flags=WORK)
    three = await put(office, alice, "From: Ann <z@x>\r\nSubject: C\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000", "xxxxx")
    for order, expected in [
        (Order(SortKey.RECEIVED), [one, two, three]),
        (Order(SortKey.SENT), [three, two, one]),
        (Order(SortKey.SUBJECT), [two, one, three]),
        (Order(SortKey.FROM), [three, two, one]),
        (Order(SortKey.HAS_FLAGS, False, WORK), [two, three, one]),
        (Order(SortKey.THREAD_SOME_HAVE_FLAGS, False, WORK), [two, three, one]),
    ]:
        assert await found(office, alice, All(), order) == expected, order
    assert await found(office, alice, All(), Order(SortKey.HAS_FLAGS, False, WORK), Order(SortKey.SUBJECT)) == [
        two, one, three,
    ]  # fmt: skip


async def test_threads_collapse_to_their_first_and_are_asked_as_a_whole(office: Office, alice: Account):
    first = await put(office, alice, "Message-ID: <1@x>\r\nSubject: a", flags=SEEN)
    other = await put(office, alice, "Message-ID: <2@x>\r\nSubject: b")
    reply = await put(office, alice, "Message-ID: <3@x>\r\nIn-Reply-To: <1@x>\r\nSubject: Re: a", path="Archive")
    inbox = await office.mail.mailboxes.inbox(alice.id)
    assert await found(office, alice, All(), collapse=True) == [reply, other]
    assert await found(office, alice, All(), Order(SortKey.RECEIVED), collapse=True) == [first, other]
    assert await found(office, alice, ThreadHasFlags(SEEN)) == [reply, first]
    assert await found(office, alice, ThreadHasFlags(SEEN, every=True)) == []
    assert await found(office, alice, And((InMailbox(inbox), ThreadHasFlags(SEEN)))) == [first]
    assert await found(office, alice, And((InMailbox(inbox), Not(ThreadHasFlags(SEEN))))) == [other]


async def test_what_is_deleted_or_twice_in_a_mailbox(office: Office, alice: Account):
    inbox = await office.mail.mailboxes.inbox(alice.id)
    one, two = await put(office, alice, "Subject: 1"), await put(office, alice, "Subject: 2")
    await office.mail.messages.copy(alice.id, inbox, [1], inbox)
    await office.mail.messages.change_flags(alice.id, inbox, [2], FlagAction.ADD, FlagSet.of("\\Deleted"))
    assert await found(office, alice, InMailbox(inbox)) == [one]
    assert await found(office, alice, All()) == [one]
    assert two not in await found(office, alice, Not(HasFlags(SEEN)))


async def test_what_moved_follows_from_what_was_touched(office: Office, alice: Account):
    """RFC 8620 §5.6: drop what was touched from the old result, put in what is found now: that is the new result."""
    chance = random.Random(7)
    inbox = await office.mail.mailboxes.inbox(alice.id)
    queries = office.mail.email_queries
    flags = [FlagSet(), SEEN, WORK]
    for number in range(12):
        head = f"Message-ID: <{number}@x>\r\nIn-Reply-To: <{chance.randrange(number + 1)}@x>\r\nSubject: a"
        await put(office, alice, head, flags=chance.choice(flags))
    plain, by_thread = HasFlags(WORK), And((InMailbox(inbox), ThreadHasFlags(SEEN)))
    for _ in range(40):
        query, whole = chance.choice([(plain, False), (by_thread, True)])
        collapse = chance.random() < 0.5
        before = await queries.find(alice.id, query, collapse=collapse)
        for _ in range(chance.randrange(3)):
            uid = chance.choice(await office.uids(alice.id, inbox))
            match chance.randrange(3):
                case 0:
                    await office.mail.messages.change_flags(
                        alice.id, inbox, [uid], FlagAction.SET, chance.choice(flags)
                    )
                case 1:
                    await put(office, alice, f"Message-ID: <n{uid}@x>\r\nIn-Reply-To: <{uid}@x>\r\nSubject: a")
                case 2:
                    await office.mail.messages.copy(alice.id, inbox, [uid], inbox)
        touched = await queries.touched(alice.id, before.state, whole_threads=whole or collapse)
        now = await queries.find(alice.id, query, collapse=collapse)
        stayed = [one for one in before.ids if one not in touched]
        assert stayed == [one for one in now.ids if one not in touched]
        assert now.state == await office.mail.states.get(alice.id, Kind.EMAIL)
    with pytest.raises(StateTooOld):
        await queries.touched(alice.id, now.state + 1, whole_threads=False)


class Known(NamedTuple):
    """What a plain look at a message needs."""

    id: int
    thread: int
    flags: FlagSet
    received: datetime
    size: int
    subject: str
    sender: str
    has_file: bool


def plainly_fits(query: Query, one: Known) -> bool:
    match query:
        case And(terms=terms):
            return all(plainly_fits(term, one) for term in terms)
        case Or(terms=terms):
            return any(plainly_fits(term, one) for term in terms)
        case Not(term=term):
            return not plainly_fits(term, one)
        case HasFlags(flags=flags):
            return set(flags.names()) <= set(one.flags.names())
        case Larger(octets=octets):
            return one.size > octets
        case Smaller(octets=octets):
            return one.size < octets
        case ReceivedAt(since=since, before=before):
            return (since is None or one.received >= since) and (before is None or one.received < before)
        case HasHeader(text=text):
            return text in one.subject
        case HasAttachment():
            return one.has_file
    return True


def plainly_ordered(found: list[Known], orders: tuple[Order, ...]) -> list[Known]:
    found = sorted(found, key=lambda one: (one.received, one.id), reverse=True)
    for order in reversed(orders):
        keys = {
            SortKey.RECEIVED: lambda one: one.received,
            SortKey.SIZE: lambda one: one.size,
            SortKey.SUBJECT: lambda one: one.subject,
            SortKey.FROM: lambda one: one.sender,
            SortKey.HAS_FLAGS: lambda one, flags=order.flags: plainly_fits(HasFlags(flags), one),
        }
        found = sorted(found, key=keys[order.key], reverse=not order.is_ascending)
    return found


async def some_mail(office: Office, account: Account, chance: random.Random) -> list[Known]:
    """A message stands in each of two mailboxes, some twice in one."""
    mail, made = office.mail, []
    inbox = await mail.mailboxes.inbox(account.id)
    for number in range(60):
        subject, sender = f"subject {chance.randrange(9)}", f"person {chance.randrange(5)}"
        has_file = chance.random() < 0.2
        kind = '\r\nContent-Type: application/pdf; name="a"\r\nContent-Disposition: attachment' if has_file else ""
        flags = chance.choice([FlagSet(), SEEN, WORK, SEEN | WORK])
        thread = f"\r\nMessage-ID: <{number}@x>\r\nIn-Reply-To: <{chance.randrange(number + 1)}@x>"
        head = f"From: {sender} <a@x>\r\nSubject: {subject}{thread}{kind}"
        await put(office, account, head, "x" * chance.randrange(200), flags=flags)
        if chance.random() < 0.2:
            await mail.messages.copy(account.id, inbox, [number + 1], inbox)
    ids = await found(office, account, InMailbox(inbox))
    facts, _ = await mail.emails.facts(account.id, [MessageId(one) for one in ids])
    for one in facts.values():
        async with await mail.emails.content(account.id, one.id) as content:
            text = (await content.read()).decode()
        made.append(
            Known(
                one.id,
                one.thread_id,
                one.flags,
                one.received,
                one.size_octets,
                text.partition("Subject: ")[2].partition("\r\n")[0],
                text.partition("From: ")[2].partition(" <")[0],
                "attachment" in text,
            )
        )
    return made


@pytest.mark.parametrize("near", [0, 20, 5_000])
async def test_any_filter_and_order_find_what_a_plain_look_finds(
    office: Office, alice: Account, monkeypatch: pytest.MonkeyPatch, near: int
):
    for module, name, value in (
        (email_search, "NEAR", near), (email_search, "SLICE", 7), (email_search, "KEYS_AT_ONCE", 3), (pieces, "PIECE", 8),
        (hot_rows, "PIECE", 5), (pieces, "SAMPLES", 2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    chance = random.Random(near)
    known = await some_mail(office, alice, chance)
    moments = sorted(one.received for one in known)
    inbox = await office.mail.mailboxes.inbox(alice.id)

    def term(depth: int = 2) -> Query:
        kinds = [
            HasFlags(chance.choice([SEEN, WORK])), Larger(chance.randrange(150, 350)), HasAttachment(), All(),
            Smaller(chance.randrange(150, 350)), ReceivedAt(chance.choice(moments), None),
            ReceivedAt(None, chance.choice(moments)), HasHeader("subject", str(chance.randrange(9))),
        ]  # fmt: skip
        if depth and chance.random() < 0.4:
            terms = (term(depth - 1), term(depth - 1))
            return chance.choice([And(terms), Or(terms), Not(terms[0])])
        return chance.choice(kinds)

    keys = [SortKey.RECEIVED, SortKey.SIZE, SortKey.SUBJECT, SortKey.FROM, SortKey.HAS_FLAGS]
    for _ in range(150):
        query = term()
        if chance.random() < 0.7:
            query = And((InMailbox(inbox), *(query.terms if isinstance(query, And) else (query,))))
        orders = tuple(
            Order(key, chance.random() < 0.5, WORK) for key in chance.sample(keys, chance.choice([0, 0, 1, 2, 3]))
        )
        collapse, most = chance.random() < 0.3, chance.choice([None, 1, 5, 30])
        expected = plainly_ordered([one for one in known if plainly_fits(query, one)], orders)
        if collapse:
            expected = list({one.thread: one for one in reversed(expected)}.values())
            expected = plainly_ordered(expected, orders)
        ids = [one.id for one in expected]
        told = await office.mail.email_queries.find(alice.id, query, orders, collapse=collapse, most=most)
        if told.is_whole:
            assert list(told.ids) == ids, (query, orders, collapse)
        else:
            assert most is not None and list(told.ids) == ids[:most], (query, orders, collapse)


async def test_near_the_top_no_more_is_looked_at_than_it_takes(office: Office, alice: Account):
    inbox = await office.mail.mailboxes.inbox(alice.id)
    ids = [await put(office, alice, "Subject: a", flags=SEEN if number % 2 else FlagSet()) for number in range(8)]
    told = await office.mail.email_queries.find(alice.id, And((InMailbox(inbox), HasFlags(SEEN))), most=2)
    assert (list(told.ids), told.is_whole) == ([ids[7], ids[5]], False)
    told = await office.mail.email_queries.find(alice.id, And((InMailbox(inbox), HasFlags(SEEN))), most=5)
    assert (list(told.ids), told.is_whole) == ([ids[7], ids[5], ids[3], ids[1]], True)
