"""What opens an account and what does not: fields that are written oddly, twice, elsewhere; paths, methods, hosts; and what
is shown at the beginning of a request and is good no longer at its end."""

import asyncio
import base64
from datetime import timedelta

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from authenticator import Authenticator, text
from office import Office, address
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.routes import jmap_routes
from serve.http.browser import LOGIN, PASSWORD, SECURE, Browser
from serve.http.http_site import Site, connected, exchange, open_site, statuses

RIGHT = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode())
HEAD = b"Host: localhost\r\nConnection: close\r\n"
ELSEWHERE = ("192.0.2.7", 5000)


@pytest.fixture
async def site(office: Office):
    await office.mail.accounts.add(address("alice"), PASSWORD)
    async with open_site(office) as opened:
        yield opened


async def asked(site: Site, fields: bytes, *, target: bytes = b"/me", method: bytes = b"GET") -> bytes:
    return await exchange(site.port, method + b" " + target + b" HTTP/1.1\r\n" + HEAD + fields + b"\r\n")


# --- how it is written -----------------------------------------------------------------------------------------------

SMUGGLED = {
    "right, then wrong": b"Authorization: Basic RIGHT\r\nAuthorization: Basic eDp5\r\n",
    "wrong, then right": b"Authorization: Basic eDp5\r\nAuthorization: Basic RIGHT\r\n",
    "right twice": b"Authorization: Basic RIGHT\r\nauthorization: Basic RIGHT\r\n",
    "right, then none": b"Authorization: Basic RIGHT\r\nAuthorization:\r\n",
    "a password and a token": b"Authorization: Basic RIGHT\r\nAuthorization: Bearer TOKEN\r\n",
    "two in one field": b"Authorization: Basic RIGHT, Bearer TOKEN\r\n",
    "two tokens in one field": b"Authorization: Bearer TOKEN, Bearer TOKEN\r\n",
    "a realm in front": b'Authorization: Basic realm="Pillarbox", RIGHT\r\n',
    "a realm behind": b'Authorization: Basic RIGHT, realm="Pillarbox"\r\n',
    "something behind": b"Authorization: Basic RIGHT x\r\n",
    "no scheme": b"Authorization: RIGHT\r\n",
    "a scheme that is nearly one": b"Authorization: Basicx RIGHT\r\n",
    "a scheme within another": b"Authorization: Bearer Basic RIGHT\r\n",
    "a tab for the blank": b"Authorization: Basic\tRIGHT\r\n",
    "a password as a token": b"Authorization: Bearer RIGHT\r\n",
    "a token as name and password": b"Authorization: Basic TOKEN\r\n",
    "Digest": b'Authorization: Digest username="alice@uiowa.test", realm="Pillarbox", response="RIGHT"\r\n',
    "Negotiate": b"Authorization: Negotiate RIGHT\r\n",
    "a space before the colon": b"Authorization : Basic RIGHT\r\n",
    "folded": b"Authorization: Basic\r\n RIGHT\r\n",
    "behind LF alone": b"X: y\nAuthorization: Basic RIGHT\r\n",
    "behind CR alone": b"X: y\rAuthorization: Basic RIGHT\r\n",
    "behind NUL": b"X: y\0\r\nAuthorization: Basic RIGHT\r\n",
    "a name with NUL": b"Authorization\0: Basic RIGHT\r\n",
    "a name with a lower line": b"Authorization_: Basic RIGHT\r\n",
    "for a proxy": b"Proxy-Authorization: Basic RIGHT\r\n",
    "X-Authorization": b"X-Authorization: Basic RIGHT\r\n",
    "as another field's value": b"X: Authorization: Basic RIGHT\r\n",
    "what a proxy says of who it is": b"X-Forwarded-User: alice@uiowa.test\r\nRemote-User: alice@uiowa.test\r\n",
    "what TLS proxies say": b"X-SSL-Client-Verify: SUCCESS\r\nX-Client-Cert: alice@uiowa.test\r\n",
    "a token in a cookie": b"Cookie: pillarbox-session=TOKEN; __Host-pillarbox-session=TOKEN; token=TOKEN\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_credentials_are_read_in_one_way_or_not_at_all(site: Site, name: str):
    token = (await site.mail.tokens.add(address("alice"), "program")).encode()
    found = await asked(site, SMUGGLED[name].replace(b"RIGHT", RIGHT).replace(b"TOKEN", token))
    assert statuses(found) in ([401], [400]), found
    assert LOGIN.encode() not in found


@pytest.mark.parametrize(
    "fields",
    [
        b"Authorization: Basic RIGHT\r\n",
        b"AUTHORIZATION:Basic RIGHT\r\n",
        b"authorization: \t bAsIc  RIGHT \t\r\n",
        b"Authorization: Basic RIGHT\r\nX-Authorization: Basic eDp5\r\nProxy-Authorization: Basic eDp5\r\n",
    ],
)
async def test_what_the_standard_lets_pass_opens(site: Site, fields: bytes):
    """RFC 9110 §5.1, §5.5, §11.1: case and white space mean nothing."""
    assert statuses(await asked(site, fields.replace(b"RIGHT", RIGHT))) == [200]


async def test_a_token_in_a_url_or_a_body_is_none(site: Site):
    """RFC 6750 §2.2, §2.3: they end in logs and histories."""
    token = (await site.mail.tokens.add(address("alice"), "program")).encode()
    for query in (b"access_token=", b"token=", b"authorization=Bearer%20", b"Authorization=Bearer%20"):
        assert statuses(await asked(site, b"", target=b"/me?" + query + token)) == [401]
    body = b"access_token=" + token
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body)
    found = await exchange(site.port, b"GET /me HTTP/1.1\r\n" + HEAD + form + b"\r\n" + body)
    assert statuses(found) == [401]


async def test_whatever_is_wrong_with_a_token_is_answered_with_the_same_words(site: Site, office: Office):
    """Forged, cut, of another kind, another's name, ended, removed: nobody learns how near it was."""
    tokens = site.mail.tokens
    good = await tokens.add(address("alice"), "good")
    short = await tokens.add(address("alice"), "short", lasts=timedelta(seconds=10))
    gone = await tokens.add(address("alice"), "gone")
    await tokens.remove(address("alice"), "gone")
    office.clock.advance(11)
    other = good[:-1] + ("A" if good[-1] != "A" else "B")
    wrong = [
        "A" * 43, good[:-1], good[1:], good + "A", good + "=", good.swapcase(), other, good[::-1], short, gone, "good",
        "alice@uiowa.test", f"alice@uiowa.test:{good}", "", "*", "%", "_" * 43, "ä" * 43,
    ]  # fmt: skip
    answers = set()
    for token in wrong:
        found = await asked(site, b"Authorization: Bearer " + token.encode() + b"\r\n")
        answers.add(b"\r\n".join(line for line in found.split(b"\r\n") if not line.startswith(b"date:")))
    assert len(answers) == 1, answers
    assert statuses(answers.pop()) == [401]
    assert statuses(await asked(site, b"Authorization: Bearer " + good.encode() + b"\r\n")) == [200]


async def test_an_app_password_opens_its_own_account_alone(site: Site, office: Office):
    await office.mail.accounts.add(address("bob"), PASSWORD)
    token = await site.mail.tokens.add(address("alice"), "phone")
    for login, status in (("alice@uiowa.test", 200), ("bob@uiowa.test", 401), ("", 401), ("nobody@uiowa.test", 401)):
        value = base64.b64encode(f"{login}:{token}".encode())
        assert statuses(await asked(site, b"Authorization: Basic " + value + b"\r\n")) == [status]


# --- where it is shown -----------------------------------------------------------------------------------------------

CLOSED = (
    b"/me", b"/%6d%65", b"/me?", b"/me?x=/health", b"/me#/health", b"/me/", b"//me", b"/./me", b"/x/../me", b"/me%00",
    b"/me;a=b", b"/me%3fx", b"/ME", b"/me%20", b"http://localhost/me", b"HTTP://LOCALHOST/me", b"http://localhost//me",
    b"http://alice@localhost/me", b"http://alice:RIGHT@localhost/me", b"http://localhost@localhost/me",
    b"http://evil.test/me", b"https://localhost:443/me", b"http://localhost:80/me", b"*",
)  # fmt: skip


@pytest.mark.parametrize("target", CLOSED)
async def test_no_spelling_of_a_path_and_no_method_opens_what_is_closed(site: Site, target: bytes):
    for method in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND"):
        for fields in (b"", b"X-Original-URL: /echo\r\nX-Rewrite-URL: /echo\r\nX-HTTP-Method-Override: GET\r\n"):
            found = await asked(site, fields, target=target.replace(b"RIGHT", RIGHT), method=method)
            (status,) = statuses(found)
            assert status in (400, 401, 404, 405, 501), (method, target, found)
            assert LOGIN.encode() not in found
            if method == b"HEAD":
                assert found.endswith(b"\r\n\r\n") or status == 400


async def test_trace_shows_nobody_their_own_credentials(site: Site):
    """RFC 9110 §9.3.8."""
    found = await asked(site, b"Authorization: Basic " + RIGHT + b"\r\n", method=b"TRACE")
    assert statuses(found) == [501]
    assert RIGHT not in found


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://localhost/echo", b"localhost", 200),
        (b"http://LocalHost/echo", b"localhost", 200),
        (b"https://mail.uiowa.test:8443/echo", b"mail.uiowa.test:8443", 200),
        (b"http://evil.test/echo", b"localhost", 400),
        (b"http://localhost:80/echo", b"localhost", 400),
        (b"http://localhost@evil.test/echo", b"localhost", 400),
        (b"http://evil.test@localhost/echo", b"localhost", 400),
        (b"http://localhost.evil.test/echo", b"localhost", 400),
        (b"//evil.test/echo", b"localhost", 404),
        (b"/http://evil.test/echo", b"localhost", 404),
    ],
)
async def test_a_target_that_names_a_host_names_the_one_of_the_host_field(site: Site, target, host, status):
    """RFC 9112 §3.2, §3.2.2."""
    request = b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    assert statuses(await exchange(site.port, request)) == [status]


# --- what others say of who asks -------------------------------------------------------------------------------------

CLAIMS = (
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-For", "::1, 127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Protocol", "https"),
    ("X-Forwarded-Scheme", "https"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Server", "evil.test"),
    ("X-Forwarded-Port", "443"),
    ("X-Url-Scheme", "https"),
    ("Front-End-Https", "on"),
    ("Forwarded", "for=127.0.0.1;proto=https;host=evil.test"),
    ("X-Real-IP", "127.0.0.1"),
    ("X-Client-IP", "127.0.0.1"),
    ("True-Client-IP", "127.0.0.1"),
    ("CF-Connecting-IP", "127.0.0.1"),
    ("Client-IP", "127.0.0.1"),
    ("Via", "1.1 localhost"),
)


def elsewhere(site: Site, scheme: str = "http") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(site.application, client=ELSEWHERE)
    return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://mail.uiowa.test", auth=(LOGIN, PASSWORD))


@pytest.mark.parametrize("claim", CLAIMS)
async def test_nobody_is_on_this_machine_or_encrypted_because_a_field_says_so(site: Site, claim: tuple[str, str]):
    async with elsewhere(site) as ask:
        answer = await ask.get("/me", headers=[claim])
        assert (answer.status_code, answer.headers["location"]) == (308, "https://mail.uiowa.test:8443/me")
        assert (await ask.get("/metrics", headers=[claim])).status_code == 308
    async with elsewhere(site, "https") as ask:
        assert (await ask.get("/metrics", headers=[claim])).status_code in (403, 404)


async def test_who_guesses_is_counted_by_the_socket_whatever_it_says(site: Site):
    async with elsewhere(site, "https") as ask:
        for number in range(Limits().login_failures):
            says = {name: f"198.51.100.{number}" for name, _ in CLAIMS if "For" in name or "IP" in name}
            assert (await ask.get("/me", headers=says, auth=(LOGIN, "wrong"))).status_code == 401
        assert (await ask.get("/me", headers={"X-Forwarded-For": "198.51.100.200"})).status_code == 429


async def test_a_session_s_address_is_the_socket_s(browser: Browser):
    says = {**browser.ours, **dict(CLAIMS)}
    answer = await browser.http.post("/auth/sign-in", json={"login": LOGIN, "password": PASSWORD}, headers=says)
    assert answer.json()["session"]["address"] == "127.0.0.1"
    assert answer.headers["set-cookie"].startswith(SECURE)


async def test_a_page_that_came_in_the_clear_opens_no_encrypted_websocket(office: Office, server_tls, client_tls):
    """Whoever is on the way can write such a page; a browser that has kept a password would send it along."""
    await office.mail.accounts.add(address("alice"), PASSWORD)
    basic = {"Authorization": f"Basic {RIGHT.decode()}"}
    async with open_site(office, tls=server_tls, extra=jmap_routes(office.mail)) as site:
        url = f"wss://localhost:{site.port}/jmap/ws"
        for scheme, status in (("https", 101), ("http", 403), ("wss", 403)):
            found = 101
            try:
                async with connect(
                    url,
                    ssl=client_tls,
                    subprotocols=["jmap"],
                    additional_headers=basic,
                    origin=f"{scheme}://localhost:{site.port}",
                    proxy=None,
                ):
                    pass
            except InvalidStatus as refusal:
                found = refusal.response.status_code
            assert found == status, scheme


async def test_what_another_signs_in_with_is_as_what_never_was(browser: Browser, other: Browser, office: Office):
    """Bob asks for alice's session, app password and passkey by their names, and is told what anybody is of none."""
    session = (await browser.sign_in())["session"]["id"]
    key = Authenticator(browser.origin)
    options = (await browser.post("/auth/passkeys/options")).json()
    made = await browser.post("/auth/passkeys", {"name": "key", "credential": key.create(options)})
    assert made.status_code == 200, made.text
    await office.mail.tokens.add(address("alice"), "phone")
    await other.sign_in("bob@uiowa.test")
    passkey = text(key.id)
    for path, hers, never in (
        ("sessions", session, session[::-1]),
        ("passkeys", passkey, passkey[::-1]),
        ("app-passwords", "phone", "enohp"),
    ):
        found = []
        for id in (hers, never):
            answer = await other.delete(f"/auth/{path}/{id}")
            said = {name: value for name, value in answer.headers.items() if name != "date"}
            found.append((answer.status_code, said, answer.text.replace(id, "ID")))
        assert found[0] == found[1], path
        assert found[0][0] == 404
        assert hers not in (await other.get(f"/auth/{path}")).text
    assert await browser.who() == 200
    assert len((await browser.get("/auth/passkeys")).json()["list"]) == 1
    assert [token.name for token in await office.mail.tokens.list(address("alice"))] == ["phone"]


# --- what ends while a body comes ------------------------------------------------------------------------------------

POST = b"POST /echo HTTP/1.1\r\n" + HEAD + b"Content-Length: 10\r\n"


async def begun(site: Site, client, fields: bytes) -> None:
    """A request whose head is read and whose body has begun, so that who asks is known."""
    client.send(POST + fields + b"\r\nhello")
    await client.writer.drain()
    async with asyncio.timeout(15):
        while not site.mail.credentials._listeners:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("end", ["removed", "expired", "account"])
async def test_a_body_does_not_outlast_the_token_that_it_was_sent_with(site: Site, office: Office, end: str):
    token = await site.mail.tokens.add(address("alice"), "stolen", lasts=timedelta(seconds=10))
    async with connected(site.port) as client:
        await begun(site, client, b"Authorization: Bearer " + token.encode() + b"\r\n")
        match end:
            case "removed":
                await site.mail.tokens.remove(address("alice"), "stolen")
            case "expired":
                office.clock.advance(11)
            case "account":
                await site.mail.accounts.remove(address("alice"))
        client.send(b"world")
        assert statuses(await client.end()) == [401]
    assert site.seen == []


async def test_a_body_does_not_outlast_the_password_that_it_was_sent_with(site: Site):
    async with connected(site.port) as client:
        await begun(site, client, b"Authorization: Basic " + RIGHT + b"\r\n")
        await site.mail.accounts.set_password(address("alice"), "another horse")
        client.send(b"world")
        assert statuses(await client.end()) == [401]
    assert site.seen == []


async def test_the_end_of_another_s_token_is_nothing_to_it(site: Site, office: Office):
    await office.mail.accounts.add(address("bob"), PASSWORD)
    token = await site.mail.tokens.add(address("alice"), "program")
    for name in ("alice", "bob"):
        await site.mail.tokens.add(address(name), "phone")
    async with connected(site.port) as client:
        await begun(site, client, b"Authorization: Bearer " + token.encode() + b"\r\n")
        for name in ("alice", "bob"):
            await site.mail.tokens.remove(address(name), "phone")
        client.send(b"world")
        assert statuses(await client.end()) == [200]
    assert site.seen == ["POST /echo helloworld"]
    assert not site.mail.credentials._listeners


async def test_a_stolen_session_makes_no_app_password_after_its_owner_has_ended_it(
    people: Site, browser: Browser, client_tls
):
    """The head is sent while the session is good; the body once its owner has signed out everywhere."""
    await browser.sign_in()
    body = b'{"name": "mine"}'
    head = b"POST /auth/app-passwords HTTP/1.1\r\n" + b"Host: localhost:%d\r\n" % people.port
    head += f"Cookie: {SECURE}={browser.cookie}\r\nOrigin: {browser.origin}\r\n".encode()
    head += b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with connected(people.port, client_tls) as client:
        client.send(head + body[:5])
        await client.writer.drain()
        async with asyncio.timeout(15):
            while not people.mail.credentials._listeners:
                await asyncio.sleep(0.001)
        await browser.post("/auth/sign-out")
        client.send(body[5:])
        assert statuses(await client.end()) == [401]
    assert await people.mail.tokens.list(address("alice")) == []
