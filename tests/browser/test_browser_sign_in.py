"""A real browser signs in, is signed out, and keeps what it was given from every script."""

import time

import pyotp
import pytest
import pytest_asyncio
from chromium import MAIL, SESSION_COOKIE, Chromium, Window
from elsewhere import Elsewhere

from pillarbox.serve.jmap.own import OWN
from servers import PASSWORD, Pillarbox

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
LOGIN = "bob@uiowa.test"
STEP_COOKIE = "__Host-pillarbox-step"


@pytest_asyncio.fixture(loop_scope="session")
async def bob(window: Window) -> Window:
    """A page of ours where bob has signed in, just now."""
    await window.sign_in(LOGIN)
    return window


async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(bob: Window):
    (cookie,) = await bob.context.cookies()
    assert cookie["name"] == SESSION_COOKIE
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert (cookie["domain"], cookie["path"]) == ("mail.uiowa.test", "/"), "this host alone, and all of it"
    assert 0 < cookie["expires"] - time.time() <= 30 * 86_400, "as long as the session may last"
    assert await bob.page.evaluate("document.cookie") == ""
    assert await bob.page.evaluate("cookieStore.getAll()") == []
    assert await bob.page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


async def test_the_cookie_opens_mail(bob: Window):
    session = await bob.succeed("GET", "/jmap/session")
    assert session["username"] == LOGIN
    assert session["apiUrl"] == f"{bob.origin}/jmap/api"
    assert session["primaryAccounts"][MAIL] == bob.account_id
    found = await bob.call("Mailbox/get", ids=None)
    assert {"Inbox", "Sent", "Drafts"} <= {mailbox["name"] for mailbox in found["list"]}


async def test_every_address_of_signing_in_is_on_our_origin_and_answers(bob: Window):
    urls = (await bob.succeed("GET", "/jmap/session"))["capabilities"][OWN]["signInUrls"]
    assert len(urls) > 10
    for url in urls.values():
        assert url.startswith(f"{bob.origin}/auth")
        assert (await bob.ask("GET", url)).status in (200, 405), url


async def test_signing_out_ends_what_a_copy_of_the_cookie_opens_too(chromium: Chromium, bob: Window):
    kept = await bob.context.storage_state()
    async with chromium.window(bob.origin, storage_state=kept) as copy:
        assert await copy.who() == 200
        assert (await bob.ask("POST", "/auth/sign-out")).status == 204
        assert await bob.context.cookies() == []
        assert (await bob.who(), await copy.who()) == (401, 401)
        assert (await copy.ask("POST", "/jmap/api", {"using": [], "methodCalls": []})).status == 401


async def test_a_browser_is_signed_out_from_another(bob: Window, other: Window):
    await other.sign_in(LOGIN)
    his = {one["id"]: one for one in (await bob.succeed("GET", "/auth/sessions"))["list"]}
    this = (await other.succeed("GET", "/auth"))["session"]["id"]
    assert "Chrome" in his[this]["browser"]
    assert not his[this]["isCurrent"]
    assert (await bob.ask("DELETE", f"/auth/sessions/{this}")).status == 204
    assert (await bob.who(), await other.who()) == (200, 401)
    await other.sign_in(LOGIN)
    assert (await bob.ask("DELETE", "/auth/sessions")).status == 204
    assert (await bob.who(), await other.who()) == (200, 401)


async def test_the_session_outlives_the_page_and_signing_in_again_ends_it(chromium: Chromium, bob: Window):
    before = await bob.context.storage_state()
    await bob.page.reload()
    assert await bob.who() == 200
    await bob.sign_in("alice@uiowa.test")
    assert (await bob.succeed("GET", "/auth"))["account"] == "alice@uiowa.test"
    async with chromium.window(bob.origin, storage_state=before) as copy:
        assert await copy.who() == 401


async def test_a_browser_is_not_asked_for_a_password_in_a_window_of_its_own(
    chromium: Chromium, origin: str, elsewhere: Elsewhere
):
    """It has one to give to whoever offers Basic, and gives it to others; we do not offer it."""
    kept = {"username": LOGIN, "password": PASSWORD}
    async with chromium.window(origin, http_credentials=kept) as window:
        assert await window.who() == 401
        for path in ("/jmap/session", "/.well-known/jmap", "/auth"):
            answer = await window.page.goto(f"{origin}{path}")
            assert answer is not None and answer.status == 401
            assert "basic" not in (await answer.all_headers())["www-authenticate"].lower()
        elsewhere.server.replies = [
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
        ]
        answer = await window.page.goto(f"{elsewhere.origin('evil.test')}/")
        assert answer is not None and answer.status == 200
    asked = [await elsewhere.server.next(), await elsewhere.server.next()]
    assert ["authorization" in one.headers for one in asked] == [False, True]


# --- a second factor -------------------------------------------------------------------------------------------------


async def test_a_code_is_asked_for_beside_the_password(server: Pillarbox, window: Window, other: Window):
    server.add_account("tina@uiowa.test")
    await window.sign_in("tina@uiowa.test")
    before = (await window.cookies())[SESSION_COOKIE]["value"]
    begun = await window.succeed("POST", "/auth/totp")
    clock = pyotp.parse_uri(begun["uri"])
    assert isinstance(clock, pyotp.TOTP) and clock.secret == begun["secret"]
    now = int(time.time())
    confirmed = await window.succeed("POST", "/auth/totp/confirm", {"code": clock.at(now)})
    assert (await window.cookies())[SESSION_COOKIE]["value"] != before
    assert await window.who() == 200

    assert await other.password("tina@uiowa.test") == {"signedIn": False, "wants": ["code", "recoveryCode"]}
    (cookie,) = await other.context.cookies()
    assert cookie["name"] == STEP_COOKIE
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert await other.who() == 401, "the password alone opens nothing"
    assert (await other.ask("POST", "/auth/second-factor", {"code": clock.at(now)})).status == 401, "taken already"
    found = await other.succeed("POST", "/auth/second-factor", {"code": clock.at(now + 30)})
    assert (found["signedIn"], found["account"]) == (True, "tina@uiowa.test")
    assert set(await other.cookies()) == {SESSION_COOKIE}
    assert await other.who() == 200

    assert (await other.ask("POST", "/auth/sign-out")).status == 204
    await other.password("tina@uiowa.test")
    by_paper = {"recoveryCode": confirmed["recoveryCodes"][0]}
    assert (await other.succeed("POST", "/auth/second-factor", by_paper))["signedIn"] is True


async def test_a_step_belongs_to_the_browser_that_has_taken_it(server: Pillarbox, window: Window, other: Window):
    server.add_account("theo@uiowa.test")
    await window.sign_in("theo@uiowa.test")
    clock = pyotp.TOTP((await window.succeed("POST", "/auth/totp"))["secret"])
    now = int(time.time())
    await window.succeed("POST", "/auth/totp/confirm", {"code": clock.at(now)})
    await window.ask("POST", "/auth/sign-out")
    await window.password("theo@uiowa.test")
    assert (await other.ask("POST", "/auth/second-factor", {"code": clock.at(now + 30)})).status == 401
    assert (await window.ask("POST", "/auth/second-factor", {"code": clock.at(now + 30)})).status == 200
