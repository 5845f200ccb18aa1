"""OK, NO, BAD, PREAUTH, BYE, with their codes (RFC 3501 §7.1, RFC 5530); continuation requests; both ways."""

import re

import msgspec

from pillarbox.model.errors import SyntaxProblem

_LINE = re.compile(rb"([^ ]+) (OK|NO|BAD|PREAUTH|BYE)(?: (?:\[((?:[^\]\"]|\"[^\"]*\")*)\] ?)?(.*))?", re.I | re.S)
_NO_TEXT = re.compile(rb"[^\x20-\x7e]")


class Status(msgspec.Struct, frozen=True):
    """`tag` is b"*" where it is untagged; `code` without brackets, e.g. b"UIDNEXT 5", empty if there is none."""

    tag: bytes
    kind: str
    text: str
    code: bytes = b""


def format(status: Status) -> bytes:
    """The line with CRLF. A text may quote what the peer wrote: what cannot stand in it becomes a question mark."""
    code = b"[%b] " % status.code if status.code else b""
    text = _NO_TEXT.sub(b"?", status.text.encode("ascii", "replace"))
    return b"%b %b %b%b\r\n" % (status.tag, status.kind.encode(), code, text)


def format_continuation(text: bytes = b"") -> bytes:
    """`+ text`."""
    return b"+ " + text + b"\r\n"


def is_status(line: bytes) -> bool:
    """Whether it is one of these."""
    return _LINE.fullmatch(line) is not None


def parse(line: bytes) -> Status:
    """Raises: SyntaxProblem."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise SyntaxProblem("OK, NO, BAD, PREAUTH or BYE")
    return Status(match[1], match[2].decode().upper(), (match[4] or b"").decode("utf-8", "replace"), match[3] or b"")
