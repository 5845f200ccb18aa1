"""A Comparator, as every data type has it (RFC 8620 §5.5).

What stands in one beside its properties is passed over: some clients (jmapc) write arguments of the method there too,
such as `position`, and no section says that it is wrong.
"""

from collections.abc import Collection, Mapping

import msgspec

from pillarbox.model.errors import SyntaxProblem

COLLATIONS = ("i;ascii-casemap", "i;unicode-casemap")
"""Text is compared folded, whichever is asked for: both fold case, and folding all scripts is what the standard wants of
a default."""
MOST = 20


class UnsupportedSort(SyntaxProblem):
    """A property or a collation that we do not sort by: the method answers unsupportedSort."""


class Comparator(msgspec.Struct, frozen=True):
    """One key to sort by; `others` is what else it says."""

    property: str
    is_ascending: bool
    others: Mapping[str, object]


def read(value: object, properties: Collection[str]) -> tuple[Comparator, ...]:
    """First things first; empty for null. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise SyntaxProblem("an array of Comparators")
    if len(value) > MOST:
        raise UnsupportedSort(f"at most {MOST} Comparators")
    found = tuple(map(_comparator, value))
    if not all(one.property in properties for one in found):
        raise UnsupportedSort(f"one of {', '.join(properties)}")
    if not all(one.others.get("collation") in (None, *COLLATIONS) for one in found):
        raise UnsupportedSort("a collation of ours")
    return found


def _comparator(value: object) -> Comparator:
    if not isinstance(value, dict) or not isinstance(name := value.get("property"), str):
        raise SyntaxProblem("a Comparator")
    others: dict[str, object] = value
    is_ascending = others.get("isAscending", True)
    if not isinstance(is_ascending, bool) or not isinstance(others.get("collation"), str | None):
        raise SyntaxProblem("a Comparator")
    return Comparator(name, is_ascending, others)
