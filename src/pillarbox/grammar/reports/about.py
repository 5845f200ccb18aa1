"""What a report that came in says of a message that was sent before: on its delivery, or on what its reader did.

    multipart/report (RFC 6522 §3): words for people · message/delivery-status (RFC 3464 §2)
                                    or message/disposition-notification (RFC 8098 §3) · the message, or its header

Nothing of it is believed here: whoever reads it looks whether such a message was sent at all. Any octets are read; what
is no report gives None.
"""

import msgspec

from pillarbox.grammar.message import header
from pillarbox.grammar.message.header import Content, header_end
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.reports.dsn import find_status_part, parse_fields
from pillarbox.grammar.reports.mdn import parse_notification
from pillarbox.model.errors import SyntaxProblem

FIELDS_OCTETS = 500_000
"""Of the fields of a report; a longer one is looked at no further than that."""
HEADER_OCTETS = 65_536
"""Of the header that a report returns."""
_DISPOSITION = (b"disposition-notification", b"global-disposition-notification")
_HEADERS = (b"rfc822-headers", b"global-headers")


class RecipientReport(msgspec.Struct, frozen=True):
    """What it says of one recipient. `named` is the address that the sender wrote, empty where the report does not say;
    `action` is in lower case, `reply` the words of a server (RFC 3464 §2.3.6)."""

    address: str
    named: str
    action: str
    status: str = ""
    reply: str = ""


class ReportAbout(msgspec.Struct, frozen=True):
    """A report. It names the message by its Message-ID, or by the identifier that came with its envelope; either may be
    empty. `is_disposition`: what a reader did; the only action of importance is then "displayed"."""

    is_disposition: bool
    identifier: str
    envelope_identifier: str
    recipients: tuple[RecipientReport, ...]


def find_report(content: Content, part: Part) -> ReportAbout | None:
    """What the message says as a report; None when it is none."""
    if not part.is_multipart or part.subtype.lower() != b"report":
        return None
    status = find_status_part(part)
    if status is not None:
        return _on_delivery(content, part, status)
    found = next((child for child in part.children if child.subtype.lower() in _DISPOSITION), None)
    return None if found is None else _on_disposition(content, part, found)


def _fields(content: Content, part: Part) -> list[dict[str, str]]:
    return parse_fields(content, msgspec.structs.replace(part, end=min(part.end, part.body + FIELDS_OCTETS)))


def _on_delivery(content: Content, whole: Part, status: Part) -> ReportAbout:
    groups = _fields(content, status)
    first = groups[0] if groups else {}
    recipients = tuple(
        RecipientReport(
            address=_value(group, "final-recipient"),
            named=_value(group, "original-recipient"),
            action=group.get("action", "").strip().lower(),
            status=group.get("status", "").strip(),
            reply=_value(group, "diagnostic-code", kind="smtp"),
        )
        for group in groups
        if "final-recipient" in group or "original-recipient" in group
    )
    envelope_identifier = first.get("original-envelope-id", "").strip()
    return ReportAbout(False, _original(content, whole), envelope_identifier, recipients)


def _on_disposition(content: Content, whole: Part, found: Part) -> ReportAbout | None:
    try:
        said = parse_notification(bytes(content[found.body : min(found.end, found.body + FIELDS_OCTETS)]))
    except SyntaxProblem:
        return None
    original = "" if said.original_recipient is None else said.original_recipient.name
    recipient = RecipientReport(said.final_recipient.name, original, said.disposition.type)
    return ReportAbout(True, said.original_message_id or _original(content, whole), "", (recipient,))


def _value(fields: dict[str, str], name: str, *, kind: str = "") -> str:
    """`rfc822; user@host` → `user@host`; with `kind`, empty when it is of another."""
    found, semicolon, value = fields.get(name, "").partition(";")
    if not semicolon:
        return "" if kind else found.strip()
    return value.strip() if not kind or found.strip().lower() == kind else ""


def _original(content: Content, whole: Part) -> str:
    """The Message-ID of the message that comes back, whole or as its header."""
    for child in whole.children:
        if child.inner is not None:
            start, end = child.inner.start, child.inner.body
        elif child.subtype.lower() in _HEADERS:
            start, end = child.body, child.end
        else:
            continue
        octets = bytes(content[start : min(end, start + HEADER_OCTETS)])
        value = header.first(octets, 0, header_end(octets, 0, len(octets)), b"message-id")
        names = [] if value is None else parse_ids(value)
        if names:
            return names[0]
    return ""
