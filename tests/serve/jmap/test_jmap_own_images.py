"""Pictures from elsewhere by proxy: signed addresses, and a route that fetches nothing but pictures, and from nowhere near."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from jmap_site import Site, open_jmap
from own_site import as_bob, ask, fail

from office import address, open_office
from pillarbox.core.contents.remote_images import REDIRECTIONS, WAITING, ImageSettings
from pillarbox.model.errors import NotFound
from pillarbox.model.limits import Limits
from pillarbox.model.ports import AddressAnswer, DnsOutcome, HttpAnswer, HttpFetch
from pillarbox.model.url import HttpsUrl
from pillarbox.serve.jmap.image.route import image_routes
from pillarbox.serve.jmap.own import OWN
from pillarbox.wire.http_fetch import HttpFetcher
from pillarbox.wire.memory import MemoryResolver
from web_server import Authority, WebServer, reply, web_server

NAME = "pictures.test"
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
LIMITS = Limits(image_octets=1_000, image_seconds=5.0, login_failures=1_000)
HOUR = 3_600


@pytest.fixture(scope="module")
def vouching() -> Authority:
    return Authority(NAME, "near.test", "127.0.0.1")


@pytest.fixture
async def server(vouching: Authority) -> AsyncIterator[WebServer]:
    async with web_server(vouching.server()) as opened:
        opened.usual = reply("200 OK", "Content-Type: text/plain", "Set-Cookie: who=you", body=PNG)
        yield opened


@pytest.fixture
def resolver() -> MemoryResolver:
    return MemoryResolver({NAME: {"A": ["127.0.0.1"]}, "near.test": {"A": ["127.0.0.1"]}})


@pytest.fixture
async def site(tmp_path: Path, vouching: Authority, resolver: MemoryResolver) -> AsyncIterator[Site]:
    """One whose operator allows pictures.test, which is on this machine."""
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    async with showing(tmp_path, fetch) as opened:
        yield opened


@asynccontextmanager
async def showing(
    folder: Path, fetch: HttpFetch, *, limits: Limits = LIMITS, images: ImageSettings | None = None
) -> AsyncIterator[Site]:
    async with open_office(folder / "data", limits=limits, images=images) as office:
        async with open_jmap(office, more=image_routes(office.mail, fetch)) as opened:
            yield opened


def at(server: WebServer, path: str = "/a.png") -> str:
    return f"https://{NAME}:{server.port}{path}"


async def path_of(site: Site, url: str) -> str:
    """Ours, in its place."""
    (found,) = (await ask(site, "RemoteImage/get", ids=[url]))["list"]
    assert found["id"] == url
    return urlsplit(found["url"]).path


async def show(site: Site, path: str, **headers: str) -> httpx.Response:
    """As an `<img>` in a frame without origin asks: no cookie, no password."""
    browser = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", **headers}
    async with httpx.AsyncClient(base_url=site.http.base_url, trust_env=False, timeout=30) as http:
        return await http.get(path, headers=browser)


# --- what is given ---------------------------------------------------------------------------------------------------


async def test_an_address_is_given_without_fetching_anything(site: Site, server: WebServer, resolver: MemoryResolver):
    urls = [at(server), "http://far.test/b c.png", "cid:part1", "data:image/png;base64,AA", at(server)]
    answer = await ask(site, "RemoteImage/get", ids=urls)
    assert [found["id"] for found in answer["list"]] == urls[:2]
    assert answer["notFound"] == urls[2:4]
    for found in answer["list"]:
        assert found["url"].startswith(f"http://localhost:{site.port}/jmap/image/{site.id}/")
        assert found["expires"] == "2026-11-25T10:00:00Z"
    assert (server.connections, resolver.asked) == (0, [])


async def test_the_same_picture_has_the_same_address_within_the_hour(site: Site, server: WebServer):
    first = await path_of(site, at(server))
    site.office.clock.advance(HOUR - 1)
    assert await path_of(site, at(server)) == first
    site.office.clock.advance(1)
    assert await path_of(site, at(server)) != first


async def test_wrong_arguments(site: Site):
    for wrong in ({}, {"ids": None}, {"ids": [1]}, {"ids": [], "x": 1}):
        assert (await fail(site, "RemoteImage/get", **wrong))["type"] == "invalidArguments"
    async with as_bob(site) as bob:
        assert (await fail(bob, "RemoteImage/get", ids=[], accountId=site.id))["type"] == "accountNotFound"
    assert (await site.fail("RemoteImage/get", ids=[]))["type"] == "unknownMethod"


# --- what is shown ---------------------------------------------------------------------------------------------------


async def test_a_picture_is_shown_to_who_has_its_address(site: Site, server: WebServer):
    answer = await show(site, await path_of(site, at(server, "/a.png?who=alice")))
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == f"private, max-age={24 * HOUR}"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers and "access-control-allow-origin" not in answer.headers


async def test_who_is_asked_learns_nothing_of_the_reader(site: Site, server: WebServer):
    path = await path_of(site, at(server, "/a.png?who=alice"))
    await show(
        site, path, **{"User-Agent": "Alice's", "Accept-Language": "is", "Referer": "https://x/", "Cookie": "a=b"}
    )
    asked = await server.next()
    assert (asked.method, asked.target) == ("GET", "/a.png?who=alice")
    assert asked.headers == {
        "host": f"{NAME}:{server.port}",
        "user-agent": "Pillarbox",
        "accept": "image/png,image/jpeg,image/gif,image/webp,image/avif",
        "accept-encoding": "identity",
        "connection": "close",
    }


async def test_http_is_fetched_as_https(site: Site, server: WebServer):
    path = await path_of(site, f"http://{NAME}:{server.port}/a.png")
    assert (await show(site, path)).content == PNG
    assert server.tls_names == [NAME]


async def test_a_redirection_to_another_allowed_place_is_followed(site: Site, server: WebServer):
    server.replies = [
        reply("302 Found", "Location: /b.png"),
        reply("307 Temporary Redirect", f"Location: {at(server, '/c')}"),
    ]
    assert (await show(site, await path_of(site, at(server)))).content == PNG
    assert [(await server.next()).target for _ in range(3)] == ["/a.png", "/b.png", "/c"]


# --- signatures ------------------------------------------------------------------------------------------------------


def pieces(path: str) -> list[str]:
    """Account, time, signature, URL."""
    return path.split("/")[3:]


def encoded(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).rstrip(b"=").decode()


async def refused(site: Site, server: WebServer, path: str) -> None:
    before = server.connections
    answer = await show(site, path)
    assert answer.status_code == 404, path
    assert server.connections == before


async def test_a_forged_signature_fetches_nothing(site: Site, server: WebServer):
    account, expires, signature, url = pieces(await path_of(site, at(server)))
    forged = [base64.urlsafe_b64encode(octets).rstrip(b"=").decode() for octets in (b"\0" * 32, b"", b"x" * 31)]
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    for wrong in (*forged, other, signature[:-1], signature + "AAAA", "%00", "*", "é"):
        await refused(site, server, f"/jmap/image/{account}/{expires}/{wrong}/{url}")


async def test_a_signature_is_good_for_nothing_else(site: Site, server: WebServer):
    """Another picture, another account, another time, and pieces that are moved from one to the next."""
    account, expires, signature, url = pieces(await path_of(site, at(server)))
    async with as_bob(site) as bob:
        for made in (
            (account, expires, signature, encoded(at(server, "/b.png"))),
            (bob.id, expires, signature, url),
            (account, str(int(expires) + 1), signature, url),
            (account, str(int(expires) + 24 * HOUR), signature, url),
            (account + expires[0], expires[1:], signature, url),
            (account, f"0{expires}", signature, url),
            (account, f"{expires}.0", signature, url),
            (account, expires, signature, encoded(f" {at(server)}")),
            (account, expires, signature, f"{url}="),
            (account, expires, signature, ""),
        ):
            await refused(site, server, f"/jmap/image/{'/'.join(made)}")
        his = await path_of(bob, at(server))
        assert pieces(his)[2] != signature
    assert (await show(site, f"/jmap/image/{account}/{expires}/{signature}/{url}")).status_code == 200


async def test_an_address_is_over_after_its_time(site: Site, server: WebServer):
    site.office.clock.advance(HOUR // 2)
    path = await path_of(site, at(server))
    site.office.clock.advance(23 * HOUR + HOUR // 2 - 1)
    answer = await show(site, path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=1")
    site.office.clock.advance(1)
    await refused(site, server, path)
    site.office.clock.advance(365 * 24 * HOUR)
    await refused(site, server, path)


async def test_the_key_outlives_a_restart_and_no_two_systems_share_it(
    tmp_path: Path, server: WebServer, vouching, resolver
):
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    async with open_office(tmp_path / "data", limits=LIMITS) as office:
        first = office.mail.remote_images.sign(1, at(server))
    async with open_office(tmp_path / "data", limits=LIMITS) as office:
        again = office.mail.remote_images
        assert again.sign(1, at(server)) == first
        assert (await again.fetch(1, again.check(first), fetch)).octets == PNG
    async with open_office(tmp_path / "other", limits=LIMITS) as office:
        assert office.mail.remote_images.sign(1, at(server)).signature != first.signature


async def test_an_account_that_is_gone_shows_no_pictures(site: Site, server: WebServer):
    async with as_bob(site) as bob:
        path = await path_of(bob, at(server))
        await site.mail.accounts.remove(address("bob"))
        await refused(site, server, path)


# --- places that are near --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    ["127.0.0.1", "10.0.0.7", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1"],
)
async def test_neither_a_name_nor_an_address_leads_to_what_is_near(site: Site, server, resolver, where: str):
    family = "AAAA" if ":" in where else "A"
    resolver.zones["trap.test"] = {family: [where]}
    literal = f"[{where}]" if ":" in where else where
    for host in ("trap.test", literal):
        await refused(site, server, await path_of(site, f"https://{host}:{server.port}/"))


async def test_what_is_allowed_is_allowed_by_name_only(site: Site, server: WebServer):
    """near.test is where pictures.test is, and nobody has allowed it."""
    await refused(site, server, await path_of(site, f"https://near.test:{server.port}/"))


@pytest.mark.parametrize(
    "location",
    [
        "https://near.test:{port}/",
        "https://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "https://169.254.169.254/latest/meta-data/",
        "https://pictures.test:22/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "https://user@127.0.0.1/",
        "https://[::1",
        "",
    ],
)
async def test_a_redirection_leads_no_nearer(site: Site, server: WebServer, location: str):
    server.replies = [reply("302 Found", f"Location: {location.format(port=server.port)}")]
    server.usual = reply("302 Found", "Location: https://near.test/")
    answer = await show(site, await path_of(site, at(server)))
    assert answer.status_code == 404
    assert set(server.tls_names) == {NAME}


async def test_redirections_without_end_end(site: Site, server: WebServer):
    server.usual = reply("302 Found", "Location: /a.png")
    assert (await show(site, await path_of(site, at(server)))).status_code == 404
    assert server.count == REDIRECTIONS + 1


class ChangesItsMind(MemoryResolver):
    """Names are public when they are asked for first, and near ever after."""

    async def addresses(self, host: str) -> AddressAnswer:
        self.asked.append((host, "A"))
        return AddressAnswer(DnsOutcome.FOUND, ("8.8.8.8" if len(self.asked) == 1 else "127.0.0.1",))


class Loopback(MemoryResolver):
    """This machine first, another of its addresses ever after."""

    async def addresses(self, host: str) -> AddressAnswer:
        self.asked.append((host, "A"))
        return AddressAnswer(DnsOutcome.FOUND, ("127.0.0.1" if len(self.asked) == 1 else "127.0.0.2",))


async def test_a_name_that_changes_its_mind_is_looked_at_each_time(tmp_path: Path, server: WebServer, vouching):
    resolver = ChangesItsMind({})
    async with showing(tmp_path, HttpFetcher(resolver, tls=vouching.client())) as site:
        assert (await resolver.addresses("trap.test")).addresses == ("8.8.8.8",)
        await refused(site, server, await path_of(site, f"https://trap.test:{server.port}/"))


async def test_what_was_looked_at_is_connected_to(tmp_path: Path, server: WebServer, vouching):
    """Nobody asks again between the look and the connection."""
    resolver = Loopback({})
    async with showing(tmp_path, HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())) as site:
        assert (await show(site, await path_of(site, at(server)))).content == PNG
    assert resolver.asked == [(NAME, "A")]


# --- what is no picture ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"alert(1)",
        b"",
        b"\x1f\x8b" + PNG,
    ],
)
async def test_what_is_no_picture_is_not_shown_whatever_it_says_it_is(site: Site, server: WebServer, octets: bytes):
    for kind in ("image/png", "image/svg+xml", "text/html"):
        server.usual = reply("200 OK", f"Content-Type: {kind}", body=octets)
        answer = await show(site, await path_of(site, at(server)))
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert octets == b"" or octets not in answer.content


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oh", "206 Partial Content", "304 Not Modified", "201 Created"]
)
async def test_an_answer_that_is_none_shows_nothing(site: Site, server: WebServer, status: str):
    server.usual = reply(status, body=b"" if status.startswith("304") else PNG)
    answer = await show(site, await path_of(site, at(server)))
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


async def test_what_is_too_large_is_not_shown(site: Site, server: WebServer):
    server.usual = reply("200 OK", body=PNG + b"x" * 1_000)
    assert (await show(site, await path_of(site, at(server)))).status_code == 404
    server.usual = reply("200 OK", body=PNG.ljust(1_000, b"x"))
    assert len((await show(site, await path_of(site, at(server)))).content) == 1_000


async def test_who_is_slow_is_not_waited_for(tmp_path: Path, server: WebServer, vouching, resolver):
    server.usual = None
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    async with showing(tmp_path, fetch, limits=Limits(image_seconds=0.3)) as site:
        answer = await show(site, await path_of(site, at(server)))
    assert answer.status_code == 404


async def test_nobody_there_is_no_picture(site: Site):
    for url in (f"https://{NAME}:1/", "https://nowhere.test/"):
        assert (await show(site, await path_of(site, url))).status_code == 404


# --- how many --------------------------------------------------------------------------------------------------------


class Patient:
    """An `HttpFetch` that answers when it is let, and counts who waits for it."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.go_on = asyncio.Event()
        self.changed = asyncio.Event()

    async def get(self, url: HttpsUrl, *, headers: Mapping[str, str], most_octets: int, seconds: float) -> HttpAnswer:
        self.now += 1
        self.most = max(self.most, self.now)
        self.changed.set()
        await self.go_on.wait()
        self.now -= 1
        return HttpAnswer(200, {}, PNG)

    async def post(
        self, url: HttpsUrl, body: bytes, *, headers: Mapping[str, str], most_octets: int, seconds: float
    ) -> HttpAnswer:
        raise AssertionError("nothing is posted")

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(15):
            while self.now < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def busy(folder: Path, **limits: object) -> AsyncIterator[tuple[Site, Patient]]:
    fetch = Patient()
    made = Limits(image_seconds=10.0, image_connections=3, image_connections_per_account=2, **limits)
    async with showing(folder, fetch, limits=made) as site:
        yield site, fetch
        fetch.go_on.set()


async def test_an_account_has_so_many_fetched_at_once_and_the_others_wait(tmp_path: Path):
    async with busy(tmp_path) as (site, fetch), as_bob(site) as bob, asyncio.TaskGroup() as tasks:
        hers = [tasks.create_task(show(site, await path_of(site, f"https://far.test/{n}"))) for n in range(5)]
        await fetch.wait_for(2)
        his = [tasks.create_task(show(bob, await path_of(bob, f"https://far.test/{n}"))) for n in range(5)]
        await fetch.wait_for(3)
        fetch.go_on.set()
        assert {(await task).status_code for task in (*hers, *his)} == {200}
        assert fetch.most == 3


async def test_who_asks_for_too_many_is_refused_the_rest(tmp_path: Path):
    async with busy(tmp_path) as (site, fetch), asyncio.TaskGroup() as tasks:
        path = await path_of(site, "https://far.test/")
        many = [tasks.create_task(show(site, path)) for _ in range(2 + WAITING + 5)]
        await fetch.wait_for(2)
        await next(asyncio.as_completed(many))
        fetch.go_on.set()
        statuses = [(await task).status_code for task in many]
        assert set(statuses) == {200, 429} and statuses.count(429) <= 5


async def test_who_waits_too_long_for_a_turn_is_refused(tmp_path: Path):
    fetch = Patient()
    limits = Limits(image_seconds=0.3, image_connections_per_account=1)
    async with showing(tmp_path, fetch, limits=limits) as site:
        path = await path_of(site, "https://far.test/")
        statuses = [answer.status_code for answer in await asyncio.gather(*(show(site, path) for _ in range(4)))]
    assert set(statuses) <= {404, 429} and 404 in statuses and 429 in statuses


# --- switched off ----------------------------------------------------------------------------------------------------


async def test_an_operator_may_have_none_of_it(tmp_path: Path, server: WebServer, vouching, resolver):
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    async with showing(tmp_path, fetch) as site:
        path = await path_of(site, at(server))
        session = (await site.http.get("/jmap/session")).json()
        assert session["accounts"][site.id]["accountCapabilities"][OWN] == {"remoteImages": True}
        state = session["state"]
    async with open_office(tmp_path / "data", images=ImageSettings(proxy=False)) as office:
        account = await office.account("alice")
        signed = office.mail.remote_images.sign(account.id, at(server))
        with pytest.raises(NotFound):
            office.mail.remote_images.check(signed)
    async with showing(tmp_path / "off", fetch, images=ImageSettings(proxy=False)) as site:
        assert (await fail(site, "RemoteImage/get", ids=[at(server)]))["type"] == "forbidden"
        await refused(site, server, path)
        session = (await site.http.get("/jmap/session")).json()
        assert session["accounts"][site.id]["accountCapabilities"][OWN] == {"remoteImages": False}
        assert session["state"] != state
        assert (await site.post([], using=[OWN])).json()["sessionState"] == session["state"]
