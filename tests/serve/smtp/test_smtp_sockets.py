"""Real sockets: Python's smtplib, STARTTLS with a handshake, bounds on connections and on what waits to be read."""

import asyncio
import smtplib
import socket
import ssl

import pytest
import trustme
from smtp_dialogue import messages_of, open_port, open_stage, queued

from memory_stage import PASSWORD, SECONDS, fresh_folder
from pillarbox.serve.smtp.profile import MX, SUBMISSION, SUBMISSIONS
from pillarbox.serve.smtp.session import FLUSH_OCTETS
from pillarbox.wire.connection import WRITE_HIGH_OCTETS

ALICE, BOB = "alice@uiowa.test", "bob@uiowa.test"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def mail(tmp_path_factory):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        yield stage.mail


async def test_smtplib_delivers_several_messages_on_one_connection(mail, server_tls):
    large = "Subject: large\r\n\r\n" + ".A line that begins with a dot\r\n" * 30_000

    def converse(port):
        with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
            assert (
                client.sendmail("carol@illinois.test", [ALICE, "nobody@uiowa.test"], large)["nobody@uiowa.test"][0]
                == 550
            )
            assert client.sendmail("carol@illinois.test", [ALICE, BOB], "Subject: two\r\n\r\nText\r\n") == {}
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("carol@illinois.test", ["dave@elsewhere.test"], "Subject: three\r\n\r\n")
            assert client.noop()[0] == 250

    async with open_port(mail, MX, server_tls) as listener:
        await asyncio.to_thread(converse, listener.port)
    first, second = await messages_of(mail, "alice")
    assert first.endswith(large.encode())
    assert b"for <alice@uiowa.test>" in first
    assert second.endswith(b"Subject: two\r\n\r\nText\r\n")
    assert ALICE.encode() not in (await messages_of(mail, "bob"))[0]


async def test_submission_goes_by_starttls_and_by_tls_from_the_start(mail, server_tls, client_tls):
    def by_starttls(port):
        with smtplib.SMTP("localhost", port, timeout=SECONDS) as client:
            client.starttls(context=client_tls)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login(ALICE, "wrong")
            client.login(ALICE, PASSWORD)
            client.sendmail(ALICE, [BOB, "dave@elsewhere.test"], "Subject: hello\r\n\r\n")

    def by_tls(port):
        with smtplib.SMTP_SSL("localhost", port, timeout=SECONDS, context=client_tls) as client:
            client.login(ALICE, PASSWORD)
            client.sendmail(ALICE, [BOB], "Subject: again\r\n\r\n")

    async with open_port(mail, SUBMISSION, server_tls) as listener:
        await asyncio.to_thread(by_starttls, listener.port)
    async with open_port(mail, SUBMISSIONS, server_tls) as listener:
        await asyncio.to_thread(by_tls, listener.port)
    first, second = await messages_of(mail, "bob")
    assert b" with ESMTPSA id " in first
    assert b" (using TLSv1.3 TLS_" in second
    assert await queued(mail) == ["dave@elsewhere.test"]


def read_until(line, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        octets = line.recv(4_096)
        assert octets, got
        got += octets
    return got


async def test_what_was_sent_behind_starttls_in_the_clear_is_never_read(mail, server_tls, client_tls):
    def converse(port):
        with socket.create_connection(("localhost", port), timeout=SECONDS) as clear:
            read_until(clear, b"\r\n")
            clear.sendall(b"EHLO a.test\r\n")
            read_until(clear, b"250 STARTTLS\r\n")
            clear.sendall(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@bar.test>\r\nRCPT TO:<bob@uiowa.test>\r\n")
            assert read_until(clear, b"\r\n") == b"220 2.0.0 Ready to start TLS\r\n"
            with client_tls.wrap_socket(clear, server_hostname="localhost") as line:
                line.sendall(b"DATA\r\nNOOP\r\n")
                return read_until(line, b"250 2.0.0 Ok\r\n")

    async with open_port(mail, MX, server_tls) as listener:
        assert await asyncio.to_thread(converse, listener.port) == b"503 5.5.1 RCPT first\r\n250 2.0.0 Ok\r\n"


async def test_a_handshake_that_fails_ends_the_connection(mail, server_tls):
    def converse(port):
        with socket.create_connection(("localhost", port), timeout=SECONDS) as clear:
            read_until(clear, b"\r\n")
            clear.sendall(b"EHLO a.test\r\nSTARTTLS\r\n")
            read_until(clear, b"220 2.0.0 Ready to start TLS\r\n")
            clear.sendall(b"MAIL FROM:<evil@bar.test>\r\n")
            got = b""
            try:
                while octets := clear.recv(4_096):
                    got += octets
            except ConnectionResetError:
                pass
            return got

    async with open_port(mail, MX, server_tls) as listener:
        assert b"250" not in await asyncio.to_thread(converse, listener.port)
        with socket.create_connection(("localhost", listener.port), timeout=SECONDS) as next_one:
            assert (await asyncio.to_thread(read_until, next_one, b"\r\n")).startswith(b"220 ")


@pytest.mark.parametrize("limits", [{"connections": 1}, {"connections_per_loopback": 1}])
async def test_one_connection_too_many_is_told_421_and_closed(tmp_path_factory, limits):
    def converse(port):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as first:
            assert read_until(first, b"\r\n").startswith(b"220 ")
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as second:
                assert read_until(second, b"\r\n") == b"421 4.7.0 Too many connections, try again later\r\n"
                assert second.recv(100) == b""
            first.sendall(b"QUIT\r\n")
            assert read_until(first, b"\r\n").startswith(b"221 ")
            assert first.recv(100) == b""

    async with open_stage(await fresh_folder(tmp_path_factory), **limits) as stage:
        async with open_port(stage.mail, MX) as listener:
            await asyncio.to_thread(converse, listener.port)
            async with asyncio.timeout(SECONDS):
                while listener.gate.total:
                    await asyncio.sleep(0)
            await asyncio.to_thread(converse, listener.port)


async def test_who_says_nothing_is_told_421_when_the_time_is_over(tmp_path_factory):
    def converse(port):
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as line:
            return read_until(line, b"closing\r\n") + line.recv(100)

    async with open_stage(await fresh_folder(tmp_path_factory), smtp_command_timeout_seconds=0.05) as stage:
        async with open_port(stage.mail, MX) as listener:
            got = await asyncio.to_thread(converse, listener.port)
    assert got.split(b"\r\n")[1:] == [b"421 4.4.2 Nothing was said for too long, closing", b""]


async def test_the_time_begins_anew_after_a_command_that_took_longer(tmp_path_factory):
    limit = {"smtp_command_timeout_seconds": 0.05}
    wrong = b"AUTH PLAIN AGFsaWNlQHVpb3dhLnRlc3QAd3Jvbmc=\r\n"
    async with open_stage(await fresh_folder(tmp_path_factory), **limit) as stage:
        async with open_port(stage.mail, SUBMISSION) as listener:
            with socket.create_connection(("127.0.0.1", listener.port), timeout=SECONDS) as line:
                line.sendall(b"HELO a.test\r\n" + wrong * 9)
                got = await asyncio.to_thread(read_until, line, b"closing\r\n")
    assert got.count(b"\r\n535 ") == 9
    assert got.endswith(b"\r\n421 4.4.2 Nothing was said for too long, closing\r\n")


async def settled(read) -> int:
    """A figure, once it has stopped to grow: nothing more happens without the peer."""
    before = -1
    async with asyncio.timeout(SECONDS):
        while True:
            for _ in range(200):
                await asyncio.sleep(0)
            now = read()
            if now == before:
                return now
            before = now


async def test_a_client_that_does_not_read_its_replies_holds_bounded_memory(mail):
    with socket.socket() as line:
        async with open_port(mail, MX) as listener:
            loop = asyncio.get_running_loop()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.setblocking(False)
            await loop.sock_connect(line, ("127.0.0.1", listener.port))
            assert await loop.sock_recv(line, 4_096)
            (connection,) = listener.connections
            session = connection.sink
            count = 90_000
            sending = asyncio.ensure_future(loop.sock_sendall(line, b"HELP STATUS\r\n" * count + b"QUIT\r\n"))
            held = await settled(lambda: connection._pending() + session._out_octets)
            assert connection.is_congested
            assert session._count < count
            assert held < WRITE_HIGH_OCTETS + 3 * FLUSH_OCTETS
            tail = b""
            async with asyncio.timeout(60):
                while octets := await loop.sock_recv(line, 1 << 20):
                    tail = (tail + octets)[-100:]
            await sending
            assert tail.endswith(b"says goodbye\r\n")
