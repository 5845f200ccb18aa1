"""Our relay delivers to Debian's Postfix, and Postfix delivers to us."""

import imaplib
import smtplib
import subprocess

import pytest

from peers import Postfix
from servers import PASSWORD, Pillarbox, wait_until

pytestmark = [pytest.mark.interop]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postfix")
    ours = Pillarbox(folder / "ours", hostname="mail.uiowa.test", domains=["uiowa.test"], relay__retry_seconds=1)
    certificate, key = folder / "peer.crt", folder / "peer.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail.illinois.test",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
    )  # fmt: skip
    with Postfix(
        folder / "peer",
        domain="illinois.test",
        transports={"uiowa.test": ours.port("mx")},
        certificate=certificate,
        key=key,
    ) as postfix:
        path = ours.folder / "pillarbox.toml"
        text = path.read_text()
        route = f'"illinois.test" = "127.0.0.1:{postfix.port}"\n'
        path.write_text(text.replace("[routes]\n", f"[routes]\n{route}"))
        ours.add_account("alice@uiowa.test")
        ours.start()
        try:
            yield ours, postfix
        finally:
            ours.stop()


def test_our_relay_delivers_to_postfix_over_tls(pair):
    ours, postfix = pair
    before = len(postfix.maildir())
    with smtplib.SMTP(ours.listen, ours.port("submission")) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.sendmail(
            "alice@uiowa.test", ["bob@illinois.test"],
            "From: alice@uiowa.test\r\nTo: bob@illinois.test\r\nSubject: to Postfix\r\n\r\n.dot\r\nGrüße\r\n".encode(), ["BODY=8BITMIME"],
        )  # fmt: skip
    wait_until(lambda: len(postfix.maildir()) > before, what="delivery to Postfix")
    content = postfix.maildir()[-1].read_bytes()
    assert b"Subject: to Postfix\n" in content
    assert b"\n.dot\nGr\xc3\xbc\xc3\x9fe\n" in content
    assert b"Return-Path: <alice@uiowa.test>" in content
    assert b" with ESMTPS id " in content
    wait_until(lambda: ours.json("queue", "list") == [], what="an empty queue")


def test_a_user_unknown_to_postfix_comes_back_as_a_bounce_with_its_words(pair):
    ours, _ = pair
    with smtplib.SMTP(ours.listen, ours.port("submission")) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.sendmail(
            "alice@uiowa.test", ["nobody@illinois.test"],
            "From: alice@uiowa.test\r\nTo: nobody@illinois.test\r\nMessage-ID: <lost@uiowa.test>\r\nSubject: lost\r\n\r\nx\r\n",
        )  # fmt: skip
    with imaplib.IMAP4(ours.listen, ours.port("imap")) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.select("INBOX", readonly=True)

        def bounced() -> bool:
            client.noop()
            return bool(client.search(None, "HEADER", "Content-Type", '"multipart/report"')[1][0])

        wait_until(bounced, what="a bounce")
        number = client.search(None, "HEADER", "Content-Type", '"multipart/report"')[1][0].split()[-1]
        content = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
    assert b"Action: failed" in content
    assert b"Status: 5.1.1" in content
    assert b"nobody@illinois.test" in content
    assert b"User unknown" in content
    journey = ours.command("passport", "<lost@uiowa.test>")
    assert "bounced" in journey
    assert "RCPT TO:<nobody@illinois.test>" in journey


def test_postfix_delivers_to_us_and_we_say_who_is_unknown(pair):
    ours, postfix = pair
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.sendmail("bob@illinois.test", ["alice@uiowa.test"], "Subject: from Postfix\r\n\r\nhello\r\n")
    with imaplib.IMAP4(ours.listen, ours.port("imap")) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.select("INBOX", readonly=True)

        def arrived() -> bool:
            client.noop()
            return bool(client.search(None, "SUBJECT", '"from Postfix"')[1][0])

        wait_until(arrived, what="delivery from Postfix")
        number = client.search(None, "SUBJECT", '"from Postfix"')[1][0].split()[-1]
        content = client.fetch(number, "(BODY.PEEK[HEADER])")[1][0][1]
    assert content.startswith(b"Return-Path: <bob@illinois.test>\r\nReceived: from mail.illinois.test")
    assert b"with ESMTPS id" in content
