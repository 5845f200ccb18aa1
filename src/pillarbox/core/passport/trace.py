"""Names that this system gives: trace ids, and numbers that grow with time.

Nothing here waits or stores; time and randomness are handed in.
"""

from base64 import b32encode

from pillarbox.model.ids import TraceId
from pillarbox.model.ports import Clock, Random
from pillarbox.store.moment import micros

TRACE_OCTETS = 10


def new_trace(random: Random) -> TraceId:
    """A name for one journey: 80 random bits as 16 characters of [a-z2-7]."""
    return TraceId(b32encode(random.octets(TRACE_OCTETS)).decode("ascii").lower())


class Numbers:
    """Numbers for queued messages and passport entries: microseconds since 1970, each used once by this process.

    Two nodes may meet on one number; the store's keys then refuse the second, and its peer tries again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A number larger than all before it."""
        self._last = max(self._last + 1, micros(self._clock.now()))
        return self._last
