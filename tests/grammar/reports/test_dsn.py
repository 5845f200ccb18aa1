"""Delivery status notifications (RFC 3464, RFC 6522 §3); what is written is read again."""

from datetime import UTC, datetime

import pytest

from pillarbox.grammar.message import text
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports import dsn
from pillarbox.grammar.reports.dsn import FailedRecipient, Report
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.limits import Limits

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BOB = Address("bob", "illinois.edu")
REFUSED = DeliveryStatus(BOB, Action.FAILED, "5.1.1", "550 5.1.1 No\r\nsuch user", "mx.illinois.edu")


def report(*recipients, **changes):
    facts = {
        "reporting_host": "mx.uiowa.edu", "to": Address("alice", "uiowa.edu"), "arrived": AT, "at": AT,
        "message_id": "r@uiowa.edu", "boundary": "bound", "recipients": recipients or (FailedRecipient(REFUSED),),
    }  # fmt: skip
    return Report(**{**facts, **changes})


def read(made):
    octets = dsn.format_report(made)
    assert b"\n" not in octets.replace(b"\r\n", b"")
    root = scan(octets, limits=Limits())
    status = dsn.find_status_part(root)
    return octets, root, dsn.parse_fields(octets, status)


def test_a_report_is_for_people_and_for_programs():
    octets, root, groups = read(report(subject="Grüße", trace_id="t1", original_header=b"Subject: x\nFrom: a\r\n\r\n"))
    assert [(part.type + b"/" + part.subtype) for part in (root, *root.children)] == [
        b"multipart/report",
        b"text/plain",
        b"message/delivery-status",
        b"text/rfc822-headers",
    ]
    assert dict(root.parameters)[b"report-type"] == b"delivery-status"
    assert groups == [
        {"reporting-mta": "dns; mx.uiowa.edu", "arrival-date": "Tue, 24 Nov 2026 10:00:00 +0000"},
        {
            "final-recipient": "rfc822; bob@illinois.edu",
            "action": "failed",
            "status": "5.1.1",
            "remote-mta": "dns; mx.illinois.edu",
            "diagnostic-code": "smtp; 550 5.1.1 No such user",
            "last-attempt-date": "Tue, 24 Nov 2026 10:00:00 +0000",
        },
    ]
    words = text.part_text(octets, root.children[0])
    for said in (
        "“Grüße”",
        "bob@illinois.edu",
        "The server mx.illinois.edu said: 550",
        "does not exist there",
        "name t1",
    ):
        assert said in words
    last = root.children[2]
    assert octets[last.body : last.end] == b"Subject: x\r\nFrom: a\r\n"


def test_who_was_written_to_is_told_where_an_alias_led_elsewhere():
    status = DeliveryStatus(BOB, Action.FAILED, "5.0.0")
    octets, root, groups = read(
        report(FailedRecipient(status, Address("team", "uiowa.edu")), FailedRecipient(status, BOB))
    )
    assert [group.get("original-recipient") for group in groups[1:]] == [
        "rfc822; team@uiowa.edu",
        "rfc822; bob@illinois.edu",
    ]
    words = text.part_text(octets, root.children[0])
    assert words.count("you wrote to") == 1
    assert "without a subject" in words
    assert "postmaster of" not in words
    assert "remote-mta" not in groups[1]
    assert "diagnostic-code" not in groups[1]


def test_a_final_failure_has_class_five():
    """RFC 3463 §3.1."""
    late = DeliveryStatus(BOB, Action.FAILED, "4.4.7", "connection refused")
    octets, root, groups = read(report(FailedRecipient(late)))
    assert groups[1]["status"] == "5.4.7"
    assert "The reason: connection refused" in text.part_text(octets, root.children[0])
    _, _, groups = read(report(FailedRecipient(DeliveryStatus(BOB, Action.DELAYED, "4.4.7"))))
    assert groups[1]["status"] == "4.4.7"


def test_other_scripts_ask_for_the_global_types():
    jose = DeliveryStatus(Address("josé", "b.example"), Action.FAILED, "5.6.7", "nö")
    _, root, groups = read(report(FailedRecipient(jose), original_header="Subject: é\r\n".encode()))
    assert dict(root.parameters)[b"report-type"] == b"global-delivery-status"
    assert [part.subtype for part in root.children] == [b"plain", b"global-delivery-status", b"global-headers"]
    assert [part.encoding for part in root.children] == [b"quoted-printable", b"8bit", b"8bit"]
    assert (groups[1]["final-recipient"], groups[1]["diagnostic-code"]) == ("utf-8; josé@b.example", "smtp; nö")


def test_a_plain_report_is_ascii_whatever_the_other_side_said():
    odd = DeliveryStatus(BOB, Action.FAILED, "5.0.0", "nö")
    octets, _, groups = read(report(FailedRecipient(odd), original_header=b"Subject: x\r\n"))
    assert octets.isascii()
    assert groups[1]["diagnostic-code"] == "smtp; n?"


def test_addresses_are_quoted_where_they_must_be():
    odd = DeliveryStatus(Address("a b", "c.example"), Action.FAILED, "5.0.0")
    _, root, groups = read(report(FailedRecipient(odd), to=Address("x>y", "uiowa.edu")))
    assert groups[1]["final-recipient"] == 'rfc822; "a b"@c.example'
    assert root.envelope[5] == b'<"x>y"@uiowa.edu>'


def test_many_recipients_are_counted_in_the_subject():
    many = tuple(
        FailedRecipient(DeliveryStatus(Address(f"é{n}" * 20, "b.example"), Action.FAILED, "5.0.0")) for n in range(5)
    )
    octets, root, groups = read(report(*many))
    assert text.header_text(root.envelope[1]).endswith(" and 3 more")
    assert len(groups) == 6
    assert max(map(len, octets[: root.body].split(b"\r\n"))) <= 100


@pytest.mark.parametrize(
    ("status", "said"),
    [("5.1.1", "does not exist"), ("5.1.10", "takes no mail at all"), ("5.7.1", "own rules"), ("5.9.9", "")],
)
def test_advice(status, said):
    assert said in dsn.advice_on(status)
    assert bool(said) is bool(dsn.advice_on(status))


def test_groups_of_other_people_may_be_parted_by_many_empty_lines():
    octets = b"Content-Type: message/delivery-status\r\n\r\n\r\nReporting-MTA: dns; a\r\n\r\n\r\n\r\nACTION:\r\n failed\r\n\r\n"
    assert dsn.parse_fields(octets, scan(octets, limits=Limits())) == [
        {"reporting-mta": "dns; a"},
        {"action": "failed"},
    ]


def test_a_message_that_is_no_report_has_no_status_part():
    octets = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n"
    assert dsn.find_status_part(scan(octets, limits=Limits())) is None
