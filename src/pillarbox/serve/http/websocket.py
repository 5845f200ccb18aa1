"""A connection that was upgraded from HTTP: uvicorn's, counted, and cut when its peer reads nothing or is gone.

Standards: RFC 6455 §4.2.2, §7.1.7.
"""

import asyncio
from asyncio.transports import BaseTransport
from typing import Any, ClassVar, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from pillarbox.serve.http.connection import ANSWER, SILENT, BoundedHttp, Bounds, Counted
from pillarbox.serve.http.head import NOT_HTTP
from pillarbox.serve.http.stall import StallWatch


class BoundedWebSocket(WebSocketsSansIOProtocol, Counted):
    """RFC 6455."""

    bounds: ClassVar[Bounds]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = SILENT
        self.host: str | None = None
        self._stall: StallWatch

    def connection_made(self, transport: BaseTransport) -> None:
        """Called by `BoundedHttp`."""
        stream = cast(asyncio.Transport, transport)
        self._stall = StallWatch(self.loop, stream, self.bounds.limits.write_stall_seconds)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stall.stop()
        super().connection_lost(exc)
        if self.host is not None:
            host, self.host = self.host, None
            self.bounds.leave(host)
        self.bounds.gone()

    def pause_writing(self) -> None:
        """Called by the loop."""
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        """Called by the loop."""
        super().resume_writing()
        self._stall.end()

    def data_received(self, data: bytes) -> None:
        """Called by the loop, and first by `BoundedHttp` with the whole request: what then is no handshake never will
        be, and uvicorn, which knows broken frames only, would wait for ever."""
        super().data_received(data)
        if not self.handshake_initiated:
            text = NOT_HTTP.text
            self.transport.write(ANSWER % (NOT_HTTP.status, self.bounds.date(), len(text) + 1, text))
            self.transport.close()
            self._stall.begin()

    def shutdown(self) -> None:
        """Called by the listener."""
        if not self.transport.is_closing():
            super().shutdown()
            self._stall.begin()

    def keepalive_timeout(self) -> None:
        """Called by the loop: the peer did not answer a ping, so it will not take a farewell either."""
        super().keepalive_timeout()
        self.transport.abort()


def bounded(bounds: Bounds) -> tuple[type[BoundedHttp], type[BoundedWebSocket]]:
    """The two protocols with these bounds: uvicorn makes the objects itself, and hands nothing of ours in."""
    return (
        type("BoundedHttp", (BoundedHttp,), {"bounds": bounds}),
        type("BoundedWebSocket", (BoundedWebSocket,), {"bounds": bounds}),
    )
