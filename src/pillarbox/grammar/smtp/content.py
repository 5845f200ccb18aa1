"""Content between DATA and CRLF.CRLF: dots doubled and undoubled, by whole buffers (RFC 5321 §4.5.2); both ways.

The end is CRLF "." CRLF and nothing else. A bare CR or LF never ends anything: it is noted, and the caller refuses
the message (a peer that reads such ends otherwise could have a second message smuggled past us).
"""

import re
from enum import Flag

END = b"\r\n.\r\n"
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


class Defect(Flag):
    """What makes content unfit to be stored."""

    NONE = 0
    BARE_LINE_END = 1
    NUL = 2
    LONG_LINE = 4


class ContentReader:
    """The server's side: takes what comes, gives content without the stuffing, and what follows the end."""

    def __init__(self, line_octets: int) -> None:
        self.defects = Defect.NONE
        self.size_octets = 0
        self.is_eight_bit = False
        self._line_octets = line_octets
        self._held = b"\r\n"  # what may yet turn out to be the end; the first line starts as if after a CRLF
        self._begun = False
        self._run = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """(content, rest): `rest` is None while the end has not come, else what followed it."""
        buffer = self._held + data
        end = buffer.find(END)
        if end >= 0:
            content, rest = buffer[: end + 2], buffer[end + len(END) :]
        else:
            keep = _partial(buffer)
            content, self._held = buffer[: len(buffer) - keep], buffer[len(buffer) - keep :]
            rest = None
        if b"\r\n." in content:
            content = content.replace(b"\r\n.", b"\r\n")
        if not self._begun and content:
            self._begun = True
            content = content[2:]
        if content:
            self._inspect(content)
            self.size_octets += len(content)
        return content, rest

    def _inspect(self, content: bytes) -> None:
        """Look for what must not be there. A CR at the end of a piece is always held back, so pieces stand alone."""
        if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
            self.defects |= Defect.BARE_LINE_END
        if b"\0" in content:
            self.defects |= Defect.NUL
        if not self.is_eight_bit and not content.isascii():
            self.is_eight_bit = True
        self._measure(content)

    def _measure(self, content: bytes) -> None:
        first = content.find(b"\n")
        if first < 0:
            self._run += len(content)
        else:
            if self._run + first > self._line_octets + 1:
                self.defects |= Defect.LONG_LINE
            if len(content) - first > self._line_octets:
                longest = max(map(len, content[first + 1 :].split(b"\n")))
                if longest > self._line_octets + 1:
                    self.defects |= Defect.LONG_LINE
            self._run = len(content) - content.rfind(b"\n") - 1
        if self._run > self._line_octets + 1:
            self.defects |= Defect.LONG_LINE


def _partial(buffer: bytes) -> int:
    """How many octets at the end could be the start of CRLF.CRLF."""
    for length in (4, 3, 2, 1):
        if buffer.endswith(END[:length]):
            return length
    return 0


class ContentWriter:
    """The client's side: doubles dots at line starts, ends with CRLF.CRLF; bare line ends become CRLF."""

    def __init__(self) -> None:
        self._holds_cr = False
        self._at_line_start = True

    def feed(self, data: bytes) -> bytes:
        """What goes on the wire for this piece (RFC 5321 §2.3.8, §4.5.2)."""
        if self._holds_cr:
            data = b"\r" + data
        self._holds_cr = data.endswith(b"\r")
        if self._holds_cr:
            data = data[:-1]
        if not data:
            return b""
        if not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
            data = _BARE.sub(b"\r\n", data)
        data = data.replace(b"\r\n.", b"\r\n..")
        if self._at_line_start and data.startswith(b"."):
            data = b"." + data
        self._at_line_start = data.endswith(b"\r\n")
        return data

    def end(self) -> bytes:
        """The end of the content; a last line without CRLF gets one."""
        return b".\r\n" if self._at_line_start and not self._holds_cr else b"\r\n.\r\n"
