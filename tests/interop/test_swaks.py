"""swaks, the SMTP test program of postmasters, against `pillarbox serve`."""

import imaplib
import subprocess

import pytest

from servers import PASSWORD, running

pytestmark = [pytest.mark.interop]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("swaks") / "data") as server:
        yield server


def swaks(server, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["swaks", "--server", server.listen, "--helo", "client.example.net", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def messages(server, user: str) -> list[bytes]:
    with imaplib.IMAP4(server.listen, server.port("imap")) as client:
        client.login(user, PASSWORD)
        client.select("INBOX")
        _, found = client.search(None, "ALL")
        return [client.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in found[0].split()]


def test_mail_from_outside_reaches_the_mailbox_over_starttls(server):
    done = swaks(server, "--port", str(server.port("mx")), "--tls", "--from", "carol@example.net", "--to",
                 "bob@uiowa.test", "--header", "Subject: by swaks over TLS")  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "<~  250" in done.stdout
    assert any(b"Subject: by swaks over TLS" in content for content in messages(server, "bob@uiowa.test"))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_submission_signs_in_over_starttls(server, mechanism):
    done = swaks(server, "--port", str(server.port("submission")), "--tls", "--auth", mechanism, "--auth-user",
                 "alice@uiowa.test", "--auth-password", PASSWORD, "--from", "alice@uiowa.test", "--to",
                 "bob@uiowa.test", "--header", f"Subject: signed in by {mechanism}")  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert any(f"signed in by {mechanism}".encode() in content for content in messages(server, "bob@uiowa.test"))


def test_implicit_tls_and_an_attachment(server, tmp_path):
    picture = tmp_path / "picture.bin"
    picture.write_bytes(bytes(range(256)) * 40)
    done = swaks(server, "--port", str(server.port("submissions")), "--tls-on-connect", "--auth", "PLAIN", "--auth-user",
                 "alice@uiowa.test", "--auth-password", PASSWORD, "--from", "alice@uiowa.test", "--to",
                 "bob@uiowa.test", "--header", "Subject: with an attachment", "--attach", f"@{picture}")  # fmt: skip
    assert done.returncode == 0, done.stdout
    content = next(c for c in messages(server, "bob@uiowa.test") if b"with an attachment" in c)
    assert b"multipart/mixed" in content
    assert b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj" in content


def test_wrong_password_is_535_and_no_mail_is_relayed_for_strangers(server):
    refused = swaks(server, "--port", str(server.port("submission")), "--tls", "--auth", "PLAIN", "--auth-user",
                    "alice@uiowa.test", "--auth-password", "wrong", "--to", "bob@uiowa.test")  # fmt: skip
    assert refused.returncode != 0
    assert "535 5.7.8" in refused.stdout
    relayed = swaks(server, "--port", str(server.port("mx")), "--from", "carol@example.net", "--to", "dave@example.org")
    assert relayed.returncode != 0
    assert "550 5.7.1" in relayed.stdout
