"""Which messages of an account fit, and in which order: whole messages, not placements (RFC 8621 §4.4).

How it is found out is `core.finding.email_search`. What was found whole is kept (`core.finding.results`), and when
something has moved, brought up to date from the feed of changes: what was touched is taken out, looked at again, and
put where it belongs. So a large result costs its size once, and then what happens to it.
"""

from array import array
from collections.abc import Sequence

from pillarbox.core.email.email_changes import MAIL_KINDS, PAGE
from pillarbox.core.feed.states import Kind, StateTooOld, state_after, state_in
from pillarbox.core.finding import hot_rows
from pillarbox.core.finding.email_search import EmailSearch
from pillarbox.core.finding.pieces import PIECE, Pieces, in_turns
from pillarbox.core.finding.results import FoundEmails, Results
from pillarbox.model.ids import AccountId
from pillarbox.model.query import Order, Query
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Blobs, Database

TOUCHED_MOST = 100
"""Of more all is found anew."""
TAKEN_OUT_ONE_BY_ONE = 8


class EmailQueries:
    """Finds messages of whole accounts."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs
        self._results = Results()

    async def find(
        self,
        account_id: AccountId,
        query: Query,
        orders: Sequence[Order] = (),
        *,
        collapse: bool = False,
        most: int | None = None,
    ) -> FoundEmails:
        """All that fit, or at least the first `most` of them; with `collapse` the first of each thread alone
        (RFC 8621 §4.4.3).

        Raises: Invalid for what only a session can answer.
        """
        state = await self._state(account_id)
        key = (account_id, query, tuple(orders), collapse)
        kept = self._results.find(key, state)
        if kept is not None:
            return FoundEmails(kept, state)
        search = EmailSearch(self._db, self._blobs, account_id, query, orders)
        older = self._results.take(key)
        if older is not None:
            moved = await self._brought_up(account_id, search, older, collapse=collapse)
            if moved is not None and await self._state(account_id) == state:
                return FoundEmails(self._results.keep(key, state, moved), state)
        ids, is_whole = await search.find(collapse=collapse, most=most)
        return FoundEmails(self._results.keep(key, state, ids) if is_whole else ids, state, is_whole)

    async def _state(self, account_id: AccountId) -> int:
        async with self._db.read(account_id) as tx:
            return await state_in(tx, account_id, Kind.EMAIL)

    async def touched(
        self, account_id: AccountId, since: int, *, whole_threads: bool, most: int | None = None
    ) -> frozenset[int]:
        """The messages that may have come into a result, left it, or moved in it since a state: all that changed; with
        `whole_threads`, all of the threads that they belong to.

        Raises: StateTooOld, also when it is more than `most`.
        """
        found: set[int] = set()
        threads: set[int] = set()
        async with self._db.read(account_id) as tx:
            await state_after(tx, account_id, Kind.EMAIL.value, since)
            last = since
            while rows := await email_rows.changed(tx, account_id, last, MAIL_KINDS, PAGE):
                found.update(row[2] for row in rows)
                threads.update(row[3] or row[2] for row in rows)
                last = rows[-1][0]
                if most is not None and len(found) > most:
                    break
            else:
                if whole_threads:
                    found.update(row[1] for row in await email_rows.members(tx, account_id, sorted(threads)))
        if most is not None and len(found) > most:
            raise StateTooOld("too much has changed since that state")
        return frozenset(found)

    # what was found before

    async def _brought_up(
        self, account_id: AccountId, search: EmailSearch, older: tuple[int, Sequence[int]], *, collapse: bool
    ) -> Sequence[int] | None:
        """An older result as it is now; None where that is not to be had, or not for less than to find it anew.

        Of a message that moves while this goes on the place cannot be told: the caller sees to it that none has.
        """
        state, ids = older
        whole_threads = collapse or search.asks_threads
        try:
            touched = await self.touched(account_id, state, whole_threads=whole_threads, most=TOUCHED_MOST)
        except StateTooOld:
            return None
        left, places = await in_turns(_without(ids, touched))  # also what is newer: it may have been met already
        met: set[int] = set()
        for row in await search.fitting_of(sorted(touched)):
            if collapse and hot_rows.thread_of(row) in met:
                continue
            met.add(hot_rows.thread_of(row))
            message_id = hot_rows.id_of(row)
            place = await search.place_of(row, left, places.get(message_id, 0))
            if place is None:
                return None
            left.insert(place, message_id)
        return left


def _without(ids: Sequence[int], touched: frozenset[int]) -> Pieces[tuple["array[int]", dict[int, int]]]:
    """A copy that lacks these, and roughly where some of them stood."""
    left = array("q")
    places: dict[int, int] = {}
    if len(touched) <= TAKEN_OUT_ONE_BY_ONE:
        left.extend(ids)
        for one in touched:
            try:
                places[one] = left.index(one)
            except ValueError:
                continue  # it was not in the result
            del left[places[one]]
            yield
        return left, places
    for start in range(0, len(ids), PIECE):
        left.extend(one for one in ids[start : start + PIECE] if one not in touched)
        yield
    return left, places
