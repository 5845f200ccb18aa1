"""An Email that was read and checked becomes the octets of a message (RFC 8621 §4.6, RFC 5322, RFC 2045).

What is random or knows the time is handed in: the same input gives the same octets. Lines end in CRLF.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import count

import msgspec

from pillarbox.grammar.jmap.creation import NewEmail
from pillarbox.grammar.jmap.creation_part import NewPart
from pillarbox.grammar.jmap.header_values import LINE_OCTETS
from pillarbox.grammar.message import date, transfer
from pillarbox.grammar.message.parameters import format_parameter
from pillarbox.model.errors import SyntaxProblem

_LINE_END = re.compile(r"\r\n|\r|\n")
_BARE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_TEXT_LINE = 78
"""RFC 5322 §2.1.1: what lines should not exceed."""
_HIGH = bytes(range(128, 256))
_ORDER = (
    "date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "message-id", "in-reply-to", "references",
)  # fmt: skip
_PLACE = {name: place for place, name in enumerate(_ORDER)}


class BlobsNotFound(SyntaxProblem):
    """blobNotFound (RFC 8621 §4.6): none of these was handed in."""

    def __init__(self, blob_ids: tuple[str, ...]) -> None:
        super().__init__("blobs that exist")
        self.blob_ids = blob_ids


class Fresh(msgspec.Struct, frozen=True):
    """What a new message needs from outside: the moment, an identifier without angle brackets, and a boundary.

    The boundary is of at most 50 letters, digits and `=_.`, and unpredictable.
    """

    at: datetime
    message_id: str
    boundary: str


def compose(email: NewEmail, blobs: Mapping[str, bytes], fresh: Fresh) -> bytes:
    """The message; Date, Message-ID and MIME-Version are made where the client gave none. Raises: BlobsNotFound."""
    missing = tuple(blob_id for blob_id in email.blob_ids() if blob_id not in blobs)
    if missing:
        raise BlobsNotFound(missing)
    fields = list(email.fields)
    given = {name.lower() for name, _ in fields}
    for name, value in (
        ("Date", date.format(fresh.at)),
        ("Message-ID", f"<{fresh.message_id}>"),
        ("MIME-Version", "1.0"),
    ):
        if name.lower() not in given:
            fields.append((name, f" {value}"))
    fields.sort(key=lambda field: _PLACE.get(field[0].lower(), len(_ORDER)))
    head, body = _Writer(blobs, fresh.boundary).entity(email.body)
    lines = [*(f"{name}:{value}" for name, value in fields), *head]
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return _head(lines) + body


def _head(lines: list[str]) -> bytes:
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


class _Writer:
    """Writes the entities of one message."""

    def __init__(self, blobs: Mapping[str, bytes], boundary: str) -> None:
        self._blobs = blobs
        self._boundary = boundary
        self._numbers = count(1)

    def entity(self, part: NewPart) -> tuple[list[str], bytes]:
        """Lines of its header that say what it is, and its encoded body."""
        if part.children:
            return self._multipart(part)
        if part.text is not None:
            charset, encoding, octets = _text(part)
        else:
            charset, encoding, octets = "", *_file(part.kind, self._blobs[part.blob_id or ""])
        head = _content_head(part, (("charset", charset),) if charset else ())
        return [*head, f"Content-Transfer-Encoding: {encoding}"], octets

    def _multipart(self, part: NewPart) -> tuple[list[str], bytes]:
        boundary = f"{self._boundary}_{next(self._numbers)}_"
        written = []
        for child in part.children:
            head, body = self.entity(child)
            written.append(_head([*(f"{name}:{value}" for name, value in child.fields), *head]) + body)
        while any(boundary.encode() in octets for octets in written):
            boundary += "x"
        delimiter = f"--{boundary}".encode()
        pieces = [piece for octets in written for piece in (delimiter + b"\r\n" + octets, b"\r\n")]
        return _content_head(part, (("boundary", boundary),)), b"".join([*pieces, delimiter, b"--\r\n"])


def _content_head(part: NewPart, more: tuple[tuple[str, str], ...]) -> list[str]:
    """Content-Type and the other fields that properties stand for; a name without a disposition is the type's."""
    name = [] if part.name is None else [("filename" if part.disposition else "name", part.name)]
    of_type = [*more, *part.parameters, *([] if part.disposition else name)]
    lines = ["Content-Type: " + part.kind + _parameters(of_type)]
    if part.disposition is not None:
        lines.append("Content-Disposition: " + part.disposition + _parameters(name))
    if part.cid is not None:
        lines.append(f"Content-ID: <{part.cid}>")
    if part.language:
        lines.append("Content-Language: " + ",\r\n ".join(part.language))
    if part.location is not None:
        lines.append(f"Content-Location: {part.location}")
    return lines


def _parameters(pairs: list[tuple[str, str]]) -> str:
    pieces = [piece.removeprefix("; ") for name, value in pairs for piece in format_parameter(name, value)]
    if len(pieces) == 1 and len(pieces[0]) < 40:
        return f"; {pieces[0]}"
    return "".join(f";\r\n {piece}" for piece in pieces)


def _text(part: NewPart) -> tuple[str, str, bytes]:
    """(charset, transfer encoding, octets): as readable as it can be (RFC 2045 §6)."""
    octets = _LINE_END.sub("\r\n", part.text or "").encode("utf-8", "replace")
    charset = ("us-ascii" if octets.isascii() else "utf-8") if part.kind.lower().startswith("text/") else ""
    if octets.isascii() and _is_lines(octets, _TEXT_LINE):
        return charset, "7bit", octets
    if (len(octets) - len(octets.translate(None, _HIGH))) * 6 > len(octets):
        return charset, "base64", _base64(octets)
    return charset, "quoted-printable", transfer.encode_quoted_printable(octets)


def _file(kind: str, octets: bytes) -> tuple[str, bytes]:
    """A message inside stays as it is (RFC 2046 §5.2.1), text where it can be read, all else is base64."""
    kind = kind.lower()
    if kind.startswith("message/"):
        if not _is_lines(octets, LINE_OCTETS):
            return "binary", octets
        return ("7bit" if octets.isascii() else "8bit"), octets
    if kind.startswith("text/") and octets.isascii() and _is_lines(octets, LINE_OCTETS):
        return "7bit", octets
    return "base64", _base64(octets)


def _base64(octets: bytes) -> bytes:
    return transfer.encode_base64(octets).removesuffix(b"\r\n")


def _is_lines(octets: bytes, most: int) -> bool:
    return _BARE_END.search(octets) is None and max(map(len, octets.split(b"\r\n"))) <= most
