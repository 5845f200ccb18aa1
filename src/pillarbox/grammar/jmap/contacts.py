"""The filter and the sort of ContactCard/query as queries (RFC 9610 §3.3); AddressBooks by their ids."""

from collections.abc import Callable

from pillarbox.grammar.jmap import comparators
from pillarbox.grammar.jmap.comparators import COLLATIONS, UnsupportedSort
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.filters import Reader, words_of
from pillarbox.grammar.jmap.ids import parse_book
from pillarbox.model.contact import (
    BookId,
    CardCreated,
    CardField,
    CardOrder,
    CardSortKey,
    CardUpdated,
    HasCardText,
    HasMember,
    HasUid,
    InBook,
    IsKind,
)
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.query import Query

TERMS = 200
"""Each is a pass over the texts of all cards."""

SORT_KEYS = {
    "created": CardSortKey.CREATED,
    "updated": CardSortKey.UPDATED,
    "name/given": CardSortKey.GIVEN,
    "name/surname": CardSortKey.SURNAME,
    "name/surname2": CardSortKey.SURNAME2,
}
"""RFC 9610 §3.3.2."""
_PROPERTIES = {"property", "isAscending", "collation"}


def parse_filter(value: object) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return Reader(_CONDITIONS, terms=TERMS).read(value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    return value


def _book(value: object) -> Query:
    """An id that is none of ours is in no card."""
    try:
        return InBook(BookId(parse_book(_string(value))))
    except SyntaxProblem:
        if not isinstance(value, str):
            raise
        return InBook(BookId(0))


def _in(field: CardField) -> Callable[[object], Query]:
    return lambda value: words_of(value, lambda token: HasCardText(field, token))


_CONDITIONS: dict[str, Callable[[object], Query]] = {
    "inAddressBook": _book,
    "uid": lambda value: HasUid(_string(value)),
    "hasMember": lambda value: HasMember(_string(value)),
    "kind": lambda value: IsKind(_string(value)),
    "createdBefore": lambda value: CardCreated(before=parse_utc(value)),
    "createdAfter": lambda value: CardCreated(since=parse_utc(value)),
    "updatedBefore": lambda value: CardUpdated(before=parse_utc(value)),
    "updatedAfter": lambda value: CardUpdated(since=parse_utc(value)),
    "text": _in(CardField.ANY),
    "name": _in(CardField.NAME),
    "name/given": _in(CardField.GIVEN),
    "name/surname": _in(CardField.SURNAME),
    "name/surname2": _in(CardField.SURNAME2),
    "nickname": _in(CardField.NICKNAME),
    "organization": _in(CardField.ORGANIZATION),
    "email": _in(CardField.EMAIL),
    "phone": _in(CardField.PHONE),
    "onlineService": _in(CardField.ONLINE_SERVICE),
    "address": _in(CardField.ADDRESS),
    "note": _in(CardField.NOTE),
}
"""RFC 9610 §3.3.1."""


def parse_sort(value: object) -> tuple[CardOrder, ...]:
    """The orders, first things first; empty for null. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise SyntaxProblem("an array of Comparators")
    if len(value) > comparators.MOST:
        raise UnsupportedSort(f"at most {comparators.MOST} Comparators")
    return tuple(map(_order, value))


def _order(value: object) -> CardOrder:
    match value:
        case {"property": str(name), **others} if not others.keys() - _PROPERTIES:
            pass
        case _:
            raise SyntaxProblem("a Comparator")
    is_ascending, collation = others.get("isAscending", True), others.get("collation")
    if not isinstance(is_ascending, bool) or not isinstance(collation, str | None):
        raise SyntaxProblem("a Comparator")
    if name not in SORT_KEYS:
        raise UnsupportedSort("a property of ContactCard to sort by")
    if collation is not None and collation not in COLLATIONS:
        raise UnsupportedSort("a collation of ours")
    return CardOrder(SORT_KEYS[name], is_ascending)
