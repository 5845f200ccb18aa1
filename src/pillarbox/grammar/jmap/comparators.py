"""The sort of Email/query as `model.query.Order`s (RFC 8620 §5.5, RFC 8621 §4.4.2)."""

from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.comparator import Comparator
from pillarbox.grammar.jmap.keywords import flags_of
from pillarbox.model.query import Order, SortKey

SORT_KEYS: dict[str, SortKey] = {
    "receivedAt": SortKey.RECEIVED,
    "sentAt": SortKey.SENT,
    "size": SortKey.SIZE,
    "from": SortKey.FROM,
    "to": SortKey.TO,
    "subject": SortKey.SUBJECT,
    "hasKeyword": SortKey.HAS_FLAGS,
    "someInThreadHaveKeyword": SortKey.THREAD_SOME_HAVE_FLAGS,
    "allInThreadHaveKeyword": SortKey.THREAD_ALL_HAVE_FLAGS,
}
"""The names are the account's `emailQuerySortOptions` (RFC 8621 §1.3.1)."""
_BY_FLAGS = (SortKey.HAS_FLAGS, SortKey.THREAD_SOME_HAVE_FLAGS, SortKey.THREAD_ALL_HAVE_FLAGS)


def parse(value: object) -> tuple[Order, ...]:
    """The orders, first things first; empty for null. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    return tuple(map(_order, comparator.read(value, SORT_KEYS)))


def _order(one: Comparator) -> Order:
    key = SORT_KEYS[one.property]
    if key in _BY_FLAGS:
        return Order(key, one.is_ascending, flags_of([one.others.get("keyword")]))
    return Order(key, one.is_ascending)
