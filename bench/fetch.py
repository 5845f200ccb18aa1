"""FETCH of a large mailbox: envelope and body structure (warm), and flags. Filled by APPEND once for each server."""

import random
import socket
import time
from argparse import Namespace

from bench.processes import cpu_seconds
from bench.servers import Server

_filled: set[str] = set()
BATCH = 200


class Line:
    """One IMAP connection, as bare as can be: the client must not be what is measured."""

    def __init__(self, server: Server, user: str) -> None:
        self.socket = socket.create_connection((server.host, server.imap))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)
        self.until(b"\r\n")
        self.command(f'LOGIN {user} "{server.password}"')

    def until(self, ending: bytes) -> tuple[int, bytes]:
        """Read until the text `ending` has come; octets read, and the last of them."""
        total, tail = 0, b"\r\n"
        while ending not in tail:
            count = self.socket.recv_into(self.buffer)
            if not count:
                raise RuntimeError(f"connection closed: {tail!r}")
            total += count
            tail = (tail + bytes(self.buffer[max(0, count - 4096) : count]))[-4096:]
        return total, tail

    def count(self, mailbox: str) -> int:
        """Messages in a mailbox."""
        self.socket.sendall(f"tag1 STATUS {mailbox} (MESSAGES)\r\n".encode())
        _, tail = self.until(b"\r\ntag1 ")
        return int(tail.partition(b"MESSAGES ")[2].partition(b")")[0])

    def command(self, text: str, *, may_fail: bool = False) -> int:
        """Send it, read to its tagged OK; octets of answer."""
        self.socket.sendall(f"tag1 {text}\r\n".encode())
        octets, tail = self.until(b"\r\ntag1 ")
        if b"tag1 OK" not in tail and not may_fail:
            raise RuntimeError(tail[-300:])
        return octets

    def append(self, contents: list[bytes], mailbox: str = "big") -> None:
        """A batch, pipelined, with non-synchronising literals."""
        sent = b"".join(b"a APPEND %b {%d+}\r\n%b\r\n" % (mailbox.encode(), len(c), c) for c in contents)
        self.socket.sendall(sent + b"tag2 NOOP\r\n")
        _, tail = self.until(b"\r\ntag2 ")
        if b"tag2 OK" not in tail:
            raise RuntimeError(tail[-300:])


def message(number: int) -> bytes:
    """Small mail with a full set of header fields; every third has parts."""
    chance = random.Random(number)
    head = (
        f'From: "Person {number % 400}" <person{number % 400}@example.net>\r\nTo: Big <big@bench.test>, other{number % 30}@example.org\r\n'
        f"Cc: list@example.org\r\nSubject: Message number {number}, of the {chance.choice(['first', 'second', 'third'])} kind\r\n"
        f"Date: Tue, 24 Nov 2026 10:{number // 60 % 60:02d}:{number % 60:02d} +0000\r\nMessage-ID: <{number}.{chance.getrandbits(60):x}@example.net>\r\n"
        f"References: <{number - 1}@example.net> <{number - 2}@example.net>\r\nMIME-Version: 1.0\r\n"
    )
    if number % 3:
        return (head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + "A line of text.\r\n" * 20).encode()
    return (
        head + 'Content-Type: multipart/alternative; boundary="b1"\r\n\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
        + "A line of text.\r\n" * 10 + "\r\n--b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + "<p>A line of text.</p>\r\n" * 10 + "\r\n--b1--\r\n"
    ).encode()  # fmt: skip


def fill(server: Server, count: int, user: str) -> None:
    """Make the mailbox, or go on with one that was begun, and warm the peer's cache by one FETCH."""
    line = Line(server, user)
    line.command("CREATE big", may_fail=True)
    for first in range(line.count("big"), count, BATCH):
        line.append([message(number) for number in range(first, min(first + BATCH, count))])
    line.command("SELECT big")
    line.command("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")


STEPS = {
    "flags": "UID FETCH 1:* (UID FLAGS)",
    "envelope_bodystructure": "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
}


def measure(server: Server, options: Namespace) -> dict[str, float]:
    """Milliseconds, each the best of three in one session; and the server's CPU."""
    if server.name not in _filled:
        fill(server, options.mailbox, server.user_names[0])
        _filled.add(server.name)
    line = Line(server, server.user_names[0])
    line.command("SELECT big")
    figures: dict[str, float] = {}
    for step, command in STEPS.items():
        times, cpu = [], cpu_seconds(server.roots)
        for _ in range(3):
            start = time.perf_counter()
            figures[f"{step}_octets"] = line.command(command)
            times.append((time.perf_counter() - start) * 1000)
        figures[f"{step}_ms"] = min(times)
        figures[f"{step}_cpu_ms"] = (cpu_seconds(server.roots) - cpu) / 3 * 1000
    return figures
