"""THREAD (RFC 5256 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pillarbox.grammar.imap.commands.thread import Thread
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.imap.responses.thread import format_thread
from pillarbox.serve.imap.numbers import numbers_in_order
from pillarbox.serve.imap.search import find, send_pieces

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession


async def thread(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """Conversations of UIDs or numbers; no EXPUNGE meanwhile."""
    assert isinstance(command, Thread)
    selected = session.view
    uids = await find(session, command.query)
    forest = await session.mail.arrangements.thread(session.owner.id, selected.mailbox_id, uids, command.threading)
    if not command.by_uid:
        forest = msgspec.structs.replace(forest, numbers=await numbers_in_order(session, forest.numbers))
    await send_pieces(session, format_thread(forest))
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "THREAD completed")
