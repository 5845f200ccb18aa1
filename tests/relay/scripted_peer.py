"""A host that takes mail as its script says: real sockets on loopback, no knowledge of Pillarbox."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

CONTENT_OCTETS = 1 << 24
CLOSE = b""
"""In place of a reply: the connection ends there."""
OK = b"250 2.0.0 fine\r\n"
PLAIN = {
    "greeting": b"220 mx.far.test ESMTP\r\n",
    "EHLO": b"250-mx.far.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    "HELO": b"250 mx.far.test\r\n",
    "MAIL": OK,
    "RCPT": OK,
    "DATA": b"354 go on\r\n",
    "content": b"250 2.0.0 taken\r\n",
    "RSET": OK,
    "QUIT": b"221 2.0.0 bye\r\n",
}


class Peer:
    """Answers each command by its verb: a reply for ever, or a list of replies of which the last one stays. What
    follows a 220 to STARTTLS is no TLS."""

    def __init__(self, script: dict[str, bytes | Sequence[bytes]]) -> None:
        self._replies = {verb: [reply] if isinstance(reply, bytes) else list(reply) for verb, reply in script.items()}
        self.connections: list[list[str]] = []
        self.contents: list[bytes] = []
        self.port = 0

    @property
    def commands(self) -> list[str]:
        """What all connections have said, in order."""
        return [command for connection in self.connections for command in connection]

    def _reply(self, verb: str) -> bytes:
        replies = self._replies.get(verb, [b"500 5.5.1 what?\r\n"])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    async def before_answer(self) -> None:
        """Content has come whole; for hosts that take their time."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard: list[str] = []
        self.connections.append(heard)
        try:
            reply = self._reply("greeting")
            while reply != CLOSE:
                writer.write(reply)
                await writer.drain()
                line = await reader.readline()
                if not line:
                    return
                command = line.decode().rstrip("\r\n")
                heard.append(command)
                verb = command.partition(" ")[0].upper()
                reply = self._reply(verb)
                if verb == "DATA" and reply.startswith(b"354"):
                    writer.write(reply)
                    self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                    await self.before_answer()
                    reply = self._reply("content")
                if verb == "STARTTLS" and reply.startswith(b"220"):
                    writer.write(reply)
                    await reader.read(1)
                    writer.write(b"this is no TLS\r\n")
                    return
                if verb == "QUIT":
                    writer.write(reply)
                    reply = CLOSE
        except (OSError, asyncio.IncompleteReadError):
            heard.append("(lost)")
        finally:
            writer.close()


@asynccontextmanager
async def peer(
    host: str = "127.0.0.1", port: int = 0, *, made: Peer | None = None, **changed: bytes | Sequence[bytes]
) -> AsyncIterator[Peer]:
    """A host that is fine but for what is `changed`; or one that is `made` already."""
    made = made or Peer({**PLAIN, **changed})
    server = await asyncio.start_server(made.talk, host, port, limit=CONTENT_OCTETS)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


def shared_port(*hosts: str) -> int:
    """A port that is free on all of these addresses."""
    for _ in range(50):
        with socket.socket() as first:
            first.bind((hosts[0], 0))
            port = first.getsockname()[1]
            if all(_is_free(host, port) for host in hosts[1:]):
                return port
    raise RuntimeError("no port is free on all addresses")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
