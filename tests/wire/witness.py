"""Sinks that remember what they were told, and listeners for them."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pillarbox.model.limits import Limits
from pillarbox.wire.connection import Line, connect
from pillarbox.wire.listener import Gate, Listener

SECONDS = 10.0
"""What a test waits for comes within this time, or it fails."""
HOSTNAME = "mail.uiowa.test"
"""What the certificate is for."""
FAREWELL = b"421 Too many\r\n"


class Witness:
    """A sink; `react` is called with each burst of octets, after it has been noted."""

    def __init__(self, react: "Callable[[Witness], None] | None" = None) -> None:
        self.line: Line | None = None
        self.octets = b""
        self.events: list[str] = []
        self.react = react
        self.react_idle: Callable[[], None] | None = None
        self._changed = asyncio.Event()

    def _note(self, event: str) -> None:
        self.events.append(event)
        self._changed.set()

    def connected(self, connection: Line) -> None:
        self.line = connection
        self._note("connected")

    def received(self, data: bytes) -> None:
        self.octets += data
        self._note("received")
        if self.react is not None:
            self.react(self)

    def idle(self) -> None:
        self._note("idle")
        if self.react_idle is not None:
            self.react_idle()

    def shutdown(self) -> None:
        self._note("shutdown")

    def closed(self) -> None:
        self._note("closed")

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def wait_event(self, event: str) -> None:
        await self.wait(lambda: event in self.events)

    async def wait_octets(self, octets: bytes) -> None:
        await self.wait(lambda: self.octets == octets)


class Door:
    """An open listener and the witnesses of what came by it."""

    def __init__(self, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self.gate = Gate(limits)
        self.witnesses: list[Witness] = []
        self.listener = Listener(self._make, limits=limits, gate=self.gate, farewell=FAREWELL, tls=tls)
        self._came = asyncio.Event()

    def _make(self) -> Witness:
        self.witnesses.append(Witness())
        self._came.set()
        return self.witnesses[-1]

    async def wait_witness(self, position: int = 0) -> Witness:
        async with asyncio.timeout(SECONDS):
            while len(self.witnesses) <= position:
                self._came.clear()
                await self._came.wait()
        return self.witnesses[position]


@asynccontextmanager
async def open_door(limits: Limits | None = None, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Door]:
    door = Door(limits or Limits(), tls)
    await door.listener.open("127.0.0.1", 0)
    try:
        yield door
    finally:
        await door.listener.close(0)
        for witness in door.witnesses:
            await witness.wait_event("closed")


@asynccontextmanager
async def dial(door: Door, **options: Any) -> AsyncIterator[Witness]:
    """A connection of ours to the door; gone for good at the end."""
    client = Witness()
    line = await connect("127.0.0.1", door.listener.port, client, Limits(), **options)
    try:
        yield client
    finally:
        line.abort()
        await client.wait_event("closed")


@asynccontextmanager
async def raw_client(port: int, *, receive_octets: int | None = None) -> AsyncIterator[socket.socket]:
    """A peer that does only what it is told to; use the loop's `sock_…` with it."""
    with socket.socket() as client:
        if receive_octets is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        yield client


def reset(client: socket.socket) -> None:
    """End it with RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def read_all(client: socket.socket) -> bytes:
    """Up to the end of the stream."""
    loop = asyncio.get_running_loop()
    found = b""
    async with asyncio.timeout(SECONDS):
        while data := await loop.sock_recv(client, 65_536):
            found += data
    return found
