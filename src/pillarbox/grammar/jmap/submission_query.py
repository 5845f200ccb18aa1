"""The filter and the sort of EmailSubmission/query (RFC 8621 §7.3): as tests and keys on rows.

FilterCondition = {"identityIds": Id[], "emailIds": Id[], "threadIds": Id[], "undoStatus": String,
                   "before": UTCDate, "after": UTCDate}: all of its properties must hold
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec

from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.dates import parse_utc
from pillarbox.grammar.jmap.filters import DEPTH, TERMS, UnsupportedFilter
from pillarbox.grammar.jmap.ids import parse_email, parse_identity, parse_thread
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.submission import Undo


class Facts(msgspec.Struct, frozen=True):
    """What is looked at of a submission."""

    identity_id: int
    email_id: int
    thread_id: int
    send_at: datetime
    undo: Undo


Test: TypeAlias = Callable[[Facts], bool]
Key: TypeAlias = Callable[[Facts], int | datetime]

UNDO_STATUS: dict[str, Undo] = {"pending": Undo.PENDING, "final": Undo.FINAL, "canceled": Undo.CANCELLED}
"""RFC 8621 §7."""
CAN_CHANGE = "undoStatus"
"""The one property of a condition that looks at something that can change."""


def parse_filter(value: object) -> Test:
    """Whether a submission is found; null finds all. Raises: UnsupportedFilter; SyntaxProblem (invalidArguments)."""
    return (lambda _: True) if value is None else _Reader().read(value, 0)


def looks_at_undo(value: object) -> bool:
    """Whether a filter, which must be a right one, asks for what can change."""
    if not isinstance(value, dict):
        return False
    conditions = value.get("conditions")
    if isinstance(conditions, list):
        return any(map(looks_at_undo, conditions))
    return CAN_CHANGE in value


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


def _ids(value: object, parse: Callable[[str], int]) -> frozenset[int]:
    """What is no id of the kind is that of nothing."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SyntaxProblem("an array of Ids")
    found = set()
    for text in value:
        try:
            found.add(parse(text))
        except SyntaxProblem:
            continue
    return frozenset(found)


def _identities(value: object) -> Test:
    wanted = _ids(value, parse_identity)
    return lambda facts: facts.identity_id in wanted


def _emails(value: object) -> Test:
    wanted = _ids(value, parse_email)
    return lambda facts: facts.email_id in wanted


def _threads(value: object) -> Test:
    wanted = _ids(value, parse_thread)
    return lambda facts: facts.thread_id in wanted


def _undo(value: object) -> Test:
    wanted = UNDO_STATUS.get(value) if isinstance(value, str) else None
    if wanted is None:
        raise SyntaxProblem("pending, final or canceled")
    return lambda facts: facts.undo is wanted


def _before(value: object) -> Test:
    moment = parse_utc(value)
    return lambda facts: facts.send_at < moment


def _after(value: object) -> Test:
    moment = parse_utc(value)
    return lambda facts: facts.send_at >= moment


_CONDITIONS: dict[str, Callable[[object], Test]] = {
    "identityIds": _identities,
    "emailIds": _emails,
    "threadIds": _threads,
    CAN_CHANGE: _undo,
    "before": _before,
    "after": _after,
}

_KEYS: dict[str, Key] = {
    "emailId": lambda facts: facts.email_id,
    "threadId": lambda facts: facts.thread_id,
    "sentAt": lambda facts: facts.send_at,
    "sendAt": lambda facts: facts.send_at,
}
"""RFC 8621 §7.3 calls "sentAt" what the object calls "sendAt": both are taken."""


def parse_sort(value: object) -> tuple[tuple[Key, bool], ...]:
    """(key, whether ascending), first things first. Raises: UnsupportedSort; SyntaxProblem (invalidArguments)."""
    return tuple((_KEYS[one.property], one.is_ascending) for one in comparator.read(value, _KEYS))
