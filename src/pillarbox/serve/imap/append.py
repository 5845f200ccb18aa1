"""APPEND (RFC 3501 §6.3.11): refused before its octets come where that can be, else streamed to a spool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pillarbox.core.contents.spool import Spool
from pillarbox.grammar.imap.atoms import TAG, Cursor
from pillarbox.grammar.imap.commands.append import Append, parse_append
from pillarbox.grammar.imap.commands.line import tag_of
from pillarbox.grammar.imap.framing import Announced, Chunk, Whole
from pillarbox.grammar.imap.responses.search import format_appenduid
from pillarbox.grammar.imap.responses.status import Status, format_continuation
from pillarbox.model.errors import MailError, NotFound, SyntaxProblem, TooLarge
from pillarbox.model.ids import MailboxId
from pillarbox.serve.imap import replies
from pillarbox.serve.imap.copy import target_of

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession

_APPEND = re.compile(TAG.pattern + rb" APPEND ", re.IGNORECASE)
_NAME_LITERAL = re.compile(_APPEND.pattern + rb"~?\{\d+\+?\}\r\n\Z", re.IGNORECASE)


def is_append(text: bytes) -> bool:
    """Whether the literal that is announced is APPEND's message, and not its mailbox's name."""
    return _APPEND.match(text) is not None and _NAME_LITERAL.match(text) is None


async def append(session: ImapSession, event: Announced) -> Status | None:
    """The tagged answer."""
    tag = tag_of(event.text)
    try:
        cursor = Cursor(event.text, len(tag) + len(" APPEND"))
        command = parse_append(cursor)
        cursor.end()
        target = await _check(session, command, event.size_octets)
    except NotFound as problem:
        session.reader.refuse(event.size_octets, waits=event.waits)
        return replies.reply_to(tag, problem, code=b"TRYCREATE")
    except MailError as problem:
        session.reader.refuse(event.size_octets, waits=event.waits)
        return replies.reply_to(tag, problem)
    session.reader.stream(event.size_octets)
    if event.waits:
        session.send(format_continuation(b"go on"))
        session.flush()
    spool = session.mail.spools.begin(session.mail.limits.message_octets)
    try:
        refusal = await _receive(session, spool)
        if refusal is not None:
            return replies.reply_to(tag, refusal)
        return await _finish(session, tag, command, target, spool)
    except MailError as problem:
        return replies.reply_to(tag, problem)
    finally:
        spool.abort()


async def _check(session: ImapSession, command: Append, size_octets: int) -> MailboxId:
    """All that can be known before the octets come."""
    if size_octets > session.mail.limits.message_octets:
        raise TooLarge(f"the message exceeds {session.mail.limits.message_octets} octets")
    if not size_octets:
        raise SyntaxProblem("a message that is not empty")
    target = await target_of(session, command.path)
    await session.mail.messages.check_room(session.owner.id, size_octets)
    return target


async def _receive(session: ImapSession, spool: Spool) -> MailError | None:
    """All octets of the literal, then the end of the line. What fails on the way is answered at the end."""
    problem: MailError | None = None
    is_over = False
    while True:
        event = session.reader.next()
        if event is None:
            await session.wait_pending()
            session.reader.feed(session.take())
        elif isinstance(event, Chunk) and not is_over:
            is_over = event.is_last
            if problem is None:
                try:
                    if not spool.write(event.octets):
                        await spool.drain()
                except MailError as refusal:
                    problem = refusal
        elif isinstance(event, Whole):
            return problem if event.text == b"" else (problem or SyntaxProblem("the end of the command"))
        elif isinstance(event, Announced):
            session.reader.refuse(event.size_octets, waits=event.waits)
            return SyntaxProblem("the end of the command")
        else:
            return SyntaxProblem("the end of the command")


async def _finish(session: ImapSession, tag: bytes, command: Append, target: MailboxId, spool: Spool) -> Status:
    received = command.received or session.mail.clock.now()
    with await spool.finish() as content:
        placed = await session.mail.messages.append(
            session.owner.id, target, content, flags=command.flags, received=received
        )
    if session.selected is not None:
        await session.selected.tell(session, expunges=True)
    return Status(tag, "OK", "APPEND completed", format_appenduid(placed.uidvalidity, placed.uid))
