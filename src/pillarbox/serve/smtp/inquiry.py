"""HELP, VRFY, EXPN: what a client may ask (RFC 5321 §3.5, §4.1.1.6 to §4.1.1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.smtp.commands import PARSERS, Command, Help, Vrfy
from pillarbox.grammar.smtp.path import format_path, parse_address
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
        return Reply(211, "2.0.0", tuple(map(replies.plain, _status(session))))
    if topic in TOPICS:
        return replies.make(214, "2.0.0", TOPICS[topic].replace("§", "section "))  # replies are ASCII
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
    name, _, parameter = command.text.rpartition(" ")
    is_utf8 = parameter.upper() == "SMTPUTF8" and bool(name)
    name = (name if is_utf8 else command.text).strip("<> ")
    try:
        address = parse_address(name if "@" in name else f"{name}@{await default_domain(session)}")
        await session.mail.directory.route(address)
    except SyntaxProblem:
        return replies.make(501, "5.1.3", "Not an address")
    except NotFound as problem:
        return replies.reply_to(problem)
    if not session.mail.directory.is_local_domain(address.domain) or not (is_utf8 or address.is_ascii):
        return replies.CANNOT_VERIFY
    return Reply(250, "2.1.5", (format_path(address),))


async def default_domain(session: SmtpSession) -> str:
    """Of a name that has none: `postmaster` (RFC 5321 §4.5.1), or a user alone (RFC 5321 §3.5.1)."""
    domains = await session.mail.directory.list_domains()
    return domains[0] if domains else session.mail.hostname


async def expn(session: SmtpSession, command: Command) -> Reply:
    """No lists are told (RFC 5321 §7.3)."""
    return replies.NO_EXPN
