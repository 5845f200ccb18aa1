"""A page of a mailbox over JMAP: Email/query and Email/get of 50 in one request, at any place in a large mailbox."""

import base64
import json
import random
import re
import socket
import statistics
import time
from argparse import Namespace
from typing import Any

from bench import fetch
from bench.processes import cpu_seconds
from bench.servers import Server

PAGE = 50
REQUESTS = 200
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
LIST = ["threadId", "mailboxIds", "keywords", "from", "to", "subject", "receivedAt", "size", "hasAttachment"]
_filled: set[str] = set()


class Client:
    """One HTTP connection that stays. A request is one write, and what comes is acknowledged at once: neither side is to
    wait for the timers of the other's TCP."""

    def __init__(self, server: Server, user: str) -> None:
        self._socket = socket.create_connection((server.host, server.http))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = b""
        token = base64.b64encode(f"{user}:{server.password}".encode()).decode()
        self._head = f"Host: {server.host}:{server.http}\r\nAuthorization: Basic {token}\r\n"
        session = self._ask("GET", "/.well-known/jmap")
        self._path = session["apiUrl"].removeprefix(f"http://{server.host}:{server.http}")
        self.account_id = session["primaryAccounts"][USING[1]]

    def _ask(self, method: str, path: str, body: bytes = b"") -> Any:
        said = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(said.encode() + body)
        head = self._until(b"\r\n\r\n").decode().lower()
        if found := re.search(r"^content-length: *(\d+)", head, re.M):
            octets = self._take(int(found[1]))
        else:
            octets = b"".join(iter(self._chunk, b""))
        if " 30" in head[:12]:
            return self._ask(method, re.search(r"^location: *(?:https?://[^/]*)?(\S+)", head, re.M)[1], body)
        if " 200 " not in head[:13]:
            raise RuntimeError(head + str(octets[:300]))
        return json.loads(octets)

    def _chunk(self) -> bytes:
        size = int(self._until(b"\r\n"), 16)
        return self._take(size + 2)[:-2]

    def _more(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        octets = self._socket.recv(1 << 20)
        if not octets:
            raise RuntimeError("the connection was closed")
        self._held += octets

    def _until(self, ending: bytes) -> bytes:
        while ending not in self._held:
            self._more()
        found, _, self._held = self._held.partition(ending)
        return found

    def _take(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        found, self._held = self._held[:count], self._held[count:]
        return found

    def call(self, *calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """The arguments of each response."""
        made = [[name, {"accountId": self.account_id, **given}, str(n)] for n, (name, given) in enumerate(calls)]
        answer = self._ask("POST", self._path, json.dumps({"using": USING, "methodCalls": made}).encode())
        for name, arguments, _ in answer["methodResponses"]:
            if name == "error":
                raise RuntimeError(arguments)
        return [arguments for _, arguments, _ in answer["methodResponses"]]


def page(client: Client, mailbox_id: str, position: int, properties: list[str]) -> list[dict[str, Any]]:
    """So many messages from there on, the newest first."""
    query = {"filter": {"inMailbox": mailbox_id}, "sort": [{"property": "receivedAt", "isAscending": False}],
             "position": position, "limit": PAGE}  # fmt: skip
    ids = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    found: list[dict[str, Any]] = client.call(
        ("Email/query", query), ("Email/get", {"#ids": ids, "properties": properties})
    )[1]["list"]
    return found


def after_changes(client: Client, mailbox_id: str, last: int) -> list[float]:
    """Seconds of each page that is asked for right after a message was flagged: nothing that was found before is good."""
    chance, times = random.Random(2), []
    flagged = page(client, mailbox_id, 0, ["id"])[0]["id"]
    for number in range(REQUESTS // 4):
        client.call(("Email/set", {"update": {flagged: {"keywords/$flagged": None if number % 2 else True}}}))
        start = time.perf_counter()
        page(client, mailbox_id, chance.randrange(last), LIST)
        times.append(time.perf_counter() - start)
    return times


def measure(server: Server, options: Namespace) -> dict[str, float]:
    """Pages a second of one client, and CPU for each, with and without previews."""
    user = server.user_names[0]
    if server.name not in _filled:
        fetch.fill(server, options.mailbox, user)
        _filled.add(server.name)
    client = Client(server, user)
    boxes = client.call(("Mailbox/get", {"ids": None, "properties": ["name", "totalEmails"]}))[0]["list"]
    box = next(one for one in boxes if one["name"] == "big")
    if box["totalEmails"] != options.mailbox:
        raise RuntimeError(f"{box} has not {options.mailbox} messages")
    figures: dict[str, float] = {}
    for name, properties in (("page", LIST), ("page_with_preview", [*LIST, "preview"])):
        chance, times = random.Random(1), []
        page(client, box["id"], 0, properties)
        cpu = cpu_seconds(server.roots)
        for _ in range(REQUESTS):
            position = chance.randrange(options.mailbox - PAGE)
            start = time.perf_counter()
            if len(page(client, box["id"], position, properties)) != PAGE:
                raise RuntimeError("a page is not whole")
            times.append(time.perf_counter() - start)
        figures[f"{name}s_a_second"] = REQUESTS / sum(times)
        figures[f"{name}_p50_ms"] = statistics.median(times) * 1000
        figures[f"{name}_cpu_ms"] = (cpu_seconds(server.roots) - cpu) / REQUESTS * 1000
    figures["page_after_a_change_p50_ms"] = (
        statistics.median(after_changes(client, box["id"], options.mailbox - PAGE)) * 1000
    )
    return figures
