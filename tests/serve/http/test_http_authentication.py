"""Who may ask what: Basic (RFC 7617), Bearer (RFC 6750), and where neither is taken."""

import asyncio
import base64
from datetime import timedelta

import httpx
import pytest

from office import Office, address
from pillarbox.model.limits import Limits
from serve.http.http_site import HTTPS_PORT, Site, open_site

PASSWORD = "pä:ss wörd"
ELSEWHERE = ("192.0.2.7", 5000)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def site(office: Office):
    await office.mail.accounts.add(address("alice"), PASSWORD)
    return Site(office, Limits(), ())


def client(
    site: Site, *, peer=("127.0.0.1", 5000), scheme: str = "http", host: str = "mail.uiowa.test"
) -> httpx.AsyncClient:
    """Asks the application as the listener would for a peer of this address."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(site.application, client=peer),
        base_url=f"{scheme}://{host}",
        follow_redirects=False,
    )


async def test_basic_is_name_and_password_in_utf_8_and_the_password_may_have_colons(site: Site):
    async with client(site) as ask:
        for login in ("alice@uiowa.test", "ALICE@uiowa.test", "alice"):
            answer = await ask.get("/me", headers=basic(f"{login}:{PASSWORD}"))
            assert (answer.status_code, answer.text) == (200, "alice@uiowa.test")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("alice@uiowa.test:wrong"),
        basic("nobody@uiowa.test:wrong"),
        basic("nobody@far.test:wrong"),
        basic("alice@uiowa.test"),
        basic(""),
        basic(f"al\0ice:{PASSWORD}"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Digest username=alice"},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        bearer("x" * 43),
        bearer("' or 1=1 --"),
    ],
)
async def test_whatever_is_wrong_is_401_with_what_would_be_taken(site: Site, headers):
    async with client(site) as ask:
        answer = await ask.get("/me", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith('Basic realm="Pillarbox", charset="UTF-8", Bearer')
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 401


async def test_nothing_tells_an_unknown_name_from_a_wrong_password(site: Site):
    async with client(site) as ask:
        wrong, unknown = [
            await ask.get("/me", headers=basic(f"{login}@uiowa.test:wrong")) for login in ("alice", "nobody")
        ]
    assert (wrong.status_code, wrong.text, dict(wrong.headers)) == (
        unknown.status_code,
        unknown.text,
        dict(unknown.headers),
    )


async def test_two_credentials_are_none(site: Site):
    token = await site.mail.tokens.add(address("alice"), "laptop")
    async with client(site) as ask:
        pairs = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
        assert (await ask.get("/me", headers=pairs)).status_code == 401


async def test_who_guesses_passwords_waits_and_others_do_not(site: Site):
    """RFC 6585 §4."""
    async with client(site, peer=ELSEWHERE, scheme="https") as ask, client(site, scheme="https") as other:
        for _ in range(site.mail.limits.login_failures):
            assert (await ask.get("/me", headers=basic("alice:wrong"))).status_code == 401
        answer = await ask.get("/me", headers=basic(f"alice:{PASSWORD}"))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert (await other.get("/me", headers=basic(f"alice:{PASSWORD}"))).status_code == 200


async def test_a_token_that_is_wrong_locks_nobody_out(site: Site):
    async with client(site) as ask:
        for _ in range(site.mail.limits.login_failures + 1):
            answer = await ask.get("/me", headers=bearer("no-such-token"))
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert (await ask.get("/me", headers=basic(f"alice:{PASSWORD}"))).status_code == 200


async def test_a_token_is_good_until_it_is_removed_or_ends_by_itself(site: Site, office: Office):
    token = await site.mail.tokens.add(address("alice"), "laptop")
    short = await site.mail.tokens.add(address("alice"), "phone", lasts=timedelta(days=1))
    async with client(site) as ask:
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert (await ask.get("/me", headers={"Authorization": f"{scheme} {token}"})).text == "alice@uiowa.test"
        assert (await ask.get("/me", headers=bearer(short))).status_code == 200
        office.clock.advance(86_400)
        assert (await ask.get("/me", headers=bearer(short))).status_code == 401
        assert (await ask.get("/me", headers=bearer(token))).status_code == 200
        await site.mail.tokens.remove(address("alice"), "laptop")
        assert (await ask.get("/me", headers=bearer(token))).status_code == 401


@pytest.mark.parametrize(
    ("host", "path", "target"),
    [
        ("mail.uiowa.test", "/me", f"https://mail.uiowa.test:{HTTPS_PORT}/me"),
        ("mail.uiowa.test:8080", "/me?a=b&c=%2F%0d%0a", f"https://mail.uiowa.test:{HTTPS_PORT}/me?a=b&c=%2F%0d%0a"),
        ("[2001:db8::1]:8080", "/", f"https://[2001:db8::1]:{HTTPS_PORT}/"),
        ("mail.uiowa.test", "/%0d%0aX:%20y", f"https://mail.uiowa.test:{HTTPS_PORT}/%0d%0aX:%20y"),
    ],
)
async def test_in_the_clear_who_comes_from_elsewhere_is_sent_to_the_encrypted_port(site: Site, host, path, target):
    async with client(site, peer=ELSEWHERE, host=host) as ask:
        for method in ("GET", "POST"):
            answer = await ask.request(method, path, headers=basic(f"alice:{PASSWORD}"))
            assert (answer.status_code, answer.headers["location"]) == (308, target)


async def test_a_password_in_the_clear_from_elsewhere_is_not_even_looked_at(site: Site):
    async with client(site, peer=ELSEWHERE) as ask:
        for _ in range(site.mail.limits.login_failures + 1):
            assert (await ask.get("/me", headers=basic("alice:wrong"))).status_code == 308
    assert site.mail.accounts.failed_logins == 0


async def test_fields_that_claim_another_address_or_scheme_change_nothing(site: Site):
    claims = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "Forwarded": "for=127.0.0.1;proto=https"}
    async with client(site, peer=ELSEWHERE) as ask:
        assert (await ask.get("/me", headers={**claims, **basic(f"alice:{PASSWORD}")})).status_code == 308


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
async def test_on_this_machine_the_clear_port_answers(site: Site, peer):
    async with client(site, peer=(peer, 5000)) as ask:
        assert (await ask.get("/me", headers=basic(f"alice:{PASSWORD}"))).status_code == 200


async def test_a_websocket_in_the_clear_from_elsewhere_is_refused(site: Site):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket", "scheme": "ws", "path": "/socket", "raw_path": b"/socket", "query_string": b"",
        "headers": [(b"host", b"a")], "client": ELSEWHERE, "server": ("192.0.2.1", 80), "subprotocols": [],
        "extensions": {"websocket.http.response": {}}, "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    await site.application(scope, receive, send)
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 403


async def test_many_at_once_sign_in_over_real_tls(office: Office, server_tls, client_tls):
    await office.mail.accounts.add(address("alice"), PASSWORD)
    async with open_site(office, tls=server_tls) as site:
        async with httpx.AsyncClient(verify=client_tls, base_url=f"https://localhost:{site.port}") as ask:
            answers = await asyncio.gather(
                *(ask.get("/me", headers=basic(f"alice@uiowa.test:{PASSWORD}")) for _ in range(8))
            )
        assert {answer.text for answer in answers} == {"alice@uiowa.test"}
