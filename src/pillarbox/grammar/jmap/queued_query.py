"""The filter and the sort of QueuedMessage/query: as tests and keys on facts. The data type is our own.

FilterCondition = {"emailSubmissionIds": Id[], "state": "waiting" | "sending", "before": UTCDate, "after": UTCDate}:
all of its properties must hold; dates are compared with `queuedAt`. Operators are those of RFC 8620 §5.5.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec

from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.filters import DEPTH, TERMS, UnsupportedFilter
from pillarbox.grammar.jmap.ids import parse_submission
from pillarbox.model.errors import SyntaxProblem

WAITING = "waiting"
SENDING = "sending"
CAN_CHANGE = ("state", "nextAttempt")
"""What looks at something that can change: a condition, and a key to sort by."""


class Facts(msgspec.Struct, frozen=True):
    """What is looked at of a message. `next_attempt` None: nobody waits."""

    submission_id: int | None
    queued_at: datetime
    size_octets: int
    next_attempt: datetime | None
    is_sending: bool


Test: TypeAlias = Callable[[Facts], bool]
Key: TypeAlias = Callable[[Facts], tuple[bool, float]]


def parse_filter(value: object) -> Test:
    """Whether a message is found; null finds all. Raises: UnsupportedFilter; SyntaxProblem (invalidArguments)."""
    return (lambda _: True) if value is None else _Reader().read(value, 0)


def looks_at_change(filter: object, sort: object) -> bool:
    """Whether a filter and a sort, which must be right ones, look at what can change."""
    by = sort if isinstance(sort, list) else []
    return _looks(filter) or any(one["property"] in CAN_CHANGE for one in by)


def _looks(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    conditions = value.get("conditions")
    if isinstance(conditions, list):
        return any(map(_looks, conditions))
    return any(name in value for name in CAN_CHANGE)


class _Reader:
    """Counts the terms of one filter while it is read."""

    def __init__(self) -> None:
        self.left = TERMS

    def read(self, value: object, depth: int) -> Test:
        if not isinstance(value, dict):
            raise SyntaxProblem("a FilterOperator or a FilterCondition")
        if depth > DEPTH:
            raise UnsupportedFilter(f"at most {DEPTH} operators in each other")
        if "operator" not in value:
            return _all([self._condition(name, given) for name, given in value.items()])
        match value:
            case {"operator": "AND" | "OR" | "NOT" as operator, "conditions": list(conditions), **others} if not others:
                self._count(len(conditions))
                tests = [self.read(condition, depth + 1) for condition in conditions]
            case _:
                raise SyntaxProblem("a FilterOperator: AND, OR or NOT, and its conditions")
        if operator == "AND":
            return _all(tests)
        if operator == "OR":
            return lambda facts: any(test(facts) for test in tests)
        return lambda facts: not any(test(facts) for test in tests)

    def _count(self, terms: int) -> None:
        self.left -= terms
        if self.left < 0:
            raise UnsupportedFilter(f"at most {TERMS} conditions")

    def _condition(self, name: str, value: object) -> Test:
        reader = _CONDITIONS.get(name)
        if reader is None:
            raise UnsupportedFilter("a property of FilterCondition")
        self._count(1)
        try:
            return reader(value)
        except SyntaxProblem as problem:
            raise SyntaxProblem(f"{problem.expected} as {name}") from None


def _all(tests: list[Test]) -> Test:
    return lambda facts: all(test(facts) for test in tests)


def _submissions(value: object) -> Test:
    """What is no id of one is that of nothing."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SyntaxProblem("an array of Ids")
    wanted = set()
    for text in value:
        try:
            wanted.add(parse_submission(text))
        except SyntaxProblem:
            continue
    return lambda facts: facts.submission_id in wanted


def _state(value: object) -> Test:
    if value not in (WAITING, SENDING):
        raise SyntaxProblem(f"{WAITING} or {SENDING}")
    is_sending = value == SENDING
    return lambda facts: facts.is_sending is is_sending


def _before(value: object) -> Test:
    moment = parse_utc(value)
    return lambda facts: facts.queued_at < moment


def _after(value: object) -> Test:
    moment = parse_utc(value)
    return lambda facts: facts.queued_at >= moment


_CONDITIONS: dict[str, Callable[[object], Test]] = {
    "emailSubmissionIds": _submissions,
    "state": _state,
    "before": _before,
    "after": _after,
}

_KEYS: dict[str, Key] = {
    "queuedAt": lambda facts: (False, facts.queued_at.timestamp()),
    "size": lambda facts: (False, facts.size_octets),
    "nextAttempt": lambda facts: (
        facts.next_attempt is not None,
        0.0 if facts.next_attempt is None else facts.next_attempt.timestamp(),
    ),
}
"""Whom somebody is at work on comes before those who wait."""


def parse_sort(value: object) -> tuple[tuple[Key, bool], ...]:
    """(key, whether ascending), first things first. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    return tuple((_KEYS[one.property], one.is_ascending) for one in comparator.read(value, _KEYS))
