"""Outgoing mail that waits: who is due, who is at work on it, what came of it.

A queued recipient's states; each step is one transaction, `record` and `cancel` also delete a message whose recipients
are all final, and release its content:

| state     | step              | to        | who               | a crash before it leaves       | after it                   |
| --------- | ----------------- | --------- | ----------------- | ------------------------------ | -------------------------- |
| (none)    | `put`             | WAITING   | acceptance        | nothing: the client got no 250 | the message is ours        |
| WAITING   | `claim`           | SENDING   | a worker          | WAITING, due                   | a lease: due when it ends, |
|           |                   |           |                   |                                | or when its node starts; a |
|           |                   |           |                   |                                | submission is final        |
| SENDING   | `claim`           | SENDING   | another worker    | an old lease, due              | the lease is the other's   |
| SENDING   | `record` relayed  | SENT      | the lease's owner | SENDING: sent again, the       | final                      |
|           |                   |           |                   | duplicate of RFC 5321 §6.1     |                            |
| SENDING   | `record` delayed  | WAITING   | the lease's owner | SENDING: tried when it ends    | due after the back-off     |
| SENDING   | `record` failed   | FAILED    | the lease's owner | SENDING: tried again           | final, and the report is   |
|           |                   |           |                   |                                | in the same transaction    |
| SENDING   | `put_off`         | WAITING   | the lease's owner | SENDING                        | due then, not counted      |
| SENDING   | `release`         | WAITING   | a worker that     | SENDING                        | due at once                |
|           |                   |           | stops, or starts  |                                |                            |
| WAITING   | `retry`           | WAITING   | a person          | as before                      | due at once                |
| WAITING,  | `cancel`          | CANCELLED | a person          | as before                      | final; what a worker       |
| SENDING   |                   |           |                   |                                | records later is ignored   |

What is held (RFC 4865) is WAITING and due when its time comes; there is no other state for it.
`record` may come twice, and late: a final result counts whoever holds the lease, a delay only from its owner. A report
is made by exactly those transactions that bring a recipient to FAILED, so none is lost and none is made twice.
Where the RFC allows a choice: RFC 5321 §4.5.4.1 (retry), §6.1 (responsibility), RFC 3464.
"""

import builtins
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.feed.queue_feed import QueueFeed
from pillarbox.core.flow.bounce import Bounces
from pillarbox.core.flow.queue_put import QueuePut, QueueSettings
from pillarbox.core.passport.passports import Passports
from pillarbox.core.sending.tracking import Tracking
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import SYSTEM_ACCOUNT, QueueId
from pillarbox.model.passport import Dialogue, PassportEntry, Step
from pillarbox.model.ports import Clock, Random
from pillarbox.model.queued import QueuedMessage, QueuedRecipient, RecipientState
from pillarbox.store import contents as content_rows
from pillarbox.store import outbox as outbox_rows
from pillarbox.store import queue as rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.queue import Outcome

__all__ = ["Queue", "QueueSettings"]

HEADER_OCTETS = 65_536
"""As much of the original's header as a report may have to return."""
WITHDRAWN_REPLY = "554 5.0.0 withdrawn by the operator"
Result = tuple[QueuedRecipient, DeliveryStatus]

log = structlog.get_logger("queue")


class Queue:
    """The queue of one node. `wake` is called after a commit that made something due."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        put: QueuePut,
        bounces: Bounces,
        *,
        passports: Passports,
        tracking: Tracking,
        feed: QueueFeed,
        clock: Clock,
        random: Random,
        node: str,
        settings: QueueSettings,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._put = put
        self._bounces = bounces
        self._passports = passports
        self._tracking = tracking
        self._feed = feed
        self._clock = clock
        self._random = random
        self._node = node
        self.settings = settings

    @property
    def wake(self) -> Callable[[], None] | None:
        """What the worker has registered."""
        return self._put.wake

    @wake.setter
    def wake(self, callback: Callable[[], None] | None) -> None:
        self._put.wake = callback

    # the worker's steps

    async def release_own(self) -> int:
        """End the leases that this node held when it was stopped; how many. To be called before the first `claim`."""
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            freed = await rows.release_node(tx, self._node, self._clock.now())
            for account_id, queue_id in dict.fromkeys(freed):
                number = await outbox_rows.number_of(tx, account_id, queue_id)
                await self._feed.moved_numbered(tx, account_id, number)
        return len(freed)

    async def next_due(self) -> datetime | None:
        """When something is to be done next; None: the queue is empty."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            return await rows.next_due(tx)

    async def claim(self, limit: int = 100, *, here_only: bool = False) -> Sequence[QueuedMessage]:
        """Lease due recipients to this node: their messages, with these recipients only. With `here_only` those who are
        people here."""
        now = self._clock.now()
        ends = now + timedelta(seconds=self.settings.lease_seconds)
        found = []
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            for account_id, queue_id, numbers in await rows.claim(
                tx, self._node, now=now, lease_ends=ends, limit=limit, here_only=here_only
            ):
                message = await rows.find_queued(tx, account_id, queue_id)
                if message is not None:
                    await self._tracking.released(tx, message)
                    await self._feed.moved(tx, message)
                    leased = tuple(one for one in message.recipients if one.number in numbers)
                    found.append(replace(message, recipients=leased))
        return found

    async def release(self, message: QueuedMessage) -> None:
        """Give back what this node holds of a message's recipients, as it claimed them: the worker stops before it has
        an answer."""
        async with self._db.write(message.sender_account) as tx:
            if await rows.release_some(tx, message, self._node, self._clock.now()):
                await self._feed.moved(tx, message)

    async def put_off(self, message: QueuedMessage, until: datetime, reason: DeliveryStatus) -> None:
        """Give back the recipients of a message, due later: nothing was tried, so nothing is counted."""
        outcome = Outcome(reason.status, reason.diagnostic, reason.remote_host, attempted=False)
        if self._clock.now() >= message.expires:
            await self.record(message.id, [_for(one, reason) for one in message.recipients], None)
            return
        async with self._db.write(message.sender_account) as tx:
            keys = [(message.sender_account, message.id, one.number) for one in message.recipients]
            held = [await rows.put_off(tx, key, self._node, until=until, outcome=outcome) for key in keys]
            if any(held):  # else somebody else has it, or it has gone: a step of what is gone would bring it back
                await self._feed.moved(tx, message)

    async def record(self, queue_id: QueueId, statuses: Sequence[DeliveryStatus], dialogue: Dialogue | None) -> None:
        """Note what came of an attempt; may come late or twice. Statuses name recipients as they are queued.

        All in one transaction: states, passport, the report of those that failed for good or are too old, and the
        removal of a message that is done. After a crash: all of it, or nothing, and then it is tried again.
        """
        message = await self._find(queue_id)
        if message is None:
            return
        now = self._clock.now()
        by_address = {status.recipient: status for status in statuses}
        results = [
            (one, _or_expired(by_address[one.address], message, now))
            for one in message.recipients
            if one.address in by_address
        ]
        header = b""
        if message.reverse_path is not None and any(status.action is Action.FAILED for _, status in results):
            header = await self._header(message)
        try:
            await self._write_results(message, results, dialogue, header, into_inbox=True)
        except (OverQuota, NotFound):
            await self._write_results(message, results, dialogue, header, into_inbox=False)

    async def _write_results(
        self,
        message: QueuedMessage,
        results: Sequence[Result],
        dialogue: Dialogue | None,
        header: bytes,
        *,
        into_inbox: bool,
    ) -> None:
        now = self._clock.now()
        async with self._db.write(message.sender_account) as tx:
            written = [result for result in results if await self._write_one(tx, message, result, now)]
            if not written:
                return
            await self._passports.record(tx, *_attempts(message, written, dialogue, now))
            failed = [result for result in written if result[1].action is Action.FAILED]
            if failed:
                await self._bounces.report(tx, message, failed, header, into_inbox=into_inbox)
            await self._tracking.recorded(tx, message)
            if await rows.has_open(tx, message.sender_account, message.id):
                await self._feed.moved(tx, message)
            else:
                await self._delete(tx, message, now)

    async def _delete(self, tx: Transaction, message: QueuedMessage, now: datetime) -> None:
        await rows.delete_queued(tx, message, now=now)
        await self._feed.left(tx, message)

    async def _write_one(self, tx: Transaction, message: QueuedMessage, result: Result, now: datetime) -> bool:
        recipient, status = result
        key = (message.sender_account, message.id, recipient.number)
        outcome = Outcome(status.status, status.diagnostic, status.remote_host)
        if status.is_final:
            state = RecipientState.FAILED if status.action is Action.FAILED else RecipientState.SENT
            return await rows.settle(tx, key, state, outcome)
        until = now + self.settings.retry_after(recipient.attempts + 1, self._random)
        return await rows.put_off(tx, key, self._node, until=min(until, message.expires), outcome=outcome)

    async def _find(self, queue_id: QueueId) -> QueuedMessage | None:
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            account_id = await rows.find_account(tx, queue_id)
            return None if account_id is None else await rows.find_queued(tx, account_id, queue_id)

    async def _header(self, message: QueuedMessage) -> bytes:
        """The beginning of the original, for a report; empty when its content cannot be read any more."""
        try:
            async with await self._content_of(message) as content:
                return await content.read(0, HEADER_OCTETS)
        except NotFound:
            log.error("queue.content_missing", queue_id=message.id)
            return message.head

    # what people and the worker look at

    async def show(self, queue_id: QueueId) -> QueuedMessage:
        """One message with all its recipients. Raises: NotFound."""
        message = await self._find(queue_id)
        if message is None:
            raise NotFound(f"nothing in the queue is named {queue_id}")
        return message

    async def content(self, queue_id: QueueId) -> StoredContent:
        """Head and content as octets; close it. Raises: NotFound."""
        return await self._content_of(await self.show(queue_id))

    async def _content_of(self, message: QueuedMessage) -> StoredContent:
        async with self._db.read(message.sender_account) as tx:
            inline = await content_rows.inline_content(tx, message.sender_account, message.blob)
        return StoredContent(
            message.head, inline, blobs=self._blobs, blob=message.blob, size_octets=message.size_octets
        )

    async def retry(self, queue_id: QueueId) -> None:
        """Have the waiting recipients of a message tried at once. Raises: NotFound."""
        message = await self.show(queue_id)
        async with self._db.write(message.sender_account) as tx:
            await self.hasten(tx, message)

    async def hasten(self, tx: Transaction, message: QueuedMessage) -> None:
        """The same in the caller's transaction."""
        if await rows.make_due(tx, message.sender_account, message.id, self._clock.now()):
            await self._feed.moved(tx, message)
        if self.wake is not None:
            tx.after_commit(self.wake)

    async def cancel(self, queue_id: QueueId) -> None:
        """Take a message out of the queue; nobody is told, the passport notes it. Raises: NotFound."""
        message = await self.show(queue_id)
        async with self._db.write(message.sender_account) as tx:
            await self.withdraw(tx, message)

    async def withdraw(
        self, tx: Transaction, message: QueuedMessage, *, by_sender: bool = False, reply: str = WITHDRAWN_REPLY
    ) -> None:
        """Take a message out of the queue in the caller's transaction, who tells its submission when it is `by_sender`;
        else it is told `reply`."""
        now = self._clock.now()
        outcome = Outcome("", "cancelled", "", attempted=False)
        cancelled = [
            str(one.address)
            for one in message.recipients
            if await rows.settle(
                tx, (message.sender_account, message.id, one.number), RecipientState.CANCELLED, outcome
            )
        ]
        if not cancelled:
            return
        facts = {"queue_id": str(message.id), "recipients": ", ".join(cancelled)}
        await self._passports.record(
            tx, PassportEntry(message.trace_id, message.sender_account, now, Step.CANCELLED, facts)
        )
        if not by_sender:
            await self._tracking.withdrawn(tx, message, reply)
        await self._delete(tx, message, now)

    async def size(self) -> int:
        """How many messages are in the queue."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            return await rows.count_queued(tx)

    async def list(self) -> "builtins.list[QueuedMessage]":
        """What is in the queue, oldest first, at most 1,000 messages."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            return await rows.list_queued(tx)


def _for(recipient: QueuedRecipient, status: DeliveryStatus) -> DeliveryStatus:
    return replace(status, recipient=recipient.address)


def _or_expired(status: DeliveryStatus, message: QueuedMessage, now: datetime) -> DeliveryStatus:
    """A delay becomes a failure when the message is too old (RFC 3463 §3.5, X.4.7)."""
    if status.is_final or now < message.expires:
        return status
    return replace(status, action=Action.FAILED, status="4.4.7")


def _attempts(
    message: QueuedMessage, results: Sequence[Result], dialogue: Dialogue | None, now: datetime
) -> builtins.list[PassportEntry]:
    """An entry for each recipient; the dialogue stands in the first."""
    entries = []
    for recipient, status in results:
        facts = {
            "queue_id": str(message.id),
            "recipient": str(recipient.address),
            "result": status.action.value,
            "status": status.status,
            "remote": status.remote_host,
            "reply": status.diagnostic,
        }
        entry = PassportEntry(message.trace_id, message.sender_account, now, Step.ATTEMPTED, facts, dialogue)
        entries.append(entry)
        dialogue = None
    return entries
