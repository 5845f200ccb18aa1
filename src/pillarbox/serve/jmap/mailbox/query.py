"""Mailbox/query and Mailbox/queryChanges (RFC 8621 §2.3, §2.4)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from pillarbox.core.mailbox.mailbox_tree import parents
from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.filters import DEPTH
from pillarbox.grammar.jmap.ids import format_mailbox, parse_mailbox
from pillarbox.grammar.message.text import fold
from pillarbox.model.ids import MailboxId
from pillarbox.model.mailbox import Mailbox
from pillarbox.serve.jmap.mailbox.objects import mailbox_id_of, name_of
from pillarbox.serve.jmap.method import MAIL, Call, Json, Problem
from pillarbox.serve.jmap.standard.query import (
    Find,
    Found,
    Moved,
    QueryArguments,
    QueryChangesArguments,
    Querying,
    query_methods,
)

Parents: TypeAlias = Mapping[MailboxId, MailboxId | None]
Test: TypeAlias = Callable[[Mailbox], bool]


class MailboxQuery(QueryArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §2.3."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class MailboxQueryChanges(QueryChangesArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §2.4."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A FilterCondition; UNSET is not asked for."""

    parent_id: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    role: str | msgspec.UnsetType | None = msgspec.UNSET
    has_any_role: bool | msgspec.UnsetType = msgspec.UNSET
    is_subscribed: bool | msgspec.UnsetType = msgspec.UNSET


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A FilterOperator (RFC 8620 §5.5)."""

    operator: str
    conditions: list[Json]


def _test(value: Json, above: Parents, depth: int = 0) -> Test:
    """Raises: Problem: unsupportedFilter, invalidArguments."""
    if depth > DEPTH:
        raise Problem("unsupportedFilter", f"at most {DEPTH} operators in each other")
    try:
        if "operator" not in value:
            return _condition(msgspec.convert(value, Condition), above)
        made = msgspec.convert(value, Operator)
    except msgspec.ValidationError as error:
        kind = "unsupportedFilter" if "unknown field" in str(error) else "invalidArguments"
        raise Problem(kind, str(error)) from None
    tests = [_test(condition, above, depth + 1) for condition in made.conditions]
    match made.operator:
        case "AND":
            return lambda mailbox: all(test(mailbox) for test in tests)
        case "OR":
            return lambda mailbox: any(test(mailbox) for test in tests)
        case "NOT":
            return lambda mailbox: not any(test(mailbox) for test in tests)
    raise Problem("invalidArguments", "the operator must be AND, OR or NOT")


def _condition(wanted: Condition, above: Parents) -> Test:
    """All that it says must hold."""
    tests: list[Test] = []
    if not isinstance(wanted.parent_id, msgspec.UnsetType):
        parent_id = None if wanted.parent_id is None else mailbox_id_of(wanted.parent_id)
        tests.append(lambda mailbox: above[mailbox.id] == parent_id)
    if not isinstance(wanted.name, msgspec.UnsetType):
        name = fold(wanted.name)
        tests.append(lambda mailbox: name in fold(name_of(mailbox)))
    if not isinstance(wanted.role, msgspec.UnsetType):
        tests.append(lambda mailbox: (mailbox.role and mailbox.role.value) == wanted.role)
    if not isinstance(wanted.has_any_role, msgspec.UnsetType):
        tests.append(lambda mailbox: (mailbox.role is not None) == wanted.has_any_role)
    if not isinstance(wanted.is_subscribed, msgspec.UnsetType):
        tests.append(lambda mailbox: mailbox.subscribed == wanted.is_subscribed)
    return lambda mailbox: all(test(mailbox) for test in tests)


_KEYS: dict[str, Callable[[Mailbox], Any]] = {
    "sortOrder": lambda mailbox: mailbox.sort_order,
    "name": lambda mailbox: fold(name_of(mailbox)),
    "parentId": lambda mailbox: mailbox.path[:-1],
}


def _sorted(mailboxes: Iterable[Mailbox], sort: object) -> list[Mailbox]:
    """In this order; what is equal in it by id. Raises: UnsupportedSort, SyntaxProblem."""
    ordered = sorted(mailboxes, key=lambda mailbox: mailbox.id)
    for key in reversed(comparator.read(sort, _KEYS)):
        ordered.sort(key=_KEYS[key.property], reverse=not key.is_ascending)
    return ordered


def _as_tree(ordered: Iterable[Mailbox], above: Parents) -> Iterator[Mailbox]:
    """Each right behind its parent and its elder sisters' families."""
    children: dict[MailboxId | None, list[Mailbox]] = {}
    for mailbox in ordered:
        children.setdefault(above[mailbox.id], []).append(mailbox)
    waiting = children.get(None, [])[::-1]
    while waiting:
        mailbox = waiting.pop()
        yield mailbox
        waiting += children.get(mailbox.id, [])[::-1]


def _under(found: list[Mailbox]) -> list[Mailbox]:
    """Those whose ancestors are all found too."""
    paths = {mailbox.path for mailbox in found}
    return [
        mailbox for mailbox in found if all(mailbox.path[:length] in paths for length in range(1, len(mailbox.path)))
    ]


async def find(call: Call, arguments: MailboxQuery | MailboxQueryChanges) -> Found:
    """A mailbox that does not fit still holds its place in the tree for those below it."""
    account_id = call.account.id
    state = str(await call.mail.mailbox_changes.own_state(account_id))
    mailboxes = await call.mail.mailboxes.list(account_id)
    above = parents(mailboxes)
    test = _test(arguments.filter or {}, above)
    ordered = _sorted(mailboxes, arguments.sort)
    if arguments.sort_as_tree:
        ordered = list(_as_tree(ordered, above))
    found = [mailbox for mailbox in ordered if test(mailbox)]
    if arguments.filter_as_tree:
        found = _under(found)
    return Found([mailbox.id for mailbox in found], state)


async def moved(call: Call, arguments: Find, since: int) -> Moved | None:
    """With a tree, one that moves may take others along: then all may have."""
    account_id = call.account.id
    changed = await call.mail.mailbox_changes.own_since(account_id, since)
    if changed is None:
        return None
    assert isinstance(arguments, MailboxQueryChanges)
    if changed and (arguments.sort_as_tree or arguments.filter_as_tree):
        changed |= {mailbox.id for mailbox in await call.mail.mailboxes.list(account_id)}
    # A mailbox's id is the mod-sequence of its creation: a new one was in no result before.
    return Moved(frozenset(mailbox_id for mailbox_id in changed if mailbox_id <= since), frozenset(changed))


def _parse(text: str) -> int:
    return parse_mailbox(text)


METHODS = query_methods(
    "Mailbox",
    MAIL,
    Querying(find, moved, lambda number: format_mailbox(MailboxId(number)), _parse),
    MailboxQuery,
    MailboxQueryChanges,
)
