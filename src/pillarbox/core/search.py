"""SEARCH: which messages of a mailbox fit (RFC 9051 §6.4.4).

The cheap keys go first: what the open mailbox has in memory, then rows, then the envelope that was kept at delivery,
and only what is left is read: its header, or all of it. Text is decoded (encoded words, charsets, transfer encodings),
folded, and compared as a substring, in BODY and TEXT too, where words would do. Between slices others have their turn;
what must never happen is a large file read for a key that its header answers.
"""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from enum import IntEnum

from pillarbox.core import search_text
from pillarbox.core.content import content_in
from pillarbox.core.search_text import Subject
from pillarbox.core.view import View
from pillarbox.grammar.message.part import unpack
from pillarbox.model.errors import Invalid, NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.query import (
    All,
    And,
    ChangedSince,
    HasFlags,
    HasHeader,
    HasText,
    Larger,
    Not,
    Or,
    Query,
    Received,
    Sent,
    Smaller,
    Uids,
)
from pillarbox.store import placements as placement_rows
from pillarbox.store.base import Blobs, Database
from pillarbox.store.runs import runs

COLUMN_SLICE = 5_000
ROW_SLICE = 200
CONTENT_SLICE = 20

InMemory = Callable[[int, int, int], bool]
"""UID, place in flag_sets, mod-sequence → whether it fits."""


class Cost(IntEnum):
    """What a key needs to be answered."""

    MEMORY = 0
    ROW = 1
    ENVELOPE = 2
    HEADER = 3
    CONTENT = 4


def cost_of(query: Query) -> Cost:
    """The dearest of its keys."""
    match query:
        case And(terms=terms) | Or(terms=terms):
            return max(map(cost_of, terms), default=Cost.MEMORY)
        case Not(term=term):
            return cost_of(term)
        case Larger() | Smaller() | Received():
            return Cost.ROW
        case Sent():
            return Cost.ENVELOPE
        case HasHeader(name=name):
            return Cost.ENVELOPE if search_text.is_kept(name) else Cost.HEADER
        case HasText():
            return Cost.CONTENT
        case All() | Uids() | HasFlags() | ChangedSince():
            return Cost.MEMORY
        case _:
            raise Invalid("only a session can answer this key")


class Search:
    """Finds messages."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def find(self, account_id: AccountId, view: View, query: Query) -> list[int]:
        """The UIDs of the messages that the session knows and that fit, rising.

        Raises: Invalid for keys that the session had to replace (Numbers, SavedResult, IsRecent).
        """
        terms = sorted(query.terms if isinstance(query, And) else (query,), key=cost_of)
        terms = [_folded(term) for term in terms]
        uids = await self._in_memory(view, [term for term in terms if cost_of(term) is Cost.MEMORY])
        rows = [term for term in terms if cost_of(term) in (Cost.ROW, Cost.ENVELOPE)]
        texts = [term for term in terms if cost_of(term) >= Cost.HEADER]
        if rows:
            uids = await self._by_rows(account_id, view, uids, rows)
        if texts:
            uids = await self._by_content(account_id, view, uids, texts)
        return list(uids)

    async def _in_memory(self, view: View, terms: list[Query]) -> Sequence[int]:
        if not terms:
            return view.uids()
        fits = _both([_compile(term, view) for term in terms])
        found: array[int] = array("I")
        for low in range(1, view.exists + 1, COLUMN_SLICE):
            high = min(low + COLUMN_SLICE - 1, view.exists)
            uids, flags = view.flag_columns(low, high)
            modseqs = view.modseq_column(low, high)
            found.extend(u for u, f, m in zip(uids, flags, modseqs, strict=True) if fits(u, f, m))
            await asyncio.sleep(0)
        return found

    async def _by_rows(self, account_id: AccountId, view: View, uids: Sequence[int], terms: list[Query]) -> list[int]:
        found: list[int] = []
        dearest = max(map(cost_of, terms))
        for low, high, part in runs(uids, chunk=ROW_SLICE):
            subjects = await self._subjects(account_id, view, (low, high), set(part), dearest)
            found += [s.uid for s in subjects if all(_fits(term, s) for term in terms)]
            await asyncio.sleep(0)
        return found

    async def _subjects(
        self, account_id: AccountId, view: View, between: tuple[int, int], wanted: set[int], dearest: Cost
    ) -> list[Subject]:
        mailbox_id = view.mailbox.mailbox_id
        found: list[Subject] = []
        async with self._db.read(account_id) as tx:
            facts = await placement_rows.facts_page(tx, account_id, mailbox_id, *between)
            kept: dict[int, bytes] = {}
            if dearest >= Cost.ENVELOPE:
                kept = dict(await placement_rows.parts_page(tx, account_id, mailbox_id, *between))
        for uid, fact in facts:
            if uid in wanted and (number := view.number_of(uid)) is not None:
                subject = Subject(uid, view.flags_of(uid), view.modseq_of(uid), number, fact)
                if uid in kept:
                    subject.part = unpack(kept[uid])
                found.append(subject)
        return found

    async def _by_content(
        self, account_id: AccountId, view: View, uids: Sequence[int], terms: list[Query]
    ) -> list[int]:
        found: list[int] = []
        whole = max(map(cost_of, terms)) is Cost.CONTENT
        for low, high, part in runs(uids, chunk=CONTENT_SLICE):
            for subject in await self._subjects(account_id, view, (low, high), set(part), Cost.ENVELOPE):
                try:
                    await self._read(account_id, view, subject, whole=whole)
                except NotFound:
                    continue
                if all(_fits(term, subject) for term in terms):
                    found.append(subject.uid)
            await asyncio.sleep(0)
        return found

    async def _read(self, account_id: AccountId, view: View, subject: Subject, *, whole: bool) -> None:
        async with self._db.read(account_id) as tx:
            content = await content_in(tx, self._blobs, account_id, view.mailbox.mailbox_id, subject.uid)
        try:
            await search_text.read(subject, content, whole=whole)
        finally:
            content.close()
