"""Content-transfer-encodings undone piece by piece: what `transfer.decode` gives for the whole, in bounded memory.

However the octets are cut, all pieces together are the same (RFC 2045 §6.7, §6.8).
"""

from typing import Protocol

from pillarbox.grammar.message import transfer

_HELD_OPEN = b" \t\r="
"""What may belong to a line end that is still to come."""
_MOST_HELD_OCTETS = 262_144
"""Of white space and nothing else: no line of text has that."""


class Decoder(Protocol):
    """Pieces in, pieces out; `end` gives the rest."""

    def feed(self, octets: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class _Identity:
    def feed(self, octets: bytes) -> bytes:
        return octets

    def end(self) -> bytes:
        return b""


class _Whole:
    """For what nobody sends any more: nothing comes out before the end."""

    def __init__(self, encoding: bytes) -> None:
        self._encoding = encoding
        self._pieces: list[bytes] = []

    def feed(self, octets: bytes) -> bytes:
        self._pieces.append(octets)
        return b""

    def end(self) -> bytes:
        return transfer.decode(b"".join(self._pieces), self._encoding)


class _Base64:
    """Holds back what is no whole group of four."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, octets: bytes) -> bytes:
        bare = self._held + octets.translate(None, transfer.NOT_BASE64)
        last = bare.rfind(b"=") + 1  # a group ends there, whole or not
        cut = last + (len(bare) - last) // 4 * 4
        self._held = bare[cut:]
        return transfer.decode_base64(bare[:cut])

    def end(self) -> bytes:
        return transfer.decode_base64(self._held)


class _QuotedPrintable:
    """Holds back white space and `=` at the end, for which it matters what follows."""

    def __init__(self) -> None:
        self._held = b""
        self._escape = b""

    def feed(self, octets: bytes) -> bytes:
        octets = self._held + octets
        cut = len(octets.rstrip(_HELD_OPEN))
        if len(octets) - cut > _MOST_HELD_OCTETS:
            cut = len(octets)
        self._held = octets[cut:]
        text = self._escape + transfer.without_soft_breaks(octets[:cut])
        begun = text.rfind(b"=", max(0, len(text) - 2))
        self._escape = b"" if begun < 0 else text[begun:]
        return transfer.unescaped(text if begun < 0 else text[:begun])

    def end(self) -> bytes:
        text = self._escape + transfer.without_soft_breaks(self._held)
        return transfer.unescaped(text.removesuffix(b"="))


def decoder(encoding: bytes) -> Decoder:
    """For this content-transfer-encoding; an unknown one leaves the octets as they are (RFC 2045 §6.4)."""
    match encoding.strip().lower():
        case b"base64":
            return _Base64()
        case b"quoted-printable":
            return _QuotedPrintable()
        case b"x-uuencode" | b"x-uue" | b"uuencode":
            return _Whole(encoding)
    return _Identity()
