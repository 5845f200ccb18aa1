"""Bounces: mail that could not be delivered goes back as a report to who sent it (RFC 3464; RFC 5321 §6.1).

A report has the null reverse-path, so it is never answered by another (RFC 5321 §4.5.5). It is made in the transaction
that gives a recipient up: never lost, never made twice.
"""

from collections.abc import Sequence

from pillarbox.core.contents.spool import Content
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.delivery import Delivery
from pillarbox.core.flow.directory import Directory, Forward, Local, Route
from pillarbox.core.flow.queue_put import QueuePut
from pillarbox.core.mailbox.fetch_text import describe
from pillarbox.core.passport.passports import Passports
from pillarbox.core.passport.trace import new_trace
from pillarbox.grammar.message import header, message_id
from pillarbox.grammar.message.header import header_end
from pillarbox.grammar.message.text import header_text
from pillarbox.grammar.reports.dsn import FailedRecipient, Report, format_report
from pillarbox.model.address import Address
from pillarbox.model.delivery import DeliveryStatus
from pillarbox.model.envelope import BodyType, Recipient
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, TraceId
from pillarbox.model.limits import Limits
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Clock, Random
from pillarbox.model.queued import QueuedMessage, QueuedRecipient
from pillarbox.store.base import Transaction


class Bounces:
    """Makes reports and puts them on their way."""

    def __init__(
        self,
        delivery: Delivery,
        put: QueuePut,
        *,
        directory: Directory,
        passports: Passports,
        hostname: str,
        random: Random,
        clock: Clock,
    ) -> None:
        self._delivery = delivery
        self._put = put
        self._directory = directory
        self._passports = passports
        self._hostname = hostname
        self._random = random
        self._clock = clock

    async def report(
        self,
        tx: Transaction,
        message: QueuedMessage,
        failed: Sequence[tuple[QueuedRecipient, DeliveryStatus]],
        original: bytes,
        *,
        into_inbox: bool,
    ) -> None:
        """Report to the reverse-path, in the caller's transaction; nothing when that is the null one.

        Goes into the sender's INBOX where the sender is the account of the message, else through the queue; also with
        `into_inbox` False, when the INBOX did not take it. Raises: NotFound, OverQuota from the INBOX.
        """
        sender = message.reverse_path
        if sender is None:
            return
        arrival = self._arrival(message, sender, failed, original)
        owner = message.sender_account
        route = await self._route(tx, sender)
        if into_inbox and owner != SYSTEM_ACCOUNT and isinstance(route, Local) and route.account_id == owner:
            await self._delivery.place(tx, owner, arrival, sender)
        else:  # an alias is followed here: the queue delivers to mailboxes
            targets = route.targets if isinstance(route, Forward) else (sender,)
            recipients = [Recipient(target, None if target == sender else sender) for target in targets]
            await self._put.put(tx, owner, arrival, recipients)
        facts = {
            "to": str(sender),
            "recipients": ", ".join(str(one.address) for one, _ in failed),
            "report": arrival.message_id,
        }
        now = self._clock.now()
        await self._passports.record(tx, PassportEntry(message.trace_id, owner, now, Step.BOUNCED, facts))

    async def _route(self, tx: Transaction, sender: Address) -> Route | None:
        try:
            return await self._directory.route_in(tx, sender)
        except NotFound:
            return None

    def _arrival(
        self,
        message: QueuedMessage,
        sender: Address,
        failed: Sequence[tuple[QueuedRecipient, DeliveryStatus]],
        original: bytes,
    ) -> Arrival:
        trace_id: TraceId = new_trace(self._random)
        now = self._clock.now()
        head = original[: header_end(original, 0, len(original))]
        subject = header.first(head, 0, len(head), b"subject")
        identifier = message_id.make(trace_id, self._hostname)
        octets = format_report(
            Report(
                reporting_host=self._hostname,
                to=sender,
                arrived=message.arrived,
                at=now,
                message_id=identifier,
                boundary=f"report-{trace_id}",
                recipients=tuple(FailedRecipient(status, one.original) for one, status in failed),
                subject="" if subject is None else header_text(subject),
                trace_id=message.trace_id,
                original_header=head,
                hold_request=message.hold_request,
            )
        )
        return Arrival(
            trace_id=trace_id,
            reverse_path=None,
            body_type=BodyType.EIGHT_BIT_MIME if not octets.isascii() else BodyType.SEVEN_BIT,
            smtputf8=not sender.is_ascii,
            head=b"",
            content=Content.of(octets),
            described=describe(octets, limits=Limits()),
            message_id=identifier,
            received=now,
            sender=SYSTEM_ACCOUNT,
            facts={"from": "<>", "report_on": message.trace_id},
            recipients=(sender,),
        )
