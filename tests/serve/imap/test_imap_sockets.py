"""Real sockets: Python's imaplib, IMAPClient, STARTTLS with a handshake, and a client that does not read."""

import asyncio
import imaplib
import socket
import ssl

import pytest
import trustme
from imap_dialogue import add_message, open_port, open_stage
from imapclient import IMAPClient

from memory_stage import PASSWORD, SECONDS, fresh_folder
from pillarbox.serve.imap.session import FLUSH_OCTETS
from pillarbox.wire.connection import WRITE_HIGH_OCTETS

ALICE = "alice@uiowa.test"


@pytest.fixture
async def mail(tmp_path_factory):
    async with open_stage(await fresh_folder(tmp_path_factory)) as stage:
        yield stage.mail


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def port(mail, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with open_port(mail, context) as listener:
        yield listener.port


def client_context(authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_imaplib_goes_through_its_commands(port):
    message = b"From: a@example.com\r\nSubject: one\r\n\r\n" + b"A line of text.\r\n" * 300_000

    def converse():
        with imaplib.IMAP4("127.0.0.1", port, timeout=SECONDS) as client:
            assert client.login(ALICE, PASSWORD)[0] == "OK"
            assert client.append("INBOX", "(\\Seen)", imaplib.Time2Internaldate(0), message)[0] == "OK"
            assert client.select("INBOX") == ("OK", [b"1"])
            kind, answer = client.fetch("1", "(RFC822 INTERNALDATE)")
            assert (kind, answer[0][1]) == ("OK", message)
            assert client.store("1", "+FLAGS", "(\\Flagged)")[0] == "OK"
            assert client.search(None, "FLAGGED", "SUBJECT", "one") == ("OK", [b"1"])
            assert client.uid("SEARCH", "ALL") == ("OK", [b"1"])
            assert client.copy("1", "Archive")[0] == "OK"
            assert client.status("Archive", "(MESSAGES UIDNEXT)")[1] == [b"Archive (MESSAGES 1 UIDNEXT 2)"]
            assert client.create("More")[0] == "OK"
            assert client.rename("More", "Less")[0] == "OK"
            assert client.subscribe("Less")[0] == "OK"
            assert any(b"Less" in line for line in client.lsub()[1])
            assert client.delete("Less")[0] == "OK"
            assert client.namespace()[1] == [b'(("" "/")) NIL NIL']
            assert client.store("1", "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
            assert client.expunge() == ("OK", [b"1"])
            assert client.noop()[0] == "OK"
            assert client.unselect()[0] == "OK"
            with pytest.raises(imaplib.IMAP4.error):
                client.login(ALICE, PASSWORD)

    await asyncio.to_thread(converse)


async def test_imapclient_reads_envelopes_structures_and_idles(port, mail):
    await add_message(mail, subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    await add_message(mail, subject="two")

    def begin():
        client = IMAPClient("127.0.0.1", port, ssl=False, timeout=SECONDS)
        client.login(ALICE, PASSWORD)
        assert client.select_folder("INBOX")[b"EXISTS"] == 2
        fetched = client.fetch(
            [1, 2], ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY[TEXT]"]
        )
        assert fetched[1][b"ENVELOPE"].subject == b"=?utf-8?q?Gr=C3=BC=C3=9Fe?="
        assert fetched[2][b"BODYSTRUCTURE"][0] == b"text"
        assert fetched[2][b"BODY[TEXT]"] == b"Text.\r\n"
        assert client.search(["SUBJECT", "Grüße"], charset="UTF-8") == [1]
        assert client.get_flags([1])[1] == (b"\\Recent", b"\\Seen")
        client.idle()
        return client

    def end(client):
        told = []
        while (3, b"EXISTS") not in told:
            told += client.idle_check(timeout=SECONDS)
        client.idle_done()
        client.move([1], "Trash")
        assert client.folder_status("Trash", ["MESSAGES"]) == {b"MESSAGES": 1}
        client.logout()

    client = await asyncio.to_thread(begin)
    await add_message(mail, subject="three")
    await asyncio.to_thread(end, client)


async def test_starttls_with_a_handshake(port, authority):
    def converse():
        with imaplib.IMAP4("localhost", port, timeout=SECONDS) as client:
            assert client.starttls(client_context(authority))[0] == "OK"
            assert "STARTTLS" not in client.capabilities
            assert client.login(ALICE, PASSWORD)[0] == "OK"

    await asyncio.to_thread(converse)


async def test_what_came_in_the_clear_behind_starttls_is_thrown_away(port, authority):
    """Whoever sits between could have put it there (RFC 3501 §6.2.1, RFC 3207 §6)."""

    def converse() -> bytes:
        with socket.create_connection(("localhost", port), timeout=SECONDS) as plain:
            plain.recv(4_096)
            plain.sendall(b"a STARTTLS\r\nb NOOP\r\nc LOGIN alice@uiowa.test secret\r\n")
            got = b""
            while not got.endswith(b"now\r\n"):
                got += plain.recv(1)
            with client_context(authority).wrap_socket(plain, server_hostname="localhost") as line:
                line.sendall(b"d NOOP\r\n")
                while b"d OK" not in got:
                    got += line.recv(4_096)
                return got

    got = await asyncio.to_thread(converse)
    assert b"b OK" not in got
    assert b"c OK" not in got


async def ask(line: socket.socket, text: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(line, b"x " + text + b"\r\n")
    got = b""
    async with asyncio.timeout(SECONDS):
        while b"\r\nx " not in b"\r\n" + got or not got.endswith(b"\r\n"):
            piece = await loop.sock_recv(line, 1 << 20)
            assert piece, f"the connection has ended after {got[-200:]!r}"
            got += piece
    return got


async def open_line(port: int, mailbox: bytes = b"INBOX", *, buffer_octets: int = 0) -> socket.socket:
    line = socket.socket()
    if buffer_octets:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_octets)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
    await asyncio.get_running_loop().sock_recv(line, 4_096)
    assert b"x OK" in await ask(line, b"LOGIN alice@uiowa.test secret")
    assert b"x OK" in await ask(line, b"SELECT " + mailbox)
    return line


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


@pytest.mark.parametrize(
    "command",
    [b"FETCH 1:* BODY.PEEK[]", b"FETCH 1:* (BODY.PEEK[]<0.60000> BODY.PEEK[]<1.60000> BODY.PEEK[]<2.60000>)"],
)
async def test_a_client_that_does_not_read_holds_bounded_memory_and_nobody_else(mail, command):
    for _ in range(20):
        await add_message(mail, octets=b"Subject: large\r\n\r\n" + b"0123456789" * 100_000)
    async with open_port(mail) as listener:
        slow = await open_line(listener.port, buffer_octets=8_192)
        await asyncio.get_running_loop().sock_sendall(slow, b"y " + command + b"\r\n")
        (connection,) = listener.connections
        session = connection.sink
        other = await open_line(listener.port)
        assert b"x OK" in await ask(other, b"NOOP")
        held = await settled(lambda: connection._pending() + session._out_octets)
        assert held < WRITE_HIGH_OCTETS + 2 * FLUSH_OCTETS + 262_144 + 65_536
        assert session.is_working
        slow.close()
        other.close()
        async with asyncio.timeout(SECONDS):
            while listener.connections or session.is_working:
                await asyncio.sleep(0)


async def test_many_commands_of_a_client_that_does_not_read_hold_bounded_memory(mail):
    account = await mail.accounts.find(type((await mail.accounts.list())[0].address)("alice", "uiowa.test"))
    for number in range(100):
        await mail.mailboxes.create(account.id, (f"A mailbox with a long name {number:0200d}",))
    async with open_port(mail) as listener:
        slow = await open_line(listener.port, buffer_octets=8_192)
        loop = asyncio.get_running_loop()
        sending = asyncio.ensure_future(loop.sock_sendall(slow, b'y LIST "" *\r\n' * 20_000))
        (connection,) = listener.connections
        held = await settled(lambda: connection._pending() + connection.sink._out_octets)
        assert held < WRITE_HIGH_OCTETS + 3 * FLUSH_OCTETS
        sending.cancel()
        slow.close()


async def test_who_idles_and_does_not_read_is_told_all_when_he_reads_again(mail):
    for _ in range(2_000):
        await add_message(mail)
    async with open_port(mail) as listener:
        slow = await open_line(listener.port, buffer_octets=4_096)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(slow, b"y IDLE\r\n")
        assert b"+ idling" in await loop.sock_recv(slow, 4_096)
        (connection,) = listener.connections
        other = await open_line(listener.port)
        sizes = []
        for number in range(200):
            await ask(other, b"STORE 1:* FLAGS.SILENT (keyword-%05d-%0200d)" % (number, number % 3))
            sizes.append(connection._pending())
            if connection.is_congested and number > 30:
                break
        assert connection.is_congested
        assert max(sizes) < 4 * WRITE_HIGH_OCTETS
        got = b""
        async with asyncio.timeout(SECONDS):
            while b"* 2000 FETCH (UID 2000 FLAGS (\\Recent keyword-%05d" % number not in got:
                got = got[-300_000:] + await loop.sock_recv(slow, 1 << 20)
        await loop.sock_sendall(slow, b"DONE\r\n")
        async with asyncio.timeout(SECONDS):
            while b"y OK IDLE is over" not in got:
                got = got[-1_000:] + await loop.sock_recv(slow, 1 << 20)
        slow.close()
        other.close()
