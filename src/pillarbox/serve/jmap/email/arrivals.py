"""Contents that become Emails: made ready one by one, stored some at a time (RFC 8621 §4.6, §4.8).

Few transactions, bounded memory: what is ready waits for others only while it is small and not many. A content is
closed when the transaction that refers to it is over; one that nothing refers to is looked after.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import msgspec

from pillarbox.core.contents.spool import INLINE_OCTETS, Content
from pillarbox.core.email.email_edit import AddedEmail, NewEmail
from pillarbox.core.feed.states import Span
from pillarbox.core.mailbox.messages import Described
from pillarbox.grammar.jmap.ids import MessageBlob, format_blob, format_email, format_thread
from pillarbox.model.errors import MailError
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.jmap.email.where import named
from pillarbox.serve.jmap.method import Call, Json
from pillarbox.serve.jmap.standard.set import Outcomes

READY_AT_ONCE = 50
LARGE_AT_ONCE = 4
"""Each holds a file open."""


class Ready(msgspec.Struct, frozen=True):
    """A content and all that is known of it."""

    content: Content
    described: Described
    mailbox_ids: frozenset[MailboxId]
    flags: FlagSet
    received: datetime


async def store(
    call: Call, names: Iterable[str], make: Callable[[str], Awaitable[Ready]], span: Span
) -> Outcomes[Json]:
    """Make each ready and store it: its ids and size by creation id, or what went wrong.

    Raises: StateMoved.
    """
    outcomes: dict[str, Json | Exception] = {}
    waiting: dict[str, Ready] = {}
    large = 0
    try:
        for name in names:
            try:
                ready = waiting[name] = await make(name)
            except Exception as error:  # noqa: BLE001 - `set_error` tells a bug from what a client can be told
                outcomes[name] = error
                continue
            large += ready.content.size_octets > INLINE_OCTETS
            if len(waiting) >= READY_AT_ONCE or large >= LARGE_AT_ONCE:
                outcomes.update(await _store(call, waiting, span))
                waiting, large = {}, 0
        if waiting:
            outcomes.update(await _store(call, waiting, span))
    finally:
        for ready in waiting.values():
            ready.content.give_up()
    return outcomes


async def _store(call: Call, waiting: dict[str, Ready], span: Span) -> dict[str, Json | Exception]:
    new = [NewEmail(one.content, one.described, one.mailbox_ids, one.flags, one.received) for one in waiting.values()]
    added = await call.mail.email_edits.add(call.account.id, new, span)
    outcomes: dict[str, Json | Exception] = {}
    for (name, ready), one in zip(waiting.items(), added, strict=True):
        if isinstance(one, MailError):
            ready.content.give_up()
            outcomes[name] = named(one)
        else:
            ready.content.close()
            call.created_ids[name] = format_email(one.id)
            outcomes[name] = properties_of(one)
    return outcomes


def properties_of(added: AddedEmail) -> Json:
    """What the server sets of a new Email (RFC 8621 §4.6)."""
    return {
        "id": format_email(added.id),
        "blobId": format_blob(MessageBlob(added.id)),
        "threadId": format_thread(added.thread_id),
        "size": added.size_octets,
    }
