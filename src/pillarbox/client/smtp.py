"""An SMTP client (RFC 5321 §3, §4.5.4): relay and user agents are built on it. The grammar is the server's own.

One connection carries several messages. What became of each recipient is a `DeliveryStatus` with the remote's whole
reply; the dialogue is recorded, with secrets masked.
"""

import ssl
from collections.abc import AsyncIterable
from enum import Enum

import msgspec

from pillarbox.client.smtp_line import ConnectionLost, SmtpLine
from pillarbox.grammar.sasl.plain import Credentials, encode64, format_plain
from pillarbox.grammar.smtp import capabilities, commands
from pillarbox.grammar.smtp.capabilities import Capabilities
from pillarbox.grammar.smtp.content import ContentWriter
from pillarbox.grammar.smtp.parameters import MailParameters, RcptParameters
from pillarbox.grammar.smtp.path import format_address
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.envelope import BodyType, Envelope, Recipient
from pillarbox.model.errors import BadCredentials, MailError, Refused, Unavailable
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue
from pillarbox.model.ports import Clock
from pillarbox.model.transcript import MASK, Transcript

__all__ = ["ConnectionLost", "Security", "SmtpClient", "SmtpRefusal", "TlsUnavailable"]


class Security(Enum):
    """How the connection is encrypted. OPPORTUNISTIC: STARTTLS where it is offered (RFC 7435 §1)."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class SmtpRefusal(MailError):
    """The server said no to the session itself; `reply` has its words."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class TlsUnavailable(Unavailable):
    """STARTTLS failed, or was wanted and not offered: whoever may goes on in the clear on a new connection."""


class Outcome(msgspec.Struct, frozen=True):
    """What is to be said of a recipient: what became of it, the enhanced status, whose words."""

    action: Action
    status: str
    text: str


class _CutShort(ConnectionLost):
    """The transfer is over before its end, and the connection with it; `outcome` is for all who waited for the end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class SmtpClient:
    """A session with one server: `open`, any number of `deliver`, `quit`."""

    def __init__(self, hostname: str, limits: Limits, clock: Clock) -> None:
        """`hostname` is what the client calls itself in EHLO."""
        self.recorder = Transcript("SMTP", clock)
        self.capabilities = Capabilities()
        self.messages = 0
        self._hostname = hostname
        self._limits = limits
        self._line = SmtpLine(self.recorder, limits)
        self._handshake_lines = 0
        self._host = ""

    # --- handshake -----------------------------------------------------------------------------------------------

    async def open(
        self,
        host: str,
        port: int,
        *,
        security: Security = Security.NONE,
        context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> None:
        """Connect, greet, encrypt. `server_hostname` names the host where `host` is an address.

        Raises: Unavailable (no connection), ConnectionLost, TlsUnavailable, SmtpRefusal.
        """
        self._host = server_hostname or host
        implicit = security is Security.IMPLICIT
        await self._line.open(host, port, tls=context if implicit else None, server_hostname=self._host)
        greeting = await self._line.reply(self._limits.smtp_client_greeting_seconds)
        if greeting.code != 220:
            raise SmtpRefusal(greeting)
        await self._greet()
        if security in (Security.STARTTLS, Security.OPPORTUNISTIC):
            await self._secure(security, context)
        self._handshake_lines = len(self.recorder)

    async def _greet(self) -> None:
        reply = await self._command(commands.Ehlo(self._hostname))
        if reply.code == 250:
            self.capabilities = capabilities.parse(reply.lines)
            return
        # RFC 5321 §3.2: a server that does not know EHLO may know HELO.
        if reply.code not in (500, 501, 502, 504):
            raise SmtpRefusal(reply)
        reply = await self._command(commands.Helo(self._hostname))
        if reply.code != 250:
            raise SmtpRefusal(reply)
        self.capabilities = Capabilities()

    async def _secure(self, security: Security, context: ssl.SSLContext | None) -> None:
        if not self.capabilities.has("STARTTLS") or context is None:
            if security is Security.STARTTLS:
                raise TlsUnavailable("the server does not offer STARTTLS")
            return
        reply = await self._command(commands.StartTls())
        if reply.code != 220:
            if security is Security.STARTTLS:
                raise TlsUnavailable(str(reply))
            return
        try:
            await self._line.start_tls(context, self._host)
        except Unavailable as problem:
            raise TlsUnavailable(problem.text) from problem
        await self._greet()

    @property
    def tls(self) -> str:
        """Version and cipher, or empty."""
        return self._line.tls

    @property
    def is_open(self) -> bool:
        """Whether another message may be sent: not when the server has closed, or spoken unasked (a 421, say)."""
        return self._line.is_open and not self._line.has_reply

    async def sign_in(self, credentials: Credentials) -> None:
        """AUTH by PLAIN or LOGIN. Raises: BadCredentials, Refused (no mechanism in common), SmtpRefusal."""
        offered = self.capabilities.mechanisms
        if "PLAIN" in offered:
            self._line.send(
                commands.format(commands.Auth("PLAIN", encode64(format_plain(credentials)).decode())),
                shown=f"AUTH PLAIN {MASK}",
            )
        elif "LOGIN" in offered:
            self._line.send(commands.format(commands.Auth("LOGIN")))
            for secret in (credentials.authcid, credentials.password):
                _require_code(334, await self._reply())
                self._line.send(encode64(secret.encode()) + b"\r\n", shown=MASK)
        else:
            raise Refused("the server offers neither AUTH PLAIN nor LOGIN on this connection")
        _require_code(235, await self._reply())
        self._handshake_lines = len(self.recorder)

    # --- transfer ------------------------------------------------------------------------------------------------

    async def deliver(
        self, envelope: Envelope, size_octets: int, pieces: AsyncIterable[bytes]
    ) -> tuple[list[DeliveryStatus], Dialogue]:
        """Send one message; a status for each recipient in order, and the dialogue: handshake and this transfer.

        Never raises for what the peer does: a lost connection is a temporary failure of every recipient that had not
        been refused by then. What `pieces` raises goes through; the connection is closed then.
        """
        first = len(self.recorder)
        self.messages += 1
        refusals: list[Outcome | None] = [None] * len(envelope.recipients)
        final = self._obstacle(envelope, size_octets)
        if final is None:
            final = await self._attempt(envelope, size_octets, pieces, refusals)
        statuses = [
            self._status(recipient.address, refusal or final)
            for recipient, refusal in zip(envelope.recipients, refusals, strict=True)
        ]
        return statuses, self._dialogue(first)

    def _obstacle(self, envelope: Envelope, size_octets: int) -> Outcome | None:
        """What cannot be said to this server at all."""
        most = self.capabilities.size_octets
        if _needs_smtputf8(envelope) and not self.capabilities.has("SMTPUTF8"):
            text = "the server takes no internationalised addresses (SMTPUTF8)"
            return Outcome(Action.FAILED, "5.6.7", text)
        if envelope.body_type is BodyType.BINARY_MIME:
            return Outcome(Action.FAILED, "5.6.3", "binary content needs BDAT, which this client does not speak")
        if most is not None and size_octets > most:
            text = f"the message has {size_octets} octets, the server takes {most}"
            return Outcome(Action.FAILED, "5.3.4", text)
        return None

    async def _attempt(
        self,
        envelope: Envelope,
        size_octets: int,
        pieces: AsyncIterable[bytes],
        refusals: list[Outcome | None],
    ) -> Outcome:
        """The transfer, and what it means when it ends too early. Afterwards the connection is closed or in step."""
        try:
            return await self._transfer(envelope, size_octets, pieces, refusals)
        except ConnectionLost as problem:
            self.recorder.event(problem.text)
            self._line.give_up(problem.text)
            if isinstance(problem, _CutShort):
                return problem.outcome
            return Outcome(Action.DELAYED, "4.4.2", problem.text)
        except BaseException:
            self._line.give_up("the transfer was given up")  # nobody may take for whole what was sent in part
            raise

    async def _transfer(
        self,
        envelope: Envelope,
        size_octets: int,
        pieces: AsyncIterable[bytes],
        refusals: list[Outcome | None],
    ) -> Outcome:
        """What became of all recipients that are not in `refusals` at the end. Raises: ConnectionLost."""
        if self._line.has_reply:
            raise _unasked(await self._answer())
        mail = commands.Mail(envelope.reverse_path, self._mail_parameters(envelope, size_octets))
        mail_reply = await self._envelope(mail, envelope, refusals)
        if not mail_reply.is_positive:
            outcome = _outcome(mail_reply)
        elif None not in refusals:
            outcome = Outcome(Action.FAILED, "5.5.1", "no recipient was accepted")
        else:
            self._line.send(commands.format(commands.Data()))
            reply = await self._answer(354)
            if reply.code == 354:
                return await self._content(pieces)
            outcome = _outcome(reply)
        await self._reset()
        return outcome

    async def _envelope(self, mail: commands.Mail, envelope: Envelope, refusals: list[Outcome | None]) -> Reply:
        """The reply to MAIL; those to RCPT that refuse go to `refusals`. In one go where the server allows
        (RFC 2920 §3.1)."""
        rcpts = [commands.format(self._rcpt(envelope, recipient)) for recipient in envelope.recipients]
        is_pipelined = self.capabilities.has("PIPELINING")
        self._line.send(commands.format(mail))
        if is_pipelined:
            for rcpt in rcpts:
                self._line.send(rcpt)
        mail_reply = await self._answer()
        if not mail_reply.is_positive and not is_pipelined:
            return mail_reply
        for position, rcpt in enumerate(rcpts):
            if not is_pipelined:
                self._line.send(rcpt)
            reply = await self._answer()
            if mail_reply.is_positive and not reply.is_positive:
                refusals[position] = _outcome(reply)
        return mail_reply

    async def _content(self, pieces: AsyncIterable[bytes]) -> Outcome:
        """RFC 6152 §3: what is not ASCII never goes to a server that did not offer to take it, whatever was declared."""
        takes_eight_bit = self.capabilities.has("8BITMIME")
        writer = ContentWriter()
        octets = 0
        async for piece in pieces:
            if not takes_eight_bit and not piece.isascii():
                text = "the server takes seven-bit mail only (no 8BITMIME)"
                raise _CutShort(Outcome(Action.FAILED, "5.6.3", text))
            octets += len(piece)
            await self._send_content(writer.feed(piece))
        await self._send_content(writer.end())
        self.recorder.event(f"… {octets:,} octets of content")
        return _outcome(await self._answer(timeout_seconds=self._limits.smtp_client_data_end_seconds))

    async def _send_content(self, data: bytes) -> None:
        """Raises: ConnectionLost; when the server answered before the end, with its words."""
        try:
            if not self._line.has_reply:
                await self._line.send_content(data)
                return
        except ConnectionLost:
            if not self._line.has_reply:
                raise
        reply = await self._answer()
        raise _unasked(reply) if reply.is_positive else _CutShort(_outcome(reply))

    async def _reset(self) -> None:
        """End what was begun; a server that goes meanwhile takes back nothing of what it said before."""
        try:
            self._line.send(commands.format(commands.Rset()))
            await self._answer()
        except ConnectionLost as problem:
            self._line.give_up(problem.text)

    async def _answer(self, intermediate: int = 0, *, timeout_seconds: float | None = None) -> Reply:
        """A reply that makes sense within a transfer: positive, negative, or the one 3yz that was asked for.

        Raises: ConnectionLost, also at a 421, which ends the session at any time (RFC 5321 §3.8).
        """
        reply = await self._line.reply(timeout_seconds or self._limits.smtp_client_command_seconds)
        if reply.code == 421:
            raise _CutShort(_outcome(reply))
        is_expected = reply.code == intermediate if intermediate else reply.code < 300
        if reply.is_positive and not is_expected:
            raise _unasked(reply)
        return reply

    def _mail_parameters(self, envelope: Envelope, size_octets: int) -> MailParameters:
        has = self.capabilities.has
        return MailParameters(
            size_octets=size_octets if has("SIZE") else None,
            body_type=envelope.body_type if has("8BITMIME") else BodyType.SEVEN_BIT,
            smtputf8=_needs_smtputf8(envelope),
            envid=envelope.identifier if envelope.identifier and has("DSN") else None,
        )

    def _rcpt(self, envelope: Envelope, recipient: Recipient) -> commands.Rcpt:
        """With what reports are to name the recipient by, where the sender wants to know (RFC 3461 §4.2)."""
        named = recipient.original or recipient.address
        if not envelope.identifier or not self.capabilities.has("DSN") or not named.is_ascii:
            return commands.Rcpt(recipient.address)
        return commands.Rcpt(recipient.address, RcptParameters(orcpt=f"rfc822;{format_address(named)}"))

    def _status(self, address: Address, outcome: Outcome) -> DeliveryStatus:
        return DeliveryStatus(address, outcome.action, outcome.status, outcome.text, self._host)

    def _dialogue(self, first: int) -> Dialogue:
        """The handshake, and what was said since `first`."""
        kept = self.recorder.lines(0, min(self._handshake_lines, first)) + self.recorder.lines(first)
        return msgspec.structs.replace(self.recorder.dialogue(0, 0), lines=kept)

    # --- closure -------------------------------------------------------------------------------------------------

    async def quit(self) -> None:
        """Say QUIT, wait for the answer a little, close. Never raises for what the peer does."""
        try:
            if self._line.is_open:
                self._line.send(commands.format(commands.Quit()))
                await self._line.reply(min(5.0, self._limits.smtp_client_command_seconds))
        except (ConnectionLost, Unavailable):
            self.recorder.event("closed without an answer")
        finally:
            self._line.close()

    def abort(self) -> None:
        """Close now, without a word."""
        self._line.abort()

    async def _command(self, command: commands.Command) -> Reply:
        self._line.send(commands.format(command))
        return await self._reply()

    async def _reply(self) -> Reply:
        return await self._line.reply(self._limits.smtp_client_command_seconds)


def _needs_smtputf8(envelope: Envelope) -> bool:
    """RFC 6531 §3.4: declared so, or an address that ASCII cannot hold."""
    addresses = (envelope.reverse_path, *(recipient.address for recipient in envelope.recipients))
    return envelope.smtputf8 or any(address is not None and not address.is_ascii for address in addresses)


def _outcome(reply: Reply) -> Outcome:
    """What a final reply says of a recipient."""
    if reply.is_positive:
        return Outcome(Action.RELAYED, reply.status or "2.0.0", str(reply))
    action, digit = (Action.DELAYED, "4") if reply.is_temporary else (Action.FAILED, "5")
    return Outcome(action, reply.status or f"{digit}.0.0", str(reply))


def _unasked(reply: Reply) -> _CutShort:
    """The server's answers are not those to our commands: none of them can be believed."""
    return _CutShort(Outcome(Action.DELAYED, "4.5.0", f"the server answered out of turn: {reply}"))


def _require_code(code: int, reply: Reply) -> None:
    """For AUTH (RFC 4954 §4). Raises: BadCredentials, SmtpRefusal."""
    if reply.code == 535:
        raise BadCredentials(str(reply))
    if reply.code != code:
        raise SmtpRefusal(reply)
