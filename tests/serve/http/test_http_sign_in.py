"""Signing in with a browser: the cookie, what it opens, how it ends; and what somebody else may try."""

import asyncio
import time

import httpx
import pytest
from argon2 import PasswordHasher

from office import Office, address
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from serve.http.browser import LOGIN, PASSWORD, SECURE, Browser, open_browser
from serve.http.http_site import Site, open_site

OTHER_PASSWORD = "another horse, another battery"


async def test_a_password_gets_a_session_and_its_cookie_opens_every_route(browser: Browser):
    assert await browser.who() == 401
    found = await browser.sign_in()
    assert found["account"] == LOGIN
    assert found["session"]["isCurrent"] is True
    assert found["session"]["browser"] == "Testscape 4.0"
    assert (await browser.get("/me")).text == LOGIN
    who = (await browser.get("/auth")).json()
    assert who["account"] == LOGIN
    assert who["factors"] == {"code": False, "passkeys": 0, "recoveryCodes": 0}


async def test_the_cookie_is_for_this_host_alone_over_tls_alone_and_for_no_script(browser: Browser):
    answer = await browser.password()
    (cookie,) = answer.headers.get_list("set-cookie")
    name, _, rest = cookie.partition("=")
    assert name == SECURE
    assert {part.strip() for part in rest.split(";")[1:]} == {
        "Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict", "Secure",
    }  # fmt: skip


async def test_what_the_cookie_holds_stands_nowhere_else(browser: Browser, office: Office):
    answer = await browser.password()
    secret = browser.cookie
    assert secret not in answer.text
    rows = await office.database.all(SYSTEM_ACCOUNT, "select * from session")
    assert len(rows) == 1
    assert secret not in repr(rows)
    assert secret not in (await browser.get("/auth/sessions")).text


async def test_a_session_id_that_somebody_else_has_chosen_is_never_used(browser: Browser, other: Browser):
    """Fixation: the attacker plants a cookie, the owner signs in, the attacker's cookie opens nothing."""
    await other.sign_in("bob@uiowa.test")
    for planted in ("A" * 43, other.cookie):
        browser.http.cookies.clear()
        browser.http.cookies.set(SECURE, planted, domain="localhost.local", path="/")
        await browser.sign_in()
        cookies = {cookie.value for cookie in browser.http.cookies.jar}
        assert planted not in cookies
        other.http.cookies.clear()
        answer = await other.http.get("/me", headers={"Cookie": f"{SECURE}={planted}"})
        assert answer.status_code == 401


async def test_two_cookies_of_the_name_are_none(browser: Browser):
    await browser.sign_in()
    secret = browser.cookie
    browser.http.cookies.clear()
    for cookie, status in (
        (f"{SECURE}={secret}", 200),
        (f"{SECURE}={secret}; {SECURE}={'A' * 43}", 401),
        (f"a=b; {SECURE}={secret}; c", 200),
        (f"pillarbox-session={secret}", 401),
        (f"{SECURE}={secret}x", 401),
        (f'{SECURE}="{secret}"', 401),
        (f"{SECURE}=", 401),
        ("=;;=; ;", 401),
    ):
        assert (await browser.get("/me", Cookie=cookie)).status_code == status, cookie


async def test_a_cookie_kept_from_before_the_sign_out_opens_nothing(browser: Browser):
    """Replay."""
    await browser.sign_in()
    kept = browser.cookie
    answer = await browser.post("/auth/sign-out")
    assert answer.status_code == 204
    assert all("Max-Age=0" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert SECURE not in dict(browser.http.cookies)
    assert (await browser.get("/me", Cookie=f"{SECURE}={kept}")).status_code == 401


async def test_signing_out_twice_is_no_error(browser: Browser):
    assert (await browser.post("/auth/sign-out")).status_code == 204


async def test_signing_in_again_ends_the_session_before(browser: Browser):
    await browser.sign_in()
    before = browser.cookie
    await browser.sign_in("bob@uiowa.test")
    assert browser.cookie != before
    assert (await browser.get("/me")).text == "bob@uiowa.test"
    browser.http.cookies.clear()
    assert (await browser.get("/me", Cookie=f"{SECURE}={before}")).status_code == 401


async def test_nothing_tells_an_unknown_name_from_a_wrong_password(browser: Browser, office: Office):
    await office.mail.accounts.add(address("carol"), None)
    answers = [
        await browser.password(login, "wrong password")
        for login in (LOGIN, "nobody@uiowa.test", "nobody@far.test", "carol@uiowa.test", "", "@", "al\0ice")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(browser: Browser, office: Office):
    """Give or take much, since others are at work here: this asks only that the work is done at all."""
    office.mail.passwords._hasher = PasswordHasher()
    await office.mail.accounts.set_password(address("alice"), PASSWORD)
    took: dict[str, list[float]] = {LOGIN: [], "nobody@uiowa.test": []}
    for login in (*took, *took, *took):
        begun = time.perf_counter()
        await browser.password(login, "wrong password")
        took[login].append(time.perf_counter() - begun)
    assert min(took["nobody@uiowa.test"]) > min(took[LOGIN]) / 3


async def test_who_guesses_waits_wherever_they_guess(browser: Browser, office: Office):
    """One counter for all doors: here, over Basic, in IMAP and in SMTP."""
    limit = office.mail.limits.login_failures
    for _ in range(limit - 1):
        assert (await browser.password(LOGIN, "wrong")).status_code == 401
    assert (await browser.http.get("/me", auth=(LOGIN, "wrong"))).status_code == 401
    answer = await browser.password()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    office.clock.advance(office.mail.limits.login_window_seconds + 1)
    assert (await browser.password()).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"login": 1, "password": "x"}', b'{"login": "a"}', b"[" * 5_000,
     b'{"login": "a", "password": "b", "account": "c"}', b'{"login": "\\ud800", "password": "\\ud800"}'],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(browser: Browser, body: bytes):
    headers = {**browser.ours, "Content-Type": "application/json"}
    for path in ("/auth/sign-in", "/auth/second-factor", "/auth/passkey"):
        answer = await browser.http.post(path, content=body, headers=headers)
        assert answer.status_code in (400, 401), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_is_too_large_is_refused(browser: Browser):
    answer = await browser.post("/auth/sign-in", {"login": "x" * 100_000, "password": ""})
    assert answer.status_code == 413


# sessions


async def test_one_sees_one_s_sessions_and_ends_them(browser: Browser, other: Browser):
    await browser.sign_in()
    await other.sign_in()
    found = (await browser.get("/auth/sessions")).json()["list"]
    assert [one["isCurrent"] for one in found] == [True, False] or [one["isCurrent"] for one in found] == [False, True]
    (its,) = [one["id"] for one in found if not one["isCurrent"]]
    assert (await browser.delete(f"/auth/sessions/{its}")).status_code == 204
    assert (await browser.delete(f"/auth/sessions/{its}")).status_code == 404
    assert await other.who() == 401
    await other.sign_in()
    assert (await browser.delete("/auth/sessions")).status_code == 204
    assert (await browser.who(), await other.who()) == (200, 401)


async def test_the_session_of_another_account_is_not_there(browser: Browser, other: Browser):
    await browser.sign_in()
    its = (await other.sign_in("bob@uiowa.test"))["session"]["id"]
    assert (await browser.delete(f"/auth/sessions/{its}")).status_code == 404
    assert (await browser.delete("/auth/sessions")).status_code == 204
    assert await other.who() == 200
    assert its not in (await browser.get("/auth/sessions")).text


async def test_ending_one_s_own_session_is_signing_out(browser: Browser):
    id = (await browser.sign_in())["session"]["id"]
    assert (await browser.delete(f"/auth/sessions/{id}")).status_code == 204
    assert SECURE not in dict(browser.http.cookies)
    assert await browser.who() == 401


async def test_a_session_ends_without_use_and_at_its_time(browser: Browser, office: Office):
    limits = office.mail.limits
    await browser.sign_in()
    for _ in range(4):
        office.clock.advance(limits.session_idle_seconds - 1_000)
        assert await browser.who() == 200
    office.clock.advance(limits.session_idle_seconds + 1)
    assert await browser.who() == 401
    await browser.sign_in()
    for _ in range(8):
        office.clock.advance(limits.session_seconds / 8)
        last = await browser.who()
    assert last == 401


# changing what one signs in with


async def test_a_new_password_ends_every_other_session_and_gives_this_one_a_new_cookie(
    browser: Browser, other: Browser
):
    await browser.sign_in()
    await other.sign_in()
    before = browser.cookie
    answer = await browser.post("/auth/password", {"current": PASSWORD, "new": OTHER_PASSWORD})
    assert answer.status_code == 200, answer.text
    assert browser.cookie != before
    assert (await browser.who(), await other.who()) == (200, 401)
    browser.http.cookies.clear()
    assert (await browser.get("/me", Cookie=f"{SECURE}={before}")).status_code == 401
    assert (await browser.password()).status_code == 401
    await browser.sign_in(password=OTHER_PASSWORD)


async def test_an_operator_s_new_password_ends_all_sessions(browser: Browser, office: Office):
    await browser.sign_in()
    await office.mail.accounts.set_password(address("alice"), OTHER_PASSWORD)
    assert await browser.who() == 401


async def test_the_end_of_the_account_is_the_end_of_its_sessions(browser: Browser, office: Office):
    await browser.sign_in()
    await office.mail.accounts.remove(address("alice"))
    assert await browser.who() == 401
    assert await office.database.all(SYSTEM_ACCOUNT, "select id from session") == []


@pytest.mark.parametrize("new", ["", "short", "x" * 2_000])
async def test_a_new_password_has_a_length(browser: Browser, new: str):
    await browser.sign_in()
    assert (await browser.post("/auth/password", {"current": PASSWORD, "new": new})).status_code == 400
    assert await browser.who() == 200


async def test_who_has_found_an_open_window_cannot_change_the_password(browser: Browser, office: Office):
    await browser.sign_in()
    answer = await browser.post("/auth/password", {"current": "a guess", "new": OTHER_PASSWORD})
    assert answer.status_code == 403
    office.clock.advance(office.mail.limits.recent_sign_in_seconds + 1)
    answer = await browser.post("/auth/password", {"current": PASSWORD, "new": OTHER_PASSWORD})
    assert (answer.status_code, answer.json()["needs"]) == (403, "recent-sign-in")
    await browser.sign_in()
    answer = await browser.post("/auth/password", {"current": PASSWORD, "new": OTHER_PASSWORD})
    assert answer.status_code == 200


STEPPED_UP = (
    ("POST", "/auth/totp", {}),
    ("POST", "/auth/totp/confirm", {"code": "000000"}),
    ("DELETE", "/auth/totp", None),
    ("POST", "/auth/recovery-codes", {}),
    ("POST", "/auth/passkeys/options", {}),
    ("POST", "/auth/passkeys", {"name": "key", "credential": {}}),
    ("DELETE", "/auth/passkeys/AAAA", None),
    ("POST", "/auth/app-passwords", {"name": "phone"}),
    ("POST", "/auth/password", {"current": PASSWORD, "new": OTHER_PASSWORD}),
)


async def test_changing_what_one_signs_in_with_needs_a_sign_in_of_the_last_minutes(browser: Browser, office: Office):
    await browser.sign_in()
    office.clock.advance(office.mail.limits.recent_sign_in_seconds + 1)
    for method, path, body in STEPPED_UP:
        answer = await (browser.delete(path) if method == "DELETE" else browser.post(path, body))
        assert (answer.status_code, answer.json().get("needs")) == (403, "recent-sign-in"), path
    assert await browser.who() == 200


async def test_a_program_s_credential_does_not_reach_what_makes_credentials(browser: Browser, office: Office):
    """A stolen app password must not be able to make others, or to take the second factor away."""
    token = await office.mail.tokens.add(address("alice"), "phone")
    ways = ({"Authorization": f"Bearer {token}"}, {"Authorization": httpx.BasicAuth(LOGIN, PASSWORD)._auth_header})
    for method, path, body in (
        *STEPPED_UP,
        ("GET", "/auth", None),
        ("GET", "/auth/sessions", None),
        ("GET", "/auth/passkeys", None),
        ("GET", "/auth/app-passwords", None),
        ("DELETE", "/auth/sessions", None),
        ("DELETE", "/auth/app-passwords/phone", None),
    ):
        for headers in ways:
            answer = await browser.http.request(
                method, path, json=body or {}, headers={**browser.ours, **headers, "X-Requested-With": "x"}
            )
            assert answer.status_code == 403, (path, answer.text)


# app passwords


async def test_an_app_password_signs_in_programs_and_its_end_is_seen_at_once(browser: Browser, office: Office):
    await browser.sign_in()
    made = (await browser.post("/auth/app-passwords", {"name": "my phone/tablet", "days": 30})).json()
    password = made["password"]
    accounts = office.mail.accounts
    assert str((await accounts.sign_in("alice", password, peer="192.0.2.9:1")).address) == LOGIN
    assert (await browser.http.get("/me", auth=(LOGIN, password))).status_code == 200
    assert (await browser.http.get("/me", auth=("bob@uiowa.test", password))).status_code == 401
    (listed,) = (await browser.get("/auth/app-passwords")).json()["list"]
    assert listed["name"] == "my phone/tablet"
    assert password not in repr(listed)
    assert (await browser.post("/auth/app-passwords", {"name": "my phone/tablet"})).status_code == 409
    assert (await browser.delete("/auth/app-passwords/my%20phone%2Ftablet")).status_code == 204
    assert (await browser.delete("/auth/app-passwords/my%20phone%2Ftablet")).status_code == 404
    assert (await browser.http.get("/me", auth=(LOGIN, password))).status_code == 401


async def test_an_app_password_does_not_sign_in_a_browser(browser: Browser, office: Office):
    token = await office.mail.tokens.add(address("alice"), "phone")
    assert (await browser.password(password=token)).status_code == 401


async def test_the_app_passwords_of_another_account_are_not_there(browser: Browser, office: Office):
    await office.mail.tokens.add(address("bob"), "phone")
    await browser.sign_in()
    assert (await browser.get("/auth/app-passwords")).json() == {"list": []}
    assert (await browser.delete("/auth/app-passwords/phone")).status_code == 404


async def test_app_passwords_are_bounded(browser: Browser, office: Office):
    await browser.sign_in()
    for n in range(office.mail.limits.tokens):
        await office.mail.tokens.add(address("alice"), f"p{n}")
    assert (await browser.post("/auth/app-passwords", {"name": "one more"})).status_code == 400


@pytest.mark.parametrize("days", [0, -1, 40_000, 10**30, "x"])
async def test_an_app_password_ends_on_a_day_that_there_is(browser: Browser, days):
    await browser.sign_in()
    assert (await browser.post("/auth/app-passwords", {"name": "phone", "days": days})).status_code == 400


# without TLS


async def test_on_this_machine_without_tls_the_cookie_is_another(office: Office):
    """For trying things out: no Secure, no prefix; and neither is good where the other belongs."""
    await office.mail.accounts.add(address("alice"), PASSWORD)
    async with (
        open_site(office, extra=sign_in_routes(office.mail)) as site,
        open_browser(site, office, None) as browser,
    ):
        answer = await browser.password()
        (cookie,) = answer.headers.get_list("set-cookie")
        assert cookie.startswith("pillarbox-session=")
        assert "Secure" not in cookie
        assert "HttpOnly; SameSite=Strict" in cookie
        secret = dict(browser.http.cookies)["pillarbox-session"]
        assert await browser.who() == 200
        browser.http.cookies.clear()
        assert (await browser.get("/me", Cookie=f"{SECURE}={secret}")).status_code == 401


async def test_from_elsewhere_without_tls_a_cookie_is_not_even_looked_at(people: Site, browser: Browser):
    await browser.sign_in()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(people.application, client=("192.0.2.7", 5000)), base_url="http://mail.uiowa.test"
    ) as ask:
        for cookie in (f"{SECURE}={browser.cookie}", f"pillarbox-session={browser.cookie}"):
            assert (await ask.get("/me", headers={"Cookie": cookie})).status_code == 308
        answer = await ask.post("/auth/sign-in", json={"login": LOGIN, "password": PASSWORD})
        assert (answer.status_code, "set-cookie" in answer.headers) == (308, False)


async def test_many_sign_in_at_once(people: Site, office: Office, client_tls):
    async def one(n: int) -> int:
        async with open_browser(people, office, client_tls) as browser:
            await browser.sign_in("alice" if n % 2 else "bob")
            return await browser.who()

    assert await asyncio.gather(*(one(n) for n in range(8))) == [200] * 8
