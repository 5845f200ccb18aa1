"""What is handed in: time, randomness, DNS, HTTP. Real ones and memory ones live in `wire`."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Protocol

import msgspec

from pillarbox.model.url import HttpsUrl


class Clock(Protocol):
    """Time, twice: for people and for waiting."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def used(self) -> float:
        """Seconds of CPU time that this process has used."""
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


class HttpAnswer(msgspec.Struct, frozen=True):
    """What a web server said. Names of fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpFetch(Protocol):
    """Requests to web servers that somebody else has named, with all that is dangerous about that kept out.

    Raises, from both: Refused (the host, or an address that it leads to, is none to speak to), TooLarge (the answer),
    Unavailable (it could not be reached, its certificate is not good, or it took longer than `seconds`). An answer of
    any status is an answer; a redirection is one too, and is not followed.
    """

    async def get(
        self, url: HttpsUrl, *, headers: Mapping[str, str], most_octets: int, seconds: float
    ) -> HttpAnswer: ...

    async def post(
        self, url: HttpsUrl, body: bytes, *, headers: Mapping[str, str], most_octets: int, seconds: float
    ) -> HttpAnswer: ...
