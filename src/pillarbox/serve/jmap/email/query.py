"""Email/query and Email/queryChanges (RFC 8621 §4.4, §4.5)."""

from pillarbox.core.mailbox.mailbox_changes import ThreadCounts
from pillarbox.grammar.jmap import comparators, email_filter
from pillarbox.grammar.jmap.ids import format_email, parse_email
from pillarbox.model import query as queries
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import MailboxId, MessageId
from pillarbox.model.query import Order, Query, SortKey
from pillarbox.serve.jmap.method import MAIL, Call
from pillarbox.serve.jmap.standard.query import (
    Found,
    Moved,
    QueryArguments,
    QueryChangesArguments,
    Querying,
    query_methods,
)

_OF_THREADS = frozenset((SortKey.THREAD_SOME_HAVE_FLAGS, SortKey.THREAD_ALL_HAVE_FLAGS))
_CHANGING = (queries.InMailbox, queries.InOtherMailbox, queries.HasFlags, queries.ThreadHasFlags)


class EmailQuery(QueryArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §4.4."""

    collapse_threads: bool = False


class EmailQueryChanges(QueryChangesArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §4.5."""

    collapse_threads: bool = False


def _has(query: Query, kinds: tuple[type[Query], ...]) -> bool:
    match query:
        case queries.And(terms=terms) | queries.Or(terms=terms):
            return any(_has(term, kinds) for term in terms)
        case queries.Not(term=term):
            return _has(term, kinds)
    return isinstance(query, kinds)


def _is_newest_first(orders: tuple[Order, ...]) -> bool:
    return len(orders) == 1 and orders[0].key is SortKey.RECEIVED and not orders[0].is_ascending


def _last_wanted(arguments: EmailQuery | EmailQueryChanges) -> int | None:
    """How many from the top are looked at; None where all must be known."""
    if not isinstance(arguments, EmailQuery) or arguments.anchor is not None or arguments.position < 0:
        return None
    return None if arguments.limit is None else arguments.position + arguments.limit


async def _window(call: Call, arguments: EmailQuery | EmailQueryChanges, mailbox_id: MailboxId) -> Found:
    """A mailbox, newest first; its total is known (RFC 8621 §4.4)."""
    account_id, collapse = call.account.id, arguments.collapse_threads
    most = _last_wanted(arguments)
    found = await call.mail.email_windows.newest(account_id, mailbox_id, most, collapse=collapse)
    if most is None or len(found.ids) < most:
        return Found(found.ids, str(found.state))
    total = await _total(call, mailbox_id, collapse=collapse) if arguments.calculate_total else 0
    return Found(found.ids, str(found.state), total=max(total, len(found.ids)))


async def _total(call: Call, mailbox_id: MailboxId, *, collapse: bool) -> int:
    """How many messages or threads the mailbox shows: none where there is no such mailbox."""
    account_id = call.account.id
    if collapse:
        return (await call.mail.mailbox_changes.count_threads(account_id)).get(mailbox_id, ThreadCounts()).total
    try:
        return (await call.mail.mailboxes.get_by_id(account_id, mailbox_id)).shown
    except NotFound:
        return 0


async def find(call: Call, arguments: EmailQuery | EmailQueryChanges) -> Found:
    """All that fit, or where that will do, those from the top that are asked for."""
    query, orders = email_filter.parse(arguments.filter), comparators.parse(arguments.sort)
    if isinstance(query, queries.InMailbox) and _is_newest_first(orders):
        return await _window(call, arguments, query.mailbox_id)
    most = None if arguments.calculate_total else _last_wanted(arguments)
    found = await call.mail.email_queries.find(
        call.account.id, query, orders, collapse=arguments.collapse_threads, most=most
    )
    return Found(found.ids, str(found.state), total=None if found.is_whole else len(found.ids))


async def moved(call: Call, arguments: EmailQueryChanges, since: int) -> Moved:
    """What changed; where threads matter, all that is in theirs.

    A new message, whose id is the mod-sequence of its coming, was in no result before.
    """
    query, orders = email_filter.parse(arguments.filter), comparators.parse(arguments.sort)
    of_threads = arguments.collapse_threads or any(order.key in _OF_THREADS for order in orders)
    is_fixed = not (of_threads or _has(query, _CHANGING) or any(order.key is SortKey.HAS_FLAGS for order in orders))
    if is_fixed:
        changed = await call.mail.email_changes.emails(call.account.id, since, None)
        back = (number for number in changed.created if number <= since)  # hidden for a while, perhaps not told of
        return Moved(frozenset((*changed.destroyed, *back)), frozenset(changed.created), is_fixed=True)
    touched = await call.mail.email_queries.touched(
        call.account.id, since, whole_threads=of_threads or _has(query, (queries.ThreadHasFlags,))
    )
    return Moved(frozenset(number for number in touched if number <= since), touched)


METHODS = query_methods(
    "Email",
    MAIL,
    Querying(find, moved, lambda number: format_email(MessageId(number)), parse_email),
    EmailQuery,
    EmailQueryChanges,
)
