"""One IMAP conversation: whole commands in, responses out, by the states of `grammar.imap.states`.

Commands are answered in their order, one at a time (RFC 3501 §5.5). Long answers go out in pieces (`pace`), so that
what is held for one client is bounded and others have their turn. What must never happen: an EXPUNGE told during
FETCH, STORE or SEARCH, since numbers would shift under the client (RFC 9051 §7.5.1); an OK for what is not on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from ssl import SSLContext
from typing import TypeAlias

import msgspec

from pillarbox.core.mail import Mail
from pillarbox.grammar.imap import states
from pillarbox.grammar.imap.commands import line
from pillarbox.grammar.imap.commands.append import Append
from pillarbox.grammar.imap.framing import Announced, Chunk, CommandReader, Event, TooLong, Whole
from pillarbox.grammar.imap.responses import status
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.imap.states import State
from pillarbox.model.account import Account
from pillarbox.model.errors import MailError, SyntaxProblem
from pillarbox.serve.dialogue.pump import Pump, Spawn
from pillarbox.serve.imap import handlers, replies
from pillarbox.serve.imap.selected import Selected

Answer: TypeAlias = Status | None

FLUSH_OCTETS = 65_536
"""So much is gathered before it is written; with the connection's own bound it is all that waits for one client."""
TURN_SECONDS = 0.002
"""After so long others have their turn."""


class ImapSession(Pump):
    """The state of one connection; handlers are functions in the modules beside this one."""

    __slots__ = (
        "__weakref__", "_at_work", "_bad", "_out", "_out_octets", "_turn", "account", "begun", "idle_tag", "mail",
        "reader", "selected", "state", "tls_context",
    )  # fmt: skip

    def __init__(self, mail: Mail, tls: SSLContext | None, spawn: Spawn) -> None:
        super().__init__(spawn)
        self.mail = mail
        self.tls_context = tls
        self.state = State.NOT_AUTHENTICATED
        self.account: Account | None = None
        self.selected: Selected | None = None
        self.idle_tag: bytes | None = None
        self.begun: datetime = mail.clock.now()
        self.reader = CommandReader(mail.limits.imap_line_octets)
        self._out: list[bytes] = []
        self._out_octets = 0
        self._turn = 0.0
        self._bad = 0
        self._at_work = b"*"

    # --- facts ---------------------------------------------------------------------------------------------------

    @property
    def peer_ip(self) -> str:
        """The peer's address alone."""
        return self.line.peer.rpartition(":")[0].strip("[]")

    @property
    def may_send_password(self) -> bool:
        """Under TLS, or where nobody else can listen."""
        return bool(self.line.tls) or self.peer_ip.startswith("127.") or self.peer_ip == "::1"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is answered."""
        return self.state is State.LOGOUT

    @property
    def owner(self) -> Account:
        """Who has signed in; the state table sees to it that somebody has."""
        assert self.account is not None
        return self.account

    @property
    def view(self) -> Selected:
        """The mailbox that is selected; the state table sees to it that one is."""
        assert self.selected is not None
        return self.selected

    # --- the pump ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Greet, with what can be done (RFC 3501 §7.1)."""
        code = b"CAPABILITY " + " ".join(handlers.capability_names(self)).encode()
        self.tell(Status(b"*", "OK", f"{self.mail.hostname} Pillarbox at your service", code))
        self.flush()
        self.line.set_timeout(self.mail.limits.imap_preauth_timeout_seconds)

    async def work(self) -> None:
        """Answer all commands that have come whole."""
        self._turn = self.mail.clock.monotonic()
        self.reader.feed(self.take())
        while not (self.is_closed or self.is_over):
            if self.idle_tag is not None:
                if not await self._idle_on():
                    break
                continue
            event = self.reader.next()
            if event is None:
                break
            await self._handle(event)
            if self.closing:
                break
            await self.pace()
        self.flush()
        if self.is_over:
            self.discard_pending()
            self.line.close()

    async def _idle_on(self) -> bool:
        """Within IDLE: news for a client that has begun to read again, then DONE. Whether a line was there."""
        if self.line.is_congested:
            self.flush()
            await self.line.wait_drained()
        while self.selected is not None and self.selected.has_news:
            await self.selected.tell(self, expunges=True)
        return not self.is_over and self._read_done()

    def _read_done(self) -> bool:
        """Within IDLE only DONE may come (RFC 2177 §3). Whether a line was there."""
        event = self.reader.next()
        if event is None:
            return False
        tag, self.idle_tag = self.idle_tag, None
        assert tag is not None
        handlers.end_idle(self)
        if self.is_over:
            return True
        if isinstance(event, Whole) and event.text.upper() == b"DONE":
            self.tell(Status(tag, "OK", "IDLE is over"))
        else:
            self._count_bad(Status(tag, "BAD", "DONE was expected"))
            if isinstance(event, Announced):
                self.reader.refuse(event.size_octets, waits=event.waits)
        return True

    async def _handle(self, event: Event) -> None:
        match event:
            case Whole(text):
                await self._command(text)
            case Announced():
                await self._literal(event)
            case TooLong(text):
                self._count_bad(Status(line.tag_of(text), "BAD", "The command is too long", b"TOOBIG"))
            case Chunk():
                return  # of a literal that nobody wants any more

    async def _literal(self, event: Announced) -> None:
        """Before the octets come: APPEND's is streamed, others join the command, or are refused."""
        tag = line.tag_of(event.text)
        limits = self.mail.limits
        if handlers.is_append(event.text) and states.is_in_order(Append, self.state):
            self._at_work = tag
            problem = await handlers.append(self, event)
            if problem is not None:
                self.finish(problem)
            return
        most, whole = limits.imap_literal_octets, limits.imap_command_octets
        if self.account is None:
            most = whole = limits.imap_line_octets  # a stranger is not given more than a line
        if event.size_octets > most or len(event.text) + event.size_octets > whole:
            self.reader.refuse(event.size_octets, waits=event.waits)
            self._count_bad(Status(tag, "BAD", "The literal is too large", b"TOOBIG"))
            return
        self.reader.accept(event.size_octets)
        if event.waits:
            self.send(status.format_continuation(b"go on"))
            self.flush()

    async def _command(self, text: bytes) -> None:
        try:
            tag, command = line.parse(text)
        except SyntaxProblem as problem:
            self._count_bad(replies.reply_to(line.tag_of(text), problem))
            return
        kind = type(command)
        if not states.is_in_order(kind, self.state):
            self._count_bad(Status(tag, "BAD", f"Not in the state: {self.state.value}"))
            return
        self._at_work = tag
        try:
            answer = await HANDLERS[kind](self, tag, command)
        except MailError as problem:
            answer = replies.reply_to(tag, problem)
        if answer is not None:
            if answer.kind == "OK":
                self.state = states.LEADS_TO.get(kind, self.state)
            self.finish(answer)

    def finish(self, answer: Status) -> None:
        """The tagged response, after the news that may be told now."""
        if answer.kind == "BAD":
            self._count_bad(answer)
        else:
            self.tell(answer)

    def close_after_work(self) -> None:
        """What is queued goes out, then the connection ends."""
        self.state = State.LOGOUT
        if not self.is_working:
            self.flush()
            self.line.close()

    def _count_bad(self, answer: Status) -> None:
        self.tell(answer)
        self._bad += 1
        if self._bad > self.mail.limits.imap_bad_commands:
            self.tell(Status(b"*", "BYE", "Too many bad commands"))
            self.state = State.LOGOUT

    # --- output --------------------------------------------------------------------------------------------------

    def tell(self, answer: Status) -> None:
        """Queue a status response."""
        self.send(status.format(answer))

    def send(self, octets: bytes) -> None:
        """Queue octets; `flush` or `pace` sends them."""
        self._out.append(octets)
        self._out_octets += len(octets)

    def flush(self) -> None:
        """Send what is queued in one write."""
        if self._out:
            self.line.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
            self._out.clear()
            self._out_octets = 0

    async def pace(self) -> None:
        """Between the pieces of a long answer: send what has gathered, wait while the client reads slowly, and let
        others have their turn. Raises: Unavailable when the client has gone."""
        if self._out_octets >= FLUSH_OCTETS:
            self.flush()
            if self.line.is_congested:
                await self.line.wait_drained()
                self._turn = self.mail.clock.monotonic()
        if self.mail.clock.monotonic() - self._turn > TURN_SECONDS:
            await asyncio.sleep(0)
            self._turn = self.mail.clock.monotonic()

    # --- end -----------------------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Leave the selected mailbox."""
        if self.selected is not None:
            self.selected.close()
            self.selected = None

    def idle(self) -> None:
        """Told by wire. A command at work is no silence of the client's: its time begins anew."""
        if self.is_working and self._arrival is None:
            limits = self.mail.limits
            signed_in = self.account is not None
            self.line.set_timeout(
                limits.imap_idle_timeout_seconds if signed_in else limits.imap_preauth_timeout_seconds
            )
        else:
            super().idle()

    def farewell(self) -> None:
        """BYE (RFC 3501 §7.1.5)."""
        text = "The server closes, come again" if self.closing else "Nothing was said for too long"
        self.tell(Status(b"*", "BYE", text))
        self.flush()

    def report_bug(self) -> None:
        """NO [SERVERBUG] to the command that was at work; what it had begun to say is void, and IDLE is over."""
        self.idle_tag = None
        if self.selected is not None:
            self.selected.view.listener = None
        self._out.clear()
        self._out_octets = 0
        self.tell(replies.bug(self._at_work))
        self.flush()

    def ended(self) -> None:
        """Let go of everything."""
        self.let_go()

    def describe(self) -> dict[str, str]:
        """Where this session stands, for the operator."""
        return {
            "peer": self.line.peer,
            "state": self.state.value,
            "account": "" if self.account is None else str(self.account.address),
            "mailbox": "" if self.selected is None else "/".join(self.selected.path),
            "since": self.begun.isoformat(),
        }


Handler: TypeAlias = Callable[[ImapSession, bytes, msgspec.Struct], Awaitable[Answer]]

HANDLERS: dict[type[msgspec.Struct], Handler] = handlers.TABLE
