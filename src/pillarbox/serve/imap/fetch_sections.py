"""FETCH of bodies, headers and parts (RFC 3501 §6.4.5): ranges of the stored octets, large ones in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.core.contents.content import StoredContent
from pillarbox.grammar.imap.commands.fetch import FetchItem, Item, Section, format_section
from pillarbox.grammar.imap.responses.bodystructure import format_bodystructure
from pillarbox.grammar.message import header
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.section import octets_of
from pillarbox.model.errors import NotFound
from pillarbox.serve.imap import fetch_stored

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession

PIECE_OCTETS = 65_536
"""A range is read in pieces of so many octets."""
HELD_OCTETS = 262_144
"""A response that is longer goes out before all of it was read."""

RFC822_SECTIONS = {
    Item.RFC822: Section(),
    Item.RFC822_HEADER: Section(text="HEADER"),
    Item.RFC822_TEXT: Section(text="TEXT"),
}
STORED = frozenset(fetch_stored.STORED)


class _Response:
    """One FETCH response in the making. Nothing goes out before all of it is at hand, but where that is too much: then
    what fails can only be answered by the end of the connection, since the client counts octets."""

    __slots__ = ("_is_begun", "_octets", "_pieces", "_session")

    def __init__(self, session: ImapSession) -> None:
        self._session = session
        self._pieces: list[bytes] = []
        self._octets = 0
        self._is_begun = False

    def add(self, octets: bytes) -> None:
        """More of it."""
        self._pieces.append(octets)
        self._octets += len(octets)

    def add_literal(self, name: bytes, octets: bytes) -> None:
        """An item whose value is at hand."""
        self.add(b"%b {%d}\r\n" % (name, len(octets)))
        self.add(octets)

    async def pace(self) -> None:
        """Begin to send when much has gathered."""
        if self._octets > HELD_OCTETS:
            self._is_begun = True
            self._hand_over()
        await self._session.pace()

    def finish(self) -> None:
        """All of it is there."""
        self.add(b")\r\n")
        self._hand_over()
        self._is_begun = False

    def give_up(self) -> None:
        """Called in any case: after `finish` there is nothing to give up."""
        if self._is_begun:
            self._session.line.abort()

    def _hand_over(self) -> None:
        for piece in self._pieces:
            self._session.send(piece)
        self._pieces.clear()
        self._octets = 0


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
        response = _Response(session)
        try:
            async with await session.mail.messages.content(session.owner.id, selected.mailbox_id, uid) as content:
                response.add(b"* %d FETCH (" % number)
                await _items(session, response, uid, content, _with_flags(items, uid, newly_seen))
                response.finish()
        except NotFound:
            is_whole = False
        finally:
            response.give_up()
        await session.pace()
    return is_whole


def _with_flags(items: tuple[FetchItem, ...], uid: int, newly_seen: frozenset[int]) -> tuple[FetchItem, ...]:
    return (*items, Item.FLAGS) if uid in newly_seen and Item.FLAGS not in items else items


async def _items(
    session: ImapSession, response: _Response, uid: int, content: StoredContent, items: tuple[FetchItem, ...]
) -> None:
    part = content.part
    stored = tuple(item for item in items if item in STORED)
    line = await fetch_stored.stored_line(session, uid) if stored else b""
    is_first = True
    for item in items:
        if item in STORED and item is not stored[0]:
            continue
        if not is_first:
            response.add(b" ")
        is_first = False
        if item in STORED:
            response.add(fetch_stored.cut(line, stored))
        elif item is Item.UID:
            response.add(b"UID %d" % uid)
        elif item is Item.FLAGS:
            response.add(b"FLAGS " + session.view.flags_text(uid, session.view.view.flags_of(uid)))
        elif item in fetch_stored.OBJECT_IDS:
            response.add(fetch_stored.object_ids(await fetch_stored.ids_of(session, uid), (item,)))
        elif item is Item.BODY:
            response.add(b"BODY " + format_bodystructure(b"", part, extended=False))
        else:
            await _section(response, item, content, part)
        await response.pace()


async def _section(response: _Response, item: FetchItem, content: StoredContent, part: Part) -> None:
    if isinstance(item, Item):
        name, section = item.value.encode(), RFC822_SECTIONS[item]
    else:
        name, section = b"BODY" + format_section(item), item
    if section.partial is not None:
        name += b"<%d>" % section.partial[0]
    text = "HEADER" if section.text.startswith("HEADER") else section.text
    place = octets_of(part, section.numbers, text)
    if place is None:
        response.add(name + b" NIL")
        return
    if section.fields:
        octets = await _fields(content, place, section)
        response.add_literal(name, _partial(octets, section))
        return
    start, end = place
    if section.partial is not None:
        first, count = section.partial
        start, end = min(start + first, end), min(start + first + count, end)
    if end - start <= PIECE_OCTETS:
        response.add_literal(name, await content.read(start, end))
        return
    response.add(b"%b {%d}\r\n" % (name, end - start))
    async for piece in content.pieces(start, end, size=PIECE_OCTETS):
        response.add(piece)
        await response.pace()


async def _fields(content: StoredContent, place: tuple[int, int], section: Section) -> bytes:
    octets = await content.read(*place)
    names = frozenset(field.lower() for field in section.fields)
    return header.subset(octets, 0, len(octets), names, others=section.text == "HEADER.FIELDS.NOT")


def _partial(octets: bytes, section: Section) -> bytes:
    if section.partial is None:
        return octets
    first, count = section.partial
    return octets[first : first + count]
