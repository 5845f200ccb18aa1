"""The order of system calls: what a reply promises is synced before the first octet of the reply is written.

`strace` watches a server that runs: writes to the log of the database, the sync of it, and only then 250 or OK. A large
content is a file: synced, named, its folder synced, before the row that names it.
"""

import imaplib
import re
import shutil
import signal
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import PASSWORD, Pillarbox, running, wait_until

pytestmark = [pytest.mark.fault]

CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,rename,renameat,renameat2"
CALL = re.compile(r"^\d+ +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<name>\w+)\((?P<rest>.*))")
LOG = "mail.db-wal"

Event = tuple[str, str]
"""What was begun (`write`, `fdatasync` …) or ended (`fdatasync done` …), and its arguments."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Pillarbox]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    with running(tmp_path / "data") as made:
        yield made


def is_traced(pid: int) -> bool:
    """Every thread of it."""
    return all("TracerPid:\t0" not in status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status"))


def traced(server: Pillarbox, folder: Path, work: Callable[[], None]) -> list[Event]:
    """What the server asked of the kernel while `work` was done, in order."""
    assert server.process is not None
    pid, output = server.process.pid, folder / "trace"
    with subprocess.Popen(
        ["strace", "-f", "-y", "-s", "48", "-e", f"trace={CALLS}", "-o", str(output), "-p", str(pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as tracer:
        wait_until(lambda: is_traced(pid) or tracer.poll() is not None, what="strace holds every thread")
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            pytest.skip(f"strace cannot attach: {tracer.stderr.read().strip()}")
        try:
            work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=20)
    return events(output.read_text())


def events(trace: str) -> list[Event]:
    found: list[Event] = []
    begun: dict[str, Event] = {}
    for line in trace.splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        thread = line.split(maxsplit=1)[0]
        if match["resumed"]:
            name, rest = begun.pop(thread, (match["resumed"], ""))
        else:
            name, rest = match["name"], match["rest"]
            found.append((name, rest))
            if line.endswith("<unfinished ...>"):
                begun[thread] = (name, rest)
                continue
        assert not re.search(r"= -1 E(?!AGAIN|INTR)", line), line
        found.append((f"{name} done", rest))
    return found


def place(found: list[Event], names: str, text: str, after: int = -1) -> int:
    """Where the first such event after another stands."""
    for index, (name, rest) in enumerate(found):
        if index > after and name in names.split("|") and text in rest:
            return index
    raise AssertionError(f"no {names} of {text!r} after event {after}:\n" + "\n".join(map(str, found)))


SAY = "write|writev|sendto|sendmsg"


def check_order(found: list[Event], asked: str, promised: str) -> int:
    """The transaction is written and synced after `asked` and before `promised` is said; where it is written."""
    begin = place(found, SAY, asked)
    reply = place(found, SAY, promised, begin)
    written = place(found, "pwrite64 done", LOG, begin)
    last = max(index for index, (name, rest) in enumerate(found[:reply]) if name == "pwrite64" and LOG in rest)
    synced = place(found, "fdatasync|fsync", LOG, last)
    done = place(found, "fdatasync done|fsync done", LOG, synced)
    assert begin < written <= last + 1 <= synced < done < reply
    return last


def text(octets: int) -> bytes:
    return b"Subject: synced\r\n\r\n" + b"y" * 70 + b"\r\n" + b"x" * octets + b"\r\n"


def submit(server: Pillarbox, content: bytes) -> None:
    with smtplib.SMTP(server.listen, server.port("mx"), local_hostname="far.test", timeout=30) as client:
        client.sendmail("ann@far.test", ["bob@uiowa.test"], content)


def append(server: Pillarbox, content: bytes) -> None:
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=30) as client:
        client.login("alice@uiowa.test", PASSWORD)
        assert client.append("Archive", None, None, content)[0] == "OK"


def test_the_log_is_synced_before_250_follows_data(server: Pillarbox, tmp_path: Path):
    check_order(traced(server, tmp_path, lambda: submit(server, text(100))), '"354 ', '"250 ')


def test_the_log_is_synced_before_ok_to_append(server: Pillarbox, tmp_path: Path):
    check_order(traced(server, tmp_path, lambda: append(server, text(100))), '"+ ', "OK [APPENDUID")


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_large_content_is_a_synced_file_in_a_synced_folder_before_the_row_that_names_it(
    server: Pillarbox, tmp_path: Path, protocol: str
):
    if protocol == "smtp":
        found = traced(server, tmp_path, lambda: submit(server, text(300_000)))
        last = check_order(found, '"354 ', '"250 ')
    else:
        found = traced(server, tmp_path, lambda: append(server, text(300_000)))
        last = check_order(found, '"+ ', "OK [APPENDUID")
    named = place(found, "rename|renameat|renameat2", "blobs/")
    file_synced = max(i for i, (name, rest) in enumerate(found[:named]) if name == "fsync done" and "blobs/" in rest)
    folder_synced = place(found, "fsync done", "blobs/", named)
    content = max(i for i, (name, rest) in enumerate(found[:named]) if name == "write" and "blobs/" in rest)
    assert content < file_synced < named < folder_synced < last
