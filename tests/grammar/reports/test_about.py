"""What reports that come in say of mail that was sent (RFC 3464, RFC 8098, RFC 6522)."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports.about import RecipientReport, ReportAbout, find_report
from pillarbox.grammar.reports.dsn import FailedRecipient, Report, format_report
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.limits import Limits

HEAD = b'Content-Type: multipart/report; report-type=%b; boundary="b"\r\n\r\n'
WORDS = b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
RETURNED = (
    b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\nMessage-ID: <one@uiowa.test>\r\n\r\n--b--\r\n"
)
STATUS = (
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mx.far.test\r\nOriginal-Envelope-Id: abc\r\n\r\n"
    b"Original-Recipient: rfc822;ann@far.test\r\nFinal-Recipient: RFC822; ann@inner.test\r\nAction: Failed\r\n"
    b"Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n nobody\r\n\r\n"
    b"Final-Recipient: eve@far.test\r\nAction: delayed\r\nDiagnostic-Code: x-local; busy\r\n\r\n"
)


def find(octets: bytes) -> ReportAbout | None:
    return find_report(octets, scan(octets, limits=Limits()))


def test_a_delivery_report_says_what_came_of_whom():
    assert find(HEAD % b"delivery-status" + WORDS + STATUS + RETURNED) == ReportAbout(
        is_disposition=False,
        identifier="one@uiowa.test",
        envelope_identifier="abc",
        recipients=(
            RecipientReport("ann@inner.test", "ann@far.test", "failed", "5.1.1", "550 5.1.1 nobody"),
            RecipientReport("eve@far.test", "", "delayed"),
        ),
    )


def test_our_own_report_is_read_back():
    moment = datetime(2026, 11, 24, 10, tzinfo=UTC)
    status = DeliveryStatus(Address("ann", "far.test"), Action.FAILED, "5.1.1", "550 5.1.1 nobody", "mx.far.test")
    octets = format_report(
        Report(
            "mail.uiowa.test", Address("alice", "uiowa.test"), moment, moment, "r@uiowa.test", "b",
            (FailedRecipient(status, Address("team", "uiowa.test")),),
            original_header=b"Message-ID: <one@uiowa.test>\r\n\r\n", hold_request="for;60",
        )
    )  # fmt: skip
    assert b"\r\nFuture-Release-Request: for;60\r\n" in octets
    found = find(octets)
    assert found is not None and found.identifier == "one@uiowa.test"
    assert found.recipients == (
        RecipientReport("ann@far.test", "team@uiowa.test", "failed", "5.1.1", "550 5.1.1 nobody"),
    )


def test_the_whole_message_may_come_back():
    returned = b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <two@uiowa.test>\r\n\r\nx\r\n--b--\r\n"
    found = find(HEAD % b"delivery-status" + STATUS + returned)
    assert found is not None and found.identifier == "two@uiowa.test"


def test_a_report_may_name_nothing():
    empty = b"--b\r\nContent-Type: message/delivery-status\r\n\r\n\r\n"
    nameless = b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n--b--\r\n"
    for rest in (b"--b--\r\n", nameless):
        found = find(HEAD % b"delivery-status" + WORDS + empty + rest)
        assert found == ReportAbout(False, "", "", ())


def notification(fields: bytes) -> bytes:
    part = b"--b\r\nContent-Type: message/disposition-notification\r\n\r\n" + fields
    return HEAD % b"disposition-notification" + WORDS + part + RETURNED


def test_a_disposition_notification_says_what_a_reader_did():
    displayed = b"Final-Recipient: rfc822;ann@far.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"
    found = find(notification(b"Original-Message-ID: <three@uiowa.test>\r\n" + displayed))
    assert found == ReportAbout(True, "three@uiowa.test", "", (RecipientReport("ann@far.test", "", "displayed"),))
    found = find(notification(b"Original-Recipient: rfc822;team@uiowa.test\r\n" + displayed))
    assert found is not None and found.identifier == "one@uiowa.test", "of the header that came back"
    assert found.recipients[0].named == "team@uiowa.test"
    assert find(notification(b"Disposition: whatever\r\n")) is None


def test_what_is_no_report_is_none():
    assert find(b"Subject: x\r\n\r\nx\r\n") is None
    assert find(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + STATUS + b"--b--\r\n") is None
    assert find(HEAD % b"feedback-report" + WORDS + b"--b--\r\n") is None


@given(st.binary(max_size=400))
def test_any_octets_are_read(octets):
    find(HEAD % b"delivery-status" + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + octets)
    find(notification(octets))
