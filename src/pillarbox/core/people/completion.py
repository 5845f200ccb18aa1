"""Which of the addresses that fit the beginning of a word is likeliest meant."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from pillarbox.grammar.jscontact.text import address_words, words
from pillarbox.grammar.message.text import fold
from pillarbox.model.contact import Suggestion

Row = tuple[int, str, int, str]
"""(card, name, number, address): the lower the number, the more the address is liked."""
LAST = "\U0010ffff"


def after(prefix: str) -> str:
    """What comes right after all texts that begin so, in the order of code points."""
    return prefix + LAST


def ranked(rows: Iterable[Row], wanted: Sequence[str]) -> list[Suggestion]:
    """The likeliest first: where the name begins as wanted, then where the address does; then by what is liked most.

    Each card fits all that is wanted, by its names or by an address; an address is left out where another of its card
    is the one that fits.
    """
    found: list[tuple[tuple[int, int, str, str], Suggestion]] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        card = [(shown, number, address, address_words(address)) for _, shown, number, address in group]
        names = words(card[0][0])
        asked = [prefix for prefix in wanted if not _begins(names, prefix)]
        of_addresses = [prefix for prefix in asked if any(_begins(parts, prefix) for _, _, _, parts in card)]
        for shown, number, address, parts in card:
            if all(_begins(parts, prefix) for prefix in of_addresses):
                place = 0 if _begins(names[:1], wanted[0]) else 1 if _begins(parts[:1], wanted[0]) else 2
                found.append(((place, number, fold(shown), address), Suggestion(shown, address)))
    return list(dict.fromkeys(suggestion for _, suggestion in sorted(found, key=lambda one: one[0])))


def _begins(words_of: Sequence[str], prefix: str) -> bool:
    return any(word.startswith(prefix) for word in words_of)
