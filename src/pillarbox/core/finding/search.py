"""SEARCH: which messages of a mailbox fit (RFC 9051 §6.4.4).

The cheap keys go first: what the open mailbox has in memory, then rows, then the envelope that was kept at delivery,
then texts, and of what is left the header is read. Text is decoded (encoded words, charsets, transfer encodings),
folded, and compared as a substring, in BODY and TEXT too, where words would do. It comes from the tables that are
filled behind delivery; of messages that came since, or whose text is too large for them, from the content. Where what
BODY looks for has whole words in it, the word index names the messages to look at. Between slices others have their
turn; what must never happen is a large file read for a key that its header answers.
"""

import asyncio
from array import array
from collections.abc import Callable, Sequence, Set
from datetime import date
from enum import IntEnum

from pillarbox.core.contents.content import content_in
from pillarbox.core.finding import search_text
from pillarbox.core.finding.folded import VERSION
from pillarbox.core.finding.narrowing import narrow
from pillarbox.core.finding.search_text import Subject
from pillarbox.core.mailbox.view import View
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
from pillarbox.store import search as search_rows
from pillarbox.store.base import Blobs, Database
from pillarbox.store.messages import MessageFacts
from pillarbox.store.runs import runs

COLUMN_SLICE = 5_000
ROW_SLICE = 200
TEXT_SLICE = 100
CONTENT_SLICE = 20

InMemory = Callable[[int, int, int], bool]
"""UID, place in flag_sets, mod-sequence → whether it fits."""


class Cost(IntEnum):
    """What a key needs to be answered."""

    MEMORY = 0
    ROW = 1
    ENVELOPE = 2
    TEXT = 3
    HEADER = 4


def costs_of(query: Query) -> frozenset[Cost]:
    """Those of all its keys."""
    match query:
        case And(terms=terms) | Or(terms=terms):
            return frozenset().union(*map(costs_of, terms))
        case Not(term=term):
            return costs_of(term)
        case Larger() | Smaller() | Received():
            return frozenset((Cost.ROW,))
        case Sent():
            return frozenset((Cost.ENVELOPE,))
        case HasHeader(name=name):
            return frozenset((Cost.ENVELOPE if search_text.is_kept(name) else Cost.HEADER,))
        case HasText():
            return frozenset((Cost.TEXT,))
        case HasFlags() | ChangedSince():
            return frozenset((Cost.MEMORY,))
        case All() | Uids():
            return frozenset()
        case _:
            raise Invalid("only a session can answer this key")


def cost_of(query: Query) -> Cost:
    """The dearest of its keys."""
    return max(costs_of(query), default=Cost.MEMORY)


class Search:
    """Finds messages."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def find(self, account_id: AccountId, view: View, query: Query) -> list[int]:
        """The UIDs of the messages that the session knows and that fit, rising.

        Raises: Invalid for keys that the session had to replace (Numbers, SavedResult, IsRecent).
        """
        terms = [_folded(term) for term in (query.terms if isinstance(query, And) else (query,))]
        by_cost: dict[Cost, list[Query]] = {}
        for term in terms:
            by_cost.setdefault(cost_of(term), []).append(term)
        uids = await self._in_memory(view, by_cost.get(Cost.MEMORY, []))
        rows = by_cost.get(Cost.ROW, []) + by_cost.get(Cost.ENVELOPE, [])
        if rows:
            uids = await self._by_rows(account_id, view, uids, rows)
        for cost in (Cost.TEXT, Cost.HEADER):
            if cost in by_cost:
                uids = await self._by_texts(account_id, view, uids, by_cost[cost])
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
        costs = frozenset().union(*map(costs_of, terms))
        for low, high, part in runs(uids, chunk=ROW_SLICE):
            subjects = await self._subjects(account_id, view, (low, high), set(part), costs)
            found += [s.uid for s in subjects if all(_fits(term, s) for term in terms)]
            await asyncio.sleep(0)
        return found

    async def _subjects(
        self, account_id: AccountId, view: View, between: tuple[int, int], wanted: set[int], costs: frozenset[Cost]
    ) -> list[Subject]:
        """What rows say of the messages wanted that are there still."""
        mailbox_id = view.mailbox.mailbox_id
        facts: dict[int, MessageFacts] = {}
        kept: dict[int, bytes] = {}
        async with self._db.read(account_id) as tx:
            placed = await search_rows.placed(tx, account_id, mailbox_id, *between)
            if Cost.ROW in costs:
                facts = dict(await placement_rows.facts_page(tx, account_id, mailbox_id, *between))
            if Cost.ENVELOPE in costs:
                kept = dict(await placement_rows.parts_page(tx, account_id, mailbox_id, *between))
        found: list[Subject] = []
        for uid, message_id in placed:
            if uid in wanted and view.number_of(uid) is not None:
                subject = Subject(uid, message_id)
                subject.facts = facts.get(uid)
                if Cost.MEMORY in costs:
                    subject.flags, subject.modseq = view.flags_of(uid), view.modseq_of(uid)
                if uid in kept:
                    subject.part = unpack(kept[uid])
                found.append(subject)
        return found

    async def _by_texts(self, account_id: AccountId, view: View, uids: Sequence[int], terms: list[Query]) -> list[int]:
        """Of texts and whole headers."""
        found: list[int] = []
        costs = frozenset().union(*map(costs_of, terms))
        tables = await self._tables(account_id, terms) if Cost.TEXT in costs else _Tables()
        for low, high, part in runs(uids, chunk=TEXT_SLICE if Cost.TEXT in costs else CONTENT_SLICE):
            subjects = await self._subjects(account_id, view, (low, high), set(part), costs)
            subjects = [one for one in subjects if tables.may_have(one.message_id)]
            if Cost.TEXT in costs:
                subjects = await self._bring_texts(account_id, view, subjects, tables)
            if Cost.HEADER in costs:
                subjects = await self._bring_contents(account_id, view, subjects, whole=False)
            found += [one.uid for one in subjects if all(_fits(term, one) for term in terms)]
            await asyncio.sleep(0)
        return found

    async def _tables(self, account_id: AccountId, terms: list[Query]) -> "_Tables":
        expression = narrow(terms).expression
        hits: frozenset[int] | None = None
        async with self._db.read(account_id) as tx:
            mark = await search_rows.mark_of(tx, account_id, VERSION)
            cut = frozenset(await search_rows.cut(tx, account_id, mark))
            if expression is not None:
                hits = frozenset(await search_rows.matching(tx, account_id, expression, mark))
        return _Tables(mark, cut, hits, heads=any(map(_asks_heads, terms)))

    async def _bring_texts(
        self, account_id: AccountId, view: View, subjects: list[Subject], tables: "_Tables"
    ) -> list[Subject]:
        kept: dict[int, list[Subject]] = {}
        for subject in subjects:
            if tables.has(subject.message_id):
                kept.setdefault(subject.message_id, []).append(subject)
        async with self._db.read(account_id) as tx:
            for message_id, *texts in await search_rows.texts(tx, account_id, kept, heads=tables.heads):
                for subject in kept.pop(message_id):
                    subject.keep(*texts)
        others = [one for one in subjects if one.message_id in kept or not tables.has(one.message_id)]
        there = {one.uid for one in await self._bring_contents(account_id, view, others, whole=True)}
        missing = {one.uid for one in others} - there
        return [one for one in subjects if one.uid not in missing]

    async def _bring_contents(
        self, account_id: AccountId, view: View, subjects: list[Subject], *, whole: bool
    ) -> list[Subject]:
        """Read from contents; those that are there still."""
        found: list[Subject] = []
        for count, subject in enumerate(subjects, start=1):
            try:
                async with self._db.read(account_id) as tx:
                    content = await content_in(tx, self._blobs, account_id, view.mailbox.mailbox_id, subject.uid)
                async with content:
                    await (subject.read_all(content) if whole else subject.read_header(content))
            except NotFound:
                continue
            found.append(subject)
            if count % CONTENT_SLICE == 0:
                await asyncio.sleep(0)
        return found


class _Tables:
    """What the tables of text search are good for in one search: messages up to the mark, but for those whose text is
    too large; and of these, where the index was asked, its `hits` alone."""

    __slots__ = ("_cut", "_hits", "_mark", "heads")

    def __init__(
        self, mark: int = 0, cut: Set[int] = frozenset(), hits: Set[int] | None = None, *, heads: bool = False
    ) -> None:
        self._mark = mark
        self._cut = cut
        self._hits = hits
        self.heads = heads

    def has(self, message_id: int) -> bool:
        return message_id <= self._mark and message_id not in self._cut

    def may_have(self, message_id: int) -> bool:
        return self._hits is None or not self.has(message_id) or message_id in self._hits


def _asks_heads(query: Query) -> bool:
    match query:
        case And(terms=terms) | Or(terms=terms):
            return any(map(_asks_heads, terms))
        case Not(term=term):
            return _asks_heads(term)
        case HasText(body_only=body_only):
            return not body_only
    return False


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
            return subject.facts is not None and subject.facts.size_octets > octets
        case Smaller(octets=octets):
            return subject.facts is not None and subject.facts.size_octets < octets
        case Received(since=since, before=before):
            return subject.facts is not None and _between(subject.facts.received.date(), since, before)
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
