"""FETCH (RFC 3501 §6.4.5): flags from the shared columns, envelopes from the stored text, bodies by ranges.

Answers are cut into pieces of a millisecond or two; between them others have their turn and the client's reading is
waited for, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.imap.commands.fetch import Fetch, FetchItem, Item, Section
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.keywords import SEEN, FlagSet
from pillarbox.serve.imap import fetch_sections, fetch_stored
from pillarbox.serve.imap.numbers import runs, uids_of
from pillarbox.serve.imap.selected import RECENT, Selected

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

FLAG_LINES = 4_000
"""Lines made in one go: about a millisecond."""

SETS_SEEN = {Item.RFC822, Item.RFC822_TEXT}
FROM_COLUMNS = {Item.UID, Item.FLAGS}
FROM_STORED = FROM_COLUMNS | {*fetch_stored.STORED, *fetch_stored.OBJECT_IDS}


async def fetch(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """The cheapest way that has all the items."""
    assert isinstance(command, Fetch)
    selected = session.view
    uids = uids_of(selected, command.numbers, by_uid=command.by_uid)
    wanted = set(command.items)
    is_whole = True
    if wanted <= FROM_COLUMNS:
        await _columns(session, uids, command.items)
    elif wanted <= FROM_STORED:
        is_whole = await fetch_stored.send(session, uids, command.items)
    else:
        newly_seen = await _mark_seen(session, uids, command.items)
        is_whole = await fetch_sections.send(session, uids, command.items, newly_seen)
    await selected.tell(session, expunges=command.by_uid)
    return Status(tag, "OK", "FETCH completed", b"" if is_whole else b"EXPUNGEISSUED")


async def _columns(session: ImapSession, uids: Sequence[int], items: tuple[FetchItem, ...]) -> None:
    selected = session.view
    template = b"* %d FETCH (" + b" ".join(b"UID %d" if i is Item.UID else b"FLAGS %b" for i in items) + b")\r\n"
    for low, high in runs(selected, uids):
        for first in range(low, high + 1, FLAG_LINES):
            session.send(_column_lines(selected, first, min(first + FLAG_LINES - 1, high), items, template))
            await session.pace()


def _column_lines(selected: Selected, first: int, last: int, items: tuple[FetchItem, ...], template: bytes) -> bytes:
    uids, sets = selected.view.flag_columns(first, last)
    columns: list[Sequence[object]] = [range(first, first + len(uids))]
    for item in items:
        columns.append(uids if item is Item.UID else flag_texts(selected, uids, sets))
    flat: list[object] = [None] * (len(columns) * len(uids))
    for position, column in enumerate(columns):
        flat[position :: len(columns)] = column
    return (template * len(uids)) % tuple(flat)


def flag_texts(selected: Selected, uids: Sequence[int], sets: Sequence[int]) -> list[bytes]:
    """`(\\Recent \\Seen)` of each row of the columns."""
    texts = selected.flag_texts()
    found = [texts[place] for place in sets]
    if selected.view.recent:
        for position, uid in enumerate(uids):
            if uid in selected.view.recent:
                text = found[position]
                found[position] = b"(%b%b)" % (RECENT, b" " + text[1:-1] if len(text) > 2 else b"")
    return found


async def _mark_seen(session: ImapSession, uids: Sequence[int], items: tuple[FetchItem, ...]) -> frozenset[int]:
    """RFC 3501 §6.4.5: reading a body sets \\Seen; the new flags are told with it."""
    selected = session.view
    sets_seen = any(item in SETS_SEEN or (isinstance(item, Section) and not item.peek) for item in items)
    if not sets_seen or selected.read_only:
        return frozenset()
    unseen = [uid for uid in uids if not selected.view.flags_of(uid).bits & SEEN]
    if not unseen:
        return frozenset()
    outcome = await session.mail.messages.change_flags(
        session.owner.id, selected.mailbox_id, unseen, FlagAction.ADD, FlagSet(SEEN)
    )
    changed = frozenset(uid for uid, _, _ in outcome.changed)
    selected.view.forget_own(changed)
    return changed
