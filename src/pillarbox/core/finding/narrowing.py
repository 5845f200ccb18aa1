"""What the word index can tell of a search: an expression that every message that fits makes true, and what of the
search need not be looked at once it is.

A word is looked for as it is, or by its beginning, where the search leaves its end open. Beginnings of one or two
letters are left to the texts: their lists would be longer than the mailbox.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.core.finding.email_terms import Words
from pillarbox.grammar.message.words import Word, inner_words, is_unspaced
from pillarbox.model import query as q
from pillarbox.model.query import Query
from pillarbox.store.search import BODY, FIELDS, Every, Expression, Known, Some

SHORTEST_BEGINNING = 3
SHORTEST_BESIDE_A_WORD = 5
WORDS_OF_A_TERM = 8
WORDS_OF_A_SEARCH = 32


class Narrowed(msgspec.Struct, frozen=True):
    """`expression` None: the index tells nothing. `open_terms` are to be looked at all the same."""

    expression: Expression | None
    open_terms: tuple[Query, ...]


def narrow(terms: Sequence[Query]) -> Narrowed:
    """For a search for all of these terms."""
    found: list[Expression] = []
    left_open: list[Query] = []
    room = WORDS_OF_A_SEARCH
    for term in terms:
        expression, is_decided = _told(term)
        if expression is None or (size := _size(expression)) > room:
            left_open.append(term)
            continue
        room -= size
        found.append(expression)
        if not is_decided:
            left_open.append(term)
    return Narrowed(_every(found), tuple(left_open))


def _told(term: Query) -> tuple[Expression | None, bool]:
    """The expression, and whether it decides."""
    match term:
        case Words(needle=needle, places=places, in_body=in_body):
            columns = frozenset((*(FIELDS[place] for place in places), *((BODY,) if in_body else ())))
            usable = _usable(needle.words)
            return _known(usable, columns), needle.is_decided and len(usable) == 1
        case q.HasText(text=text, body_only=True):
            return _known(inner_words(text), frozenset((BODY,))), False
        case q.And(terms=terms):
            told = [_told(inner) for inner in terms]
            found = [one for one, _ in told if one is not None]
            return _every(found), len(found) == len(told) and all(is_decided for _, is_decided in told)
        case q.Or(terms=terms):
            told = [_told(inner) for inner in terms]
            found = [one for one, _ in told if one is not None]
            if not found or len(found) < len(told):
                return None, False
            return Some(tuple(found)), all(is_decided for _, is_decided in told)
    return None, False


def _usable(words: Sequence[Word]) -> list[Word]:
    """Beginnings are dear, so the shorter ones are used only where a needle has no whole word: `com` of an address."""
    shortest = SHORTEST_BEGINNING if all(word.is_beginning for word in words) else SHORTEST_BESIDE_A_WORD
    return [word for word in words if not word.is_beginning or len(word.text) >= shortest or is_unspaced(word.text)]


def _known(words: Iterable[Word], columns: frozenset[str]) -> Expression | None:
    """The longest of many: they are the rarest."""
    chosen = sorted(set(words), key=lambda word: (-len(word.text), word.text))[:WORDS_OF_A_TERM]
    return _every([Known(columns, word.text, word.is_beginning) for word in chosen]) if columns else None


def _every(found: Sequence[Expression]) -> Expression | None:
    if len(found) <= 1:
        return found[0] if found else None
    return Every(tuple(found))


def _size(expression: Expression) -> int:
    return 1 if isinstance(expression, Known) else sum(map(_size, expression.terms))
