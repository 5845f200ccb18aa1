"""Mailbox/query and Mailbox/queryChanges (RFC 8621 §2.3, §2.4)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pillarbox.core.mailbox.mailbox_tree import parents
from pillarbox.grammar.jmap import comparator
from pillarbox.grammar.jmap.fact_filter import FactFilter
from pillarbox.grammar.jmap.ids import format_mailbox, parse_mailbox
from pillarbox.grammar.message.text import fold
from pillarbox.model.ids import MailboxId
from pillarbox.model.mailbox import Mailbox
from pillarbox.serve.jmap.mailbox.filter import Parents, conditions
from pillarbox.serve.jmap.mailbox.objects import name_of
from pillarbox.serve.jmap.method import MAIL, Call
from pillarbox.serve.jmap.standard.query import (
    Find,
    Found,
    Moved,
    QueryArguments,
    QueryChangesArguments,
    Querying,
    query_methods,
)


class MailboxQuery(QueryArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §2.3."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class MailboxQueryChanges(QueryChangesArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §2.4."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


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
    test = FactFilter(conditions(above)).parse(arguments.filter)
    ordered = _sorted(mailboxes, arguments.sort)
    if arguments.sort_as_tree:
        ordered = list(_as_tree(ordered, above))
    found = [mailbox for mailbox in ordered if test(mailbox)]
    if arguments.filter_as_tree:
        found = _under(found)
    return Found([mailbox.id for mailbox in found], state)


async def moved(call: Call, arguments: Find, since: int) -> Moved:
    """With a tree, one that moves may take others along: then all may have."""
    account_id = call.account.id
    changed = await call.mail.mailbox_changes.own_since(account_id, since)
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
