"""SORT: a search whose result has an order (RFC 5256 §3, RFC 5957 §5; with RETURN: RFC 5267 §3.1); both ways.

sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
sort-criterion = ["REVERSE" SP] sort-key
"""

import msgspec

from pillarbox.grammar.imap.atoms import Cursor, parenthesised
from pillarbox.grammar.imap.commands.search import format_keys, format_returns, read_codec, read_keys, read_returns
from pillarbox.model.arrangement import Criterion, SortBy
from pillarbox.model.query import Query

CRITERIA = 50
"""No more are looked at in one command; there are nine, each forwards or back."""


class Sort(msgspec.Struct, frozen=True):
    """SORT, or UID SORT; `returns` as in SEARCH."""

    orders: tuple[SortBy, ...]
    query: Query
    by_uid: bool = False
    returns: tuple[str, ...] | None = None


def parse_sort(cursor: Cursor, *, by_uid: bool = False) -> Sort:
    """Perhaps RETURN, then criteria, charset, keys. Raises: SyntaxProblem, BadCharset."""
    cursor.space()
    returns = read_returns(cursor)
    orders = tuple(cursor.items(lambda: _order(cursor)))
    if len(orders) > CRITERIA:
        raise cursor.fail("fewer sort criteria")
    cursor.space()
    codec = read_codec(cursor)
    cursor.space()
    return Sort(orders, read_keys(cursor, codec), by_uid, returns)


def _order(cursor: Cursor) -> SortBy:
    name = cursor.word("a sort criterion")
    is_reverse = name == "REVERSE"
    if is_reverse:
        cursor.space()
        name = cursor.word("a sort criterion")
    try:
        return SortBy(Criterion(name), is_reverse)
    except ValueError:
        raise cursor.fail(f"a sort criterion, not {name}") from None


def format_sort(command: Sort) -> bytes:
    """Arguments, with the space before."""
    orders = ((b"REVERSE " if one.is_reverse else b"") + one.criterion.value.encode() for one in command.orders)
    criteria, keys = parenthesised(orders), format_keys(command.query)
    return b"%b %b UTF-8 %b" % (format_returns(command.returns), criteria, keys)
