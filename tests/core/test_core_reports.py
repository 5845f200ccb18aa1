"""Reports of mail that could not be delivered, and when they are made (RFC 3464 §2; RFC 5321 §4.5.5, §6.1)."""

from datetime import timedelta
from pathlib import Path

from queue_words import claim_one, delayed, failed, names, relayed

from office import DOMAIN, TEXT, Office, address, open_office, report_fields
from pillarbox.core.flow.queue_put import QueueSettings
from pillarbox.model.delivery import Action
from pillarbox.model.limits import Limits

EXPIRE = QueueSettings().expire_seconds


async def test_a_message_that_is_too_old_is_reported_with_the_last_words_heard(office: Office):
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", account=alice)
    while await office.mail.queue.list():
        due = await office.mail.queue.next_due()
        assert due is not None
        office.clock.advance((due - office.clock.now()).total_seconds())
        message = await claim_one(office)
        await office.mail.queue.record(message.id, [delayed("ann@far.test")], None)
    assert (office.clock.now() - message.arrived).total_seconds() == EXPIRE
    (report,) = await office.messages("alice")
    (_, recipient) = report_fields(report)
    assert recipient["status"].strip() == "5.4.7"
    assert recipient["action"].strip() == "failed"
    assert recipient["diagnostic-code"].strip() == "smtp; 450 4.2.1 later"


async def test_put_off_does_not_outlive_the_message(sent: Office):
    message = await claim_one(sent)
    sent.clock.advance(EXPIRE)
    await sent.mail.queue.put_off(message, sent.clock.now() + timedelta(seconds=60), delayed("ann@far.test"))
    assert await sent.mail.queue.list() == []
    assert len(await sent.messages("alice")) == 1


async def test_a_report_says_all_that_rfc_3464_asks_for(office: Office):
    (alice,) = await office.add("alice")
    await office.mail.directory.add_alias(address("list"), (address("ann@far.test"), address("eve@other.test")))
    await office.take("alice", "list", account=alice)
    message = await claim_one(office)
    await office.mail.queue.record(message.id, [failed("ann@far.test"), failed("eve@other.test")], None)
    (report,) = await office.messages("alice")
    assert report.startswith(b"Return-Path: <>\r\n")
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in report
    assert b"multipart/report; report-type=delivery-status" in report
    assert b"\r\nMessage-ID: <one@far.test>\r\n" in report, "the header of the original"
    assert b"Good morning" not in report
    whole, ann, eve = [{key: value.strip() for key, value in group.items()} for group in report_fields(report)]
    assert whole["reporting-mta"] == f"dns; mail.{DOMAIN}"
    assert "arrival-date" in whole
    assert ann["final-recipient"] == "rfc822; ann@far.test"
    assert ann["original-recipient"] == f"rfc822; list@{DOMAIN}"
    assert (ann["action"], ann["status"]) == ("failed", "5.1.1")
    assert ann["remote-mta"] == "dns; mx.far.test"
    assert ann["diagnostic-code"] == "smtp; 550 5.1.1 nobody"
    assert eve["final-recipient"] == "rfc822; eve@other.test"


async def test_a_bounce_is_never_bounced(office: Office):
    """RFC 5321 §4.5.5, §6.1: mail from the null reverse-path is dropped."""
    await office.add("alice")
    await office.mail.directory.add_alias(address("gone"), (address("ann@far.test"),))
    await office.take(None, "gone")
    message = await claim_one(office)
    await office.mail.queue.record(message.id, [failed("ann@far.test")], None)
    assert await office.mail.queue.list() == []
    assert await office.messages("alice") == []


async def test_a_report_to_a_stranger_goes_through_the_queue_and_ends_there(office: Office):
    await office.mail.directory.add_alias(address("gone"), (address("ann@far.test"),))
    await office.take("eve@other.test", "gone")
    message = await claim_one(office)
    await office.mail.queue.record(message.id, [failed("ann@far.test")], None)
    report = await claim_one(office)
    assert report.reverse_path is None and names(report) == ["eve@other.test"]
    await office.mail.queue.record(report.id, [failed("eve@other.test")], None)
    assert await office.mail.queue.list() == []


async def test_a_report_that_finds_no_room_in_the_inbox_waits_in_the_queue(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(account_octets=2_000)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await office.take("alice", "alice", account=alice, content=TEXT + b"x" * 900 + b"\r\n")
        await office.take("alice", "ann@far.test", account=alice)
        message = await claim_one(office)
        await office.mail.queue.record(message.id, [failed("ann@far.test")], None)
        (report,) = await office.mail.queue.list()
        assert names(report) == [f"alice@{DOMAIN}"]
        assert len(await office.messages("alice")) == 1


async def test_a_report_to_an_alias_reaches_all_that_it_leads_to(office: Office):
    (alice, _) = await office.add("alice", "bob")
    await office.mail.directory.add_alias(address("team"), (address("alice"), address("bob")))
    await office.take("team", "ann@far.test", account=alice)
    message = await claim_one(office)
    await office.mail.queue.record(message.id, [failed("ann@far.test")], None)
    report = await claim_one(office)
    statuses = [await office.mail.queued_delivery.deliver(report, one) for one in report.recipients]
    await office.mail.queue.record(report.id, statuses, None)
    for name in ("alice", "bob"):
        (found,) = await office.messages(name)
        assert b"Not delivered to ann@far.test" in found
    assert await office.mail.queue.list() == []


async def test_a_report_for_an_account_that_is_gone_ends_without_a_loop(office: Office):
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", account=alice)
    message = await claim_one(office)
    await office.mail.accounts.remove(address("alice"))
    await office.mail.queue.record(message.id, [failed("ann@far.test")], None)
    report = await claim_one(office)
    statuses = [await office.mail.queued_delivery.deliver(report, one) for one in report.recipients]
    assert [status.action for status in statuses] == [Action.FAILED]
    await office.mail.queue.record(report.id, statuses, None)
    assert await office.mail.queue.list() == []


async def test_mail_of_a_removed_account_that_was_accepted_is_still_sent(office: Office):
    """RFC 5321 §6.1: the 250 was given."""
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", account=alice)
    await office.mail.accounts.remove(address("alice"))
    message = await claim_one(office)
    async with await office.mail.queue.content(message.id) as content:
        assert (await content.read()).endswith(b"Good morning.\r\n")
    await office.mail.queue.record(message.id, [relayed("ann@far.test")], None)
    assert await office.mail.queue.list() == []
