"""DATA: the content, as it comes, goes to `core`; the reply is said when it is on disk (RFC 5321 §4.1.1.4, §6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pillarbox.core.flow.intake import Incoming
from pillarbox.grammar.smtp.commands import Command
from pillarbox.grammar.smtp.content import ContentReader, Defect
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.model.errors import MailError
from pillarbox.model.passport import Dialogue
from pillarbox.serve.smtp import replies
from pillarbox.serve.smtp.transaction import LastAccepted, Transaction

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession


async def data(session: SmtpSession, command: Command) -> Reply:
    """354, then the content; the envelope is over whatever the outcome (RFC 5321 §4.1.1.4)."""
    transaction = session.transaction
    assert transaction is not None
    session.say(replies.START_CONTENT)
    session.flush()
    limits = session.mail.limits
    session.line.set_timeout(limits.smtp_data_timeout_seconds)
    reader = ContentReader(limits.long_line_octets if limits.long_lines else limits.line_octets)
    try:
        session.is_inside_content = True
        problem = await _receive(session, transaction, reader)
        session.is_inside_content = False
        reply = _defect(reader) or (replies.reply_to(problem) if problem is not None else None)
        if reply is None:
            reply = await _finish(session, transaction)
    finally:
        session.line.set_timeout(limits.smtp_command_timeout_seconds)
        session.forget_transaction()
    return reply


async def _receive(session: SmtpSession, transaction: Transaction, reader: ContentReader) -> MailError | None:
    """Take all content. What `core` refuses on the way is answered at the end: the rest is read and thrown away."""
    trace_id = session.mail.intake.new_trace()
    facts = session.client_facts(smtputf8=transaction.parameters.smtputf8)
    incoming: Incoming = session.mail.intake.begin(facts, transaction.envelope(), trace_id)
    transaction.incoming = incoming
    problem: MailError | None = None
    octets = session.reader.rest()
    while True:
        content, rest = reader.feed(octets)
        if content and problem is None:
            try:
                if not incoming.write(content):
                    await incoming.drain()
                    session.line.set_timeout(session.mail.limits.smtp_data_timeout_seconds)
            except MailError as refusal:
                problem = refusal
                incoming.abort()
        if rest is not None:
            session.reader.feed(rest)
            session.transcript.event(f"… {reader.size_octets:,} octets of content")
            return problem
        await session.wait_pending()
        octets = session.take()


def _defect(reader: ContentReader) -> Reply | None:
    """RFC 5321 §2.3.8: bare CR and LF must not be sent; what reads them otherwise could be made to see two mails."""
    if Defect.BARE_LINE_END in reader.defects:
        return replies.BARE_LINE_END
    if Defect.NUL in reader.defects:
        return replies.NUL_INSIDE
    if Defect.LONG_LINE in reader.defects:
        return replies.LINES_TOO_LONG
    return None


async def _finish(session: SmtpSession, transaction: Transaction) -> Reply:
    incoming = transaction.incoming
    assert isinstance(incoming, Incoming)
    accepted = await incoming.finish(_dialogue(session, transaction))
    transaction.incoming = None
    session.accepted = LastAccepted(accepted.trace_id, accepted.dialogue_account, len(session.transcript))
    return replies.make(250, "2.0.0", f"Accepted as {accepted.trace_id}")


def _dialogue(session: SmtpSession, transaction: Transaction) -> Dialogue:
    """The handshake and this transfer: what came before, of other messages, is not this one's."""
    transcript = session.transcript
    lines = transcript.lines(0, session.handshake_lines) + transcript.lines(transaction.first_line)
    return msgspec.structs.replace(transcript.dialogue(0, 0), lines=lines)


async def bdat(session: SmtpSession, command: Command) -> Reply:
    """Not offered, at no time; its octets would be taken for commands, so the connection ends."""
    session.say(replies.NO_BDAT)
    return replies.CANNOT_SKIP_CHUNK
