"""Whatever octets come: an answer or an end, no bug, and every place given back."""

import asyncio
import random

import pytest

from office import Office
from serve.http.http_site import exchange, open_site, statuses

REQUESTS = (
    b"GET /echo?a=b HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n",
    b"POST /early HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n",
    b"GET /metrics HTTP/1.0\r\n\r\n",
)
PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"\0",
    b"\xff",
    b"0\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"\r\n\r\n",
    b"%00",
    b"HTTP/1.1",
)
EXPECTED = {100, 101, 200, 400, 401, 403, 404, 405, 408, 413, 426, 429, 431, 501, 505}


def spoilt(seed: int) -> bytes:
    """One to three requests with a few octets changed, left out, put in or said twice."""
    dice = random.Random(seed)
    octets = bytearray(b"".join(dice.choices(REQUESTS, k=dice.randint(1, 3))))
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(octets))
        match dice.randrange(4):
            case 0:
                octets[place] = dice.randrange(256)
            case 1:
                del octets[place : place + dice.randint(1, 20)]
            case 2:
                octets[place:place] = dice.choice(PIECES)
            case 3:
                octets[place:place] = octets[place : place + dice.randint(1, 60)]
        octets = octets or bytearray(b"\r\n")
    return bytes(octets)


@pytest.mark.parametrize("batch", range(4))
async def test_any_octets_are_answered_or_the_connection_ends(office: Office, capsys, batch):
    limits = {"http_header_seconds": 0.3, "http_body_stall_seconds": 0.3, "http_keep_alive_seconds": 1}
    async with open_site(office, **limits) as site:

        async def one(seed: int) -> None:
            octets = spoilt(seed)
            ending = asyncio.ensure_future(exchange(site.port, octets))
            if b"websocket" in octets:  # a socket that was opened stays open: nobody closes it
                await asyncio.wait((ending,), timeout=1)
                if not ending.done():
                    ending.cancel()
                    return
            assert set(statuses(await ending)) <= EXPECTED, octets

        for first in range(batch * 200, batch * 200 + 200, 40):
            await asyncio.gather(*(one(seed) for seed in range(first, first + 40)))
        await site.close(5)
        assert site.gate.total == 0
    assert "bug" not in capsys.readouterr().out
