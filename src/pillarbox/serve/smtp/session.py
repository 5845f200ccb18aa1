"""One SMTP conversation: lines in, replies out, in the order of `grammar.smtp.states` (RFC 5321 §4.1.4).

Replies to pipelined commands go out in one write (RFC 2920 §3.2). What must never happen: a 250 after DATA for what
is not on disk; a command read from inside content, or from before TLS.
"""

from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import TypeAlias

from pillarbox.core.flow.intake import ClientFacts
from pillarbox.core.mail import Mail as Services
from pillarbox.grammar.smtp import commands, states
from pillarbox.grammar.smtp import replies as grammar_replies
from pillarbox.grammar.smtp.commands import Command
from pillarbox.grammar.smtp.framing import TOO_LONG, LineReader, Oversize
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.grammar.smtp.states import State
from pillarbox.model.account import Account
from pillarbox.model.errors import MailError
from pillarbox.model.passport import Speaker
from pillarbox.model.transcript import MASK, Transcript
from pillarbox.serve.dialogue.pump import Pump, Spawn
from pillarbox.serve.smtp import auth, content, hello, inquiry, mail, replies, reset
from pillarbox.serve.smtp.profile import Profile
from pillarbox.serve.smtp.transaction import LastAccepted, Transaction

Answer: TypeAlias = Reply | None

FLUSH_OCTETS = 65_536
"""So much is gathered before it is written, and before a client that does not read is looked at."""


class SmtpSession(Pump):
    """The state of one connection; handlers are functions in the modules beside this one."""

    __slots__ = (
        "_bad", "_count", "_handshake", "_hides_unread", "_out", "_out_octets", "accepted", "account", "helo",
        "is_extended", "is_inside_content", "is_over", "mail", "profile", "reader", "state", "tls_context", "transaction",
        "transcript",
    )  # fmt: skip

    def __init__(self, services: Services, profile: Profile, tls: SSLContext | None, spawn: Spawn) -> None:
        super().__init__(spawn)
        self.mail = services
        self.profile = profile
        self.tls_context = tls
        self.state = State.CONNECTED
        self.account: Account | None = None
        self.helo = ""
        self.is_extended = False
        self.transaction: Transaction | None = None
        self.reader = LineReader(services.limits.smtp_command_octets)
        self.transcript = Transcript("SMTP", services.clock)
        self.is_inside_content = False
        self.is_over = False
        self._out: list[bytes] = []
        self._out_octets = 0
        self._bad = 0
        self._count = 0
        self._handshake = 0
        self._hides_unread = False
        self.accepted: LastAccepted | None = None

    # --- facts ---------------------------------------------------------------------------------------------------

    @property
    def peer_ip(self) -> str:
        """The peer's address alone."""
        return self.line.peer.rpartition(":")[0].strip("[]")

    @property
    def is_loopback(self) -> bool:
        """Whether nobody else can listen."""
        return self.peer_ip.startswith("127.") or self.peer_ip == "::1"

    @property
    def may_sign_in(self) -> bool:
        """Whether a password may be sent here."""
        return self.profile.offers_sign_in and (bool(self.line.tls) or self.is_loopback)

    @property
    def handshake_lines(self) -> int:
        """How many lines of the transcript come before the first transfer."""
        return self._handshake

    def client_facts(self, *, smtputf8: bool = False) -> ClientFacts:
        """Who speaks, for `core`. The protocol word is RFC 3848's, or RFC 6531 §4.3's."""
        is_extended = self.is_extended or self.line.tls or self.account is not None  # all who do so, whatever they said
        word = "UTF8SMTP" if smtputf8 else ("ESMTP" if is_extended else "SMTP")
        word += "S" if self.line.tls else ""
        word += "A" if self.account is not None else ""
        return ClientFacts(
            self.line.peer, self.peer_ip, self.helo, word, self.line.tls, self.account, self.profile.name
        )

    # --- the pump ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Greet (RFC 5321 §3.1)."""
        self.transcript.client, self.transcript.server = self.line.peer, self.line.local
        self.transcript.tls = self.line.tls
        if self.line.tls:
            self.transcript.event(f"TLS: {self.line.tls}")
        self.say(Reply(220, "", (f"{self.mail.hostname} ESMTP Pillarbox",)))
        self.flush()
        self.line.set_timeout(self.mail.limits.smtp_command_timeout_seconds)

    async def work(self) -> None:
        """Answer all commands that have come whole."""
        self.reader.feed(self.take())
        while not (self.is_closed or self.is_over):
            line = self.reader.next()
            if line is None:
                break
            reply = await self._answer(line)
            if reply is not None:
                self.say(reply)
                self._note_late(reply)
                if reply.code in (221, 421):
                    self._leave()
            await self._pace()
            if self.closing:
                break
        self.flush()
        # Time that ran out while a command was at work ended nothing, and is not counted any more: begin anew.
        self.line.set_timeout(self.mail.limits.smtp_command_timeout_seconds)

    async def _answer(self, line: bytes | Oversize) -> Answer:
        self._count += 1
        if self._count > self.mail.limits.smtp_commands:
            return replies.TOO_MANY_COMMANDS
        if isinstance(line, Oversize):
            assert line is TOO_LONG
            self.transcript.event("a line that was too long")
            return self._count_bad(replies.LINE_TOO_LONG)
        try:
            command = commands.parse(line)
        except MailError as problem:
            self._hides_unread |= auth.may_lead_to_secrets(line)
            self.transcript.add(Speaker.CLIENT, MASK if self._hides_unread else line)
            return self._count_bad(replies.reply_to(problem))
        self._hides_unread = auth.may_lead_to_secrets(line)
        is_in_order = states.is_in_order(type(command), self.state)
        if isinstance(command, commands.Mail) and is_in_order:
            self._begin_transfer()
        self.transcript.add(Speaker.CLIENT, auth.shown(command, line))
        if not is_in_order:
            return self._count_bad(replies.make(503, "5.5.1", states.EXPECTED[type(command)]))
        try:
            reply = await HANDLERS[type(command)](self, command)
        except MailError as problem:
            reply = replies.reply_to(problem)
        return reply if reply is None or reply.code < 400 else self._count_bad(reply)

    def _begin_transfer(self) -> None:
        """The transcript keeps the handshake and the transfer at hand, not those before."""
        self.accepted = None
        if not self._handshake:
            self._handshake = len(self.transcript)
        self.transcript.cut(self._handshake, len(self.transcript))

    def _count_bad(self, reply: Reply) -> Reply:
        if reply.code // 100 == 5 or reply.code == 421:
            self._bad += 1
            if self._bad > self.mail.limits.smtp_bad_commands:
                return replies.TOO_MANY_ERRORS
        return reply

    def say(self, reply: Reply) -> None:
        """Queue a reply; `flush` sends all that is queued."""
        octets = grammar_replies.format(reply)
        self.transcript.add(Speaker.SERVER, octets)
        self._out.append(octets)
        self._out_octets += len(octets)

    def flush(self) -> None:
        """Send what is queued in one write."""
        if self._out:
            self.line.write(b"".join(self._out))
            self._out.clear()
            self._out_octets = 0

    async def _pace(self) -> None:
        """Who sends commands and does not read the replies has to wait. Raises: Unavailable when the client has gone."""
        if self._out_octets >= FLUSH_OCTETS:
            self.flush()
        if self.line.is_congested:
            await self.line.wait_drained()

    def _leave(self) -> None:
        """All has been said; what still comes is not read (RFC 5321 §4.1.1.10)."""
        self.flush()
        self.is_over = True
        self.line.close()

    def _note_late(self, reply: Reply) -> None:
        """What was said after the commit belongs to the message's passport too: the 250, and the closure."""
        accepted = self.accepted
        if accepted is None or not (accepted.is_new or reply.code == 221):
            return
        self.mail.passports.append_later(
            accepted.trace_id, accepted.account_id, self.transcript.lines(accepted.upto_line)
        )
        accepted.is_new = False
        accepted.upto_line = len(self.transcript)

    def forget_transaction(self) -> None:
        """Back to the state after EHLO; an envelope that was open is gone (RFC 5321 §4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.abort()
            self.transaction = None
        if self.state is not State.CONNECTED:
            self.state = State.GREETED

    def farewell(self) -> None:
        """421: RFC 5321 §3.8."""
        if not self.is_over:
            self.say(replies.SHUTTING_DOWN if self.closing else replies.SILENT_TOO_LONG)
            self._leave()

    def report_bug(self) -> None:
        """451, and the transaction is void. Inside content the connection ends: the rest is not to be read as commands."""
        self.forget_transaction()
        if self.is_inside_content:
            self.say(replies.BUG_INSIDE)
            self._leave()
        else:
            self.say(replies.BUG)
            self.flush()

    def ended(self) -> None:
        """Let go of an envelope that was open."""
        self.forget_transaction()


Handler: TypeAlias = Callable[[SmtpSession, Command], Awaitable[Answer]]

HANDLERS: dict[type[Command], Handler] = {
    commands.Helo: hello.helo,
    commands.Ehlo: hello.ehlo,
    commands.StartTls: hello.start_tls,
    commands.Auth: auth.auth,
    commands.Mail: mail.mail,
    commands.Rcpt: mail.rcpt,
    commands.Data: content.data,
    commands.Bdat: content.bdat,
    commands.Rset: reset.rset,
    commands.Noop: reset.noop,
    commands.Quit: reset.quit_,
    commands.Help: inquiry.help_,
    commands.Vrfy: inquiry.vrfy,
    commands.Expn: inquiry.expn,
}
