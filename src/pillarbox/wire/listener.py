"""Accepts connections: bounds on their number, a farewell for who is one too many, an orderly end."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from pillarbox.model.errors import Unavailable
from pillarbox.model.limits import Limits
from pillarbox.wire.connection import Connection, Line, Sink, host_of

BACKLOG = 2_048


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket that listens; those that it accepts send at once what is written. Raises: Unavailable, with the
    address, when it cannot be had."""
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # create_server says the address again
        raise Unavailable(f"cannot listen on {host} port {port}: {reason}") from error
    listening.setblocking(False)
    # Else an answer in two pieces takes 40 ms, until the first is acknowledged: asyncio does this for its own sockets only.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class Gate:
    """Counts connections of all listeners of a server, in all and by address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_host: Counter[str] = Counter()
        self.total = 0

    def enter(self, host: str) -> bool:
        """Whether one more may come from there; then it is counted until `leave`."""
        loopback = host.startswith("127.") or host == "::1"
        most = self._limits.connections_per_loopback if loopback else self._limits.connections_per_address
        if self.total >= self._limits.connections or (most and self._by_host[host] >= most):
            return False
        self.total += 1
        self._by_host[host] += 1
        return True

    def leave(self, host: str) -> None:
        """One less."""
        self.total -= 1
        self._by_host[host] -= 1
        if not self._by_host[host]:
            del self._by_host[host]


class _TurnedAway:
    """The sink of a connection that is one too many: says so and closes."""

    def __init__(self, farewell: bytes) -> None:
        self._farewell = farewell

    def connected(self, connection: Line) -> None:
        connection.write(self._farewell)
        connection.close()

    def received(self, data: bytes) -> None:
        return

    def idle(self) -> None:
        return

    def shutdown(self) -> None:
        return

    def closed(self) -> None:
        return


class _Gatekeeper:
    """Stands before the conversation until the address is known, then hands the connection on."""

    __slots__ = ("_listener",)

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener

    def connected(self, connection: Line) -> None:
        assert isinstance(connection, Connection)
        listener = self._listener
        if listener.closing or not listener.gate.enter(host_of(connection.peer)):
            connection.sink = _TurnedAway(listener.farewell)
        else:
            listener.connections.add(connection)
            connection.sink = listener.make_sink()
        connection.sink.connected(connection)

    def received(self, data: bytes) -> None:
        return

    def idle(self) -> None:
        return

    def shutdown(self) -> None:
        return

    def closed(self) -> None:
        return


class Listener:
    """One address and port, and the connections that came by it."""

    def __init__(
        self,
        make_sink: Callable[[], Sink],
        *,
        limits: Limits,
        gate: Gate,
        farewell: bytes,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.make_sink = make_sink
        self.gate = gate
        self.farewell = farewell
        self.connections: set[Connection] = set()
        self.closing = False
        self._limits = limits
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self.address = ""

    async def open(self, host: str, port: int) -> None:
        """Begin to accept. Raises: Unavailable, with the address, when it cannot be had."""
        loop = asyncio.get_running_loop()
        listening = listening_socket(host, port)
        self.address = f"{host}:{listening.getsockname()[1]}"
        self._server = await loop.create_server(
            self._accept,
            sock=listening,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=self._limits.tls_handshake_seconds if self._tls is not None else None,
        )

    @property
    def port(self) -> int:
        """The port that was bound (of use when 0 was asked for)."""
        return int(self.address.rpartition(":")[2])

    def _accept(self) -> Connection:
        return Connection(_Gatekeeper(self), self._limits, on_closed=self._left)

    def _left(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            self.gate.leave(host_of(connection.peer))
            if self.closing and not self.connections:
                self._empty.set()

    async def close(self, grace_seconds: float) -> None:
        """Accept no more, let conversations say farewell, then cut what is left."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        if self.connections:
            self._empty.clear()
        for connection in tuple(self.connections):
            connection.sink.shutdown()
        try:
            async with asyncio.timeout(grace_seconds):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self.connections):
                connection.abort()
