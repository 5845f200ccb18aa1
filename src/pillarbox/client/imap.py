"""An IMAP client (RFC 3501) on the server's own grammar: for `pillarbox mail`, the demo and tests.

Commands are values of `grammar.imap.commands`; what comes back untagged is kept until the command is done. The
dialogue is recorded, with secrets masked.
"""

import asyncio
import contextlib
import re
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
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

RESPONSE_OCTETS = 200 << 20
"""Of all that one command brings."""


_EXISTS = re.compile(rb"(\d{1,10}) EXISTS", re.IGNORECASE)
_FETCH = re.compile(rb"(\d{1,10}) FETCH ", re.IGNORECASE)
_LITERAL = re.compile(rb"\{(\d{1,15})\+?\}\r\n")


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
        self._untagged: list[bytes] = []
        self._octets = 0
        self._waiting: asyncio.Future[None] | None = None
        self._problem: MailError | None = None
        self._farewell = "the server closed the connection"
        self._count = 0

    # --- the sink ------------------------------------------------------------------------------------------------

    def connected(self, connection: Line) -> None:
        """Told by wire."""
        self._line = connection
        self.recorder.client, self.recorder.server = connection.local, connection.peer
        self._note_tls()

    def received(self, data: bytes) -> None:
        """Told by wire."""
        if self._problem is not None:
            return
        self._octets += len(data)
        try:
            found = self._reader.feed(data) if self._octets <= RESPONSE_OCTETS else None
        except ValueError:
            found = None
        if found is None:
            self._give_up("the server speaks without end")
            return
        self._responses.extend(found)
        for response in found:
            if response[:6].upper() == b"* BYE ":
                self._farewell = f"the server closes: {response[6:200].decode('utf-8', 'replace')}"
        self._wake()

    def idle(self) -> None:
        """Told by wire."""
        self._give_up("the server did not answer in time")

    def shutdown(self) -> None:
        """Told by wire."""
        self.abort()

    def closed(self) -> None:
        """Told by wire."""
        self._problem = self._problem or Unavailable(self._farewell)
        self._wake()

    def _give_up(self, reason: str) -> None:
        self._problem = self._problem or Unavailable(reason)
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Close now, without a word."""
        if self._line is not None:
            self._line.abort()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _note_tls(self) -> None:
        if self._line is not None and self._line.tls:
            self.recorder.tls = self._line.tls
            self.recorder.event(f"TLS: {self._line.tls}")

    async def _response(self) -> bytes:
        """The next one; waits as long as something comes, which may be a large literal. Raises: Unavailable."""
        assert self._line is not None
        self._line.set_timeout(self._limits.imap_client_command_seconds)
        while not self._responses:
            if self._problem is not None:
                raise self._problem
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        self._line.set_timeout(None)
        response = self._responses.popleft()
        self.recorder.add(Speaker.SERVER, _shown(response))
        return response

    # --- commands --------------------------------------------------------------------------------------------------

    async def open(
        self, host: str, port: int, *, implicit_tls: bool, starttls: bool, context: ssl.SSLContext | None
    ) -> None:
        """Connect, read the greeting, encrypt. Raises: Unavailable, Refused, ImapRefusal; nothing is open then."""
        self.recorder.server = f"{host}:{port}"
        await connect(host, port, self, self._limits, tls=context if implicit_tls else None)
        try:
            greeting = _status(await self._response())
            if greeting.kind not in ("OK", "PREAUTH"):
                raise Refused(greeting.text)
            if starttls and context is not None:
                await self._encrypt(context, host)
            await self.read_capabilities()
        except BaseException:
            self.abort()
            raise

    async def _encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """RFC 9051 §6.2.1. What came in the clear behind the OK is thrown away: nobody knows who wrote it."""
        await self.command(session.StartTls())
        assert self._line is not None
        self._reader = ResponseReader(RESPONSE_OCTETS)
        self._responses.clear()
        await self._line.start_tls(context, server_side=False, server_hostname=host)
        self._note_tls()

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
        self._octets = 0
        self._untagged = []
        self.recorder.add(Speaker.CLIENT, _shown(octets) if shown is None else shown)
        pieces = _split_literals(octets)
        for position, piece in enumerate(pieces):
            self._line.write(piece)
            if position < len(pieces) - 1:
                await self._continuation()
            elif self._line.is_congested:
                await self._line.wait_drained()

    async def _continuation(self) -> None:
        """Wait until the literal is asked for; anything untagged may come first (RFC 9051 §5.2)."""
        response = await self._tagged()
        if not response.startswith(b"+"):
            raise ImapRefusal(_status(response))

    async def _tagged(self) -> bytes:
        """The next response that is not untagged; those before it are kept."""
        while (response := await self._response()).startswith(b"* "):
            self._untagged.append(response[2:])
        return response

    async def _finish(self, tag: bytes) -> Answer:
        status = _status(await self._tagged())
        if status.tag != tag:
            raise Unavailable("the server answered another command")
        if status.kind != "OK":
            raise ImapRefusal(status)
        return Answer(status, tuple(self._untagged))

    async def read_capabilities(self) -> None:
        """RFC 3501 §6.1.1."""
        found = (await self.command(session.Capability())).named(b"CAPABILITY")
        self.capabilities = frozenset(b" ".join(found).decode("latin-1").upper().split())

    async def sign_in(self, credentials: Credentials) -> None:
        """AUTHENTICATE PLAIN where it is offered, else LOGIN. Raises: BadCredentials, Refused, Unavailable."""
        name, password = credentials.authcid.encode(), credentials.password.encode()
        try:
            if {"AUTH=PLAIN", "SASL-IR"} <= self.capabilities:
                initial = encode64(format_plain(credentials))
                plain = session.Authenticate("PLAIN", initial)
                await self.command(plain, shown=f"a{self._count + 1} AUTHENTICATE PLAIN {MASK}")
            elif "LOGINDISABLED" in self.capabilities:  # RFC 9051 §6.2.3: then the password must not be sent
                raise Refused("the server takes no password on this connection")
            else:
                login = session.Login(name, password)
                await self.command(login, shown=f"a{self._count + 1} LOGIN {credentials.authcid} {MASK}")
        except ImapRefusal as refusal:
            if refusal.status.code.upper() == b"UNAVAILABLE":
                raise Unavailable(refusal.text) from None
            raise BadCredentials(refusal.text) from None
        await self.read_capabilities()

    async def mailboxes(self) -> list[Listed]:
        """All mailboxes."""
        answer = await self.command(mailbox.List(b"", (b"*",)))
        with _speaking_imap():
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
        exists = [int(match[1]) for text in answer.untagged if (match := _EXISTS.fullmatch(text))]
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
        with _speaking_imap():
            return [uid for text in answer.untagged if text[:6].upper() == b"SEARCH" for uid in _numbers(text)]

    async def append(self, path: Path, octets: bytes, flags: FlagSet, received: datetime | None = None) -> int | None:
        """The new UID, where the server says it (RFC 4315 §3)."""
        self._count += 1
        tag = b"a%d" % self._count
        head = append.format_append(append.Append(path, flags, received), len(octets))
        await self._send(tag + b" APPEND" + head + octets + b"\r\n")
        answer = await self._finish(tag)
        if not answer.status.code.upper().startswith(b"APPENDUID"):
            return None
        with _speaking_imap():
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


@contextlib.contextmanager
def _speaking_imap() -> Iterator[None]:
    """What the grammar cannot read is the server's failure. Raises: Unavailable."""
    try:
        yield
    except SyntaxProblem as problem:
        raise Unavailable(f"the server does not speak IMAP: {problem.text}") from None


def _status(response: bytes) -> Status:
    with _speaking_imap():
        return status_responses.parse(response)


def _numbers(text: bytes) -> list[int]:
    return search_responses.parse_search(text[len(b"SEARCH") :])


def _fetched(answer: Answer) -> list[Fetched]:
    found = []
    with _speaking_imap():
        for text in answer.untagged:
            match = _FETCH.match(text)
            if match is not None:
                found.append(fetch_responses.parse_fetch(int(match[1]), Cursor(text, match.end())))
    return found


def _shown(octets: bytes) -> bytes:
    """A line for the transcript: what is in literals is elided."""
    shown = []
    place = 0
    while (match := _LITERAL.search(octets, place)) is not None:
        shown.append(octets[place : match.end() - 2] + b" ... %b octets ... " % match[1])
        place = match.end() + int(match[1])
    return b"".join(shown) + octets[place:]


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
