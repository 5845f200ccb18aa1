"""Which hosts take mail for a domain (RFC 5321 §5.1): MX records in order, else the domain's own address.

A route of the configuration, or a smarthost, goes past the DNS. Hosts that are ourselves, and those less preferred,
are left out: mail must not run in a circle.
"""

import ipaddress
from collections.abc import Mapping

import msgspec

from pillarbox.model.errors import MailError
from pillarbox.model.ports import DnsOutcome, MxRecord, Random, Resolver


class RelaySettings(msgspec.Struct, frozen=True):
    """`port` of other servers; `routes` and `smarthost` are "host:port"."""

    port: int = 25
    routes: Mapping[str, str] = {}
    smarthost: str = ""


class Host(msgspec.Struct, frozen=True):
    """Where to connect: `name` for TLS and reports, `address` and `port` for the socket."""

    name: str
    address: str
    port: int


class NoRoute(MailError):
    """The domain cannot be reached: `status` (RFC 3463) and whether it makes sense to try again."""

    def __init__(self, status: str, text: str, *, is_temporary: bool) -> None:
        super().__init__(text)
        self.status = status
        self.is_temporary = is_temporary


class Routing:
    """Finds hosts."""

    def __init__(self, resolver: Resolver, settings: RelaySettings, random: Random, hostname: str) -> None:
        self._resolver = resolver
        self._settings = settings
        self._random = random
        self._hostname = hostname.lower()

    def destination(self, domain: str) -> str:
        """What messages have in common that can go over one connection."""
        return self._settings.routes.get(domain) or self._settings.smarthost or domain

    async def hosts(self, domain: str) -> list[Host]:
        """In the order in which to try them; never empty. Raises: NoRoute."""
        fixed = self._settings.routes.get(domain) or self._settings.smarthost
        if fixed:
            name, _, port = fixed.rpartition(":")
            return await self._at([name.strip("[]")], int(port))
        if domain.startswith("["):
            literal = domain.strip("[]")
            address = literal[5:] if literal[:5].lower() == "ipv6:" else literal
            return [Host(domain, address, self._settings.port)]
        return await self._at(await self._names(domain), self._settings.port)

    async def _names(self, domain: str) -> list[str]:
        answer = await self._resolver.mx(domain)
        match answer.outcome:
            case DnsOutcome.TEMPORARY_FAILURE:
                raise NoRoute("4.4.3", f"the DNS does not answer for {domain}", is_temporary=True)
            case DnsOutcome.NO_DOMAIN:
                raise NoRoute("5.1.2", f"the domain {domain} does not exist", is_temporary=False)
            case DnsOutcome.NO_RECORDS:
                return [domain]
        if [record.host for record in answer.records] == [""]:
            raise NoRoute("5.1.10", f"the domain {domain} accepts no mail (null MX)", is_temporary=False)
        names = self._ordered(answer.records)
        if not names:
            raise NoRoute("5.4.6", f"mail for {domain} would come back to this server: a loop", is_temporary=False)
        return names

    def _ordered(self, records: tuple[MxRecord, ...]) -> list[str]:
        """RFC 5321 §5.1: by preference, equals in random order; from our own name on nothing is tried."""
        own = next((record.preference for record in records if record.host == self._hostname), None)
        usable = [r for r in records if r.host and (own is None or r.preference < own)]
        shuffled = [(record.preference, self._random.octets(4), record.host) for record in usable]
        return [host for _, _, host in sorted(shuffled)]

    async def _at(self, names: list[str], port: int) -> list[Host]:
        hosts = []
        is_temporary = False
        for name in names:
            if _is_address(name):
                hosts.append(Host(name, name, port))
                continue
            answer = await self._resolver.addresses(name)
            is_temporary = is_temporary or answer.outcome is DnsOutcome.TEMPORARY_FAILURE
            hosts += [Host(name, address, port) for address in answer.addresses]
        if hosts:
            return hosts
        if is_temporary:
            raise NoRoute("4.4.3", f"the DNS does not answer for {', '.join(names)}", is_temporary=True)
        raise NoRoute("5.4.4", f"no address for {', '.join(names)}", is_temporary=False)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
