"""A name server that answers whatever a test wants, over UDP and TCP on one port."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.message

Answer = Callable[[dns.message.Message, str], list[bytes]]
"""From a question and "udp" or "tcp": the datagrams to send, in order."""


class NameServer:
    """Counts what it is asked, by transport."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[str] = []
        self.address = ""
        self._answer = answer

    def answers(self, octets: bytes, transport: str) -> list[bytes]:
        self.asked.append(transport)
        return self._answer(dns.message.from_wire(octets), transport)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        for octets in self._server.answers(data, "udp"):
            self._transport.sendto(octets, addr)


@asynccontextmanager
async def name_server(answer: Answer) -> AsyncIterator[NameServer]:
    server = NameServer(answer)

    async def serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            for octets in server.answers(await reader.readexactly(length), "tcp"):
                writer.write(struct.pack("!H", len(octets)) + octets)
        finally:
            writer.close()

    tcp = await asyncio.start_server(serve_tcp, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(server), ("127.0.0.1", port))
    server.address = f"127.0.0.1:{port}"
    try:
        yield server
    finally:
        udp.close()
        tcp.close()


def respond(question: dns.message.Message, *records: str, rcode: int = 0) -> dns.message.Message:
    """An answer; `records` as in a zone file, the name first."""
    response = dns.message.make_response(question, recursion_available=True)
    response.set_rcode(rcode)
    for record in records:
        name, ttl, kind, value = record.split(" ", 3)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, value))
    return response
