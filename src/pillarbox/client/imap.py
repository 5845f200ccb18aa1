"""An IMAP client (RFC 3501) on the server's own grammar: for `pillarbox mail`, the demo and tests.

Commands are values of `grammar.imap.commands`; what comes back untagged is kept until the command is done. The
dialogue is recorded, with secrets masked.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.commands import append, copy, fetch, line, mailbox, search, select, session, store
from pillarbox.grammar.imap.framing import ResponseReader
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.grammar.imap.responses import fetch as fetch_responses
from pillarbox.grammar.imap.responses import mailbox as mailbox_responses
from pillarbox.grammar.imap.responses import search as search_responses
from pillarbox.grammar.imap.responses import status as status_responses
from pillarbox.grammar.imap.responses.fetch import Fetched
from pillarbox.grammar.imap.responses.mailbox import Listed
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.sasl.plain import Credentials, encode64, format_plain
from pillarbox.model.errors import BadCredentials, MailError, Refused, SyntaxProblem, Unavailable
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Speaker
from pillarbox.model.ports import Clock
from pillarbox.model.query import Query
from pillarbox.model.transcript import MASK, Transcript
from pillarbox.wire.connection import Line, connect

COMMAND_SECONDS = 120.0
RESPONSE_OCTETS = 200 << 20


class ImapRefusal(MailError):
    """NO or BAD; `status` has the server's words."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.text)
        self.status = status


class Answer(msgspec.Struct, frozen=True):
    """What a command brought: the tagged status, and the untagged responses before it, raw, without `* `."""

    status: Status
    untagged: tuple[bytes, ...]

    def named(self, name: bytes) -> list[bytes]:
        """What follows the name, of each untagged response of that name."""
        prefix = name + b" "
        return [text[len(prefix) :] for text in self.untagged if text[: len(prefix)].upper() == prefix]


class ImapClient:
    """A session with one server; one command at a time."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.recorder = Transcript("IMAP", clock)
        self.capabilities: frozenset[str] = frozenset()
        self._limits = limits
        self._line: Line | None = None
        self._reader = ResponseReader(RESPONSE_OCTETS)
        self._responses: deque[bytes] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._problem: MailError | None = None
        self._count = 0

    # --- the sink ------------------------------------------------------------------------------------------------

    def connected(self, connection: Line) -> None:
        """Told by wire."""
        self._line = connection
        self.recorder.client, self.recorder.server = connection.local, connection.peer
        self._note_tls()

    def received(self, data: bytes) -> None:
        """Told by wire."""
        try:
            self._responses.extend(self._reader.feed(data))
        except ValueError as problem:
            self._problem = Unavailable(str(problem))
        self._wake()

    def idle(self) -> None:
        """Told by wire."""

    def shutdown(self) -> None:
        """Told by wire."""

    def closed(self) -> None:
        """Told by wire."""
        self._problem = self._problem or Unavailable("the server closed the connection")
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _note_tls(self) -> None:
        if self._line is not None and self._line.tls:
            self.recorder.tls = self._line.tls
            self.recorder.event(f"TLS: {self._line.tls}")

    async def _response(self) -> bytes:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                while not self._responses:
                    if self._problem is not None:
                        raise self._problem
                    self._waiting = asyncio.get_running_loop().create_future()
                    await self._waiting
        except TimeoutError:
            raise Unavailable("the server did not answer in time") from None
        response = self._responses.popleft()
        self.recorder.add(Speaker.SERVER, _shown(response))
        return response

    # --- commands --------------------------------------------------------------------------------------------------

    async def open(
        self, host: str, port: int, *, implicit_tls: bool, starttls: bool, context: ssl.SSLContext | None
    ) -> None:
        """Connect, read the greeting, encrypt. Raises: Unavailable, Refused."""
        self.recorder.server = f"{host}:{port}"
        await connect(host, port, self, self._limits, tls=context if implicit_tls else None)
        greeting = status_responses.parse(await self._response())
        if greeting.kind == "BYE":
            raise Refused(greeting.text)
        if starttls and context is not None:
            await self.command(session.StartTls())
            assert self._line is not None
            self._reader = ResponseReader(RESPONSE_OCTETS)
            await self._line.start_tls(context, server_side=False, server_hostname=host)
            self._note_tls()
        await self.read_capabilities()

    async def command(self, command: msgspec.Struct, *, shown: str | None = None) -> Answer:
        """Send one, wait for its tagged status. Raises: ImapRefusal, Unavailable."""
        self._count += 1
        tag = b"a%d" % self._count
        await self._send(line.format(tag, command), shown)
        return await self._finish(tag)

    async def _send(self, octets: bytes, shown: str | None = None) -> None:
        """With literals: each is announced and waited for, unless the server takes them at once."""
        if self._line is None or self._problem is not None:
            raise self._problem or Unavailable("not connected")
        self.recorder.add(Speaker.CLIENT, _shown(octets) if shown is None else shown)
        pieces = _split_literals(octets)
        for position, piece in enumerate(pieces):
            self._line.write(piece)
            if position < len(pieces) - 1:
                await self._continuation()
            elif self._line.is_congested:
                await self._line.wait_drained()

    async def _continuation(self) -> None:
        response = await self._response()
        if not response.startswith(b"+"):
            raise ImapRefusal(_status(response))

    async def _finish(self, tag: bytes) -> Answer:
        untagged: list[bytes] = []
        while True:
            response = await self._response()
            if response.startswith(b"* "):
                untagged.append(response[2:])
                continue
            status = _status(response)
            if status.tag != tag:
                raise Unavailable("the server answered another command")
            if status.kind != "OK":
                raise ImapRefusal(status)
            return Answer(status, tuple(untagged))

    async def read_capabilities(self) -> None:
        """RFC 3501 §6.1.1."""
        found = (await self.command(session.Capability())).named(b"CAPABILITY")
        self.capabilities = frozenset(b" ".join(found).decode("latin-1").upper().split())

    async def sign_in(self, credentials: Credentials) -> None:
        """AUTHENTICATE PLAIN where it is offered, else LOGIN. Raises: BadCredentials."""
        name, password = credentials.authcid.encode(), credentials.password.encode()
        try:
            if {"AUTH=PLAIN", "SASL-IR"} <= self.capabilities:
                initial = encode64(format_plain(credentials))
                plain = session.Authenticate("PLAIN", initial)
                await self.command(plain, shown=f"a{self._count + 1} AUTHENTICATE PLAIN {MASK}")
            else:
                login = session.Login(name, password)
                await self.command(login, shown=f"a{self._count + 1} LOGIN {credentials.authcid} {MASK}")
        except ImapRefusal as refusal:
            raise BadCredentials(refusal.text) from None
        await self.read_capabilities()

    async def mailboxes(self) -> list[Listed]:
        """All mailboxes."""
        answer = await self.command(mailbox.List(b"", (b"*",)))
        return [mailbox_responses.parse_list(Cursor(text)) for text in answer.named(b"LIST")]

    async def find_use(self, attribute: str, default: Path) -> Path:
        """The mailbox with a special use such as "\\Sent"; made under its usual name where there is none."""
        listed = await self.mailboxes()
        for found in listed:
            if attribute.lower() in (a.lower() for a in found.attributes):
                return found.path
        if default not in [found.path for found in listed]:
            await self.command(mailbox.Create(default))
        return default

    async def select(self, path: Path, *, read_only: bool = False) -> int:
        """How many messages there are."""
        answer = await self.command(select.Examine(path) if read_only else select.Select(path))
        exists = [int(text.split()[0]) for text in answer.untagged if text.upper().endswith(b" EXISTS")]
        return exists[-1] if exists else 0

    async def fetch(self, uids: Sequence[int], items: Sequence[fetch.FetchItem]) -> list[Fetched]:
        """Those of the messages that are there."""
        if not uids:
            return []
        command = fetch.Fetch(sequence_set.of_numbers(sorted(uids)), (fetch.Item.UID, *items), by_uid=True)
        return _fetched(await self.command(command))

    async def search(self, query: Query) -> list[int]:
        """UIDs."""
        answer = await self.command(search.Search(query, by_uid=True))
        return [uid for text in answer.untagged if text.upper().startswith(b"SEARCH") for uid in _numbers(text)]

    async def append(self, path: Path, octets: bytes, flags: FlagSet, received: datetime | None = None) -> int | None:
        """The new UID, where the server says it (RFC 4315 §3)."""
        self._count += 1
        tag = b"a%d" % self._count
        head = append.format_append(append.Append(path, flags, received), len(octets))
        await self._send(tag + b" APPEND" + head + octets + b"\r\n")
        answer = await self._finish(tag)
        if not answer.status.code.upper().startswith(b"APPENDUID"):
            return None
        return search_responses.parse_uid_code(answer.status.code)[1][0]

    async def store(self, uids: Sequence[int], action: store.StoreAction, flags: FlagSet) -> None:
        """Change flags, silently."""
        numbers = sequence_set.of_numbers(sorted(uids))
        await self.command(store.Store(numbers, action, flags, is_silent=True, by_uid=True))

    async def move(self, uids: Sequence[int], path: Path) -> None:
        """RFC 6851 §3."""
        await self.command(copy.Move(sequence_set.of_numbers(sorted(uids)), path, by_uid=True))

    async def logout(self) -> None:
        """Say goodbye, close."""
        try:
            await self.command(session.Logout())
        except (ImapRefusal, Unavailable):
            self.recorder.event("closed without an answer")
        finally:
            if self._line is not None:
                self._line.close()


def _status(response: bytes) -> Status:
    try:
        return status_responses.parse(response)
    except SyntaxProblem as problem:
        raise Unavailable(f"the server does not speak IMAP: {problem.text}") from None


def _numbers(text: bytes) -> list[int]:
    return search_responses.parse_search(text[len(b"SEARCH") :])


def _fetched(answer: Answer) -> list[Fetched]:
    found = []
    for text in answer.untagged:
        number, _, rest = text.partition(b" ")
        if number.isdigit() and rest[:6].upper() == b"FETCH ":
            found.append(fetch_responses.parse_fetch(int(number), Cursor(rest, 6)))
    return found


def _shown(octets: bytes) -> bytes:
    """A line for the transcript: what is in literals is elided."""
    head, brace, rest = octets.partition(b"}\r\n")
    if not brace or not head.rpartition(b"{")[2].rstrip(b"+").isdigit():
        return octets
    count = int(head.rpartition(b"{")[2].rstrip(b"+"))
    return head + b"} ... %d octets ... " % count + _shown(rest[count:])


def _split_literals(octets: bytes) -> list[bytes]:
    """Pieces that end where the server must be waited for."""
    pieces = []
    place = 0
    while True:
        end = octets.find(b"}\r\n", place)
        digits = octets[octets.rfind(b"{", 0, end) + 1 : end] if end >= 0 else b""
        if not digits.isdigit():
            pieces.append(octets)
            return pieces
        pieces.append(octets[: end + 3])
        octets = octets[end + 3 :]
        place = int(digits)
