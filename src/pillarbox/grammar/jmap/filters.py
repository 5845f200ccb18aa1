"""Filters as every data type has them (RFC 8620 §5.5); what a condition says is the data type's.

FilterOperator  = {"operator": "AND" | "OR" | "NOT", "conditions": (FilterOperator | FilterCondition)[]}
FilterCondition = {name: value, …}: all of its properties must hold
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Generic, TypeVar

from pillarbox.model.errors import SyntaxProblem

DEPTH = 50
TERMS = 1_000

Term = TypeVar("Term")


class UnsupportedFilter(SyntaxProblem):
    """Well-formed, but nothing that we can look for: the method answers unsupportedFilter (RFC 8620 §5.5)."""


class Operator(Enum):
    """NOT: none of them holds."""

    AND = "AND"
    OR = "OR"
    NOT = "NOT"


class Reader(Generic[Term]):
    """Reads one filter of a data type, whose conditions are given by their names; counts the terms.

    `join` makes one term of several, or of none; `weight` is what a term counts for.
    """

    def __init__(
        self,
        conditions: Mapping[str, Callable[[object], Term]],
        join: Callable[[Operator, Sequence[Term]], Term],
        *,
        terms: int = TERMS,
        weight: Callable[[Term], int] = lambda term: 1,
    ) -> None:
        self._conditions = conditions
        self._join = join
        self._weight = weight
        self._terms = terms
        self._left = terms

    def read(self, value: object) -> Term:
        """The filter; null is one without conditions. Raises: UnsupportedFilter; SyntaxProblem (invalidArguments)."""
        return self._join(Operator.AND, ()) if value is None else self._read(value, 0)

    def _read(self, value: object, depth: int) -> Term:
        if not isinstance(value, dict):
            raise SyntaxProblem("a FilterOperator or a FilterCondition")
        if depth > DEPTH:
            raise UnsupportedFilter(f"at most {DEPTH} operators in each other")
        if "operator" not in value:
            return self._join(Operator.AND, [self._condition(name, given) for name, given in value.items()])
        match value:
            case {"operator": "AND" | "OR" | "NOT" as operator, "conditions": list(conditions), **others} if not others:
                self._count(len(conditions))
                return self._join(Operator(operator), [self._read(condition, depth + 1) for condition in conditions])
        raise SyntaxProblem("a FilterOperator: AND, OR or NOT, and its conditions")

    def _condition(self, name: str, value: object) -> Term:
        reader = self._conditions.get(name)
        if reader is None:
            raise UnsupportedFilter("a property of FilterCondition")
        try:
            term = reader(value)
        except SyntaxProblem as problem:
            raise SyntaxProblem(f"{problem.expected} as {name}") from None
        self._count(self._weight(term))
        return term

    def _count(self, terms: int) -> None:
        self._left -= terms
        if self._left < 0:
            raise UnsupportedFilter(f"at most {self._terms} conditions")
