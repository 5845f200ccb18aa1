"""Mail in: several recipients at once, each once; quotas, loops, trace fields (RFC 5321 §3.9, §4.4, §6.1 to §6.3)."""

import asyncio
import re
from pathlib import Path

import pytest

from office import DOMAIN, TEXT, Office, address, client_facts, open_office
from pillarbox.core.flow.intake import RecipientVerdict
from pillarbox.model.delivery import Action
from pillarbox.model.errors import NoMailAccepted, NotAllowed, NotFound, OverQuota, Refused, RelayDenied, TooLarge
from pillarbox.model.limits import Limits
from pillarbox.wire.memory import MemoryResolver

LARGE = TEXT + b"x" * 70 + b"\r\n" + b"".join(b"line %06d\r\n" % n for n in range(20_000))


async def queued(office: Office) -> list[list[str]]:
    return [[str(one.address) for one in message.recipients] for message in await office.mail.queue.list()]


async def test_local_and_remote_recipients_of_one_message_are_served_at_once(office: Office):
    (alice, *_) = await office.add("alice", "bob", "carol")
    accepted = await office.take("alice", "bob", "ann@far.test", "carol", "eve@other.test", account=alice)
    assert [(str(s.recipient), s.action) for s in accepted.statuses] == [
        (f"bob@{DOMAIN}", Action.DELIVERED),
        ("ann@far.test", Action.DELAYED),
        (f"carol@{DOMAIN}", Action.DELIVERED),
        ("eve@other.test", Action.DELAYED),
    ]
    assert len(await office.messages("bob")) == len(await office.messages("carol")) == 1
    assert await queued(office) == [["ann@far.test", "eve@other.test"]]
    assert await office.messages("alice") == []


async def test_a_recipient_is_counted_once_however_many_ways_lead_there(office: Office):
    (alice, *_) = await office.add("alice", "bob")
    await office.mail.directory.add_alias(address("team"), (address("bob"), address("ann@far.test")))
    ways = ("bob", "BOB", "bob+tag", "team", "team", "ann@far.test")
    accepted = await office.take("alice", *ways, account=alice)
    assert len(accepted.statuses) == len(ways)
    assert len(await office.messages("bob")) == 1
    assert await queued(office) == [["ann@far.test"]]


async def test_equal_content_for_many_is_stored_once_for_each_account(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    await office.take("ann@far.test", "alice", "bob", content=LARGE)
    blobs = await office.database.all(alice.id, "select distinct blob from blob_ref where account_id <> 0")
    assert len(blobs) == 1
    for name in ("alice", "bob"):
        assert [octets.endswith(LARGE) for octets in await office.messages(name)] == [True]
    assert (await office.account("bob")).used_octets > len(LARGE)
    assert bob.used_octets == 0


async def test_a_message_begins_with_return_path_and_one_received_field(office: Office):
    await office.add("alice")
    await office.take("ann@far.test", "alice")
    (message,) = await office.messages("alice")
    head = message.removesuffix(TEXT)
    assert re.match(rb"Return-Path: <ann@far\.test>\r\nReceived: from far\.test ", head)
    assert head.count(b"\r\nReceived:") == 1 and b"for <alice@uiowa.test>" in head
    await office.take(None, "alice")
    assert (await office.messages("alice"))[1].startswith(b"Return-Path: <>\r\n")


async def test_recipients_of_one_message_do_not_see_each_other_in_its_trace(office: Office):
    await office.add("alice", "bob")
    await office.take("ann@far.test", "alice", "bob")
    assert b"bob@" not in (await office.messages("alice"))[0]


async def test_a_message_that_was_forwarded_keeps_its_reverse_path(office: Office):
    """RFC 5321 §3.9.1: the alias changes the recipient, nothing else."""
    await office.mail.directory.add_alias(address("gone"), (address("ann@far.test"),))
    await office.take("eve@other.test", "gone")
    (message,) = await office.mail.queue.list()
    assert str(message.reverse_path) == "eve@other.test"
    assert str(message.recipients[0].original) == f"gone@{DOMAIN}"


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_strangers_send_to_people_here_only(office: Office):
    (alice,) = await office.add("alice")
    check = office.mail.intake.check_recipient
    assert await check(client_facts(), address("alice")) is RecipientVerdict.LOCAL
    with pytest.raises(RelayDenied):
        await check(client_facts(), address("ann@far.test"))
    with pytest.raises(NotFound):
        await check(client_facts(), address("nobody"))
    assert await check(client_facts(alice), address("ann@far.test")) is RecipientVerdict.REMOTE


async def test_an_alias_that_leads_away_is_open_to_strangers(office: Office):
    """RFC 5321 §3.4: the alias is this server's own word, not a relay for anybody."""
    await office.mail.directory.add_alias(address("gone"), (address("ann@far.test"),))
    verdict = await office.mail.intake.check_recipient(client_facts(), address("gone"))
    assert verdict is RecipientVerdict.FORWARD_REMOTE


async def test_people_who_sign_in_send_as_themselves(office: Office):
    (alice, _) = await office.add("alice", "bob")
    check = office.mail.intake.check_sender
    await check(client_facts(alice), address("alice"))
    await check(client_facts(alice), None)
    with pytest.raises(NotAllowed):
        await check(client_facts(alice), address("bob"))
    await check(client_facts(), address("alice"))


async def test_a_null_mx_is_told_to_the_sender_at_once(tmp_path: Path):
    resolver = MemoryResolver({"none.test": {"MX": [(0, "")]}})
    async with open_office(tmp_path, resolver=resolver) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        with pytest.raises(NoMailAccepted):
            await office.mail.intake.check_recipient(client_facts(alice), address("ann@none.test"))


# --- bounds ----------------------------------------------------------------------------------------------------------


async def test_a_message_over_the_bound_is_refused_and_leaves_nothing(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(message_octets=100_000)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice")
        with pytest.raises(TooLarge):
            await office.mail.intake.check_sender(client_facts(), address("ann@far.test"), declared_size_octets=100_001)
        with pytest.raises(TooLarge):
            await office.take("ann@far.test", "alice", content=LARGE)
        assert await office.messages("alice") == []
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


async def test_a_message_that_has_passed_too_many_hosts_is_a_loop(office: Office):
    """RFC 5321 §6.3."""
    await office.add("alice")
    hop = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    await office.take("ann@far.test", "alice", content=hop * 100 + TEXT)
    with pytest.raises(Refused):
        await office.take("ann@far.test", "alice", content=hop * 101 + TEXT)
    assert len(await office.messages("alice")) == 1


async def test_an_alias_that_comes_back_over_another_server_ends_as_a_loop(office: Office):
    await office.mail.directory.add_alias(address("gone"), (address("back@far.test"),))
    content = TEXT
    with pytest.raises(Refused):
        for _ in range(200):
            await office.take("eve@other.test", "gone", content=content)
            message = (await office.mail.queue.list())[-1]
            async with await office.mail.queue.content(message.id) as stored:
                content = await stored.read()
            await office.mail.queue.cancel(message.id)


# --- quota -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def small(tmp_path: Path):
    """Accounts of 20,000 octets."""
    async with open_office(tmp_path / "small", limits=Limits(account_octets=20_000)) as opened:
        await opened.mail.directory.add_domain(DOMAIN)
        await opened.add("alice", "bob")
        yield opened


BULKY = TEXT + b"y" * 8_000 + b"\r\n"


async def fill(office: Office, name: str) -> None:
    for _ in range(2):
        await office.take("ann@far.test", name, content=BULKY)


async def test_an_only_recipient_without_room_is_refused_with_nothing_taken(small: Office):
    await fill(small, "alice")
    used = (await small.account("alice")).used_octets
    with pytest.raises(OverQuota):
        await small.take("ann@far.test", "alice", content=BULKY)
    assert (await small.account("alice")).used_octets == used
    assert len(await small.messages("alice")) == 2
    assert await small.mail.queue.list() == []
    with pytest.raises(OverQuota):
        await small.mail.intake.check_recipient(client_facts(), address("alice"), declared_size_octets=8_000)


async def test_one_without_room_among_several_waits_in_the_queue(small: Office):
    await fill(small, "alice")
    accepted = await small.take("ann@far.test", "alice", "bob", content=BULKY)
    assert [status.action for status in accepted.statuses] == [Action.DELAYED, Action.DELIVERED]
    assert len(await small.messages("bob")) == 1
    assert await queued(small) == [[f"alice@{DOMAIN}"]]


async def test_what_waited_for_room_comes_when_there_is_some_and_once_only(small: Office):
    await fill(small, "alice")
    await small.take("ann@far.test", "alice", "bob", content=BULKY)
    alice = await small.account("alice")
    (message,) = await small.mail.queue.claim()
    (recipient,) = message.recipients
    status = await small.mail.queued_delivery.deliver(message, recipient)
    assert status.action is Action.DELAYED
    inbox = await small.mail.mailboxes.inbox(alice.id)
    await small.mail.messages.empty(alice.id, inbox)
    assert (await small.account("alice")).used_octets == 0
    for _ in range(2):  # a crash between delivery and record has it tried again
        assert (await small.mail.queued_delivery.deliver(message, recipient)).action is Action.DELIVERED
    assert len(await small.messages("alice")) == 1


async def test_all_without_room_are_refused_together(small: Office):
    await fill(small, "alice")
    await fill(small, "bob")
    with pytest.raises(OverQuota):
        await small.take("ann@far.test", "alice", "bob", content=BULKY)
    assert await small.mail.queue.list() == []


async def test_an_account_that_forwards_and_keeps_a_copy_gets_what_waited_for_room(small: Office):
    await small.mail.directory.add_alias(address("alice"), (address("alice"), address("bob")))
    alice = await small.account("alice")
    await fill(small, "alice")
    await small.mail.messages.empty(
        (await small.account("bob")).id, await small.mail.mailboxes.inbox((await small.account("bob")).id)
    )
    await small.take("ann@far.test", "alice", content=BULKY)
    (message,) = await small.mail.queue.claim()
    await small.mail.messages.empty(alice.id, await small.mail.mailboxes.inbox(alice.id))
    status = await small.mail.queued_delivery.deliver(message, message.recipients[0])
    assert status.action is Action.DELIVERED, status.diagnostic
    assert len(await small.messages("alice")) == 1
    assert len(await small.messages("bob")) == 1


async def test_fifty_messages_for_two_at_the_same_time_are_all_there(office: Office):
    await office.add("alice", "bob")
    await asyncio.gather(*(office.take("ann@far.test", "alice", "bob") for _ in range(50)))
    for name in ("alice", "bob"):
        account = await office.account(name)
        found = await office.contents(account.id, "INBOX")
        assert [uid for uid, _ in found] == list(range(1, 51))
        assert account.used_octets == sum(len(octets) for _, octets in found)
