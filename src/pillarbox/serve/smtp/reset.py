"""RSET, NOOP, QUIT: forget, wait, leave (RFC 5321 §4.1.1.5, §4.1.1.9, §4.1.1.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.smtp.commands import Command
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.serve.smtp import replies

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession


async def rset(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.5."""
    session.forget_transaction()
    return replies.FLUSHED


async def noop(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.9."""
    return replies.OK


async def quit_(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.10."""
    session.forget_transaction()
    return replies.make(221, "2.0.0", f"{session.mail.hostname} says goodbye")
