"""Content-transfer-encodings (RFC 2045 §6): base64, quoted-printable, the identities; decoding never raises."""

import binascii
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_SOFT = re.compile(rb"=[ \t]*\r?\n")
_TRAILING = re.compile(rb"[ \t]+(?=\r?\n|\Z)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_UU_BEGIN = re.compile(rb"begin \d{3,4} [^\r\n]*\r?\n")
_LINE_OCTETS = 57
_QP_PLAIN = re.compile(rb"[^\x09\x20-\x3c\x3e-\x7e]")


def decode(octets: bytes, encoding: bytes) -> bytes:
    """The octets meant; an unknown encoding leaves them as they are (RFC 2045 §6.4)."""
    kind = encoding.strip().lower()
    if kind == b"base64":
        return decode_base64(octets)
    if kind == b"quoted-printable":
        return decode_quoted_printable(octets)
    if kind in (b"x-uuencode", b"x-uue", b"uuencode"):
        return _decode_uu(octets)
    return octets


def decode_base64(octets: bytes) -> bytes:
    """What is outside the alphabet is passed over (RFC 2045 §6.8); padding inside begins anew."""
    out = []
    for piece in octets.split(b"="):
        bare = _NOT_BASE64.sub(b"", piece)
        if len(bare) % 4 == 1:
            bare = bare[:-1]
        if bare:
            out.append(binascii.a2b_base64(bare + b"=" * (-len(bare) % 4)))
    return b"".join(out)


def decode_quoted_printable(octets: bytes) -> bytes:
    """What is no escape stays as it is (RFC 2045 §6.7)."""
    text = _SOFT.sub(b"", _TRAILING.sub(b"", octets))
    if text.endswith(b"="):
        text = text[:-1]
    return _HEX.sub(lambda m: bytes([int(m[1], 16)]), text)


def _decode_uu(octets: bytes) -> bytes:
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    out = []
    for line in octets[begin.end() :].splitlines():
        if line.rstrip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                out.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                continue
    return b"".join(out)


def encode_base64(octets: bytes) -> bytes:
    """Lines of 76 characters, ended by CRLF."""
    return b"".join(
        binascii.b2a_base64(octets[place : place + _LINE_OCTETS], newline=False) + b"\r\n"
        for place in range(0, len(octets), _LINE_OCTETS)
    )


def encode_quoted_printable(text: bytes) -> bytes:
    """Text with CRLF line ends as lines of at most 76 characters."""
    lines = []
    for line in text.split(b"\r\n"):
        escaped = _QP_PLAIN.sub(lambda m: b"=%02X" % m[0][0], line)
        if escaped.endswith((b" ", b"\t")):
            escaped = escaped[:-1] + b"=%02X" % escaped[-1]
        while len(escaped) > 76:
            cut = 75
            while b"=" in escaped[cut - 2 : cut]:
                cut -= 1
            lines.append(escaped[:cut] + b"=")
            escaped = escaped[cut:]
        lines.append(escaped)
    return b"\r\n".join(lines)
