"""A page of somebody else's in a browser that is signed in here: it changes nothing, reads nothing and shows nothing.

It is a stranger's, a neighbour's under the same domain, or one of another port of our own host. Of the last two the
browser sends our cookie along, `SameSite` or not: what refuses them is the server, and what they may not read is said
by its answers.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from chromium import SESSION_COOKIE, Window
from elsewhere import HOSTS, STRANGER, Elsewhere, Sent, answered
from playwright.async_api import BrowserContext, Page

from servers import PASSWORD

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
EVERYWHERE = pytest.mark.parametrize("host", HOSTS)
OTHER_HOSTS = pytest.mark.parametrize("host", HOSTS[:2])
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
ENCODINGS = ("application/x-www-form-urlencoded", "multipart/form-data")
"""Of forms, beside text/plain, which lets them write JSON."""


async def account(window: Window) -> dict[str, Any]:
    """All that a page could have changed."""
    return {
        "who": (await window.succeed("GET", "/auth"))["account"],
        "sessions": {one["id"] for one in (await window.succeed("GET", "/auth/sessions"))["list"]},
        "appPasswords": await window.succeed("GET", "/auth/app-passwords"),
        "passkeys": await window.succeed("GET", "/auth/passkeys"),
        "mailboxes": await window.call("Mailbox/get", ids=None),
        "mail": await window.call("Email/get", ids=[]),
        "session": (await window.succeed("GET", "/jmap/session"))["state"],
    }


@pytest_asyncio.fixture(loop_scope="session")
async def page(hers: BrowserContext, elsewhere: Elsewhere, host: str) -> AsyncIterator[Page]:
    """Theirs, in the browser of alice."""
    opened = await elsewhere.open(hers, host)
    yield opened
    await opened.close()


@pytest.fixture
def orders(alice: Window) -> dict[str, str]:
    """What would change something, by its path: the body."""
    making = f'{{"accountId": "{alice.account_id}", "create": {{"x": {{"name": "Owned"}}}}}}'
    return {
        "/auth/sign-in": f'{{"login": "bob@uiowa.test", "password": "{PASSWORD}"}}',
        "/auth/sign-out": "{}",
        "/auth/app-passwords": '{"name": "evil"}',
        "/auth/password": f'{{"current": "{PASSWORD}", "new": "{PASSWORD}2"}}',
        "/auth/totp": "{}",
        "/jmap/api": f'{{"using": ["urn:ietf:params:jmap:mail"], "methodCalls": [["Mailbox/set", {making}, "0"]]}}',
        f"/jmap/upload/{alice.account_id}": "evil",
    }


# --- what changes something ------------------------------------------------------------------------------------------

FORM = """
([url, body, encoding]) => {
  const frame = document.createElement('iframe');
  const form = document.body.appendChild(document.createElement('form'));
  const field = form.appendChild(document.createElement('input'));
  frame.name = `frame${document.forms.length}`;
  document.body.append(frame);
  Object.assign(form, {method: 'POST', action: url, enctype: encoding, target: frame.name});
  Object.assign(field, {name: `${body.slice(0, -1)},"padding":"`, value: `"${body.slice(-1)}`});
  form.submit();
}
"""


LEAD = """
to => {
  const form = document.body.appendChild(document.createElement('form'));
  Object.assign(form, {method: 'POST', action: to});
  form.submit();
}
"""


@EVERYWHERE
async def test_its_forms_change_nothing(page: Page, hers: BrowserContext, alice: Window, orders, host: str):
    before, sent = await account(alice), Sent(page, alice.origin)
    forms = [(path, "text/plain") for path in orders] + [("/auth/sign-out", encoding) for encoding in ENCODINGS]
    for path, encoding in forms:
        async with page.expect_request(f"{alice.origin}{path}") as submitted:
            await page.evaluate(FORM, [f"{alice.origin}{path}", orders[path], encoding])
        await answered(await submitted.value)
    assert [request.method for request in sent.requests] == ["POST"] * len(forms)
    assert await sent.statuses() <= {401, 403}
    assert (SESSION_COOKIE in await sent.cookies()) == (host != STRANGER)
    assert await hers.cookies(alice.origin) == await alice.context.cookies()
    assert await account(alice) == before


@OTHER_HOSTS
async def test_a_form_that_leads_to_us_shows_a_refusal(page: Page, alice: Window):
    async with page.expect_navigation() as shown:
        await page.evaluate(LEAD, f"{alice.origin}/auth/sign-out")
    assert (await shown.value).status == 403
    assert await alice.who() == 200


FETCHES = """
async ([origin, orders]) => {
  const found = [];
  const ask = async (path, options) => {
    try {
      const answer = await fetch(origin + path, {credentials: 'include', ...options});
      found.push(`${path} ${answer.type} ${answer.status} ${await answer.text()}`);
    } catch (problem) {
      found.push(problem.name);
    }
  };
  for (const [path, body] of Object.entries(orders)) {
    for (const mode of ['cors', 'no-cors']) {
      await ask(path, {mode, method: 'POST', body});
      await ask(path, {mode, method: 'POST', body: new URLSearchParams({body})});
    }
    await ask(path, {method: 'POST', body, headers: {'Content-Type': 'application/json'}});
    await ask(path, {method: 'POST', body, headers: {'X-Requested-With': 'XMLHttpRequest'}});
    await ask(path, {method: 'DELETE'});
    await ask(path, {method: 'POST', body, keepalive: true, mode: 'no-cors'});
    navigator.sendBeacon(origin + path, body);
  }
  await ask('/auth/sessions', {method: 'DELETE'});
  return [...new Set(found)];
}
"""


@EVERYWHERE
async def test_its_requests_change_nothing_and_their_answers_are_not_read(
    page: Page, hers: BrowserContext, alice: Window, orders
):
    before, sent = await account(alice), Sent(page, alice.origin)
    assert await page.evaluate(FETCHES, [alice.origin, orders]) == ["TypeError"]
    assert len(sent.requests) > 8 * len(orders)
    assert await sent.statuses() <= {400, 401, 403}
    assert await hers.cookies(alice.origin) == await alice.context.cookies()
    assert await account(alice) == before


# --- what reads something --------------------------------------------------------------------------------------------

READS = """
async urls => {
  const found = [];
  for (const url of urls) for (const mode of ['cors', 'no-cors']) for (const cache of ['default', 'force-cache']) {
    try {
      const answer = await fetch(url, {credentials: 'include', mode, cache});
      found.push(`${url} ${answer.type} ${await answer.text()}`);
    } catch (problem) {
      found.push(problem.name);
    }
  }
  return [...new Set(found)];
}
"""
EMBEDS = """
async urls => {
  const kinds = {img: 'src', script: 'src', video: 'src', audio: 'src', link: 'href'};
  const found = [];
  for (const url of urls) for (const [tag, name] of Object.entries(kinds)) {
    const element = document.createElement(tag);
    if (tag === 'link') element.rel = 'stylesheet';
    element[name] = url;
    found.push(await new Promise(done => {
      element.onload = element.onloadeddata = () => done(`${tag} ${url}`);
      element.onerror = () => done('error');
      document.body.append(element);
    }));
  }
  return [...new Set(found)];
}
"""


SHOW = "async url => { const img = new Image(); img.src = url; await img.decode(); return img.naturalWidth; }"


async def private(alice: Window) -> list[str]:
    """What alice has, and the browser with her cookie gets."""
    blob = await alice.upload(PNG, "image/png")
    download = f"{alice.origin}/jmap/download/{alice.account_id}/{blob}/a"
    return [
        f"{alice.origin}/jmap/session",
        f"{alice.origin}/.well-known/jmap",
        f"{alice.origin}/auth",
        f"{alice.origin}/auth/sessions",
        f"{download}.png?type=image/png",
        f"{download}.js?type=text/javascript",
        f"{download}.css?type=text/css",
    ]


@EVERYWHERE
async def test_it_reads_nothing(page: Page, alice: Window):
    urls = await private(alice)
    assert await alice.page.evaluate(SHOW, urls[4]) == 1, "to a page of ours it is a picture"
    assert await page.evaluate(READS, urls) == ["TypeError"]
    assert await page.evaluate(EMBEDS, urls) == ["error"]


CONNECTIONS = """
async origin => {
  const socket = new WebSocket(origin.replace('http', 'ws') + '/jmap/ws', 'jmap');
  const source = new EventSource(origin + '/jmap/eventsource?types=*&closeafter=no&ping=0', {withCredentials: true});
  return await Promise.all([
    new Promise(done => { socket.onopen = () => done('open'); socket.onclose = event => done(`closed ${event.code}`); }),
    new Promise(done => { source.onopen = () => done('open'); source.onerror = () => done(source.readyState); }),
  ]);
}
"""


@EVERYWHERE
async def test_it_hears_nothing(page: Page, alice: Window):
    assert await alice.page.evaluate(CONNECTIONS, alice.origin) == ["open", "open"], "a page of ours does"
    assert await page.evaluate(CONNECTIONS, alice.origin) == ["closed 1006", 2], "and will not try again"


# --- what shows something --------------------------------------------------------------------------------------------

FRAME = """
url => new Promise(done => {
  const frame = document.body.appendChild(document.createElement('iframe'));
  frame.onload = () => done();
  frame.src = url;
})
"""


async def framed(page: Page, url: str) -> str:
    """What a frame of the page shows."""
    await page.evaluate(FRAME, url)
    return await page.frames[-1].evaluate("document.body.innerText")


@OTHER_HOSTS
async def test_it_frames_nothing(page: Page, elsewhere: Elsewhere, alice: Window):
    assert "Win a prize" in await framed(page, f"{elsewhere.origin(STRANGER)}/")
    for path in ("/auth", "/jmap/session", "/healthz", "/nothing", "/mail/config-v1.1.xml"):
        assert "refused to connect" in await framed(page, f"{alice.origin}{path}")


@OTHER_HOSTS
async def test_a_window_that_it_opens_is_cut_off(
    page: Page, hers: BrowserContext, elsewhere: Elsewhere, alice: Window, host: str
):
    """Its owner sees what it shows; who opened it does not, and cannot lead it elsewhere."""
    async with hers.expect_page() as opened:
        await page.evaluate("url => { window.opened = window.open(url); }", f"{alice.origin}/auth")
    popup = await opened.value
    await popup.wait_for_load_state()
    assert popup.url == f"{alice.origin}/auth"
    assert ("alice@uiowa.test" in await popup.inner_text("body")) == (host != STRANGER)
    assert await popup.evaluate("window.opener") is None
    assert await page.evaluate("window.opened.closed") is True
    await page.evaluate("url => { window.opened.location = url; }", elsewhere.origin(STRANGER))
    assert popup.url == f"{alice.origin}/auth"
    await popup.close()


@OTHER_HOSTS
async def test_it_puts_no_cookie_in_place_of_ours(
    page: Page, hers: BrowserContext, elsewhere: Elsewhere, alice: Window
):
    """A page may set some for the whole domain, but none of this name. (Who runs another port of our host may.)"""
    before = await hers.cookies()
    elsewhere.fields = [
        f"Set-Cookie: {SESSION_COOKIE}={'x' * 43}; Domain={domain}; Path=/; Secure"
        for domain in ("uiowa.test", "mail.uiowa.test")
    ]
    await page.reload()
    assert await hers.cookies() == before
