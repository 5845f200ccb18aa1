"""The frame of /get (RFC 8620 §5.1)."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeAlias

import msgspec

from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem

Properties: TypeAlias = Collection[str]


class GetArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.1."""

    ids: list[str] | None = None
    properties: list[str] | None = None


class Getting(msgspec.Struct, frozen=True):
    """What /get needs of a data type.

    `fetch` gives the objects of these ids, or all for None, by id, with at least the properties asked for; what is not
    there is left out. `properties` is all that there are; `default` what None asks for, when that is not all.
    """

    state: Callable[[Call], Awaitable[str]]
    fetch: Callable[[Call, Sequence[str] | None, Properties], Awaitable[dict[str, Json]]]
    properties: tuple[str, ...]
    default: tuple[str, ...] = ()


async def get(call: Call, arguments: GetArguments, kind: Getting) -> Json:
    """The state is read before the objects, so that it is never newer than they are."""
    call.check_account(arguments.account_id)
    wanted = wanted_properties(arguments.properties, kind)
    ids = checked_ids(call, arguments.ids)
    state = await kind.state(call)
    found = await kind.fetch(call, ids, wanted)
    if ids is None:
        call.check_many(len(found))
    return {
        "accountId": arguments.account_id,
        "state": state,
        "list": [{name: found[id][name] for name in wanted} for id in (found if ids is None else ids) if id in found],
        "notFound": [id for id in ids or () if id not in found],
    }


def checked_ids(call: Call, ids: Sequence[str] | None) -> list[str] | None:
    """Each once. Raises: Problem: requestTooLarge."""
    if ids is None:
        return None
    call.check_many(len(ids))
    return list(dict.fromkeys(ids))


def wanted_properties(given: Sequence[str] | None, kind: Getting) -> tuple[str, ...]:
    """Those asked for, and always the id. Raises: Problem: invalidArguments for one that there is not."""
    if given is None:
        return kind.default or kind.properties
    unknown = next((name for name in given if name not in kind.properties), None)
    if unknown is not None:
        raise Problem("invalidArguments", f"there is no property {unknown[:200]!r}")
    return tuple(dict.fromkeys(("id", *given)))


def get_method(name: str, capability: str, kind: Getting) -> Method:
    """`Foo/get`."""

    async def handler(call: Call, arguments: GetArguments) -> Json:
        return await get(call, arguments, kind)

    return Method(f"{name}/get", capability, GetArguments, handler)
