"""Mailbox/get and Mailbox/changes (RFC 8621 §2.1, §2.2)."""

from collections.abc import Sequence

from pillarbox.grammar.jmap.ids import format_mailbox
from pillarbox.serve.jmap.mailbox import objects
from pillarbox.serve.jmap.mailbox.objects import COUNTS, PROPERTIES, THREAD_COUNTS, state
from pillarbox.serve.jmap.method import MAIL, Call, Json
from pillarbox.serve.jmap.standard.changes import Changed, Changing, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """Threads are counted for those who ask for their number."""
    threads = not THREAD_COUNTS.isdisjoint(wanted)
    return await objects.objects(call, call.account.id, ids, threads=threads)


async def changes(call: Call, since: int, most: int) -> Changed:
    """With `updatedProperties` where nothing but counts moved (RFC 8621 §2.2)."""
    found = await call.mail.mailbox_changes.since(call.account.id, since, most)
    return Changed(
        str(found.state),
        [format_mailbox(mailbox_id) for mailbox_id in found.created],
        [format_mailbox(mailbox_id) for mailbox_id in found.updated],
        [format_mailbox(mailbox_id) for mailbox_id in found.destroyed],
        found.has_more,
        {"updatedProperties": list(COUNTS) if found.counts_only else None},
    )


METHODS = (
    get_method("Mailbox", MAIL, Getting(state, fetch, PROPERTIES)),
    changes_method("Mailbox", MAIL, Changing(changes)),
)
