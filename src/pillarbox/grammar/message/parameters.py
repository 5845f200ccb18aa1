"""`value; name=value; …` of Content-Type and Content-Disposition, with the continuations of RFC 2231; both ways.

parameter := attribute "=" value          RFC 2045 §5.1
attribute := name ["*" section] ["*"]     RFC 2231 §7
"""

import re

from pillarbox.grammar.message import encoded_word
from pillarbox.grammar.message.charset import decode
from pillarbox.grammar.message.header import without_comments

_TOKEN = rb"[^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f]+"
_LOOSE = rb"[^;\x00-\x20]+"
_SIMPLE = re.compile(rb"\s*(" + _TOKEN + rb")/(" + _TOKEN + rb")\s*(?=;|\Z)")
_VALUE = re.compile(rb"[\s(]*(" + _TOKEN + rb")(?:\s*/\s*(" + _TOKEN + rb"))?\s*")
_PARAMETER = re.compile(rb"\s*;?\s*(" + _TOKEN + rb')\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|(' + _LOOSE + rb"))?\s*", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]?")
_SECTION = re.compile(rb"([^*]+)\*(\d{1,9})(\*?)")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")

Parameters = tuple[tuple[bytes, bytes], ...]


def parse_type(value: bytes) -> tuple[bytes, bytes, Parameters] | None:
    """(type, subtype, parameters) of a Content-Type, letters as written; None when there is no type in it."""
    value = without_comments(value)
    match = _VALUE.match(value)
    if match is None or match[2] is None:
        return None
    return match[1], match[2], parse_parameters(value, match.end())


def parse_value(value: bytes) -> tuple[bytes, Parameters]:
    """(first word, parameters), for Content-Disposition and the like; the word may be empty."""
    value = without_comments(value)
    match = _VALUE.match(value)
    return (b"", ()) if match is None else (match[1], parse_parameters(value, match.end()))


def parse_parameters(value: bytes, place: int) -> Parameters:
    """Names and raw values in order; sections of RFC 2231 §3 joined, and put last, names keep the `*` of §4."""
    plain: list[tuple[bytes, bytes]] = []
    sections: dict[bytes, list[tuple[int, bool, bytes]]] = {}
    while place < len(value):
        match = _PARAMETER.match(value, place)
        if match is None:
            place = value.find(b";", place + 1)
            if place < 0:
                break
            continue
        place = match.end()
        name = match[1]
        text = match[3] or b""
        if match[2] is not None:
            text = (
                _FOLD.sub(b" ", _ESCAPED.sub(rb"\1", match[2]))
                if (b"\\" in match[2] or b"\n" in match[2])
                else match[2]
            )
        section = _SECTION.fullmatch(name) if b"*" in name else None
        if section is None:
            plain.append((name, text))
        else:
            sections.setdefault(section[1], []).append((int(section[2]), bool(section[3]), text))
    for name, pieces in sorted(sections.items()):
        pieces.sort()
        extended = any(is_extended for _, is_extended, _ in pieces)
        joined = b"".join(t if e or not extended else t.replace(b"%", b"%25") for _, e, t in pieces)
        plain.append((name + b"*" if extended else name, joined))
    return tuple(plain)


def find(parameters: Parameters, name: bytes) -> str | None:
    """The decoded value of a parameter; the extended form (RFC 2231 §4) is preferred.

    Encoded words, which may not stand here (RFC 2047 §5), are decoded all the same: many programs write file names so.
    """
    wanted = name.lower()
    for key, value in parameters:
        if key.lower() == wanted + b"*":
            charset, _, rest = value.partition(b"'")
            text = rest.partition(b"'")[2] if b"'" in rest else value
            octets = _PERCENT.sub(lambda m: bytes([int(m[1], 16)]), text)
            return decode(octets, charset.decode("ascii", "replace") if b"'" in value else "utf-8")
    for key, value in parameters:
        if key.lower() == wanted:
            return encoded_word.decode(value)
    return None


_ATTRIBUTE_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`{|}~")
_SECTION_OCTETS = 54


def format_parameter(name: str, value: str) -> list[str]:
    """The parameter as one or more `; name=value` pieces, each short enough for a line (RFC 2231 §3, §4)."""
    if value.isascii() and value.isprintable() and len(value) <= _SECTION_OCTETS:
        if value and all(byte in _ATTRIBUTE_SAFE for byte in value.encode()):
            return [f"; {name}={value}"]
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return [f'; {name}="{quoted}"']
    encoded = [
        chr(byte) if byte in _ATTRIBUTE_SAFE else f"%{byte:02X}" for byte in value.encode("utf-8", "surrogateescape")
    ]
    lines, current = [], ""
    for piece in encoded:
        if len(current) + len(piece) > _SECTION_OCTETS:
            lines.append(current)
            current = ""
        current += piece
    lines.append(current)
    if len(lines) == 1:
        return [f"; {name}*=utf-8''{lines[0]}"]
    return [f"; {name}*{n}*={'utf-8' + chr(39) * 2 if n == 0 else ''}{line}" for n, line in enumerate(lines)]
