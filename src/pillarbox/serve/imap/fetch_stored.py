"""FETCH of what was made ready at delivery: `INTERNALDATE "…" RFC822.SIZE n ENVELOPE (…) BODYSTRUCTURE (…)`.

All four together are sent as they are stored; some of them are cut out of the text. Object identifiers (RFC 8474 §5.3)
come from rows, and stand behind them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.commands.fetch import FetchItem, Item
from pillarbox.grammar.imap.object_id import format_message_id, format_thread_id
from pillarbox.grammar.imap.responses.fetch import parse_tree
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import MessageId, ThreadId

if TYPE_CHECKING:
    from pillarbox.serve.imap.selected import Selected
    from pillarbox.serve.imap.session import ImapSession

STORED = (Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE, Item.BODYSTRUCTURE)
OBJECT_IDS = (Item.EMAIL_ID, Item.THREAD_ID)
_DATE_OCTETS = len(b'INTERNALDATE "24-Nov-2026 10:05:44 +0000"')
Cutter = Callable[[bytes], bytes]
_ENVELOPE = b" ENVELOPE "
_BODYSTRUCTURE = b" BODYSTRUCTURE "


async def send(session: ImapSession, uids: Sequence[int], items: tuple[FetchItem, ...]) -> bool:
    """Whether no message had gone meanwhile."""
    selected = session.view
    told = 0
    async for rows in _rows(session, uids, items):
        session.send(_lines(selected, rows, items))
        told += len(rows)
        await session.pace()
    return told == len(uids)


async def _rows(
    session: ImapSession, uids: Sequence[int], items: tuple[FetchItem, ...]
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """(UID, all that is told of it besides flags), in batches."""
    place = session.owner.id, session.view.mailbox_id
    has_stored, has_ids = any(item in STORED for item in items), any(item in OBJECT_IDS for item in items)
    if not has_stored:
        async for found in session.mail.whereabouts.ids(*place, uids):
            yield [(uid, object_ids(ids, items)) for uid, ids in found]
        return
    cut_out = cutter(items)
    async for rows in session.mail.messages.lines(*place, uids):
        if not has_ids:
            yield [(uid, cut_out(text)) for uid, text in rows]
            continue
        texts = dict(rows)
        async for found in session.mail.whereabouts.ids(*place, [uid for uid, _ in rows]):
            yield [(uid, b"%b %b" % (cut_out(texts[uid]), object_ids(ids, items))) for uid, ids in found]


def object_ids(ids: tuple[MessageId, ThreadId], items: tuple[FetchItem, ...]) -> bytes:
    """`EMAILID (e12) THREADID (t12)`, or the one of them that is asked for."""
    pieces = []
    if Item.EMAIL_ID in items:
        pieces.append(b"EMAILID (%b)" % format_message_id(ids[0]))
    if Item.THREAD_ID in items:
        pieces.append(b"THREADID (%b)" % format_thread_id(ids[1]))
    return b" ".join(pieces)


def _lines(selected: Selected, rows: Sequence[tuple[int, bytes]], items: tuple[FetchItem, ...]) -> bytes:
    view = selected.view
    has_uid, has_flags = Item.UID in items, Item.FLAGS in items
    template = b"* %d FETCH (" + b"UID %d " * has_uid + b"FLAGS %b " * has_flags + b"%b)\r\n"
    texts = selected.flag_texts()
    is_plain = not view.recent
    values: list[object] = []
    count = 0
    first = view.number_of(rows[0][0]) if rows else None
    last = view.number_of(rows[-1][0]) if rows else None
    if first is not None and last is not None and last - first == len(rows) - 1:
        numbers: Sequence[int | None] = range(first, last + 1)
        sets: Sequence[int] = view.flag_columns(first, last)[1]
    else:
        numbers = [view.number_of(uid) for uid, _ in rows]
        sets = [view.flag_columns(number, number)[1][0] if number else 0 for number in numbers]
    for number, place, (uid, text) in zip(numbers, sets, rows, strict=True):
        if number is None:
            continue
        count += 1
        values.append(number)
        if has_uid:
            values.append(uid)
        if has_flags:
            values.append(texts[place] if is_plain else selected.flags_text(uid, view.flag_sets[place]))
        values.append(text)
    return (template * count) % tuple(values)


def cutter(items: tuple[FetchItem, ...]) -> Cutter:
    """What makes of the stored text what is asked for: the usual choices are one slice."""
    match [item in items for item in STORED]:
        case [True, True, True, True]:
            return lambda text: text
        case [True, True, False, False]:
            return lambda text: text[: text.index(_ENVELOPE, _DATE_OCTETS)]
        case [False, True, True, True]:
            return lambda text: text[_DATE_OCTETS + 1 :]
        case [False, False, True, True]:
            return lambda text: text[text.index(_ENVELOPE, _DATE_OCTETS) + 1 :]
    return lambda text: cut(text, items)


def cut(text: bytes, items: tuple[FetchItem, ...]) -> bytes:
    """Those items of the stored text that are asked for, in its order."""
    envelope = text.index(_ENVELOPE, _DATE_OCTETS)
    pieces = []
    if Item.INTERNALDATE in items:
        pieces.append(text[:_DATE_OCTETS])
    if Item.SIZE in items:
        pieces.append(text[_DATE_OCTETS + 1 : envelope])
    if Item.ENVELOPE in items or Item.BODYSTRUCTURE in items:
        structure = _structure_place(text, envelope + len(_ENVELOPE))
        if Item.ENVELOPE in items:
            pieces.append(text[envelope + 1 : structure])
        if Item.BODYSTRUCTURE in items:
            pieces.append(text[structure + 1 :])
    return b" ".join(pieces)


def _structure_place(text: bytes, envelope: int) -> int:
    """Where ` BODYSTRUCTURE ` begins: the only one, or the one behind the envelope."""
    place = text.find(_BODYSTRUCTURE, envelope)
    if text.find(_BODYSTRUCTURE, place + 1) < 0:
        return place
    cursor = Cursor(text, envelope)
    parse_tree(cursor, 0)
    return cursor.place


async def stored_line(session: ImapSession, uid: int) -> bytes:
    """The text of one message. Raises: NotFound."""
    selected = session.view
    async for rows in session.mail.messages.lines(session.owner.id, selected.mailbox_id, [uid]):
        for _, text in rows:
            return text
    raise NotFound("no such message")


async def ids_of(session: ImapSession, uid: int) -> tuple[MessageId, ThreadId]:
    """Message and thread of one. Raises: NotFound."""
    async for found in session.mail.whereabouts.ids(session.owner.id, session.view.mailbox_id, [uid]):
        for _, ids in found:
            return ids
    raise NotFound("no such message")
