"""`kill -9` while mail is sent from mailboxes: what was acknowledged arrives once, what was not at most once.

Clients make messages and submit them in one request, for somebody here, for elsewhere, held for a second, and held and
taken back, while the server is killed again and again.
"""

import base64
import contextlib
import http.client
import imaplib
import json
import random
import threading
import time
from collections import Counter

import pytest
from test_kill import Seen as StoreSeen
from test_kill import apsw_rows, check_store, server_subject, subjects

from servers import PASSWORD, Pillarbox, wait_until

pytestmark = [
    pytest.mark.fault,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROUNDS = 12
CLIENTS = 8
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission"]
HERE, AWAY, HELD, TAKEN_BACK = range(4)


class Record:
    """What was asked for, and what the server has acknowledged."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.attempted: set[str] = set()
        self.sent: set[str] = set()
        self.queued: set[str] = set()
        self.cancelled: set[str] = set()

    def note(self, names: set[str], token: str) -> None:
        with self.lock:
            names.add(token)


class Client:
    """Alice's, on one connection."""

    def __init__(self, server: Pillarbox) -> None:
        self.connection = http.client.HTTPConnection(server.listen, server.port("http"), timeout=10)
        token = base64.b64encode(f"alice@uiowa.test:{PASSWORD}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self.connection.request("GET", "/.well-known/jmap", headers=self.headers)
        self.id = self._answer()["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        self.drafts = next(m["id"] for m in self.call("Mailbox/get", ids=None)["list"] if m["role"] == "drafts")
        self.identity = self.call("Identity/get", ids=None)["list"][0]["id"]

    def _answer(self) -> dict:
        response = self.connection.getresponse()
        octets = response.read()
        if response.status in (301, 302, 307, 308):
            self.connection.request("GET", response.headers["Location"], headers=self.headers)
            return self._answer()
        assert response.status == 200, octets
        return json.loads(octets)

    def calls(self, *calls: tuple[str, dict]) -> list[dict]:
        made = [[name, {"accountId": self.id, **given}, str(n)] for n, (name, given) in enumerate(calls)]
        body = json.dumps({"using": USING, "methodCalls": made})
        self.connection.request("POST", "/jmap/api", body, headers=self.headers)
        return [arguments for _, arguments, _ in self._answer()["methodResponses"]]

    def call(self, name: str, **given: object) -> dict:
        return self.calls((name, given))[0]

    def submit(self, token: str, to: str, hold_seconds: int | None = None) -> str | None:
        email = {
            "mailboxIds": {self.drafts: True},
            "keywords": {"$draft": True},
            "from": [{"email": "alice@uiowa.test"}],
            "to": [{"email": to}],
            "subject": token,
            "messageId": [f"{token}@uiowa.test"],
            "textBody": [{"partId": "1", "type": "text/plain"}],
            "bodyValues": {"1": {"value": token}},
        }
        made: dict = {"identityId": self.identity, "emailId": "#e"}
        if hold_seconds is not None:
            sender = {"email": "alice@uiowa.test", "parameters": {"HOLDFOR": str(hold_seconds)}}
            made["envelope"] = {"mailFrom": sender, "rcptTo": [{"email": to}]}
        filed = {"#s": {"keywords/$draft": None}}
        _, answer, *_ = self.calls(
            ("Email/set", {"create": {"e": email}}),
            ("EmailSubmission/set", {"create": {"s": made}, "onSuccessUpdateEmail": filed}),
        )
        created = answer.get("created")
        return created["s"]["id"] if created else None

    def cancel(self, submission: str) -> bool:
        answer = self.call("EmailSubmission/set", update={submission: {"undoStatus": "canceled"}})
        return bool(answer.get("updated"))


def send(server: Pillarbox, record: Record, stop: threading.Event, name: str) -> None:
    count = 0
    while not stop.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = Client(server)
            while not stop.is_set():
                count += 1
                token, kind = f"{name}-{count}", count % 4
                record.note(record.attempted, token)
                if kind == TAKEN_BACK:
                    submission = client.submit(token, "bob@uiowa.test", hold_seconds=3_600)
                    if submission is not None and client.cancel(submission):
                        record.note(record.cancelled, token)
                    continue
                to = "far@nowhere.test" if kind == AWAY else "bob@uiowa.test"
                if client.submit(token, to, hold_seconds=1 if kind == HELD else None) is not None:
                    record.note(record.queued if kind == AWAY else record.sent, token)
            client.connection.close()


def look(server: Pillarbox, record: Record) -> None:
    """When all that is due has been worked off."""

    def is_idle() -> bool:
        due = "select count(*) from queue_recipient where here = 1 and next_attempt < ?"
        return apsw_rows(server, due, int((time.time() + 600) * 1_000_000))[0][0] == 0

    wait_until(is_idle, seconds=60, what="the queue to be empty of mail for here")
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=60) as client:
        client.login("bob@uiowa.test", PASSWORD)
        count = Counter(token for _, token, _ in subjects(client, "INBOX"))
    assert record.sent <= set(count), "acknowledged mail is missing"
    assert set(count) <= record.attempted
    assert max(count.values(), default=1) == 1, "something came twice"
    assert not record.cancelled & set(count), "what was taken back came all the same"
    waiting = [row for row in server.json("queue", "list") if row["recipients"][0]["address"] == "far@nowhere.test"]
    queued = Counter(server_subject(server, row["id"]) for row in waiting)
    assert record.queued <= set(queued), "acknowledged mail is not in the queue"
    assert max(queued.values(), default=1) == 1
    halves = """select count(*) from submission s left join queue_message q on q.account_id = s.account_id
                and q.submission_id = s.id where s.undo = 'pending' and q.id is null"""
    assert apsw_rows(server, halves) == [(0,)], "a submission waits that is nowhere in the queue"


def test_what_is_submitted_arrives_once_however_often_the_server_is_killed(tmp_path):
    chance = random.Random(20261125)
    server = Pillarbox(
        tmp_path / "data", hostname="mail.uiowa.test", domains=["uiowa.test"],
        **{"routes.nowhere.test": "127.0.0.1:9"}, relay__retry_seconds=3600,
    )  # fmt: skip
    for name in ("alice", "bob"):
        server.add_account(f"{name}@uiowa.test")
    record, seen = Record(), StoreSeen()
    for round_number in range(ROUNDS):
        server.start()
        stop = threading.Event()
        workers = [
            threading.Thread(target=send, args=(server, record, stop, f"r{round_number}.{n}")) for n in range(CLIENTS)
        ]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.3, 1.2))
        server.kill()
        stop.set()
        for worker in workers:
            worker.join(timeout=30)
            assert not worker.is_alive()
        check_store(server, seen)
    server.start()
    try:
        look(server, record)
    finally:
        assert server.stop() == 0
    assert len(record.sent) > ROUNDS, "too little was acknowledged for the test to mean anything"
    assert record.queued and record.cancelled
