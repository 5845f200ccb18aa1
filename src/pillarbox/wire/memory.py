"""Fakes with the shapes of the real things: a line between two sinks, a resolver, a clock, randomness. No network."""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pillarbox.model.errors import Unavailable
from pillarbox.model.ports import AddressAnswer, DnsOutcome, MxAnswer, MxRecord, NameAnswer, TextAnswer
from pillarbox.wire.connection import Sink


class MemoryLine:
    """One end of a connection in memory: what one end writes the other's sink receives, in the next loop step."""

    def __init__(self, sink: Sink, peer: str, local: str) -> None:
        self.sink = sink
        self.peer = peer
        self.local = local
        self.tls = ""
        self.is_congested = False
        self.timeout_seconds: float | None = None
        self._other: MemoryLine | None = None
        self._paused = False
        self._inbound: deque[bytes | None] = deque()  # None: the other end has closed
        self._closing = False
        self._gone = False

    def write(self, data: bytes) -> None:
        """Queue for the other end; nothing happens once the connection is gone."""
        if not self._closing and data:
            self._send(data)

    def _send(self, item: bytes | None) -> None:
        if self._other is not None:
            self._other._inbound.append(item)
            asyncio.get_running_loop().call_soon(self._other._deliver)

    def _deliver(self) -> None:
        """Hand on what has come, in the order in which it was written."""
        while self._inbound and not self._paused and not self._closing:
            item = self._inbound.popleft()
            if item is None:
                self.close()
            else:
                self.sink.received(item)

    def pause_reading(self) -> None:
        """Hold what comes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Hand on what was held, in the next loop step."""
        self._paused = False
        asyncio.get_running_loop().call_soon(self._deliver)

    def set_timeout(self, seconds: float | None) -> None:
        """Noted; a test calls `sink.idle()` when it wants the time to be over."""
        self.timeout_seconds = seconds

    async def wait_drained(self) -> None:
        """Memory is never congested. Raises: Unavailable when the connection is gone."""
        if self._gone:
            raise Unavailable("the connection is gone")

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Both ends are encrypted from here on, so to say. Raises: Unavailable when the connection is gone."""
        if self._closing:
            raise Unavailable("the connection is gone")
        self.tls = "TLSv1.3 memory"

    def close(self) -> None:
        """Close; the other end is told once all that was written has arrived."""
        if not self._closing:
            self._closing = True
            self._send(None)
            asyncio.get_running_loop().call_soon(self._end)

    def abort(self) -> None:
        """Close now: what is on its way is lost."""
        if self._other is not None:
            self._other._inbound.clear()
            self._other._paused = False
        self.close()

    def _end(self) -> None:
        if not self._gone:
            self._gone = True
            self.sink.closed()


def connect_in_memory(
    client: Sink, server: Sink, *, client_address: str = "192.0.2.1:40000", server_address: str = "192.0.2.2:25"
) -> tuple[MemoryLine, MemoryLine]:
    """Two ends, joined; the server's sink is told first."""
    one = MemoryLine(client, server_address, client_address)
    two = MemoryLine(server, client_address, server_address)
    one._other, two._other = two, one
    server.connected(two)
    client.connected(one)
    return one, two


class MemoryResolver:
    """`Resolver` from a dictionary: {name: {"MX": [(10, "mx.example")], "A": ["192.0.2.1"], "TXT": [b"…"], "PTR": […]}}.

    A name that is not there does not exist, a type that is not there has no records, `failing` names fail for now.
    """

    def __init__(self, zones: Mapping[str, Mapping[str, Sequence[object]]], *, failing: Sequence[str] = ()) -> None:
        self.zones = {name.lower(): records for name, records in zones.items()}
        self.failing = set(failing)
        self.asked: list[tuple[str, str]] = []

    def _find(self, name: str, kind: str) -> tuple[DnsOutcome, Sequence[object]]:
        self.asked.append((name, kind))
        name = name.lower().rstrip(".")
        if name in self.failing:
            return DnsOutcome.TEMPORARY_FAILURE, ()
        if name not in self.zones:
            return DnsOutcome.NO_DOMAIN, ()
        found = self.zones[name].get(kind, ())
        return (DnsOutcome.FOUND if found else DnsOutcome.NO_RECORDS), found

    async def mx(self, domain: str) -> MxAnswer:
        """MX records, sorted."""
        outcome, found = self._find(domain, "MX")
        pairs = [item for item in found if isinstance(item, tuple)]
        return MxAnswer(outcome, tuple(sorted(MxRecord(preference, host) for preference, host in pairs)))

    async def addresses(self, host: str) -> AddressAnswer:
        """A and AAAA records."""
        outcome, found = self._find(host, "A")
        return AddressAnswer(outcome, tuple(str(address) for address in found))

    async def txt(self, name: str) -> TextAnswer:
        """TXT records."""
        outcome, found = self._find(name, "TXT")
        return TextAnswer(outcome, tuple(text for text in found if isinstance(text, bytes)))

    async def reverse(self, address: str) -> NameAnswer:
        """PTR records, under the address itself."""
        outcome, found = self._find(address, "PTR")
        return NameAnswer(outcome, tuple(str(name) for name in found))


class SettableClock:
    """`Clock` that stands still until `advance`."""

    def __init__(self, start: datetime = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced since it was made."""
        return self._elapsed

    def used(self) -> float:
        """None: where time stands still, nothing is used."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced so far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, future))
        await future

    def advance(self, seconds: float) -> None:
        """Let time pass; sleepers whose time has come awake."""
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)
        due = [future for moment, future in self._sleepers if moment <= self._elapsed]
        self._sleepers = [(moment, future) for moment, future in self._sleepers if moment > self._elapsed]
        for future in due:
            if not future.done():
                future.set_result(None)


class DeterministicRandom:
    """`Random` that gives the same octets each time it is made."""

    def __init__(self, seed: bytes = b"pillarbox") -> None:
        self._state = seed

    def octets(self, count: int) -> bytes:
        """The next octets of the row."""
        found = b""
        while len(found) < count:
            self._state = hashlib.sha256(self._state).digest()
            found += self._state
        return found[:count]
