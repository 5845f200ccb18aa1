"""Passkeys, made and used by a browser; and what it does, and we do, with those of another origin."""

from typing import Any

import pytest
from chromium import SESSION_COOKIE, Chromium, Window
from elsewhere import Elsewhere
from playwright.async_api import CDPSession, Error, Page

from servers import Pillarbox

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
CREATE = """async options => (await navigator.credentials.create(
  {publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})).toJSON()"""
GET = """async options => (await navigator.credentials.get(
  {publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})).toJSON()"""
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Authenticator:
    """Chromium's own, of one page. What it holds can be carried to another, as a key on a ring is."""

    def __init__(self, devtools: CDPSession, id: str) -> None:
        self._devtools = devtools
        self._id = id

    async def carry_to(self, other: "Authenticator") -> None:
        held = await self._devtools.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        for credential in held["credentials"]:
            told = {"authenticatorId": other._id, "credential": credential}
            await other._devtools.send("WebAuthn.addCredential", told)


async def authenticator(page: Page) -> Authenticator:
    """An empty one, for a page."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    made = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return Authenticator(devtools, made["authenticatorId"])


async def register(window: Window) -> dict[str, Any]:
    """Make a passkey of exactly what the server asks for."""
    options = await window.succeed("POST", "/auth/passkeys/options")
    credential = await window.page.evaluate(CREATE, options)
    return await window.succeed("POST", "/auth/passkeys", {"name": "my key", "credential": credential})


async def test_a_browser_makes_a_passkey_and_signs_in_with_it_in_another(
    server: Pillarbox, window: Window, other: Window
):
    server.add_account("paula@uiowa.test")
    await window.sign_in("paula@uiowa.test")
    key, carried = await authenticator(window.page), await authenticator(other.page)
    assert len((await register(window))["recoveryCodes"]) == 10
    assert await window.who() == 200
    await key.carry_to(carried)

    options = await other.succeed("POST", "/auth/passkey/options")
    credential = await other.page.evaluate(GET, options)
    found = await other.succeed("POST", "/auth/passkey", {"credential": credential})
    assert (found["account"], found["session"]["means"]) == ("paula@uiowa.test", "passkey")
    assert set(await other.cookies()) == {SESSION_COOKIE}
    assert await other.who() == 200
    assert (await other.ask("POST", "/auth/passkey", {"credential": credential})).status == 401, (
        "a challenge is good once"
    )

    (listed,) = (await window.succeed("GET", "/auth/passkeys"))["list"]
    assert listed["used"] is not None
    with pytest.raises(Error, match="InvalidStateError"):
        await register(window)  # the authenticator has one already, and is told so
    assert (await window.ask("DELETE", f"/auth/passkeys/{listed['id']}")).status == 200
    options = await other.succeed("POST", "/auth/passkey/options")
    credential = await other.page.evaluate(GET, options)
    assert (await other.ask("POST", "/auth/passkey", {"credential": credential})).status == 401


@pytest.mark.parametrize("host", ["evil.test", "evil.uiowa.test"])
async def test_a_browser_does_not_use_our_passkeys_for_a_page_of_another_host(
    chromium: Chromium, elsewhere: Elsewhere, window: Window, host: str
):
    options = await window.succeed("POST", "/auth/passkey/options")
    async with chromium.context() as context:
        page = await elsewhere.open(context, host)
        await authenticator(page)
        with pytest.raises(Error, match="SecurityError"):
            await page.evaluate(GET, options)
        new = {"rp": options_rp(options), "user": USER, "challenge": options["challenge"], "pubKeyCredParams": KINDS}
        with pytest.raises(Error, match="SecurityError"):
            await page.evaluate(CREATE, new)


USER = {"id": "AAAA", "name": "alice", "displayName": "Alice"}
KINDS = [{"type": "public-key", "alg": -7}]


def options_rp(options: dict[str, Any]) -> dict[str, str]:
    return {"id": options["rpId"], "name": options["rpId"]}


async def test_what_another_port_of_our_host_had_signed_is_refused(
    chromium: Chromium, server: Pillarbox, elsewhere: Elsewhere, window: Window, other: Window
):
    """To a browser the port is no part of a passkey's name, so it signs; which page asked stands in what it signed."""
    server.add_account("peter@uiowa.test")
    await window.sign_in("peter@uiowa.test")
    key = await authenticator(window.page)
    await register(window)
    asked, told = (
        await other.succeed("POST", "/auth/passkey/options"),
        await window.succeed("POST", "/auth/passkeys/options"),
    )
    async with chromium.context() as context:
        page = await elsewhere.open(context, "mail.uiowa.test")
        second = await authenticator(page)
        await key.carry_to(second)
        signed = await page.evaluate(GET, {**asked, "allowCredentials": told["excludeCredentials"]})
        made = await page.evaluate(CREATE, {**told, "excludeCredentials": []})
    assert (await other.ask("POST", "/auth/passkey", {"credential": signed})).status == 401
    assert await other.who() == 401
    assert (await window.ask("POST", "/auth/passkeys", {"name": "theirs", "credential": made})).status == 400
    assert len((await window.succeed("GET", "/auth/passkeys"))["list"]) == 1


async def test_a_passkey_that_another_site_has_made_opens_nothing_here(
    chromium: Chromium, elsewhere: Elsewhere, window: Window
):
    """Our challenge, signed for another name, by a passkey that is nobody's here."""
    options = await window.succeed("POST", "/auth/passkey/options")
    async with chromium.context() as context:
        page = await elsewhere.open(context, "evil.test")
        await authenticator(page)
        rp = {"id": "evil.test", "name": "evil"}
        choice = {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
        new = {
            "rp": rp,
            "user": USER,
            "challenge": options["challenge"],
            "pubKeyCredParams": KINDS,
            "authenticatorSelection": choice,
        }
        await page.evaluate(CREATE, new)
        signed = await page.evaluate(GET, {**options, "rpId": "evil.test"})
    assert (await window.ask("POST", "/auth/passkey", {"credential": signed})).status == 401
    assert await window.who() == 401
