"""Submissions: what is sent, what a crash leaves, who is faster, and what comes back (`core.sending.submissions`, `core.sending.tracking`)."""

import asyncio
from pathlib import Path

import pytest
from queue_words import held_contents

from office import DOMAIN, STARTED, TEXT, Office, address, client_facts, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.core.feed.states import Kind
from pillarbox.core.housekeeping import KeepSettings
from pillarbox.core.sending.submission_check import Wanted, WantedEnvelope
from pillarbox.core.sending.submissions import TooLateToCancel
from pillarbox.model.account import Account
from pillarbox.model.envelope import Envelope, Hold, HoldRequest, Recipient
from pillarbox.model.errors import MailError, NotFound, TooMany
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue, Step
from pillarbox.model.submission import Delivered, EnvelopeAddress, Submission, SubmissionEnvelope, Undo
from pillarbox.wire.memory import SettableClock
from queue_run import LATER, NOBODY, finish, run_queue

MESSAGE = (
    b"From: alice@uiowa.test\r\nTo: bob@uiowa.test\r\nSubject: hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <sent@uiowa.test>\r\n\r\nGood morning.\r\n"
)


async def store(office: Office, account: Account, content: bytes = MESSAGE) -> int:
    mailbox = await office.mail.mailboxes.get(account.id, ("Drafts",))
    placed = await office.mail.messages.append(
        account.id, mailbox.id, Content.of(content), flags=FlagSet(), received=office.clock.now()
    )
    return placed.message_id


async def submit(
    office: Office, *recipients: str, content: bytes = MESSAGE, hold_seconds: int | None = None
) -> Submission:
    """Alice sends a message; without recipients to those of its header."""
    alice = await office.account("alice")
    (identity, *_) = await office.mail.identities.all(alice)
    envelope = None
    if recipients or hold_seconds:
        named = tuple(address(one) for one in recipients or ("bob",))
        envelope = WantedEnvelope(
            SubmissionEnvelope(EnvelopeAddress(str(alice.address)), tuple(EnvelopeAddress(str(one)) for one in named)),
            alice.address,
            named,
            HoldRequest(seconds=hold_seconds) if hold_seconds else None,
        )
    message_id = await store(office, alice, content)
    return await office.mail.submissions.submit(client_facts(alice), Wanted(identity.id, message_id, envelope))


async def get(office: Office, submission: Submission) -> Submission:
    alice = await office.account("alice")
    return (await office.mail.submissions.get(alice.id, [submission.id]))[submission.id]


async def fates(office: Office, submission: Submission) -> dict[str, Delivered]:
    return {one.address: one.delivered for one in (await get(office, submission)).recipients}


async def cancel(office: Office, submission: Submission) -> None:
    alice = await office.account("alice")
    await office.mail.submissions.cancel(alice.id, submission.id)


@pytest.fixture
async def people(office: Office) -> Office:
    await office.add("alice", "bob")
    return office


# --- what goes out ---------------------------------------------------------------------------------------------------


async def test_what_is_missing_is_added_and_line_ends_are_mended(people: Office):
    """RFC 6409 §8.2, §8.3; RFC 5321 §2.3.8."""
    await submit(
        people, content=b"From: alice@uiowa.test\nTo: bob@uiowa.test\nBcc: x@nobody.test,\n y@nobody.test\n\none\ntwo\r"
    )
    await run_queue(people)
    (letter,) = await people.messages("bob")
    head, _, body = letter.partition(b"\r\n\r\n")
    assert b"\r\nDate: " in head and b"\r\nMessage-ID: <" in head and b"nobody.test" not in head
    assert body == b"one\r\ntwo\r\n"
    assert letter.count(b"\n") == letter.count(b"\r\n") == letter.count(b"\r")


async def test_a_large_message_is_copied_piece_by_piece(people: Office):
    large = MESSAGE + b"".join(b"%076d\r\n" % number for number in range(20_000))
    await submit(people, content=large)
    await run_queue(people)
    (letter,) = await people.messages("bob")
    assert letter.endswith(large.partition(b"Subject")[2])


async def test_a_message_that_was_received_goes_on_without_the_old_return_path(people: Office):
    await people.take(
        "ann@far.test", "alice", content=b"From: alice@uiowa.test\r\nTo: alice@uiowa.test\r\n\r\nmine\r\n"
    )
    alice = await people.account("alice")
    inbox = await people.mail.mailboxes.get(alice.id, ("INBOX",))
    ((_, facts),) = await people.mail.messages.facts(alice.id, inbox.id, await people.uids(alice.id, inbox.id))
    (identity,) = await people.mail.identities.all(alice)
    named = SubmissionEnvelope(EnvelopeAddress("alice@uiowa.test"), (EnvelopeAddress("bob@uiowa.test"),))
    envelope = WantedEnvelope(named, alice.address, (address("bob"),))
    await people.mail.submissions.submit(client_facts(alice), Wanted(identity.id, facts.message_id, envelope))
    await run_queue(people)
    (letter,) = await people.messages("bob")
    assert letter.count(b"Return-Path:") == 1 and letter.count(b"Received:") == 2


async def test_the_passport_tells_the_senders_half(people: Office):
    await submit(people, "bob", "ann@far.test", hold_seconds=60)
    (message,) = await people.mail.queue.list()
    alice, bob = await people.account("alice"), await people.account("bob")
    entries = await people.mail.passports.find("sent@uiowa.test", account_id=alice.id)
    assert [entry.step for entry in entries] == [Step.ACCEPTED, Step.QUEUED]
    assert entries[0].facts["protocol"] == "ESMTPSA" and entries[0].facts["to"] == f"bob@{DOMAIN}, ann@far.test"
    assert entries[1].facts["held_until"] == "2026-11-24T10:01:00+00:00"
    people.clock.advance(60)
    await run_queue(people)
    entries = await people.mail.passports.find(message.trace_id, account_id=bob.id)
    assert [entry.step for entry in entries] == [Step.DELIVERED]


async def test_two_names_of_one_mailbox_get_one_copy_and_both_know(people: Office):
    await people.mail.directory.add_alias(address("team"), (address("bob"), address("alice")))
    made = await submit(people, "bob", "bob+work", "team")
    await run_queue(people)
    assert set((await fates(people, made)).values()) == {Delivered.YES}
    assert len(await people.messages("bob")) == len(await people.messages("alice")) == 1


# --- hold over SMTP --------------------------------------------------------------------------------------------------


async def held_by_smtp(office: Office, *recipients: str, seconds: int = 3_600) -> None:
    alice = await office.account("alice")
    hold = office.mail.intake.hold(HoldRequest(seconds=seconds))
    envelope = Envelope(alice.address, tuple(Recipient(address(one)) for one in recipients), hold=hold)
    incoming = office.mail.intake.begin(client_facts(alice), envelope, office.mail.intake.new_trace())
    incoming.write(TEXT)
    accepted = await incoming.finish(Dialogue("SMTP", "", "", STARTED, ()))
    assert {one.action.value for one in accepted.statuses} == {"delayed"}


async def test_what_smtp_holds_is_with_nobody_until_its_time(people: Office):
    await held_by_smtp(people, "bob", "ann@far.test")
    assert await people.messages("bob") == []
    assert await run_queue(people) == []
    people.clock.advance(3_599)
    assert await run_queue(people) == []
    people.clock.advance(1)
    assert [one.address.local for message in await run_queue(people) for one in message.recipients] == ["bob", "ann"]
    assert len(await people.messages("bob")) == 1


async def test_time_to_give_up_begins_when_the_hold_ends_and_the_report_tells_of_it(people: Office):
    """RFC 4865 §4: the request stands in the report."""
    await held_by_smtp(people, "ann@far.test", seconds=864_000)
    people.clock.advance(864_000)
    await run_queue(people, LATER)
    assert len(await people.mail.queue.list()) == 1
    people.clock.advance(432_000)
    await run_queue(people, LATER)
    (report,) = await people.messages("alice")
    assert b"\r\nFuture-Release-Request: for;864000\r\n" in report


async def test_what_is_held_survives_a_restart(tmp_path: Path):
    clock = SettableClock()
    async with open_office(tmp_path / "data", clock=clock) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice", "bob")
        made = await submit(office, hold_seconds=60)
        await held_by_smtp(office, "bob", seconds=60)
    async with open_office(tmp_path / "data", clock=clock) as office:
        assert await run_queue(office) == []
        clock.advance(60)
        await run_queue(office)
        assert len(await office.messages("bob")) == 2
        assert await fates(office, made) == {f"bob@{DOMAIN}": Delivered.YES}


async def test_only_so_many_are_held(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(held_messages=2)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice", "bob")
        await held_by_smtp(office, "bob")
        await held_by_smtp(office, "bob")
        with pytest.raises(TooMany):
            await held_by_smtp(office, "bob")
        assert len(await office.mail.queue.list()) == 2
        await submit(office)
        office.clock.advance(3_600)
        await held_by_smtp(office, "bob")


# --- who is faster ---------------------------------------------------------------------------------------------------


async def test_taking_back_and_sending_never_both_happen(people: Office):
    for number in range(30):
        made = await submit(people, hold_seconds=1)
        people.clock.advance(1)
        before = len(await people.messages("bob"))
        work = [run_queue(people), cancel(people, made)]
        results = await asyncio.gather(*(work if number % 2 else work[::-1]), return_exceptions=True)
        problems = [one for one in results if isinstance(one, BaseException)]
        assert all(isinstance(one, TooLateToCancel) for one in problems)
        arrived = len(await people.messages("bob")) - before
        undo = (await get(people, made)).undo
        assert (undo, arrived, len(problems)) in ((Undo.CANCELLED, 0, 0), (Undo.FINAL, 1, 1))
    assert await people.mail.queue.list() == [] and await held_contents(people) == 0


async def test_an_operator_may_take_it_out_of_the_queue_and_its_sender_sees(people: Office):
    made = await submit(people, hold_seconds=60)
    (message,) = await people.mail.queue.list()
    await people.mail.queue.cancel(message.id)
    after = await get(people, made)
    assert after.undo is Undo.CANCELLED and after.recipients[0].delivered is Delivered.NO
    made = await submit(people, "bob", "ann@far.test")
    (message,) = await people.mail.queue.claim()
    await finish(people, message, LATER)
    await people.mail.queue.cancel(message.id)
    after = await get(people, made)
    assert after.undo is Undo.FINAL
    assert [one.delivered for one in after.recipients] == [Delivered.YES, Delivered.NO]


async def test_an_operators_retry_sends_what_is_held(people: Office):
    made = await submit(people, hold_seconds=60)
    (message,) = await people.mail.queue.list()
    await people.mail.queue.retry(message.id)
    await run_queue(people)
    assert await fates(people, made) == {f"bob@{DOMAIN}": Delivered.YES}


# --- crashes ---------------------------------------------------------------------------------------------------------


async def test_a_crash_after_delivery_and_before_the_record_repeats_nothing(tmp_path: Path):
    clock = SettableClock()
    async with open_office(tmp_path / "data", clock=clock) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice", "bob")
        made = await submit(office)
        (message,) = await office.mail.queue.claim()
        await office.mail.queued_delivery.deliver(message, message.recipients[0])
    clock.advance(1)
    async with open_office(tmp_path / "data", clock=clock) as office:
        assert (await get(office, made)).undo is Undo.FINAL
        await run_queue(office)
        assert len(await office.messages("bob")) == 1
        assert await fates(office, made) == {f"bob@{DOMAIN}": Delivered.YES}


async def test_a_crash_between_claim_and_delivery_leaves_it_due_and_final(tmp_path: Path):
    clock = SettableClock()
    async with open_office(tmp_path / "data", clock=clock) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.add("alice", "bob")
        made = await submit(office)
        await office.mail.queue.claim()
    clock.advance(1)
    async with open_office(tmp_path / "data", clock=clock) as office:
        with pytest.raises(TooLateToCancel):
            await cancel(office, made)
        await run_queue(office)
        assert len(await office.messages("bob")) == 1


async def test_what_an_account_that_has_gone_submits_leaves_nothing(people: Office):
    alice = await people.account("alice")
    (identity,) = await people.mail.identities.all(alice)
    message_id = await store(people, alice)
    before = await people.mail.states.get(alice.id, Kind.SUBMISSION)
    await people.mail.accounts.remove(alice.address)
    with pytest.raises(MailError):
        await people.mail.submissions.submit(client_facts(alice), Wanted(identity.id, message_id))
    assert before == 0 and await people.mail.queue.list() == [] and await held_contents(people) == 0


# --- reports ---------------------------------------------------------------------------------------------------------


def report(kind: bytes, fields: bytes, message_id: bytes = b"sent@uiowa.test") -> bytes:
    part = b"message/delivery-status" if kind == b"delivery-status" else b"message/disposition-notification"
    return (
        b"From: mailer@far.test\r\nTo: alice@uiowa.test\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=%b; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\nContent-Type: %b\r\n\r\n%b\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <%b>\r\n\r\n--b--\r\n"
    ) % (kind, part, fields, message_id)


FAILED = b"Reporting-MTA: dns; far\r\n\r\nFinal-Recipient: rfc822; ann@far.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 nobody\r\n"
DELIVERED = FAILED.replace(b"failed", b"delivered").replace(b"550 5.1.1 nobody", b"250 2.1.5 in the box")
DISPLAYED = b"Final-Recipient: rfc822; ann@far.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"


async def newest_message(office: Office) -> int:
    alice = await office.account("alice")
    inbox = await office.mail.mailboxes.get(alice.id, ("INBOX",))
    facts = await office.mail.messages.facts(alice.id, inbox.id, await office.uids(alice.id, inbox.id))
    return facts[-1][1].message_id


async def test_our_own_report_is_tied_to_what_was_sent(people: Office):
    made = await submit(people, "ann@far.test", "eve@far.test")
    await run_queue(people, NOBODY)
    after = await get(people, made)
    assert {one.delivered for one in after.recipients} == {Delivered.NO}
    assert {one.reply for one in after.recipients} == {"550 5.1.1 nobody"}
    assert len(after.delivery_reports) == len(await people.messages("alice")) == 2


@pytest.mark.parametrize(("fields", "fate"), [(FAILED, Delivered.NO), (DELIVERED, Delivered.YES)])
async def test_a_report_from_elsewhere_says_what_became_of_a_recipient(people: Office, fields: bytes, fate: Delivered):
    made = await submit(people, "ann@far.test", "eve@far.test")
    await run_queue(people)
    assert set((await fates(people, made)).values()) == {Delivered.UNKNOWN}
    await people.take(None, "alice", content=report(b"delivery-status", fields))
    after = await get(people, made)
    assert [one.delivered for one in after.recipients] == [fate, Delivered.UNKNOWN]
    assert after.recipients[0].reply in ("550 5.1.1 nobody", "250 2.1.5 in the box")
    assert after.delivery_reports == (await newest_message(people),)


async def test_a_report_may_name_the_envelope_or_the_address_that_was_written(people: Office):
    made = await submit(people, "ann@far.test", "eve@far.test")
    (message,) = await people.mail.queue.list()
    await run_queue(people)
    fields = FAILED.replace(b"dns; far\r\n", b"dns; far\r\nOriginal-Envelope-Id: %b\r\n" % message.trace_id.encode())
    fields = fields.replace(
        b"Final-Recipient: rfc822; ann@far",
        b"Original-Recipient: rfc822; eve@far.test\r\nFinal-Recipient: rfc822; e@inner",
    )
    await people.take(None, "alice", content=report(b"delivery-status", fields, b"unknown@far.test"))
    assert list((await fates(people, made)).values()) == [Delivered.UNKNOWN, Delivered.NO]


async def test_a_receipt_says_that_it_was_displayed(people: Office):
    made = await submit(people, "ann@far.test")
    await run_queue(people)
    await people.take(None, "alice", content=report(b"disposition-notification", DISPLAYED))
    after = await get(people, made)
    assert after.recipients[0].is_displayed and after.recipients[0].delivered is Delivered.UNKNOWN
    assert after.disposition_reports == (await newest_message(people),) and after.delivery_reports == ()


async def test_reports_do_not_overrule_what_is_known_here_nor_speak_of_others(people: Office):
    waiting = await submit(people, "ann@far.test", "eve@far.test", hold_seconds=600)
    await people.take(None, "alice", content=report(b"delivery-status", FAILED))
    assert set((await fates(people, waiting)).values()) == {Delivered.QUEUED}
    await cancel(people, waiting)
    here = await submit(people, "bob", content=MESSAGE.replace(b"sent@", b"here@"))
    await run_queue(people)
    await people.take(None, "alice", content=report(b"delivery-status", FAILED, b"here@uiowa.test"))
    assert await fates(people, here) == {f"bob@{DOMAIN}": Delivered.YES}
    stranger = FAILED.replace(b"ann@", b"zoe@")
    two = await submit(people, "ann@far.test", "eve@far.test", content=MESSAGE.replace(b"sent@", b"two@"))
    await run_queue(people)
    await people.take(None, "alice", content=report(b"delivery-status", stranger, b"two@uiowa.test"))
    assert (await get(people, two)).delivery_reports == ()


async def test_a_report_in_anothers_mailbox_says_nothing(people: Office):
    made = await submit(people, "ann@far.test")
    await run_queue(people)
    await people.take(None, "bob", content=report(b"delivery-status", FAILED))
    assert await fates(people, made) == {"ann@far.test": Delivered.UNKNOWN}


# --- what is forgotten -----------------------------------------------------------------------------------------------


async def test_old_submissions_are_forgotten_and_those_that_wait_are_not(people: Office):
    old = await submit(people)
    await run_queue(people)
    held = await submit(people, hold_seconds=30_000_000)
    people.clock.advance(KeepSettings().submissions_seconds + 1)
    await people.mail.housekeeping.sweep()
    alice = await people.account("alice")
    assert set(await people.mail.submissions.get(alice.id)) == {held.id}
    with pytest.raises(NotFound):
        await people.mail.submissions.destroy(alice.id, old.id)


async def test_all_goes_with_the_account_but_what_was_sent_still_goes(people: Office):
    await submit(people, "bob", "ann@far.test", hold_seconds=60)
    await people.mail.accounts.remove(address("alice"))
    for table in ("identity", "submission", "submission_recipient", "submission_report"):
        assert await people.database.value(SYSTEM_ACCOUNT, f"select count(*) from {table}") == 0
    people.clock.advance(60)
    await run_queue(people)
    assert len(await people.messages("bob")) == 1 and await people.mail.queue.list() == []


async def test_a_hold_needs_a_moment_to_come(people: Office):
    now = people.clock.now()
    assert people.mail.intake.hold(None) is None
    assert people.mail.intake.hold(HoldRequest(seconds=1)) == Hold(now.replace(second=1), "for;1")
