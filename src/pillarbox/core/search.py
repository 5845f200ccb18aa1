"""SEARCH: which messages of a mailbox fit (RFC 9051 §6.4.4).

The cheap keys go first: what the open mailbox has in memory, then rows, then the envelope that was kept at delivery,
and only what is left is read: its header, or all of it. Text is decoded (encoded words, charsets, transfer encodings),
folded, and compared as a substring, in BODY and TEXT too, where words would do. Between slices others have their turn;
what must never happen is a large file read for a key that its header answers.
"""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from datetime import date
from enum import IntEnum

from pillarbox.core import search_text
from pillarbox.core.content import content_in
from pillarbox.core.search_text import Subject
from pillarbox.core.view import View
from pillarbox.grammar.message.part import unpack
from pillarbox.grammar.message.text import fold
from pillarbox.model.errors import Invalid, NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.keywords import FlagSet
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


def _folded(query: Query) -> Query:
    """The same, its texts folded once."""
    match query:
        case HasHeader(name=name, text=text):
            return HasHeader(name.lower(), fold(text))
        case HasText(text=text, body_only=body_only):
            return HasText(fold(text), body_only)
        case And(terms=terms):
            return And(tuple(map(_folded, terms)))
        case Or(terms=terms):
            return Or(tuple(map(_folded, terms)))
        case Not(term=term):
            return Not(_folded(term))
    return query


def _both(tests: list[InMemory]) -> InMemory:
    if len(tests) == 1:
        return tests[0]
    return lambda uid, place, modseq: all(test(uid, place, modseq) for test in tests)


def _compile(query: Query, view: View) -> InMemory:
    """A test on the columns of the open mailbox."""
    match query:
        case All():
            return lambda uid, place, modseq: True
        case HasFlags(flags=flags):
            having = {place for place, known in enumerate(view.flag_sets) if _has(known, flags)}
            return lambda uid, place, modseq: place in having
        case Uids(uids=uids):
            named = set(view.uids_in(uids))
            return lambda uid, place, modseq: uid in named
        case ChangedSince(modseq=since):
            return lambda uid, place, modseq: modseq >= since
        case Not(term=term):
            inner = _compile(term, view)
            return lambda uid, place, modseq: not inner(uid, place, modseq)
        case And(terms=terms):
            return _both([_compile(term, view) for term in terms])
        case Or(terms=terms):
            tests = [_compile(term, view) for term in terms]
            return lambda uid, place, modseq: any(test(uid, place, modseq) for test in tests)
    raise Invalid("only a session can answer this key")


def _has(known: FlagSet, wanted: FlagSet) -> bool:
    return known.bits & wanted.bits == wanted.bits and set(wanted.keywords) <= set(known.keywords)


def _fits(query: Query, subject: Subject) -> bool:
    """Whether one message fits; what a key needs has been brought in by its cost."""
    match query:
        case All():
            return True
        case And(terms=terms):
            return all(_fits(term, subject) for term in terms)
        case Or(terms=terms):
            return any(_fits(term, subject) for term in terms)
        case Not(term=term):
            return not _fits(term, subject)
        case HasFlags(flags=flags):
            return _has(subject.flags, flags)
        case Uids(uids=uids):
            return any(low <= subject.uid <= high for low, high in uids.resolve(subject.uid))
        case ChangedSince(modseq=since):
            return subject.modseq >= since
        case Larger(octets=octets):
            return subject.facts.size_octets > octets
        case Smaller(octets=octets):
            return subject.facts.size_octets < octets
        case Received(since=since, before=before):
            return _between(subject.facts.received.date(), since, before)
        case Sent(since=since, before=before):
            day = subject.sent_day()
            return day is not None and _between(day, since, before)
        case HasHeader(name=name, text=text):
            return subject.has_field(name, text)
        case HasText(text=text, body_only=body_only):
            return subject.has_text(text, body_only=body_only)
    raise Invalid("only a session can answer this key")


def _between(day: date, since: date | None, before: date | None) -> bool:
    return (since is None or day >= since) and (before is None or day < before)
