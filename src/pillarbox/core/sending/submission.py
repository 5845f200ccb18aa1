"""What a submitted message must have and may lack: Date and Message-ID (RFC 6409 §8.2, §8.3).

They are put before the content, which they become part of: so all who read the message later, and its hash, see them.
Nothing else is changed.
"""

import re
from datetime import datetime

from pillarbox.grammar.message import date, message_id
from pillarbox.grammar.message.header import header_end
from pillarbox.model.ids import TraceId

HOLD_OCTETS = 65_536
"""Of a longer header, only this much is looked at."""
_FIELDS = re.compile(rb"^(date|message-id)[ \t]*:", re.IGNORECASE | re.MULTILINE)


class SubmissionHeader:
    """Holds the beginning of a content back until its header is whole, then says what goes on."""

    def __init__(self, now: datetime, hostname: str, trace_id: TraceId) -> None:
        self._now = now
        self._hostname = hostname
        self._trace_id = trace_id
        self._held: list[bytes] = []
        self.size_octets = 0

    def hold(self, data: bytes | memoryview) -> bytes | None:
        """Take a piece. None: more is needed; else all that was held, with the fields that were missing before it."""
        piece = bytes(data)
        self._held.append(piece)
        self.size_octets += len(piece)
        return self.release() if self.size_octets >= HOLD_OCTETS else None

    def release(self) -> bytes:
        """All that was held, with the fields that were missing before it."""
        held = b"".join(self._held)
        header = held[: header_end(held, 0, min(len(held), HOLD_OCTETS))]
        present = {name.lower() for name in _FIELDS.findall(header)}
        added = b""
        if b"date" not in present:
            added += b"Date: %b\r\n" % date.format(self._now).encode()
        if b"message-id" not in present:
            added += b"Message-ID: <%b>\r\n" % message_id.make(self._trace_id, self._hostname).encode()
        return added + held
