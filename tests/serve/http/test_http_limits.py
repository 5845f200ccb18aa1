"""Peers that send too much, too slowly or nothing, take nothing, or come too often; what each is told."""

import asyncio
import socket

import pytest

from office import Office
from serve.http.http_site import BIG_OCTETS, connected, dawdle, exchange, open_site, statuses

GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
SHORT = 0.2
LONG = 60.0


@pytest.fixture(params=["clear", "tls"])
def over(request, server_tls, client_tls):
    """(server's, client's) TLS, or none."""
    return (None, None) if request.param == "clear" else (server_tls, client_tls)


@pytest.mark.parametrize("begun", [b"G", b"GET /echo HTTP/1.1\r\nHo", GET, GET + b"\r"])
async def test_a_header_that_does_not_come_to_its_end_is_408(office: Office, over, begun):
    """RFC 9110 §15.5.9."""
    async with open_site(office, tls=over[0], http_header_seconds=SHORT) as site:
        assert statuses(await exchange(site.port, begun, over[1])) == [408]


async def test_a_header_that_comes_drop_by_drop_has_no_more_time(office: Office):
    async with open_site(office, http_header_seconds=SHORT) as site, connected(site.port) as client:
        client.send(GET + b"X-Long: ")
        ended = asyncio.ensure_future(client.end())
        while not ended.done():
            client.send(b"x")
            await asyncio.wait((ended,), timeout=SHORT / 20)
        assert statuses(await ended) == [408]


async def test_who_says_nothing_is_left_without_a_word(office: Office, over):
    async with open_site(office, tls=over[0], http_header_seconds=SHORT) as site:
        assert await exchange(site.port, b"", over[1]) == b""
        await site.close(5)
        assert site.gate.total == 0


async def test_the_header_of_a_later_request_has_its_own_time(office: Office):
    async with open_site(office, http_header_seconds=SHORT) as site, connected(site.port) as client:
        client.send(GET + b"\r\n")
        assert (await client.answer()).status == 200
        client.send(b"GET /ec")
        assert statuses(await client.end()) == [408]


async def test_between_requests_a_connection_stays_for_a_while(office: Office, over):
    async with open_site(office, tls=over[0], http_keep_alive_seconds=1, http_header_seconds=LONG) as site:
        async with connected(site.port, over[1]) as client:
            client.send(GET + b"\r\n")
            assert (await client.answer()).status == 200
            assert await client.end() == b""


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (POST + b"Content-Length: 3\r\n\r\nab", 408),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab", 408),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: ", 408),
    ],
)
async def test_a_body_that_stops_is_408(office: Office, over, begun, status):
    async with open_site(office, tls=over[0], http_body_stall_seconds=SHORT) as site:
        assert statuses(await exchange(site.port, begun, over[1])) == [status]
        assert site.seen == []


async def test_a_body_that_comes_drop_by_drop_has_no_more_time(office: Office):
    async with open_site(office, http_body_stall_seconds=SHORT) as site, connected(site.port) as client:
        client.send(POST + b"Content-Length: 1000000\r\n\r\n")
        ended = asyncio.ensure_future(client.end())
        while not ended.done():
            client.send(b"x")
            await asyncio.wait((ended,), timeout=SHORT / 20)
        assert statuses(await ended) == [408]


async def test_a_body_that_comes_slowly_but_steadily_is_taken(office: Office):
    async with open_site(office, http_body_stall_seconds=0.5) as site, connected(site.port) as client:
        client.send(POST + b"Content-Length: 20000\r\n\r\n")
        answer = asyncio.ensure_future(client.answer())
        for _ in range(20):
            client.send(b"x" * 1_000)
            await asyncio.wait((answer,), timeout=0.05)
        assert len((await answer).json()["body"]) == 20_000


async def test_a_peer_that_we_do_not_read_is_not_slow(office: Office):
    """The route waits with the body unread: that is no fault of the client's."""
    async with open_site(office, http_body_stall_seconds=SHORT) as site, connected(site.port) as client:
        octets = 1_000_000
        client.send(b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % octets + b"x" * octets)
        await site.streaming.wait()
        answer = asyncio.ensure_future(client.answer())
        await asyncio.wait((answer,), timeout=SHORT * 3)
        assert not answer.done()
        site.go_on.set()
        assert (await answer).status == 200


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        GET + b"X: y\r\n" * 8_000 + b"\r\n",
        GET + b"X: " + b"x" * 2_000_000,
    ],
)
async def test_a_header_that_is_too_large_is_431(office: Office, over, head):
    """RFC 6585 §5."""
    async with open_site(office, tls=over[0]) as site:
        assert statuses(await exchange(site.port, head, over[1])) == [431]
        assert site.seen == []


async def test_a_header_may_be_as_large_as_the_limit(office: Office):
    async with open_site(office, http_header_octets=1_000) as site, connected(site.port) as client:
        rest = 1_000 - len(GET + b"X: \r\n\r\n")
        for _ in range(2):
            client.send(GET + b"X: " + b"x" * rest + b"\r\n\r\n")
            assert (await client.answer()).status == 200
        client.send(GET + b"X: " + b"x" * (rest + 1) + b"\r\n\r\n")
        assert (await client.answer()).status == 431


async def test_a_refusal_reaches_a_client_that_is_still_sending(office: Office):
    """RFC 9112 §9.6: a connection that is closed with octets unread is reset, and the answer may be lost."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(GET + b"X: " + b"x" * 3_000_000)
        assert (await client.answer()).status == 431


async def test_one_connection_too_many_is_503_and_there_is_room_again_afterwards(office: Office, over):
    async with open_site(office, tls=over[0], connections=2) as site:
        async with connected(site.port, over[1]) as first, connected(site.port, over[1]) as second:
            for client in (first, second):
                client.send(GET + b"\r\n")
                assert (await client.answer()).status == 200
            assert statuses(await exchange(site.port, b"", over[1])) == [503]
            assert site.gate.total == 2
            first.send(GET + b"Connection: close\r\n\r\n")
            assert statuses(await first.end()) == [200]
            assert statuses(await exchange(site.port, GET + b"Connection: close\r\n\r\n", over[1])) == [200]


async def test_every_way_to_end_gives_the_place_back(office: Office):
    async with open_site(office, http_header_seconds=SHORT) as site:
        for octets in (
            b"",
            b"G",
            b"nonsense\r\n\r\n",
            GET + b"Connection: close\r\n\r\n",
            GET + b"X: " + b"x" * 40_000,
            b"GET /late-bug HTTP/1.1\r\nHost: a\r\n\r\n",
        ):
            await exchange(site.port, octets)
        async with connected(site.port) as client:
            client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await site.streaming.wait()
            assert site.gate.total == 1
            client.writer.transport.abort()
            site.go_on.set()
        await site.close(5)
        assert site.gate.total == 0


async def test_an_answer_goes_out_while_the_body_still_comes_and_the_rest_is_not_read_for_ever(office: Office):
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000)
        assert (await client.answer()).status == 413
        client.send(b"x" * 5_000_000)
        assert await client.end() == b""


async def test_a_small_rest_of_a_body_is_read_and_the_connection_goes_on(office: Office):
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert (await client.answer()).status == 413
        client.send(b"cde" + GET + b"\r\n")
        assert (await client.answer()).status == 200


async def test_after_a_late_rest_of_a_body_the_connection_does_not_stay_for_ever(office: Office):
    async with open_site(office, http_keep_alive_seconds=1) as site, connected(site.port) as client:
        client.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert (await client.answer()).status == 413
        client.send(b"cde")
        assert await client.end() == b""


async def test_requests_ahead_wait_in_the_kernel_not_in_memory(office: Office):
    """Each would cost some sixty times its octets once it is parsed."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await site.streaming.wait()
        for _ in range(400):
            client.send((GET + b"\r\n") * 1_000)
        connection = next(iter(site.listeners[0]._state.connections))
        ended = asyncio.ensure_future(client.end())
        await asyncio.wait((ended,), timeout=0.5)
        assert len(connection._held) < 600_000
        assert not connection.pipeline
        assert site.seen == ["GET /wait"]
        client.writer.transport.abort()
        await ended


async def test_who_takes_nothing_of_an_answer_is_cut(office: Office, over):
    async with open_site(office, tls=over[0], write_stall_seconds=SHORT) as site:
        async with connected(site.port, over[1]) as client:
            client.writer.transport.pause_reading()
            client.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            async with asyncio.timeout(20):
                await site.gone.wait()
            assert site.gate.total == 0


async def test_who_takes_an_answer_slowly_gets_it(office: Office):
    async with open_site(office, write_stall_seconds=0.5) as site, connected(site.port) as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await client.answer(of_head=True)).status == 200
        left, pauses = BIG_OCTETS, 0
        while left:
            left -= len(await client.reader.readexactly(min(left, 4_000_000)))
            pauses += 1
            await dawdle(0.05)
        assert pauses == 16


async def test_who_closes_half_way_is_no_bug(office: Office, capsys):
    async with open_site(office) as site:
        async with connected(site.port) as client:
            client.send(POST + b"Content-Length: 1000\r\n\r\nab")
            await client.writer.drain()
            client.writer.transport.abort()
        with socket.create_connection(("127.0.0.1", site.port)) as clear:
            clear.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            clear.sendall(GET + b"\r\n")
        assert statuses(await exchange(site.port, GET + b"Connection: close\r\n\r\n")) == [200]
    assert "bug" not in capsys.readouterr().out
