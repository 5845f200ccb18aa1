"""The filter of Email/query as a `model.query` (RFC 8620 §5.5, RFC 8621 §4.4.1).

    FilterOperator  = {"operator": "AND" | "OR" | "NOT", "conditions": (FilterOperator | FilterCondition)[]}
    FilterCondition = {"inMailbox": Id, "text": String, …}: all of its properties must hold

A text is taken apart into words and quoted phrases, each of which must be found. The RFC leaves it open what finding
is, and names words (RFC 8621 §4.4.1): a word stands at the beginning of one of the message's words, a phrase stands for
whole words, in their order. A header field that is named is searched for any part of it.
"""

import re
from collections.abc import Callable, Mapping

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
_ANYWHERE = ("from", "to", "cc", "bcc", "subject")


class UnsupportedFilter(SyntaxProblem):
    """Well-formed, but nothing that we can look for: the method answers unsupportedFilter (RFC 8620 §5.5)."""


def parse(value: object) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return Reader(_CONDITIONS).read(value)


def tokens(text: str) -> list[str]:
    """Words and phrases. A quote begins a phrase before a word only, where another one ends it behind a word."""
    return [token for token, _ in tokens_and_phrases(text)]


def tokens_and_phrases(text: str) -> list[tuple[str, bool]]:
    """The same, each with whether it is a phrase."""
    found = (
        (match[0], False) if match[1] is None else (_ESCAPED.sub(r"\1", match[2]).strip(), True)
        for match in _TOKEN.finditer(text)
    )
    return [(token, is_phrase) for token, is_phrase in found if token]


class Reader:
    """Reads the filter of one data type, whose conditions are given by their names; counts the terms."""

    def __init__(self, conditions: Mapping[str, Callable[[object], Query]], *, terms: int = TERMS) -> None:
        self._conditions = conditions
        self._terms = terms
        self._left = terms

    def read(self, value: object) -> Query:
        """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem."""
        return query.All() if value is None else self._read(value, 0)

    def _read(self, value: object, depth: int) -> Query:
        if not isinstance(value, dict):
            raise SyntaxProblem("a FilterOperator or a FilterCondition")
        if depth > DEPTH:
            raise UnsupportedFilter(f"at most {DEPTH} operators in each other")
        if "operator" not in value:
            return _both([self._condition(name, given) for name, given in value.items()])
        match value:
            case {"operator": "AND" | "OR" | "NOT" as operator, "conditions": list(conditions), **others} if not others:
                self._count(len(conditions))
                terms = tuple(self._read(condition, depth + 1) for condition in conditions)
            case _:
                raise SyntaxProblem("a FilterOperator: AND, OR or NOT, and its conditions")
        if operator == "AND":
            return _both(list(terms))
        return query.Or(terms) if operator == "OR" else query.Not(query.Or(terms))

    def _condition(self, name: str, value: object) -> Query:
        reader = self._conditions.get(name)
        if reader is None:
            raise UnsupportedFilter("a property of FilterCondition")
        try:
            term = reader(value)
        except SyntaxProblem as problem:
            raise SyntaxProblem(f"{problem.expected} as {name}") from None
        self._count(len(term.terms) if isinstance(term, query.And) else 1)
        return term

    def _count(self, terms: int) -> None:
        self._left -= terms
        if self._left < 0:
            raise UnsupportedFilter(f"at most {self._terms} conditions")


def _both(terms: list[Query]) -> Query:
    if not terms:
        return query.All()
    return terms[0] if len(terms) == 1 else query.And(tuple(terms))


def words_of(value: object, term: Callable[[str], Query]) -> Query:
    """Each word and each phrase of a text. Raises: SyntaxProblem."""
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    return _both([term(token) for token in tokens(value)])


def _words_in(*fields: str, in_body: bool = False) -> Callable[[object], Query]:
    def read(value: object) -> Query:
        if not isinstance(value, str):
            raise SyntaxProblem("a string")
        return _both(
            [query.HasWords(token, fields, in_body, is_phrase) for token, is_phrase in tokens_and_phrases(value)]
        )

    return read


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
    "text": _words_in(*_ANYWHERE, in_body=True),
    "from": _words_in("from"),
    "to": _words_in("to"),
    "cc": _words_in("cc"),
    "bcc": _words_in("bcc"),
    "subject": _words_in("subject"),
    "body": _words_in(in_body=True),
    "header": _header,
}
