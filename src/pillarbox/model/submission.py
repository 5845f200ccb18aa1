"""Submissions: messages of an account that it has sent, and what became of them (RFC 8621 §7)."""

from datetime import datetime
from enum import Enum
from typing import NewType

import msgspec

from pillarbox.model.identity import IdentityId
from pillarbox.model.ids import MessageId, ThreadId

SubmissionId = NewType("SubmissionId", int)
"""The account's mod-sequence when it was made; within its account."""


class Undo(Enum):
    """Whether it can be taken back. PENDING: nobody has got it. FINAL: somebody may have."""

    PENDING = "pending"
    FINAL = "final"
    CANCELLED = "cancelled"


class Delivered(Enum):
    """What is known of one recipient. UNKNOWN: another server has taken it, and has not said more."""

    QUEUED = "queued"
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class ReportKind(Enum):
    """What a report is on: delivery (RFC 3464), or what a reader did (RFC 8098)."""

    DELIVERY = 1
    DISPOSITION = 2


class EnvelopeAddress(msgspec.Struct, frozen=True):
    """An address as it was named, with the parameters of MAIL or RCPT that were given with it."""

    text: str
    parameters: dict[str, str | None] | None = None


class SubmissionEnvelope(msgspec.Struct, frozen=True):
    """The envelope as its sender gave it, or as it was made from the message. No address is named twice."""

    mail_from: EnvelopeAddress
    rcpt_to: tuple[EnvelopeAddress, ...]


class RecipientStatus(msgspec.Struct, frozen=True):
    """One recipient of a submission; `reply` is the last word on it, in the form of an SMTP reply."""

    address: str
    delivered: Delivered
    reply: str
    is_displayed: bool = False


class Submission(msgspec.Struct, frozen=True):
    """One submission. `send_at` is when it was, or will be, given to its recipients; `delivery_reports` and
    `disposition_reports` are messages of the account, oldest first."""

    id: SubmissionId
    identity_id: IdentityId
    message_id: MessageId
    thread_id: ThreadId
    envelope: SubmissionEnvelope
    send_at: datetime
    undo: Undo
    recipients: tuple[RecipientStatus, ...] = ()
    delivery_reports: tuple[MessageId, ...] = ()
    disposition_reports: tuple[MessageId, ...] = ()
