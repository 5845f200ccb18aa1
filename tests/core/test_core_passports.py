"""Passports: each side sees its half of a message's journey."""

from collections.abc import Sequence
from pathlib import Path

from queue_words import claim_one, relayed

from office import DOMAIN, Office, open_office
from pillarbox.model.passport import Dialogue, DialogueLine, PassportEntry, Speaker, Step
from pillarbox.wire.memory import DeterministicRandom


def steps(entries: Sequence[PassportEntry]) -> list[Step]:
    return [entry.step for entry in entries]


async def test_the_sender_sees_the_sending_half_and_the_recipient_the_receiving_half(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    accepted = await office.take("alice", "bob", "ann@far.test", account=alice)
    message = await claim_one(office)
    dialogue = Dialogue(
        "SMTP", "192.0.2.2:40000", "192.0.2.9:25", office.clock.now(), (DialogueLine(Speaker.SERVER, "220 mx", 0.0),)
    )
    await office.mail.queue.record(message.id, [relayed("ann@far.test")], dialogue)
    find = office.mail.passports.find
    hers = await find(accepted.trace_id, account_id=alice.id)
    his = await find(accepted.trace_id, account_id=bob.id)
    assert sorted(step.value for step in steps(hers)) == ["accepted", "attempted", "queued"]
    assert steps(his) == [Step.ACCEPTED, Step.DELIVERED]
    assert "ann@far.test" not in str([entry.facts for entry in his]) and his[0].dialogue is None
    assert [entry.dialogue for entry in hers if entry.step is Step.ATTEMPTED] == [dialogue]
    assert len(await find(accepted.trace_id)) == 5


async def test_a_passport_is_found_by_trace_queue_number_and_message_id(sent: Office):
    (message,) = await sent.mail.queue.list()
    by_trace = await sent.mail.passports.find(message.trace_id)
    assert by_trace != []
    for name in (str(message.id), "one@far.test", "<one@far.test>", f" {message.trace_id} "):
        assert await sent.mail.passports.find(name) == by_trace, name
    assert await sent.mail.passports.find("nothing") == []


async def test_what_follows_the_commit_is_appended_to_the_dialogue(office: Office):
    await office.add("alice")
    accepted = await office.take("ann@far.test", "alice")
    line = DialogueLine(Speaker.SERVER, "250 2.0.0 taken", 0.5)
    office.mail.passports.append_later(accepted.trace_id, accepted.dialogue_account, [line])
    await office.mail.passports.flush()
    (entry, *_) = await office.mail.passports.find(accepted.trace_id)
    assert entry.dialogue is not None and entry.dialogue.lines[-1] == line


async def test_passports_outlive_a_restart(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice")
        accepted = await office.take("ann@far.test", "alice")
        before = await office.mail.passports.find(accepted.trace_id)
    async with open_office(tmp_path / "data", random=DeterministicRandom(b"again")) as office:
        assert await office.mail.passports.find(accepted.trace_id) == before != []
