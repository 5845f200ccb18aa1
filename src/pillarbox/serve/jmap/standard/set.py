"""The frame of /set (RFC 8620 §5.3): what is made, what is changed, what is destroyed, and what went wrong with each.

A data type does each of the three for many objects at once, so that it may do them in few transactions; `one_by_one`
makes that of a function for one. What fails is the failure of one object: the others go on.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from pillarbox.core.feed.states import Kind, Span, StateMoved
from pillarbox.grammar.jmap import patch as patches
from pillarbox.grammar.jmap.ids import is_id
from pillarbox.model.errors import SyntaxProblem
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem, SetProblem
from pillarbox.serve.jmap.replies import set_error
from pillarbox.serve.jmap.standard.changes import STATE

Made = TypeVar("Made")
Outcomes: TypeAlias = Mapping[str, Made | Exception]

_NO_DEFAULTS: Mapping[str, object] = {}


class SetArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.3."""

    if_in_state: str | None = None
    create: dict[str, Json] | None = None
    update: dict[str, Json] | None = None
    destroy: list[str] | None = None


class Setting(msgspec.Struct, frozen=True):
    """What /set needs of a data type.

    `create` gives of each the properties that the client did not send, the id among them, and notes it in
    `call.created_ids`; `update` what changed besides what was asked for, or None; `destroy` None.
    """

    state: Callable[[Call], Awaitable[str]]
    create: Callable[[Call, Any, dict[str, Json]], Awaitable[Outcomes[Json]]]
    update: Callable[[Call, Any, dict[str, Json]], Awaitable[Outcomes[Json | None]]]
    destroy: Callable[[Call, Any, Sequence[str]], Awaitable[Outcomes[None]]]


async def set(call: Call, arguments: SetArguments, kind: Setting, *, method: str, span: Span | None = None) -> Json:
    """All creations, then all updates, then all destructions.

    A type whose transactions go through a `span` (`span_of`) has `ifInState` checked once more where it counts, and its
    states are those that the transactions led from and to: what others change meanwhile is not between them.
    """
    call.check_account(arguments.account_id)
    creations, updates, doomed = arguments.create or {}, arguments.update or {}, arguments.destroy or []
    call.check_many(len(creations) + len(updates) + len(doomed))
    if not all(map(is_id, creations)):
        raise Problem("invalidArguments", "a creation id must be an Id")
    old_state = await kind.state(call)
    if arguments.if_in_state not in (None, old_state):
        raise Problem("stateMismatch")
    created = await kind.create(call, arguments, creations) if creations else {}
    doomed = list(dict.fromkeys(map(call.resolve, doomed)))
    updated: dict[str, Json | Exception | None] = {}
    if updates:
        will_destroy = frozenset(doomed)
        patches_by_id = {call.resolve(id): patch for id, patch in updates.items()}
        kept = {id: patch for id, patch in patches_by_id.items() if id not in will_destroy}
        updated.update((id, SetProblem("willDestroy")) for id in patches_by_id if id in will_destroy)
        updated.update(await kind.update(call, arguments, kept))
    destroyed = await kind.destroy(call, arguments, doomed) if doomed else {}
    new_state = await kind.state(call)
    if span is not None and span.after is not None:
        old_state, new_state = str(span.before), str(span.after)
    return {
        "accountId": arguments.account_id,
        "oldState": old_state,
        "newState": new_state,
        "created": successes(created),
        "updated": successes(updated),
        "destroyed": list(successes(destroyed) or ()) or None,
        "notCreated": failures(created, method),
        "notUpdated": failures(updated, method),
        "notDestroyed": failures(destroyed, method),
    }


def span_of(kind: Kind, if_in_state: str | None) -> Span:
    """A span from the state that the client says, if it says one. What is no state of ours is refused elsewhere."""
    is_state = if_in_state is not None and STATE.fullmatch(if_in_state)
    return Span(kind, int(if_in_state) if if_in_state is not None and is_state else None)


def successes(outcomes: Outcomes[Made]) -> dict[str, Made] | None:
    """What came of those that went well, for the response; None when there are none."""
    return {id: made for id, made in outcomes.items() if not isinstance(made, Exception)} or None


def failures(outcomes: Outcomes[Made], method: str) -> dict[str, Json] | None:
    """The SetErrors of the others."""
    return {id: set_error(made, method=method) for id, made in outcomes.items() if isinstance(made, Exception)} or None


async def one_by_one(names: Iterable[str], work: Callable[[str], Awaitable[Made]]) -> dict[str, Made | Exception]:
    """Each in its order, and what came of it. Raises: StateMoved, which ends the method."""
    outcomes: dict[str, Made | Exception] = {}
    for name in names:
        try:
            outcomes[name] = await work(name)
        except StateMoved:
            raise
        except Exception as error:  # noqa: BLE001 - `set_error` tells a bug from what a client can be told
            outcomes[name] = error
    return outcomes


def in_order(creations: Mapping[str, Json], references: Collection[str]) -> list[str]:
    """The creation ids, each behind those that its `references` refer to (RFC 8620 §5.3); circles stay as they are."""
    ordered: dict[str, None] = {}
    for start in creations:
        # A walk without recursion: a client may send a chain of any length.
        way = [start]
        while way:
            name = way[-1]
            ahead = next(
                (
                    other
                    for other in _referred(creations[name], references)
                    if other in creations and other not in ordered and other not in way
                ),
                None,
            )
            if ahead is None:
                ordered[way.pop()] = None
            else:
                way.append(ahead)
    return list(ordered)


def _referred(value: Json, references: Collection[str]) -> Iterator[str]:
    for name in references:
        found = value.get(name)
        texts = found if isinstance(found, list | dict) else (found,)
        yield from (text[1:] for text in texts if isinstance(text, str) and text.startswith("#"))


def patched(
    current: Json, patch: Json, *, server_set: Collection[str], defaults: Mapping[str, object] = _NO_DEFAULTS
) -> Json:
    """The object as the client wants it. `current` is all of it; `server_set` may be sent, but unchanged.

    Raises: SetProblem.
    """
    try:
        made = patches.apply(current, patch, defaults=defaults)
    except SyntaxProblem as problem:
        raise SetProblem("invalidPatch", f"expected {problem.expected}") from None
    wrong = [name for name in made if name not in current]
    wrong += [name for name in current if name in server_set and made.get(name) != current[name]]
    if wrong:
        raise SetProblem("invalidProperties", "not to be set, or unknown", properties=wrong)
    return made


def set_method(name: str, capability: str, kind: Setting, arguments: type[SetArguments] = SetArguments) -> Method:
    """`Foo/set`; `arguments` where the type has more of them."""
    full_name = f"{name}/set"

    async def handler(call: Call, given: SetArguments) -> Json:
        return await set(call, given, kind, method=full_name)

    return Method(full_name, capability, arguments, handler)
