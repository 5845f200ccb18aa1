"""A disk that is full: 452 and NO in place of a promise, reading goes on, and all goes on when there is room again."""

import contextlib
import errno
import imaplib
import os
import re
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from servers import PASSWORD, Pillarbox

pytestmark = [pytest.mark.fault]

SIZE = "24m"
TRIES = 2_000
LARGE = b"x" * 75 + b"\r\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def server(disk: Path) -> Iterator[Pillarbox]:
    """With its log on the same disk, as on a machine with one."""
    made = Pillarbox(disk / "data", hostname="mail.uiowa.test", domains=["uiowa.test"])
    made.add_account("alice@uiowa.test")
    made.start()
    try:
        yield made
    finally:
        made.kill()


def fill(disk: Path) -> Path:
    """Take all the room that there is."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    try:
        (disk / "probe").write_bytes(b"\0" * 4_096)
    except OSError as error:
        assert error.errno == errno.ENOSPC
        (disk / "probe").unlink()
        return filler
    raise AssertionError("the disk is not full")


def mail(token: str, body: bytes = b"text\r\n") -> bytes:
    return b"From: ann@far.test\r\nSubject: " + token.encode() + b"\r\n\r\n" + body


def send(client: smtplib.SMTP, token: str, body: bytes = b"text\r\n") -> int:
    """The code at the end of DATA."""
    assert client.mail("ann@far.test")[0] == 250
    assert client.rcpt("alice@uiowa.test")[0] == 250
    return client.data(mail(token, body))[0]


def append(client: imaplib.IMAP4, token: str, body: bytes = b"text\r\n") -> str:
    return client.append("Archive", None, None, mail(token, body))[0]


def until_refused(work: Callable[[str], object], good: object, name: str, acknowledged: set[str]) -> object:
    """Small writes find room that the store has taken before; then there is none."""
    for number in range(TRIES):
        token = f"{name}-{number}"
        answer = work(token)
        if answer != good:
            return answer
        acknowledged.add(token)
    raise AssertionError("a full disk has taken everything")


def subjects(server: Pillarbox, mailbox: str) -> list[str]:
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=30) as client:
        client.login("alice@uiowa.test", PASSWORD)
        assert client.select(mailbox, readonly=True)[0] == "OK"
        status, answer = client.uid("FETCH", "1:*", "(RFC822.SIZE BODY.PEEK[])")
        assert status == "OK"
        parts = [item for item in answer if isinstance(item, tuple)]
        for head, octets in parts:
            assert int(re.search(rb"RFC822.SIZE (\d+)", head)[1]) == len(octets)
        return sorted(re.search(rb"^Subject: (\S+)\r$", octets, re.M)[1].decode() for _, octets in parts)


def test_mail_is_refused_while_the_disk_is_full_and_taken_when_there_is_room(server: Pillarbox, disk: Path):
    mailed: set[str] = set()
    appended: set[str] = set()
    with (
        smtplib.SMTP(server.listen, server.port("mx"), local_hostname="far.test", timeout=30) as smtp,
        imaplib.IMAP4(server.listen, server.port("imap"), timeout=30) as imap,
    ):
        smtp.ehlo()
        imap.login("alice@uiowa.test", PASSWORD)
        assert send(smtp, "before") == 250 and append(imap, "before") == "OK"
        mailed.add("before")
        appended.add("before")

        filler = fill(disk)
        assert until_refused(lambda token: send(smtp, token), 250, "full", mailed) == 452
        assert until_refused(lambda token: append(imap, token), "OK", "full", appended) == "NO"
        assert send(smtp, "large", LARGE * 20_000) == 452
        assert append(imap, "large", LARGE * 20_000) == "NO"
        assert imap.noop()[0] == "OK" and smtp.noop()[0] == 250
        assert server.process is not None and server.process.poll() is None
        assert subjects(server, "INBOX") == sorted(mailed), "reading needs no room"

        filler.unlink()
        assert send(smtp, "after") == 250 and append(imap, "after") == "OK"
        assert send(smtp, "large", LARGE * 20_000) == 250 and append(imap, "large", LARGE * 20_000) == "OK"
        mailed |= {"after", "large"}
        appended |= {"after", "large"}
    for _ in range(2):
        assert subjects(server, "INBOX") == sorted(mailed)
        assert subjects(server, "Archive") == sorted(appended)
        assert server.stop() == 0
        check_store(disk / "data" / "mail.db")
        assert [path for path in (disk / "data" / "blobs").iterdir() if path.is_file()] == [], "no half content is left"
        server.start()


def check_store(path: Path) -> None:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        gaps = "select account_id, count(*), max(modseq) - min(modseq) + 1 from change group by account_id"
        assert [row for row in connection.execute(gaps) if row[1] != row[2]] == []
    finally:
        connection.close()
