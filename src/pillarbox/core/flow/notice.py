"""Messages that this system makes for its people: answers of those who are away, receipts. From octets to the queue.

All have the null reverse-path, so that nothing is ever sent because of them (RFC 5321 §4.5.5). They go through the queue,
also to people here: other accounts have no part in the transaction.
"""

from collections.abc import Iterable
from datetime import datetime

from pillarbox.core.contents.spool import Content
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.directory import Directory, Forward, Route
from pillarbox.core.mailbox.fetch_text import describe
from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType, Recipient
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, TraceId
from pillarbox.model.limits import Limits
from pillarbox.store.base import Transaction


async def route_of(directory: Directory, tx: Transaction, address: Address) -> Route | None:
    """Where mail for an address goes; None for an unknown user of a domain of ours."""
    try:
        return await directory.route_in(tx, address)
    except NotFound:
        return None


def recipients_of(address: Address, route: Route | None) -> tuple[Recipient, ...]:
    """Whom the queue is to reach: an alias is followed here, as the queue delivers to mailboxes. Nobody who is unknown
    has to be told of it: the attempt fails and ends."""
    targets = route.targets if isinstance(route, Forward) else (address,)
    return tuple(Recipient(target, None if target == address else address) for target in targets)


def notice(
    content: Content,
    to: Iterable[Address],
    *,
    sender: AccountId,
    trace_id: TraceId,
    message_id: str,
    at: datetime,
    facts: dict[str, str],
    smtputf8: bool,
) -> Arrival:
    """The message, ready to be queued."""
    view = content.view()
    is_ascii = isinstance(view, bytes) and view.isascii()
    return Arrival(
        trace_id=trace_id,
        reverse_path=None,
        body_type=BodyType.SEVEN_BIT if is_ascii else BodyType.EIGHT_BIT_MIME,
        smtputf8=smtputf8,
        head=b"",
        content=content,
        described=describe(view, limits=Limits()),
        message_id=message_id,
        received=at,
        sender=sender,
        facts={"from": "<>", **facts},
        recipients=tuple(to),
    )
