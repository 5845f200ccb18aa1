"""JMAP's routes and what opens them: tokens that end in the middle, cookies and pages of others, names that clients send.

How credentials are written and read is tested in `serve/http`; that a stream ends with its token, in `test_event_source` and
`test_jmap_websocket`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import websockets
from jmap_site import CORE, MAIL, PASSWORD, Site, open_jmap
from websockets.asyncio.client import connect

from office import DOMAIN, open_office
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from pillarbox.serve.jmap.own import OWN

PATIENCE_SECONDS = 15.0
COOKIE = "pillarbox-session"
"""On this machine, without TLS."""


def routes_of(site: Site, blob_id: str) -> list[tuple[str, str]]:
    """Every route that asks who one is, but the WebSocket's."""
    return [
        ("GET", "/.well-known/jmap"),
        ("GET", "/jmap/session"),
        ("POST", "/jmap/api"),
        ("POST", f"/jmap/upload/{site.id}"),
        ("GET", f"/jmap/download/{site.id}/{blob_id}/x"),
        ("HEAD", f"/jmap/download/{site.id}/{blob_id}/x"),
        ("GET", "/jmap/eventsource?types=*&closeafter=state&ping=0"),
    ]


async def upload(site: Site, octets: bytes = b"some octets") -> str:
    return (await site.http.post(f"/jmap/upload/{site.id}", content=octets)).json()["blobId"]


async def rows(site: Site, table: str) -> list[tuple]:
    """Of alice."""
    account_id = site.account.id
    return list(await site.office.database.all(account_id, f"select * from {table} where account_id = $1", account_id))


# --- tokens ----------------------------------------------------------------------------------------------------------


class Slow:
    """A request whose body is held back until `go_on`."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self.first, self.rest = first, rest
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.first
        await self.go_on.wait()
        yield self.rest


async def send_slowly(site: Site, path: str, octets: bytes, end: str) -> httpx.Response:
    """Half of a body, the end of the token that it was sent with, the other half."""
    token = await site.mail.tokens.add(site.account.address, "stolen")
    body = Slow(octets[: len(octets) // 2], octets[len(octets) // 2 :])
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=site.http.base_url, trust_env=False, timeout=30) as http:
        asking = asyncio.ensure_future(http.post(path, content=body, headers=headers))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not site.mail.credentials._listeners:
                await asyncio.sleep(0.001)
        if end == "token":
            await site.mail.tokens.remove(site.account.address, "stolen")
        else:
            await site.mail.accounts.remove(site.account.address)
        body.go_on.set()
        return await asking


@pytest.mark.parametrize("end", ["token", "account"])
@pytest.mark.parametrize("octets", [b"x" * 20, b"x" * 300_000])
async def test_an_upload_that_outlasts_its_token_is_not_kept(site: Site, octets: bytes, end: str):
    answer = await send_slowly(site, f"/jmap/upload/{site.id}", octets, end)
    assert answer.status_code == 401
    assert await rows(site, "blob_ref") == []
    assert await rows(site, "content") == []
    assert not site.mail.credentials._listeners


async def test_a_request_that_outlasts_its_token_is_not_made(site: Site):
    before = await rows(site, "mailbox")
    create = ["Mailbox/set", {"accountId": site.id, "create": {"k": {"name": "theirs"}}}, "c"]
    octets = json.dumps({"using": [CORE, MAIL], "methodCalls": [create]}).encode()
    answer = await send_slowly(site, "/jmap/api", octets, "token")
    assert answer.status_code == 401
    assert await rows(site, "mailbox") == before


async def test_a_token_that_was_taken_away_is_one_that_never_was_on_every_route(site: Site):
    """Replay: answers to both are equal, and say nothing."""
    token = await site.mail.tokens.add(site.account.address, "gone")
    blob_id = await upload(site)
    async with httpx.AsyncClient(base_url=site.http.base_url, trust_env=False, timeout=30) as http:
        for method, path in routes_of(site, blob_id)[:2]:
            answer = await http.request(method, path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
        await site.mail.tokens.remove(site.account.address, "gone")
        for method, path in routes_of(site, blob_id):
            answers = [
                await http.request(method, path, json={}, headers={"Authorization": f"Bearer {text}"})
                for text in (token, "A" * 43)
            ]
            gone, never = [(one.status_code, one.content, {**one.headers, "date": ""}) for one in answers]
            assert gone == never, path
            assert gone[0] == 401
            assert DOMAIN not in answers[0].text
    for text in (token, "A" * 43):
        assert await websocket_status(site, {"Authorization": f"Bearer {text}"}) == 401


async def websocket_status(site: Site, headers: dict[str, str], **options: object) -> int:
    """101 when it is opened."""
    url = f"ws://localhost:{site.port}/jmap/ws"
    try:
        async with connect(url, subprotocols=["jmap"], additional_headers=headers, proxy=None, **options):
            return 101
    except websockets.InvalidStatus as refusal:
        return refusal.response.status_code


# --- cookies, and pages of others ------------------------------------------------------------------------------------


@pytest.fixture
async def signed_in(tmp_path: Path) -> AsyncIterator[tuple[Site, httpx.AsyncClient]]:
    """Alice's browser: its client keeps a cookie, and shows nothing else."""
    async with open_office(tmp_path / "data") as office, open_jmap(office, more=sign_in_routes(office.mail)) as site:
        base_url = str(site.http.base_url)
        async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as browser:
            body = {"login": f"alice@{DOMAIN}", "password": PASSWORD}
            answer = await browser.post("/auth/sign-in", json=body, headers={"Origin": base_url.rstrip("/")})
            assert answer.status_code == 200, answer.text
            yield site, browser


ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
)


async def test_pages_of_others_reach_no_route_with_a_browser_s_cookie(signed_in):
    site, browser = signed_in
    blob_id = await upload(site)
    before = [await rows(site, table) for table in ("blob_ref", "mailbox", "change")]
    create = ["Mailbox/set", {"accountId": site.id, "create": {"k": {"name": "theirs"}}}, "c"]
    body = json.dumps({"using": [CORE, MAIL], "methodCalls": [create]}).encode()
    for method, path in routes_of(site, blob_id):
        for said in ELSEWHERE:
            for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                answer = await browser.request(method, path, content=body, headers={**said, "Content-Type": kind})
                assert answer.status_code == 403, (method, path, said)
                assert "access-control-allow-origin" not in answer.headers
    assert [await rows(site, table) for table in ("blob_ref", "mailbox", "change")] == before
    cookie = {"Cookie": f"{COOKIE}={dict(browser.cookies)[COOKIE]}"}
    for origin in ("https://evil.test", "null", None, f"http://localhost:{site.port}.evil.test"):
        assert await websocket_status(site, cookie, origin=origin) == 403
    assert await websocket_status(site, cookie, origin=f"http://localhost:{site.port}") == 101


async def test_what_a_form_can_send_changes_nothing_though_no_field_says_whose_page_it_is(signed_in):
    """Old browsers say nothing of themselves: a form is known by what it cannot send."""
    site, browser = signed_in
    for path in ("/jmap/api", f"/jmap/upload/{site.id}"):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""):
            assert (await browser.post(path, content=b"{}", headers={"Content-Type": kind})).status_code == 403
    assert await rows(site, "blob_ref") == []


async def test_a_cookie_kept_from_before_the_sign_out_opens_no_route(signed_in):
    site, browser = signed_in
    blob_id = await upload(site)
    kept = {"Cookie": f"{COOKIE}={dict(browser.cookies)[COOKIE]}", "Origin": f"http://localhost:{site.port}"}
    assert (await browser.post("/auth/sign-out", json={}, headers=kept)).status_code == 204
    browser.cookies.clear()
    for method, path in routes_of(site, blob_id):
        answer = await browser.request(method, path, json={}, headers=kept)
        assert answer.status_code == 401, path
    assert await websocket_status(site, {"Cookie": kept["Cookie"]}, origin=kept["Origin"]) == 401


# --- the name that a client knows us by ------------------------------------------------------------------------------


def urls_in(value: object) -> set[str]:
    """Scheme, host and port of each URL of a session, but those that are names of capabilities."""
    match value:
        case str() if "://" in value:
            return {"/".join(value.split("/")[:3]).replace("ws://", "http://")}
        case dict():
            return set().union(*map(urls_in, value.values()))
        case list():
            return set().union(*map(urls_in, value))
    return set()


async def test_the_host_that_one_client_sends_is_in_its_own_answers_alone(site: Site):
    """URLs are made of the Host field, which a browser cannot be made to send wrong. Nothing of it is kept for another
    client, here or on the way: no answer may be stored by anybody."""
    for host in ("evil.test", f"localhost:{site.port}", "mail.uiowa.test:8443", "[2001:db8::1]:8443"):
        answer = await site.http.get("/jmap/session", headers={"Host": host})
        assert urls_in(answer.json()) == {f"http://{host}"}
        assert "no-store" in answer.headers["cache-control"]
        asked = {"accountId": site.id, "ids": ["https://far.test/a.png"]}
        calls = {"using": [CORE, OWN], "methodCalls": [["RemoteImage/get", asked, "c"]]}
        answer = await site.http.post("/jmap/api", json=calls, headers={"Host": host})
        ((_, found, _),) = answer.json()["methodResponses"]
        assert urls_in(found["list"][0]["url"]) == {f"http://{host}"}
        assert answer.headers["cache-control"] == "no-store"
    claims = {"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.test;proto=https"}
    answer = await site.http.get(
        "/jmap/session", headers={**claims, "X-Host": "evil.test", "X-Original-Host": "evil.test"}
    )
    assert urls_in(answer.json()) == {f"http://localhost:{site.port}"}


async def test_who_sends_another_host_gets_another_state_and_others_keep_theirs(site: Site):
    """The state of the session says that the URLs differ (RFC 8620 §2); a client is not sent around by another."""
    first = (await site.http.get("/jmap/session")).json()["state"]
    other = (await site.http.get("/jmap/session", headers={"Host": "evil.test"})).json()["state"]
    again = (await site.http.get("/jmap/session")).json()["state"]
    assert first == again != other


@pytest.mark.parametrize(
    "host",
    ["evil.test/x", "evil.test#", "evil.test?x", "a@evil.test", 'a"b', "a b", "a\\b", "a:b", "[::1", "<a>", "ä", ""],
)
async def test_what_is_no_host_is_in_no_url(site: Site, host: str):
    answer = await site.http.get("/jmap/session", headers=[(b"Host", host.encode())])
    assert answer.status_code == 400
