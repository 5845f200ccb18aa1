"""What a page of another origin cannot do with the cookie of a browser that has signed in here, nor without one."""

import asyncio

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from office import Office, address
from pillarbox.serve.http.headers import ALWAYS
from serve.http.browser import LOGIN, PASSWORD, SECURE, Browser
from serve.http.http_site import Site

FORM = "application/x-www-form-urlencoded"
PATHS = ("/auth/sign-in", "/auth/sign-out", "/auth/password", "/auth/totp", "/auth/app-passwords", "/echo")


def cross(browser: Browser, **more: str) -> dict[str, str]:
    return {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", **more}


async def refused(answer: httpx.Response) -> bool:
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers
    if answer.status_code == 403:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code == 403


@pytest.mark.parametrize("path", PATHS)
async def test_a_form_or_a_fetch_of_another_site_is_refused(browser: Browser, people: Site, path: str):
    """Were the cookie sent at all: SameSite=Strict keeps it back, and this is what stands behind."""
    await browser.sign_in()
    kinds = (FORM, "text/plain", "multipart/form-data; boundary=x", "application/json")
    for kind in kinds:
        headers = cross(browser, **{"Content-Type": kind, "X-Requested-With": "XMLHttpRequest"})
        assert await refused(await browser.http.post(path, content=b"{}", headers=headers))
    assert people.seen == []
    assert await browser.who() == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "OURS"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Content-Type": "application/json"},
        {"X-Requested-With": "x"},
        {"Origin": "OURS", "X-Requested-With": ""},
        {"Origin": "OURS", "Content-Type": FORM},
        {"Origin": "OURS", "Content-Type": "text/plain; a=application/json"},
        {"Origin": "OURS", "Sec-Fetch-Site": "same-site", "X-Requested-With": "x"},
        {"Origin": "OURS", "Sec-Fetch-Site": "none", "X-Requested-With": "x"},
        {"Origin": "OURS", "Sec-Fetch-Site": "cross-site", "X-Requested-With": "x"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin", "X-Requested-With": "x"},
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin", "X-Requested-With": "x"},
        {"Origin": "http://localhost", "X-Requested-With": "x"},
        {"Origin": "OURS.evil.test", "X-Requested-With": "x"},
        {"Origin": "OURS, OURS", "X-Requested-With": "x"},
        {"Referer": "OURS/", "X-Requested-With": "x"},
    ],
)
async def test_half_a_proof_is_none(browser: Browser, people: Site, headers: dict[str, str]):
    await browser.sign_in()
    said = {name: value.replace("OURS", browser.origin) for name, value in headers.items()}
    assert await refused(await browser.http.post("/echo", content=b"{}", headers=said))
    assert people.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "OURS", "Content-Type": "application/json"},
        {"Origin": "OURS", "Content-Type": "Application/JSON; charset=utf-8"},
        {"Sec-Fetch-Site": "same-origin", "X-Requested-With": "webmail", "Content-Type": "image/png"},
        {"Origin": "OURS", "Sec-Fetch-Site": "same-origin", "X-Requested-With": "webmail"},
    ],
)
async def test_our_own_page_may(browser: Browser, people: Site, headers: dict[str, str]):
    await browser.sign_in()
    said = {name: value.replace("OURS", browser.origin) for name, value in headers.items()}
    assert (await browser.http.post("/echo", content=b"{}", headers=said)).status_code == 200


async def test_another_site_cannot_sign_somebody_in(browser: Browser, people: Site):
    """Login CSRF: the victim would write into the attacker's account."""
    for kind in (FORM, "text/plain", "application/json"):
        body = b'{"login": "bob@uiowa.test", "password": "correct horse battery"}'
        assert await refused(
            await browser.http.post("/auth/sign-in", content=body, headers=cross(browser, **{"Content-Type": kind}))
        )
        assert await refused(await browser.http.post("/auth/sign-in", content=body, headers={"Content-Type": kind}))
    assert people.mail.accounts.failed_logins == 0


async def test_no_field_and_no_parameter_stands_for_another_method(browser: Browser):
    await browser.sign_in()
    id = (await browser.get("/auth")).json()["session"]["id"]
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = await browser.get(f"/auth/sessions?_method=DELETE&method=DELETE&id={id}", **{name: "DELETE"})
        assert answer.status_code == 200
        assert (await browser.get(f"/auth/sessions/{id}", **{name: "DELETE"})).status_code == 405
        assert (await browser.get("/auth/sign-out", **{name: "POST"})).status_code == 405
    assert await browser.who() == 200


async def test_what_a_page_of_another_site_embeds_is_refused_and_a_link_is_followed(browser: Browser):
    await browser.sign_in()
    for site in ("cross-site", "same-site"):
        for mode, dest, status in (
            ("no-cors", "image", 403),
            ("no-cors", "script", 403),
            ("cors", "empty", 403),
            ("navigate", "iframe", 403),
            ("navigate", "embed", 403),
            ("navigate", "document", 200),
        ):
            answer = await browser.get(
                "/me", **{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            )
            assert answer.status_code == status, (site, mode, dest)
    assert (await browser.get("/me", Origin="https://evil.test")).status_code == 403


async def test_what_a_browser_asks_before_is_never_allowed(browser: Browser):
    """No route answers a preflight, so no other origin may send JSON, or fields of its own."""
    await browser.sign_in()
    for path in PATHS:
        answer = await browser.http.options(
            path,
            headers={
                "Origin": "https://evil.test",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert answer.status_code in (403, 405)
        assert not any(name.startswith("access-control") for name in answer.headers)


async def test_who_shows_a_password_or_a_token_has_nothing_to_prove(browser: Browser, office: Office):
    token = await office.mail.tokens.add(address("alice"), "program")
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": httpx.BasicAuth(LOGIN, PASSWORD)._auth_header},
    ):
        assert (await browser.http.post("/echo", content=b"x", headers=headers)).status_code == 200
        headers["Origin"] = "https://a-program-in-a-browser.test"
        assert (await browser.http.post("/echo", content=b"x", headers=headers)).status_code == 200


async def test_a_password_that_a_browser_has_kept_is_not_used_by_another_site(browser: Browser, people: Site):
    """Who was once asked by a browser's own window sends name and password with every page's requests."""
    for site in ("cross-site", "same-site"):
        answer = await browser.http.post(
            "/echo", content=b"a=b", headers={"Sec-Fetch-Site": site, "Content-Type": FORM}, auth=(LOGIN, PASSWORD)
        )
        assert answer.status_code == 403
    assert people.seen == []


async def test_a_browser_is_not_made_to_ask_for_name_and_password(browser: Browser):
    answer = await browser.http.get("/me")
    assert answer.headers["www-authenticate"].startswith("Basic")
    for headers in (
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Mode": "navigate"},
        {"X-Requested-With": "XMLHttpRequest"},
    ):
        answer = await browser.http.get("/me", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Pillarbox"')


async def test_a_websocket_with_the_cookie_is_our_own_page_s_alone(browser: Browser, people: Site, client_tls):
    """RFC 6455 §10.2."""
    await browser.sign_in()
    url = f"wss://localhost:{people.port}/my-socket"
    cookie = {"Cookie": f"{SECURE}={browser.cookie}"}
    async with connect(url, ssl=client_tls, additional_headers=cookie, origin=browser.origin, proxy=None) as socket:
        assert await socket.recv() == LOGIN
    for origin in (None, "https://evil.test", "null", "http://localhost", f"{browser.origin}.evil.test"):
        with pytest.raises(InvalidStatus) as found:
            async with connect(url, ssl=client_tls, additional_headers=cookie, origin=origin, proxy=None):
                pass
        assert found.value.response.status_code == 403


async def test_nothing_of_ours_can_be_framed_guessed_or_read_by_others(browser: Browser):
    """Clickjacking, sniffing, referrers, windows: on every answer, refusals and bugs too."""
    await browser.sign_in()
    for path in ("/auth", "/auth/sessions", "/me", "/nowhere", "/bug"):
        answer = await browser.get(path)
        for name, value in ALWAYS:
            assert answer.headers[name.decode()] == value.decode(), (path, name)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["cache-control"] == "no-store"


async def test_any_fields_at_all_are_answered(browser: Browser, people: Site):
    """Octets that are no text, empty values, many of a kind: 4xx, never a bug."""
    await browser.sign_in()
    odd = (b"", b"\xff\xfe", b",", b"same-origin, same-origin", b"a" * 3_000, b"https://", b"https://[", b"\xc3\xa4")
    for name in ("origin", "sec-fetch-site", "sec-fetch-mode", "content-type", "x-requested-with", "cookie"):
        for value in odd:
            answer = await browser.http.post(
                "/auth/sign-out" if name != "cookie" else "/echo",
                content=b"{}",
                headers=[(b"Origin", browser.origin.encode()), (name.encode(), value), (b"X-Requested-With", b"x")],
            )
            assert answer.status_code < 500, (name, value)
    await asyncio.sleep(0)
