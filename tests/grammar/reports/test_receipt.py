"""Receipts as whole messages, and what asks for them (RFC 8098 §2, §3, §9); what is written is read again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import header, text
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports.mdn import Disposition, Notification, Typed
from pillarbox.grammar.reports.receipt import (
    ADDRESSES_MOST,
    NewReceipt,
    Receipt,
    ReceiptRequest,
    default_subject,
    default_text,
    find_notification_part,
    format_receipt,
    parse_receipt,
    read_request,
)
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
DISPLAYED = Disposition("manual-action", "mdn-sent-manually", "displayed")
NOTIFICATION = Notification(
    final_recipient=Typed("rfc822", "joe@example.com"), disposition=DISPLAYED, original_message_id="1@example.org"
)
EXAMPLE = b"""\
Date: Wed, 20 Sep 1995 00:19:00 (EDT) -0400
From: Joe Recipient <Joe_Recipient@example.com>
Message-Id: <199509200019.12345@example.com>
Subject: Disposition notification
To: Jane Sender <Jane_Sender@example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification;
   boundary="RAA14128.773615765/example.com"

--RAA14128.773615765/example.com

The message sent on 1995 Sep 19 at 13:30:00 (EDT) -0400 to Joe
Recipient <Joe_Recipient@example.com> with subject "First draft of
report" has been displayed.
This is no guarantee that the message has been read or understood.

--RAA14128.773615765/example.com
Content-Type: message/disposition-notification

Reporting-UA: joes-pc.cs.example.com; Foomail 97.1
Original-Recipient: rfc822;Joe_Recipient@example.com
Final-Recipient: rfc822;Joe_Recipient@example.com
Original-Message-ID: <199509192301.23456@example.org>
Disposition: manual-action/MDN-sent-manually; displayed

--RAA14128.773615765/example.com
Content-Type: message/rfc822

[original message optionally goes here]

--RAA14128.773615765/example.com--
""".replace(b"\n", b"\r\n")


def read(octets: bytes) -> Receipt:
    return parse_receipt(octets, scan(octets, limits=Limits()))


def asked(octets: bytes) -> ReceiptRequest:
    return read_request(octets, scan(octets, limits=Limits()))


def made(**changes: object) -> bytes:
    facts: dict = {
        "sender": Mailbox("Joe", "joe@example.com"), "to": (Address("jane", "example.org"),), "subject": "Displayed: x",
        "text": "It has been displayed.\n", "at": AT, "message_id": "2@example.com", "boundary": "bound",
        "notification": NOTIFICATION,
    }  # fmt: skip
    return format_receipt(NewReceipt(**{**facts, **changes}))


def test_the_example_of_rfc_8098_section_9():
    receipt = read(EXAMPLE)
    assert receipt.subject == "Disposition notification"
    assert receipt.text.startswith("The message sent on 1995 Sep 19") and "\r" not in receipt.text
    assert receipt.notification.original_message_id == "199509192301.23456@example.org"
    assert receipt.notification.disposition == DISPLAYED
    assert receipt.has_original


@pytest.mark.parametrize(
    "octets",
    [
        b"From: a@b\r\n\r\nhello\r\n",
        EXAMPLE.replace(b"message/disposition-notification", b"message/delivery-status"),
        EXAMPLE.replace(b"Disposition: manual", b"Disposition: other"),
        b"Content-Type: message/disposition-notification\r\n\r\n" + EXAMPLE.partition(b"notification\r\n\r\n")[2],
        b"Content-Type: message/rfc822\r\n\r\n" + EXAMPLE,
    ],
)
def test_what_is_no_receipt(octets: bytes):
    with pytest.raises(SyntaxProblem):
        read(octets)


def test_a_receipt_without_words_and_without_a_subject_is_one():
    octets = (
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: Message/Disposition-Notification\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        b"RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGFAYgpEaXNwb3NpdGlvbjogbWFudWFsLWFjdGlv\r\n"
        b"bi9NRE4tc2VudC1tYW51YWxseTsgZGVsZXRlZAo=\r\n--x\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: y\r\n--x--\r\n"
    )
    receipt = read(octets)
    assert (receipt.subject, receipt.text, receipt.has_original) == ("", "", False)
    assert receipt.notification.disposition.type == "deleted"


def test_a_receipt_for_people_and_for_programs():
    octets = made()
    assert octets == (
        b"From: Joe <joe@example.com>\r\nTo: jane@example.org\r\nSubject: Displayed: x\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <2@example.com>\r\nReferences: <1@example.org>\r\n"
        b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=disposition-notification;\r\n"
        b' boundary="bound"\r\n\r\n'
        b"--bound\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"It has been displayed.\r\n\r\n"
        b"--bound\r\nContent-Type: message/disposition-notification\r\n\r\n"
        b"Final-Recipient: rfc822; joe@example.com\r\nOriginal-Message-ID: <1@example.org>\r\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--bound--\r\n"
    )
    assert read(octets) == Receipt("Displayed: x", "It has been displayed.\n", NOTIFICATION)


@pytest.mark.parametrize(
    ("original", "kind", "encoding"),
    [
        (b"Subject: x\r\n\r\nhello\r\n", b"rfc822", b"7bit"),
        ("Subject: x\r\n\r\nhéllo\r\n".encode(), b"rfc822", b"8bit"),
        ("Subject: é\r\n\r\nhello\r\n".encode(), b"global", b"8bit"),
        (b"Subject: x\r\n\r\nhel\nlo\r\n", b"rfc822", b"binary"),
        (b"Subject: x\r\n\r\nhel\rlo\r\n", b"rfc822", b"binary"),
        (b"Subject: x\r\n\r\nhel\0lo\r\n", b"rfc822", b"binary"),
        (b"Subject: x\r\n\r\n" + b"x" * 999 + b"\r\n", b"rfc822", b"binary"),
    ],
)
def test_the_original_comes_back_as_it_was(original: bytes, kind: bytes, encoding: bytes):
    octets = made(original=original)
    root = scan(octets, limits=Limits())
    part = root.children[2]
    assert (part.subtype, part.encoding) == (kind, encoding)
    assert octets[part.body : part.end] == original
    assert read(octets).has_original


def test_other_scripts_ask_for_the_global_type():
    """RFC 6533 §5."""
    joe = Notification(final_recipient=Typed("utf-8", "josé@example.com"), disposition=DISPLAYED)
    octets = made(notification=joe, sender=Mailbox("José", "josé@example.com"), text="schön")
    root = scan(octets, limits=Limits())
    assert root.children[1].subtype == b"global-disposition-notification"
    assert root.children[1].encoding == b"8bit"
    assert read(octets) == Receipt("Displayed: x", "schön\n", joe)


def test_words_of_a_client_are_words_and_nothing_else():
    octets = made(subject="a\r\nBcc: x@y\0" + "ö" * 900, text="a\0b\r\n--bound--\r\nc\x85d")
    root = scan(octets, limits=Limits())
    assert header.first(octets, root.start, root.body, b"bcc") is None
    assert text.header_text(root.envelope[1] or b"").startswith("a Bcc: x@y ö")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    odd = Notification(final_recipient=Typed("rfc822", "a@b"), disposition=DISPLAYED, original_message_id="a\0b@c")
    octets = made(notification=odd, to=(Address("a", "b"), Address("c", "d")))
    root = scan(octets, limits=Limits())
    assert header.first(octets, root.start, root.body, b"references") is None
    assert root.envelope[5] == b"a@b, c@d"
    none = Notification(final_recipient=Typed("rfc822", "a@b"), disposition=DISPLAYED)
    assert b"References" not in made(notification=none)


ASKS = b"Disposition-Notification-To: Jane <jane@example.org>\r\nMessage-ID: <1@example.org>\r\nSubject: =?utf-8?Q?x=C3=A9?=\r\n"


def test_what_a_message_asks_for():
    """RFC 8098 §2.1, §2.3."""
    assert asked(b"Return-Path: <jane@example.org>\r\nDate: today\r\n" + ASKS + b"\r\nhello\r\n") == ReceiptRequest(
        to=(Address("jane", "example.org"),),
        is_confirmed_path=True,
        message_id="1@example.org",
        subject="xé",
        date="today",
    )
    found = asked(b"Original-Recipient: rfc822 (x);team@example.com\r\n" + ASKS + b"\r\n")
    assert found.original_recipient == Typed("rfc822", "team@example.com")
    assert not found.is_confirmed_path, "there is no Return-Path"
    assert asked(b"\r\n") == ReceiptRequest()


@pytest.mark.parametrize(
    ("fields", "count", "is_confirmed"),
    [
        (b"Return-Path: <>\r\n" + ASKS, 1, False),
        (b"Return-Path: <eve@far.test>\r\n" + ASKS, 1, False),
        (b"Return-Path: <eve@far.test>\r\nReturn-Path: <jane@example.org>\r\n" + ASKS, 1, False),
        (b"Return-Path: <jane@example.org>\r\nDisposition-Notification-To: jane@example.org, <jane@example.org>\r\n", 1, True),
        (b"Return-Path: <a@b.test>\r\nDisposition-Notification-To: a@b.test, c@d.test\r\n", 2, False),
        (ASKS + ASKS, 0, False),
        (b"Disposition-Notification-To: nobody\r\n", 0, False),
        (b"Disposition-Notification-To:\r\n", 0, False),
        (b"Disposition-Notification-To: " + b", ".join(b"a%d@b.test" % n for n in range(ADDRESSES_MOST + 1)) + b"\r\n", 0, False),
    ],
)  # fmt: skip
def test_who_is_to_hear_of_it_and_whether_it_may_be_sent_unasked(fields: bytes, count: int, is_confirmed: bool):
    found = asked(fields + b"\r\n")
    assert (len(found.to), found.is_confirmed_path) == (count, is_confirmed)


@pytest.mark.parametrize("fields", [b"Original-Recipient: x\r\n", b"Original-Recipient: rfc822; a@b\r\n" * 2])
def test_an_original_recipient_that_is_none(fields: bytes):
    assert asked(fields + b"\r\n").original_recipient is None


def test_a_receipt_is_known_as_one():
    assert asked(EXAMPLE).is_receipt
    assert not asked(ASKS + b"\r\n").is_receipt
    assert find_notification_part(scan(b"\r\n", limits=Limits())) is None


def test_what_is_said_where_nobody_has_said_otherwise():
    deleted = Disposition("manual-action", "mdn-sent-manually", "deleted")
    assert default_subject("hello", DISPLAYED) == "Displayed: hello"
    assert default_subject("", deleted) == "Receipt: deleted"
    assert default_text(ReceiptRequest(subject="x", date="today"), "a@b", DISPLAYED) == (
        "The message of today to a@b with the subject “x” has been displayed.\n"
        "This is no guarantee that it has been read or understood.\n"
    )
    assert default_text(ReceiptRequest(), "a@b", deleted) == "The message to a@b has been deleted.\n"


@given(st.binary(max_size=300) | st.tuples(st.integers(0, len(EXAMPLE)), st.binary(max_size=30)).map(
    lambda cut: EXAMPLE[: cut[0]] + cut[1] + EXAMPLE[cut[0] :]
))  # fmt: skip
def test_any_octets_parse_or_are_a_syntax_problem(octets: bytes):
    assert isinstance(asked(octets), ReceiptRequest)
    try:
        receipt = read(octets)
    except SyntaxProblem:
        return
    assert isinstance(receipt, Receipt)
