"""JMAP over WebSocket (RFC 8887): the dialogue of its examples, pushes, limits, and who may connect."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import websockets
from jmap_site import CORE, MAIL, PASSWORD, Site, open_jmap
from websockets.asyncio.client import ClientConnection, connect

from office import DOMAIN, open_office
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.method import Call, Json, Method
from pillarbox.serve.jmap.methods import METHODS

PATIENCE_SECONDS = 15.0
BASIC = "Basic " + base64.b64encode(f"alice@{DOMAIN}:{PASSWORD}".encode()).decode()
ECHO = ["Core/echo", {"hello": True, "high": 5}, "b3ff"]


@contextlib.asynccontextmanager
async def conversing(
    site: Site, *, authorization: str | None = BASIC, subprotocols: tuple[str, ...] = ("jmap",), **headers: str
) -> AsyncIterator[ClientConnection]:
    given = {**headers, **({} if authorization is None else {"Authorization": authorization})}
    async with connect(
        f"ws://localhost:{site.port}/jmap/ws",
        subprotocols=list(subprotocols) or None,
        additional_headers=given,
        proxy=None,
        max_size=None,
    ) as socket:
        yield socket


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps({name.replace("type_", "@type"): value for name, value in message.items()}))


async def request(socket: ClientConnection, id: str, *calls: list, using: tuple[str, ...] = (CORE, MAIL)) -> None:
    await say(socket, type_="Request", id=id, using=list(using), methodCalls=list(calls))


async def hear(socket: ClientConnection) -> dict:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await socket.recv())


async def closed(socket: ClientConnection) -> int:
    """The code with which the server ends it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(websockets.ConnectionClosed) as end:
            while True:
                await socket.recv()
    assert end.value.rcvd is not None
    return end.value.rcvd.code


async def refused(site: Site, **options: object) -> int:
    with pytest.raises(websockets.InvalidStatus) as answer:
        async with conversing(site, **options):
            pass
    return answer.value.response.status_code


# --- the examples of RFC 8887 §4.4 -----------------------------------------------------------------------------------


async def test_the_session_says_where_and_that_there_is_push(site: Site):
    """RFC 8887 §3."""
    session = (await site.http.get("/jmap/session")).json()
    assert session["capabilities"]["urn:ietf:params:jmap:websocket"] == {
        "url": f"ws://localhost:{site.port}/jmap/ws",
        "supportsPush": True,
    }


async def test_requests_and_problems_as_in_the_standard(site: Site):
    async with conversing(site) as socket:
        assert socket.subprotocol == "jmap"
        await request(socket, "R1", ECHO, using=(CORE,))
        answer = await hear(socket)
        state = (await site.http.get("/jmap/session")).json()["state"]
        assert answer == {"@type": "Response", "requestId": "R1", "methodResponses": [ECHO], "sessionState": state}
        await socket.send("The quick brown fox jumps over the lazy dog.")
        problem = await hear(socket)
        assert (problem["@type"], problem["requestId"]) == ("RequestError", None)
        assert (problem["type"], problem["status"]) == ("urn:ietf:params:jmap:error:notJSON", 400)


async def test_pushes_as_in_the_standard(site: Site):
    async with conversing(site) as socket:
        await say(socket, type_="WebSocketPushEnable", dataTypes=["Mailbox", "Email"])
        await request(socket, "R1", ["Mailbox/set", {"accountId": site.id, "create": {"a": {"name": "Work"}}}, "c"])
        heard = {one["@type"]: one for one in [await hear(socket), await hear(socket)]}
        made = heard["Response"]["methodResponses"][0][1]
        change = heard["StateChange"]
        assert change["changed"] == {site.id: {"Mailbox": made["newState"]}}
        assert isinstance(change["pushState"], str)
        await say(socket, type_="WebSocketPushDisable")
        await site.office.take("ann@far.test", "alice")
        await request(socket, "R2", ECHO)
        assert (await hear(socket))["requestId"] == "R2"


async def test_who_comes_back_with_a_push_state_is_told_what_it_missed(site: Site):
    async with conversing(site) as socket:
        await say(socket, type_="WebSocketPushEnable", dataTypes=None)
        await request(socket, "R1", ECHO)
        assert (await hear(socket))["requestId"] == "R1"  # so what was said before has been heard
        await site.office.take("ann@far.test", "alice")
        state = (await hear(socket))["pushState"]
    await site.call("Mailbox/set", create={"a": {"name": "Work"}})
    async with conversing(site) as socket:
        await say(socket, type_="WebSocketPushEnable", dataTypes=["Mailbox", "Email"], pushState=state)
        change = await hear(socket)
        assert set(change["changed"][site.id]) == {"Mailbox"}
        await say(socket, type_="WebSocketPushEnable", pushState=change["pushState"])
        await say(socket, type_="WebSocketPushEnable", pushState="not one of ours", dataTypes=["Identity"])
        assert set((await hear(socket))["changed"][site.id]) == {"Identity"}


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("{", "notJSON"),
        ('{"id":"R9"}', "notRequest"),
        ('{"@type":"Request","id":"R9"}', "notRequest"),
        ('{"@type":"Response","id":"R9"}', "notRequest"),
        ('{"@type":"Request","id":"R9","using":["x"],"methodCalls":[]}', "unknownCapability"),
        ('{"@type":"WebSocketPushEnable","id":"R9","dataTypes":1}', "notRequest"),
        ("[]", "notRequest"),
    ],
)
async def test_a_wrong_message_is_answered_and_the_connection_goes_on(site: Site, message: str, kind: str):
    async with conversing(site) as socket:
        await socket.send(message)
        problem = await hear(socket)
        assert problem["type"] == f"urn:ietf:params:jmap:error:{kind}"
        assert problem["requestId"] == ("R9" if "R9" in message else None)
        await request(socket, "R10", ECHO)
        assert (await hear(socket))["requestId"] == "R10"


async def test_octets_are_no_message(site: Site):
    async with conversing(site) as socket:
        await socket.send(b"\x00")
        assert await closed(socket) == 1003


async def test_a_request_without_an_id_is_answered_without_one(site: Site):
    async with conversing(site) as socket:
        await say(socket, type_="Request", using=[CORE], methodCalls=[ECHO])
        assert "requestId" not in await hear(socket)


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_a_message_that_is_too_large_ends_the_connection(site: Site):
    async with conversing(site) as socket:
        await socket.send("x" * (Limits().jmap_request_octets + 1))
        assert await closed(socket) == 1009


class Nothing(msgspec.Struct):
    """No arguments."""


async def test_requests_run_side_by_side_and_only_so_many_over_http_too(tmp_path: Path):
    running, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def wait(call: Call, arguments: Nothing) -> Json:
        running.release()
        await go_on.wait()
        return {}

    methods = (*METHODS, Method("Test/wait", CORE, Nothing, wait))
    limits = Limits(jmap_concurrent_requests=2)
    async with open_office(tmp_path, limits=limits) as office, open_jmap(office, methods=methods) as site:
        async with conversing(site) as socket:
            for id in ("R1", "R2"):
                await request(socket, id, ["Test/wait", {}, "c"])
                await running.acquire()
            await request(socket, "R3", ECHO)
            problem = await hear(socket)
            assert (problem["requestId"], problem["limit"]) == ("R3", "maxConcurrentRequests")
            assert (await site.post([ECHO])).status_code == 429
            go_on.set()
            assert {(await hear(socket))["requestId"] for _ in range(2)} == {"R1", "R2"}
            await request(socket, "R4", ECHO)
            assert (await hear(socket))["requestId"] == "R4"


async def test_a_request_is_made_to_its_end_though_its_client_is_gone(tmp_path: Path):
    running, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(call: Call, arguments: Nothing) -> Json:
        running.set()
        await go_on.wait()
        done.set()
        return {}

    methods = (*METHODS, Method("Test/wait", CORE, Nothing, wait))
    async with open_office(tmp_path) as office, open_jmap(office, methods=methods) as site:
        async with conversing(site) as socket:
            await request(socket, "R1", ["Test/wait", {}, "c"])
            await running.wait()
        go_on.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await done.wait()


async def test_calls_in_one_request_are_bounded(site: Site):
    async with conversing(site) as socket:
        await request(socket, "R1", *[ECHO] * 65)
        problem = await hear(socket)
        assert (problem["requestId"], problem["limit"]) == ("R1", "maxCallsInRequest")


async def test_an_account_has_so_many_connections(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(push_listeners=1)) as office, open_jmap(office) as site:
        async with conversing(site):
            assert await refused(site) == 429


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_who_has_not_signed_in_is_told_so_before_the_handshake(site: Site):
    assert await refused(site, authorization=None) == 401


async def test_the_subprotocol_is_needed(site: Site):
    assert await refused(site, subprotocols=()) == 400
    assert await refused(site, subprotocols=("xmpp",)) == 400
    async with conversing(site, subprotocols=("xmpp", "jmap")) as socket:
        assert socket.subprotocol == "jmap"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "http://localhost",
        "http://localhost:1",
        "http://localhost.evil.test:PORT",
        "http://evil.test:PORT",
        "null",
        "",
        "file://",
        "http://",
        "http://[",
        "http://localhost:x",
        "ws://localhost:PORT",
    ],
)
async def test_a_page_of_another_site_may_not_connect(site: Site, origin: str):
    assert await refused(site, Origin=origin.replace("PORT", str(site.port))) == 403


async def test_a_page_of_ours_may(site: Site):
    async with conversing(site, Origin=f"http://localhost:{site.port}") as socket:
        await request(socket, "R1", ECHO)
        assert (await hear(socket))["requestId"] == "R1"


# --- ends ------------------------------------------------------------------------------------------------------------


async def test_a_new_password_ends_it(site: Site):
    """RFC 8887 §4.2: 1008."""
    async with conversing(site) as socket:
        await site.mail.accounts.set_password(site.account.address, "another horse")
        assert await closed(socket) == 1008


async def test_the_end_of_its_token_ends_it(site: Site):
    tokens = [await site.mail.tokens.add(site.account.address, name) for name in ("laptop", "phone")]
    async with (
        conversing(site, authorization=f"Bearer {tokens[0]}") as one,
        conversing(site, authorization=f"Bearer {tokens[1]}") as two,
    ):
        await site.mail.tokens.remove(site.account.address, "laptop")
        assert await closed(one) == 1008
        await request(two, "R1", ECHO)
        assert (await hear(two))["requestId"] == "R1"


async def test_a_token_that_ends_by_itself_ends_it(site: Site):
    token = await site.mail.tokens.add(site.account.address, "guest", lasts=timedelta(seconds=0.05))
    async with conversing(site, authorization=f"Bearer {token}") as socket:
        site.office.clock.advance(1)
        assert await closed(socket) == 1008


async def test_the_end_of_the_account_ends_it(site: Site):
    async with conversing(site) as socket:
        await site.mail.accounts.remove(site.account.address)
        assert await closed(socket) == 1008


async def test_nothing_is_kept_of_a_connection_that_is_gone(site: Site):
    async with conversing(site) as socket:
        await say(socket, type_="WebSocketPushEnable")
        await request(socket, "R1", ECHO)
        await hear(socket)
        assert site.mail.state_feed._watched
    async with asyncio.timeout(PATIENCE_SECONDS):
        while site.mail.state_feed._watched or site.mail.credentials._listeners:
            await asyncio.sleep(0.001)
