"""Messages as a terminal may show them: decoded, and without control characters that a stranger chose."""

import re
from typing import Any

from pillarbox.grammar.imap.responses.envelope import Envelope
from pillarbox.grammar.message import encoded_word, header, parameters
from pillarbox.grammar.message.address_list import parse
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.text import header_text, main_text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HEADERS = (b"From", b"To", b"Cc", b"Date", b"Subject")


def safe(text: str) -> str:
    """Without control characters but tab and newline, and without direction overrides."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The same, on one line."""
    return " ".join(safe(text).split())


def listed(uid: int, flags: tuple[str, ...], envelope: Envelope) -> dict[str, Any]:
    """A row of `mail list`: `uid, date, from, subject, flags, message_id`."""
    sender = envelope.from_[0] if envelope.from_ else None
    name = ""
    if sender is not None:
        name = encoded_word.decode(sender.name or b"") or f"{_text(sender.mailbox)}@{_text(sender.host)}"
    return {
        "uid": uid,
        "date": _text(envelope.date),
        "from": one_line(name),
        "subject": one_line(encoded_word.decode(envelope.subject or b"")),
        "flags": list(flags),
        "message_id": _text(envelope.message_id),
    }


def _text(octets: bytes | None) -> str:
    return one_line((octets or b"").decode("utf-8", "replace"))


def leaves(part: Part, numbers: tuple[int, ...] = ()) -> list[tuple[str, Part]]:
    """(number as IMAP has it, part) of all parts that are no multiparts."""
    if part.is_multipart and part.children:
        return [found for n, child in enumerate(part.children, 1) for found in leaves(child, (*numbers, n))]
    return [(".".join(map(str, numbers or (1,))), part)]


def file_name(part: Part) -> str:
    """The name that the sender gave, or empty."""
    name = parameters.find(part.disposition_parameters, b"filename") or parameters.find(part.parameters, b"name") or ""
    return one_line(encoded_word.decode(name.encode("utf-8", "surrogateescape"))) if "=?" in name else one_line(name)


def message(octets: bytes, root: Part) -> dict[str, Any]:
    """What `mail read` shows: `headers, text, parts[number, type, name, octets]`."""
    headers = {}
    for name in HEADERS:
        value = header.first(octets, root.start, root.body, name)
        if value is not None:
            headers[name.decode()] = _shown_header(name, value)
    text, _ = main_text(octets, root)
    parts = [
        {
            "number": number,
            "type": f"{part.type.decode('latin-1')}/{part.subtype.decode('latin-1')}".lower(),
            "name": file_name(part),
            "octets": part.size_octets,
        }
        for number, part in leaves(root)
    ]
    return {"headers": headers, "text": safe(text), "parts": parts}


def _shown_header(name: bytes, value: bytes) -> str:
    if name in (b"From", b"To", b"Cc"):
        found = parse(value)
        if found:
            return one_line(", ".join(f"{m.name} <{m.address}>" if m.name else m.address for m in found))
    return one_line(header_text(value))
