"""Plays dialogues that one can read aloud against SMTP sessions over memory lines, with a real core on SQLite.

    # What it shows, and the standard's section.
    Given: 1 comes to submission               else all come to the port of other servers
    Given: 1 comes from 192.0.2.7              else all come from loopback; `… from … to submission` for both
    Given: 1 has greeted                       its EHLO is over
    Given: 1 is alice                          signed in on the submission port
    Given: the limit smtp_recipients is 3
    Given: the alias all@uiowa.test leads to alice@uiowa.test carol@illinois.test
    Given: illinois.test takes no mail         a null MX
    1C: RSET                                   sent with CRLF, a packet of its own
    1C+ RSET                                   the same, in one packet with what follows
    1C~ one\\n.\\r\\n                            sent as it is; \\r \\n \\0 \\xff are octets
    1S: 250 2.0.0 …                            the next line must be this; `…` stands for anything
    1S: (closed)                               the connection ends
    1: (silence)                               the client says nothing for too long
    1: (shutdown)                              the server closes
    1: (gone)                                  the client hangs up
    Then: alice has 2 messages
    Then: the queue holds carol@illinois.test  or: nothing
    alice| Subject: hello                      the next line of the newest message that alice has

At the end nothing may be left unread.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from memory_stage import DOMAIN, PASSWORD, SECONDS, MemoryClient, open_mail
from pillarbox.core.mail import Mail
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import NotFound
from pillarbox.model.limits import Limits
from pillarbox.serve.smtp.listener import make_listener
from pillarbox.serve.smtp.profile import MX, SUBMISSION, SUBMISSIONS, Profile
from pillarbox.serve.smtp.session import SmtpSession
from pillarbox.store.disk import Disk
from pillarbox.wire.listener import Gate, Listener
from pillarbox.wire.memory import MemoryLine, connect_in_memory

PROFILES = {profile.name: profile for profile in (MX, SUBMISSION, SUBMISSIONS)}


async def messages_of(mail: Mail, user: str) -> list[bytes]:
    """All messages in somebody's INBOX, whole."""
    account = await mail.accounts.find(Address(user, DOMAIN))
    inbox = await mail.mailboxes.get(account.id, ("INBOX",))
    found: list[bytes] = []
    while True:
        try:
            async with await mail.messages.content(account.id, inbox.id, len(found) + 1) as content:
                found.append(await content.read())
        except NotFound:
            return found


async def queued(mail: Mail) -> list[str]:
    """Who waits in the queue, in order."""
    return sorted(str(recipient.address) for message in await mail.queue.list() for recipient in message.recipients)


class Client(MemoryClient):
    """The other end; what is held goes with what comes next."""

    session: SmtpSession
    held = b""

    def send(self, octets: bytes) -> None:
        """In one packet, with what was held."""
        self.line.write(self.held + octets)
        self.held = b""

    async def read_reply(self) -> list[bytes]:
        """All lines of one reply."""
        found: list[bytes] = []
        while not found or found[-1][3:4] == b"-":
            line = await self.read_line()
            assert line is not None, f"closed after {found}"
            found.append(line)
        return found

    async def ask(self, text: bytes | str) -> bytes:
        """Send a line; the last line of its reply."""
        self.send((text.encode() if isinstance(text, str) else text) + b"\r\n")
        return (await self.read_reply())[-1]


class Stage:
    """The server's sessions and their clients."""

    def __init__(self, mail: Mail, tasks: asyncio.TaskGroup) -> None:
        self.mail = mail
        self._tasks = tasks
        self.clients: dict[str, Client] = {}

    def connect(self, name: str = "1", *, peer: str = "127.0.0.1", port: str = "mx") -> Client:
        """A client that has not read the greeting yet."""
        client, profile = Client(), PROFILES[port]
        client.session = SmtpSession(
            self.mail, profile, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._tasks.create_task
        )
        sink = _Encrypted(client.session) if profile.starts_encrypted else client.session
        connect_in_memory(client, sink, client_address=f"{peer}:40000", server_address="127.0.0.1:25")
        self.clients[name] = client
        return client

    async def greet(self, name: str = "1", **how: str) -> Client:
        """A client whose EHLO is over."""
        client = self.clients.get(name) or self.connect(name, **how)
        await client.read_reply()
        assert (await client.ask("EHLO client.test")).startswith(b"250 ")
        return client

    async def sign_in(self, name: str = "1", user: str = "alice") -> Client:
        """A client that has signed in on the submission port."""
        client = await self.greet(name, port="submission")
        assert await client.ask(b"AUTH PLAIN " + plain(user, PASSWORD)) == b"235 2.7.0 Signed in"
        return client

    def close(self) -> None:
        """All connections end."""
        for client in self.clients.values():
            client.line.abort()


def plain(user: str, password: str) -> bytes:
    """The initial response of PLAIN, in base64."""
    return base64.b64encode(f"\0{user}@{DOMAIN}\0{password}".encode())


class _Encrypted:
    """Stands before a session whose connection begins with a handshake."""

    def __init__(self, session: SmtpSession) -> None:
        self._session = session

    def connected(self, line: MemoryLine) -> None:
        line.tls = "TLSv1.3 memory"
        line.sink = self._session
        self._session.connected(line)


@asynccontextmanager
async def open_stage(
    folder: Path, *, vfs: str | None = None, disk: Disk | None = None, **limits: object
) -> AsyncIterator[Stage]:
    """A stage on the data of a folder, closed at the end."""
    chosen = msgspec.structs.replace(Limits(), **limits)
    async with open_mail(folder, chosen, vfs=vfs, disk=disk) as mail, asyncio.TaskGroup() as tasks:
        stage = Stage(mail, tasks)
        try:
            yield stage
        finally:
            stage.close()


STEP = re.compile(r"(Given|Then): (.*)|(\d+)(C:|C\+|C~|S:|:)(?: (.*))?|([a-z]+)(\|)(?: (.*))?")
LIMIT = re.compile(r"the limit (\w+) is (\S+)")


class Step(msgspec.Struct, frozen=True):
    """One line of a dialogue."""

    number: int
    who: str
    kind: str
    text: str


def read_steps(path: Path) -> list[Step]:
    """The steps of a file, without comments."""
    steps = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = STEP.fullmatch(line)
        assert found, f"{path.name}:{number}: {line}"
        kind = found[1] or found[4] or found[7]
        steps.append(Step(number, found[3] or found[6] or "", kind, found[2] or found[5] or found[8] or ""))
    return steps


def limits_of(steps: list[Step]) -> dict[str, object]:
    """The limits that a dialogue asks for."""
    found = [LIMIT.fullmatch(step.text) for step in steps if step.kind == "Given"]
    kinds = {field.name: field.type for field in msgspec.structs.fields(Limits)}
    return {m[1]: m[2] == "true" if kinds[m[1]] is bool else kinds[m[1]](m[2]) for m in found if m}


class Player:
    """Plays the steps of one dialogue."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._reading: dict[str, list[bytes]] = {}

    async def play(self, steps: list[Step]) -> None:
        """All steps in order, and nothing left unread."""
        for step in steps:
            try:
                await self._play(step)
            except TimeoutError:
                raise AssertionError(f"line {step.number}: nothing came, expected {step.text!r}") from None
            except AssertionError as problem:
                raise AssertionError(f"line {step.number}: {problem}") from None
        for name, client in self._stage.clients.items():
            assert not client.octets, f"{name} has not read {bytes(client.octets)!r}"

    async def _play(self, step: Step) -> None:
        match step.kind:
            case "Given":
                await self._prepare(step.text)
            case "Then":
                await self._look(step.text)
            case "|":
                await self._read_on(step.who, step.text)
            case _:
                await self._converse(step)

    async def _converse(self, step: Step) -> None:
        client = self._stage.clients.get(step.who) or self._stage.connect(step.who)
        match step.kind:
            case "C:":
                await _send(client, step.text.encode() + b"\r\n")
            case "C+":
                client.held += step.text.encode() + b"\r\n"
            case "C~":
                await _send(client, step.text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
            case "S:":
                await _hear(client, step.text)
            case _:
                _happen(client, step.text)

    async def _prepare(self, text: str) -> None:
        if LIMIT.fullmatch(text):
            return
        elif found := re.fullmatch(r"(\w+) is (\w+)", text):
            await self._stage.sign_in(found[1], found[2])
        elif found := re.fullmatch(r"(\w+) has greeted", text):
            await self._stage.greet(found[1])
        elif found := re.fullmatch(r"(\w+) comes(?: from (\S+))?(?: to (\w+))?", text):
            self._stage.connect(found[1], peer=found[2] or "127.0.0.1", port=found[3] or "mx")
        elif found := re.fullmatch(r"the alias (.+) leads to (.+)", text):
            targets = tuple(parse_address(target) for target in found[2].split())
            await self._stage.mail.directory.add_alias(parse_address(found[1]), targets)
        elif found := re.fullmatch(r"(\S+) takes no mail", text):
            self._stage.mail.resolver.zones[found[1]] = {"MX": [(0, "")]}
        else:
            raise AssertionError(f"nobody knows how to prepare {text!r}")

    async def _look(self, text: str) -> None:
        if found := re.fullmatch(r"(\w+) has (\d+) messages?", text):
            assert len(await messages_of(self._stage.mail, found[1])) == int(found[2])
        elif found := re.fullmatch(r"the queue holds (.+)", text):
            assert await queued(self._stage.mail) == ([] if found[1] == "nothing" else found[1].split())
        else:
            raise AssertionError(f"nobody knows how to look whether {text!r}")

    async def _read_on(self, user: str, expected: str) -> None:
        if user not in self._reading:
            self._reading[user] = (await messages_of(self._stage.mail, user))[-1].split(b"\r\n")
        assert self._reading[user], f"the message ends before {expected!r}"
        _compare(self._reading[user].pop(0), expected)


async def _send(client: Client, octets: bytes) -> None:
    """As a packet of its own: the session has it before the next one comes."""
    client.send(octets)
    for _ in range(5):
        await asyncio.sleep(0)


async def _hear(client: Client, expected: str) -> None:
    line = await client.read_line()
    if expected == "(closed)":
        assert line is None, f"expected the end, got {line!r}"
        return
    assert line is not None, f"the connection has ended, expected {expected!r}"
    _compare(line, expected)


def _compare(line: bytes, expected: str) -> None:
    pattern = ".*".join(re.escape(piece) for piece in expected.split("…"))
    assert re.fullmatch(pattern, line.decode(), re.S), f"expected {expected!r}, got {line.decode()!r}"


def _happen(client: Client, what: str) -> None:
    match what:
        case "(silence)":
            client.session.idle()
        case "(shutdown)":
            client.session.shutdown()
        case "(gone)":
            client.line.abort()
        case _:
            raise AssertionError(f"nobody knows how to play {what!r}")


@asynccontextmanager
async def open_port(mail: Mail, profile: Profile, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """A real listener on loopback, its port chosen by the system."""
    async with asyncio.TaskGroup() as tasks:
        listener = make_listener(mail, profile, tls, Gate(mail.limits), tasks)
        await listener.open("127.0.0.1", 0)
        try:
            yield listener
        finally:
            await listener.close(SECONDS)
