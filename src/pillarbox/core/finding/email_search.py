"""One search for whole messages: what is looked at, in which order (RFC 8621 §4.4).

A search without texts looks at all messages, at what is cheap first: hot rows (`core.finding.hot_rows`), then the
envelopes that were kept at delivery; where the newest are wanted and rows will do, no further than there are enough.
One with texts takes one of three ways, which find the same:

* **From the top**, where the newest that fit are wanted and no more: messages are looked at, newest first, until there
  are enough. What is common is found so at once.
* **By the word index**, which names those that can fit (`core.finding.narrowing`); what it does not decide is looked at.
* **All of them**, where the index tells nothing.

Texts come from the tables that are filled behind delivery. Messages that came after the mark of these, or whose texts
are too large for them, stand *apart*: they are looked at each time, in their contents. Answers are the same wherever
the mark is; all that one search reads of the tables goes by the mark that it saw first.
"""

import asyncio
from collections.abc import Iterable, Sequence

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.finding import hot_rows
from pillarbox.core.finding.email_terms import (
    ENVELOPE_KEYS,
    THREAD_KEYS,
    Around,
    Email,
    Need,
    asks,
    asks_bodies,
    fits,
    is_newest_first,
    key_of,
    needs,
    ready,
)
from pillarbox.core.finding.folded import VERSION
from pillarbox.core.finding.narrowing import narrow
from pillarbox.core.finding.pieces import in_order, in_turns
from pillarbox.grammar.message.part import unpack
from pillarbox.model import query as q
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, BlobId
from pillarbox.model.query import Order, Query
from pillarbox.store import contents as content_rows
from pillarbox.store import emails as email_rows
from pillarbox.store import search as search_rows
from pillarbox.store.base import Blobs, Database, Row
from pillarbox.store.flag_columns import flag_set

SLICE = 500
TEXT_SLICE = 100
KEYS_AT_ONCE = 100
"""Subjects or addresses read between two turns."""
CONTENT_SLICE = 20
IDS_AT_ONCE = 1_000
NEAR = 5_000
"""Rows from the top that cost less to look at than all do to keep."""
FIRST_LOOK = 100
"""Messages from the top, before the index is asked: a word that begins many words is met there."""
SECOND_LOOK = 1_500
"""After the index has told of many, where it has decided; else each is to be looked at, and the newest come first."""
MANY = 4_000
_BEGINNING = (1 << 62, 1 << 62)


class EmailSearch:
    """One search, while it goes on."""

    def __init__(
        self, db: Database, blobs: Blobs, account_id: AccountId, query: Query, orders: Sequence[Order]
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._account_id = account_id
        self._orders = orders
        terms = [ready(term) for term in (query.terms if isinstance(query, q.And) else (query,))]
        self._mailbox_id = next((term.mailbox_id for term in terms if isinstance(term, q.InMailbox)), None)
        terms = [t for t in terms if not (isinstance(t, q.InMailbox) and t.mailbox_id == self._mailbox_id)]
        self._tests = [test for term in terms if (test := hot_rows.test_of(term)) is not None]
        self._terms = terms
        self._narrowed = narrow(self._terms)
        self._around = Around()
        self._mark = 0
        self._cut: frozenset[int] = frozenset()
        self._walked: list[Row] = []
        self._last = _BEGINNING
        self._is_exhausted = False

    @property
    def asks_threads(self) -> bool:
        """Whether a message's place may change with what happens to others of its thread."""
        in_order = any(order.key in THREAD_KEYS for order in self._orders)
        return in_order or any(asks(term, q.ThreadHasFlags) for term in self._terms)

    async def fitting_of(self, ids: Sequence[int]) -> list[Row]:
        """The rows of those of these messages, by their ids, that fit: in their order."""
        rows = await self._fitting(await self._shown(ids), self._terms)
        return await in_turns(hot_rows.ordered(rows, self._orders, is_newest_first=False))

    async def place_of(self, row: Row, ids: Sequence[int], guess: int) -> int | None:
        """Where a message belongs among others, which are in their order; None when one of them is gone. Around the
        guess it is looked for first: most stay where they were, and what is new mostly belongs to the top."""
        low, high = 0, len(ids)
        guesses = [guess - 1, guess]
        while low < high:
            here = guesses.pop() if guesses else (low + high) // 2
            if not low <= here < high:
                continue
            found = await self._fitting(await self._shown([ids[here]]), ())
            if not found:
                return None
            if hot_rows.is_before(row, found[0], self._orders):
                high = here
            else:
                low = here + 1
        return low

    async def find(self, *, collapse: bool, most: int | None) -> tuple[Sequence[int], bool]:
        """The ids in their order, and whether that is all of them; if not, it is the first `most`."""
        if not any(needs(term) & Need.TEXT for term in self._terms):
            return await self._find_in_rows(collapse=collapse, most=most)
        apart = await self._fitting(await self._apart(), self._terms)
        hits: list[int] | None = None
        if most is not None and is_newest_first(self._orders):
            hits = await self._from_the_top(most, collapse=collapse)
            if self._is_exhausted or self._is_enough(most, collapse=collapse):
                ids = await self._in_order([*apart, *self._walked], collapse=collapse)
                return (ids, True) if self._is_exhausted else (ids[:most], False)
        return await self._in_order([*apart, *await self._by_index(hits)], collapse=collapse), True

    async def _apart(self) -> list[Row]:
        """See how far the tables are; the messages that they do not have."""
        found: list[Row] = []
        async with self._db.read(self._account_id) as tx:
            self._mark = await search_rows.mark_of(tx, self._account_id, VERSION)
            self._cut = frozenset(await search_rows.cut(tx, self._account_id, self._mark))
            async for rows in search_rows.since(tx, self._account_id, self._mark, self._mailbox_id):
                found += rows
        return [*found, *await self._shown(sorted(self._cut))]

    async def _in_order(self, rows: list[Row], *, collapse: bool) -> list[int]:
        rows = await in_turns(in_order(rows, hot_rows.id_of))
        rows = await in_turns(hot_rows.ordered(rows, self._orders, is_newest_first=False))
        return await in_turns(hot_rows.ids_of(rows, collapse=collapse))

    # without texts

    async def _find_in_rows(self, *, collapse: bool, most: int | None) -> tuple[Sequence[int], bool]:
        is_newest = is_newest_first(self._orders)
        in_mailbox = self._mailbox_id is not None
        left = [term for term in self._terms if hot_rows.test_of(term) is None]
        may_stop = in_mailbox and is_newest and not left
        rows, is_whole = await self._rows(most if may_stop else None, collapse=collapse)
        if left or not all(map(hot_rows.is_in_row, self._orders)):
            rows = await self._fitting(rows, left)
        if not (in_mailbox and is_newest):
            rows = await in_turns(hot_rows.ordered(rows, self._orders, is_newest_first=in_mailbox))
        ids = await in_turns(hot_rows.ids_of(rows, collapse=collapse))
        return ids if is_whole else ids[:most], is_whole

    async def _rows(self, most: int | None = None, *, collapse: bool = False) -> tuple[list[Row], bool]:
        """Those of all messages that stand every test of a row, as `store.emails.shown` orders them, and true; or where
        there are enough of them near the top, these and false. One that is twice in a mailbox may come twice."""
        found: list[Row] = []
        looked = 0
        units: set[int] = set()
        unit = hot_rows.thread_of if collapse else hot_rows.id_of
        async with self._db.read(self._account_id) as tx:
            async for rows in email_rows.shown(tx, self._account_id, self._mailbox_id):
                looked += len(rows)
                for test in self._tests:
                    rows = [row for row in rows if test(row)]
                found += rows
                if most is not None and looked <= NEAR:
                    units.update(map(unit, rows))
                    if len(units) >= most:
                        return found, False
        return found, True

    # the three ways

    async def _from_the_top(self, most: int, *, collapse: bool) -> list[int] | None:
        """Walk until there are enough; if that may take too long, all that the index names, where it names few."""
        if self._narrowed.expression is None:
            await self._walk(None, most, collapse=collapse)
            return None
        await self._walk(FIRST_LOOK, most, collapse=collapse)
        if self._is_exhausted or self._is_enough(most, collapse=collapse):
            return None
        hits = await self._hits(MANY)
        if len(hits) < MANY:
            return hits
        must_look = any(needs(term) & Need.TEXT for term in self._narrowed.open_terms)
        await self._walk(None if must_look else SECOND_LOOK, most, collapse=collapse)
        return None

    def _is_enough(self, most: int, *, collapse: bool) -> bool:
        if not collapse or len(self._walked) < most:
            return len(self._walked) >= most
        return len(set(map(hot_rows.thread_of, self._walked))) >= most

    async def _walk(self, room: int | None, most: int, *, collapse: bool) -> None:
        """Look at the next `room` messages up to the mark, newest first, as long as there are not enough."""
        size = FIRST_LOOK
        while not self._is_exhausted and not self._is_enough(most, collapse=collapse) and room != 0:
            size = min(size, TEXT_SLICE) if room is None else min(size, TEXT_SLICE, room)
            async with self._db.read(self._account_id) as tx:
                rows = await search_rows.newest(
                    tx, self._account_id, self._mark, self._mailbox_id, before=self._last, limit=size
                )
            self._is_exhausted = len(rows) < size
            if rows:
                self._last = (rows[-1][3], rows[-1][0])
            page = {row[0]: row for row in rows if row[0] not in self._cut}
            self._walked += await self._fitting(list(page.values()), self._terms)
            room = None if room is None else room - size
            size = TEXT_SLICE

    async def _hits(self, limit: int | None = None) -> list[int]:
        assert self._narrowed.expression is not None
        async with self._db.read(self._account_id) as tx:
            return await search_rows.matching(tx, self._account_id, self._narrowed.expression, self._mark, limit)

    async def _by_index(self, hits: list[int] | None) -> list[Row]:
        if self._narrowed.expression is None:
            rows, _ = await self._rows()
            rows = [row for row in rows if row[0] <= self._mark and row[0] not in self._cut]
            return await self._fitting(rows, self._terms)
        rows = await self._shown(await self._hits() if hits is None else hits)
        return await self._fitting(rows, self._narrowed.open_terms)

    async def _shown(self, ids: Sequence[int]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(ids), IDS_AT_ONCE):
            async with self._db.read(self._account_id) as tx:
                part = ids[start : start + IDS_AT_ONCE]
                found += await search_rows.shown(tx, self._account_id, part, self._mailbox_id)
            await asyncio.sleep(0)
        return found

    # looking at messages

    async def _fitting(self, rows: Sequence[Row], terms: Sequence[Query]) -> list[Row]:
        """Those that fit all of these terms, each with what it is put in order by. No more is held of them than that,
        but for a slice at a time."""
        found: list[Row] = []
        for start in range(0, len(rows), SLICE):
            each = {row[0]: row for row in rows[start : start + SLICE]}
            emails = await self._keep([Email(row) for row in each.values()], terms)
            found += [email.row for email in emails] if is_newest_first(self._orders) else await self._with_keys(emails)
        return found

    async def _keep(self, emails: list[Email], terms: Iterable[Query]) -> list[Email]:
        """Those that fit all of these terms, at what is cheap first."""
        groups: dict[Need, list[Query]] = {}
        for term in terms:
            groups.setdefault(needs(term), []).append(term)
        for need in sorted(groups):
            mine = groups[need]
            size = SLICE if need <= Need.ENVELOPE else TEXT_SLICE
            found: list[Email] = []
            for start in range(0, len(emails), size):
                part = await self._bring(emails[start : start + size], need)
                await self._bring_around(part, mine)
                found += [email for email in part if all(fits(term, email, self._around) for term in mine)]
                for email in part:
                    email.let_go()
                await asyncio.sleep(0)
            emails = found
        return emails

    async def _bring(self, emails: list[Email], need: Need) -> list[Email]:
        """What is needed of them; those that are there still."""
        if need & Need.TEXT:
            emails = await self._bring_texts(emails)
        if need & Need.HEADER:
            emails = await self._bring_contents(emails, whole=False)
        return await self._bring_parts(emails) if need & Need.ENVELOPE else emails

    async def _bring_parts(self, emails: list[Email]) -> list[Email]:
        by_id = {email.id: email for email in emails if email.part is None}
        wanted = list(by_id)
        for start in range(0, len(wanted), SLICE):
            async with self._db.read(self._account_id) as tx:
                for row in await email_rows.parts(tx, self._account_id, wanted[start : start + SLICE]):
                    by_id[row[0]].part = unpack(row[4])
            await asyncio.sleep(0)
        return [email for email in emails if email.part is not None]

    async def _bring_texts(self, emails: list[Email]) -> list[Email]:
        kept = {email.id: email for email in emails if email.id <= self._mark and email.id not in self._cut}
        heads = any(asks(term, q.HasText) for term in self._terms)
        bodies = heads or any(map(asks_bodies, self._terms))
        if kept:
            async with self._db.read(self._account_id) as tx:
                found = await search_rows.texts(tx, self._account_id, kept, heads=heads, bodies=bodies)
            for message_id, *texts in found:
                kept.pop(message_id).keep(*texts)
        others = [email for email in emails if email.id in kept or email.id > self._mark or email.id in self._cut]
        there = {email.id for email in await self._bring_contents(others, whole=True)}
        missing = {email.id for email in others} - there
        return [email for email in emails if email.id not in missing] if missing else emails

    async def _bring_contents(self, emails: list[Email], *, whole: bool) -> list[Email]:
        found: list[Email] = []
        for start in range(0, len(emails), CONTENT_SLICE):
            by_id = {email.id: email for email in emails[start : start + CONTENT_SLICE]}
            for email, content in await self._contents(by_id):
                async with content:
                    try:
                        await (email.read_all(content) if whole else email.read_header(content))
                    except NotFound:
                        continue  # it was removed meanwhile
                found.append(email)
            await asyncio.sleep(0)
        return found

    async def _contents(self, by_id: dict[int, Email]) -> list[tuple[Email, StoredContent]]:
        found: list[tuple[Email, StoredContent]] = []
        async with self._db.read(self._account_id) as tx:
            for message_id, blob, head, size, parts in await email_rows.parts(tx, self._account_id, list(by_id)):
                inline = await content_rows.inline_content(tx, self._account_id, blob)
                content = StoredContent(
                    bytes(head), inline, blobs=self._blobs, blob=BlobId(blob), size_octets=size, parts=bytes(parts)
                )
                found.append((by_id[message_id], content))
        return found

    async def _bring_around(self, emails: Sequence[Email], terms: Iterable[Query]) -> None:
        around = self._around
        if any(asks(term, q.InMailbox, q.InOtherMailbox) for term in terms):
            wanted = [email.id for email in emails if email.id not in around.mailboxes]
            async with self._db.read(self._account_id) as tx:
                for message_id, mailbox_id in await email_rows.places(tx, self._account_id, wanted):
                    around.mailboxes.setdefault(message_id, set()).add(mailbox_id)
        if any(asks(term, q.ThreadHasFlags) for term in terms):
            await self._bring_threads(emails)

    async def _bring_threads(self, emails: Sequence[Email]) -> None:
        known = self._around.threads
        wanted = sorted({email.thread_id for email in emails} - known.keys())
        for start in range(0, len(wanted), SLICE):
            part = wanted[start : start + SLICE]
            known.update((thread_id, []) for thread_id in part)
            async with self._db.read(self._account_id) as tx:
                async for rows in email_rows.flags_of_threads(tx, self._account_id, part):
                    for thread_id, bits, keywords in rows:
                        known[thread_id].append(flag_set(bits, keywords))
            await asyncio.sleep(0)

    async def _with_keys(self, emails: list[Email]) -> list[Row]:
        """The rows of those that are there still, with what the order asks for."""
        keys = [key_of(order, self._around) for order in self._orders]
        if any(order.key in ENVELOPE_KEYS for order in self._orders):
            emails = await self._bring_parts(emails)
        if any(order.key in THREAD_KEYS for order in self._orders):
            await self._bring_threads(emails)
        found: list[Row] = []
        for start in range(0, len(emails), KEYS_AT_ONCE):
            part = emails[start : start + KEYS_AT_ONCE]
            found += [(*email.row, *[key(email) for key in keys]) for email in part]
            await asyncio.sleep(0)
        return found
