"""Outgoing mail that waits: the queue as people and the relay see it."""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType
from pillarbox.model.ids import AccountId, BlobId, QueueId, TraceId
from pillarbox.model.submission import SubmissionId


class RecipientState(Enum):
    """Where a queued recipient stands; `core.flow.queue` has the table of steps."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class QueuedRecipient(msgspec.Struct, frozen=True):
    """`number` is its place in the message's envelope."""

    number: int
    address: Address
    original: Address | None
    state: RecipientState
    attempts: int
    next_attempt: datetime
    last_reply: str


class QueuedMessage(msgspec.Struct, frozen=True):
    """One message with the recipients that were still to be reached when it came.

    `held_until`: nobody got it before; None: it was never held. `submission_id` is the one of its sender's account that
    it came from, if any. `number` is what its owner knows it by, the account's mod-sequence when it was queued; None:
    it is the system's. `identifier` is its Message-ID, `subject` what people read, cut where it is long.
    """

    id: QueueId
    trace_id: TraceId
    sender_account: AccountId
    reverse_path: Address | None
    size_octets: int
    head: bytes
    blob: BlobId
    body_type: BodyType
    smtputf8: bool
    arrived: datetime
    expires: datetime
    recipients: tuple[QueuedRecipient, ...]
    held_until: datetime | None = None
    hold_request: str = ""
    submission_id: SubmissionId | None = None
    number: int | None = None
    identifier: str = ""
    subject: str = ""
