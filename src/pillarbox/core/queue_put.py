"""How a message enters the queue, within the transaction that accepts it; and the settings of the queue.

Nothing here commits. The worker is woken after commit.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

from pillarbox.core.arrival import Arrival
from pillarbox.core.passports import Passports
from pillarbox.core.trace import Numbers
from pillarbox.model.envelope import Recipient
from pillarbox.model.ids import AccountId, QueueId
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Random
from pillarbox.store import queue as rows
from pillarbox.store.base import Transaction
from pillarbox.store.moment import micros
from pillarbox.store.queue import NewQueued

JITTER = 0.1


class QueueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to try again, and when to give up (RFC 5321 §4.5.4.1: give-up time at least 4 to 5 days).

    The first intervals are shorter than the 30 minutes of the standard, because greylisting hosts answer after a few
    minutes; from the third on it is kept to. The last interval repeats.
    """

    retry_seconds: tuple[float, ...] = (300, 600, 1_800, 3_600, 7_200, 14_400)
    expire_seconds: float = 432_000
    lease_seconds: float = 3_600
    """How long a worker may hold a recipient; attempts end before it does."""

    def retry_after(self, attempts: int, random: Random) -> timedelta:
        """How long to wait after this many attempts, give or take a tenth: else a host that was down meets all at once."""
        interval = self.retry_seconds[min(attempts, len(self.retry_seconds)) - 1]
        share = int.from_bytes(random.octets(2), "big") / 65_535
        return timedelta(seconds=interval * (1 - JITTER + 2 * JITTER * share))


class QueuePut:
    """Puts messages into the queue."""

    def __init__(self, passports: Passports, numbers: Numbers, settings: QueueSettings) -> None:
        self._passports = passports
        self._numbers = numbers
        self._expires = timedelta(seconds=settings.expire_seconds)
        self.wake: Callable[[], None] | None = None

    async def put(
        self, tx: Transaction, account_id: AccountId, arrival: Arrival, recipients: Sequence[Recipient]
    ) -> QueueId:
        """Queue a message under an account for recipients here or elsewhere, due at once."""
        queue_id = QueueId(self._numbers.next())
        content = arrival.content
        await rows.insert_queued(
            tx,
            NewQueued(
                account_id=account_id,
                id=queue_id,
                trace_id=arrival.trace_id,
                reverse_path=arrival.reverse_path,
                blob=content.blob,
                inline=content.inline,
                head=arrival.head,
                size_octets=len(arrival.head) + content.size_octets,
                body_type=arrival.body_type,
                smtputf8=arrival.smtputf8,
                arrived=micros(arrival.received),
                expires=micros(arrival.received + self._expires),
                recipients=tuple((recipient.address, recipient.original) for recipient in recipients),
            ),
        )
        facts = {
            "queue_id": str(queue_id),
            "recipients": ", ".join(str(recipient.address) for recipient in recipients),
        }
        queued = PassportEntry(arrival.trace_id, account_id, arrival.received, Step.QUEUED, facts)
        await self._passports.record(
            tx, *arrival.entries(account_id), queued, message_id=arrival.message_id, queue_id=queue_id
        )
        tx.after_commit(self._wake)
        return queue_id

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()
