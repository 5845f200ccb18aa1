"""What the hot rows of messages answer by themselves: which fit a search, and in which order.

A row is (id, thread, size, received, flags, keywords), as `store.emails.HOT` has it; what the row of a message does not
tell of its place in an order is put behind it. Most lists that people look at (unread, flagged, large, of last week)
need no more, and a mailbox of any size is gone through without an object for each message. Nothing here reads anything.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from pillarbox.core.finding.pieces import PIECE, Pieces, in_order
from pillarbox.model import query as q
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import Order, Query, SortKey
from pillarbox.store.base import Row
from pillarbox.store.flag_columns import flag_set
from pillarbox.store.moment import micros

Test: TypeAlias = Callable[[Row], bool]
Key: TypeAlias = Callable[[Row], Any]

COLUMNS = 6
id_of, thread_of, _size_of, _received_of = itemgetter(0), itemgetter(1), itemgetter(2), itemgetter(3)
_IN_ROW = (SortKey.RECEIVED, SortKey.SIZE, SortKey.HAS_FLAGS)


def has_flags(known: FlagSet, wanted: FlagSet) -> bool:
    """Whether all of `wanted` is set."""
    return known.bits & wanted.bits == wanted.bits and set(wanted.keywords) <= set(known.keywords)


def flags_of(row: Row) -> FlagSet:
    """What the placements of the message have in common."""
    return flag_set(row[4], row[5])


def test_of(query: Query) -> Test | None:
    """Whether a message fits, told from its row; None where the row does not tell."""
    match query:
        case q.All():
            return lambda row: True
        case q.And(terms=terms) | q.Or(terms=terms):
            return _joined(terms, any if isinstance(query, q.Or) else all)
        case q.Not(term=term):
            inner = test_of(term)
            return None if inner is None else lambda row: not inner(row)
        case q.HasFlags(flags=flags):
            return _flags_test(flags)
        case q.Larger(octets=octets):
            return lambda row: bool(row[2] > octets)
        case q.Smaller(octets=octets):
            return lambda row: bool(row[2] < octets)
        case q.ReceivedAt(since=since, before=before):
            low = micros(since) if since is not None else -(2**63)
            high = micros(before) if before is not None else 2**63
            return lambda row: bool(low <= row[3] < high)
    return None


def _joined(terms: Iterable[Query], of: Callable[[Iterable[bool]], bool]) -> Test | None:
    tests: list[Test] = []
    for term in terms:
        test = test_of(term)
        if test is None:
            return None
        tests.append(test)
    return lambda row: of(test(row) for test in tests)


def _flags_test(flags: FlagSet) -> Test:
    bits = flags.bits
    if not flags.keywords:
        return lambda row: bool(row[4] & bits == bits)
    return lambda row: has_flags(flags_of(row), flags)


def is_in_row(order: Order) -> bool:
    """Whether a row alone tells its place in this order."""
    return order.key in _IN_ROW


def _key_of(order: Order, place: int) -> Key:
    match order.key:
        case SortKey.RECEIVED:
            return _received_of
        case SortKey.SIZE:
            return _size_of
        case SortKey.HAS_FLAGS:
            return _flags_test(order.flags)
    return itemgetter(COLUMNS + place)


def ordered(rows: list[Row], orders: Sequence[Order], *, is_newest_first: bool) -> Pieces[list[Row]]:
    """By the last key first: each sort keeps what it finds equal in its place. At the end ids decide, the newest
    first. Rows come in that order, or in that of their ids; where not all `orders` are in them, with a key for each."""
    if not is_newest_first:
        rows.reverse()
        rows = yield from in_order(rows, _received_of, reverse=True)
    for place, order in reversed(list(enumerate(orders))):
        rows = yield from in_order(rows, _key_of(order, place), reverse=not order.is_ascending)
    return rows


def is_before(row: Row, other: Row, orders: Sequence[Order]) -> bool:
    """Whether one of two messages comes before the other in the order that `ordered` makes."""
    for place, order in enumerate(orders):
        key = _key_of(order, place)
        own, others = key(row), key(other)
        if own != others:
            return bool(own < others) is order.is_ascending
    return bool((row[3], row[0]) > (other[3], other[0]))


def ids_of(rows: list[Row], *, collapse: bool) -> Pieces[list[int]]:
    """The messages, or the first of each thread alone. `rows` is used up: to let go of many takes its time as well."""
    found: dict[int, int] = {}
    unit = thread_of if collapse else id_of
    rows.reverse()
    while rows:
        for row in reversed(rows[-PIECE:]):
            found.setdefault(unit(row), row[0])
        del rows[-PIECE:]
        yield
    return list(found.values())
