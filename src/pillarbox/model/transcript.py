"""Records a conversation as it crosses the wire, cheaply, for a `Dialogue`. Secrets never get in.

Servers and clients both keep one. Time is handed in; octets become text only when somebody asks for the dialogue.
"""

from pillarbox.model.passport import Dialogue, DialogueLine, Speaker
from pillarbox.model.ports import Clock

MASK = "****"
LINES_MOST = 400
LINE_OCTETS = 1_000


class Transcript:
    """Lines of one conversation, bounded: when there are too many the middle goes, the handshake stays."""

    __slots__ = ("_clock", "_lines", "_started", "_zero", "client", "protocol", "server", "tls")

    def __init__(self, protocol: str, clock: Clock) -> None:
        self.protocol = protocol
        self.client = ""
        self.server = ""
        self.tls = ""
        self._clock = clock
        self._started = clock.now()
        self._zero = clock.monotonic()
        self._lines: list[tuple[Speaker, bytes | str, float]] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, speaker: Speaker, text: bytes | str) -> None:
        """A line, without its line end; octets may hold several lines."""
        if len(self._lines) >= LINES_MOST:
            del self._lines[LINES_MOST // 4 : LINES_MOST // 2]
        self._lines.append((speaker, text[:LINE_OCTETS], self._clock.monotonic()))

    def event(self, text: str) -> None:
        """Something that nobody said: TLS began, octets of content went by."""
        self.add(Speaker.EVENT, text)

    def cut(self, first: int, upto: int) -> None:
        """Forget the lines from `first` to `upto`: a transfer that is over and has been kept elsewhere."""
        del self._lines[first:upto]

    def lines(self, first: int = 0, upto: int | None = None) -> tuple[DialogueLine, ...]:
        """Some of what was recorded, as values."""
        found = []
        for speaker, text, at in self._lines[first:upto]:
            whole = text if isinstance(text, str) else text.decode("utf-8", "replace")
            found += [DialogueLine(speaker, line, at - self._zero) for line in whole.rstrip("\r\n").split("\r\n")]
        return tuple(found)

    def dialogue(self, first: int = 0, upto: int | None = None) -> Dialogue:
        """Some of what was recorded, with who spoke."""
        return Dialogue(self.protocol, self.client, self.server, self._started, self.lines(first, upto), self.tls)
