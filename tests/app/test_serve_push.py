"""`pillarbox serve`: event sources and WebSockets from outside, told by a mail that comes in, and ended in order."""

import base64
import json
import smtplib
import ssl
import time

import httpx
import pytest
import websockets
from websockets.sync.client import connect

from servers import PASSWORD, Pillarbox, running

STOP_SECONDS = 5.0
LOGIN = ("alice@uiowa.test", PASSWORD)
SOURCE = "/jmap/eventsource?types=EmailDelivery&closeafter=no&ping=0"


@pytest.fixture
def server(tmp_path):
    with running(tmp_path / "data") as started:
        yield started


def trust(server: Pillarbox) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))


def send(server: Pillarbox) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as smtp:
        smtp.sendmail("ann@far.test", ["alice@uiowa.test"], "Subject: hello\r\n\r\nGood morning.\r\n")


def test_a_mail_is_told_and_the_end_of_the_server_ends_what_waits(server):
    base = f"127.0.0.1:{server.port('https')}"
    with httpx.Client(verify=trust(server), base_url=f"https://{base}", auth=LOGIN, timeout=20) as client:
        session = client.get("/jmap/session").json()
        url = session["capabilities"]["urn:ietf:params:jmap:websocket"]["url"]
        assert url == f"wss://{base}/jmap/ws"
        headers = {"Authorization": "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}
        with (
            client.stream("GET", SOURCE) as source,
            connect(url, subprotocols=["jmap"], ssl=trust(server), additional_headers=headers, proxy=None) as socket,
        ):
            lines = source.iter_lines()
            assert next(lines).startswith("id: ")
            socket.send(json.dumps({"@type": "WebSocketPushEnable", "dataTypes": ["EmailDelivery"]}))
            socket.send(json.dumps({"@type": "Request", "using": [], "methodCalls": []}))
            assert json.loads(socket.recv(20))["@type"] == "Response", "and so the push is enabled"
            send(server)
            assert set(json.loads(socket.recv(20))["changed"]["a1"]) == {"EmailDelivery"}
            assert "event: state" in (next(lines), next(lines))
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < STOP_SECONDS
            assert not any("event:" in line for line in lines), "the response ends, and is not cut"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                socket.recv(20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
    assert "bug" not in server.log_text()


def test_the_end_of_a_token_on_the_command_line_ends_what_it_opened(server):
    token = server.command("token", "add", "alice@uiowa.test", "laptop").strip()
    with httpx.Client(
        verify=trust(server),
        base_url=f"https://127.0.0.1:{server.port('https')}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    ) as client:
        with client.stream("GET", SOURCE) as source:
            lines = source.iter_lines()
            assert next(lines).startswith("id: ")
            server.command("token", "remove", "alice@uiowa.test", "laptop")
            assert list(lines) == [""]
