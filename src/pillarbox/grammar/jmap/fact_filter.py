"""A filter as a test on facts of an object: for data types of which there are few (RFC 8620 §5.5)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.filters import Operator, Reader
from pillarbox.model.errors import SyntaxProblem

Facts = TypeVar("Facts")


class FactFilter(Generic[Facts]):
    """The filter of one data type, whose conditions are given by their names.

    `can_change` are those that look at what may be different later.
    """

    def __init__(
        self,
        conditions: Mapping[str, Callable[[object], Callable[[Facts], bool]]],
        *,
        can_change: Collection[str] = (),
    ) -> None:
        self._conditions = conditions
        self._can_change = can_change

    def parse(self, value: object) -> Callable[[Facts], bool]:
        """Whether an object is found; null finds all. Raises: UnsupportedFilter; SyntaxProblem (invalidArguments)."""
        return Reader(self._conditions, _join).read(value)

    def looks_at_change(self, value: object) -> bool:
        """Whether a filter, which must be a right one, asks for what may be different later."""
        if not isinstance(value, dict):
            return False
        conditions = value.get("conditions")
        if isinstance(conditions, list):
            return any(map(self.looks_at_change, conditions))
        return any(name in value for name in self._can_change)


def _join(operator: Operator, tests: Sequence[Callable[[Facts], bool]]) -> Callable[[Facts], bool]:
    if operator is Operator.AND:
        return lambda facts: all(test(facts) for test in tests)
    if operator is Operator.OR:
        return lambda facts: any(test(facts) for test in tests)
    return lambda facts: not any(test(facts) for test in tests)


def one_of(
    parse: Callable[[str], int], fact: Callable[[Facts], int | None]
) -> Callable[[object], Callable[[Facts], bool]]:
    """The condition that an id is among some. What is no id of the kind is that of nothing."""

    def read(value: object) -> Callable[[Facts], bool]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise SyntaxProblem("an array of Ids")
        wanted = set()
        for text in value:
            try:
                wanted.add(parse(text))
            except SyntaxProblem:
                continue
        return lambda facts: fact(facts) in wanted

    return read


def before(fact: Callable[[Facts], datetime]) -> Callable[[object], Callable[[Facts], bool]]:
    """The condition that a moment is before another."""

    def read(value: object) -> Callable[[Facts], bool]:
        moment = parse_utc(value)
        return lambda facts: fact(facts) < moment

    return read


def after(fact: Callable[[Facts], datetime]) -> Callable[[object], Callable[[Facts], bool]]:
    """The condition that a moment is the other or after it."""

    def read(value: object) -> Callable[[Facts], bool]:
        moment = parse_utc(value)
        return lambda facts: fact(facts) >= moment

    return read
