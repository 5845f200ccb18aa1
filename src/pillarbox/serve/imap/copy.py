"""COPY and MOVE (RFC 3501 §6.4.7, RFC 6851 §3), with COPYUID (RFC 4315 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.core.flow.outcomes import Copied
from pillarbox.grammar.imap.commands.copy import Copy, Move
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.grammar.imap.responses.search import format_copyuid
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.errors import Invalid, NotFound
from pillarbox.model.ids import MailboxId
from pillarbox.serve.imap import replies
from pillarbox.serve.imap.numbers import uids_of
from pillarbox.serve.imap.select import require_writable

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def copy(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """All or nothing."""
    assert isinstance(command, Copy)
    selected = session.view
    uids = uids_of(selected, command.numbers, by_uid=command.by_uid)
    try:
        target = await target_of(session, command.path)
    except NotFound as problem:
        return replies.reply_to(tag, problem, code=b"TRYCREATE")
    copied = await session.mail.messages.copy(session.owner.id, selected.mailbox_id, uids, target)
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "COPY completed", _code(copied))


async def move(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """COPYUID comes before the EXPUNGEs (RFC 6851 §4.3)."""
    assert isinstance(command, Move)
    selected = session.view
    require_writable(selected)
    uids = uids_of(selected, command.numbers, by_uid=command.by_uid)
    try:
        target = await target_of(session, command.path)
    except NotFound as problem:
        return replies.reply_to(tag, problem, code=b"TRYCREATE")
    moved = await session.mail.messages.move(session.owner.id, selected.mailbox_id, uids, target)
    if moved.pairs:
        session.tell(Status(b"*", "OK", "Moved", _code(moved)))
    await selected.tell(session, expunges=True)
    return Status(tag, "OK", "MOVE completed")


def _code(copied: Copied) -> bytes:
    return format_copyuid(copied.uidvalidity, copied.pairs) if copied.pairs else b""


async def target_of(session: ImapSession, path: Path) -> MailboxId:
    """The mailbox of this name. Raises: NotFound, Invalid."""
    mailbox = await session.mail.mailboxes.get(session.owner.id, path)
    if not mailbox.selectable:
        raise Invalid("that name only holds others")
    return mailbox.id
