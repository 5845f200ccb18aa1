"""Which messages fit, and in which order (RFC 8621 §4.4), against a plain look at all of them."""

import random

import pytest

from office import Office
from pillarbox.core.contents.spool import Content
from pillarbox.core.email.email_changes import StateTooOld
from pillarbox.core.feed.states import Kind
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.account import Account
from pillarbox.model.ids import MailboxId
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

SEEN, WORK = FlagSet.of("\\Seen"), FlagSet.of("work")


@pytest.fixture
async def alice(office: Office) -> Account:
    (account,) = await office.add("alice")
    return account


async def put(office: Office, account: Account, head: str, body: str = "hi", *, path: str = "INBOX", flags=FlagSet()):
    mailbox = await office.mail.mailboxes.get(account.id, (path,))
    octets = (head + "\r\n\r\n" + body + "\r\n").encode()
    office.clock.advance(1)
    placed = await office.mail.messages.append(
        account.id, mailbox.id, Content.of(octets), flags=flags, received=office.clock.now()
    )
    return placed.message_id


async def found(office: Office, account: Account, query: Query, *orders: Order, collapse: bool = False) -> list[int]:
    return list((await office.mail.email_queries.find(account.id, query, orders, collapse=collapse)).ids)


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
