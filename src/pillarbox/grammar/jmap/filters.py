"""The filter of Email/query as a `model.query` (RFC 8620 §5.5, RFC 8621 §4.4.1).

    FilterOperator  = {"operator": "AND" | "OR" | "NOT", "conditions": (FilterOperator | FilterCondition)[]}
    FilterCondition = {"inMailbox": Id, "text": String, …}: all of its properties must hold

A text is taken apart into words and quoted phrases, each of which must be found (RFC 8621 §4.4.1).
"""

import re
from collections.abc import Callable

from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.headers import is_field_name
from pillarbox.grammar.jmap.ids import parse_mailbox
from pillarbox.grammar.jmap.ijson import INT_LARGEST
from pillarbox.grammar.jmap.keywords import flags_of
from pillarbox.model import query
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.query import Query

DEPTH = 50
TERMS = 1_000

_TOKEN = re.compile(r"""(?<!\S)(["'])((?:\\.|(?!\1)[^\\])*)\1(?!\S)|\S+""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ADDRESS_FIELDS = ("From", "To", "Cc", "Bcc")


class UnsupportedFilter(SyntaxProblem):
    """Well-formed, but nothing that we can look for: the method answers unsupportedFilter (RFC 8620 §5.5)."""


def parse(value: object) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return query.All() if value is None else _Reader().read(value, 0)


def tokens(text: str) -> list[str]:
    """Words and phrases. A quote begins a phrase before a word only, where another one ends it behind a word."""
    found = (match[0] if match[1] is None else _ESCAPED.sub(r"\1", match[2]).strip() for match in _TOKEN.finditer(text))
    return [token for token in found if token]


class _Reader:
    """Counts the terms of one filter while it is read."""

    def __init__(self) -> None:
        self.left = TERMS

    def read(self, value: object, depth: int) -> Query:
        if not isinstance(value, dict):
            raise SyntaxProblem("a FilterOperator or a FilterCondition")
        if depth > DEPTH:
            raise UnsupportedFilter(f"at most {DEPTH} operators in each other")
        if "operator" not in value:
            return _both([self._condition(name, given) for name, given in value.items()])
        match value:
            case {"operator": "AND" | "OR" | "NOT" as operator, "conditions": list(conditions), **others} if not others:
                self._count(len(conditions))
                terms = tuple(self.read(condition, depth + 1) for condition in conditions)
            case _:
                raise SyntaxProblem("a FilterOperator: AND, OR or NOT, and its conditions")
        if operator == "AND":
            return _both(list(terms))
        return query.Or(terms) if operator == "OR" else query.Not(query.Or(terms))

    def _condition(self, name: str, value: object) -> Query:
        reader = _CONDITIONS.get(name)
        if reader is None:
            raise UnsupportedFilter("a property of FilterCondition")
        try:
            term = reader(value)
        except SyntaxProblem as problem:
            raise SyntaxProblem(f"{problem.expected} as {name}") from None
        self._count(len(term.terms) if isinstance(term, query.And) else 1)
        return term

    def _count(self, terms: int) -> None:
        self.left -= terms
        if self.left < 0:
            raise UnsupportedFilter(f"at most {TERMS} conditions")


def _both(terms: list[Query]) -> Query:
    if not terms:
        return query.All()
    return terms[0] if len(terms) == 1 else query.And(tuple(terms))


def _words(value: object, term: Callable[[str], Query]) -> Query:
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    return _both([term(token) for token in tokens(value)])


def _in_field(name: str) -> Callable[[object], Query]:
    return lambda value: _words(value, lambda token: query.HasHeader(name, token))


def _anywhere(token: str) -> Query:
    fields = [query.HasHeader(name, token) for name in (*_ADDRESS_FIELDS, "Subject")]
    return query.Or((*fields, query.HasText(token, body_only=True)))


def _header(value: object) -> Query:
    match value:
        case [str(name)] if is_field_name(name):
            return query.HasHeader(name, "")
        case [str(name), str(text)] if is_field_name(name):
            return _both([query.HasHeader(name, token) for token in tokens(text)] or [query.HasHeader(name, "")])
        case _:
            raise SyntaxProblem("the name of a header field, and a text")


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= INT_LARGEST:
        raise SyntaxProblem("an UnsignedInt")
    return value


def _mailbox(value: object) -> query.InMailbox:
    if not isinstance(value, str):
        raise SyntaxProblem("an Id")
    return query.InMailbox(parse_mailbox(value))


def _other_mailbox(value: object) -> Query:
    if not isinstance(value, list):
        raise SyntaxProblem("an array of Ids")
    return query.InOtherMailbox(tuple(_mailbox(item).mailbox_id for item in value))


def _has_attachment(value: object) -> Query:
    if not isinstance(value, bool):
        raise SyntaxProblem("a boolean")
    return query.HasAttachment() if value else query.Not(query.HasAttachment())


_CONDITIONS: dict[str, Callable[[object], Query]] = {
    "inMailbox": _mailbox,
    "inMailboxOtherThan": _other_mailbox,
    "before": lambda value: query.ReceivedAt(before=parse_utc(value)),
    "after": lambda value: query.ReceivedAt(since=parse_utc(value)),
    "minSize": lambda value: query.Larger(_size(value) - 1),
    "maxSize": lambda value: query.Smaller(_size(value)),
    "allInThreadHaveKeyword": lambda value: query.ThreadHasFlags(flags_of([value]), every=True),
    "someInThreadHaveKeyword": lambda value: query.ThreadHasFlags(flags_of([value])),
    "noneInThreadHaveKeyword": lambda value: query.Not(query.ThreadHasFlags(flags_of([value]))),
    "hasKeyword": lambda value: query.HasFlags(flags_of([value])),
    "notKeyword": lambda value: query.Not(query.HasFlags(flags_of([value]))),
    "hasAttachment": _has_attachment,
    "text": lambda value: _words(value, _anywhere),
    "from": _in_field("From"),
    "to": _in_field("To"),
    "cc": _in_field("Cc"),
    "bcc": _in_field("Bcc"),
    "subject": _in_field("Subject"),
    "body": lambda value: _words(value, lambda token: query.HasText(token, body_only=True)),
    "header": _header,
}
