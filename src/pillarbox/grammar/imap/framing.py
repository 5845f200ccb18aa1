"""Cuts what a client sends into whole commands, and announces each literal before its octets come.

    literal = "{" number ["+"] "}" CRLF *CHAR8          RFC 9051 §9, RFC 7888 §4

Whoever is told of a literal says what is to become of it: `accept` (into the command), `stream` (handed on in
chunks) or `refuse`. Only CRLF ends a line. Never quadratic: each octet is looked at once.
"""

import re

import msgspec

_LITERAL = re.compile(rb"~?\{(\d{1,15})(\+?)\}\Z")
_TAIL_OCTETS = 24
"""The end of a line: enough to see the announcement of a literal."""
LITERALS = 200
"""So many may be in one command: each is announced with all that came before it."""


class Whole(msgspec.Struct, frozen=True):
    """A command without its last CRLF; literals stand in it as they came, `{5}\\r\\nhello`."""

    text: bytes


class Announced(msgspec.Struct, frozen=True):
    """A literal of `size_octets` is about to come; `text` is the command up to and with the announcement.

    With `waits` the client sends nothing until it is asked to; else the octets come at once.
    """

    text: bytes
    size_octets: int
    waits: bool


class Chunk(msgspec.Struct, frozen=True):
    """Octets of a literal that is streamed."""

    octets: bytes
    is_last: bool


class TooLong(msgspec.Struct, frozen=True):
    """A line beyond its limit, or a literal too many; the command is given up. `text` is its start, for the tag."""

    text: bytes


Event = Whole | Announced | Chunk | TooLong


def _announcement(line: bytes) -> re.Match[bytes] | None:
    return _LITERAL.search(line[-_TAIL_OCTETS:]) if line.endswith(b"}") else None


class CommandReader:
    """The server's side of one connection."""

    def __init__(self, line_octets: int) -> None:
        self._line_octets = line_octets
        self._buffer = b""
        self._place = 0
        self._scanned = 0
        self._pieces: list[bytes] = []
        self._literals = 0
        self._wanted = 0
        self._streams = False
        self._skips = 0
        self._drops_line = False

    def feed(self, data: bytes) -> None:
        """More octets."""
        if self._place >= len(self._buffer):
            self._buffer = data
        else:
            self._buffer = self._buffer[self._place :] + data
        self._scanned = max(0, self._scanned - self._place)
        self._place = 0

    def accept(self, size_octets: int) -> None:
        """The literal becomes part of the command."""
        self._wanted = size_octets

    def stream(self, size_octets: int) -> None:
        """The literal is handed on as `Chunk`s; what follows it is the next line."""
        self._wanted = size_octets
        self._streams = True
        self._forget()

    def refuse(self, size_octets: int, *, waits: bool) -> None:
        """The command is over: a literal that comes all the same is skipped, and the line that it belongs to."""
        self._forget()
        if not waits:
            self._skips = size_octets
            self._drops_line = True

    def next(self) -> Event | None:
        """The next event; None when more must come."""
        if not self._skip():
            return None
        if self._streams:
            return self._next_chunk()
        if self._wanted and not self._take_literal():
            return None
        return self._next_line()

    def _forget(self) -> None:
        """A new command begins."""
        self._pieces = []
        self._literals = 0

    def _skip(self) -> bool:
        """Pass over a command that was given up, to its last line. Whether all of that has come."""
        while self._drops_line:
            taken = min(self._skips, len(self._buffer) - self._place)
            self._place += taken
            self._skips -= taken
            if self._skips:
                return False
            line = self._take_line()
            if line is None:
                self._place = max(self._place, len(self._buffer) - _TAIL_OCTETS)
                return False
            literal = _announcement(line)
            if literal is not None and literal[2]:
                self._skips = int(literal[1])
            else:
                self._drops_line = False
        return True

    def _next_chunk(self) -> Chunk | None:
        octets = self._buffer[self._place : self._place + self._wanted]
        if not octets and self._wanted:
            return None
        self._place += len(octets)
        self._wanted -= len(octets)
        self._streams = self._wanted > 0
        return Chunk(octets, not self._streams)

    def _take_literal(self) -> bool:
        """What has come of it goes to the command at once, so that no octet is moved twice. Whether that is all."""
        octets = self._buffer[self._place : self._place + self._wanted]
        self._pieces.append(octets)
        self._place += len(octets)
        self._wanted -= len(octets)
        return not self._wanted

    def _next_line(self) -> Event | None:
        start = self._place
        line = self._take_line()
        if line is None and len(self._buffer) - start <= self._line_octets:
            return None
        if line is None or len(line) > self._line_octets:
            text = b"".join(self._pieces) + self._buffer[start : start + 100]
            self._forget()
            self._drops_line = True
            self._place = start if line is None else self._place - 2 - min(len(line), _TAIL_OCTETS)
            return TooLong(text)
        literal = _announcement(line)
        self._pieces.append(line)
        text = b"".join(self._pieces)
        if literal is None:
            self._forget()
            return Whole(text)
        size, waits = int(literal[1]), not literal[2]
        self._literals += 1
        if self._literals > LITERALS:
            self.refuse(size, waits=waits)
            return TooLong(text)
        text += b"\r\n"
        self._pieces = [text]
        return Announced(text, size, waits)

    def _take_line(self) -> bytes | None:
        """Up to the next CRLF; None when that has not come."""
        end = self._buffer.find(b"\r\n", max(self._place, self._scanned - 1))
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        line = self._buffer[self._place : end]
        self._place = end + 2
        return line

    def rest(self) -> bytes:
        """What has not been read; the reader is empty afterwards (TLS begins)."""
        rest = self._buffer[self._place :]
        self._buffer, self._place, self._scanned = b"", 0, 0
        return rest


class ResponseReader:
    """The client's side: cuts responses, each with its literals inside; a literal may be large."""

    def __init__(self, response_octets: int) -> None:
        self._most = response_octets
        self._buffer = bytearray()
        self._line = 0
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Responses that are whole now, without the last CRLF. Raises ValueError beyond the bound."""
        self._buffer += data
        found = []
        while (response := self._next()) is not None:
            found.append(response)
        if len(self._buffer) > self._most:
            raise ValueError("the response is too long")
        return found

    def _next(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\r\n", self._searched)
            if end < 0:
                self._searched = max(self._line, len(self._buffer) - 1)
                return None
            self._searched = end  # to be found again while its literal is waited for
            literal = _LITERAL.search(self._buffer, max(self._line, end - _TAIL_OCTETS), end)
            if literal is None:
                response = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                self._line = self._searched = 0
                return response
            after = end + 2 + int(literal[1])
            if len(self._buffer) < after:
                return None
            self._line = self._searched = after
