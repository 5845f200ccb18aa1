"""Content-transfer-encodings (RFC 2045 §6): base64, quoted-printable, the identities; decoding never raises."""

import binascii
import re

NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_UNPADDED = re.compile(rb"[^=]+")
_SOFT = re.compile(rb"=[ \t]*\r?\n")
# A run of white space is looked at once, from its start: long ones must not cost the square of their length.
_TRAILING = re.compile(rb"(?<![ \t])[ \t]+(?=\r?\n|\Z)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_UU_BEGIN = re.compile(rb"^begin \d{3,4} [^\r\n]*\r?\n", re.MULTILINE)
_KNOWN = frozenset(
    (b"", b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable", b"x-uuencode", b"x-uue", b"uuencode")
)
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


def decoded_size(octets: bytes, encoding: bytes) -> int:
    """How many octets `decode` would give; of base64 without decoding it, as sizes are asked for more than content."""
    if encoding.strip().lower() == b"base64":
        bare = octets.translate(None, NOT_BASE64)
        padded = bare.find(b"=")
        if padded < 0 or not bare[padded:].strip(b"="):
            length = len(bare) if padded < 0 else padded
            return length // 4 * 3 + (0, 0, 1, 2)[length % 4]
    return len(decode(octets, encoding))


def is_known(encoding: bytes) -> bool:
    """Whether `decode` does what the sender meant (RFC 2045 §6.1); nothing written is 7bit."""
    return encoding.strip().lower() in _KNOWN


def decode_base64(octets: bytes) -> bytes:
    """What is outside the alphabet is passed over (RFC 2045 §6.8); padding inside begins anew."""
    out = []
    for piece in _UNPADDED.finditer(octets.translate(None, NOT_BASE64)):
        bare = piece[0]
        if len(bare) % 4 == 1:
            bare = bare[:-1]
        out.append(binascii.a2b_base64(bare + b"=" * (-len(bare) % 4)))
    return b"".join(out)


def decode_quoted_printable(octets: bytes) -> bytes:
    """What is no escape stays as it is (RFC 2045 §6.7)."""
    return unescaped(without_soft_breaks(octets).removesuffix(b"="))


def without_soft_breaks(octets: bytes) -> bytes:
    """Without white space at the ends of lines, then without soft line breaks."""
    return _SOFT.sub(b"", _TRAILING.sub(b"", octets))


def unescaped(text: bytes) -> bytes:
    """Each `=XX` as its octet."""
    return _HEX.sub(lambda m: bytes([int(m[1], 16)]), text)


def _decode_uu(octets: bytes) -> bytes:
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    out = []
    for line in octets[begin.end() :].splitlines():
        if line.rstrip() == b"end":
            break
        if not line:
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
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
        place = 0
        while len(escaped) - place > 76:
            cut = place + 75
            while b"=" in escaped[cut - 2 : cut]:
                cut -= 1
            lines.append(escaped[place:cut] + b"=")
            place = cut
        lines.append(escaped[place:])
    return b"\r\n".join(lines)
