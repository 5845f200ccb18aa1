"""DNS questions to the configured name servers, with a cache that obeys TTLs. A failure is an outcome, not an error.

Messages are dnspython's; UDP first, TCP when the answer was truncated (RFC 1035 §4.2.1). Questions that are under way
are shared: a hundred messages to one domain ask once.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.reversename
import msgspec

from pillarbox.model.errors import Invalid
from pillarbox.model.limits import Limits
from pillarbox.model.ports import AddressAnswer, DnsOutcome, MxAnswer, MxRecord, NameAnswer, TextAnswer

CACHE_ENTRIES = 10_000
TTL_MOST_SECONDS = 86_400
NEGATIVE_TTL_SECONDS = 60
FAILURE_TTL_SECONDS = 2
ALIASES = 8


class _Found(msgspec.Struct, frozen=True):
    outcome: DnsOutcome
    records: tuple[Any, ...]
    expires: float


class DnsResolver:
    """`Resolver` over the network."""

    def __init__(self, nameservers: Sequence[str], limits: Limits) -> None:
        """`nameservers` are "host:port"; empty: those of this machine. Raises: Invalid."""
        self._servers = [_server(text) for text in nameservers] or _system_servers()
        self._limits = limits
        self._cache: OrderedDict[tuple[str, str], _Found] = OrderedDict()
        self._under_way: dict[tuple[str, str], asyncio.Task[_Found]] = {}

    async def mx(self, domain: str) -> MxAnswer:
        """MX records by preference; the null MX has host ""."""
        found = await self._find(domain, "MX")
        records = [
            MxRecord(r.preference, r.exchange.to_text(omit_final_dot=True).lower().strip(".")) for r in found.records
        ]
        return MxAnswer(found.outcome, tuple(sorted(records)))

    async def addresses(self, host: str) -> AddressAnswer:
        """IPv6 addresses, then IPv4."""
        six, four = await asyncio.gather(self._find(host, "AAAA"), self._find(host, "A"))
        addresses = tuple(record.address for record in (*six.records, *four.records))
        if addresses:
            return AddressAnswer(DnsOutcome.FOUND, addresses)
        for outcome in (DnsOutcome.TEMPORARY_FAILURE, DnsOutcome.NO_RECORDS):
            if outcome in (six.outcome, four.outcome):
                return AddressAnswer(outcome)
        return AddressAnswer(DnsOutcome.NO_DOMAIN)

    async def txt(self, name: str) -> TextAnswer:
        """TXT records, each with its strings joined."""
        found = await self._find(name, "TXT")
        return TextAnswer(found.outcome, tuple(b"".join(record.strings) for record in found.records))

    async def reverse(self, address: str) -> NameAnswer:
        """Host names of an address."""
        try:
            name = dns.reversename.from_address(address).to_text()
        except dns.exception.DNSException:
            return NameAnswer(DnsOutcome.NO_DOMAIN)
        found = await self._find(name, "PTR")
        return NameAnswer(found.outcome, tuple(r.target.to_text(omit_final_dot=True).lower() for r in found.records))

    async def _find(self, name: str, kind: str) -> _Found:
        key = (name.lower().rstrip("."), kind)
        kept = self._cache.get(key)
        if kept is not None and kept.expires > time.monotonic():
            self._cache.move_to_end(key)
            return kept
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(key))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: tuple[str, str]) -> _Found:
        name, kind = key
        try:
            question = dns.message.make_query(dns.name.from_text(name), kind, use_edns=0, payload=1232)
        except dns.exception.DNSException:
            return _Found(DnsOutcome.NO_DOMAIN, (), 0.0)
        found = _Found(DnsOutcome.TEMPORARY_FAILURE, (), time.monotonic() + FAILURE_TTL_SECONDS)
        for host, port in self._servers:
            try:
                answer, _ = await dns.asyncquery.udp_with_fallback(
                    question,
                    host,
                    timeout=self._limits.dns_timeout_seconds,
                    port=port,
                    ignore_unexpected=True,  # a forged answer must neither be believed nor end the wait
                    ignore_errors=True,
                )
            except (dns.exception.DNSException, OSError, EOFError):
                continue
            read = _read(answer, kind)
            if read is not None:
                found = read
                break
        self._cache[key] = found
        while len(self._cache) > CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return found


def _read(answer: dns.message.Message, kind: str) -> _Found | None:
    """What the answer says; None when this server could not say."""
    now = time.monotonic()
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return _Found(DnsOutcome.NO_DOMAIN, (), now + NEGATIVE_TTL_SECONDS)
    if answer.rcode() != dns.rcode.NOERROR:
        return None
    wanted = dns.rdatatype.from_text(kind)
    name = answer.question[0].name
    ttl = TTL_MOST_SECONDS
    for _ in range(ALIASES):
        for rrset in answer.answer:
            if rrset.name == name and rrset.rdtype == wanted:
                return _Found(DnsOutcome.FOUND, tuple(rrset), now + max(1, min(ttl, rrset.ttl)))
        alias = next((r for r in answer.answer if r.name == name and r.rdtype == dns.rdatatype.CNAME), None)
        if alias is None:
            break
        name, ttl = alias[0].target, min(ttl, alias.ttl)
    return _Found(DnsOutcome.NO_RECORDS, (), now + NEGATIVE_TTL_SECONDS)


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address, number = str(ipaddress.ip_address(host.strip("[]"))), int(port)
    except ValueError:
        address, number = "", 0
    if not 0 < number < 65_536:
        raise Invalid(f"{text} is no name server: write address:port")
    return address, number


def _system_servers() -> list[tuple[str, int]]:
    try:
        return [(str(server), 53) for server in dns.resolver.Resolver().nameservers]
    except dns.exception.DNSException:
        return []
