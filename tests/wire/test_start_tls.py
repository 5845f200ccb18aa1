"""STARTTLS on a real socket: the handshake, and that a failed one leaves nothing behind (RFC 3207 §4)."""

import asyncio
import ssl

import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.model.limits import Limits
from pillarbox.wire.connection import connect
from pillarbox.wire.tls import opportunistic_context, verifying_context
from wire.witness import HOSTNAME, SECONDS, Witness, dial, open_door, raw_client, reset


async def test_both_ends_go_on_encrypted(server_tls, trusting_tls):
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        line.write(b"STARTTLS\r\n")
        await server.wait_octets(b"STARTTLS\r\n")
        async with asyncio.TaskGroup() as both:
            both.create_task(server.line.start_tls(server_tls, server_side=True))
            both.create_task(line.start_tls(trusting_tls, server_side=False, server_hostname=HOSTNAME))
        assert line.tls.startswith("TLSv1.3 TLS_")
        assert server.line.tls == line.tls
        line.write(b"EHLO\r\n")
        await server.wait_octets(b"STARTTLS\r\nEHLO\r\n")
        server.line.write(b"250 OK\r\n")
        await client.wait_octets(b"250 OK\r\n")


async def test_octets_behind_starttls_come_before_the_handshake_and_never_after_it(server_tls, trusting_tls):
    """So a sink can throw them away: they cannot be taken for something that was said under TLS."""
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        client.sendall(b"STARTTLS\r\nMAIL FROM:<evil@example.test>\r\n")
        await server.wait(lambda: server.octets.endswith(b"test>\r\n"))
        server.octets = b""
        handshake = asyncio.ensure_future(server.line.start_tls(server_tls, server_side=True))
        _, writer = await asyncio.open_connection(sock=client.dup())
        await writer.start_tls(trusting_tls, server_hostname=HOSTNAME)
        await handshake
        writer.write(b"EHLO\r\n")
        await server.wait_octets(b"EHLO\r\n")
        writer.close()
        await writer.wait_closed()


async def test_octets_in_the_clear_in_place_of_a_handshake_end_it(server_tls):
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        client.sendall(b"MAIL FROM:<evil@example.test>\r\n" * 10)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(SECONDS):
                server.line.pause_reading()
                await server.line.start_tls(server_tls, server_side=True)
        assert server.octets == b""
        await server.wait_event("closed")
        assert server.events.count("closed") == 1
        assert door.gate.total == 0


async def test_a_peer_that_is_silent_in_the_handshake_is_given_up(server_tls):
    async with open_door(Limits(tls_handshake_seconds=0.1)) as door, raw_client(door.listener.port):
        server = await door.wait_witness()
        with pytest.raises(Unavailable):
            async with asyncio.timeout(SECONDS):
                await server.line.start_tls(server_tls, server_side=True)
        await server.wait_event("closed")
        assert server.events == ["connected", "closed"]
        assert door.gate.total == 0
        with pytest.raises(Unavailable):
            await server.line.wait_drained()


async def test_a_reset_in_the_handshake_ends_the_connection(server_tls):
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        handshake = asyncio.ensure_future(server.line.start_tls(server_tls, server_side=True))
        await asyncio.sleep(0)
        reset(client)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(SECONDS):
                await handshake
        await server.wait_event("closed")
        assert door.gate.total == 0


@pytest.mark.parametrize("how", ["cancel", "abort", "close"])
async def test_a_handshake_that_is_given_up_here_ends_the_connection(server_tls, how):
    async with open_door() as door, raw_client(door.listener.port):
        server = await door.wait_witness()
        handshake = asyncio.ensure_future(server.line.start_tls(server_tls, server_side=True))
        await asyncio.sleep(0)
        handshake.cancel() if how == "cancel" else getattr(server.line, how)()
        with pytest.raises(asyncio.CancelledError if how == "cancel" else Unavailable):
            async with asyncio.timeout(SECONDS):
                await handshake
        await server.wait_event("closed")
        assert server.events == ["connected", "closed"]
        assert door.gate.total == 0


async def test_no_handshake_is_begun_on_a_connection_that_is_gone(server_tls):
    async with open_door() as door, raw_client(door.listener.port) as client:
        server = await door.wait_witness()
        reset(client)
        await server.wait_event("closed")
        with pytest.raises(Unavailable):
            await server.line.start_tls(server_tls, server_side=True)


async def test_a_name_that_no_certificate_can_have_is_unavailable(trusting_tls):
    """The name of a mail exchanger comes from the DNS, which may hold anything."""
    async with open_door() as door, dial(door) as client:
        line = client.line
        with pytest.raises(Unavailable):
            await line.start_tls(trusting_tls, server_side=False, server_hostname="\\000" * 63 + ".test")
        await client.wait_event("closed")


async def test_a_certificate_that_is_not_trusted_ends_the_connection_at_both_ends(server_tls):
    async with open_door() as door, dial(door) as client:
        line = client.line
        server = await door.wait_witness()
        accepting = asyncio.ensure_future(server.line.start_tls(server_tls, server_side=True))
        with pytest.raises(Unavailable, match="certificate"):
            await line.start_tls(verifying_context(), server_side=False, server_hostname=HOSTNAME)
        with pytest.raises(Unavailable):
            await accepting
        await server.wait_event("closed")
        await client.wait_event("closed")
        assert door.gate.total == 0


async def test_an_opportunistic_client_takes_any_certificate(server_tls):
    """RFC 7435 §1: encryption without knowing the other is better than none."""
    async with (
        open_door(tls=server_tls) as door,
        dial(door, tls=opportunistic_context(), server_hostname="other.test") as client,
    ):
        line = client.line
        assert line.tls.startswith("TLSv1.3")


async def test_an_older_tls_than_1_2_is_refused(server_tls, certificate_files):
    old, lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    lax.load_cert_chain(*certificate_files)
    for context in (old, lax):
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with open_door(tls=lax) as door, dial(door, tls=old) as client:
        line = client.line
        assert line.tls.startswith("TLSv1.1 ")
    async with open_door(tls=server_tls) as door:
        with pytest.raises(Unavailable):
            await connect("127.0.0.1", door.listener.port, Witness(), Limits(), tls=old)
        assert door.witnesses == []


async def test_tls_1_2_is_still_taken(server_tls, trusting_tls, authority):
    older = ssl.create_default_context()
    authority.configure_trust(older)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    async with open_door(tls=server_tls) as door, dial(door, tls=older, server_hostname=HOSTNAME) as client:
        line = client.line
        assert line.tls.startswith("TLSv1.2 ")


async def test_a_peer_that_reads_nothing_is_noticed_under_tls_too(server_tls, trusting_tls):
    async with (
        open_door(Limits(write_stall_seconds=0.1), tls=server_tls) as door,
        dial(door, tls=trusting_tls, server_hostname=HOSTNAME) as client,
    ):
        server = await door.wait_witness()
        client.line.pause_reading()
        async with asyncio.timeout(SECONDS):
            while "closed" not in server.events:
                if not server.line.is_congested:
                    server.line.write(b"x" * 65_536)
                await asyncio.sleep(0)
