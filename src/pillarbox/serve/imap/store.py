"""STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.imap.commands.store import Store, StoreAction
from pillarbox.grammar.imap.responses.fetch import format_fetch
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.imap.numbers import runs, uids_of
from pillarbox.serve.imap.select import require_writable
from pillarbox.serve.imap.selected import LINES, Selected

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def store(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """The flags as they are now are told, unless the client does not want to hear it."""
    assert isinstance(command, Store)
    selected = session.view
    require_writable(selected)
    uids = uids_of(selected, command.numbers, by_uid=command.by_uid)
    expected: dict[int, FlagSet] = {}
    if command.is_silent:
        selected.tell_now(session, expunges=command.by_uid)
        expected = _expected(selected, uids, command)
    outcome = await session.mail.messages.change_flags(
        session.owner.id, selected.mailbox_id, uids, FlagAction(command.action.value), command.flags
    )
    changed = outcome.changed
    selected.view.forget_own(uid for uid, flags, _ in changed if expected.get(uid, flags) == flags)
    selected.tell_keywords(session)
    if not command.is_silent:
        await _tell(session, changed, by_uid=command.by_uid)
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "STORE completed")


def _expected(selected: Selected, uids: Sequence[int], command: Store) -> dict[int, FlagSet]:
    """What a client that asks for silence takes the flags to be, from what it was told. Where they turn out otherwise,
    somebody else has changed them too, and it hears of it (RFC 3501 §6.4.6, the note)."""
    view = selected.view
    after = [_apply(flags, command) for flags in view.flag_sets]
    expected: dict[int, FlagSet] = {}
    for low, high in runs(selected, uids):
        known, places = view.flag_columns(low, high)
        expected.update(zip(known, map(after.__getitem__, places), strict=True))
    return expected


def _apply(flags: FlagSet, command: Store) -> FlagSet:
    match command.action:
        case StoreAction.SET:
            return command.flags
        case StoreAction.ADD:
            return flags | command.flags
        case StoreAction.REMOVE:
            return flags - command.flags


async def _tell(session: ImapSession, changed: Sequence[tuple[int, FlagSet, int]], *, by_uid: bool) -> None:
    selected = session.view
    for position, (uid, flags, _) in enumerate(changed):
        number = selected.view.number_of(uid)
        if number is None:
            continue
        text = b"FLAGS " + selected.flags_text(uid, flags)
        session.send(format_fetch(number, (b"UID %d" % uid, text) if by_uid else (text,)))
        if position % LINES == LINES - 1:
            await session.pace()
