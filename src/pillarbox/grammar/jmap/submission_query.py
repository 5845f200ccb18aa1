"""The filter and the sort of EmailSubmission/query (RFC 8621 §7.3): as tests and keys on rows.

FilterCondition = {"identityIds": Id[], "emailIds": Id[], "threadIds": Id[], "undoStatus": String,
                   "before": UTCDate, "after": UTCDate}: all of its properties must hold
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import msgspec

from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.fact_filter import FactFilter, after, before, one_of
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


Key: TypeAlias = Callable[[Facts], int | datetime]

UNDO_STATUS: dict[str, Undo] = {"pending": Undo.PENDING, "final": Undo.FINAL, "canceled": Undo.CANCELLED}
"""RFC 8621 §7."""


def _undo(value: object) -> Callable[[Facts], bool]:
    wanted = UNDO_STATUS.get(value) if isinstance(value, str) else None
    if wanted is None:
        raise SyntaxProblem("pending, final or canceled")
    return lambda facts: facts.undo is wanted


_CONDITIONS: dict[str, Callable[[object], Callable[[Facts], bool]]] = {
    "identityIds": one_of(parse_identity, lambda facts: facts.identity_id),
    "emailIds": one_of(parse_email, lambda facts: facts.email_id),
    "threadIds": one_of(parse_thread, lambda facts: facts.thread_id),
    "undoStatus": _undo,
    "before": before(lambda facts: facts.send_at),
    "after": after(lambda facts: facts.send_at),
}
FILTER = FactFilter(_CONDITIONS, can_change=("undoStatus",))


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
