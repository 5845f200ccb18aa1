"""A filter as a `model.query`, and its texts taken apart (RFC 8620 §5.5, RFC 8621 §4.4.1)."""

import re
from collections.abc import Callable, Mapping, Sequence

from pillarbox.grammar.jmap.filters import TERMS, Operator, Reader
from pillarbox.model import query
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.query import Query

_TOKEN = re.compile(r"""(?<!\S)(["'])((?:\\.|(?!\1)[^\\])*)\1(?!\S)|\S+""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read(conditions: Mapping[str, Callable[[object], Query]], value: object, *, terms: int = TERMS) -> Query:
    """The query; null finds all. Raises: UnsupportedFilter; SyntaxProblem, which is invalidArguments."""
    return Reader(conditions, _join, terms=terms, weight=_weight).read(value)


def _join(operator: Operator, terms: Sequence[Query]) -> Query:
    if operator is Operator.AND:
        return both(terms)
    if operator is Operator.OR:
        return query.Or(tuple(terms))
    return query.Not(query.Or(tuple(terms)))


def _weight(term: Query) -> int:
    return len(term.terms) if isinstance(term, query.And) else 1


def both(terms: Sequence[Query]) -> Query:
    """All of them, which is everything when there are none."""
    if not terms:
        return query.All()
    return terms[0] if len(terms) == 1 else query.And(tuple(terms))


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


def words_of(value: object, term: Callable[[str], Query]) -> Query:
    """Each word and each phrase of a text. Raises: SyntaxProblem."""
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    return both([term(token) for token in tokens(value)])
