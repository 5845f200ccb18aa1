"""Accept and deliver: sessions send mail, and the clock stops when IMAP shows every message."""

import asyncio
import imaplib
import re
import time
from argparse import Namespace
from typing import cast

import uvloop

from bench.processes import cpu_seconds
from bench.servers import USERS, Server

LIMIT_SECONDS = 600.0


class Session(asyncio.Protocol):
    """Sends its share on one connection, each envelope pipelined (RFC 2920 §3.1), content after the 354."""

    def __init__(self, numbers: list[int], rcpt: list[str], content: bytes, done: "asyncio.Future[None]") -> None:
        self.numbers = numbers
        self.rcpt = rcpt
        self.content = content
        self.done = done
        self.buffer = b""
        self.waiting = ["220"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        lines = (self.buffer + data).split(b"\r\n")
        self.buffer = lines.pop()
        for line in lines:
            if line[3:4] != b"-":
                self.reply(line.decode())

    def reply(self, line: str) -> None:
        expected = self.waiting.pop(0)
        if not line.startswith(expected):
            if not self.done.done():
                self.done.set_exception(RuntimeError(f"expected {expected}, got {line}"))
            self.transport.close()
        elif expected == "220":
            self.transport.write(b"EHLO load.example.net\r\n")
            self.waiting = ["250 ehlo"[:3]]
            self.greeted = False
        elif expected == "354":
            self.transport.write(self.content + b".\r\n")
            self.waiting = ["250"]
        elif not self.waiting:
            self.next()

    def next(self) -> None:
        if not self.numbers:
            self.transport.write(b"QUIT\r\n")
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        number = self.numbers.pop()
        rcpt = self.rcpt[number % len(self.rcpt)]
        self.transport.write(f"MAIL FROM:<load@example.net>\r\nRCPT TO:<{rcpt}>\r\nDATA\r\n".encode())
        self.waiting = ["250", "250", "354"]


def content(octets: int) -> bytes:
    """Mail of that size, such as people send."""
    head = (
        b"From: Load <load@example.net>\r\nTo: Someone <someone@bench.test>\r\nSubject: A measure of things\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <measure@example.net>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    line = b"It was a bright cold day in April, and the mail was being delivered, line by line.\r\n"
    return head + line * max(1, (octets - len(head)) // len(line))


async def send(server: Server, options: Namespace) -> None:
    loop = asyncio.get_running_loop()
    text = content(options.octets)
    rcpt = [server.user(number) for number in range(USERS)]
    shares = [list(range(n, options.messages, options.sessions)) for n in range(options.sessions)]
    waits = [loop.create_future() for _ in shares]
    for share, wait in zip(shares, waits, strict=True):
        await loop.create_connection(lambda s=share, w=wait: Session(s, rcpt, text, w), server.host, server.smtp)
    await asyncio.wait_for(asyncio.gather(*waits), LIMIT_SECONDS)


def delivered(server: Server) -> int:
    """Messages in all INBOXes."""
    total = 0
    for number in range(USERS):
        with imaplib.IMAP4(server.host, server.imap) as client:
            client.login(server.user(number), server.password)
            answer = client.status("INBOX", "(MESSAGES)")[1][0]
            total += int(re.search(rb"MESSAGES (\d+)", answer)[1])
    return total


def measure(server: Server, options: Namespace) -> dict[str, float]:
    """Rates and CPU for each message."""
    before = delivered(server)
    cpu = cpu_seconds(server.roots)
    start = time.monotonic()
    uvloop.run(send(server, options))
    accepted = time.monotonic() - start
    while delivered(server) < before + options.messages:
        if time.monotonic() - start > LIMIT_SECONDS:
            raise RuntimeError("not all mail was delivered in time")
        time.sleep(0.02)
    took = time.monotonic() - start
    used = cpu_seconds(server.roots) - cpu
    return {
        "accepted_per_s": options.messages / accepted,
        "delivered_per_s": options.messages / took,
        "cpu_us_per_message": used / options.messages * 1e6,
    }
