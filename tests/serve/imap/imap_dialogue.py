"""Plays dialogues that one can read aloud against sessions over memory lines, with a real core on SQLite.

    # What it shows, and the standard's section.
    Given: 2 messages in INBOX                 made by APPEND; subjects "Message 1", "Message 2"
    Given: INBOX has \\Seen                     one more, with flags
    Given: 1 is alice in INBOX                 signed in, the mailbox selected; `1 is alice` without a mailbox
    Given: 2 comes from 192.0.2.7              else all come from loopback
    Given: 1 comes encrypted
    Given: the limit imap_bad_commands is 3
    Given: the account is removed              alice's
    1C: a1 NOOP                                sent with CRLF
    1C: a2 APPEND INBOX {*}                    {*} and {*+}: the size of the lines `1C|` that follow
    1S: + …
    1C| Subject: hello                         a line of the literal, with CRLF
    1C>                                        the end of the command
    1S: a2 OK …                                the next line must be this; `…` stands for anything
    1S: (closed)                               the connection ends
    1: (silence)                               the client says nothing for too long
    1: (shutdown)                              the server closes
    1: (gone)                                  the client hangs up

At the end nothing may be left unread.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from memory_stage import DOMAIN, PASSWORD, SECONDS, MemoryClient, open_mail
from pillarbox.core.mail import Mail
from pillarbox.grammar.imap.framing import ResponseReader
from pillarbox.model.address import Address
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.serve.imap.listener import make_listener
from pillarbox.serve.imap.session import ImapSession
from pillarbox.wire.listener import Gate, Listener
from pillarbox.wire.memory import MemoryLine, connect_in_memory


class Client(MemoryClient):
    """The other end, by lines or by whole responses."""

    session: ImapSession

    async def ask(self, text: bytes | str, *, tag: str = "x") -> list[bytes]:
        """Send a command, read up to its tagged answer: whole responses, literals inside, that one last."""
        command = text.encode() if isinstance(text, str) else text
        self.line.write(b"%b %b\r\n" % (tag.encode(), command))
        return await self.read_until(tag)

    async def read_until(self, tag: str) -> list[bytes]:
        """Whole responses up to the tagged one."""
        reader = ResponseReader(1 << 30)
        found: list[bytes] = []
        while True:
            data, self.octets = bytes(self.octets), bytearray()
            found += reader.feed(data)
            if found and found[-1].startswith(tag.encode() + b" "):
                return found
            assert not self.is_closed, f"closed after {found[-3:]}"
            await self.wait_news()


class Stage:
    """The server's sessions and their clients."""

    def __init__(self, mail: Mail, tasks: asyncio.TaskGroup) -> None:
        self.mail = mail
        self._tasks = tasks
        self.clients: dict[str, Client] = {}

    def connect(self, name: str = "1", *, peer: str = "127.0.0.1", encrypted: bool = False) -> Client:
        """A client that has not read the greeting yet; off loopback it is offered STARTTLS."""
        client = Client()
        client.session = ImapSession(self.mail, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._tasks.create_task)
        sink = _Encrypted(client.session) if encrypted else client.session
        connect_in_memory(client, sink, client_address=f"{peer}:40000", server_address="127.0.0.1:143")
        self.clients[name] = client
        return client

    async def sign_in(self, name: str = "1", user: str = "alice", mailbox: str = "", **how: object) -> Client:
        """A client that has signed in, and selected a mailbox."""
        client = self.connect(name, **how)
        assert (await client.read_line() or b"").startswith(b"* OK")
        answer = await client.ask(f"LOGIN {user}@{DOMAIN} {PASSWORD}")
        assert answer[-1].startswith(b"x OK"), answer
        if mailbox:
            answer = await client.ask(f"SELECT {mailbox}")
            assert answer[-1].startswith(b"x OK"), answer
        return client

    def close(self) -> None:
        """All connections end."""
        for client in self.clients.values():
            client.line.abort()


class _Encrypted:
    """Stands before a session whose connection begins with a handshake."""

    def __init__(self, session: ImapSession) -> None:
        self._session = session

    def connected(self, line: MemoryLine) -> None:
        line.tls = "TLSv1.3 memory"
        line.sink = self._session
        self._session.connected(line)


@asynccontextmanager
async def open_stage(folder: Path, **limits: object) -> AsyncIterator[Stage]:
    """A stage on the data of a folder, closed at the end."""
    chosen = msgspec.structs.replace(Limits(), **limits)
    async with open_mail(folder, chosen) as mail, asyncio.TaskGroup() as tasks:
        stage = Stage(mail, tasks)
        try:
            yield stage
        finally:
            stage.close()


STEP = re.compile(r"(Given): (.*)|(\d+)(C:|C\||C>|S:|:)(?: (.*))?")
GIVEN = {
    "messages": re.compile(r"(\d+) messages? in (\S+)"),
    "flags": re.compile(r"(\S+) has (.+)"),
    "sign_in": re.compile(r"(\w+) is (\w+)(?: in (\S+))?"),
    "peer": re.compile(r"(\w+) comes from (\S+)"),
    "encrypted": re.compile(r"(\w+) comes encrypted"),
    "removal": re.compile(r"the account is removed"),
    "limit": re.compile(r"the limit (\w+) is (\S+)"),
}


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
        if found[1]:
            steps.append(Step(number, "", "Given", found[2]))
        else:
            steps.append(Step(number, found[3], found[4], found[5] or ""))
    return steps


def limits_of(steps: list[Step]) -> dict[str, object]:
    """The limits that a dialogue asks for."""
    found = [GIVEN["limit"].fullmatch(step.text) for step in steps if step.kind == "Given"]
    kinds = Limits.__annotations__
    return {m[1]: float(m[2]) if kinds[m[1]] == "float" or kinds[m[1]] is float else int(m[2]) for m in found if m}


async def play(stage: Stage, steps: list[Step]) -> None:
    """All steps in order, and nothing left unread."""
    for index, step in enumerate(steps):
        try:
            await _play(stage, step, steps[index + 1 :])
        except TimeoutError:
            raise AssertionError(f"line {step.number}: nothing came, expected {step.text!r}") from None
        except AssertionError as problem:
            raise AssertionError(f"line {step.number}: {problem}") from None
    for name, client in stage.clients.items():
        assert not client.octets, f"{name} has not read {bytes(client.octets)!r}"


async def _play(stage: Stage, step: Step, following: list[Step]) -> None:
    if step.kind == "Given":
        await _prepare(stage, step.text)
        return
    client = stage.clients.get(step.who) or stage.connect(step.who)
    match step.kind:
        case "C:":
            client.line.write(_sized(step, following).encode() + b"\r\n")
        case "C|":
            client.line.write(step.text.encode() + b"\r\n")
        case "C>":
            client.line.write(b"\r\n")
        case "S:":
            await _hear(client, step.text)
        case _:
            await _happen(client, step.text)


def _sized(step: Step, following: list[Step]) -> str:
    """The line, with the literal's real size for `{*}`."""
    if "{*" not in step.text:
        return step.text
    size = 0
    for later in following:
        if later.who == step.who and later.kind == "C|":
            size += len(later.text.encode()) + 2
        elif later.who == step.who and later.kind != "S:":
            break
    return step.text.replace("{*", f"{{{size}")


async def _hear(client: Client, expected: str) -> None:
    line = await client.read_line()
    if expected == "(closed)":
        assert line is None, f"expected the end, got {line!r}"
        return
    assert line is not None, f"the connection has ended, expected {expected!r}"
    pattern = ".*".join(re.escape(piece) for piece in expected.split("…"))
    assert re.fullmatch(pattern, line.decode(), re.S), f"expected {expected!r}, got {line.decode()!r}"


async def _happen(client: Client, what: str) -> None:
    match what:
        case "(silence)":
            client.session.idle()
        case "(shutdown)":
            client.session.shutdown()
        case "(gone)":
            client.line.abort()
        case _:
            raise AssertionError(f"nobody knows how to play {what!r}")


async def _prepare(stage: Stage, text: str) -> None:
    for name, pattern in GIVEN.items():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        match name:
            case "messages":
                for number in range(1, int(found[1]) + 1):
                    await add_message(stage.mail, found[2], subject=f"Message {number}")
            case "flags":
                await add_message(stage.mail, found[1], flags=FlagSet.of(*found[2].split()))
            case "sign_in":
                await stage.sign_in(found[1], found[2], found[3] or "")
            case "peer":
                stage.connect(found[1], peer=found[2])
            case "removal":
                await stage.mail.accounts.remove(Address("alice", DOMAIN))
            case "encrypted":
                stage.connect(found[1], peer="192.0.2.1", encrypted=True)
        return
    raise AssertionError(f"nobody knows how to prepare {text!r}")


async def add_message(
    mail: Mail,
    mailbox: str = "INBOX",
    *,
    subject: str = "hello",
    flags: FlagSet = FlagSet(),
    octets: bytes = b"",
    head: bytes = b"",
) -> int:
    """Put a message into one of alice's mailboxes; its UID."""
    account = await mail.accounts.find(Address("alice", DOMAIN))
    target = await mail.mailboxes.get(account.id, tuple(mailbox.split("/")))
    octets = octets or b"From: bob@uiowa.test\r\nSubject: %b\r\n\r\nText.\r\n" % subject.encode()
    spool = mail.spools.begin(len(octets))
    for start in range(0, len(octets), 100_000):
        if not spool.write(octets[start : start + 100_000]):
            await spool.drain()
    with await spool.finish() as content:
        placed = await mail.messages.append(
            account.id, target.id, content, flags=flags, received=mail.clock.now(), head=head
        )
    return placed.uid


@asynccontextmanager
async def open_port(mail: Mail, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """A real listener on loopback, its port chosen by the system."""
    async with asyncio.TaskGroup() as tasks:
        listener = make_listener(mail, tls, Gate(mail.limits), tasks, starts_encrypted=False)
        await listener.open("127.0.0.1", 0)
        try:
            yield listener
        finally:
            await listener.close(SECONDS)
