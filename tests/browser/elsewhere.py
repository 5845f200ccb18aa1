"""Somebody else's site: a page whose scripts may do all that a browser lets them do."""

import asyncio

from playwright.async_api import BrowserContext, Page, Request, Response

from web_server import PATIENCE_SECONDS, Asked, WebServer, reply

PAGE = b"<!doctype html><title>Elsewhere</title><p>Win a prize!</p>"
STRANGER = "evil.test"
HOSTS = (STRANGER, "evil.uiowa.test", "mail.uiowa.test")
"""A stranger; a neighbour, who is of the same site; and another port of our own host."""


class Elsewhere:
    """One server, under every name that leads to this machine."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.fields: list[str] = []
        server.usual = self._answer

    def _answer(self, asked: Asked) -> bytes:
        return reply("200 OK", "Content-Type: text/html", *self.fields, body=PAGE)

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.server.port}"

    async def open(self, context: BrowserContext, host: str) -> Page:
        """Its page."""
        page = await context.new_page()
        await page.goto(f"{self.origin(host)}/")
        return page


async def answered(request: Request) -> Response | None:
    """What came back; None for what the browser keeps from everybody."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await request.response()


class Sent:
    """What a page has a browser ask an origin for."""

    def __init__(self, page: Page, origin: str) -> None:
        self.requests: list[Request] = []
        page.on("request", lambda request: self.requests.append(request) if request.url.startswith(origin) else None)

    async def statuses(self) -> set[int]:
        """Of the answers that the browser had."""
        answers = [await answered(request) for request in self.requests]
        return {answer.status for answer in answers if answer is not None}

    async def cookies(self) -> str:
        """All that was sent along."""
        return " ".join([(await request.all_headers()).get("cookie", "") for request in self.requests])
