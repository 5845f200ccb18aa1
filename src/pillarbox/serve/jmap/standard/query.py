"""The frames of /query and /queryChanges (RFC 8620 §5.5, §5.6).

A data type finds all ids that fit, as numbers in their order; the frame cuts the window out of them. No result is
kept: what changed in it follows from which objects changed.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from pillarbox.model.errors import SyntaxProblem
from pillarbox.serve.jmap.method import AccountArguments, Call, Int, Json, Method, Problem, UnsignedInt
from pillarbox.serve.jmap.standard.changes import parse_state

MOST_IDS = 100_000
"""In one response; a client that wants more asks again."""


class Find(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What both methods take, and `find` looks at."""

    filter: Json | None = None
    sort: list[Any] | None = None


class QueryArguments(Find, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.5."""

    position: Int = 0
    anchor: str | None = None
    anchor_offset: Int = 0
    limit: UnsignedInt | None = None
    calculate_total: bool = False


class QueryChangesArguments(Find, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 8620 §5.6."""

    since_query_state: str
    max_changes: UnsignedInt | None = None
    up_to_id: str | None = None
    calculate_total: bool = False


class Found(msgspec.Struct, frozen=True):
    """All that fits, in its order; `state` is not newer than it.

    With a `total`, `ids` may end where the window does that was asked for.
    """

    ids: Sequence[int]
    state: str
    can_calculate: bool = True
    total: int | None = None


class Moved(msgspec.Struct, frozen=True):
    """What may have left a result since a state, and what may have come into it: an object that may have changed its
    place is in both. `is_fixed`: neither filter nor sort look at anything that can change."""

    left: frozenset[int]
    came: frozenset[int]
    is_fixed: bool = False


class Querying(msgspec.Struct, frozen=True):
    """What the two methods need of a data type. `moved` raises StateTooOld when the state is too old, or never was."""

    find: Callable[[Call, Any], Awaitable[Found]]
    moved: Callable[[Call, Any, int], Awaitable[Moved]]
    format: Callable[[int], str]
    parse: Callable[[str], int]


async def query(call: Call, arguments: QueryArguments, kind: Querying) -> Json:
    """A window of the result."""
    call.check_account(arguments.account_id)
    found = await kind.find(call, arguments)
    total = len(found.ids) if found.total is None else found.total
    position = _position(arguments, found.ids, kind)
    limit = min(arguments.limit if arguments.limit is not None else total, MOST_IDS)
    window = found.ids[position : position + limit]
    response: Json = {
        "accountId": arguments.account_id,
        "queryState": found.state,
        "canCalculateChanges": found.can_calculate,
        "position": position,
        "ids": [kind.format(id) for id in window],
    }
    if arguments.calculate_total:
        response["total"] = total
    if limit < (arguments.limit if arguments.limit is not None else total):
        response["limit"] = limit
    return response


def _position(arguments: QueryArguments, ids: Sequence[int], kind: Querying) -> int:
    if arguments.anchor is None:
        position = arguments.position
        return position if position >= 0 else max(0, len(ids) + position)
    index = _index(ids, arguments.anchor, kind)
    if index is None:
        raise Problem("anchorNotFound")
    return max(0, index + arguments.anchor_offset)


def _index(ids: Sequence[int], id: str, kind: Querying) -> int | None:
    try:
        return ids.index(kind.parse(id))
    except (SyntaxProblem, ValueError):
        return None


async def query_changes(call: Call, arguments: QueryChangesArguments, kind: Querying) -> Json:
    """How a client's copy of the result becomes the present one.

    The result is found before what moved: what changes in between is then told once too often, never not at all.
    """
    call.check_account(arguments.account_id)
    since = parse_state(arguments.since_query_state)
    found = await kind.find(call, arguments)
    if not found.can_calculate:
        raise Problem("cannotCalculateChanges")
    moved = await kind.moved(call, arguments, since)
    last = None
    if moved.is_fixed and arguments.up_to_id is not None:
        last = _index(found.ids, arguments.up_to_id, kind)
    shown = found.ids if last is None else found.ids[: last + 1]
    added = [{"id": kind.format(id), "index": index} for index, id in enumerate(shown) if id in moved.came]
    removed = [kind.format(id) for id in sorted(moved.left)]
    if arguments.max_changes is not None and len(added) + len(removed) > arguments.max_changes:
        raise Problem("tooManyChanges")
    response: Json = {
        "accountId": arguments.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": found.state,
        "removed": removed,
        "added": added,
    }
    if arguments.calculate_total:
        response["total"] = len(found.ids)
    return response


def query_methods(
    name: str,
    capability: str,
    kind: Querying,
    arguments: type[QueryArguments] = QueryArguments,
    changes_arguments: type[QueryChangesArguments] = QueryChangesArguments,
) -> tuple[Method, Method]:
    """`Foo/query` and `Foo/queryChanges`; the arguments where the type has more of them."""

    async def handle_query(call: Call, given: QueryArguments) -> Json:
        return await query(call, given, kind)

    async def handle_changes(call: Call, given: QueryChangesArguments) -> Json:
        return await query_changes(call, given, kind)

    return (
        Method(f"{name}/query", capability, arguments, handle_query),
        Method(f"{name}/queryChanges", capability, changes_arguments, handle_changes),
    )
