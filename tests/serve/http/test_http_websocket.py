"""Connections that become WebSockets (RFC 6455): counted as before, bounded, refused as other requests are."""

import asyncio

import pytest
import websockets
from websockets.asyncio.client import connect

from office import Office, address
from serve.http.http_site import connected, exchange, open_site, statuses

UPGRADE = b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.fixture(params=["clear", "tls"])
def over(request, server_tls, client_tls):
    return (None, None) if request.param == "clear" else (server_tls, client_tls)


def url(site, tls, path: str = "/socket") -> str:
    return f"{'ws' if tls is None else 'wss'}://localhost:{site.port}{path}"


async def test_what_is_said_comes_back_and_the_place_is_given_back(office: Office, over):
    async with open_site(office, tls=over[0]) as site:
        async with connect(url(site, over[1]), ssl=over[1]) as socket:
            for text in ("hello", "x" * 200_000, ""):
                await socket.send(text)
                assert await socket.recv() == text
            assert site.gate.total == 1
        await site.gone.wait()
        await site.close(5)
        assert site.gate.total == 0


async def test_a_message_that_is_too_large_ends_the_connection(office: Office):
    async with open_site(office, jmap_request_octets=1_000) as site, connect(url(site, None)) as socket:
        await socket.send("x" * 1_001)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE + b"\r\n", 400),
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE + b"Sec-WebSocket-Key: short\r\n\r\n", 400),
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE.replace(b"13", b"8") + KEY + b"\r\n", 400),
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE + KEY + b"X: y\r\n" * 200 + b"\r\n", 400),
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE + KEY + b"X: " + b"y" * 9_000 + b"\r\n\r\n", 400),
        (b"GET /socket HTTP/1.1\r\n" + UPGRADE.replace(b"Host: localhost\r\n", b"") + KEY + b"\r\n", 400),
        (b"POST /echo HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n", 200),
        (b"POST /echo HTTP/1.1\r\n" + UPGRADE + KEY + b"Content-Length: 3\r\n\r\nabc", 501),
        (b"GET /socket HTTP/1.0\r\n" + UPGRADE + KEY + b"\r\n", 404),
        (b"GET /none HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n", 403),
    ],
)
async def test_a_handshake_that_is_none_is_refused_and_no_bug(office: Office, capsys, request_octets, status):
    async with open_site(office) as site:
        assert statuses(await exchange(site.port, request_octets)) == [status]
        await site.close(5)
        assert site.gate.total == 0
    assert "bug" not in capsys.readouterr().out


async def test_frames_that_are_none_end_the_connection(office: Office, capsys):
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"GET /socket HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n")
        assert (await client.answer(of_head=True)).status == 101
        client.send(b"\xff\xff\xff\xff")
        assert (await client.end())[:1] == b"\x88"  # a close frame
        await site.gone.wait()
    assert "bug" not in capsys.readouterr().out


async def test_who_must_sign_in_is_told_so_before_the_handshake(office: Office):
    async with open_site(office) as site:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(url(site, None, "/my-socket"))
        assert refused.value.response.status_code == 401
        assert "Basic" in refused.value.response.headers["WWW-Authenticate"]


async def test_a_token_opens_a_websocket(office: Office):
    await office.add("alice")
    token = await office.mail.tokens.add(address("alice"), "laptop")
    async with open_site(office) as site:
        async with connect(
            url(site, None, "/my-socket"), additional_headers={"Authorization": f"Bearer {token}"}
        ) as socket:
            assert await socket.recv() == "alice@uiowa.test"


async def test_who_takes_nothing_is_cut(office: Office, over):
    async with open_site(office, tls=over[0], write_stall_seconds=0.2) as site, connected(site.port, over[1]) as client:
        client.send(b"GET /socket HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n")
        assert (await client.answer(of_head=True)).status == 101
        client.writer.transport.pause_reading()
        wish = b"*9000000"
        for _ in range(4):
            client.send(bytes((0x81, 0x80 | len(wish))) + bytes(4) + wish)
        async with asyncio.timeout(20):
            await site.gone.wait()
        await site.close(5)
        assert site.gate.total == 0
