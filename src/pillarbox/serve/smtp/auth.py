"""AUTH (RFC 4954): who signs in. Passwords stay out of transcript and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.sasl.plain import decode64, encode64
from pillarbox.grammar.smtp.commands import Auth, Command
from pillarbox.grammar.smtp.framing import Oversize
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model.errors import BadCredentials, MailError, SyntaxProblem, Unavailable
from pillarbox.model.passport import Speaker
from pillarbox.model.transcript import MASK
from pillarbox.serve.dialogue.sasl import MECHANISMS, PLAINTEXT, Exchange
from pillarbox.serve.smtp import replies

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession


def shown(command: Command, line: bytes) -> bytes:
    """The line as the transcript may keep it."""
    if isinstance(command, Auth) and command.initial is not None:
        return f"AUTH {command.mechanism} {MASK}".encode()
    return line


def may_lead_to_secrets(line: bytes) -> bool:
    """Whether a password may be in the line, or in the next ones: a client may go on with an exchange that was refused."""
    return line[:4].upper() == b"AUTH"


async def auth(session: SmtpSession, command: Command) -> Reply:
    """RFC 4954 §4: one exchange, and who it was."""
    assert isinstance(command, Auth)
    refusal = _refusal(session, command)
    if refusal is not None:
        return refusal
    exchange = MECHANISMS[command.mechanism]()
    limits = session.mail.limits
    session.reader.line_octets = limits.smtp_auth_line_octets
    try:
        if command.initial is not None:
            exchange.respond(decode64(command.initial.encode()))
        refusal = await _complete(session, exchange)
        if refusal is not None:
            return refusal
        credentials = exchange.credentials()
    except SyntaxProblem as problem:
        return replies.make(501, "5.5.2", problem.text)
    finally:
        session.reader.line_octets = limits.smtp_command_octets
    if credentials.authzid and credentials.authzid != credentials.authcid:
        return replies.make(535, "5.7.8", "Nobody may act for another here")
    try:
        session.account = await session.mail.accounts.sign_in(
            credentials.authcid, credentials.password, peer=session.peer_ip
        )
    except BadCredentials as problem:
        return replies.reply_to(problem)
    except Unavailable as problem:
        return replies.make(454, "4.7.0", problem.text)
    except MailError as problem:
        return replies.make(454, "4.7.0", problem.text) if problem.temporary else replies.reply_to(problem)
    return replies.SIGNED_IN


def _refusal(session: SmtpSession, command: Auth) -> Reply | None:
    if not session.profile.offers_sign_in:
        return replies.NO_SIGN_IN
    if session.account is not None:
        return replies.SIGNED_IN_ALREADY
    if command.mechanism not in MECHANISMS:
        return replies.UNKNOWN_MECHANISM
    if command.mechanism in PLAINTEXT and not session.may_sign_in:
        return replies.ENCRYPT_FIRST
    return None


async def _complete(session: SmtpSession, exchange: Exchange) -> Reply | None:
    """Challenge and response until nothing is left to ask; a reply when the client gave up, or said too much."""
    while True:
        challenge = exchange.challenge()
        if challenge is None:
            return None
        session.say(Reply(334, "", (encode64(challenge).decode() if challenge else "",)))
        session.flush()
        response = await next_line(session)
        if isinstance(response, Oversize):
            session.transcript.event("a line that was too long")
            return replies.EXCHANGE_TOO_LONG
        if response == b"*":
            session.transcript.add(Speaker.CLIENT, b"*")
            return replies.CANCELLED
        session.transcript.add(Speaker.CLIENT, MASK)
        exchange.respond(decode64(response))


async def next_line(session: SmtpSession) -> bytes | Oversize:
    """The next line of an exchange, when it comes; cancelled when the connection goes."""
    while True:
        line = session.reader.next()
        if line is not None:
            return line
        await session.wait_pending()
        session.reader.feed(session.take())
