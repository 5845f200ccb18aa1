"""The frame of /changes (RFC 8620 §5.2)."""

import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pillarbox.core.feed import states
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, PositiveInt, Problem

STATE = re.compile(r"0|[1-9][0-9]{0,17}")


class ChangesArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.2."""

    since_state: str
    max_changes: PositiveInt | None = None


class Changed(msgspec.Struct, frozen=True):
    """What changed up to `state`, as ids; `has_more` when that is not yet the present. `extra` is for the response."""

    state: str
    created: Sequence[str] = ()
    updated: Sequence[str] = ()
    destroyed: Sequence[str] = ()
    has_more: bool = False
    extra: Json = {}


class Changing(msgspec.Struct, frozen=True):
    """What /changes needs of a data type: at most so many changes since a mod-sequence.

    Raises: StateTooOld when that cannot be told any more, or it never was.
    """

    changes: Callable[[Call, int, int], Awaitable[Changed]]


def as_told(found: states.Changed, format: Callable[[int], str]) -> Changed:
    """What the feed tells, as ids."""
    created, updated, destroyed = (
        [format(number) for number in numbers] for numbers in (found.created, found.updated, found.destroyed)
    )
    return Changed(str(found.state), created, updated, destroyed, found.has_more)


def parse_state(text: str) -> int:
    """The mod-sequence that a state is. Raises: Problem: cannotCalculateChanges."""
    if STATE.fullmatch(text) is None:
        raise Problem("cannotCalculateChanges", "this is no state of ours")
    return int(text)


async def changes(call: Call, arguments: ChangesArguments, kind: Changing) -> Json:
    """What a client does not know yet."""
    call.check_account(arguments.account_id)
    most = call.mail.limits.jmap_objects
    found = await kind.changes(call, parse_state(arguments.since_state), min(arguments.max_changes or most, most))
    return {
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": found.state,
        "hasMoreChanges": found.has_more,
        "created": found.created,
        "updated": found.updated,
        "destroyed": found.destroyed,
        **found.extra,
    }


def changes_method(name: str, capability: str, kind: Changing) -> Method:
    """`Foo/changes`."""

    async def handler(call: Call, arguments: ChangesArguments) -> Json:
        return await changes(call, arguments, kind)

    return Method(f"{name}/changes", capability, ChangesArguments, handler)
