"""Replies: three digits, perhaps an enhanced status, text, perhaps several lines (RFC 5321 §4.2); both ways.

Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
"""

import re

import msgspec

from pillarbox.model.errors import SyntaxProblem

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z)")
LINES_MOST = 200


class Reply(msgspec.Struct, frozen=True):
    """`status` is the enhanced code such as "2.1.0" (RFC 3463), or empty; `lines` at least one, without codes."""

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as one text."""
        return " ".join(self.lines)

    @property
    def is_positive(self) -> bool:
        """2yz or 3yz."""
        return self.code < 400

    @property
    def is_temporary(self) -> bool:
        """4yz."""
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.status} {self.text}" if self.status else f"{self.code} {self.text}"


def format(reply: Reply) -> bytes:
    """The lines with CRLF; the enhanced code stands on each (RFC 2034 §4)."""
    prefix = f"{reply.status} " if reply.status else ""
    last = len(reply.lines) - 1
    return "".join(
        f"{reply.code}{' ' if number == last else '-'}{prefix}{line}\r\n" for number, line in enumerate(reply.lines)
    ).encode()


class ReplyReader:
    """Cuts a stream of octets into replies. Bounded: a reply has `LINES_MOST` lines, a line `line_octets`."""

    def __init__(self, line_octets: int = 4_096) -> None:
        self._buffer = b""
        self._lines: list[tuple[int, str]] = []
        self._line_octets = line_octets

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now. Raises: SyntaxProblem when the peer speaks something else."""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > self._line_octets or any(len(line) > self._line_octets for line in lines):
            raise SyntaxProblem(f"reply lines of at most {self._line_octets} octets")
        found = []
        for line in lines:
            reply = self._line(line.removesuffix(b"\r"))
            if reply is not None:
                found.append(reply)
        return found

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        if match is None or len(self._lines) >= LINES_MOST:
            raise SyntaxProblem("a reply line")
        self._lines.append((int(match[1]), (match[3] or b"").decode("utf-8", "replace")))
        if match[2] == b"-":
            return None
        lines, self._lines = self._lines, []
        code = lines[-1][0]
        enhanced = _ENHANCED.match(lines[-1][1])
        if enhanced is None or enhanced[1][0] != str(code)[0]:
            return Reply(code, "", tuple(text for _, text in lines))
        status = enhanced[1]
        return Reply(code, status, tuple(text.removeprefix(status).removeprefix(" ") for _, text in lines))
