"""`pillarbox queue` and `pillarbox passport`: what waits, why, and where a message has been."""

import re
import smtplib
import ssl

import pytest

from peers import free_port
from servers import PASSWORD, Refusal, running, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Mail for far.test goes to a port where nobody listens."""
    routes = {"routes__far.test": f"127.0.0.1:{free_port()}", "relay__retry_seconds": 600}
    with running(tmp_path_factory.mktemp("queue") / "data", **routes) as server:
        yield server


def submit(server, message_id: str, *recipients: str) -> None:
    context = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=20) as client:
        client.starttls(context=context)
        client.login("alice@uiowa.test", PASSWORD)
        message = f"Message-ID: <{message_id}>\r\nFrom: alice@uiowa.test\r\nSubject: x\r\n\r\nsecret words\r\n"
        client.sendmail("alice@uiowa.test", recipients, message)


def queued(server, recipient: str) -> list[dict]:
    return [row for row in server.json("queue", "list") if row["recipients"][0]["address"] == recipient]


def attempts(server, recipient: str) -> int:
    return queued(server, recipient)[0]["recipients"][0]["attempts"]


def test_what_waits_is_listed_with_the_reason_and_can_be_retried_and_cancelled(server):
    submit(server, "one@uiowa.test", "zoe@far.test")
    wait_until(lambda: attempts(server, "zoe@far.test") == 1, what="one attempt")
    (row,) = queued(server, "zoe@far.test")
    assert row["reverse_path"] == "alice@uiowa.test"
    assert row["size"] > len("secret words")
    (recipient,) = row["recipients"]
    assert set(recipient) == {"address", "state", "attempts", "next_attempt", "last_reply"}
    assert recipient["state"] == "waiting" and row["held_until"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", recipient["next_attempt"])
    assert "refused" in recipient["last_reply"].lower() or "connect" in recipient["last_reply"].lower()
    assert server.json("queue", "show", row["id"]) == row

    line = server.command("queue", "list")
    assert line.count("\n") == 1
    assert line.split("\t")[:4] == [row["id"], "alice@uiowa.test", str(row["size"]), "zoe@far.test"]

    server.command("queue", "retry", row["id"])
    wait_until(lambda: attempts(server, "zoe@far.test") == 2, what="a second attempt")
    server.command("queue", "cancel", row["id"])
    assert queued(server, "zoe@far.test") == []
    with pytest.raises(Refusal, match="nothing in the queue"):
        server.command("queue", "show", row["id"])


def test_a_passport_is_found_by_message_id_and_by_queue_id_and_has_the_dialogue(server):
    submit(server, "two@uiowa.test", "yan@far.test", "bob@uiowa.test")
    wait_until(lambda: attempts(server, "yan@far.test") == 1, what="one attempt")
    (row,) = queued(server, "yan@far.test")
    entries = server.json("passport", "two@uiowa.test")
    assert server.json("passport", "<two@uiowa.test>") == entries
    assert server.json("passport", row["id"]) == entries
    assert server.json("passport", row["trace"]) == entries
    assert {"accepted", "delivered", "queued", "attempted"} <= {entry["step"] for entry in entries}

    plain = server.command("passport", "two@uiowa.test")
    assert "\x1b" not in plain
    phases = re.findall(r"── (\w+) ──", plain)
    assert phases[:3] == ["handshake", "transfer", "closure"]
    assert re.search(r"^  C: mail FROM:<alice@uiowa\.test>.*\(envelope: who sends\)$", plain, re.M | re.I)
    assert re.search(r"^  C: rcpt TO:<yan@far\.test>    \(envelope: who receives\)$", plain, re.M | re.I)
    assert "  S: 221 " in plain
    assert "secret words" not in plain
    assert PASSWORD not in plain
    server.command("queue", "cancel", row["id"])
    assert server.json("passport", "two@uiowa.test")[-1]["step"] == "cancelled"


def test_the_queue_is_there_for_the_operator_without_the_server_too(server):
    submit(server, "three@uiowa.test", "xia@far.test")
    server.stop()
    try:
        (row,) = queued(server, "xia@far.test")
        server.command("queue", "retry", row["id"])
        server.command("queue", "cancel", row["id"])
        assert queued(server, "xia@far.test") == []
        assert server.json("passport", "three@uiowa.test")[-1]["step"] == "cancelled"
    finally:
        server.start()


def test_what_is_held_is_shown_as_such_and_sent_when_it_is_retried(server):
    context = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=20) as client:
        client.starttls(context=context)
        client.login("alice@uiowa.test", PASSWORD)
        assert client.has_extn("futurerelease")
        text = "Message-ID: <held@uiowa.test>\r\nFrom: alice@uiowa.test\r\nSubject: later\r\n\r\nx\r\n"
        client.sendmail("alice@uiowa.test", ["bob@uiowa.test"], text, mail_options=["HOLDFOR=3600"])
    (row,) = queued(server, "bob@uiowa.test")
    assert row["held_until"] == row["recipients"][0]["next_attempt"]
    (line,) = [line for line in server.command("queue", "list").splitlines() if "bob@uiowa.test" in line]
    assert line.split("\t")[4] == "held"
    server.command("queue", "retry", row["id"])
    wait_until(lambda: queued(server, "bob@uiowa.test") == [], what="delivery")
