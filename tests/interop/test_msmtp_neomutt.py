"""msmtp submits, and neomutt in batch mode sends and reads, with `pillarbox serve` on the other side."""

import imaplib
import subprocess

import pytest

from servers import PASSWORD, running

pytestmark = [pytest.mark.interop]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("msmtp") / "data", hostname="localhost") as server:
        yield server


def find(server, subject: str) -> bytes:
    with imaplib.IMAP4(server.listen, server.port("imap")) as client:
        client.login("bob@uiowa.test", PASSWORD)
        client.select("INBOX", readonly=True)
        found = client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
        assert len(found) == 1
        return client.fetch(found[0], "(BODY.PEEK[])")[1][0][1]


@pytest.mark.parametrize(("port", "starttls"), [("submission", "on"), ("submissions", "off")])
def test_msmtp_submits_with_the_certificate_trusted(server, tmp_path, port, starttls):
    certificate = server.folder / "tls/server.crt"
    rc = tmp_path / "msmtprc"
    rc.write_text(
        f"account default\nhost localhost\nport {server.port(port)}\nfrom alice@uiowa.test\nauth on\n"
        f"user alice@uiowa.test\npassword {PASSWORD}\ntls on\ntls_starttls {starttls}\ntls_trust_file {certificate}\n"
    )
    rc.chmod(0o600)
    text = f"From: alice@uiowa.test\nTo: bob@uiowa.test\nSubject: msmtp {port}\n\n.leading dot\n"
    done = subprocess.run(
        ["msmtp", "-C", str(rc), "bob@uiowa.test"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\r\n.leading dot\r\n" in find(server, f"msmtp {port}")


MUTTRC = """
set my_pass = "{password}"
set ssl_starttls = no
set ssl_force_tls = no
set smtp_url = "smtp://alice%40uiowa.test@{host}:{submission}/"
set smtp_pass = $my_pass
set smtp_authenticators = "plain"
set from = "alice@uiowa.test"
set realname = "Alice Ångström"
set imap_user = "bob@uiowa.test"
set imap_pass = $my_pass
set imap_authenticators = "login"
set spoolfile = "imap://{host}:{imap}/INBOX"
set folder = "imap://{host}:{imap}/"
set copy = no
set header_cache = ""
set certificate_file = "{folder}/certificates"
set send_charset = "us-ascii:utf-8"
set charset = "utf-8"
set config_charset = "utf-8"
"""


def test_neomutt_sends_with_an_attachment_and_opens_the_mailbox(server, tmp_path):
    rc = tmp_path / "muttrc"
    rc.write_text(
        MUTTRC.format(
            password=PASSWORD,
            host=server.listen,
            submission=server.port("submission"),
            imap=server.port("imap"),
            folder=tmp_path,
        )
    )
    attachment = tmp_path / "über.txt"
    attachment.write_text("inside\n")
    environment = {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "TERM": "xterm"}
    sent = subprocess.run(
        ["neomutt", "-F", str(rc), "-n", "-s", "Grüße by neomutt", "-a", str(attachment), "--", "bob@uiowa.test"],
        input="hello\n", capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    assert sent.returncode == 0, sent.stdout + sent.stderr
    content = find(server, "by neomutt")
    assert b"multipart/mixed" in content

    # batch reading: -Z ends with 0 only when the mailbox holds new mail
    looked = subprocess.run(
        ["neomutt", "-F", str(rc), "-n", "-Z", "-f", f"imap://{server.listen}:{server.port('imap')}/INBOX", "-e", "push <exit>"],
        input="", capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    assert "Authentication failed" not in looked.stdout + looked.stderr
