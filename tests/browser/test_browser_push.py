"""What a page of ours is told: by an event source and by a WebSocket, both opened with the cookie alone."""

import smtplib
from email.message import EmailMessage
from typing import Any

import pytest
from chromium import Chromium, Window
from playwright.async_api import Page

from pillarbox.serve.jmap.session_object import WEBSOCKET
from servers import Pillarbox

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
LISTEN = """
url => new Promise((done, failed) => {
  globalThis.told = [];
  globalThis.source = new EventSource(url);
  source.addEventListener('state', event => told.push(JSON.parse(event.data)));
  source.onopen = () => done();
  source.onerror = () => failed(new Error('refused'));
})
"""
CONNECT = """
url => new Promise((done, failed) => {
  globalThis.told = [];
  globalThis.socket = new WebSocket(url, 'jmap');
  socket.onmessage = event => told.push(JSON.parse(event.data));
  socket.onopen = () => done(socket.protocol);
  socket.onclose = event => failed(new Error(event.code));
})
"""


def deliver(server: Pillarbox, subject: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "ann@far.test", "alice@uiowa.test"
    message.set_content("Good morning.\n")
    with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as session:
        session.send_message(message)


async def told(page: Page, count: int = 1) -> list[dict[str, Any]]:
    """All that has come, once it is so many."""
    await page.wait_for_function("count => told.length >= count", arg=count)
    return await page.evaluate("told")


async def event_source(window: Window, close_after: str) -> str:
    """Its URL."""
    template = (await window.succeed("GET", "/jmap/session"))["eventSourceUrl"]
    return template.replace("{types}", "*").replace("{closeafter}", close_after).replace("{ping}", "0")


async def test_an_event_source_tells_of_a_delivered_mail(server: Pillarbox, alice: Window):
    before = (await alice.call("Email/get", ids=[]))["state"]
    await alice.page.evaluate(LISTEN, await event_source(alice, "no"))
    deliver(server, "told by an event source")
    change = (await told(alice.page))[0]
    assert change["@type"] == "StateChange"
    assert {"Email", "Mailbox", "Thread", "EmailDelivery"} <= set(change["changed"][alice.account_id])
    (id,) = (await alice.call("Email/changes", sinceState=before))["created"]
    (email,) = (await alice.call("Email/get", ids=[id], properties=["subject"]))["list"]
    assert email["subject"] == "told by an event source"
    await alice.page.evaluate("source.close()")


async def test_a_browser_that_comes_back_is_told_what_it_has_missed(server: Pillarbox, alice: Window):
    """After each event the server closes; the browser comes back by itself and says how far it is."""
    await alice.page.evaluate(LISTEN, await event_source(alice, "state"))
    await alice.page.evaluate(
        "() => { source.onerror = () => { globalThis.gone = true; }; source.onopen = () => { globalThis.back = true; }; }"
    )
    deliver(server, "the first")
    await alice.page.wait_for_function("globalThis.gone")
    deliver(server, "meanwhile")
    assert await alice.page.evaluate("globalThis.back") is None
    first, second = (await told(alice.page, 2))[:2]
    states = [change["changed"][alice.account_id]["Email"] for change in (first, second)]
    assert len(set(states)) == 2
    assert states[1] == (await alice.call("Email/get", ids=[]))["state"]
    await alice.page.evaluate("source.close()")


async def test_a_web_socket_answers_and_tells(server: Pillarbox, alice: Window):
    url = (await alice.succeed("GET", "/jmap/session"))["capabilities"][WEBSOCKET]["url"]
    assert url == f"{alice.origin.replace('https', 'wss')}/jmap/ws"
    assert await alice.page.evaluate(CONNECT, url) == "jmap"
    asking = {
        "@type": "Request",
        "id": "R1",
        "using": ["urn:ietf:params:jmap:core"],
        "methodCalls": [["Core/echo", {"a": 1}, "0"]],
    }
    await alice.page.evaluate("asking => socket.send(JSON.stringify(asking))", asking)
    (answer,) = await told(alice.page)
    assert (answer["requestId"], answer["methodResponses"]) == ("R1", [["Core/echo", {"a": 1}, "0"]])
    await alice.page.evaluate("socket.send(JSON.stringify({'@type': 'WebSocketPushEnable', dataTypes: ['Email']}))")
    await alice.page.evaluate("asking => socket.send(JSON.stringify(asking))", asking)
    await told(alice.page, 2)  # so the first has been heard
    deliver(server, "told by a socket")
    change = (await told(alice.page, 3))[2]
    assert (change["@type"], set(change["changed"][alice.account_id])) == ("StateChange", {"Email"})
    await alice.page.evaluate("() => { socket.onclose = null; socket.close(); }")


async def test_what_was_opened_with_a_session_ends_with_it(chromium: Chromium, window: Window, other: Window):
    """The event source does not come back: the browser takes a refusal for an end."""
    for one in (window, other):
        await one.sign_in("bob@uiowa.test")
    session = (await other.succeed("GET", "/auth"))["session"]["id"]
    await other.page.evaluate(LISTEN, await event_source(other, "no"))
    await other.page.evaluate(CONNECT, f"{other.origin.replace('https', 'wss')}/jmap/ws")
    await other.page.evaluate("() => { socket.onclose = event => told.push(event.code); }")
    assert (await window.ask("DELETE", f"/auth/sessions/{session}")).status == 204
    assert await told(other.page) == [1008]
    await other.page.wait_for_function("source.readyState === EventSource.CLOSED")
    assert await window.who() == 200
