"""`pillarbox serve` over HTTP, from outside: both ports, curl, tokens, numbers, a quick end."""

import contextlib
import json
import re
import smtplib
import socket
import ssl
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import httpx
import pytest

from servers import PASSWORD, Pillarbox, Refusal, running

STOP_SECONDS = 5.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "data") as started:
        yield started


@pytest.fixture
def ask(server: Pillarbox):
    trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    with httpx.Client(verify=trust, base_url=f"https://127.0.0.1:{server.port('https')}") as client:
        yield client


def curl(server: Pillarbox, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            "curl",
            "-s",
            "--max-time",
            "20",
            "--cacert",
            str(server.folder / "tls/server.crt"),
            "-w",
            "\n%{http_code}",
            *words,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


@pytest.mark.interop
def test_curl_gets_an_answer_on_both_ports(server):
    for url in (f"http://127.0.0.1:{server.port('http')}", f"https://127.0.0.1:{server.port('https')}"):
        assert curl(server, f"{url}/healthz") == (200, "ok\n")
        assert curl(server, "-u", f"alice@uiowa.test:{PASSWORD}", f"{url}/healthz") == (200, "ok\n")
        assert curl(server, "-u", "alice@uiowa.test:wrong", f"{url}/healthz")[0] == 401
        assert curl(server, "-X", "TRACE", f"{url}/healthz")[0] == 501
        assert curl(server, "--path-as-is", f"{url}/../../etc/passwd")[0] == 404
        assert curl(server, "--http2", f"{url}/healthz") == (200, "ok\n")


def test_a_made_token_opens_and_a_removed_one_does_not(server, ask):
    token = server.command("token", "add", "alice@uiowa.test", "laptop").strip()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    bearer = {"Authorization": f"Bearer {token}"}
    assert ask.get("/healthz", headers=bearer).status_code == 200
    (row,) = server.json("token", "list", "alice@uiowa.test")
    assert (row["name"], row["expires"]) == ("laptop", None)
    assert row["used"] >= row["created"]
    with pytest.raises(Refusal, match="has a token named laptop already"):
        server.command("token", "add", "alice@uiowa.test", "laptop")
    server.command("token", "remove", "alice@uiowa.test", "laptop")
    assert ask.get("/healthz", headers=bearer).status_code == 401
    assert server.json("token", "list", "alice@uiowa.test") == []
    assert token not in server.log_text()


def test_a_token_may_end_by_itself_and_a_new_password_says_how_many_there_are(server):
    server.command("token", "add", "bob@uiowa.test", "phone", "--days", "30")
    (row,) = server.json("token", "list", "bob@uiowa.test")
    assert row["expires"] > row["created"]
    assert server.command("token", "list", "bob@uiowa.test").count("\t") == 3
    said = server.command("account", "password", "bob@uiowa.test", "--password-stdin", stdin="another\n")
    assert said == "bob@uiowa.test has a new password; its tokens stay good: 1\n"


def test_mail_programs_are_told_the_ports_that_are_served(server, ask):
    answer = ask.get("/mail/config-v1.1.xml", params={"emailaddress": "alice@uiowa.test"})
    found = [
        (one.findtext("hostname"), int(one.findtext("port", "0")))
        for one in ElementTree.fromstring(answer.text).iter()
        if one.tag.endswith("Server")
    ]
    assert found == [(server.hostname, server.port(name)) for name in ("imaps", "imap", "submissions", "submission")]


def test_jmap_asks_for_a_name_and_then_says_where_everything_is(server, ask):
    """RFC 8620 §2."""
    assert ask.get("/jmap/session").status_code == 401
    token = server.command("token", "add", "alice@uiowa.test", "jmap").strip()
    found = [
        ask.get("/jmap/session", auth=("alice@uiowa.test", PASSWORD)),
        ask.get("/.well-known/jmap", headers={"Authorization": f"Bearer {token}"}, follow_redirects=True),
    ]
    for answer in found:
        assert answer.status_code == 200
        assert answer.json()["username"] == "alice@uiowa.test"
        assert answer.json()["apiUrl"].startswith(str(ask.base_url))


def test_numbers_follow_what_happens(server, ask):
    def accepted() -> float:
        found = re.search(r'^pillarbox_message_steps_total\{step="delivered"\} (\S+)$', ask.get("/metrics").text, re.M)
        return 0.0 if found is None else float(found[1])

    before = accepted()
    with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as client:
        client.sendmail("ann@far.test", ["alice@uiowa.test"], "Subject: one\r\n\r\nhello\r\n")
    assert accepted() == before + 1


def test_connections_of_all_protocols_share_the_limit(tmp_path):
    with running(tmp_path / "data", limits__connections=3) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            imap = stack.enter_context(socket.create_connection(("127.0.0.1", server.port("imap")), timeout=10))
            assert imap.recv(100).startswith(b"* OK")
        web = stack.enter_context(socket.create_connection(("127.0.0.1", server.port("http")), timeout=10))
        assert web.recv(1000).startswith(b"HTTP/1.1 503 ")


def test_the_end_is_quick_whatever_is_open(tmp_path):
    with running(tmp_path / "data") as server, contextlib.ExitStack() as stack:
        connections = []
        for octets in (
            b"",
            b"GET /hea",
            b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
        ):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port("http")), timeout=10))
            connection.sendall(octets)
            connections.append(connection)
        connections[2].recv(1000)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < STOP_SECONDS
        assert "bug" not in server.log_text()


def test_strangers_who_speak_nonsense_leave_no_trace_in_the_log(tmp_path):
    with running(tmp_path / "data", log__json="true") as server:
        for port in ("http", "https"):
            for octets in (
                b"nonsense\r\n\r\n",
                b"\x16\x03\x01",
                b"",
                b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
            ):
                with socket.create_connection(("127.0.0.1", server.port(port)), timeout=10) as connection:
                    connection.sendall(octets)
                    connection.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionError):
                        while connection.recv(1000):
                            pass
        server.stop()
        events = [json.loads(line)["event"] for line in server.log_text().splitlines()]
        assert events == ["server.ready", "server.stopping"]
