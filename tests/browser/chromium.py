"""Chromium for tests: it finds every name on this machine, and takes the tests' certificate for a good one."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from pillarbox.serve.jmap.own import OWN
from servers import PASSWORD

PATIENCE_MILLISECONDS = 15_000
CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SESSION_COOKIE = "__Host-pillarbox-session"
READER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a page of scripts that lie on the server, and of nothing else."""
ASK = """
async ([method, path, body]) => {
  const headers = body === null ? {'X-Requested-With': 'test'} : {'Content-Type': 'application/json'};
  const answer = await fetch(path, {method, headers, body: body === null ? undefined : JSON.stringify(body)});
  return [answer.status, await answer.text()];
}
"""


class Answer(msgspec.Struct):
    """What a page's script is given of an answer."""

    status: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Window:
    """A page of ours in a browser that shares its cookies with no other: what web mail will be, without its looks.

    Its context ignores the policy that comes with the page, which lets no script do anything.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.context: BrowserContext = page.context
        self.origin = origin
        self.account_id = ""

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """What the page's own script asks for."""
        return Answer(*await self.page.evaluate(ASK, [method, path, body]))

    async def succeed(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.ask(method, path, body)
        assert answer.status == 200, answer
        return answer.json()

    async def password(self, login: str, password: str = PASSWORD) -> Any:
        return await self.succeed("POST", "/auth/sign-in", {"login": login, "password": password})

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        assert (await self.password(login, password))["signedIn"] is True
        await self.begin()

    async def begin(self) -> None:
        """Find out whose mail it is."""
        self.account_id = (await self.succeed("GET", "/jmap/session"))["primaryAccounts"][MAIL]

    async def who(self) -> int:
        """200 while it is signed in."""
        return (await self.ask("GET", "/auth")).status

    async def call(self, name: str, **arguments: object) -> Any:
        """One JMAP method that succeeds: its arguments."""
        made = {"using": [CORE, MAIL, OWN], "methodCalls": [[name, {"accountId": self.account_id, **arguments}, "0"]]}
        ((found, answer, _),) = (await self.succeed("POST", "/jmap/api", made))["methodResponses"]
        assert found == name, answer
        return answer

    async def upload(self, octets: bytes, kind: str) -> str:
        """Its blob id."""
        text = await self.page.evaluate(
            """async ([path, octets, type]) => {
              const headers = {'Content-Type': type, 'X-Requested-With': 'test'};
              return await (await fetch(path, {method: 'POST', headers, body: new Uint8Array(octets)})).text();
            }""",
            [f"/jmap/upload/{self.account_id}", list(octets), kind],
        )
        return json.loads(text)["blobId"]

    async def cookies(self) -> dict[str, Any]:
        """By name."""
        return {cookie["name"]: cookie for cookie in await self.context.cookies()}


async def open_reader(context: BrowserContext, origin: str) -> Page:
    """A page of ours that shows mail, under the policy that web mail will have."""
    page = await context.new_page()

    async def answer(route: Route) -> None:
        fields = {"Content-Type": "text/html", "Content-Security-Policy": READER_POLICY}
        await route.fulfill(headers=fields, body="<!doctype html><title>Mail</title>")

    await page.route(f"{origin}/reader", answer)
    await page.goto(f"{origin}/reader")
    return page


class Chromium:
    """The browser, and ways to open windows of it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextlib.asynccontextmanager
    async def context(self, **options: Any) -> AsyncIterator[BrowserContext]:
        """As a person's own browser is: what pages are forbidden is forbidden."""
        context = await self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        try:
            yield context
        finally:
            await context.close()

    @contextlib.asynccontextmanager
    async def window(self, origin: str, **options: Any) -> AsyncIterator[Window]:
        """A page of ours."""
        async with self.context(bypass_csp=True, **options) as context:
            page = await context.new_page()
            await page.goto(f"{origin}/healthz")
            yield Window(page, origin)


@contextlib.asynccontextmanager
async def launched(program: str, key_hash: str) -> AsyncIterator[Chromium]:
    """The browser at work. Nothing that it asks for leaves this machine."""
    arguments = [
        "--no-sandbox",
        "--disable-features=LocalNetworkAccessChecks",  # here every server is on this machine
        "--host-resolver-rules=MAP * 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={key_hash}",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield Chromium(browser)
        finally:
            await browser.close()
