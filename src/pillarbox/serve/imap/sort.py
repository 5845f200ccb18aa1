"""SORT (RFC 5256 §3, RFC 5267 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.imap.commands.sort import Sort
from pillarbox.grammar.imap.responses.search import format_found, format_sort
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.serve.imap.numbers import numbers_in_order
from pillarbox.serve.imap.search import find, send_pieces

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def sort(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """UIDs or numbers in the order asked for; no EXPUNGE meanwhile."""
    assert isinstance(command, Sort)
    selected = session.view
    uids = await find(session, command.query)
    numbers = await session.mail.arrangements.sort(session.owner.id, selected.mailbox_id, uids, command.orders)
    if not command.by_uid:
        numbers = [number for number in await numbers_in_order(session, numbers) if number]
    if command.returns is None:
        await send_pieces(session, format_sort(numbers))
    else:
        await send_pieces(session, format_found(tag, numbers, command.returns, by_uid=command.by_uid))
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "SORT completed")
