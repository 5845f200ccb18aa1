"""The queue: every row of the table of states in `core.flow.queue` (RFC 5321 §4.5.4.1, §6.1)."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from queue_words import claim_one, delayed, failed, held_contents, names, relayed, states

from office import DOMAIN, TEXT, Office, open_office
from pillarbox.core.flow.queue_put import QueueSettings
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.passport import Step
from pillarbox.model.queued import RecipientState
from pillarbox.wire.memory import SettableClock

LEASE = QueueSettings().lease_seconds


# --- put and claim ---------------------------------------------------------------------------------------------------


async def test_put_makes_recipients_waiting_and_wakes_the_worker_after_commit(office: Office):
    (alice,) = await office.add("alice")
    woken: list[int] = []
    office.mail.queue.wake = lambda: woken.append(1)
    await office.take("alice", "ann@far.test", account=alice)
    assert woken == [1]
    assert await states(office) == {"ann@far.test": RecipientState.WAITING}
    assert await office.mail.queue.next_due() == office.clock.now()


async def test_what_is_claimed_is_not_claimed_again_before_its_lease_ends(sent: Office):
    assert names(await claim_one(sent)) == ["ann@far.test", "eve@other.test"]
    assert set((await states(sent)).values()) == {RecipientState.SENDING}
    assert await sent.mail.queue.claim() == []
    sent.clock.advance(LEASE - 1)
    assert await sent.mail.queue.claim() == []
    sent.clock.advance(1)
    assert names(await claim_one(sent)) == ["ann@far.test", "eve@other.test"]


async def test_claim_takes_at_most_so_many_recipients_the_longest_due_first(office: Office):
    (alice,) = await office.add("alice")
    for name in ("one", "two", "three"):
        await office.take("alice", f"{name}@far.test", account=alice)
        office.clock.advance(1)
    assert [names(message) for message in await office.mail.queue.claim(2)] == [["one@far.test"], ["two@far.test"]]
    assert [names(message) for message in await office.mail.queue.claim(2)] == [["three@far.test"]]


async def test_content_of_a_queued_message_is_its_head_and_all_its_octets(sent: Office):
    (message,) = await sent.mail.queue.list()
    async with await sent.mail.queue.content(message.id) as content:
        octets = await content.read()
    assert octets.startswith(b"Received: ") and octets.endswith(TEXT.split(b"\r\n\r\n")[1])
    assert len(octets) == message.size_octets


# --- record ----------------------------------------------------------------------------------------------------------


async def test_a_relayed_recipient_is_final_and_the_others_stay(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.record(message.id, [relayed("ann@far.test")], None)
    assert await states(sent) == {"ann@far.test": RecipientState.SENT, "eve@other.test": RecipientState.SENDING}


async def test_a_message_whose_recipients_are_all_final_leaves_the_queue_and_its_content(sent: Office):
    message = await claim_one(sent)
    assert await held_contents(sent) == 1
    await sent.mail.queue.record(message.id, [relayed("ann@far.test"), relayed("eve@other.test")], None)
    assert await sent.mail.queue.list() == []
    assert await held_contents(sent) == 0
    assert await sent.mail.queue.next_due() is None
    with pytest.raises(NotFound):
        await sent.mail.queue.show(message.id)


async def test_a_delayed_recipient_waits_longer_after_each_attempt(office: Office):
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", account=alice)
    for number, interval in enumerate((300, 600, 1_800, 3_600, 7_200, 14_400, 14_400), 1):
        message = await claim_one(office)
        await office.mail.queue.record(message.id, [delayed("ann@far.test")], None)
        (recipient,) = (await office.mail.queue.show(message.id)).recipients
        pause = (recipient.next_attempt - office.clock.now()).total_seconds()
        assert recipient.state is RecipientState.WAITING and recipient.attempts == number
        assert recipient.last_reply == "450 4.2.1 later"
        assert 0.9 * interval <= pause <= 1.1 * interval
        office.clock.advance(pause - 1)
        assert await office.mail.queue.claim() == []
        office.clock.advance(1)


async def test_the_pauses_of_messages_that_met_one_trouble_differ(office: Office):
    (alice,) = await office.add("alice")
    for _ in range(10):
        await office.take("alice", "ann@far.test", account=alice)
    for message in await office.mail.queue.claim():
        await office.mail.queue.record(message.id, [delayed("ann@far.test")], None)
    assert len({message.recipients[0].next_attempt for message in await office.mail.queue.list()}) == 10


async def test_a_failed_recipient_is_reported_in_the_same_transaction(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.record(message.id, [failed("ann@far.test")], None)
    assert (await states(sent))["ann@far.test"] is RecipientState.FAILED
    assert len(await sent.messages("alice")) == 1


async def test_a_record_that_comes_twice_counts_once(sent: Office):
    message = await claim_one(sent)
    for _ in range(2):
        await sent.mail.queue.record(message.id, [failed("ann@far.test"), delayed("eve@other.test")], None)
    shown = await sent.mail.queue.show(message.id)
    assert [one.attempts for one in shown.recipients] == [1, 1]
    assert len(await sent.messages("alice")) == 1
    attempts = [e for e in await sent.mail.passports.find(message.trace_id) if e.step is Step.ATTEMPTED]
    assert len(attempts) == 2


async def test_a_final_record_counts_for_a_recipient_that_was_claimed_by_another(office: Office):
    """A worker whose lease has ended comes late: what it has sent is sent."""
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", account=alice)
    late = await claim_one(office)
    await change_owner(office, "two")
    await office.mail.queue.record(late.id, [delayed("ann@far.test")], None)
    assert await states(office) == {"ann@far.test": RecipientState.SENDING}, "a delay counts only from the owner"
    await office.mail.queue.record(late.id, [relayed("ann@far.test")], None)
    assert await office.mail.queue.list() == []


async def change_owner(office: Office, node: str) -> None:
    async with office.database.write(SYSTEM_ACCOUNT) as tx:
        await tx.run("update queue_recipient set node = $1 where state = 'sending'", node)


async def test_a_record_of_a_message_that_is_gone_is_ignored(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.cancel(message.id)
    await sent.mail.queue.record(message.id, [failed("ann@far.test")], None)
    assert await sent.messages("alice") == []


# --- leases of a node ------------------------------------------------------------------------------------------------


async def test_a_starting_node_takes_its_own_leases_back_and_nobody_elses(tmp_path: Path):
    clock = SettableClock()
    async with open_office(tmp_path / "data", clock=clock) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await office.take("alice", "ann@far.test", account=alice)
        await claim_one(office)
    async with open_office(tmp_path / "data", clock=clock, node="two") as office:
        assert await office.mail.queue.claim() == []
    async with open_office(tmp_path / "data", clock=clock) as office:
        assert await states(office) == {"ann@far.test": RecipientState.WAITING}
        assert names(await claim_one(office)) == ["ann@far.test"]


async def test_release_makes_due_at_once_what_the_worker_held_and_counts_nothing(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.release(message)
    again = await claim_one(sent)
    assert names(again) == names(message)
    assert [one.attempts for one in again.recipients] == [0, 0]


async def test_release_of_a_part_leaves_the_other_parts_leased(sent: Office):
    """A message goes in parts, one for each destination: who gives one back speaks for that one only."""
    message = await claim_one(sent)
    await sent.mail.queue.release(replace(message, recipients=message.recipients[:1]))
    assert await states(sent) == {"ann@far.test": RecipientState.WAITING, "eve@other.test": RecipientState.SENDING}
    assert names(await claim_one(sent)) == ["ann@far.test"]


async def test_put_off_is_due_then_and_not_counted(sent: Office):
    message = await claim_one(sent)
    until = sent.clock.now() + timedelta(seconds=60)
    await sent.mail.queue.put_off(message, until, delayed("ann@far.test"))
    shown = await sent.mail.queue.show(message.id)
    assert {(one.state, one.attempts, one.next_attempt) for one in shown.recipients} == {
        (RecipientState.WAITING, 0, until)
    }


# --- what a person does ----------------------------------------------------------------------------------------------


async def test_retry_makes_waiting_recipients_due_at_once_and_wakes_the_worker(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.record(message.id, [delayed("ann@far.test"), relayed("eve@other.test")], None)
    woken: list[int] = []
    sent.mail.queue.wake = lambda: woken.append(1)
    await sent.mail.queue.retry(message.id)
    assert woken == [1]
    assert names(await claim_one(sent)) == ["ann@far.test"]
    await sent.mail.queue.retry(message.id)
    assert await sent.mail.queue.claim() == [], "what is being sent is not sent again"
    with pytest.raises(NotFound):
        await sent.mail.queue.retry(message.id + 1)


async def test_cancel_takes_a_message_out_tells_nobody_and_is_noted(sent: Office):
    message = await claim_one(sent)
    await sent.mail.queue.cancel(message.id)
    assert await sent.mail.queue.list() == []
    assert await held_contents(sent) == 0
    assert await sent.messages("alice") == []
    entries = await sent.mail.passports.find(str(message.id))
    assert entries[-1].step is Step.CANCELLED
    assert entries[-1].facts["recipients"] == "ann@far.test, eve@other.test"
    with pytest.raises(NotFound):
        await sent.mail.queue.cancel(message.id)
