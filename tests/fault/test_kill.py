"""`kill -9` at random moments: what was acknowledged is there, once (or, where RFC 5321 allows it, twice).

Twenty sessions submit and five IMAP clients append, flag and move while the server is killed, thirty times over. After
each restart all that was ever said to be done is looked up.
"""

import contextlib
import imaplib
import random
import re
import smtplib
import threading
import time
from collections import Counter

import apsw
import pytest

from servers import PASSWORD, Pillarbox

pytestmark = [
    pytest.mark.fault,
    # smtplib and imaplib leave their sockets to the collector when a connection is cut under them
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROUNDS = 30
SUBMITTERS = 20
STORERS = 5


class Record:
    """What the server has acknowledged."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.attempted: set[str] = set()
        self.mailed: set[str] = set()
        self.queued: set[str] = set()
        self.appended: dict[str, str] = {}
        self.flagged: set[str] = set()
        self.moved: set[str] = set()
        self.uids: dict[tuple[str, int], dict[int, str]] = {}


def submit(server: Pillarbox, record: Record, stop: threading.Event, name: str) -> None:
    count = 0
    while not stop.is_set():
        with (
            contextlib.suppress(OSError, smtplib.SMTPException),
            smtplib.SMTP(server.listen, server.port("submission"), timeout=10) as client,
        ):
            client.login("alice@uiowa.test", PASSWORD)
            while not stop.is_set():
                count += 1
                token = f"{name}-{count}"
                away = count % 5 == 0
                target = "far@nowhere.test" if away else "bob@uiowa.test"
                with record.lock:
                    record.attempted.add(token)
                text = f"From: alice@uiowa.test\r\nTo: {target}\r\nSubject: {token}\r\nMessage-ID: <{token}@uiowa.test>\r\n\r\n{'x' * 70}\r\n"
                client.sendmail("alice@uiowa.test", [target], text)
                with record.lock:
                    (record.queued if away else record.mailed).add(token)


def store(server: Pillarbox, record: Record, stop: threading.Event, name: str) -> None:
    """Appends to Drafts, flags it there, moves every other one to Archive."""
    count = 0
    while not stop.is_set():
        with (
            contextlib.suppress(OSError, imaplib.IMAP4.error),
            imaplib.IMAP4(server.listen, server.port("imap"), timeout=10) as client,
        ):
            client.login("carol@uiowa.test", PASSWORD)
            client.select("Drafts")
            while not stop.is_set():
                count += 1
                token = f"{name}-{count}"
                with record.lock:
                    record.attempted.add(token)
                status, answer = client.append("Drafts", None, None, f"Subject: {token}\r\n\r\n{token}\r\n".encode())
                if status != "OK":
                    continue
                uid = re.search(rb"APPENDUID (\d+) (\d+)", answer[0])
                with record.lock:
                    record.appended[token] = "Drafts"
                    record.uids.setdefault(("Drafts", int(uid[1])), {})[int(uid[2])] = token
                if client.uid("STORE", uid[2].decode(), "+FLAGS", "(\\Flagged)")[0] == "OK":
                    with record.lock:
                        record.flagged.add(token)
                if count % 2 == 0:
                    with record.lock:
                        record.appended[token] = "moving"
                    if client.uid("MOVE", uid[2].decode(), "Archive")[0] == "OK":
                        with record.lock:
                            record.appended[token] = "Archive"
                            record.moved.add(token)


def subjects(client: imaplib.IMAP4, mailbox: str) -> list[tuple[int, str, bytes]]:
    """(uid, subject, flags) of all messages; every one must be whole."""
    assert client.select(mailbox, readonly=True)[0] == "OK"
    status, answer = client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE BODY.PEEK[])")
    assert status == "OK"
    found = []
    for item in answer:
        if not isinstance(item, tuple):
            continue
        uid = int(re.search(rb"UID (\d+)", item[0])[1])
        size = int(re.search(rb"RFC822.SIZE (\d+)", item[0])[1])
        flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1]
        assert size == len(item[1])
        token = re.search(rb"^Subject: ([^\r\n]+)\r$", item[1], re.M)[1].decode()
        assert item[1].endswith(b"\r\n")
        found.append((uid, token, flags))
    return found


class Seen:
    """What one look after a restart showed, to compare with the next."""

    def __init__(self) -> None:
        self.validity: dict[tuple[str, str], int] = {}
        self.highest: dict[tuple[str, str], int] = {}
        self.names: dict[tuple[str, str, int], str] = {}
        self.modseq: dict[str, int] = {}


def look(server: Pillarbox, record: Record, seen: Seen) -> None:
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=60) as client:
        client.login("bob@uiowa.test", PASSWORD)
        inbox = subjects(client, "INBOX")
        check_numbers(client, "bob", "INBOX", inbox, seen)
    count = Counter(token for _, token, _ in inbox)
    assert record.mailed <= set(count), "acknowledged mail is missing"
    assert set(count) <= record.attempted
    assert max(count.values(), default=1) <= 2
    assert [t for t in count if count[t] > 1 and t in record.mailed] == [], (
        "nobody repeated these, and yet they are twice"
    )

    queued = Counter()
    for message in server.json("queue", "list"):
        entry = server_subject(server, message["id"])
        queued[entry] += 1
    assert record.queued <= set(queued), "acknowledged mail is not in the queue"
    assert max(queued.values(), default=1) <= 1

    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=60) as client:
        client.login("carol@uiowa.test", PASSWORD)
        drafts = subjects(client, "Drafts")
        check_numbers(client, "carol", "Drafts", drafts, seen)
        archive = subjects(client, "Archive")
        check_numbers(client, "carol", "Archive", archive, seen)
    where = {token: "Drafts" for _, token, _ in drafts}
    assert not set(where) & {token for _, token, _ in archive}, "a move left both"
    where |= {token: "Archive" for _, token, _ in archive}
    for token, mailbox in record.appended.items():
        assert token in where, f"appended {token} is missing"
        assert mailbox in ("moving", where[token])
    flags = {token: flag for _, token, flag in drafts + archive}
    assert [t for t in record.flagged if b"\\Flagged" not in flags[t]] == []


def check_numbers(client, user: str, mailbox: str, found, seen: Seen) -> None:
    """UIDVALIDITY never changes, no UID ever means another message."""
    validity = int(client.response("UIDVALIDITY")[1][0])
    assert seen.validity.setdefault((user, mailbox), validity) == validity
    for uid, token, _ in found:
        assert seen.names.setdefault((user, mailbox, uid), token) == token, "a UID was given twice"
    uidnext = int(re.search(rb"UIDNEXT (\d+)", client.status(mailbox, "(UIDNEXT)")[1][0])[1])
    assert uidnext >= seen.highest.get((user, mailbox), 0)
    assert uidnext > max((uid for uid, _, _ in found), default=0)
    seen.highest[user, mailbox] = uidnext


def server_subject(server: Pillarbox, queue_id: str) -> str:
    rows = apsw_rows(
        server,
        "select p.message_id from passport_entry p where p.queue_id = ? and p.message_id is not null",
        queue_id,
    )
    return rows[0][0].strip("<>").partition("@")[0]


def apsw_rows(server: Pillarbox, sql: str, *parameters: object):
    connection = apsw.Connection(str(database_path(server)), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(connection.execute(sql, tuple(int(p) if str(p).isdigit() else p for p in parameters)))
    finally:
        connection.close()


def database_path(server: Pillarbox):
    return next(path for path in server.folder.iterdir() if path.suffix in {".db", ".sqlite", ".sqlite3"})


def check_store(server: Pillarbox, seen: Seen) -> None:
    """The file itself, while nobody runs: integrity, and mod-sequences that only grow."""
    connection = apsw.Connection(str(database_path(server)))
    try:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        for address, modseq in connection.execute("select address_key, modseq from account"):
            assert modseq >= seen.modseq.get(address, 0), "a mod-sequence went back"
            seen.modseq[address] = modseq
        orphans = "select count(*) from placement p left join message m on m.account_id = p.account_id and m.id = p.message_id where m.id is null"
        assert connection.execute(orphans).fetchall() == [(0,)]
        missing = """select count(*) from message m left join content c on c.account_id = m.account_id and c.blob = m.blob
                     where c.blob is null and m.size_octets < 60000"""
        assert connection.execute(missing).fetchall() == [(0,)]
        gaps = "select account_id, count(*), max(modseq) - min(modseq) + 1 from change group by account_id"
        assert [row for row in connection.execute(gaps) if row[1] != row[2]] == []
    finally:
        connection.close()


def test_nothing_acknowledged_is_lost_by_thirty_kills(tmp_path):
    chance = random.Random(20261124)
    server = Pillarbox(
        tmp_path / "data", hostname="mail.uiowa.test", domains=["uiowa.test"],
        **{"routes.nowhere.test": "127.0.0.1:9"}, relay__retry_seconds=3600,
    )  # fmt: skip
    for name in ("alice", "bob", "carol"):
        server.add_account(f"{name}@uiowa.test")
    record, seen = Record(), Seen()
    for round_number in range(ROUNDS):
        server.start()
        if round_number:
            look(server, record, seen)
        stop = threading.Event()
        workers = [
            threading.Thread(target=submit, args=(server, record, stop, f"s{round_number}.{n}"))
            for n in range(SUBMITTERS)
        ]
        workers += [
            threading.Thread(target=store, args=(server, record, stop, f"i{round_number}.{n}")) for n in range(STORERS)
        ]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.15, 0.9))
        server.kill()
        stop.set()
        for worker in workers:
            worker.join(timeout=30)
            assert not worker.is_alive()
        check_store(server, seen)
    server.start()
    try:
        look(server, record, seen)
    finally:
        assert server.stop() == 0
    assert len(record.mailed) > ROUNDS, "too little was acknowledged for the test to mean anything"
    assert len(record.queued) > 0 and len(record.moved) > 0
