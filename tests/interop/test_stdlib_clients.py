"""Python's own smtplib and imaplib, and IMAPClient, against `pillarbox serve`."""

import imaplib
import smtplib
import ssl
from email.message import EmailMessage

import pytest
from imapclient import IMAPClient

from servers import PASSWORD, running

pytestmark = [pytest.mark.interop]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("stdlib") / "data") as server:
        yield server


@pytest.fixture
def context(server):
    made = ssl.create_default_context(cafile=server.folder / "tls/server.crt")
    made.check_hostname = False
    return made


def letter(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Alice <alice@uiowa.test>"
    message["To"] = "Bob Łukasiewicz <bob@uiowa.test>"
    message["Subject"] = subject
    message.set_content("Grüße aus Iowa.\n.\n..dots at the start of lines\n")
    message.add_attachment("日本語".encode(), maintype="application", subtype="octet-stream", filename="書類.bin")
    return message


def test_smtplib_sends_and_imaplib_reads(server, context):
    with smtplib.SMTP(server.listen, server.port("submission")) as client:
        client.starttls(context=context)
        client.login("alice@uiowa.test", PASSWORD)
        assert client.send_message(letter("Grüße — from smtplib")) == {}
    with imaplib.IMAP4_SSL(server.listen, server.port("imaps"), ssl_context=context) as client:
        client.login("bob@uiowa.test", PASSWORD)
        assert client.select("INBOX")[0] == "OK"
        _, found = client.search(None, "SUBJECT", '"from smtplib"')
        assert len(found[0].split()) == 1
        _, answer = client.fetch(found[0].split()[0], "(FLAGS ENVELOPE BODYSTRUCTURE BODY[1])")
        assert b"..dots at the start of lines" in answer[0][1] or b"\n..dots" in answer[0][1]


def test_smtplib_with_implicit_tls_and_smtputf8(server, context):
    with smtplib.SMTP_SSL(server.listen, server.port("submissions"), context=context) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.sendmail(
            "alice@uiowa.test",
            ["bob@uiowa.test"],
            "Subject: é\r\n\r\nó\r\n".encode(),
            ["SMTPUTF8", "BODY=8BITMIME"],
        )


def test_imapclient_goes_through_a_day_of_mail(server):
    with smtplib.SMTP(server.listen, server.port("mx")) as client:
        for number in range(3):
            client.sendmail("carol@example.net", ["bob@uiowa.test"], f"Subject: day {number}\r\n\r\nhello\r\n")
    with IMAPClient(server.listen, server.port("imap"), ssl=False) as client:
        client.login("bob@uiowa.test", PASSWORD)
        assert {b"IDLE", b"MOVE", b"UIDPLUS", b"SPECIAL-USE", b"NAMESPACE"} <= set(client.capabilities())
        assert client.find_special_folder(b"\\Trash") == "Trash"
        client.create_folder("Läste/2026")
        client.select_folder("INBOX")
        found = client.search(["SUBJECT", "day"])
        assert len(found) == 3
        client.add_flags(found[:1], [b"\\Flagged", b"$Important"])
        assert set(client.get_flags(found[:1])[found[0]]) >= {b"\\Flagged", b"$Important"}
        client.copy(found[:1], "Läste/2026")
        client.move(found[1:2], "Trash")
        client.delete_messages(found[2:])
        client.expunge()
        assert client.search(["SUBJECT", "day"]) == found[:1]
        client.append("Drafts", b"Subject: draft\r\n\r\nnot yet\r\n", [b"\\Draft"])
        assert client.folder_status("Läste/2026", ["MESSAGES"])[b"MESSAGES"] == 1
        assert client.folder_status("Trash", ["MESSAGES"])[b"MESSAGES"] == 1
        assert client.folder_status("Drafts", ["MESSAGES"])[b"MESSAGES"] == 1


def test_two_sessions_are_told_of_each_other_s_changes(server):
    with IMAPClient(server.listen, server.port("imap"), ssl=False) as one:
        one.login("alice@uiowa.test", PASSWORD)
        one.select_folder("INBOX")
        with IMAPClient(server.listen, server.port("imap"), ssl=False) as two:
            two.login("alice@uiowa.test", PASSWORD)
            two.select_folder("INBOX")
            one.idle()
            two.append("INBOX", b"Subject: new\r\n\r\nnew\r\n")
            assert any(line[1] == b"EXISTS" for line in one.idle_check(timeout=10))
            uid = two.search()[-1]
            two.add_flags([uid], [b"\\Seen"])
            assert any(line[1] == b"FETCH" for line in one.idle_check(timeout=10))
            two.delete_messages([uid])
            two.expunge()
            told = []
            while not any(line[1] == b"EXPUNGE" for line in told):
                told += one.idle_check(timeout=10)
            one.idle_done()
