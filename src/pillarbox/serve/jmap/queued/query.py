"""QueuedMessage/query and QueuedMessage/queryChanges."""

from pillarbox.core.feed.states import Kind
from pillarbox.core.flow.outbox import OutboxRow
from pillarbox.grammar.jmap.ids import format_queued, parse_queued
from pillarbox.grammar.jmap.queued_query import FILTER, Facts, looks_at_change, parse_sort
from pillarbox.serve.jmap.method import Call
from pillarbox.serve.jmap.own import OWN
from pillarbox.serve.jmap.queued.objects import state
from pillarbox.serve.jmap.standard.query import Find, Found, Moved, Querying, query_methods


async def find(call: Call, arguments: Find) -> Found:
    """Where nothing else says, the oldest first."""
    test, sort = FILTER.parse(arguments.filter), parse_sort(arguments.sort)
    before = await state(call)
    found = [(row.number, facts) for row in await call.mail.outbox.rows(call.account.id) if test(facts := _facts(row))]
    for key, is_ascending in reversed(sort):
        found.sort(key=lambda one: key(one[1]), reverse=not is_ascending)
    return Found([number for number, _ in found], before)


def _facts(row: OutboxRow) -> Facts:
    return Facts(row.submission_id, row.arrived, row.size_octets, row.next_attempt, row.is_sending)


async def moved(call: Call, arguments: Find, since: int) -> Moved:
    """An update moves nothing where neither filter nor sort look at what can change."""
    changed = await call.mail.object_changes.since(call.account.id, Kind.QUEUED, since)
    is_fixed = not looks_at_change(arguments.filter, arguments.sort)
    updated = frozenset() if is_fixed else frozenset(changed.updated)
    return Moved(updated | frozenset(changed.destroyed), updated | frozenset(changed.created), is_fixed)


METHODS = query_methods("QueuedMessage", OWN, Querying(find, moved, format_queued, parse_queued))
