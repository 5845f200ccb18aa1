"""Who may come in, what the others are told, and how it ends."""

import asyncio
import contextlib
import socket

import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.model.limits import Limits
from pillarbox.wire.listener import Gate, Listener, listening_socket
from wire.witness import FAREWELL, HOSTNAME, SECONDS, Witness, dial, open_door, raw_client, read_all, reset


def test_an_address_may_come_as_often_as_its_limit_says():
    gate = Gate(Limits(connections_per_address=2))
    assert [gate.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert gate.enter("192.0.2.2")
    gate.leave("192.0.2.1")
    assert gate.enter("192.0.2.1")
    assert gate.total == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_is_not_counted_by_address_unless_it_is_set(host):
    gate = Gate(Limits(connections_per_address=1))
    assert [gate.enter(host) for _ in range(5)] == [True] * 5
    limited = Gate(Limits(connections_per_address=9, connections_per_loopback=2))
    assert [limited.enter(host) for _ in range(3)] == [True, True, False]


def test_an_address_that_only_looks_like_loopback_is_counted():
    gate = Gate(Limits(connections_per_address=1))
    assert [gate.enter("12.7.0.1") for _ in range(2)] == [True, False]
    assert [gate.enter("::127") for _ in range(2)] == [True, False]


def test_the_total_counts_all_addresses_and_nobody_who_was_turned_away():
    gate = Gate(Limits(connections=2))
    assert [gate.enter(host) for host in ("127.0.0.1", "192.0.2.1", "192.0.2.2")] == [True, True, False]
    gate.leave("127.0.0.1")
    assert gate.enter("192.0.2.2")


def test_the_second_piece_of_an_answer_does_not_wait_for_the_first_to_be_acknowledged():
    with listening_socket("127.0.0.1", 0) as listening:
        listening.setblocking(True)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_one_too_many_hears_a_farewell_and_is_closed():
    async with open_door(Limits(connections_per_loopback=1)) as door, dial(door):
        await door.wait_witness()
        async with raw_client(door.listener.port) as second:
            assert await read_all(second) == FAREWELL
        assert len(door.witnesses) == 1
        assert door.gate.total == 1


async def test_one_too_many_hears_the_farewell_under_tls_too(server_tls, trusting_tls):
    tls = {"tls": trusting_tls, "server_hostname": HOSTNAME}
    async with open_door(Limits(connections_per_loopback=1), tls=server_tls) as door, dial(door, **tls):
        await door.wait_witness()
        async with dial(door, **tls) as second:
            await second.wait_event("closed")
            assert second.octets == FAREWELL


async def test_a_place_is_free_again_when_the_connection_has_gone():
    async with open_door(Limits(connections_per_loopback=1)) as door:
        for number in range(3):
            async with raw_client(door.listener.port) as client:
                server = await door.wait_witness(number)
                reset(client)
            await server.wait_event("closed")
        assert door.gate.total == 0


async def test_a_failed_handshake_on_a_tls_port_is_no_connection(server_tls):
    async with open_door(tls=server_tls) as door, raw_client(door.listener.port) as client:
        client.sendall(b"EHLO in.the.clear\r\n")
        with contextlib.suppress(ConnectionResetError):
            await read_all(client)
        assert door.witnesses == []
        assert door.gate.total == 0


async def test_close_lets_conversations_end_and_accepts_no_more():
    async with open_door() as door, dial(door) as client:
        server = await door.wait_witness()
        closing = asyncio.ensure_future(door.listener.close(SECONDS))
        await server.wait_event("shutdown")
        assert not closing.done()
        server.line.write(b"221 Bye\r\n")
        server.line.close()
        await closing
        await client.wait_octets(b"221 Bye\r\n")
        with socket.socket() as late:
            assert late.connect_ex(("127.0.0.1", door.listener.port)) != 0


async def test_close_cuts_what_is_left_after_the_grace():
    async with open_door() as door, dial(door) as client:
        server = await door.wait_witness()
        await door.listener.close(0.05)
        await server.wait_event("closed")
        await client.wait_event("closed")
        assert server.events == ["connected", "shutdown", "closed"]
        assert door.gate.total == 0


async def test_close_does_not_wait_when_nobody_is_there():
    async with open_door() as door, asyncio.timeout(SECONDS):
        await door.listener.close(10 * SECONDS)


async def test_an_address_in_use_is_named():
    async with open_door() as door:
        second = Listener(Witness, limits=Limits(), gate=Gate(Limits()), farewell=FAREWELL)
        with pytest.raises(Unavailable) as caught:
            await second.open("127.0.0.1", door.listener.port)
        assert caught.value.text == f"cannot listen on 127.0.0.1 port {door.listener.port}: Address already in use"


async def test_an_address_of_another_machine_is_named():
    listener = Listener(Witness, limits=Limits(), gate=Gate(Limits()), farewell=FAREWELL)
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1 port 0"):
        await listener.open("192.0.2.1", 0)


async def test_two_listeners_share_one_gate():
    limits = Limits(connections=1)
    async with open_door(limits) as door, dial(door):
        await door.wait_witness()
        second = Listener(Witness, limits=limits, gate=door.gate, farewell=FAREWELL)
        await second.open("127.0.0.1", 0)
        async with raw_client(second.port) as client:
            assert await read_all(client) == FAREWELL
        await second.close(0)
