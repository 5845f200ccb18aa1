"""A small TLS web server for tests, on loopback: notes what it is sent, answers what it is told to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

import msgspec
import trustme

PATIENCE_SECONDS = 15.0


class Asked(msgspec.Struct):
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[Asked], bytes] | None
"""None: nothing, for as long as the client waits."""


def reply(status: str, *fields: str, body: bytes = b"") -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class WebServer:
    """Answers with `replies` one after the other, then with `usual`."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[Asked] = asyncio.Queue()
        self.count = 0
        self.connections = 0
        self.replies: list[Reply] = []
        self.usual: Reply = reply("201 Created")
        self.port = 0
        self.tls_names: list[str | None] = []

    async def next(self) -> Asked:
        """What comes next."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.asked.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:  # also when it is cancelled
            writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        asked = Asked(method, target, headers, body)
        self.count += 1
        self.asked.put_nowait(asked)
        made = self.replies.pop(0) if self.replies else self.usual
        if made is None:
            await reader.read()
        else:
            writer.write(made(asked) if callable(made) else made)
            await writer.drain()


class Authority:
    """Who vouches for the server, and whoever trusts that."""

    def __init__(self, *names: str) -> None:
        self._authority = trustme.CA()
        self._issued = self._authority.issue_cert(*names)

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._issued.configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context


@contextlib.asynccontextmanager
async def web_server(tls: ssl.SSLContext, host: str = "127.0.0.1") -> AsyncIterator[WebServer]:
    """One on a free port."""
    made = WebServer()
    tls.sni_callback = lambda _socket, name, _context: made.tls_names.append(name)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(made.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accept, host, 0, ssl=tls)
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()
        for task in tuple(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
