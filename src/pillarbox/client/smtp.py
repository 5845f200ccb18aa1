"""An SMTP client (RFC 5321 §3, §4.5.4): relay and user agents are built on it. The grammar is the server's own.

One connection carries several messages. What became of each recipient is a `DeliveryStatus` with the remote's whole
reply; the dialogue is recorded, with secrets masked.
"""

import ssl
from collections.abc import AsyncIterable, Sequence
from enum import Enum

import msgspec

from pillarbox.client.smtp_line import ConnectionLost, SmtpLine
from pillarbox.grammar.sasl.plain import Credentials, encode64, format_plain
from pillarbox.grammar.smtp import capabilities, commands
from pillarbox.grammar.smtp.capabilities import Capabilities
from pillarbox.grammar.smtp.content import ContentWriter
from pillarbox.grammar.smtp.parameters import MailParameters
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.envelope import BodyType, Envelope
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
    """What a failure means for a recipient: enhanced status, and whether to try again."""

    status: str
    is_temporary: bool


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
        """Whether another message may be sent."""
        return self._line.is_open

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
                challenge = await self._reply()
                if challenge.code != 334:
                    raise SmtpRefusal(challenge)
                self._line.send(encode64(secret.encode()) + b"\r\n", shown=MASK)
        else:
            raise Refused("the server offers neither AUTH PLAIN nor LOGIN on this connection")
        reply = await self._reply()
        if reply.code == 535:
            raise BadCredentials(str(reply))
        if reply.code != 235:
            raise SmtpRefusal(reply)
        self._handshake_lines = len(self.recorder)

    # --- transfer ------------------------------------------------------------------------------------------------

    async def deliver(
        self, envelope: Envelope, size_octets: int, pieces: AsyncIterable[bytes]
    ) -> tuple[list[DeliveryStatus], Dialogue]:
        """Send one message; a status for each recipient in order, and the dialogue: handshake and this transfer.

        Never raises for what the peer does: a lost connection is a temporary failure of every recipient.
        """
        first = len(self.recorder)
        self.messages += 1
        obstacle = self._obstacle(envelope, size_octets)
        if obstacle is not None:
            return obstacle, self._dialogue(first)
        try:
            statuses = await self._transfer(envelope, size_octets, pieces)
        except ConnectionLost as problem:
            self.recorder.event(problem.text)
            statuses = [self._status(r.address, Outcome("4.4.2", True), problem.text) for r in envelope.recipients]
        return statuses, self._dialogue(first)

    def _obstacle(self, envelope: Envelope, size_octets: int) -> list[DeliveryStatus] | None:
        """What cannot be said to this server at all."""
        outcome, text = None, ""
        most = self.capabilities.size_octets
        if envelope.smtputf8 and not self.capabilities.has("SMTPUTF8"):
            outcome, text = Outcome("5.6.7", False), "the server takes no internationalised addresses (SMTPUTF8)"
        elif envelope.body_type is BodyType.EIGHT_BIT_MIME and not self.capabilities.has("8BITMIME"):
            outcome, text = Outcome("5.6.3", False), "the server takes seven-bit mail only (no 8BITMIME)"
        elif most is not None and size_octets > most:
            outcome, text = Outcome("5.3.4", False), f"the message has {size_octets} octets, the server takes {most}"
        if outcome is None:
            return None
        return [self._status(recipient.address, outcome, text) for recipient in envelope.recipients]

    async def _transfer(
        self, envelope: Envelope, size_octets: int, pieces: AsyncIterable[bytes]
    ) -> list[DeliveryStatus]:
        mail = commands.Mail(envelope.reverse_path, self._mail_parameters(envelope, size_octets))
        recipients = [recipient.address for recipient in envelope.recipients]
        rcpts = [commands.Rcpt(address) for address in recipients]
        is_pipelined = self.capabilities.has("PIPELINING")
        mail_reply, rcpt_replies = await self._envelope(mail, rcpts, is_pipelined)
        failed = mail_reply if not mail_reply.is_positive else None
        accepted = [] if failed else [r for r in rcpt_replies if r.is_positive]
        if accepted:
            self._line.send(commands.format(commands.Data()))
            reply = await self._line.reply(self._limits.smtp_client_command_seconds)
            if reply.code == 354:
                reply = await self._content(pieces)
            final = reply
        elif self._line.is_open:
            await self._command(commands.Rset())
        statuses = []
        for position, address in enumerate(recipients):
            reply = failed or rcpt_replies[position]
            if failed is None and reply.is_positive:
                reply = final
            statuses.append(self._status_of(address, reply))
        return statuses

    async def _envelope(
        self, mail: commands.Mail, rcpts: Sequence[commands.Rcpt], is_pipelined: bool
    ) -> tuple[Reply, list[Reply]]:
        """Replies to MAIL and each RCPT; in one go where the server allows (RFC 2920 §3.1)."""
        self._line.send(commands.format(mail))
        if is_pipelined:
            for rcpt in rcpts:
                self._line.send(commands.format(rcpt))
            reply = await self._reply()
            return reply, [await self._reply() for _ in rcpts]
        reply = await self._reply()
        if not reply.is_positive:
            return reply, []
        return reply, [await self._command(rcpt) for rcpt in rcpts]

    async def _content(self, pieces: AsyncIterable[bytes]) -> Reply:
        writer = ContentWriter()
        octets = 0
        async for piece in pieces:
            octets += len(piece)
            await self._line.send_content(writer.feed(piece))
        await self._line.send_content(writer.end())
        self.recorder.event(f"… {octets:,} octets of content")
        return await self._line.reply(self._limits.smtp_client_data_end_seconds)

    def _mail_parameters(self, envelope: Envelope, size_octets: int) -> MailParameters:
        has = self.capabilities.has
        return MailParameters(
            size_octets=size_octets if has("SIZE") else None,
            body_type=envelope.body_type if has("8BITMIME") else BodyType.SEVEN_BIT,
            smtputf8=envelope.smtputf8,
        )

    def _status_of(self, address: Address, reply: Reply) -> DeliveryStatus:
        text = str(reply)
        if reply.is_positive:
            return DeliveryStatus(address, Action.RELAYED, reply.status or "2.0.0", text, self._host)
        digit = "4" if reply.is_temporary else "5"
        return self._status(address, Outcome(reply.status or f"{digit}.0.0", reply.is_temporary), text)

    def _status(self, address: Address, outcome: Outcome, text: str) -> DeliveryStatus:
        action = Action.DELAYED if outcome.is_temporary else Action.FAILED
        return DeliveryStatus(address, action, outcome.status, text, self._host)

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
