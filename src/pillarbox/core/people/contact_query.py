"""Which cards of an account fit, and in which order (RFC 9610 §3.3).

Each condition is one look-up by an index, or one pass over folded texts of one kind, and brings a set of ids; the tree
of conditions is then work on sets. Nothing of the cards themselves is read.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pillarbox.core.feed.states import Kind, state_in
from pillarbox.grammar.message.text import fold
from pillarbox.model import contact as c
from pillarbox.model import query as q
from pillarbox.model.contact import CardOrder, CardSortKey
from pillarbox.model.errors import Invalid
from pillarbox.model.ids import AccountId
from pillarbox.model.query import Query
from pillarbox.store import contacts as card_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

_COLUMNS = {
    CardSortKey.CREATED: 1,
    CardSortKey.UPDATED: 2,
    CardSortKey.GIVEN: 3,
    CardSortKey.SURNAME: 4,
    CardSortKey.SURNAME2: 5,
}
_TIMES = (CardSortKey.CREATED, CardSortKey.UPDATED)


class FoundCards(msgspec.Struct, frozen=True):
    """Ids in their order; `state` is that of cards when it was looked."""

    ids: tuple[int, ...]
    state: int


class ContactQueries:
    """Finds cards of whole accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, account_id: AccountId, query: Query, orders: Sequence[CardOrder] = ()) -> FoundCards:
        """All that fit; what is equal in its order by age. Raises: Invalid for what is not asked of cards."""
        async with self._db.read(account_id) as tx:
            state = await state_in(tx, account_id, Kind.CONTACT)
            found = await _fitting(tx, account_id, query)
            ordered = await _sorted(tx, account_id, found, orders) if orders else sorted(found)
        return FoundCards(tuple(ordered), state)


async def _fitting(tx: Transaction, account_id: AccountId, query: Query) -> set[int]:
    match query:
        case q.All():
            return await card_rows.all_ids(tx, account_id)
        case q.And(terms=terms):
            found: set[int] | None = None
            for term in terms:
                fitting = await _fitting(tx, account_id, term)
                found = fitting if found is None else found & fitting
                if not found:
                    return set()
            return await card_rows.all_ids(tx, account_id) if found is None else found
        case q.Or(terms=terms):
            return set().union(*[await _fitting(tx, account_id, term) for term in terms])
        case q.Not(term=term):
            return await card_rows.all_ids(tx, account_id) - await _fitting(tx, account_id, term)
        case c.InBook(book_id=book_id):
            return await card_rows.ids_in_book(tx, account_id, book_id)
        case c.HasUid(uid=uid):
            card_id = None if "\0" in uid else await card_rows.find_uid(tx, account_id, uid)
            return set() if card_id is None else {card_id}
        case c.HasMember(uid=uid):
            return set() if "\0" in uid else await card_rows.ids_with_member(tx, account_id, uid)
        case c.IsKind(kind=kind):
            return set() if "\0" in kind else await card_rows.ids_of_kind(tx, account_id, kind)
        case c.CardCreated(since=since, before=before):
            return await card_rows.ids_by_time(tx, account_id, "created", _micros(since), _micros(before))
        case c.CardUpdated(since=since, before=before):
            return await card_rows.ids_by_time(tx, account_id, "updated", _micros(since), _micros(before))
        case c.HasCardText(field=field, text=text):
            words = " ".join(fold(text.replace("\0", " ")).split())
            return await card_rows.ids_with_text(tx, account_id, field.value, words)
    raise Invalid("not to be asked of cards")


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


async def _sorted(tx: Transaction, account_id: AccountId, found: set[int], orders: Sequence[CardOrder]) -> list[int]:
    """By the last key first: each sort keeps what it finds equal in its place. What says no time comes before all."""
    rows = [row async for batch in card_rows.sort_rows(tx, account_id) for row in batch if row[0] in found]
    for order in reversed(orders):
        column = _COLUMNS[order.key]
        if order.key in _TIMES:
            rows.sort(key=lambda row: -(2**62) if row[column] is None else row[column], reverse=not order.is_ascending)
        else:
            rows.sort(key=lambda row: row[column], reverse=not order.is_ascending)
    return [row[0] for row in rows]
