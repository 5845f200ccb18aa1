"""Which conversation a message belongs to (RFC 8621 §3)."""

import pytest

from office import Office
from pillarbox.core.contents.spool import Content
from pillarbox.core.email.threads import IDS_MOST, keys_of
from pillarbox.grammar.message.structure import scan
from pillarbox.model.account import Account
from pillarbox.model.ids import MessageId, ThreadId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits


def text(name: str = "", subject: str = "Plans", *, to: str = "", references: str = "") -> bytes:
    lines = [f"Subject: {subject}"]
    if name:
        lines.append(f"Message-ID: <{name}@far.test>")
    if to:
        lines.append(f"In-Reply-To: <{to}@far.test>")
    if references:
        lines.append("References: " + "\r\n ".join(f"<{n}@far.test>" for n in references.split()))
    return "\r\n".join([*lines, "", "Good morning.", ""]).encode()


@pytest.fixture
async def alice(office: Office) -> Account:
    (account,) = await office.add("alice")
    return account


async def put(office: Office, account: Account, octets: bytes, *path: str) -> MessageId:
    mailbox = await office.mail.mailboxes.get(account.id, path or ("INBOX",))
    placed = await office.mail.messages.append(
        account.id, mailbox.id, Content.of(octets), flags=FlagSet(), received=office.clock.now()
    )
    return placed.message_id


async def thread_of(office: Office, account: Account, message_id: MessageId) -> int:
    facts, _ = await office.mail.emails.facts(account.id, [message_id])
    return facts[message_id].thread_id


async def test_a_reply_joins_by_either_field_and_by_a_sibling(office: Office, alice: Account):
    first = await put(office, alice, text("1"))
    assert await thread_of(office, alice, first) == first
    for octets in (
        text("2", "Re: Plans", to="1"),
        text("3", "Fwd: plans", references="0 1"),
        text("4", "Re: Plans", references="2 9"),
        text("5", "PLANS", to="9"),
    ):
        assert await thread_of(office, alice, await put(office, alice, octets, "Archive")) == first
    threads, _ = await office.mail.emails.threads(alice.id, [first])
    assert len(threads[first]) == 5


async def test_another_subject_is_another_thread(office: Office, alice: Account):
    first = await put(office, alice, text("1"))
    other = await put(office, alice, text("2", "Something else", to="1"))
    assert await thread_of(office, alice, other) == other
    assert await thread_of(office, alice, await put(office, alice, text("3", "Re: something else", to="2"))) == other
    assert await thread_of(office, alice, first) == first


async def test_a_message_that_answers_two_threads_joins_the_older_and_merges_none(office: Office, alice: Account):
    first = await put(office, alice, text("1"))
    second = await put(office, alice, text("2"))
    both = await put(office, alice, text("3", "Re: Plans", references="1 2"))
    assert await thread_of(office, alice, both) == first
    assert await thread_of(office, alice, second) == second
    assert await thread_of(office, alice, await put(office, alice, text("4", "Re: Plans", to="2"))) == second


async def test_messages_without_identifiers_stay_alone(office: Office, alice: Account):
    assert await put(office, alice, text()) != await put(office, alice, text())
    ids = [await put(office, alice, text()) for _ in range(3)]
    assert [await thread_of(office, alice, one) for one in ids] == ids


async def test_the_same_message_twice_is_one_thread(office: Office, alice: Account):
    first = await put(office, alice, text("1"))
    assert await thread_of(office, alice, await put(office, alice, text("1"))) == first


async def test_threads_of_other_accounts_are_their_own(office: Office, alice: Account):
    (bob,) = await office.add("bob")
    for _ in range(5):
        await put(office, alice, text("1"))
    mine = [await put(office, bob, text("2", "Re: Plans", to="1")) for _ in range(3)]
    assert [await thread_of(office, bob, one) for one in mine] == [mine[0]] * 3
    threads, _ = await office.mail.emails.threads(bob.id, [ThreadId(mine[0])])
    assert threads == {mine[0]: mine}


async def test_a_thread_that_is_over_is_not_taken_up_again(office: Office, alice: Account):
    first = await put(office, alice, text("1"))
    inbox = await office.mail.mailboxes.inbox(alice.id)
    await office.mail.messages.empty(alice.id, inbox)
    late = await put(office, alice, text("2", "Re: Plans", to="1"))
    assert await thread_of(office, alice, late) == late != first
    assert await thread_of(office, alice, await put(office, alice, text("3", "Re: Plans", to="1"))) == late


def test_keys_are_bounded_and_the_newest_count():
    many = text("0", references=" ".join(map(str, range(1, 500))))
    keys = keys_of(scan(many, limits=Limits()))
    assert len(keys) == IDS_MOST
    last = text("499")
    assert set(keys_of(scan(last, limits=Limits()))) <= set(keys)
    assert all(-(2**63) <= key < 2**63 for key in keys)
