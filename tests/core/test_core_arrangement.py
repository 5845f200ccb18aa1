"""Messages in an order and in conversations, from what the store has of them (RFC 5256)."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from office import Office
from pillarbox.core.contents.spool import INLINE_OCTETS
from pillarbox.core.finding.arrangement import PAGE, REFERENCES_MOST
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.message.part import pack, unpack
from pillarbox.model.account import Account
from pillarbox.model.arrangement import Criterion, Forest, SortBy, Threading
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import FlagSet

WIDE = b"X-Long: " + b"x" * 70 + b"\r\n"


@pytest.fixture
async def alice(office: Office) -> Account:
    return (await office.add("alice"))[0]


async def put(office: Office, account: Account, octets: bytes, *, head: bytes = b"") -> int:
    """In INBOX: the UID."""
    mailbox_id = await office.mail.mailboxes.inbox(account.id)
    spool = office.mail.spools.begin(len(octets))
    for start in range(0, len(octets), 100_000):
        if not spool.write(octets[start : start + 100_000]):
            await spool.drain()
    office.clock.advance(timedelta(seconds=1).total_seconds())
    with await spool.finish() as content:
        placed = await office.mail.messages.append(
            account.id, mailbox_id, content, flags=FlagSet(), received=office.clock.now(), head=head
        )
    return placed.uid


async def threads(office: Office, account: Account, uids: list[int]) -> Forest:
    mailbox_id = await office.mail.mailboxes.inbox(account.id)
    return await office.mail.arrangements.thread(account.id, mailbox_id, uids, Threading.REFERENCES)


def shape(forest: Forest) -> list[tuple[int, list[int]]]:
    """(root, its children), by their numbers."""
    return [(forest.numbers[root], [forest.numbers[node] for node in forest.children[root]]) for root in forest.roots]


async def test_references_are_found_in_long_headers_and_large_contents(office: Office, alice: Account):
    await put(office, alice, b"Message-ID: <a@x>\r\nSubject: a\r\n\r\n")
    long = WIDE * 250
    await put(office, alice, long + b"Message-ID: <b@x>\r\nReferences: <a@x>\r\nSubject: b\r\n\r\nhi")
    large = b"Message-ID: <c@x>\r\nReferences: <a@x>\r\nSubject: c\r\n\r\n" + b"x" * (INLINE_OCTETS + 5)
    await put(office, alice, large)
    both = long + b"Message-ID: <d@x>\r\nReferences: <a@x>\r\nSubject: d\r\n\r\n" + b"x" * (INLINE_OCTETS + 5)
    await put(office, alice, both)
    await put(office, alice, b"Message-ID: <e@x>\r\nReferences: <a@x>\r\nSubject: e\r\n\r\n", head=b"Received: x\r\n")
    await put(office, alice, b"Subject: none\r\n\r\nReferences: <a@x>\r\n")
    assert shape(await threads(office, alice, [1, 2, 3, 4, 5, 6])) == [(1, [2, 3, 4, 5]), (6, [])]


async def test_of_a_list_of_references_that_is_too_long_the_newest_count(office: Office, alice: Account):
    await put(office, alice, b"Message-ID: <a@x>\r\nSubject: a\r\n\r\n")
    many = b"".join(b" <r%d@x>\r\n" % n for n in range(REFERENCES_MOST))
    await put(office, alice, b"Message-ID: <b@x>\r\nReferences: <a@x>\r\n" + many + b"Subject: b\r\n\r\n")
    await put(office, alice, b"Message-ID: <c@x>\r\nReferences:\r\n" + many + b" <a@x>\r\nSubject: c\r\n\r\n")
    assert shape(await threads(office, alice, [1, 2])) == [(1, []), (2, [])]
    assert shape(await threads(office, alice, [1, 3])) == [(1, [3])]


async def test_only_those_asked_for_and_still_there_are_arranged(office: Office, alice: Account):
    for number in range(1, 31):
        await put(office, alice, b"Message-ID: <%d@x>\r\nReferences: <1@x>\r\nSubject: s%d\r\n\r\n" % (number, number))
    mailbox_id = await office.mail.mailboxes.inbox(alice.id)
    await office.mail.messages.move(alice.id, mailbox_id, [3], MailboxId(await other_mailbox(office, alice)))
    assert shape(await threads(office, alice, [1, 2, 3, 5, 29])) == [(1, [2, 5, 29])]
    orders = (SortBy(Criterion.ARRIVAL, is_reverse=True),)
    found = await office.mail.arrangements.sort(alice.id, mailbox_id, [1, 2, 3, 5, 29], orders)
    assert found == [29, 5, 2, 1]
    rows = [row async for page in office.mail.whereabouts.ids(alice.id, mailbox_id, [1, 2, 3, 5]) for row in page]
    assert [uid for uid, _ in rows] == [1, 2, 5]
    assert await office.mail.arrangements.sort(alice.id, mailbox_id, [], orders) == []


async def other_mailbox(office: Office, account: Account) -> int:
    return (await office.mail.mailboxes.get(account.id, ("Archive",))).id


async def test_of_a_criterion_that_comes_twice_the_first_counts(office: Office, alice: Account):
    for size in (30, 10, 20):
        await put(office, alice, b"Subject: x\r\n\r\n" + b"y" * size)
    mailbox_id = await office.mail.mailboxes.inbox(alice.id)
    twice = (SortBy(Criterion.SIZE), SortBy(Criterion.SIZE, is_reverse=True), SortBy(Criterion.DATE))
    assert await office.mail.arrangements.sort(alice.id, mailbox_id, [1, 2, 3], twice) == [2, 3, 1]


async def test_a_message_and_a_thread_are_found_where_they_stand(office: Office, alice: Account):
    await put(office, alice, b"Message-ID: <a@x>\r\nSubject: a\r\n\r\n")
    await put(office, alice, b"Message-ID: <b@x>\r\nReferences: <a@x>\r\nSubject: Re: a\r\n\r\n")
    inbox, archive = await office.mail.mailboxes.inbox(alice.id), MailboxId(await other_mailbox(office, alice))
    await office.mail.messages.copy(alice.id, inbox, [1, 1, 2], archive)
    where = office.mail.whereabouts
    rows = [row async for page in where.ids(alice.id, inbox, [1, 2]) for row in page]
    (message, thread), (other, same) = rows[0][1], rows[1][1]
    assert thread == same and message != other
    assert await where.uids_of_messages(alice.id, inbox, [message, other, other]) == {message: [1], other: [2]}
    in_archive = await where.uids_in_threads(alice.id, archive, [thread])
    assert sorted(in_archive) == [thread] and len(in_archive[thread]) >= 2
    assert await where.uids_in_threads(alice.id, inbox, []) == {}


async def test_a_message_that_went_meanwhile_draws_no_neighbour_in(office: Office, alice: Account):
    for _ in range(5):
        await put(office, alice, b"Subject: x\r\n\r\n")
    inbox = await office.mail.mailboxes.inbox(alice.id)
    await office.mail.messages.move(alice.id, inbox, [3], MailboxId(await other_mailbox(office, alice)))
    outcome = await office.mail.messages.change_flags(
        alice.id, inbox, [1, 2, 3, 5], FlagAction.ADD, FlagSet.of("\\Deleted")
    )
    assert [uid for uid, _, _ in outcome.changed] == [1, 2, 5]
    lines = [row async for page in office.mail.messages.lines(alice.id, inbox, [1, 2, 3, 5]) for row in page]
    assert [uid for uid, _ in lines] == [1, 2, 5]


async def forget_references(office: Office, account: Account) -> None:
    """As rows were before References was kept."""
    async with office.database.write(account.id) as tx:
        for message_id, packed in await tx.all(
            "select message_id, parts from message_line where account_id = $1", account.id
        ):
            await tx.run(
                "update message_line set parts = $3 where account_id = $1 and message_id = $2",
                account.id,
                message_id,
                pack(msgspec.structs.replace(unpack(packed), references=None)),
            )


async def test_of_messages_that_came_before_references_were_kept_the_header_is_read(office: Office, alice: Account):
    await put(office, alice, b"Message-ID: <a@x>\r\nSubject: a\r\n\r\n")
    await put(office, alice, b"Message-ID: <b@x>\r\nReferences: <a@x>\r\nSubject: b\r\n\r\nhi", head=b"Received: x\r\n")
    large = b"Message-ID: <c@x>\r\nReferences: <a@x>\r\nSubject: c\r\n\r\n" + b"x" * (INLINE_OCTETS + 5)
    await put(office, alice, large)
    await put(office, alice, b"Subject: none\r\n\r\nReferences: <a@x>\r\n")
    await forget_references(office, alice)
    assert shape(await threads(office, alice, [1, 2, 3, 4])) == [(1, [2, 3]), (4, [])]


@pytest.mark.parametrize("threading", list(Threading))
async def test_nobody_waits_longer_than_a_page_takes(office: Office, alice: Account, threading: Threading):
    """Counted, not timed: others get a turn for each page that is read, and for each piece of what follows."""
    for number in range(1, 402):
        await put(office, alice, b"Message-ID: <%d@x>\r\nReferences: <1@x>\r\nSubject: s%d\r\n\r\n" % (number, number))
    inbox = await office.mail.mailboxes.inbox(alice.id)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    uids = list(range(1, 402))
    async with asyncio.TaskGroup() as group:
        other = group.create_task(count())
        await office.mail.arrangements.thread(alice.id, inbox, uids, threading)
        by_thread, turns = turns, 0
        await office.mail.arrangements.sort(alice.id, inbox, uids, (SortBy(Criterion.SUBJECT),))
        other.cancel()
    assert by_thread >= 400 / PAGE + 2
    assert turns >= 400 / PAGE
