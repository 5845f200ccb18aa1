"""Delivery status notifications (RFC 3464, in the frame of RFC 6522); both ways. The words are for people.

A multipart/report: what happened in plain words; what happened field by field; the header of the message that it is
about. Date, message identifier and boundary are handed in.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pillarbox.grammar.message import date, encoded_word, header, transfer
from pillarbox.grammar.message.header import Content, fold_words
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.smtp.path import format_address, format_path
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus


class FailedRecipient(msgspec.Struct, frozen=True):
    """One recipient: what became of it; `original` is what the sender wrote, before any alias."""

    status: DeliveryStatus
    original: Address | None = None


class Report(msgspec.Struct, frozen=True):
    """All that a report says. `hold_request` is what was asked for with the message, "for;3600" or "until;" and a
    date-time (RFC 4865 §5.1.2)."""

    reporting_host: str
    to: Address
    arrived: datetime
    at: datetime
    message_id: str
    boundary: str
    recipients: tuple[FailedRecipient, ...]
    subject: str = ""
    trace_id: str = ""
    original_header: bytes = b""
    hold_request: str = ""


ADVICE: tuple[tuple[str, str], ...] = (
    ("5.1.1", "The address does not exist there. Look for a typing error, or ask for the right address."),
    ("5.1.2", "The domain does not exist, or takes no mail. Look for a typing error after the @."),
    ("5.1.10", "The domain says that it takes no mail at all."),
    ("5.2.2", "The mailbox is full. Try again later, or reach the person in another way."),
    ("5.3.4", "The message is larger than the other side takes. Send less, or a link."),
    ("5.4.7", "The other side could not be reached for days. It may be gone, or have trouble."),
    ("4.4.7", "The other side could not be reached for days. It may be gone, or have trouble."),
    ("5.6.7", "The other side cannot handle addresses in other scripts."),
    ("5.7", "The other side refuses the message by its own rules. Its postmaster can say why."),
)


def format_report(report: Report) -> bytes:
    """The whole message, CRLF throughout."""
    fields = _fields(report)
    # ASCII where it can be: what is global needs eight bits, and a reader who knows of it.
    status_type = "global-delivery-status" if _has_other_scripts(report) else "delivery-status"
    status = fields.encode("utf-8" if _has_other_scripts(report) else "ascii", "replace")
    header_type = "text/rfc822-headers" if report.original_header.isascii() else "message/global-headers"
    delimiter = f"--{report.boundary}\r\n".encode()
    return b"".join(
        (
            _head(report, status_type).encode(),
            delimiter,
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            transfer.encode_quoted_printable(_words(report).encode("utf-8", "replace")),
            b"\r\n" + delimiter,
            _part_head(f"message/{status_type}", status),
            status,
            b"\r\n" + delimiter,
            _part_head(header_type, report.original_header),
            _one_ended(report.original_header),
            f"\r\n--{report.boundary}--\r\n".encode(),
        )
    )


def _has_other_scripts(report: Report) -> bool:
    named = [address for one in report.recipients for address in (one.status.recipient, one.original)]
    return not all(address is None or address.is_ascii for address in named)


def _part_head(media_type: str, body: bytes) -> bytes:
    encoding = "" if body.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
    return f"Content-Type: {media_type}\r\n{encoding}\r\n".encode()


def _one_ended(octets: bytes) -> bytes:
    """The header fields, each line ended by CRLF, without the empty line."""
    text = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n")
    return text.replace(b"\n", b"\r\n") + b"\r\n"


def _head(report: Report, status_type: str) -> str:
    return (
        f"From: Mail delivery <postmaster@{report.reporting_host}>\r\n"
        f"To: {format_path(report.to)}\r\n"
        f"Subject: {fold_words(encoded_word.encode(_subject(report)), len('Subject: '))}\r\n"
        f"Date: {date.format(report.at)}\r\n"
        f"Message-ID: <{report.message_id}>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={status_type};\r\n boundary="{report.boundary}"\r\n\r\n'
        "This is a report on the delivery of mail, in parts for people and for programs.\r\n\r\n"
    )


def _subject(report: Report) -> str:
    names = ", ".join(str(recipient.status.recipient) for recipient in report.recipients[:2])
    more = f" and {len(report.recipients) - 2} more" if len(report.recipients) > 2 else ""
    return f"Not delivered to {names}{more}"


def _words(report: Report) -> str:
    about = f"“{report.subject}”" if report.subject else "without a subject"
    lines = [
        f"Your message {about} of {date.format(report.arrived)}",
        "could not be delivered to:",
        "",
    ]
    for recipient in report.recipients:
        status = recipient.status
        lines.append(f"    {status.recipient}")
        if recipient.original is not None and recipient.original != status.recipient:
            lines.append(f"    (you wrote to {recipient.original})")
        if status.diagnostic:
            who = f"The server {status.remote_host} said" if status.remote_host else "The reason"
            lines.append(f"    {who}: {status.diagnostic}")
        advice = advice_on(status.status)
        if advice:
            lines.append(f"    {advice}")
        lines.append("")
    lines.append("Nothing more will be tried. The message was not lost: it is in your mailbox of sent mail,")
    lines.append("if your program keeps one, and its header is attached here.")
    if report.trace_id:
        lines += ["", f"The postmaster of {report.reporting_host} can look it up by the name {report.trace_id}."]
    return "\r\n".join(lines) + "\r\n"


def advice_on(status: str) -> str:
    """What a person can do about an enhanced status code; empty when there is nothing to say."""
    return next((text for prefix, text in ADVICE if status == prefix or status.startswith(f"{prefix}.")), "")


def _fields(report: Report) -> str:
    """RFC 3464 §2.1: a group for the message, one for each recipient."""
    groups = [
        [
            f"Reporting-MTA: dns; {report.reporting_host}",
            f"Arrival-Date: {date.format(report.arrived)}",
            *([f"Future-Release-Request: {report.hold_request}"] if report.hold_request else []),
        ]
    ]
    for recipient in report.recipients:
        status = recipient.status
        group = []
        if recipient.original is not None:
            group.append(f"Original-Recipient: {_typed(recipient.original)}")
        group += [
            f"Final-Recipient: {_typed(status.recipient)}",
            f"Action: {status.action.value}",
            f"Status: {_permanent(status)}",
        ]
        if status.remote_host:
            group.append(f"Remote-MTA: dns; {status.remote_host}")
        if status.diagnostic:
            group.append(f"Diagnostic-Code: smtp; {' '.join(status.diagnostic.split())[:900]}")
        group.append(f"Last-Attempt-Date: {date.format(report.at)}")
        groups.append(group)
    return "\r\n".join("\r\n".join(group) + "\r\n" for group in groups)


def _typed(address: Address) -> str:
    return f"{'rfc822' if address.is_ascii else 'utf-8'}; {format_address(address)}"


def _permanent(status: DeliveryStatus) -> str:
    """A failure that is final has class 5 (RFC 3463 §3.1), also where the last reply was temporary."""
    if status.action is Action.FAILED and status.status.startswith("4."):
        return "5" + status.status[1:]
    return status.status


def parse_fields(content: Content, part: Part) -> list[dict[str, str]]:
    """The groups of a delivery-status part: field names in lower case; the first group is the message's."""
    groups: list[dict[str, str]] = []
    for block in _blocks(bytes(content[part.body : part.end])):
        found = {
            field.name.decode("latin-1").lower(): header.unfold(field.value).decode("utf-8", "replace")
            for field in header.fields(block, 0, len(block))
        }
        if found:
            groups.append(found)
    return groups


def _blocks(octets: bytes) -> Sequence[bytes]:
    return octets.replace(b"\r\n", b"\n").split(b"\n\n")


def find_status_part(part: Part) -> Part | None:
    """The delivery-status part of a report."""
    if part.subtype.lower() in (b"delivery-status", b"global-delivery-status"):
        return part
    return next((found for child in part.children if (found := find_status_part(child)) is not None), None)
