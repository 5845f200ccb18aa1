"""Where a push subscription cannot lead: whatever a client writes as its URL, nothing near this server is spoken to.

The whole way, from PushSubscription/set to the socket: a server listens on loopback behind every address and name here, and
no connection comes. What single addresses and URLs are is tested in `wire/test_http_fetch`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jmap_site import CORE, Site, open_jmap

from office import Office, open_office
from pillarbox.client.web_push import WebPush
from pillarbox.grammar.push.vapid import Sender
from pillarbox.model.limits import Limits
from pillarbox.relay.push import Pusher
from pillarbox.serve.jmap.push.texts import JmapTexts
from pillarbox.wire.http_fetch import HttpFetcher
from pillarbox.wire.memory import MemoryResolver
from push_receiver import running, until
from web_server import Authority, WebServer, reply, web_server

NEAR = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1",
    "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b:1::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:db8::1", "100::1",
)  # fmt: skip
LITERALS = tuple(f"[{address}]" if ":" in address else address for address in NEAR)
NAMES = {
    "localhost": ["::1", "127.0.0.1"],
    "intranet": ["10.0.0.1"],
    "near.test": ["127.0.0.1"],
    "both.test": ["8.8.8.8", "127.0.0.1"],
    "both-ways.test": ["8.8.8.8", "::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "translated.test": ["64:ff9b::7f00:1"],
    "127.0.0.1.nip.test": ["127.0.0.1"],
    "xn--lcalhost-n4a.test": ["127.0.0.1"],
    "169-254-169-254.test": ["169.254.169.254"],
}
ODD = (
    "https://2130706433:PORT/", "https://0x7f000001:PORT/", "https://0x7f.1:PORT/", "https://0177.0.0.1:PORT/",
    "https://127.1:PORT/", "https://127.0.1:PORT/", "https://127.0.0.1.:PORT/", "https://127.000.000.001:PORT/",
    "https://0:PORT/", "https://localhost.:PORT/", "https://LOCALHOST:PORT/", "https://%6cocalhost:PORT/",
    "https://127.0.0.1%2f:PORT/", "https://near.test:PORT@192.0.2.1/", "https://192.0.2.1@near.test:PORT/",
    "https://192.0.2.1#@near.test:PORT/", "https://192.0.2.1\\@near.test:PORT/", "https://192.0.2.1:443@near.test:PORT/",
    "https://near.test:PORT\\@192.0.2.1/", "https://[::1%25lo]:PORT/", "https://[::1%lo]:PORT/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "https://\uff11\uff12\uff17.0.0.1:PORT/",
    "https://127\u30020\u30020\u30021:PORT/", "https://lo\u00adcalhost:PORT/", "https://\u24db\u24de\u24d2alhost:PORT/",
    "https://ne\u0430r.test:PORT/", "https://near.test:0PORT/", "https://near.test\t:PORT/", "https://near.test\r\n:PORT/",
    "https:near.test:PORT/", "https:///near.test:PORT/", "https:\\\\near.test:PORT/", "//near.test:PORT/",
    "http://near.test:PORT/", "HTTP://near.test:PORT/", "ws://near.test:PORT/", "ftp://near.test:PORT/",
    "gopher://near.test:PORT/_x", "file:///etc/passwd", "unix:///run/x.sock", "data:text/plain,x", "javascript:0",
    "https://near.test:25/", "https://near.test:22/", "https://8.8.8.8:25/", "https://8.8.8.8:587/",
    "https://near.test:PORT/../../x", "https://near.test:PORT/x?url=https://192.0.2.1/",
)  # fmt: skip


def zones() -> dict[str, dict[str, list[str]]]:
    return {name: {"A": addresses} for name, addresses in NAMES.items()}


class Watched:
    """A site, a worker that allows no host by name, and a server that nobody must come to."""

    def __init__(self, site: Site, server: WebServer, resolver: MemoryResolver) -> None:
        self.site = site
        self.server = server
        self.resolver = resolver

    async def subscribe(self, *urls: str) -> tuple[list[str], ...]:
        """The URLs that a subscription was made for, and those that were refused, each for its URL."""
        create = {f"k{number}": {"deviceClientId": "d", "url": url} for number, url in enumerate(urls)}
        answer = await self.site.post([["PushSubscription/set", {"create": create}, "c"]], using=[CORE])
        ((_, made, _),) = answer.json()["methodResponses"]
        for problem in (made["notCreated"] or {}).values():
            assert (problem["type"], problem["properties"]) == ("invalidProperties", ["url"]), problem
        return tuple([create[key]["url"] for key in made[name] or ()] for name in ("created", "notCreated"))

    async def none_is_left(self) -> bool:
        answer = await self.site.post([["PushSubscription/get", {}, "c"]], using=[CORE])
        return answer.json()["methodResponses"][0][1]["list"] == []


@contextlib.asynccontextmanager
async def worker(office: Office, fetch: HttpFetcher) -> AsyncIterator[Pusher]:
    sender = Sender(ec.generate_private_key(ec.SECP256R1()), "mailto:postmaster@uiowa.test")
    web_push = WebPush(fetch, clock=office.clock, random=office.mail.random, seconds=5, sender=sender)
    mail, limits = office.mail, Limits(push_interval_seconds=0.0)
    pusher = Pusher(mail.push_subscriptions, mail.state_feed, web_push, JmapTexts(), limits=limits, clock=office.clock)
    async with running(pusher):
        yield pusher


@pytest.fixture(scope="module")
def vouching() -> Authority:
    """Of whom everybody near has a certificate: nothing but the address can be what is wrong."""
    return Authority(*NAMES, "127.0.0.1", "push.test")


@pytest.fixture
async def watched(tmp_path: Path, vouching: Authority) -> AsyncIterator[Watched]:
    limits = Limits(push_subscriptions=1_000)
    async with (
        open_office(tmp_path / "data", limits=limits) as office,
        open_jmap(office) as site,
        web_server(vouching.server()) as server,
    ):
        resolver = MemoryResolver(zones())
        async with worker(office, HttpFetcher(resolver, tls=vouching.client())):
            yield Watched(site, server, resolver)


async def test_no_address_that_is_near_is_spoken_to(watched: Watched):
    port = watched.server.port
    made, refused = await watched.subscribe(*(f"https://{host}:{port}/" for host in LITERALS))
    assert len(made) + len(refused) == len(LITERALS)
    await until(watched.none_is_left)
    assert watched.server.connections == 0


async def test_no_name_leads_to_what_is_near(watched: Watched):
    made, refused = await watched.subscribe(*(f"https://{name}:{watched.server.port}/" for name in NAMES))
    assert (len(made), refused) == (len(NAMES), [])
    await until(watched.none_is_left)
    assert watched.server.connections == 0
    assert {name for name, _ in watched.resolver.asked} == set(NAMES)


async def test_no_spelling_of_a_url_leads_there_either(watched: Watched):
    """Refused where it is written; or taken, looked at once more where it is used, and given up."""
    made, refused = await watched.subscribe(*(url.replace("PORT", str(watched.server.port)) for url in ODD))
    assert len(made) + len(refused) == len(ODD)
    await until(watched.none_is_left)
    assert watched.server.connections == 0, made


async def test_a_push_service_that_sends_elsewhere_is_not_followed(tmp_path: Path, vouching: Authority):
    """The operator allows push.test; what it says of other places is nothing to us."""
    async with (
        open_office(tmp_path / "data") as office,
        open_jmap(office) as site,
        web_server(vouching.server()) as service,
        web_server(vouching.server()) as near,
    ):
        resolver = MemoryResolver({"push.test": {"A": ["127.0.0.1"]}})
        fetch = HttpFetcher(resolver, allowed_hosts=[f"push.test:{service.port}"], tls=vouching.client())
        service.usual = reply("307 Temporary Redirect", f"Location: https://127.0.0.1:{near.port}/secret")
        async with worker(office, fetch) as pusher:
            await Watched(site, service, resolver).subscribe(
                f"https://push.test:{service.port}/", f"https://push.test:{near.port}/"
            )
            await service.next()
            again = asyncio.create_task(service.next())
            while not again.done():  # when the failure has been noted, and its pause is over
                office.clock.advance(60)
                pusher.wake()
                await asyncio.wait([again], timeout=0.1)
            await again
        assert near.connections == 0


async def test_what_came_of_a_url_is_told_to_nobody(watched: Watched):
    """Whether a name has an address, whether a port answers: a subscription says none of it."""
    urls = [f"https://{host}:{watched.server.port}/" for host in ("near.test", "nowhere.test", "127.0.0.1", "[::1]")]
    create = {f"k{number}": {"deviceClientId": "d", "url": url} for number, url in enumerate(urls)}
    answer = await watched.site.post([["PushSubscription/set", {"create": create}, "c"]], using=[CORE])
    made = answer.json()["methodResponses"][0][1]["created"]
    assert len({frozenset(one) for one in made.values()}) == 1
    assert {one["expires"] for one in made.values()} == {made["k0"]["expires"]}
