"""The filter and the sort of QueuedMessage/query: as tests and keys on facts. The data type is our own.

FilterCondition = {"emailSubmissionIds": Id[], "state": "waiting" | "sending", "before": UTCDate, "after": UTCDate}:
all of its properties must hold; dates are compared with `queuedAt`. Operators are those of RFC 8620 §5.5.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec

from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.fact_filter import FactFilter, after, before, one_of
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


Key: TypeAlias = Callable[[Facts], tuple[bool, float]]


def _state(value: object) -> Callable[[Facts], bool]:
    if value not in (WAITING, SENDING):
        raise SyntaxProblem(f"{WAITING} or {SENDING}")
    is_sending = value == SENDING
    return lambda facts: facts.is_sending is is_sending


_CONDITIONS: dict[str, Callable[[object], Callable[[Facts], bool]]] = {
    "emailSubmissionIds": one_of(parse_submission, lambda facts: facts.submission_id),
    "state": _state,
    "before": before(lambda facts: facts.queued_at),
    "after": after(lambda facts: facts.queued_at),
}
FILTER = FactFilter(_CONDITIONS, can_change=CAN_CHANGE)


def looks_at_change(filter: object, sort: object) -> bool:
    """Whether a filter and a sort, which must be right ones, look at what can change."""
    by = sort if isinstance(sort, list) else []
    return FILTER.looks_at_change(filter) or any(one["property"] in CAN_CHANGE for one in by)


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
