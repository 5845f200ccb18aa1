"""One contract, two lines: over a socket and in memory. What holds for one must hold for the other."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.wire.memory import connect_in_memory
from pillarbox.wire.tls import opportunistic_context
from wire.witness import Witness, dial, open_door


@asynccontextmanager
async def over_a_socket():
    async with open_door() as door, dial(door) as client:
        yield client, await door.wait_witness()


@asynccontextmanager
async def in_memory():
    client, server = Witness(), Witness()
    connect_in_memory(client, server)
    yield client, server
    client.line.abort()
    for witness in (client, server):
        await witness.wait_event("closed")


@pytest.fixture(params=[over_a_socket, in_memory])
async def pair(request: pytest.FixtureRequest):
    async with request.param() as pair:
        yield pair


async def test_each_end_is_connected_once_and_knows_the_other(pair):
    client, server = pair
    assert client.events == server.events == ["connected"]
    assert client.line.peer == server.line.local
    assert server.line.peer == client.line.local


async def test_octets_arrive_in_order_both_ways(pair):
    client, server = pair
    for number in range(100):
        client.line.write(b"%d\r\n" % number)
        server.line.write(b"+%d\r\n" % number)
    await server.wait_octets(b"".join(b"%d\r\n" % number for number in range(100)))
    await client.wait_octets(b"".join(b"+%d\r\n" % number for number in range(100)))


async def test_nothing_is_received_within_write(pair):
    client, server = pair
    client.line.write(b"x")
    assert server.octets == b""
    await server.wait_octets(b"x")


async def test_order_is_kept_when_reading_goes_on_after_a_pause(pair):
    client, server = pair
    server.line.pause_reading()
    client.line.write(b"first ")
    await asyncio.sleep(0)
    client.line.write(b"second ")
    server.line.resume_reading()
    client.line.write(b"third")
    await server.wait_octets(b"first second third")


async def test_a_sink_may_pause_within_received(pair):
    client, server = pair
    server.react = lambda witness: witness.line.pause_reading()
    client.line.write(b"one")
    await server.wait_octets(b"one")
    client.line.write(b"two")
    server.react = None
    server.line.resume_reading()
    await server.wait_octets(b"onetwo")


async def test_close_comes_after_all_that_was_written(pair):
    client, server = pair
    client.line.write(b"QUIT\r\n")
    client.line.close()
    await server.wait_event("closed")
    assert server.octets == b"QUIT\r\n"
    await client.wait_event("closed")


async def test_what_a_paused_end_was_sent_before_the_close_reaches_it(pair):
    client, server = pair
    server.line.pause_reading()
    client.line.write(b"QUIT\r\n")
    client.line.close()
    await client.wait_event("closed")
    server.line.resume_reading()
    await server.wait_event("closed")
    assert server.octets == b"QUIT\r\n"


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_closed_is_told_once_and_never_within_the_call(pair, how):
    client, server = pair
    getattr(client.line, how)()
    assert "closed" not in client.events + server.events
    await client.wait_event("closed")
    await server.wait_event("closed")
    for witness in pair:
        witness.line.close()
        witness.line.abort()
    await asyncio.sleep(0)
    assert client.events.count("closed") == server.events.count("closed") == 1


async def test_nothing_is_received_after_close(pair):
    client, server = pair
    server.line.write(b"too late")
    client.line.close()
    await client.wait_event("closed")
    assert client.octets == b""


async def test_a_line_that_is_gone_takes_writes_in_silence_and_lets_nobody_wait(pair, server_tls):
    client, server = pair
    client.line.abort()
    await client.wait_event("closed")
    await server.wait_event("closed")
    for witness in pair:
        witness.line.write(b"x")
        witness.line.pause_reading()
        witness.line.resume_reading()
        with pytest.raises(Unavailable):
            await witness.line.wait_drained()
        with pytest.raises(Unavailable):
            await witness.line.start_tls(server_tls, server_side=True)
    assert client.octets == server.octets == b""


async def test_tls_is_told_once_it_is_there(pair, server_tls):
    client, server = pair
    assert client.line.tls == server.line.tls == ""
    async with asyncio.TaskGroup() as both:
        both.create_task(server.line.start_tls(server_tls, server_side=True))
        both.create_task(client.line.start_tls(opportunistic_context(), server_side=False, server_hostname="x.test"))
    assert client.line.tls.startswith("TLSv1.3 ")
    assert server.line.tls.startswith("TLSv1.3 ")
    client.line.write(b"after")
    await server.wait_octets(b"after")
