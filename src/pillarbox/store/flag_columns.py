"""Sets of flags as two columns: a bigint of bits, and null or the other keywords with one space between."""

from functools import lru_cache

from pillarbox.model.keywords import FlagSet


@lru_cache(maxsize=4096)
def flag_set(bits: int, keywords: str | None) -> FlagSet:
    """The value; equal columns give the same object."""
    return FlagSet(bits, tuple(keywords.split(" ")) if keywords else ())


def keywords_text(flags: FlagSet) -> str | None:
    """The second column."""
    return " ".join(flags.keywords) or None
