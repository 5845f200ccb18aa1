"""Results that are kept and brought up to date are what is found anew (RFC 8621 §4.4)."""

import random
from pathlib import Path

import pytest
from emails_put import SEEN, WORK, found, put

from office import Office
from pillarbox.core.finding import email_query, pieces
from pillarbox.core.finding.email_query import EmailQueries
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.account import Account
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import (
    All,
    And,
    HasFlags,
    HasHeader,
    HasText,
    InMailbox,
    InOtherMailbox,
    Not,
    Order,
    Query,
    SortKey,
    ThreadHasFlags,
)
from pillarbox.store.blobs_files import FileBlobs


@pytest.fixture
async def alice(office: Office) -> Account:
    (account,) = await office.add("alice")
    return account


async def test_a_result_is_kept_while_nothing_moves(office: Office, alice: Account):
    queries = office.mail.email_queries
    one = await put(office, alice, "Subject: b")
    first = await queries.find(alice.id, All(), (Order(SortKey.SUBJECT),))
    assert (await queries.find(alice.id, All(), (Order(SortKey.SUBJECT),))).ids is first.ids
    assert (await queries.find(alice.id, All(), (Order(SortKey.SUBJECT, False),))).ids is not first.ids
    (bob,) = await office.add("bob")
    assert list((await queries.find(bob.id, All(), (Order(SortKey.SUBJECT),))).ids) == []
    two = await put(office, alice, "Subject: a")
    assert await found(office, alice, All(), Order(SortKey.SUBJECT)) == [two, one]
    inbox = await office.mail.mailboxes.inbox(alice.id)
    await office.mail.messages.change_flags(alice.id, inbox, [1], FlagAction.SET, SEEN)
    assert list((await queries.find(alice.id, HasFlags(SEEN))).ids) == [one]
    await office.mail.messages.change_flags(alice.id, inbox, [1], FlagAction.SET, FlagSet())
    assert list((await queries.find(alice.id, HasFlags(SEEN))).ids) == []


async def something_happens(office: Office, account: Account, chance: random.Random) -> None:
    """A message comes, goes, moves, is copied, or its flags change."""
    mail = office.mail
    inbox = await mail.mailboxes.inbox(account.id)
    archive = (await mail.mailboxes.get(account.id, ("Archive",))).id
    uids = await office.uids(account.id, inbox)
    uid = [chance.choice(uids)] if uids else []
    match chance.randrange(7) if uids else 0:
        case 0 | 1:
            thread = f"Message-ID: <{chance.getrandbits(40)}@x>\r\nReferences: <{chance.randrange(6)}@x>"
            head = f"From: person {chance.randrange(5)} <a@x>\r\nSubject: a\r\n{thread}"
            await put(office, account, head, "x" * chance.randrange(9), flags=chance.choice([FlagSet(), SEEN, WORK]))
        case 2:
            await mail.messages.move(account.id, inbox, uid, archive)
        case 3:
            await mail.messages.copy(account.id, inbox, uid, chance.choice([inbox, archive]))
        case 4:
            await mail.messages.change_flags(account.id, inbox, uid, FlagAction.ADD, FlagSet.of("\\Deleted"))
        case 5:
            await mail.messages.expunge(account.id, inbox, None)
        case 6:
            await mail.messages.change_flags(account.id, inbox, uid, FlagAction.SET, chance.choice([SEEN, WORK]))


@pytest.mark.parametrize("one_by_one", [0, 8])
async def test_a_kept_result_is_brought_up_to_what_is_found_anew(
    office: Office, alice: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: int
):
    blobs = FileBlobs(tmp_path / "none")  # all contents are small
    monkeypatch.setattr(email_query, "TAKEN_OUT_ONE_BY_ONE", one_by_one)
    monkeypatch.setattr(pieces, "PIECE", 4)
    monkeypatch.setattr(pieces, "SAMPLES", 2)
    chance = random.Random(11)
    inbox = await office.mail.mailboxes.inbox(alice.id)
    kept = office.mail.email_queries
    cases: list[tuple[Query, tuple[Order, ...]]] = [
        (InMailbox(inbox), ()),
        (All(), (Order(SortKey.RECEIVED),)),
        (And((InMailbox(inbox), Not(HasFlags(SEEN)))), ()),
        (InMailbox(inbox), (Order(SortKey.FROM), Order(SortKey.SIZE, False))),
        (All(), (Order(SortKey.HAS_FLAGS, False, WORK), Order(SortKey.SUBJECT))),
        (And((InMailbox(inbox), ThreadHasFlags(WORK))), (Order(SortKey.SIZE),)),
        (InOtherMailbox((inbox,)), (Order(SortKey.THREAD_ALL_HAVE_FLAGS, True, SEEN),)),
        (HasHeader("from", "person 1"), ()),
        (HasText("x"), (Order(SortKey.SIZE),)),
    ]
    for _ in range(30):
        await something_happens(office, alice, chance)
    for _ in range(60):
        for _ in range(chance.choice([0, 1, 1, 2, 5])):
            await something_happens(office, alice, chance)
        for query, orders in cases:
            for collapse in (False, True):
                new = await EmailQueries(office.database, blobs).find(alice.id, query, orders, collapse=collapse)
                told = await kept.find(alice.id, query, orders, collapse=collapse)
                assert (list(told.ids), told.state) == (list(new.ids), new.state), (query, orders, collapse)


async def test_after_too_much_has_changed_all_is_found_anew(
    office: Office, alice: Account, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(email_query, "TOUCHED_MOST", 2)
    one = await put(office, alice, "Subject: a")
    assert await found(office, alice, All()) == [one]
    more = [await put(office, alice, "Subject: a") for _ in range(3)]
    assert await found(office, alice, All()) == [*reversed(more), one]
    another = await put(office, alice, "Subject: a")
    assert await found(office, alice, All()) == [another, *reversed(more), one]


async def test_what_is_told_stays_as_it_was_told(office: Office, alice: Account):
    one = await put(office, alice, "Subject: a")
    told = await office.mail.email_queries.find(alice.id, All())
    two = await put(office, alice, "Subject: b")
    assert await found(office, alice, All()) == [two, one]
    assert list(told.ids) == [one]
