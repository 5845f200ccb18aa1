"""A site for tests: our listener and application on a real socket, with routes that say what they saw; a client of octets."""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from office import Office
from pillarbox.model.limits import Limits
from pillarbox.serve.http.application import make_application
from pillarbox.serve.http.authentication import account_of
from pillarbox.serve.http.headers import HttpDate
from pillarbox.serve.http.listener import HttpListener
from pillarbox.serve.http.metrics import Metrics
from pillarbox.wire.listener import Gate

PATIENCE_SECONDS = 15.0
HTTPS_PORT = 8443
BIG_OCTETS = 64_000_000


class Site:
    """What the routes saw, and the way to ask."""

    def __init__(self, office: Office, limits: Limits, extra: Sequence[BaseRoute]) -> None:
        self.mail = office.mail
        self.limits = limits
        self.gate = Gate(limits)
        self.seen: list[str] = []
        self.go_on = asyncio.Event()
        self.streaming = asyncio.Event()
        self.gone = asyncio.Event()
        self.metrics = Metrics(self.mail, connections=lambda: self.gate.total)
        self.date = HttpDate(self.mail.clock)
        routes: list[BaseRoute] = [
            Route("/echo", self._echo, methods=["GET", "POST"]),
            Route("/early", self._early, methods=["POST"]),
            Route("/wait", self._wait, methods=["GET", "POST"]),
            Route("/stream", self._stream),
            Route("/big", self._big),
            Route("/bug", self._bug),
            Route("/late-bug", self._late_bug),
            Route("/me", self._me),
            WebSocketRoute("/socket", self._socket),
            WebSocketRoute("/my-socket", self._my_socket),
            *self.metrics.routes(),
            *extra,
        ]
        self.application: ASGIApp = make_application(
            self.mail, routes, metrics=self.metrics, date=self.date, https_port=HTTPS_PORT
        )
        self.listeners: list[HttpListener] = []

    async def open(self, tls: ssl.SSLContext | None = None) -> int:
        listener = HttpListener(self.application, limits=self.limits, gate=self.gate, tls=tls, date=self.date)
        await listener.open("127.0.0.1", 0)
        self.listeners.append(listener)
        return listener.port

    @property
    def port(self) -> int:
        return self.listeners[0].port

    async def close(self, grace_seconds: float = 0.0) -> None:
        for listener in self.listeners:
            await listener.close(grace_seconds)

    async def _echo(self, request: Request) -> Response:
        body = await request.body()
        self.seen.append(f"{request.method} {request.url.path} {body.decode('latin-1')}".rstrip())
        return JSONResponse(
            {
                "method": request.method,
                "path": request.scope["path"],
                "headers": {name.decode(): value.decode("latin-1") for name, value in request.headers.raw},
                "body": body.decode("latin-1"),
            }
        )

    async def _early(self, request: Request) -> Response:
        return PlainTextResponse("no need to read it all\n", 413)

    async def _wait(self, request: Request) -> Response:
        self.seen.append(f"{request.method} /wait")
        self.streaming.set()
        await self.go_on.wait()
        return PlainTextResponse("at last\n")

    async def _stream(self, request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            try:
                yield b"data: hello\n\n"
                self.streaming.set()
                await asyncio.Event().wait()
            finally:
                self.gone.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _big(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                for _ in range(BIG_OCTETS // 64_000):
                    yield b"x" * 64_000
            finally:
                self.gone.set()

        return StreamingResponse(pieces(), headers={"Content-Length": str(BIG_OCTETS)})

    async def _bug(self, request: Request) -> Response:
        raise ZeroDivisionError("a secret of the inside")

    async def _late_bug(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"so far"
            raise ZeroDivisionError("a secret of the inside")

        return StreamingResponse(pieces())

    async def _me(self, request: Request) -> Response:
        return PlainTextResponse(str(account_of(request).address))

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        self.streaming.set()
        try:
            while True:
                text = await socket.receive_text()
                await socket.send_text("x" * int(text[1:]) if text.startswith("*") else text)
        finally:
            self.gone.set()

    async def _my_socket(self, socket: WebSocket) -> None:
        account = account_of(socket)
        await socket.accept()
        await socket.send_text(str(account.address))
        await socket.close()


@contextlib.asynccontextmanager
async def open_site(
    office: Office, *, tls: ssl.SSLContext | None = None, extra: Sequence[BaseRoute] = (), **limits: float
) -> AsyncIterator[Site]:
    """`limits` are those of the connections, by name."""
    site = Site(office, Limits(**limits), extra)
    await site.open(tls)
    try:
        yield site
    finally:
        site.go_on.set()
        await site.close()


class Answer:
    """One answer as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head = head
        self.body = body
        self.status = int(head[9:12])
        lines = head.split(b"\r\n")[1:]
        self.headers = {
            name.lower().decode(): value.strip().decode() for name, _, value in (x.partition(b":") for x in lines)
        }

    def json(self):
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<{self.head!r} {self.body[:200]!r}>"


class Client:
    """A client that sends what octets it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def answer(self, *, of_head: bool = False) -> Answer:
        """The next one, by its own length."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if of_head or head[9:12] in (b"100", b"204", b"304"):
                return Answer(head, b"")
            if length is not None:
                return Answer(head, await self.reader.readexactly(int(length[1])))
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
            return Answer(head, body)

    async def end(self) -> bytes:
        """All that still comes until the connection has ended; a reset is an end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = b""
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while piece := await self.reader.read(65_536):
                    found += piece
            return found

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    """A connection, closed at the end."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=None if tls is None else "localhost"
    )
    client = Client(reader, writer)
    try:
        yield client
    finally:
        await client.close()


async def exchange(port: int, octets: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """All that comes back for some octets until the server closes."""
    async with connected(port, tls) as client:
        client.send(octets)
        return await client.end()


async def dawdle(seconds: float) -> None:
    """Be slow, where slowness is what is tested."""
    await asyncio.sleep(seconds)


def statuses(octets: bytes) -> list[int]:
    """Of all answers in what came."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", octets)]
