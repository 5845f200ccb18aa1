"""`python -m bench.push`: what it costs to wait for changes, and how soon all who wait are told of one mail.

One account, so many listeners: event sources, then WebSockets, each on a server that has done nothing before; in the
clear on loopback. Time counts from the `250` of a delivery over SMTP until a listener's event has come. JSON on stdout.
"""

import argparse
import base64
import json
import os
import selectors
import smtplib
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.processes import cpu_seconds, memory_octets
from bench.servers import SERVER_CORE, Pillarbox

USER = "u0@bench.test"
SETTLE_SECONDS = 1.0
WISH = {"@type": "WebSocketPushEnable", "dataTypes": ["EmailDelivery"]}


def event_source(port: int, token: str) -> socket.socket:
    """One that is open, its first block read."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        b"GET /jmap/eventsource?types=EmailDelivery&closeafter=no&ping=0 HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    read_until(connection, b"id: ")
    return connection


def web_socket(port: int, token: str) -> socket.socket:
    """One that has asked for pushes, and has been answered after that."""
    connection = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        b"GET /jmap/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jmap\r\nSec-WebSocket-Key: " + key + b"\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    read_until(connection, b"\r\n\r\n")
    for message in (WISH, {"@type": "Request", "using": [], "methodCalls": []}):
        text = json.dumps(message).encode()
        connection.sendall(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)
    read_until(connection, b'"Response"')
    return connection


def read_until(connection: socket.socket, expected: bytes) -> None:
    got = b""
    while expected not in got:
        piece = connection.recv(65_536)
        if not piece:
            raise RuntimeError(f"closed: {got!r}")
        got += piece


def deliver(server: Pillarbox) -> float:
    """One mail; when it was accepted."""
    with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=30) as smtp:
        smtp.sendmail("ann@far.test", [USER], "Subject: hello\r\n\r\nGood morning.\r\n")
        return time.perf_counter()


def attend(connections: list[socket.socket], seconds: float) -> None:
    """Let so much time pass, and answer pings, as a client does."""
    until = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(timeout=left):
                pong(key.fileobj, key.fileobj.recv(65_536))


def pong(connection: socket.socket, got: bytes) -> None:
    """RFC 6455 §5.5.3: with what the ping held."""
    if not got:
        raise RuntimeError("closed")
    if got.startswith(b"\x89"):
        payload = got[2 : 2 + got[1]]
        connection.sendall(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)


def wait_for_all(connections: list[socket.socket], started: float) -> list[float]:
    """Milliseconds until each has its event."""
    took = []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, bytearray())
        while len(took) < len(connections):
            for key, _ in selector.select(timeout=30):
                got = key.fileobj.recv(65_536)
                pong(key.fileobj, got)
                key.data.extend(got)
                if b"EmailDelivery" in key.data:
                    took.append((time.perf_counter() - started) * 1_000)
                    selector.unregister(key.fileobj)
    return took


def measure(
    folder: Path, open_one: Callable[[int, str], socket.socket], listeners: int, rounds: int
) -> dict[str, float]:
    server = Pillarbox(
        folder,
        hostname="mail.bench.test",
        domains=["bench.test"],
        limits__push_listeners=listeners,
        limits__connections=listeners + 100,
    )
    server.prefix = ["taskset", "-c", SERVER_CORE]
    server.add_account(USER)
    server.start()
    connections: list[socket.socket] = []
    try:
        token = server.command("token", "add", USER, "bench").strip()
        roots = [server.process.pid]
        port = server.port("http")
        open_one(port, token).close()
        deliver(server)
        time.sleep(SETTLE_SECONDS)
        before = memory_octets(roots)
        while len(connections) < listeners:
            connections += [open_one(port, token) for _ in range(min(100, listeners - len(connections)))]
            attend(connections, 0.01)
        attend(connections, SETTLE_SECONDS)
        used = memory_octets(roots) - before
        took: list[float] = []
        spent = []
        for _ in range(rounds):
            attend(connections, SETTLE_SECONDS)
            cpu = cpu_seconds(roots)
            took += wait_for_all(connections, deliver(server))
            spent.append(cpu_seconds(roots) - cpu)
        cuts = statistics.quantiles(took, n=100)
        return {
            "kib_per_listener": round(used / listeners / 1024, 1),
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "cpu_ms_per_round": round(statistics.median(spent) * 1_000, 1),
        }
    finally:
        for connection in connections:
            connection.close()
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.push", description=__doc__.split("\n")[0])
    parser.add_argument("--listeners", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = {}
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        for name, open_one in (("event source", event_source), ("websocket", web_socket)):
            print(f"measuring {name}", file=sys.stderr)
            found[name] = measure(Path(folder, name.replace(" ", "-")), open_one, options.listeners, options.rounds)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
