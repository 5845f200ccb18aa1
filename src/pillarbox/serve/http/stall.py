"""Cuts a connection whose peer does not take what waits for it; as long as it takes anything, it may be slow."""

import asyncio


class StallWatch:
    """Over one transport. `begin` when output has to wait or the connection is closing, `end` when it flows again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, seconds: float) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on."""
        if self._timer is None:
            self._look_later()

    def _look_later(self) -> None:
        waiting = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(self._seconds, self._look, waiting)

    def _look(self, before: int) -> None:
        if self._transport.get_write_buffer_size() >= before:
            self._transport.abort()
        else:
            self._look_later()

    def end(self) -> None:
        """No more, unless the connection is closing."""
        if not self._transport.is_closing():
            self.stop()

    def stop(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
