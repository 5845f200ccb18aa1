"""HTTP to servers that clients have named, so that no client can use this machine to reach what only it can reach.

A name is looked up once. Every address that it has must be public, and the connection is made to one that was looked
at: a name that says something else a moment later changes nothing. TLS and the Host field have the name. Redirections
are answers like others; proxies, cookies and passwords of the environment are not used; sizes and times are bounded.
A connection serves one request, so none is shared by two names.

What an operator allows by name (`push.allowed_hosts`) is spoken to wherever it is.
"""

import asyncio
import ssl
from collections.abc import Collection, Mapping

import httpx

from pillarbox.model.errors import Refused, TooLarge, Unavailable
from pillarbox.model.ports import DnsOutcome, HttpAnswer, Resolver
from pillarbox.model.url import HttpsUrl
from pillarbox.wire.public_address import is_public

AGENT = "Pillarbox"
ADDRESSES_TRIED = 4
CONNECT_SECONDS = 5.0
"""To one of them, TLS and all."""
LOWEST_PORT = 1_024
"""Below it other services live, which need not be shown TLS; 443 alone is a web server's."""
_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=0)


class HttpFetcher:
    """`HttpFetch` over the network. `allowed_hosts` are names or addresses, with `:port` or for every port."""

    def __init__(
        self, resolver: Resolver, *, allowed_hosts: Collection[str] = (), tls: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._tls = tls or ssl.create_default_context()

    async def get(self, url: HttpsUrl, *, headers: Mapping[str, str], most_octets: int, seconds: float) -> HttpAnswer:
        """Raises: as `HttpFetch`."""
        return await self._fetch("GET", url, None, headers, most_octets, seconds)

    async def post(
        self, url: HttpsUrl, body: bytes, *, headers: Mapping[str, str], most_octets: int, seconds: float
    ) -> HttpAnswer:
        """Raises: as `HttpFetch`."""
        return await self._fetch("POST", url, body, headers, most_octets, seconds)

    async def _fetch(
        self, method: str, url: HttpsUrl, body: bytes | None, headers: Mapping[str, str], most: int, seconds: float
    ) -> HttpAnswer:
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._addresses(url)
                for address in addresses[:-1]:
                    try:
                        return await self._ask(method, url, address, body, headers, most)
                    except (httpx.ConnectError, httpx.ConnectTimeout):
                        continue  # perhaps another of its addresses answers
                return await self._ask(method, url, addresses[-1], body, headers, most)
        except TimeoutError:
            raise Unavailable(f"{url.authority} took too long") from None
        except httpx.HTTPError as problem:
            raise Unavailable(f"{url.authority}: {type(problem).__name__}") from None

    async def _addresses(self, url: HttpsUrl) -> tuple[str, ...]:
        """Where the host is: one address at least. Raises: Refused, Unavailable."""
        allowed = url.host in self._allowed or f"{url.host}:{url.port}" in self._allowed
        if not allowed and url.port != 443 and url.port < LOWEST_PORT:
            raise Refused(f"port {url.port} is no web server's")
        if url.is_literal:
            found: tuple[str, ...] = (url.host,)
        else:
            answer = await self._resolver.addresses(url.host)
            if answer.outcome is not DnsOutcome.FOUND:
                raise Unavailable(f"{url.host} has no address")
            found = answer.addresses
        if not allowed and not all(map(is_public, found)):
            raise Refused(f"{url.host} is not on the public internet")
        return found[:ADDRESSES_TRIED]

    async def _ask(
        self, method: str, url: HttpsUrl, address: str, body: bytes | None, headers: Mapping[str, str], most: int
    ) -> HttpAnswer:
        host = f"[{address}]" if ":" in address else address
        request = httpx.Request(
            method,
            f"https://{host}:{url.port}/",
            headers={
                "Host": url.authority,
                "User-Agent": AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **headers,
            },
            content=body,
            extensions={
                "sni_hostname": url.host,
                "target": url.target.encode("ascii"),
                "timeout": {"connect": CONNECT_SECONDS},
            },
        )
        async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=_LIMITS) as transport:
            response = await transport.handle_async_request(request)
            try:
                return HttpAnswer(
                    response.status_code,
                    {name.lower(): value for name, value in response.headers.items()},
                    await _bounded(response, most),
                )
            finally:
                await response.aclose()


async def _bounded(response: httpx.Response, most: int) -> bytes:
    """The body as it came. Raises: TooLarge, with the first octet that is too much."""
    pieces = []
    octets = 0
    async for piece in response.aiter_raw():
        octets += len(piece)
        if octets > most:
            raise TooLarge(f"an answer of more than {most} octets")
        pieces.append(piece)
    return b"".join(pieces)
