"""The end of a listener: requests at work may finish, idle connections go, and nothing open holds it up."""

import asyncio
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from office import Office
from serve.http.http_site import connected, open_site

GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(params=["clear", "tls"])
def over(request, server_tls, client_tls):
    return (None, None) if request.param == "clear" else (server_tls, client_tls)


async def test_idle_connections_are_closed_at_once(office: Office, over):
    async with open_site(office, tls=over[0]) as site:
        async with connected(site.port, over[1]) as fresh, connected(site.port, over[1]) as used:
            used.send(GET)
            assert (await used.answer()).status == 200
            ending = asyncio.ensure_future(site.close(10))
            assert await fresh.end() == await used.end() == b""
            await ending
            assert site.gate.total == 0


async def test_a_request_at_work_is_answered_and_is_the_last_of_its_connection(office: Office, over):
    async with open_site(office, tls=over[0]) as site, connected(site.port, over[1]) as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await site.streaming.wait()
        ending = asyncio.ensure_future(site.close(10))
        await asyncio.wait((ending,), timeout=0.1)
        assert not ending.done()
        site.go_on.set()
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"at last\n", "close")
        assert await client.end() == b""
        await ending


async def test_who_is_at_work_for_too_long_is_cut(office: Office, over):
    async with open_site(office, tls=over[0]) as site, connected(site.port, over[1]) as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await site.streaming.wait()
        await site.close(0.1)
        assert await client.end() == b""
        assert not site.listeners[0]._state.tasks


async def test_an_open_stream_does_not_hold_up_the_end(office: Office, over, capsys):
    async with open_site(office, tls=over[0]) as site, connected(site.port, over[1]) as client:
        client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        await site.streaming.wait()
        began = time.monotonic()
        await site.close(0.2)
        assert time.monotonic() - began < 2
        assert site.gone.is_set()
        assert b"hello" in await client.end()
        assert site.gate.total == 0
    assert "bug" not in capsys.readouterr().out


async def test_a_websocket_is_told_that_the_server_ends(office: Office, over):
    """RFC 6455 §7.4.1, as registered: 1012, service restart."""
    async with open_site(office, tls=over[0]) as site:
        scheme = "ws" if over[1] is None else "wss"
        async with connect(f"{scheme}://localhost:{site.port}/socket", ssl=over[1]) as socket:
            await site.streaming.wait()
            ending = asyncio.ensure_future(site.close(10))
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            await ending
        assert site.gate.total == 0


async def test_nobody_is_let_in_afterwards(office: Office):
    async with open_site(office) as site:
        port = site.port
        await site.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_stream_whose_client_goes_is_ended(office: Office, over):
    async with open_site(office, tls=over[0]) as site:
        async with connected(site.port, over[1]) as client:
            client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            await site.streaming.wait()
        async with asyncio.timeout(10):
            await site.gone.wait()
