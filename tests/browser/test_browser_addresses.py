"""Addresses that are typed, followed or guessed: what a browser makes of them."""

import json
import plistlib

import pytest
from chromium import MAIL, Chromium, Window
from playwright.async_api import BrowserContext, Error

from servers import Pillarbox

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


async def test_the_well_known_address_of_jmap_leads_to_the_session(alice: Window, hers: BrowserContext):
    """Typed by hand, with the cookie: the session itself, whose addresses are of the origin that was asked."""
    page = await hers.new_page()
    answer = await page.goto(f"{alice.origin}/.well-known/jmap")
    assert answer is not None and answer.status == 200
    session = json.loads(await page.inner_text("body"))
    assert session["primaryAccounts"][MAIL] == alice.account_id
    for name in ("apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl"):
        assert session[name].startswith(f"{alice.origin}/jmap/")
    assert await page.evaluate("origin") == "null", "the page is none of ours: no script of it reads what we have"
    await page.close()


async def test_without_a_session_it_says_what_is_wanted(chromium: Chromium, origin: str):
    async with chromium.context() as context:
        page = await context.new_page()
        answer = await page.goto(f"{origin}/.well-known/jmap")
        assert answer is not None and answer.status == 401
        assert "please sign in" in await page.inner_text("body")
        assert await context.cookies() == []


async def test_the_ports_for_mail_programs_are_shown(window: Window, server: Pillarbox):
    shown = await window.page.evaluate(
        """async path => {
          const found = new DOMParser().parseFromString(await (await fetch(path)).text(), 'text/xml');
          return [...found.querySelectorAll('port')].map(port => Number(port.textContent));
        }""",
        "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=alice@uiowa.test",
    )
    assert shown == [server.port(name) for name in ("imaps", "imap", "submissions", "submission")]
    answer = await window.page.goto(f"{window.origin}/mail/config-v1.1.xml?emailaddress=x@elsewhere.test")
    assert answer is not None and answer.status == 404


async def test_a_profile_is_saved(chromium: Chromium, origin: str):
    async with chromium.context() as context:
        page = await context.new_page()
        async with page.expect_download() as opened:
            with pytest.raises(Error, match="Download is starting"):
                await page.goto(f"{origin}/apple.mobileconfig?emailaddress=alice@uiowa.test")
        saved = await opened.value
        assert saved.suggested_filename == "mail.mobileconfig"
        profile = plistlib.loads((await saved.path()).read_bytes())
        assert profile["PayloadContent"][0]["EmailAddress"] == "alice@uiowa.test"


async def test_a_browser_that_was_here_over_tls_asks_for_nothing_in_the_clear(
    chromium: Chromium, server: Pillarbox, origin: str
):
    """Strict-Transport-Security (RFC 6797 §8.3): it changes the scheme, and leaves the port that was written."""
    clear = f"http://{server.hostname}:{server.port('http')}/healthz"
    async with chromium.context() as context:
        page = await context.new_page()
        answer = await page.goto(clear)
        assert answer is not None and answer.status == 200, "on this machine the clear port answers"
        await page.goto(f"{origin}/healthz")
        with pytest.raises(Error, match="ERR_SSL_PROTOCOL_ERROR"):
            await page.goto(clear)
