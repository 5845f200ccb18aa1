"""A small authoritative name server for the lab: zones from a dictionary, over UDP and TCP; faults on order.

    {"illinois.edu": {"MX": ["10 mail.illinois.edu."]}, "mail.illinois.edu": {"A": ["127.0.0.3"]}}

It answers for what it knows and denies the rest; every question is noted.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from pillarbox.model.errors import Unavailable

Zones = Mapping[str, Mapping[str, Sequence[str]]]
TTL_SECONDS = 60
UDP_OCTETS = 1_232
MESSAGE_OCTETS = 65_535


class LabDns:
    """One server. `failing` names get SERVFAIL, `silent` ones no answer at all; `asked` is called with each question."""

    def __init__(self, zones: Zones, *, asked: Callable[[str, str, str], None] | None = None) -> None:
        self.zones = dict(zones)
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.address = ""
        self._asked = asked
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to answer. Raises: Unavailable."""
        loop = asyncio.get_running_loop()
        try:
            self._tcp = await asyncio.start_server(self._serve_tcp, host, port)
            bound = self._tcp.sockets[0].getsockname()[1]
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (host, bound))
        except OSError as problem:
            raise Unavailable(f"cannot listen on {host} port {port}: {problem.strerror}") from problem
        self.address = f"{host}:{bound}"

    def close(self) -> None:
        """Answer no more."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def answer(self, octets: bytes, *, limit_octets: int | None) -> bytes | None:
        """The response to a message; None for silence. With a limit, what is longer comes truncated."""
        try:
            query = dns.message.from_wire(octets)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.zones:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            values = list(self.zones[name].get(kind, ()))
            if values:
                response.answer.append(dns.rrset.from_text_list(question.name, TTL_SECONDS, "IN", kind, values))
        if self._asked is not None:
            self._asked(name, kind, ", ".join(self.zones.get(name, {}).get(kind, ())) or _outcome(response))
        return _fit(response, limit_octets)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(length), limit_octets=None)
                if answer is None:
                    break
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # whoever asked has gone
        finally:
            writer.close()


def _outcome(response: dns.message.Message) -> str:
    code = response.rcode()
    return "no such record" if code == dns.rcode.NOERROR else dns.rcode.to_text(code)


def _fit(response: dns.message.Message, limit_octets: int | None) -> bytes:
    octets = response.to_wire(max_size=MESSAGE_OCTETS)
    if limit_octets is None or len(octets) <= limit_octets:
        return octets
    response.answer.clear()
    response.flags |= dns.flags.TC
    return response.to_wire()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: LabDns) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's does not inherit from it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, limit_octets=UDP_OCTETS)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
