"""HELP, VRFY, EXPN: what a client may ask (RFC 5321 §3.5, §4.1.1.6 to §4.1.1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.smtp.commands import PARSERS, Command, Help, Vrfy
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.serve.smtp import replies

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession

TOPICS = {
    "HELO": "HELO domain: who you are (RFC 5321 §4.1.1.1)",
    "EHLO": "EHLO domain: who you are, and what do we offer (RFC 5321 §4.1.1.1)",
    "MAIL": "MAIL FROM:<address> [SIZE=octets] [BODY=8BITMIME] [SMTPUTF8] (RFC 5321 §4.1.1.2)",
    "RCPT": "RCPT TO:<address> (RFC 5321 §4.1.1.3)",
    "DATA": "DATA, then the message, then a line of one dot (RFC 5321 §4.1.1.4)",
    "RSET": "RSET: forget the envelope (RFC 5321 §4.1.1.5)",
    "VRFY": "VRFY address: does it exist? (RFC 5321 §4.1.1.6)",
    "EXPN": "EXPN list: not offered (RFC 5321 §4.1.1.7)",
    "HELP": "HELP [command], HELP STATUS (RFC 5321 §4.1.1.8)",
    "NOOP": "NOOP: nothing (RFC 5321 §4.1.1.9)",
    "QUIT": "QUIT: goodbye (RFC 5321 §4.1.1.10)",
    "STARTTLS": "STARTTLS: encrypt from here on (RFC 3207 §4)",
    "AUTH": "AUTH PLAIN or LOGIN [initial-response]: sign in, on the submission ports (RFC 4954 §4)",
    "BDAT": "BDAT: not offered (RFC 3030 §2)",
}


async def help_(session: SmtpSession, command: Command) -> Reply:
    """214 for commands, 211 for the state of the session (RFC 5321 §4.1.1.8)."""
    assert isinstance(command, Help)
    topic = command.topic.upper()
    if topic == "STATUS":
        return Reply(211, "2.0.0", _status(session))
    if topic in TOPICS:
        return replies.make(214, "2.0.0", TOPICS[topic])
    if topic:
        return replies.make(504, "5.5.4", f"No help on {command.topic[:40]}")
    return Reply(214, "2.0.0", (f"Commands: {' '.join(PARSERS)}", "HELP command tells more, HELP STATUS how we stand"))


def _status(session: SmtpSession) -> tuple[str, ...]:
    limits = session.mail.limits
    recipients = 0 if session.transaction is None else len(session.transaction.recipients)
    return (
        f"Phase: {session.state.value}, {recipients} recipients so far",
        f"You are {session.line.peer}, {'encrypted by ' + session.line.tls if session.line.tls else 'in the clear'}, "
        + (f"signed in as {session.account.address}" if session.account else "not signed in"),
        f"Limits: {limits.message_octets} octets a message, {limits.smtp_recipients} recipients, "
        f"{limits.smtp_command_octets} octets a command",
    )


async def vrfy(session: SmtpSession, command: Command) -> Reply:
    """Strangers learn nothing (252, RFC 5321 §7.3); people who have signed in get an answer."""
    assert isinstance(command, Vrfy)
    if session.account is None:
        return replies.CANNOT_VERIFY
    try:
        address = parse_address(command.text.strip("<>"))
        await session.mail.directory.route(address)
    except SyntaxProblem:
        return replies.make(501, "5.1.3", "Not an address")
    except NotFound as problem:
        return replies.reply_to(problem)
    if not session.mail.directory.is_local_domain(address.domain):
        return replies.CANNOT_VERIFY
    return replies.make(250, "2.1.5", f"<{address}>")


async def expn(session: SmtpSession, command: Command) -> Reply:
    """No lists are told (RFC 5321 §7.3)."""
    return replies.NO_EXPN
