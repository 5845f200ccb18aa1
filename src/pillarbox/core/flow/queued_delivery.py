"""Mail in the queue for somebody here: delivered as if it came now (an INBOX that was full, a store that was busy)."""

import structlog

from pillarbox.core.contents.spool import Content
from pillarbox.core.contents.transit import Transit
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.delivery import Delivery
from pillarbox.core.flow.directory import Directory, Forward, Local, Route
from pillarbox.core.mailbox.messages import Messages
from pillarbox.grammar.message import header
from pillarbox.grammar.message.header import header_end
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.errors import MailError, NotFound
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage, QueuedRecipient
from pillarbox.store import contents as content_rows
from pillarbox.store.base import Blobs, Database

log = structlog.get_logger("queue")


class QueuedDelivery:
    """Final delivery from the queue."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        transit: Transit,
        *,
        directory: Directory,
        messages: Messages,
        delivery: Delivery,
        clock: Clock,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._transit = transit
        self._directory = directory
        self._messages = messages
        self._delivery = delivery
        self._clock = clock

    def is_local(self, address: Address) -> bool:
        """Whether its domain is ours."""
        return self._directory.is_local_domain(address.domain)

    async def deliver(self, message: QueuedMessage, recipient: QueuedRecipient) -> DeliveryStatus:
        """What became of it; a second attempt after a crash does not deliver twice."""
        address = recipient.address
        try:
            route: Route | None = await self._directory.route(address)
            if isinstance(route, Forward) and address in route.targets:  # an alias that keeps a copy: this is the copy
                route = await self._directory.own(address)
            if not isinstance(route, Local):
                raise NotFound("the address leads elsewhere by now: send the message again")
            await self._deliver(message, route, address)
        except NotFound as problem:
            return DeliveryStatus(address, Action.FAILED, "5.1.1", problem.text)
        except MailError as problem:
            log.info("delivery.delayed", queue_id=message.id, status=problem.text)
            return DeliveryStatus(address, Action.DELAYED, "4.3.0", problem.text)
        return DeliveryStatus(address, Action.DELIVERED, "2.1.5", "delivered here")

    async def _deliver(self, message: QueuedMessage, route: Local, address: Address) -> None:
        with await self._content(message) as content:
            view = content.view()
            end = header_end(view, 0, min(len(view), 1_000_000))
            names = parse_ids(header.first(view, 0, end, b"message-id") or b"")
            described = await self._messages.describe(content)
            del view
            arrival = Arrival(
                trace_id=message.trace_id,
                reverse_path=message.reverse_path,
                body_type=message.body_type,
                smtputf8=message.smtputf8,
                head=message.head,
                content=content,
                described=described,
                message_id=names[0] if names else "",
                received=self._clock.now(),
                sender=message.sender_account,
                facts={},
            )
            await self._delivery.deliver_once(arrival, route.account_id, address)

    async def _content(self, message: QueuedMessage) -> Content:
        async with self._db.read(message.sender_account) as tx:
            inline = await content_rows.inline_content(tx, message.sender_account, message.blob)
        size = message.size_octets - len(message.head)
        if inline is not None:
            return Content(message.blob, size, inline)
        return await Content.open(self._blobs, self._transit, message.blob, size)
