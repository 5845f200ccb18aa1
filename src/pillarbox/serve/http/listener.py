"""One address and port where HTTP is spoken: uvicorn's protocols on a socket from `wire`, in the server's own loop.

Uvicorn's `Server` is not used: its main loop wakes ten times a second, it takes over signals, and its end waits for
whoever holds a stream open. Who opens a listener closes it.
"""

import asyncio
from collections.abc import Callable
from ssl import SSLContext

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

from pillarbox.model.limits import Limits
from pillarbox.serve.http.connection import Bounds
from pillarbox.serve.http.websocket import bounded
from pillarbox.wire.listener import BACKLOG, Gate, listening_socket

CUT_SECONDS = 1.0
"""For tasks to end whose connections were cut."""


class HttpListener:
    """Serves an application."""

    def __init__(
        self, application: ASGIApp, *, limits: Limits, gate: Gate, tls: SSLContext | None, date: Callable[[], bytes]
    ) -> None:
        self._limits = limits
        self._tls = tls
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._gone = asyncio.Event()
        self._config = _config(application, Bounds(limits, gate.enter, gate.leave, self._gone.set, date))
        self.address = ""

    async def open(self, host: str, port: int) -> None:
        """Begin to accept. Raises: Unavailable, with the address, when it cannot be had."""
        loop = asyncio.get_running_loop()
        listening = listening_socket(host, port)
        self.address = f"{host}:{listening.getsockname()[1]}"
        self._config.load()
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

    def _accept(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn has it
            config=self._config, server_state=self._state, app_state={}
        )
        return protocol

    async def close(self, grace_seconds: float) -> None:
        """Accept no more, let requests end for so long, then cut what is left."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(grace_seconds):
                while self._state.connections:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            for connection in tuple(self._state.connections):
                connection.transport.abort()
        tasks = tuple(self._state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CUT_SECONDS)


def _config(application: ASGIApp, bounds: Bounds) -> Config:
    http, websocket = bounded(bounds)
    return Config(
        application,
        interface="asgi3",
        http=http,
        ws=websocket,
        ws_max_size=bounds.limits.jmap_request_octets,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(bounds.limits.http_keep_alive_seconds),
    )
