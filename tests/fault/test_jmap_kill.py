"""`kill -9` while clients upload, write, change and destroy mail over JMAP: what was said to be done is, and whole.

Each writer uploads a content (some small, some large enough to be a file), makes a message of it with a flag and in two
mailboxes, then moves every other one and destroys every fifth. After each restart all of that is looked up.
"""

import base64
import http.client
import json
import random
import threading
import time

import pytest

from servers import PASSWORD, Pillarbox

pytestmark = [pytest.mark.fault]

ROUNDS = 12
WRITERS = 4
USER = "alice@uiowa.test"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
LARGE_OCTETS = 150_000


class Gone(Exception):
    """The server was killed under the request."""


class Client:
    """One connection."""

    def __init__(self, server: Pillarbox) -> None:
        self._connection = http.client.HTTPConnection(server.listen, server.port("http"), timeout=20)
        self.account_id = json.loads(self.ask("GET", "/jmap/session"))["primaryAccounts"][USING[1]]

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            octets = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise Gone from problem
        assert answer.status in (200, 201), octets
        return octets

    def call(self, name: str, **arguments: object) -> dict:
        body = {"using": USING, "methodCalls": [[name, {"accountId": self.account_id, **arguments}, "0"]]}
        ((said, answer, _),) = json.loads(self.ask("POST", "/jmap/api", json.dumps(body).encode()))["methodResponses"]
        assert said == name, answer
        return answer

    def upload(self, octets: bytes) -> str:
        return json.loads(self.ask("POST", f"/jmap/upload/{self.account_id}", octets))["blobId"]

    def download(self, blob_id: str) -> bytes:
        return self.ask("GET", f"/jmap/download/{self.account_id}/{blob_id}/x")

    def close(self) -> None:
        self._connection.close()


class Record:
    """What was attempted, and what the server has said is done."""

    def __init__(self) -> None:
        self.attempted: set[str] = set()
        self.uploaded: dict[str, bytes] = {}
        self.made: dict[str, str] = {}
        self.moved: set[str] = set()
        self.doomed: set[str] = set()
        self.destroyed: set[str] = set()


def content(token: str, number: int) -> bytes:
    octets = f"{token}\n".encode()
    return octets * (LARGE_OCTETS // len(octets)) if number % 4 == 0 else octets


def write(server: Pillarbox, record: Record, boxes: dict[str, str], name: str, stop: threading.Event) -> None:
    number = 0
    client = None
    try:
        client = Client(server)
        while not stop.is_set():
            number += 1
            token = f"{name}-{number}"
            octets = content(token, number)
            record.uploaded[blob_id := client.upload(octets)] = octets
            record.attempted.add(token)
            email = {
                "mailboxIds": {boxes["Drafts"]: True, boxes["Archive"]: True},
                "keywords": {"$draft": True, "$flagged": True},
                "subject": token,
                "textBody": [{"partId": "text", "type": "text/plain"}],
                "bodyValues": {"text": {"value": token}},
                "attachments": [{"blobId": blob_id, "type": "application/octet-stream", "name": "x.bin"}],
            }
            made = client.call("Email/set", create={"new": email})["created"]["new"]["id"]
            record.made[token] = made
            if number % 2 == 0:
                patch = {"mailboxIds": {boxes["Trash"]: True}, "keywords/$draft": None}
                assert made in client.call("Email/set", update={made: patch})["updated"]
                record.moved.add(token)
            if number % 5 == 0:
                record.doomed.add(token)
                assert client.call("Email/set", destroy=[made])["destroyed"] == [made]
                record.destroyed.add(token)
    except Gone:
        pass
    finally:
        if client is not None:
            client.close()


def look(server: Pillarbox, record: Record, boxes: dict[str, str], state: str) -> str:
    """All that is there, against the record; and the changes since the last look agree. The new state."""
    client = Client(server)
    ids = client.call("Email/query", calculateTotal=True)["ids"]
    found = {}
    for start in range(0, len(ids), 100):
        answer = client.call(
            "Email/get",
            ids=ids[start : start + 100],
            properties=["subject", "mailboxIds", "keywords", "attachments", "size", "blobId"],
        )
        found.update((one["subject"], one) for one in answer["list"])
        state_now = answer["state"]
    assert len(found) == len(ids), "nothing was made twice"
    assert set(found) <= record.attempted
    assert set(record.made) - record.doomed <= set(found), "what was made is there"
    assert not set(found) & record.destroyed, "what was destroyed is gone"
    for token, email in found.items():
        where = {name for name, id in boxes.items() if id in email["mailboxIds"]}
        assert where in ({"Drafts", "Archive"}, {"Trash"}), "a change is made whole or not at all"
        assert ("$draft" in email["keywords"]) == (where != {"Trash"})
        assert "$flagged" in email["keywords"]
        if token in record.moved:
            assert where == {"Trash"}
        (attached,) = email["attachments"]
        assert client.download(attached["blobId"]) == content(token, int(token.rpartition("-")[2]))
    counts = {one["name"]: one["totalEmails"] for one in client.call("Mailbox/get", ids=None)["list"]}
    assert counts["Trash"] == sum(boxes["Trash"] in one["mailboxIds"] for one in found.values())
    assert counts["Drafts"] == counts["Archive"] == len(found) - counts["Trash"]
    for blob_id, octets in record.uploaded.items():
        assert client.download(blob_id) == octets
    record.uploaded.clear()
    created, more = set(), True
    while more:
        changes = client.call("Email/changes", sinceState=state)
        created |= set(changes["created"])
        state, more = changes["newState"], changes["hasMoreChanges"]
    assert created <= {one["id"] for one in found.values()}
    client.close()
    return state_now if ids else state


def test_what_jmap_said_is_done_is_done_after_kills(tmp_path):
    server = Pillarbox(tmp_path / "data", hostname="mail.uiowa.test", domains=["uiowa.test"])
    server.add_account(USER)
    chance = random.Random(8620)
    record = Record()
    try:
        server.start()
        client = Client(server)
        boxes = {one["name"]: one["id"] for one in client.call("Mailbox/get", ids=None)["list"]}
        state = client.call("Email/get", ids=[])["state"]
        client.close()
        for number in range(ROUNDS):
            stop = threading.Event()
            writers = [
                threading.Thread(target=write, args=(server, record, boxes, f"{number}{letter}", stop))
                for letter in "abcd"[:WRITERS]
            ]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.1, 0.8))
            server.kill()
            stop.set()
            for writer in writers:
                writer.join()
            server.start()
            state = look(server, record, boxes, state)
        assert len(record.made) > ROUNDS and record.moved and record.destroyed
        assert list((server.folder / "blobs" / "tmp").iterdir()) == []
    finally:
        server.kill()
