"""FETCH of bodies, headers and parts (RFC 3501 §6.4.5): ranges of the stored octets, large ones in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.core.content import StoredContent
from pillarbox.grammar.imap.commands.fetch import FetchItem, Item, Section, format_section
from pillarbox.grammar.imap.responses.bodystructure import format_bodystructure
from pillarbox.grammar.message import header
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.section import octets_of
from pillarbox.model.errors import NotFound
from pillarbox.serve.imap import fetch_stored

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession

WHOLE_OCTETS = 65_536
"""Larger ranges go out in pieces."""

RFC822_SECTIONS = {
    Item.RFC822: Section(),
    Item.RFC822_HEADER: Section(text="HEADER"),
    Item.RFC822_TEXT: Section(text="TEXT"),
}
STORED = frozenset(fetch_stored.STORED)


async def send(
    session: ImapSession, uids: Sequence[int], items: tuple[FetchItem, ...], newly_seen: frozenset[int]
) -> bool:
    """A line for each message; whether none had gone meanwhile."""
    selected = session.view
    is_whole = True
    for uid in uids:
        number = selected.view.number_of(uid)
        if number is None:
            continue
        try:
            async with await session.mail.messages.content(session.owner.id, selected.mailbox_id, uid) as content:
                await _message(session, number, uid, content, _with_flags(items, uid, newly_seen))
        except NotFound:
            is_whole = False
    return is_whole


def _with_flags(items: tuple[FetchItem, ...], uid: int, newly_seen: frozenset[int]) -> tuple[FetchItem, ...]:
    return (*items, Item.FLAGS) if uid in newly_seen and Item.FLAGS not in items else items


async def _message(
    session: ImapSession, number: int, uid: int, content: StoredContent, items: tuple[FetchItem, ...]
) -> None:
    part = content.part
    stored = tuple(item for item in items if item in STORED)
    line = await fetch_stored.stored_line(session, uid) if stored else b""
    session.send(b"* %d FETCH (" % number)
    is_first = True
    for item in items:
        if item in STORED and item is not stored[0]:
            continue
        if not is_first:
            session.send(b" ")
        is_first = False
        if item in STORED:
            session.send(fetch_stored.cut(line, stored))
        elif item is Item.UID:
            session.send(b"UID %d" % uid)
        elif item is Item.FLAGS:
            session.send(b"FLAGS " + session.view.flags_text(uid, session.view.view.flags_of(uid)))
        elif item is Item.BODY:
            session.send(b"BODY " + format_bodystructure(b"", part, extended=False))
        else:
            await _section(session, item, content, part)
    session.send(b")\r\n")
    await session.drained()


async def _section(session: ImapSession, item: FetchItem, content: StoredContent, part: Part) -> None:
    if isinstance(item, Item):
        name, section = item.value.encode(), RFC822_SECTIONS[item]
    else:
        name, section = b"BODY" + format_section(item), item
    if section.partial is not None:
        name += b"<%d>" % section.partial[0]
    text = "HEADER" if section.text.startswith("HEADER") else section.text
    place = octets_of(part, section.numbers, text)
    if place is None:
        session.send(name + b" NIL")
        return
    if section.fields:
        octets = await _fields(content, place, section)
        await _literal(session, name, _partial(octets, section))
        return
    start, end = place
    if section.partial is not None:
        first, count = section.partial
        start, end = min(start + first, end), min(start + first + count, end)
    if end - start <= WHOLE_OCTETS:
        await _literal(session, name, await content.read(start, end))
        return
    session.send(b"%b {%d}\r\n" % (name, end - start))
    async for piece in content.pieces(start, end):
        session.send(piece)
        await session.drained()


async def _fields(content: StoredContent, place: tuple[int, int], section: Section) -> bytes:
    octets = await content.read(*place)
    names = frozenset(field.lower() for field in section.fields)
    return header.subset(octets, 0, len(octets), names, others=section.text == "HEADER.FIELDS.NOT")


def _partial(octets: bytes, section: Section) -> bytes:
    if section.partial is None:
        return octets
    first, count = section.partial
    return octets[first : first + count]


async def _literal(session: ImapSession, name: bytes, octets: bytes) -> None:
    session.send(b"%b {%d}\r\n" % (name, len(octets)))
    session.send(octets)
