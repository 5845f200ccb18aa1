"""Memory of idle IMAP connections: each signed in, INBOX selected, IDLE."""

import socket
import time
from argparse import Namespace

from bench.processes import cpu_seconds, memory_octets
from bench.servers import USERS, Server


def measure(server: Server, options: Namespace) -> dict[str, float]:
    """KiB for each connection (proportional set size), and CPU to set one up."""
    before, cpu = memory_octets(server.roots), cpu_seconds(server.roots)
    connections = []
    try:
        for number in range(options.connections):
            connection = socket.create_connection((server.host, server.imap))
            connections.append(connection)
            ask(connection, None, b"* OK")
            ask(connection, f'a LOGIN {server.user(number % USERS)} "{server.password}"', b"a OK")
            ask(connection, "b SELECT INBOX", b"b OK")
            ask(connection, "c IDLE", b"+ ")
        time.sleep(1.0)
        used = memory_octets(server.roots) - before
        spent = cpu_seconds(server.roots) - cpu
    finally:
        for connection in connections:
            connection.close()
    time.sleep(1.0)
    return {
        "kib_per_connection": used / options.connections / 1024,
        "setup_cpu_ms": spent / options.connections * 1000,
    }


def ask(connection: socket.socket, command: str | None, expected: bytes) -> None:
    """Send a line, read until the expected one has come."""
    if command is not None:
        connection.sendall(command.encode() + b"\r\n")
    got = b""
    while expected not in got:
        data = connection.recv(65536)
        if not data:
            raise RuntimeError(f"closed while waiting for {expected!r}: {got!r}")
        got += data
