"""Which messages of an account fit, and in which order: whole messages, not placements (RFC 8621 §4.4).

All that fits is found, in memory: rows first, then the envelopes that were kept at delivery, then, for what is left,
header or content, as `core.search` does for one mailbox. What a query asks of mailboxes or threads is read once for all.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from pillarbox.core import search_text
from pillarbox.core.content import StoredContent
from pillarbox.core.email_changes import MAIL_KINDS, PAGE, StateTooOld
from pillarbox.core.search_text import Subject
from pillarbox.core.states import Kind, state_in
from pillarbox.grammar.message import address_list, body
from pillarbox.grammar.message.date import parse as parse_date
from pillarbox.grammar.message.part import unpack
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.subject import base_subject
from pillarbox.grammar.message.text import fold
from pillarbox.model import query as q
from pillarbox.model.errors import Invalid, SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId, MessageId, ThreadId, TraceId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import Order, Query, SortKey
from pillarbox.store import changes as change_rows
from pillarbox.store import contents as content_rows
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.flag_columns import flag_set
from pillarbox.store.messages import MessageFacts
from pillarbox.store.moment import moment

SLICE = 500
CONTENT_SLICE = 20
NEWEST_FIRST = (Order(SortKey.RECEIVED, is_ascending=False),)
_THREAD_KEYS = (SortKey.THREAD_SOME_HAVE_FLAGS, SortKey.THREAD_ALL_HAVE_FLAGS)
_ENVELOPE_KEYS = (SortKey.SENT, SortKey.FROM, SortKey.TO, SortKey.SUBJECT)


class FoundEmails(msgspec.Struct, frozen=True):
    """Ids in their order; `state` is that of messages when it was looked."""

    ids: tuple[int, ...]
    state: int


class EmailQueries:
    """Finds messages of whole accounts."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def find(
        self, account_id: AccountId, query: Query, orders: Sequence[Order] = (), *, collapse: bool = False
    ) -> FoundEmails:
        """All that fit; with `collapse` the first of each thread alone (RFC 8621 §4.4.3).

        Raises: Invalid for what only a session can answer.
        """
        terms = [_folded(term) for term in (query.terms if isinstance(query, q.And) else (query,))]
        mailbox_id = next((term.mailbox_id for term in terms if isinstance(term, q.InMailbox)), None)
        terms = [t for t in terms if not (isinstance(t, q.InMailbox) and t.mailbox_id == mailbox_id)]
        around = _Around()
        async with self._db.read(account_id) as tx:
            state = await state_in(tx, account_id, Kind.EMAIL)
            subjects = await _candidates(tx, account_id, mailbox_id)
            if any(_asks(term, q.InMailbox, q.InOtherMailbox) for term in terms):
                await around.load_mailboxes(tx, account_id)
            if any(_asks(term, q.ThreadHasFlags) for term in terms) or any(o.key in _THREAD_KEYS for o in orders):
                await around.load_threads(tx, account_id, None if mailbox_id is not None else subjects)
        for cost in range(_CONTENT + 1):
            mine = [term for term in terms if _cost(term) == cost]
            if mine:
                subjects = await self._keep(account_id, subjects, mine, cost, around)
        if any(order.key in _ENVELOPE_KEYS for order in orders):
            await self._load_parts(account_id, subjects)
        _sort(subjects, orders, around)
        return FoundEmails(tuple(_collapsed(subjects) if collapse else (s.uid for s in subjects)), state)

    async def _keep(
        self, account_id: AccountId, subjects: list[Subject], terms: list[Query], cost: int, around: "_Around"
    ) -> list[Subject]:
        found: list[Subject] = []
        size = SLICE if cost <= _ENVELOPE else CONTENT_SLICE
        for start in range(0, len(subjects), size):
            part = subjects[start : start + size]
            if cost >= _ENVELOPE:
                part = await self._read(account_id, part, cost)
            found += [s for s in part if all(_fits(term, s, around) for term in terms)]
            for subject in part:
                subject.octets = None
            await asyncio.sleep(0)
        return found

    async def _read(self, account_id: AccountId, part: list[Subject], cost: int) -> list[Subject]:
        if cost == _ENVELOPE:
            return await self._load_parts(account_id, part)
        found: list[Subject] = []
        by_id = {subject.uid: subject for subject in part}
        contents: list[tuple[Subject, StoredContent]] = []
        async with self._db.read(account_id) as tx:
            for message_id, blob, head, size, parts in await email_rows.parts(tx, account_id, list(by_id)):
                inline = await content_rows.inline_content(tx, account_id, blob)
                whole = StoredContent(
                    bytes(head), inline, blobs=self._blobs, blob=BlobId(blob), size_octets=size, parts=bytes(parts)
                )
                contents.append((by_id[message_id], whole))
        for subject, content in contents:
            async with content:
                await search_text.read(subject, content, whole=cost == _CONTENT)
            found.append(subject)
        return found

    async def _load_parts(self, account_id: AccountId, subjects: list[Subject]) -> list[Subject]:
        """The kept envelopes; those that are there still."""
        by_id = {subject.uid: subject for subject in subjects if subject.part is None}
        wanted = list(by_id)
        for start in range(0, len(wanted), SLICE):
            async with self._db.read(account_id) as tx:
                for row in await email_rows.parts(tx, account_id, wanted[start : start + SLICE]):
                    by_id[row[0]].part = unpack(row[4])
            await asyncio.sleep(0)
        return [subject for subject in subjects if subject.part is not None]

    async def touched(self, account_id: AccountId, since: int, *, whole_threads: bool) -> frozenset[int]:
        """The messages that may have come into a result, left it, or moved in it since a state: all that changed; with
        `whole_threads`, all of the threads that they belong to.

        Raises: StateTooOld.
        """
        found: set[int] = set()
        threads: set[int] = set()
        async with self._db.read(account_id) as tx:
            if since < await change_rows.change_floor(tx, account_id) or since > await state_in(
                tx, account_id, Kind.EMAIL
            ):
                raise StateTooOld("changes since that state are not known")
            last = since
            while rows := await email_rows.changed(tx, account_id, last, MAIL_KINDS, PAGE):
                found.update(row[2] for row in rows)
                threads.update(row[3] or row[2] for row in rows)
                last = rows[-1][0]
            if whole_threads:
                found.update(row[1] for row in await email_rows.members(tx, account_id, sorted(threads)))
        return frozenset(found)


async def _candidates(tx: Transaction, account_id: AccountId, mailbox_id: int | None) -> list[Subject]:
    found: list[Subject] = []
    last = 0
    async for rows in email_rows.shown(tx, account_id, mailbox_id):
        for row in rows:
            if row[0] != last:
                last = row[0]
                facts = MessageFacts(MessageId(last), moment(row[3]), row[4], row[2], ThreadId(row[1]), TraceId(row[8]))
                found.append(Subject(last, flag_set(row[5], row[6]), row[7], 0, facts))
    return found


class _Around:
    """What lies beyond one message: its mailboxes, and the flags in its thread."""

    def __init__(self) -> None:
        self.mailboxes: dict[int, set[int]] = {}
        self.threads: dict[int, list[FlagSet]] = {}

    async def load_mailboxes(self, tx: Transaction, account_id: AccountId) -> None:
        async for rows in email_rows.all_places(tx, account_id):
            for message_id, mailbox_id in rows:
                self.mailboxes.setdefault(message_id, set()).add(mailbox_id)

    async def load_threads(self, tx: Transaction, account_id: AccountId, known: Iterable[Subject] | None) -> None:
        for subject in await _candidates(tx, account_id, None) if known is None else known:
            self.threads.setdefault(subject.facts.thread_id, []).append(subject.flags)


_ROW, _ENVELOPE, _HEADER, _CONTENT = range(4)


def _cost(query: Query) -> int:
    match query:
        case q.And(terms=terms) | q.Or(terms=terms):
            return max(map(_cost, terms), default=_ROW)
        case q.Not(term=term):
            return _cost(term)
        case q.Sent() | q.HasAttachment():
            return _ENVELOPE
        case q.HasHeader(name=name):
            return _ENVELOPE if search_text.is_kept(name) else _HEADER
        case q.HasText():
            return _CONTENT
    return _ROW


def _asks(query: Query, *kinds: type[Query]) -> bool:
    match query:
        case q.And(terms=terms) | q.Or(terms=terms):
            return any(_asks(term, *kinds) for term in terms)
        case q.Not(term=term):
            return _asks(term, *kinds)
    return isinstance(query, kinds)


def _folded(query: Query) -> Query:
    """The same, its texts folded once."""
    match query:
        case q.HasHeader(name=name, text=text):
            return q.HasHeader(name.lower(), fold(text))
        case q.HasText(text=text, body_only=body_only):
            return q.HasText(fold(text), body_only)
        case q.And(terms=terms):
            return q.And(tuple(map(_folded, terms)))
        case q.Or(terms=terms):
            return q.Or(tuple(map(_folded, terms)))
        case q.Not(term=term):
            return q.Not(_folded(term))
    return query


def _has(known: FlagSet, wanted: FlagSet) -> bool:
    return known.bits & wanted.bits == wanted.bits and set(wanted.keywords) <= set(known.keywords)


def _fits(query: Query, subject: Subject, around: _Around) -> bool:
    """Whether one message fits; what a key needs has been brought in by its cost."""
    match query:
        case q.All():
            return True
        case q.And(terms=terms):
            return all(_fits(term, subject, around) for term in terms)
        case q.Or(terms=terms):
            return any(_fits(term, subject, around) for term in terms)
        case q.Not(term=term):
            return not _fits(term, subject, around)
        case q.InMailbox(mailbox_id=mailbox_id):
            return mailbox_id in around.mailboxes.get(subject.uid, ())
        case q.InOtherMailbox(mailbox_ids=mailbox_ids):
            return bool(around.mailboxes.get(subject.uid, set()) - set(mailbox_ids))
        case q.HasFlags(flags=flags):
            return _has(subject.flags, flags)
        case q.ThreadHasFlags(flags=flags, every=every):
            members = [_has(one, flags) for one in around.threads.get(subject.facts.thread_id, [subject.flags])]
            return all(members) if every else any(members)
        case q.Larger(octets=octets):
            return subject.facts.size_octets > octets
        case q.Smaller(octets=octets):
            return subject.facts.size_octets < octets
        case q.ReceivedAt(since=since, before=before):
            at = subject.facts.received
            return (since is None or at >= since) and (before is None or at < before)
        case q.HasAttachment():
            return subject.part is not None and body.has_attachment(body.body_lists(body.body_tree(subject.part)))
        case q.HasHeader(name=name, text=text):
            return subject.has_field(name, text)
        case q.HasText(text=text, body_only=body_only):
            return subject.has_text(text, body_only=body_only)
    raise Invalid("only a session can answer this key")


def _sort(subjects: list[Subject], orders: Sequence[Order], around: _Around) -> None:
    """By the last key first: each sort keeps what it finds equal in its place. At the end ids decide."""
    for order in reversed(orders or NEWEST_FIRST):
        subjects.sort(key=_key(order, around), reverse=not order.is_ascending)


def _key(order: Order, around: _Around) -> Callable[[Subject], Any]:
    match order.key:
        case SortKey.RECEIVED:
            return lambda s: s.facts.received
        case SortKey.SIZE:
            return lambda s: s.facts.size_octets
        case SortKey.HAS_FLAGS:
            return lambda s: _has(s.flags, order.flags)
        case SortKey.THREAD_SOME_HAVE_FLAGS | SortKey.THREAD_ALL_HAVE_FLAGS:
            term = q.ThreadHasFlags(order.flags, every=order.key is SortKey.THREAD_ALL_HAVE_FLAGS)
            return lambda s: _fits(term, s, around)
        case SortKey.SENT:
            return _sent_at
        case SortKey.SUBJECT:
            return lambda s: fold(base_subject(_field(s, b"subject")))
        case SortKey.FROM:
            return lambda s: _first_name(_field(s, b"from"))
        case SortKey.TO:
            return lambda s: _first_name(_field(s, b"to"))


def _field(subject: Subject, name: bytes) -> bytes:
    envelope = subject.part.envelope if subject.part is not None else ()
    return (envelope[ENVELOPE_FIELDS.index(name)] or b"") if envelope else b""


def _sent_at(subject: Subject) -> float:
    try:
        return parse_date(_field(subject, b"date")).timestamp()
    except (SyntaxProblem, OverflowError, ValueError):
        return subject.facts.received.timestamp()


def _first_name(value: bytes) -> str:
    for mailbox in address_list.parse(value):
        return fold(mailbox.name or mailbox.address)
    return ""


def _collapsed(subjects: Iterable[Subject]) -> Iterable[int]:
    seen: set[int] = set()
    for subject in subjects:
        if subject.facts.thread_id not in seen:
            seen.add(subject.facts.thread_id)
            yield subject.uid
