"""`pillarbox serve`: the queue live, with a host that is down; pictures fetched by the server, and from nowhere near."""

import json
import ssl
from collections.abc import Iterator

import httpx
import pytest

from servers import PASSWORD, running

OWN = "https://pillarbox.example/jmap"
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission", OWN]
SOURCE = "/jmap/eventsource?types=QueuedMessage&closeafter=no&ping=0"
NOBODY_LISTENS = "127.0.0.1:1"
DRAFT = {
    "from": [{"email": "alice@uiowa.test"}],
    "to": [{"email": "ann@far.test"}],
    "subject": "hello",
    "textBody": [{"partId": "1", "type": "text/plain"}],
    "bodyValues": {"1": {"value": "Good morning."}},
}


class Client:
    """Alice's."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        session = http.get("/jmap/session").json()
        self.capability = session["capabilities"][OWN]
        self.id = session["primaryAccounts"][OWN]

    def call(self, name: str, **arguments: object) -> dict:
        calls = [[name, {"accountId": self.id, **arguments}, "0"]]
        answer = self.http.post("/jmap/api", json={"using": USING, "methodCalls": calls})
        ((found, value, _), *_) = answer.json()["methodResponses"]
        assert found == name, value
        return value

    def submit(self) -> None:
        drafts = self.call("Mailbox/query", filter={"role": "drafts"})["ids"][0]
        email = self.call("Email/set", create={"e": {**DRAFT, "mailboxIds": {drafts: True}}})["created"]["e"]["id"]
        identity = self.call("Identity/get", ids=None)["list"][0]["id"]
        made = self.call("EmailSubmission/set", create={"k": {"identityId": identity, "emailId": email}})
        assert made["created"] is not None, made


@pytest.fixture
def client(tmp_path) -> Iterator[Client]:
    settings = {"routes__far.test": NOBODY_LISTENS, "relay__retry_seconds": 3_600, "limits__queue_retry_seconds": 0.001}
    with running(tmp_path / "data", **settings) as server:
        trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
        base = f"https://127.0.0.1:{server.port('https')}"
        with httpx.Client(verify=trust, base_url=base, auth=("alice@uiowa.test", PASSWORD), timeout=20) as http:
            yield Client(http)


def states(lines: Iterator[str]) -> Iterator[str]:
    """Of QueuedMessages, as they are told."""
    for line in lines:
        if line.startswith("data: "):
            ((_, told),) = json.loads(line[6:])["changed"].items()
            yield told["QueuedMessage"]


def test_mail_for_a_host_that_is_down_is_seen_to_wait_is_tried_again_and_taken_out(client: Client):
    with client.http.stream("GET", SOURCE) as source:
        told = states(source.iter_lines())
        client.submit()

        def wait_for_attempts(count: int) -> dict:
            """Asks only when it has been told that something is different."""
            for _ in told:
                found = client.call("QueuedMessage/get", ids=None)["list"]
                if found and found[0]["state"] == "waiting" and found[0]["recipients"][0]["attempts"] == count:
                    return found[0]
            raise AssertionError("the event source has ended")

        first = wait_for_attempts(1)
        assert first["subject"] == "hello"
        assert first["recipients"][0]["lastReply"] and first["nextAttempt"] > first["queuedAt"]
        answer = client.call("QueuedMessage/set", update={first["id"]: {"retry": True}})
        assert answer["notUpdated"] is None
        second = wait_for_attempts(2)
        assert second["id"] == first["id"]
        assert client.call("QueuedMessage/set", destroy=[first["id"]])["destroyed"] == [first["id"]]
        assert next(told) == client.call("QueuedMessage/get", ids=None)["state"]
    assert client.call("QueuedMessage/get", ids=None)["list"] == []
    (passport,) = client.call("Passport/get", ids=[first["emailSubmissionId"]])["list"]
    assert [entry["step"] for entry in passport["entries"]] == [
        "accepted", "queued", "attempted", "attempted", "cancelled",
    ]  # fmt: skip


def test_the_server_fetches_no_picture_from_its_own_ports(client: Client):
    port = client.http.base_url.port
    answer = client.call(
        "RemoteImage/get", ids=[f"https://127.0.0.1:{port}/healthz", f"https://localhost:{port}/healthz"]
    )
    assert answer["notFound"] == []
    for found in answer["list"]:
        shown = httpx.get(found["url"], verify=client.http._transport._pool._ssl_context, trust_env=False, timeout=20)
        assert shown.status_code == 404


def test_what_the_capability_says_of_signing_in_is_there(client: Client):
    urls = client.capability["signInUrls"]
    assert client.http.get(urls["who"]).status_code == 403, "a program has no session"
    wants = {"login": "alice@uiowa.test", "password": PASSWORD}
    origin = str(client.http.base_url).rstrip("/")
    signed = client.http.post(urls["signIn"], json=wants, headers={"Origin": origin}, auth=httpx.Auth())
    assert signed.json()["signedIn"] is True
