"""One TCP connection, server's or client's, as a frame under every conversation.

A `Sink` is told what comes; nothing here knows a protocol. No task belongs to an idle connection: timeouts are one
timer each, re-armed lazily. Writing is bounded by the sink: it asks `is_congested` and waits with `wait_drained`.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from pillarbox.model.errors import Unavailable
from pillarbox.model.limits import Limits

WRITE_HIGH_OCTETS = 256 * 1024


class Sink(Protocol):
    """What a conversation is to its connection. All are called on the loop and must not wait."""

    def connected(self, connection: "Line") -> None:
        """The connection is there, its TLS handshake done if it began with one."""

    def received(self, data: bytes) -> None:
        """Octets came."""

    def idle(self) -> None:
        """Nothing came for as long as `set_timeout` said."""

    def shutdown(self) -> None:
        """The server closes: say farewell, then close."""

    def closed(self) -> None:
        """The connection is gone; nothing follows."""


class Line(Protocol):
    """A connection as conversations see it; `Connection` over a socket, `MemoryLine` in memory."""

    peer: str
    """ "ip:port" """
    local: str
    tls: str
    """Version and cipher, e.g. "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty in the clear."""
    is_congested: bool

    def write(self, data: bytes) -> None:
        """Queue for sending."""

    def pause_reading(self) -> None:
        """No `received` until `resume_reading`."""

    def resume_reading(self) -> None:
        """Go on."""

    def set_timeout(self, seconds: float | None) -> None:
        """Call `idle` once nothing came for so long; None ends it."""

    async def wait_drained(self) -> None:
        """Wait until more may be written. Raises: Unavailable when the connection is gone."""

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Encrypt from here on. Octets that came before are the sink's to throw away (RFC 3207 §4.2).

        Raises: Unavailable when the handshake fails; the connection is closed then."""

    def close(self) -> None:
        """Close once all is sent."""

    def abort(self) -> None:
        """Close now."""


def peer_text(name: object) -> str:
    """ "ip:port" of a socket name, with brackets around IPv6."""
    if not isinstance(name, tuple):
        return "unknown"
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(peer: str) -> str:
    """The address in "ip:port"."""
    return peer.rpartition(":")[0].strip("[]")


def _reason(error: Exception) -> str:
    """What the system says; some errors have no words."""
    return str(error) or ("it took too long" if isinstance(error, TimeoutError) else "the peer closed the connection")


class Connection(asyncio.Protocol):
    """A `Line` on an asyncio transport."""

    __slots__ = (
        "_handshake", "_is_closing", "_last", "_limits", "_loop", "_on_closed", "_stall", "_timeout", "_timer", "_transport",
        "_waiters", "_written", "is_congested", "local", "peer", "sink", "tls",
    )  # fmt: skip

    def __init__(self, sink: Sink, limits: Limits, *, on_closed: "Callable[[Connection], None] | None" = None) -> None:
        self.sink = sink
        self.peer = self.local = self.tls = ""
        self.is_congested = False
        self._is_closing = False
        self._written = 0
        self._handshake: asyncio.Timeout | None = None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._timeout: float | None = None
        self._last = 0.0
        self._waiters: deque[asyncio.Future[None]] | None = None

    # --- from the transport --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Told by the loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        self.peer = peer_text(transport.get_extra_info("peername"))
        self.local = peer_text(transport.get_extra_info("sockname"))
        self._note_tls()
        self._last = self._loop.time()
        self.sink.connected(self)

    def data_received(self, data: bytes) -> None:
        """Told by the loop."""
        self._last = self._loop.time()
        self.sink.received(data)

    def eof_received(self) -> bool:
        """A half-closed connection is of no use to mail protocols."""
        return False

    def pause_writing(self) -> None:
        """Told by the loop: the peer reads too slowly."""
        self.is_congested = True
        self._begin_stall_watch()

    def resume_writing(self) -> None:
        """Told by the loop."""
        self.is_congested = False
        if self._stall is not None and not self._is_closing:
            self._stall.cancel()
            self._stall = None
        self._wake(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Told by the loop, or by `start_tls` where the loop forgets to; what comes after the first is nothing."""
        if self._transport is None:
            return
        for timer in (self._timer, self._stall):
            if timer is not None:
                timer.cancel()
        self._timer = self._stall = self._transport = None
        self.is_congested = False
        self._wake(Unavailable("the connection is gone"))
        self.sink.closed()
        if self._on_closed is not None:
            self._on_closed(self)

    def _note_tls(self) -> None:
        assert self._transport is not None
        found = self._transport.get_extra_info("ssl_object")
        if found is not None:
            cipher = found.cipher()
            self.tls = f"{found.version()} {cipher[0] if cipher else ''}".strip()

    # --- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Queue for sending; nothing happens once the connection is gone."""
        if self._transport is not None:
            self._written += len(data)
            self._transport.write(data)

    def _pending(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _begin_stall_watch(self) -> None:
        if self._stall is None:
            self._watch_stall(self._written - self._pending())

    def _watch_stall(self, sent: int) -> None:
        self._stall = self._loop.call_later(self._limits.write_stall_seconds, self._stalled, sent)

    def _stalled(self, before: int) -> None:
        """What counts is whether the peer took anything, not whether less is pending: more may have been written."""
        sent = self._written - self._pending()
        if sent <= before:
            self.abort()
        else:
            self._watch_stall(sent)

    async def wait_drained(self) -> None:
        """Wait until more may be written. Raises: Unavailable when the connection is gone."""
        if self._transport is None:
            raise Unavailable("the connection is gone")
        if not self.is_congested:
            return
        if self._waiters is None:
            self._waiters = deque()
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(future)
        await future

    def _wake(self, error: Exception | None) -> None:
        waiters, self._waiters = self._waiters, None
        for future in waiters or ():
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    # --- reading and time ----------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """No `received` until `resume_reading`."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on; the time for the peer begins anew."""
        if self._transport is not None and not self._transport.is_reading():
            self._last = self._loop.time()
            self._transport.resume_reading()

    def set_timeout(self, seconds: float | None) -> None:
        """Call `idle` once nothing came for so long; None ends it."""
        self._last = self._loop.time()
        if seconds == self._timeout:
            return
        self._timeout = seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and self._transport is not None:
            self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._timeout is None or self._transport is None:
            return
        left = self._last + self._timeout - self._loop.time()
        if left > 0.001:
            self._timer = self._loop.call_later(left, self._tick)
        else:
            self._timeout = None
            self.sink.idle()

    # --- TLS and end ---------------------------------------------------------------------------------------------

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Encrypt from here on. Raises: Unavailable when the handshake fails; the connection is closed then."""
        if self._transport is None:
            raise Unavailable("the connection is gone")
        try:
            async with asyncio.timeout(self._limits.tls_handshake_seconds) as self._handshake:
                try:
                    transport = await self._loop.start_tls(
                        self._transport,
                        self,
                        context,
                        server_side=server_side,
                        server_hostname=server_hostname,
                        ssl_handshake_timeout=self._limits.tls_handshake_seconds,
                    )
                finally:
                    self._handshake = None
        except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
            self._abandon(error)
            raise Unavailable(f"TLS handshake failed: {_reason(error)}") from error
        except asyncio.CancelledError:
            self._abandon(None)
            raise
        if transport is None or self._transport is None:
            self._abandon(None)
            raise Unavailable("the connection is gone")
        self._transport = transport
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        self._last = self._loop.time()
        self._note_tls()

    def _abandon(self, error: Exception | None) -> None:
        """Close after a handshake that came to nothing; no loop tells the protocol of an end in the midst of one."""
        self.abort()
        self.connection_lost(error)

    def close(self) -> None:
        """Close once all is sent; a peer that takes nothing of it is not waited for longer than any other."""
        if self._transport is None:
            return
        if self._handshake is not None:
            self.abort()
            return
        self._is_closing = True
        self.set_timeout(None)
        self._begin_stall_watch()
        self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._handshake is not None and not self._handshake.expired():
            self._handshake.reschedule(self._loop.time())  # uvloop leaves its waiter waiting
        if self._transport is not None:
            self._transport.abort()


async def connect(
    host: str,
    port: int,
    sink: Sink,
    limits: Limits,
    *,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    timeout_seconds: float | None = None,
    local_host: str | None = None,
) -> Connection:
    """Open a connection to `host` (an address or a name of this machine's resolver).

    Raises: Unavailable with what the system said.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_seconds or limits.smtp_client_connect_seconds):
            _, made = await loop.create_connection(
                lambda: Connection(sink, limits),
                host,
                port,
                ssl=tls,
                server_hostname=(server_hostname or host) if tls is not None else None,
                ssl_handshake_timeout=limits.tls_handshake_seconds if tls is not None else None,
                local_addr=None if local_host is None else (local_host, 0),
            )
    except TimeoutError:
        raise Unavailable(f"no connection to {host} port {port} in time") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no host can have
        raise Unavailable(f"no connection to {host} port {port}: {_reason(error)}") from error
    return made
