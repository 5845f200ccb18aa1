"""A connection over a real socket: what its sink is told, how much it holds, how long it waits, how it ends."""

import asyncio
import socket

import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.model.limits import Limits
from pillarbox.wire.connection import WRITE_HIGH_OCTETS, connect, host_of, peer_text
from wire.witness import SECONDS, Witness, dial, open_door, raw_client, read_all, reset


async def test_both_ends_know_each_other_by_address_and_port():
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        assert (line.peer, line.local) == (server.line.local, server.line.peer)
        assert line.peer == f"127.0.0.1:{door.listener.port}"
        assert line.tls == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("192.0.2.1", 25), "192.0.2.1:25"),
        (("2001:db8::1", 25, 0, 0), "[2001:db8::1]:25"),
        (None, "unknown"),
        ("", "unknown"),
    ],
)
def test_a_peer_is_written_with_brackets_around_ipv6(name, text):
    assert peer_text(name) == text
    assert host_of(text) == (name[0] if name else "")


async def test_a_large_transfer_arrives_whole_while_little_is_held():
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        piece = bytes(range(256)) * 256
        congested = 0
        for _ in range(64):
            line.write(piece)
            congested += line.is_congested
            await line.wait_drained()
        line.close()
        await server.wait_octets(piece * 64)
        assert congested


async def test_a_writer_waits_while_the_peer_reads_nothing_and_goes_on_when_it_does():
    async with open_door() as door, raw_client(door.listener.port, receive_octets=16_384) as client:
        line = (await door.wait_witness()).line
        while not line.is_congested:
            line.write(b"x" * 65_536)
            await asyncio.sleep(0)
        waiting = asyncio.ensure_future(line.wait_drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SECONDS):
            while not waiting.done():
                await loop.sock_recv(client, 65_536)
        await waiting
        assert not line.is_congested


async def test_a_peer_that_takes_nothing_is_cut_off():
    async with (
        open_door(Limits(write_stall_seconds=0.1)) as door,
        raw_client(door.listener.port, receive_octets=16_384),
    ):
        server = await door.wait_witness()
        while not server.line.is_congested:
            server.line.write(b"x" * 65_536)
            await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(SECONDS):
                await server.line.wait_drained()
        await server.wait_event("closed")
        assert door.gate.total == 0


async def test_a_peer_that_reads_slowly_is_not_cut_off_though_more_and_more_is_pending():
    seconds = 0.1
    async with (
        open_door(Limits(write_stall_seconds=seconds)) as door,
        raw_client(door.listener.port, receive_octets=16_384) as client,
    ):
        server = await door.wait_witness()
        loop = asyncio.get_running_loop()
        server.line.write(b"x" * 16_000_000)  # more than the kernel takes, whatever the peer does
        assert server.line.is_congested
        end = loop.time() + 5 * seconds
        while loop.time() < end:
            taken = len(await loop.sock_recv(client, 4_096))
            assert taken, "the connection was cut"
            server.line.write(b"x" * (2 * taken))
        assert server.line.is_congested
        assert "closed" not in server.events
        server.line.abort()


async def test_close_does_not_wait_for_ever_for_a_peer_that_takes_nothing():
    """Also when what is pending is less than makes a writer wait."""
    async with (
        open_door(Limits(write_stall_seconds=0.1)) as door,
        raw_client(door.listener.port, receive_octets=16_384),
    ):
        first = await door.wait_witness()
        taken = 0
        while not first.line.is_congested:
            first.line.write(b"x" * 16_384)
            taken += 16_384
            await asyncio.sleep(0)
        async with raw_client(door.listener.port, receive_octets=16_384):
            server = await door.wait_witness(1)
            server.line.write(b"x" * (taken - WRITE_HIGH_OCTETS // 2))
            assert not server.line.is_congested
            server.line.close()
            await server.wait_event("closed")
            assert door.gate.total <= 1


async def test_close_sends_all_that_was_written_first():
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        server.line.write(b"x" * (WRITE_HIGH_OCTETS - 1))
        server.line.write(b"221 Bye\r\n")
        server.line.close()
        assert await read_all(client) == b"x" * (WRITE_HIGH_OCTETS - 1) + b"221 Bye\r\n"


async def test_nothing_is_received_while_reading_is_paused():
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        server.line.pause_reading()
        sent = 0
        while not line.is_congested:  # so all buffers between us are full
            line.write(b"y" * 65_536)
            sent += 65_536
            await asyncio.sleep(0)
        assert server.octets == b""
        server.line.resume_reading()
        await server.wait(lambda: len(server.octets) == sent)


async def test_idle_is_told_once_and_only_after_silence():
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        loop = asyncio.get_running_loop()
        moments: list[float] = []
        server.react = lambda _: moments.append(loop.time())
        client.react_idle = lambda: line.write(b"NOOP\r\n")
        line.set_timeout(0.1)
        server.line.set_timeout(0.2)
        await server.wait_event("idle")
        assert server.octets == b"NOOP\r\n"
        assert loop.time() - moments[0] >= 0.19
        client.events.clear()
        line.set_timeout(0.05)
        await client.wait_event("idle")
        assert server.events.count("idle") == 1


async def test_no_timeout_means_no_idle():
    async with open_door() as door, dial(door) as client, dial(door) as other:
        client.line.set_timeout(0.02)
        client.line.set_timeout(None)
        other.line.set_timeout(0.1)
        await other.wait_event("idle")
        assert "idle" not in client.events


async def test_an_idle_connection_has_no_task():
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        line.set_timeout(60)
        server.line.set_timeout(60)
        line.write(b"x")
        await server.wait_octets(b"x")
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_half_closed_connection_is_closed_after_all_that_it_said():
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        server.react = lambda witness: witness.line.write(b"250 OK\r\n")
        client.sendall(b"NOOP\r\n")
        client.shutdown(socket.SHUT_WR)
        assert await read_all(client) == b"250 OK\r\n"
        await server.wait_event("closed")
        assert server.octets == b"NOOP\r\n"


async def test_a_reset_is_told_once_and_nothing_may_be_waited_for_then():
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        reset(client)
        await server.wait_event("closed")
        server.line.write(b"to nobody")
        server.line.close()
        server.line.abort()
        server.line.pause_reading()
        server.line.resume_reading()
        server.line.set_timeout(0.01)
        with pytest.raises(Unavailable):
            await server.line.wait_drained()
        assert server.events == ["connected", "closed"]
        assert door.gate.total == 0


async def test_a_refused_connection_is_unavailable_and_names_the_place():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1 port {port}"):
        await connect("127.0.0.1", port, Witness(), Limits())


async def test_a_name_that_no_host_can_have_is_unavailable():
    with pytest.raises(Unavailable, match="no connection"):
        await connect("a" * 64 + ".test", 25, Witness(), Limits())


async def test_who_does_not_answer_in_time_is_unavailable(trusting_tls):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable, match="in time"):
            await connect("127.0.0.1", port, Witness(), Limits(), tls=trusting_tls, timeout_seconds=0.1)
