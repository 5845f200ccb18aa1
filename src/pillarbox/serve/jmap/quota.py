"""The data type Quota (RFC 9425): one of each account, on the octets of its Emails; none where there is no limit.

A state is the figures themselves, `used-limit`: two that are equal mean objects that are equal, whoever changed what,
and from any of them it is known what is different now. Without a limit it is always the same.
"""

import re
from collections.abc import Callable, Sequence

from pillarbox.core.feed.states import StateTooOld
from pillarbox.core.mailbox.quotas import Quota
from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.fact_filter import FactFilter
from pillarbox.grammar.message.text import fold
from pillarbox.model.errors import SyntaxProblem
from pillarbox.serve.jmap.method import MAIL, Call, Json, Method, Problem
from pillarbox.serve.jmap.standard.changes import ChangesArguments
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method
from pillarbox.serve.jmap.standard.query import Found, Moved, QueryArguments, QueryChangesArguments, Querying, query

QUOTA = "urn:ietf:params:jmap:quota"
ID = "octets"
NUMBER = 1
"""Of the only one there is, for the frame of /query."""
PROPERTIES = (
    "id", "resourceType", "used", "hardLimit", "scope", "name", "types", "warnLimit", "softLimit", "description",
)  # fmt: skip
_STATE = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})")


def format_state(quota: Quota) -> str:
    """Of a quota as it is."""
    return f"{quota.used_octets}-{quota.limit_octets}" if quota.limit_octets else "0-0"


def _parse_state(text: str) -> Quota:
    match = _STATE.fullmatch(text)
    if match is None:
        raise Problem("cannotCalculateChanges", "this is no state of ours")
    return Quota(int(match[1]), int(match[2]))


def _is_there(call: Call, quota: Quota) -> bool:
    """Not where there is no limit; nor for who does not know what is limited (RFC 9425 §4.1)."""
    return quota.limit_octets > 0 and MAIL in call.using


def _object(call: Call, quota: Quota) -> Json:
    return {
        "id": ID,
        "resourceType": "octets",
        "used": quota.used_octets,
        "hardLimit": quota.limit_octets,
        "scope": "account",
        "name": str(call.account.address),
        "types": ["Email"],
        "warnLimit": None,
        "softLimit": None,
        "description": None,
    }


async def state(call: Call) -> str:
    """Of the quota."""
    return format_state(await call.mail.quotas.get(call.account.id))


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """RFC 9425 §4.2."""
    quota = await call.mail.quotas.get(call.account.id)
    return {ID: _object(call, quota)} if _is_there(call, quota) and (ids is None or ID in ids) else {}


async def changes(call: Call, arguments: ChangesArguments) -> Json:
    """RFC 9425 §4.3, with `updatedProperties` where nothing but the use is different."""
    call.check_account(arguments.account_id)
    old, new = _parse_state(arguments.since_state), await call.mail.quotas.get(call.account.id)
    was, is_ = _is_there(call, old), _is_there(call, new)
    is_updated = was and is_ and old != new
    return {
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": format_state(new),
        "hasMoreChanges": False,
        "created": [ID] if is_ and not was else [],
        "updated": [ID] if is_updated else [],
        "destroyed": [ID] if was and not is_ else [],
        "updatedProperties": ["used"] if is_updated and old.limit_octets == new.limit_octets else None,
    }


# --- queries ---------------------------------------------------------------------------------------------------------


def _condition(fits: Callable[[Json, str], bool]) -> Callable[[object], Callable[[Json], bool]]:
    def read(value: object) -> Callable[[Json], bool]:
        if not isinstance(value, str):
            raise SyntaxProblem("a string")
        return lambda one: fits(one, value)

    return read


_CONDITIONS = {
    "name": _condition(lambda one, value: fold(value) in fold(one["name"])),
    "scope": _condition(lambda one, value: one["scope"] == value),
    "resourceType": _condition(lambda one, value: one["resourceType"] == value),
    "type": _condition(lambda one, value: value in one["types"]),
}
"""RFC 9425 §4.4."""
FILTER = FactFilter(_CONDITIONS)


def _sort_properties(sort: object) -> list[str]:
    """Raises: UnsupportedSort, SyntaxProblem."""
    return [key.property for key in comparator.read(sort, ("name", "used"))]


async def find(call: Call, arguments: QueryArguments) -> Found:
    """The quota, if it fits."""
    quota = await call.mail.quotas.get(call.account.id)
    _sort_properties(arguments.sort)
    fits = FILTER.parse(arguments.filter)(_object(call, quota))
    return Found([NUMBER] if fits and _is_there(call, quota) else [], format_state(quota))


async def handle_query(call: Call, arguments: QueryArguments) -> Json:
    """RFC 9425 §4.4."""
    return await query(call, arguments, QUERYING)


async def query_changes(call: Call, arguments: QueryChangesArguments) -> Json:
    """RFC 9425 §4.5. What a filter looks at never changes; what a sort looks at may, and then it counts as moved
    (RFC 8620 §5.6)."""
    call.check_account(arguments.account_id)
    old, new = _parse_state(arguments.since_query_state), await call.mail.quotas.get(call.account.id)
    may_move = "used" in _sort_properties(arguments.sort) and old.used_octets != new.used_octets
    fits = FILTER.parse(arguments.filter)(_object(call, new))
    was, is_ = fits and _is_there(call, old), fits and _is_there(call, new)
    removed = [ID] if was and (may_move or not is_) else []
    added = [{"id": ID, "index": 0}] if is_ and (may_move or not was) else []
    if arguments.max_changes is not None and len(removed) + len(added) > arguments.max_changes:
        raise Problem("tooManyChanges")
    response: Json = {
        "accountId": arguments.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": format_state(new),
        "removed": removed,
        "added": added,
    }
    return {**response, "total": int(is_)} if arguments.calculate_total else response


async def _moved(call: Call, arguments: QueryChangesArguments, since: int) -> Moved:
    """Never asked for: `query_changes` knows better than the frame."""
    raise StateTooOld("a state of a quota is no mod-sequence")


def _parse_id(text: str) -> int:
    if text != ID:
        raise SyntaxProblem("a Quota id")
    return NUMBER


QUERYING = Querying(find, _moved, lambda number: ID, _parse_id)
METHODS = (
    get_method("Quota", QUOTA, Getting(state, fetch, PROPERTIES)),
    Method("Quota/changes", QUOTA, ChangesArguments, changes),
    Method("Quota/query", QUOTA, QueryArguments, handle_query),
    Method("Quota/queryChanges", QUOTA, QueryChangesArguments, query_changes),
)
