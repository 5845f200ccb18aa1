"""STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.core.outcomes import FlagAction
from pillarbox.grammar.imap.commands.store import Store
from pillarbox.grammar.imap.responses.fetch import format_fetch
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.imap.numbers import uids_of
from pillarbox.serve.imap.select import require_writable

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

LINES_A_WRITE = 1_000


async def store(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """The flags as they are now are told, unless the client does not want to hear it."""
    assert isinstance(command, Store)
    selected = session.view
    require_writable(selected)
    uids = uids_of(selected, command.numbers, by_uid=command.by_uid)
    outcome = await session.mail.messages.change_flags(
        session.owner.id, selected.mailbox_id, uids, FlagAction(command.action.value), command.flags
    )
    changed = outcome.changed
    selected.view.forget_own(uid for uid, _, _ in changed)
    if not command.is_silent:
        await _tell(session, changed, by_uid=command.by_uid)
    selected.tell_updates(session, expunges=command.by_uid)
    return Status(tag, "OK", "STORE completed")


async def _tell(session: ImapSession, changed: Sequence[tuple[int, FlagSet, int]], *, by_uid: bool) -> None:
    selected = session.view
    for position, (uid, flags, _) in enumerate(changed):
        number = selected.view.number_of(uid)
        if number is None:
            continue
        text = b"FLAGS " + selected.flags_text(uid, flags)
        session.send(format_fetch(number, (b"UID %d" % uid, text) if by_uid else (text,)))
        if position % LINES_A_WRITE == LINES_A_WRITE - 1:
            await session.drained()
