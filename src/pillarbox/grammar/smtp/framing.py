"""Cuts what a client sends into command lines; bounded, and never quadratic (RFC 5321 §2.3.8, §4.5.3.1.4).

A line ends with CRLF. A bare LF does not end one: it stays inside, and the command is refused as a whole. A line that
is too long is given up to its end, once, as `TooLong`.
"""

from enum import Enum


class Oversize(Enum):
    """Stands where a line would."""

    TOO_LONG = "too long"


TOO_LONG = Oversize.TOO_LONG


class LineReader:
    """Keeps what is not a whole line yet."""

    def __init__(self, line_octets: int) -> None:
        self.line_octets = line_octets
        self._buffer = b""
        self._place = 0
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """More octets."""
        self._buffer = self._buffer[self._place :] + data if self._place < len(self._buffer) else data
        self._place = 0

    def next(self) -> bytes | Oversize | None:
        """The next line without CRLF; None when more must come."""
        end = self._buffer.find(b"\r\n", self._place)
        if end < 0:
            if len(self._buffer) - self._place > self.line_octets + 1:  # a CR may have come without its LF
                self._skipping = True
                self._buffer = self._buffer[-1:]  # a CR there may be the first half of the line's end
                self._place = 0
            return None
        line = self._buffer[self._place : end]
        self._place = end + 2
        if self._skipping or len(line) > self.line_octets:
            self._skipping = False
            return TOO_LONG
        return line

    def rest(self) -> bytes:
        """All that has not been read as lines; the reader is empty afterwards (content follows, or TLS does)."""
        rest = self._buffer[self._place :]
        self._buffer, self._place = b"", 0
        return rest
