"""The frame of a conversation: octets come in, a task works through them, an idle connection has none.

A burst of octets starts one task in the listener's group; it ends when nothing is left to do. While it works, what
comes is buffered up to a bound, then the peer has to wait. A bug ends in the log and in the protocol's own words, and
the server goes on.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from pillarbox.model.errors import Unavailable

BUFFER_OCTETS = 131_072
"""Beyond this the peer waits while a command is at work."""

log = structlog.get_logger("serve")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Line(Protocol):
    """The connection, as `wire` hands it in."""

    peer: str
    local: str
    tls: str
    is_congested: bool

    def write(self, data: bytes) -> None:
        """Queue for sending."""

    def pause_reading(self) -> None:
        """Let the peer wait."""

    def resume_reading(self) -> None:
        """Go on."""

    def set_timeout(self, seconds: float | None) -> None:
        """Call `idle` when nothing came for so long."""

    async def wait_drained(self) -> None:
        """Wait until more may be written."""

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Encrypt."""

    def close(self) -> None:
        """Close once all is sent."""

    def abort(self) -> None:
        """Close now."""


class Pump:
    """A sink that a session builds on: it overrides `begin`, `work`, `farewell`, `report_bug` and `ended`."""

    __slots__ = ("_arrival", "_pending", "_pending_octets", "_spawn", "_task", "closing", "is_closed", "line")

    line: Line

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None
        self._pending: list[bytes] = []
        self._pending_octets = 0
        self._arrival: asyncio.Future[None] | None = None
        self.closing = False
        self.is_closed = False

    # --- what a session does ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The connection is there: greet."""

    async def work(self) -> None:
        """Do all that can be done with what has come (`take`); return when nothing is left."""

    def farewell(self) -> None:
        """The server closes, or the peer was silent for too long (`closing` tells which): say so."""

    def report_bug(self) -> None:
        """Something of ours failed; say so in the protocol's words, and be ready to go on."""

    def ended(self) -> None:
        """The connection is gone: let go of everything."""

    # --- the sink ------------------------------------------------------------------------------------------------

    def connected(self, connection: Line) -> None:
        """Told by wire."""
        self.line = connection
        self.begin()

    def received(self, data: bytes) -> None:
        """Told by wire."""
        self._pending.append(data)
        self._pending_octets += len(data)
        if self._arrival is not None:
            if not self._arrival.done():
                self._arrival.set_result(None)
        elif self._task is None:
            self.wake()
        elif self._pending_octets > BUFFER_OCTETS:
            self.line.pause_reading()

    def idle(self) -> None:
        """Told by wire: nothing came, and nothing is at work but what waits for the peer."""
        if self._task is None or self._arrival is not None:
            self.farewell()
            self.line.close()

    def shutdown(self) -> None:
        """Told by wire: after the command at work, if there is one."""
        self.closing = True
        if (self._task is None or self._arrival is not None) and not self.is_closed:
            self.farewell()
            self.line.close()

    def closed(self) -> None:
        """Told by wire. A command at work is cancelled: nobody is left to hear the answer."""
        self.is_closed = True
        if self._task is not None:
            self._task.cancel()
        else:
            self.ended()

    # --- the task ------------------------------------------------------------------------------------------------

    def take(self) -> bytes:
        """All octets that have come since; the peer need not wait any longer."""
        if not self._pending:
            return b""
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._pending_octets = 0
        self.line.resume_reading()
        return data

    async def wait_pending(self) -> None:
        """Within a command: wait until more octets have come. `idle` ends it by closing."""
        if not self._pending:
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None

    def discard_pending(self) -> None:
        """Throw away what came and was not taken."""
        self._pending.clear()
        self._pending_octets = 0

    @property
    def has_pending(self) -> bool:
        """Whether octets have come that nobody took."""
        return bool(self._pending)

    @property
    def is_working(self) -> bool:
        """Whether a command is at work."""
        return self._task is not None

    def wake(self) -> None:
        """Start working, unless somebody works already."""
        if self._task is None and not self.is_closed:
            self._task = self._spawn(self._run())

    async def _run(self) -> None:
        try:
            while await self._work_once() or self._pending:
                if self.is_closed:
                    break
        finally:
            self._task = None
            if self.is_closed:
                self.ended()
            elif self.closing:
                self.farewell()
                self.line.close()

    async def _work_once(self) -> bool:
        """Whether a bug has cut it short, so that what came with the bad command is still to be done."""
        try:
            await self.work()
        except Unavailable:
            if not self.is_closed:
                self._bug()
        except Exception:  # noqa: BLE001 - what a handler lets through is a bug of ours, not the peer's
            self._bug()
            await asyncio.sleep(0)  # others have their turn, whatever fails here
            return not self.closing
        return False

    def _bug(self) -> None:
        log.exception("session.bug", peer=self.line.peer)
        if not self.is_closed:
            self.report_bug()
