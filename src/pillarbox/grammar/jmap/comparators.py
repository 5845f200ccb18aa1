"""The sort of Email/query as `model.query.Order`s (RFC 8620 §5.5, RFC 8621 §4.4.2).

Text is compared folded, whichever of our collations is asked for: both fold case, and folding all scripts is what the
standard wants of a default.
"""

from pillarbox.grammar.jmap.keywords import flags_of
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.query import Order, SortKey

COLLATIONS = ("i;ascii-casemap", "i;unicode-casemap")
MOST = 20

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
_PROPERTIES = {"property", "isAscending", "collation", "keyword"}


class UnsupportedSort(SyntaxProblem):
    """A property or a collation that we do not sort by: the method answers unsupportedSort (RFC 8620 §5.5)."""


def parse(value: object) -> tuple[Order, ...]:
    """The orders, first things first; empty for null. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise SyntaxProblem("an array of Comparators")
    if len(value) > MOST:
        raise UnsupportedSort(f"at most {MOST} Comparators")
    return tuple(map(_order, value))


def _order(value: object) -> Order:
    match value:
        case {"property": str(name), **others} if not others.keys() - _PROPERTIES:
            pass
        case _:
            raise SyntaxProblem("a Comparator")
    is_ascending, collation = others.get("isAscending", True), others.get("collation")
    if not isinstance(is_ascending, bool) or not isinstance(collation, str | None):
        raise SyntaxProblem("a Comparator")
    key = SORT_KEYS.get(name)
    if key is None:
        raise UnsupportedSort("a property of Email to sort by")
    if collation is not None and collation not in COLLATIONS:
        raise UnsupportedSort("a collation of ours")
    if key in _BY_FLAGS:
        return Order(key, is_ascending, flags_of([others.get("keyword")]))
    return Order(key, is_ascending)
