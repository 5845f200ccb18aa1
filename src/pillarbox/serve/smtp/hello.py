"""HELO, EHLO, STARTTLS: the handshake (RFC 5321 §4.1.1.1, RFC 3207)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from pillarbox.grammar.smtp import capabilities
from pillarbox.grammar.smtp.capabilities import Capabilities
from pillarbox.grammar.smtp.commands import Command, Ehlo, Helo
from pillarbox.grammar.smtp.framing import LineReader
from pillarbox.grammar.smtp.parameters import format_date_time
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.grammar.smtp.states import State
from pillarbox.model.errors import Unavailable
from pillarbox.serve.dialogue.sasl import MECHANISMS
from pillarbox.serve.smtp import replies

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession

log = structlog.get_logger("serve.smtp")


async def helo(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.1: no extensions."""
    assert isinstance(command, Helo)
    _greet(session, command.domain, extended=False)
    return Reply(250, "", (session.mail.hostname,))


async def ehlo(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.1: what is offered, a line each."""
    assert isinstance(command, Ehlo)
    _greet(session, command.domain, extended=True)
    greeting = replies.plain(f"{session.mail.hostname} greets {command.domain}")
    return Reply(250, "", (greeting, *capabilities.format(_offers(session))))


def _greet(session: SmtpSession, name: str, *, extended: bool) -> None:
    session.helo = name
    session.is_extended = extended
    session.state = State.GREETED
    session.forget_transaction()


def _offers(session: SmtpSession) -> Capabilities:
    offers: dict[str, tuple[str, ...]] = {
        "PIPELINING": (),
        "SIZE": (str(session.mail.limits.message_octets),),
        "8BITMIME": (),
        "SMTPUTF8": (),
        "ENHANCEDSTATUSCODES": (),
        "HELP": (),
    }
    if session.profile.requires_sign_in:
        offers["FUTURERELEASE"] = _hold_limits(session)
    if session.tls_context is not None and not session.line.tls:
        offers["STARTTLS"] = ()
    if session.may_sign_in and session.account is None:
        offers["AUTH"] = tuple(MECHANISMS)
    return Capabilities(offers)


def _hold_limits(session: SmtpSession) -> tuple[str, str]:
    """RFC 4865 §3: the longest interval, and the last moment."""
    seconds = session.mail.limits.hold_seconds
    last = (session.mail.clock.now() + timedelta(seconds=seconds)).replace(microsecond=0)
    return (str(seconds), format_date_time(last))


async def start_tls(session: SmtpSession, command: Command) -> Reply | None:
    """RFC 3207 §4: what came in the clear before or with the command is thrown away, and all begins anew (§4.2)."""
    if session.line.tls:
        return replies.TLS_ALREADY
    if session.tls_context is None:
        return replies.NO_TLS
    session.say(replies.READY_FOR_TLS)
    session.line.pause_reading()
    session.flush()
    session.reader = LineReader(session.mail.limits.smtp_command_octets)
    session.discard_pending()
    try:
        await session.line.start_tls(session.tls_context, server_side=True)
        session.line.resume_reading()
    except Unavailable as problem:
        log.info("tls.failed", peer=session.line.peer, status=problem.text)
        session.line.abort()
        return None
    session.transcript.tls = session.line.tls
    session.transcript.event(f"TLS: {session.line.tls}")
    session.helo = ""
    session.account = None
    session.state = State.CONNECTED
    return None
