"""One feed of changes for each account; every view of mail reads it (RFC 7162, RFC 8620 §5.2).

Every change takes the account's next mod-sequence and is one `Change`. "What changed since N" is the only question.
"""

from enum import IntEnum

import msgspec

from pillarbox.model.ids import AccountId, MailboxId, MessageId, ModSeq, Uid


class ChangeKind(IntEnum):
    """What happened."""

    PLACED = 1
    FLAGS = 2
    REMOVED = 3
    MAILBOX_CREATED = 4
    MAILBOX_CHANGED = 5
    MAILBOX_REMOVED = 6
    IDENTITY_CREATED = 10
    IDENTITY_UPDATED = 11
    IDENTITY_DESTROYED = 12
    SUBMISSION_CREATED = 20
    SUBMISSION_UPDATED = 21
    SUBMISSION_DESTROYED = 22
    VACATION_UPDATED = 31
    CONTACT_CREATED = 50
    CONTACT_UPDATED = 51
    CONTACT_DESTROYED = 52
    ADDRESS_BOOK_CREATED = 60
    ADDRESS_BOOK_UPDATED = 61
    ADDRESS_BOOK_DESTROYED = 62
    QUEUED_CREATED = 70
    QUEUED_UPDATED = 71
    QUEUED_DESTROYED = 72


class Change(msgspec.Struct, frozen=True):
    """One row of the feed. `uid` and `message_id` are 0 for changes of a mailbox itself."""

    account_id: AccountId
    modseq: ModSeq
    kind: ChangeKind
    mailbox_id: MailboxId
    uid: Uid
    message_id: MessageId
