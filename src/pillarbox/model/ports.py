"""What is handed in: time, randomness, DNS. Real ones and memory ones live in `wire`."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

import msgspec


class Clock(Protocol):
    """Time, twice: for people and for waiting."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Random(Protocol):
    """Unguessable octets."""

    def octets(self, count: int) -> bytes:
        """`count` random octets."""
        ...


class DnsOutcome(Enum):
    """How a look-up ended; a temporary failure is never an answer."""

    FOUND = "found"
    NO_RECORDS = "no records"
    NO_DOMAIN = "no domain"
    TEMPORARY_FAILURE = "temporary failure"


class MxRecord(msgspec.Struct, frozen=True, order=True):
    """RFC 5321 §5.1; host "" is the null MX (RFC 7505 §3)."""

    preference: int
    host: str


class MxAnswer(msgspec.Struct, frozen=True):
    """`records` sorted by preference; empty unless FOUND."""

    outcome: DnsOutcome
    records: tuple[MxRecord, ...] = ()


class AddressAnswer(msgspec.Struct, frozen=True):
    """IPv6 and IPv4 addresses as text; empty unless FOUND."""

    outcome: DnsOutcome
    addresses: tuple[str, ...] = ()


class TextAnswer(msgspec.Struct, frozen=True):
    """TXT records, each with its strings joined."""

    outcome: DnsOutcome
    texts: tuple[bytes, ...] = ()


class NameAnswer(msgspec.Struct, frozen=True):
    """Host names, for reverse look-ups."""

    outcome: DnsOutcome
    names: tuple[str, ...] = ()


class Resolver(Protocol):
    """DNS questions. Never raises but for cancellation: a failure is an outcome."""

    async def mx(self, domain: str) -> MxAnswer: ...

    async def addresses(self, host: str) -> AddressAnswer: ...

    async def txt(self, name: str) -> TextAnswer: ...

    async def reverse(self, address: str) -> NameAnswer: ...


class HttpFetch(Protocol):
    """GET over HTTPS with bounds, for policies (MTA-STS)."""

    async def get(self, url: str, *, limit_octets: int, headers: Sequence[tuple[str, str]] = ()) -> tuple[int, bytes]:
        """Status and body."""
        ...
