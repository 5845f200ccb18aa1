"""Encoded words: other scripts inside header fields (RFC 2047), both ways. Decoding never raises.

encoded-word = "=?" charset "?" encoding "?" encoded-text "?="     RFC 2047 §2
"""

import binascii
import re

from pillarbox.grammar.message.charset import decode as decode_charset

_WORD = re.compile(rb"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*|[^?]*?)\?=")
_GAP = re.compile(rb"\s*")
_QUOTED = re.compile(rb"=([0-9A-Fa-f]{2})")
_WORD_OCTETS = 45
"""Of UTF-8 text in one encoded word: in base64, with its frame, at most 75 characters (RFC 2047 §2)."""


def decode(value: bytes) -> str:
    """The text of an unfolded field value; white space between two encoded words goes (RFC 2047 §6.2)."""
    if b"=?" not in value:
        return decode_charset(value, "utf-8")
    out: list[str] = []
    pending: list[bytes] = []
    pending_charset = ""
    place = 0
    for match in _WORD.finditer(value):
        between = value[place : match.start()]
        follows = bool(pending) and _GAP.fullmatch(between) is not None
        charset = match[1].decode("ascii", "replace").lower()
        if pending and not (follows and charset == pending_charset):
            out.append(decode_charset(b"".join(pending), pending_charset))
            pending = []
        if not follows:
            out.append(decode_charset(between, "utf-8"))
        pending.append(_octets(match[2], match[3]))
        pending_charset = charset
        place = match.end()
    if pending:
        out.append(decode_charset(b"".join(pending), pending_charset))
    out.append(decode_charset(value[place:], "utf-8"))
    return "".join(out)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return _QUOTED.sub(lambda m: bytes([int(m[1], 16)]), text.replace(b"_", b" "))
    bare = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    if len(bare) % 4 == 1:
        bare = bare[:-1]
    return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4))


def encode(text: str, *, always: bool = False) -> str:
    """Text for an unstructured field or a phrase: as it is if ASCII, else as encoded words parted by spaces.

    `always` encodes ASCII too: what has spaces in a row or at its ends would not outlive folding.
    """
    if not always and text.isascii() and text.isprintable() and "=?" not in text:
        return text
    words, current = [], b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(current) + len(octets) > _WORD_OCTETS:
            words.append(current)
            current = b""
        current += octets
    words.append(current)
    return " ".join(f"=?utf-8?B?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)
