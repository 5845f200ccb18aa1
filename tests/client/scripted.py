"""A server that says and expects what a script has, line by line, on a real socket.

    S: 220 ready                 said, with CRLF
    C: EHLO client.test          the client's next line must be this; `*` stands for anything
    C| Subject: hello            the same, of content or a literal
    S> half a li                 said without CRLF; \\r\\n within: several lines in one segment
    (close) (reset) (silence)    the connection ends so; `silence` waits until the client has gone
    (starttls)                   the handshake

What the client says beyond the script, or in another way, fails the test.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase

SECONDS = 10.0
Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Play:
    """One server; `connections` scripts, one for each connection in turn."""

    def __init__(self, scripts: tuple[str, ...], tls: ssl.SSLContext | None) -> None:
        self.port = 0
        self.heard: list[bytes] = []
        self._scripts = list(scripts)
        self._tls = tls

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in filter(str.strip, self._scripts.pop(0).split("\n")):
            async with asyncio.timeout(SECONDS):
                await self._step(line.strip(), reader, writer)

    async def _step(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, text = line[:2], line[3:]
        if kind in ("S:", "S>"):
            text = text.replace("\\r\\n", "\r\n")
            writer.write(text.encode() + (b"\r\n" if kind == "S:" else b""))
        elif kind in ("C:", "C|"):
            said = await reader.readline()
            self.heard.append(said)
            assert said.endswith(b"\r\n"), said
            assert fnmatchcase(said[:-2].decode("utf-8", "replace"), text.replace("[", "[[]")), (said, line)
        elif line == "(close)":
            writer.close()
        elif line == "(reset)":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif line == "(silence)":
            rest = b""
            with contextlib.suppress(ConnectionError):  # a client that is told too much goes without reading it all
                rest = await reader.read()
            assert rest == b"", rest
        elif line == "(starttls)":
            await writer.start_tls(self._tls)
        else:
            raise AssertionError(line)


@asynccontextmanager
async def serving(converse: Converse) -> AsyncIterator[int]:
    """A server of which each connection is one `converse`; the port. All conversations have ended at the end, well."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        try:
            await converse(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [problem for problem in results if isinstance(problem, BaseException)] == []


@asynccontextmanager
async def scripted(*scripts: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Play]:
    play = Play(scripts, tls)
    async with serving(play.converse) as play.port:
        yield play
