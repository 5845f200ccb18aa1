"""Content comes in and becomes ours: from the first octet to the moment when it is durable.

When `Incoming.finish` returns, the message is in the mailboxes of its local recipients and in the queue for all others,
each with its passport entries, on disk: the peer may be told 250 and forget it (RFC 5321 §6.1). When it raises, nothing
was taken, but for the duplicates that RFC 5321 §6.1 allows. Recipients are counted once however many ways lead to
them; an alias keeps the reverse-path (RFC 5321 §3.9.1). What is to be held (RFC 4865) goes to the queue for all its
recipients, also those here.
"""

import asyncio
import re
from collections.abc import Awaitable, Sequence

import structlog
from msgspec.structs import replace

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.contents.spool import Content, Spools
from pillarbox.core.flow.arrival import Accepted, Arrival, ClientFacts, Target
from pillarbox.core.flow.delivery import Delivery
from pillarbox.core.flow.directory import Directory, Forward, Local, Remote
from pillarbox.core.flow.queue_put import QueuePut
from pillarbox.core.mailbox.messages import Messages
from pillarbox.core.passport.passports import Passports
from pillarbox.core.sending.submission import SubmissionHeader
from pillarbox.grammar.message.header import header_end
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.received import Received, count_hops, format_received
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.envelope import Envelope, Recipient
from pillarbox.model.errors import MailError, NotFound, Refused, TooLarge
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, TraceId
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue
from pillarbox.model.ports import Clock
from pillarbox.store.base import Database

_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)

log = structlog.get_logger("acceptance")


class Acceptance:
    """Takes messages in; one for a server."""

    def __init__(
        self,
        db: Database,
        spools: Spools,
        *,
        directory: Directory,
        accounts: Accounts,
        messages: Messages,
        delivery: Delivery,
        put: QueuePut,
        passports: Passports,
        hostname: str,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._db = db
        self._spools = spools
        self._directory = directory
        self._accounts = accounts
        self._messages = messages
        self._delivery = delivery
        self._put = put
        self._passports = passports
        self._hostname = hostname
        self._limits = limits
        self._clock = clock

    def begin(self, client: ClientFacts, envelope: Envelope, trace_id: TraceId) -> "Incoming":
        """Content is about to come."""
        return Incoming(self, self._spools, client, envelope, trace_id)

    @property
    def limits(self) -> Limits:
        """The bounds that content is held to."""
        return self._limits

    def submission_header(self, trace_id: TraceId) -> SubmissionHeader:
        """What is added to a submitted message that lacks it."""
        return SubmissionHeader(self._clock.now(), self._hostname, trace_id)

    async def accept(
        self, client: ClientFacts, envelope: Envelope, trace_id: TraceId, content: Content, dialogue: Dialogue
    ) -> Accepted:
        """Deliver and queue a content that has come whole; all durable when this returns.

        Raises: Refused (a loop), TooLarge (its header), NotFound, OverQuota, Unavailable: nothing was taken, but for
        allowed duplicates.
        """
        targets = await self._targets(envelope)
        arrival = await self._arrival(client, envelope, trace_id, content, dialogue, targets)
        waits = envelope.hold is not None
        local = [target for target in targets if target.account_id is not None and not waits]
        away = [target for target in targets if target.account_id is None or waits]
        if len(targets) == len(local) == 1 and arrival.dialogue_account in (local[0].account_id, SYSTEM_ACCOUNT):
            assert local[0].account_id is not None
            await self._delivery.deliver(arrival, local[0].account_id, local[0].address)
            late: Sequence[Target] = ()
        else:
            late = await self._deliver_all(arrival, local, away)
        return Accepted(trace_id, _statuses(envelope, targets, {*away, *late}), arrival.dialogue_account)

    async def submitted(self, client: ClientFacts, envelope: Envelope, trace_id: TraceId, content: Content) -> Arrival:
        """What is known of a content that an account of ours sends by itself, not over a connection: for whoever
        queues it. Raises: Refused, TooLarge."""
        return await self._arrival(client, envelope, trace_id, content, None, ())

    # who gets it

    async def targets_of(self, recipient: Address) -> list[Target]:
        """The final recipients that one address leads to. Raises: NotFound."""
        return await self._targets(Envelope(None, (Recipient(recipient),)))

    async def _targets(self, envelope: Envelope) -> list[Target]:
        """The final recipients, each once. One that has gone since it was accepted waits in the queue, which will
        find out and tell the sender.

        Raises: NotFound when there is no other.
        """
        found: dict[AccountId | Address, Target] = {}
        for recipient in envelope.recipients:
            try:
                route = await self._directory.route(recipient.address)
            except NotFound:
                if len(envelope.recipients) == 1:
                    raise
                found.setdefault(recipient.address, Target(recipient.address, recipient.address, None))
                continue
            match route:
                case Local(account_id=account_id, address=address):
                    found.setdefault(account_id, Target(recipient.address, recipient.address, account_id))
                case Remote(address=address):
                    found.setdefault(address, Target(address, recipient.address, None))
                case Forward(targets=targets):
                    for address in targets:
                        target = await self._forwarded(address, recipient.address)
                        found.setdefault(target.account_id or address, target)
        return list(found.values())

    async def _forwarded(self, address: Address, named: Address) -> Target:
        if not self._directory.is_local_domain(address.domain):
            return Target(address, named, None)
        try:
            account = await self._accounts.find(address)
        except NotFound:
            return Target(address, named, None)
        return Target(address, named, account.id)

    # what is known of it

    async def _arrival(
        self,
        client: ClientFacts,
        envelope: Envelope,
        trace_id: TraceId,
        content: Content,
        dialogue: Dialogue | None,
        targets: Sequence[Target],
    ) -> Arrival:
        view = content.view()
        end = header_end(view, 0, min(len(view), self._limits.header_octets + 1))
        if end > self._limits.header_octets:
            raise TooLarge(f"the header exceeds {self._limits.header_octets} octets")
        header = bytes(view[:end])
        if count_hops(header) > self._limits.hops:
            raise Refused(f"the message has passed more than {self._limits.hops} hosts: a loop")
        del view
        now = self._clock.now()
        alone = envelope.recipients[0].address if len(envelope.recipients) == 1 else None
        trace_field = Received(
            helo=client.helo,
            host=client.peer_ip,
            by=self._hostname,
            protocol=client.protocol,
            id=trace_id,
            at=now,
            recipient=alone,
            tls=client.tls,
        )
        found = _MESSAGE_ID.search(header)
        names = parse_ids(found[1]) if found is not None else []
        return Arrival(
            trace_id=trace_id,
            reverse_path=envelope.reverse_path,
            body_type=envelope.body_type,
            smtputf8=envelope.smtputf8,
            head=format_received(trace_field),
            content=content,
            described=await self._messages.describe(content),
            message_id=names[0] if names else "",
            received=now,
            sender=SYSTEM_ACCOUNT if client.account is None else client.account.id,
            facts=_facts(client, envelope, content),
            recipients=tuple(recipient.address for recipient in envelope.recipients),
            dialogue=dialogue,
            dialogue_account=_dialogue_account(client, targets),
            hold=envelope.hold,
        )

    # to all of them

    async def _deliver_all(self, arrival: Arrival, local: Sequence[Target], away: Sequence[Target]) -> list[Target]:
        """Deliver and queue at the same time, so that one commit serves all; the targets that must wait in the queue
        for a trouble of our own.

        Raises: the first trouble, when all had trouble.
        """
        async with asyncio.TaskGroup() as group:
            tries = [
                group.create_task(_attempt(self._delivery.deliver(arrival, target.account_id, target.address)))
                for target in local
                if target.account_id is not None
            ]
            rest = group.create_task(_attempt(self._queue_or_record(arrival, local, away)))
        failed = [target for target, attempt in zip(local, tries, strict=True) if attempt.result() is not None]
        problem = rest.result() if away else None
        if len(failed) == len(local) and (not away or problem is not None):
            raise next(error for task in (*tries, rest) if (error := task.result()) is not None)
        late = [*failed, *(away if problem is not None else ())]
        if late:
            log.warning("delivery.delayed", count=len(late), status=arrival.trace_id)
            await self._enqueue(replace(arrival, facts={}), late)
        return failed

    async def _queue_or_record(self, arrival: Arrival, local: Sequence[Target], away: Sequence[Target]) -> None:
        """The sender's half: what goes away is queued, or the passport alone is written."""
        if away:
            await self._enqueue(arrival, away)
        elif all(target.account_id != arrival.dialogue_account for target in local):
            async with self._db.write(arrival.dialogue_account) as tx:
                entries = arrival.entries(arrival.dialogue_account)
                await self._passports.record(tx, *entries, message_id=arrival.message_id)

    async def _enqueue(self, arrival: Arrival, targets: Sequence[Target]) -> None:
        recipients = [
            Recipient(target.address, target.named if target.named != target.address else None) for target in targets
        ]
        async with self._db.write(arrival.sender) as tx:
            await self._put.put(tx, arrival.sender, arrival, recipients)


class Incoming:
    """One message on its way in: `write` and `drain` its content, then `finish`, or `abort` at any time."""

    def __init__(
        self, acceptance: Acceptance, spools: Spools, client: ClientFacts, envelope: Envelope, trace_id: TraceId
    ) -> None:
        self._acceptance = acceptance
        self._client = client
        self._envelope = envelope
        self.trace_id = trace_id
        self._spool = spools.begin(acceptance.limits.message_octets)
        self._header = None if client.account is None else acceptance.submission_header(trace_id)

    def write(self, data: bytes | memoryview) -> bool:
        """Take a piece of content, transparency undone. False: pause, and await `drain` before the next.

        Raises: TooLarge; then nothing more is to be written.
        """
        if self._header is not None:
            held = self._header.hold(data)
            if held is None:
                return True
            data, self._header = held, None
        return self._spool.write(data)

    async def drain(self) -> None:
        """Bring content to disk. Raises: InsufficientStorage, StorageUnavailable."""
        await self._spool.drain()

    @property
    def size_octets(self) -> int:
        """What has come so far."""
        return self._spool.size_octets + (0 if self._header is None else self._header.size_octets)

    def abort(self) -> None:
        """The message does not come after all; may be called twice."""
        self._header = None
        self._spool.abort()

    async def finish(self, dialogue: Dialogue) -> Accepted:
        """The content is whole: deliver and queue it. Durable when this returns.

        Raises: as `Acceptance.accept`, and InsufficientStorage; nothing was taken then.
        """
        if self._header is not None:
            header, self._header = self._header, None
            self._spool.write(header.release())
        try:
            with await self._spool.finish() as content:
                return await self._acceptance.accept(self._client, self._envelope, self.trace_id, content, dialogue)
        finally:
            self._spool.abort()


async def _attempt(work: Awaitable[object]) -> MailError | None:
    """What went wrong, as a value: one recipient's trouble is not another's."""
    try:
        await work
    except MailError as problem:
        return problem
    return None


def _dialogue_account(client: ClientFacts, targets: Sequence[Target]) -> AccountId:
    """Whose passport shows the dialogue: the sender's, or the only recipient's. It names all recipients, so where there
    are several from outside, only the operator may see it."""
    if client.account is not None:
        return client.account.id
    if len(targets) == 1 and targets[0].account_id is not None:
        return targets[0].account_id
    return SYSTEM_ACCOUNT


def _facts(client: ClientFacts, envelope: Envelope, content: Content) -> dict[str, str]:
    facts = {
        "from": "<>" if envelope.reverse_path is None else str(envelope.reverse_path),
        "peer": client.peer,
        "helo": client.helo,
        "protocol": client.protocol,
        "octets": str(content.size_octets),
    }
    if client.tls:
        facts["tls"] = client.tls
    if client.account is not None:
        facts["account"] = str(client.account.address)
    return facts


def _statuses(envelope: Envelope, targets: Sequence[Target], waiting: set[Target]) -> tuple[DeliveryStatus, ...]:
    delayed = {target.named for target in targets if target in waiting}
    return tuple(
        DeliveryStatus(
            recipient.address,
            Action.DELAYED if recipient.address in delayed else Action.DELIVERED,
            "2.0.0",
        )
        for recipient in envelope.recipients
    )
