"""mbsync (isync) keeps a Maildir and an account of ours in step, both ways."""

import imaplib
import subprocess
from pathlib import Path

import pytest

from servers import PASSWORD, running

pytestmark = [pytest.mark.interop]

CONFIGURATION = """
IMAPAccount ours
Host {host}
Port {port}
User bob@uiowa.test
Pass "{password}"
SSLType None
AuthMechs LOGIN

IMAPStore remote
Account ours

MaildirStore local
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("mbsync") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def sync(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("maildir")
    (folder / "mail").mkdir()
    rc = folder / "mbsyncrc"
    rc.write_text(CONFIGURATION.format(host=server.listen, port=server.port("imap"), password=PASSWORD, folder=folder))

    def run() -> Path:
        done = subprocess.run(["mbsync", "-c", str(rc), "-a"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return folder / "mail"

    return run


def connect(server) -> imaplib.IMAP4:
    client = imaplib.IMAP4(server.listen, server.port("imap"))
    client.login("bob@uiowa.test", PASSWORD)
    return client


def maildir_files(folder: Path) -> list[Path]:
    return sorted([*(folder / "cur").glob("*"), *(folder / "new").glob("*")])


def subjects(folder: Path) -> set[str]:
    return {
        line[9:].strip()
        for path in maildir_files(folder)
        for line in path.read_text(errors="replace").split("\n")
        if line.startswith("Subject: ")
    }


def test_pull_push_flags_and_delete_both_ways(server, sync):
    with connect(server) as client:
        for number in range(6):
            text = f"From: a@example.net\r\nSubject: message {number}\r\nDate: Tue, 24 Nov 2026 10:00:0{number} +0000\r\n\r\nhello\r\n"
            assert client.append("INBOX", "(\\Seen)" if number == 0 else "", None, text.encode())[0] == "OK"

    mail = sync()
    inbox = mail / "INBOX"
    assert subjects(inbox) == {f"message {n}" for n in range(6)}
    assert sum("S" in path.name.partition(":2,")[2] for path in maildir_files(inbox)) == 1
    assert {"Sent", "Drafts", "Archive", "Junk", "Trash"} <= {path.name for path in mail.iterdir()}

    # flags pushed: answered and seen here become \Answered \Seen there
    target = next(p for p in maildir_files(inbox) if "message 1" in p.read_text())
    (inbox / "cur").mkdir(exist_ok=True)
    target.rename(inbox / "cur" / (target.name.partition(":2,")[0] + ":2,RS"))
    # deleted here
    next(p for p in maildir_files(inbox) if "message 2" in p.read_text()).unlink()
    # new here
    (inbox / "cur" / "1000000000.1_1.local:2,F").write_text("From: b@example.net\nSubject: made here\n\nhello\n")
    # deleted there
    with connect(server) as client:
        client.select("INBOX")
        _, found = client.search(None, "SUBJECT", '"message 3"')
        client.store(found[0].decode(), "+FLAGS", "(\\Deleted)")
        client.expunge()
    sync()
    with connect(server) as client:
        client.select("INBOX")
        assert len(client.search(None, "ANSWERED", "SEEN", "SUBJECT", '"message 1"')[1][0].split()) == 1
        assert client.search(None, "SUBJECT", '"message 2"')[1][0] == b""
        assert len(client.search(None, "FLAGGED", "SUBJECT", '"made here"')[1][0].split()) == 1
    assert "message 3" not in subjects(inbox)

    # a second run finds nothing to do, and changes nothing
    before = [path.name for path in maildir_files(inbox)]
    sync()
    assert [path.name for path in maildir_files(inbox)] == before
