"""How a message enters the queue, within the transaction that accepts it; and the settings of the queue.

Nothing here commits. The worker is woken after commit.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from pillarbox.core.feed.queue_feed import QueueFeed
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.directory import Directory
from pillarbox.core.passport.passports import Passports
from pillarbox.core.passport.trace import Numbers
from pillarbox.grammar.message.part import unpack
from pillarbox.grammar.message.text import header_text
from pillarbox.model.envelope import Recipient
from pillarbox.model.errors import TooMany
from pillarbox.model.ids import AccountId, QueueId
from pillarbox.model.limits import Limits
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Random
from pillarbox.model.submission import SubmissionId
from pillarbox.store import queue as rows
from pillarbox.store.base import Transaction
from pillarbox.store.moment import micros
from pillarbox.store.queue import NewQueued

JITTER = 0.1
SUBJECT_LETTERS = 500
"""As much of a subject as is kept."""
HEADER_VALUE_OCTETS = 4_000
_SUBJECT = 1
"""Its place in an envelope."""


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

    def __init__(
        self,
        passports: Passports,
        numbers: Numbers,
        directory: Directory,
        settings: QueueSettings,
        limits: Limits,
        feed: QueueFeed,
    ) -> None:
        self._passports = passports
        self._feed = feed
        self._directory = directory
        self._numbers = numbers
        self._expires = timedelta(seconds=settings.expire_seconds)
        self._limits = limits
        self.wake: Callable[[], None] | None = None

    async def put(
        self,
        tx: Transaction,
        account_id: AccountId,
        arrival: Arrival,
        recipients: Sequence[Recipient],
        *,
        submission_id: SubmissionId | None = None,
    ) -> QueueId:
        """Queue a message under an account for recipients here or elsewhere, due at once, or when it has been held.

        Raises: TooMany when the account has as many held as it may have.
        """
        hold = arrival.hold
        if hold is not None:
            await self._admit_held(tx, account_id, arrival.received)
        number = await self._feed.came(tx, account_id)
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
                expires=micros((arrival.received if hold is None else hold.until) + self._expires),
                held_until=None if hold is None else micros(hold.until),
                hold_request="" if hold is None else hold.request,
                submission_id=submission_id,
                number=number,
                identifier=arrival.message_id,
                subject="" if number is None else _subject(arrival),
                recipients=tuple(
                    (one.address, one.original, self._directory.is_local_domain(one.address.domain))
                    for one in recipients
                ),
            ),
        )
        facts = {
            "queue_id": str(queue_id),
            "recipients": ", ".join(str(recipient.address) for recipient in recipients),
        }
        if any(recipient.original not in (None, recipient.address) for recipient in recipients):
            facts["named"] = ", ".join(str(recipient.original or recipient.address) for recipient in recipients)
        if hold is not None:
            facts["held_until"] = hold.until.isoformat(timespec="seconds")
        queued = PassportEntry(arrival.trace_id, account_id, arrival.received, Step.QUEUED, facts)
        await self._passports.record(
            tx, *arrival.entries(account_id), queued, message_id=arrival.message_id, queue_id=queue_id
        )
        tx.after_commit(self._wake)
        return queue_id

    async def _admit_held(self, tx: Transaction, account_id: AccountId, now: datetime) -> None:
        """What is held takes room that no quota counts."""
        if await rows.count_held(tx, account_id, now) >= self._limits.held_messages:
            raise TooMany(f"at most {self._limits.held_messages} messages may be held at the same time")

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()


def _subject(arrival: Arrival) -> str:
    """What people read, in one line."""
    envelope = unpack(arrival.described.parts).envelope
    raw = envelope[_SUBJECT] if envelope else None
    words = "" if raw is None else header_text(raw[:HEADER_VALUE_OCTETS]).replace("\0", "")
    return " ".join(words.encode("utf-8", "replace").decode().split())[:SUBJECT_LETTERS]
