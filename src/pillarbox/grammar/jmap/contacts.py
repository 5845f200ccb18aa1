"""The filter and the sort of ContactCard/query as queries (RFC 9610 §3.3); AddressBooks by their ids."""

from collections.abc import Callable

from pillarbox.grammar.jmap import comparator, query_filter
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.ids import parse_book
from pillarbox.grammar.jmap.query_filter import words_of
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


def parse_filter(value: object) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return query_filter.read(_CONDITIONS, value, terms=TERMS)


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
    return tuple(CardOrder(SORT_KEYS[one.property], one.is_ascending) for one in comparator.read(value, SORT_KEYS))
