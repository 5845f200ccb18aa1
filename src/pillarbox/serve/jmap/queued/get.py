"""QueuedMessage/get and QueuedMessage/changes."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.ids import format_queued
from pillarbox.serve.jmap.method import Call, Json
from pillarbox.serve.jmap.own import OWN
from pillarbox.serve.jmap.queued.objects import PROPERTIES, number_of, object_of, state
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method

RECIPIENT_OCTETS = 200
"""What a recipient takes in an answer, more or less."""


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """Those that there are of `ids`, or all where they are not too many."""
    if ids is None:
        numbers = [row.number for row in await call.mail.outbox.rows(call.account.id)]
        call.check_many(len(numbers))
    else:
        numbers = [number_of(id) for id in ids]
    found = await call.mail.outbox.get(call.account.id, numbers)
    call.spend(RECIPIENT_OCTETS * sum(len(message.recipients) for message in found.values()))
    return {format_queued(number): object_of(message) for number, message in found.items()}


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all QueuedMessages. What has been sent or given up is destroyed."""
    return as_told(await call.mail.object_changes.since(call.account.id, Kind.QUEUED, since, most), format_queued)


METHODS = (
    get_method("QueuedMessage", OWN, Getting(state, fetch, PROPERTIES)),
    changes_method("QueuedMessage", OWN, Changing(changes)),
)
