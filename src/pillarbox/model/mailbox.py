"""Mailboxes: the folders of an account (RFC 9051 §2.3.1, RFC 6154)."""

from enum import Enum

import msgspec

from pillarbox.model.ids import MailboxId, ModSeq, Uid


class MailboxRole(Enum):
    """What a mailbox is for: the special uses of RFC 6154 §2, and INBOX."""

    INBOX = "inbox"
    DRAFTS = "drafts"
    SENT = "sent"
    ARCHIVE = "archive"
    JUNK = "junk"
    TRASH = "trash"


class Mailbox(msgspec.Struct, frozen=True):
    """One mailbox as it stands.

    `path` is the names from the root, e.g. ("Lists", "python"); ("INBOX",) is the inbox. `selectable` False is a name
    that only holds others (`\\Noselect`). `recent_from` is the first UID that no session has been told as recent.
    `shown` counts messages, each once, that are not `\\Deleted` here; `unread` those of them that are neither `\\Seen`
    nor `\\Draft`; `deleted` counts placements that are `\\Deleted`. A mailbox with a lower `sort_order` comes first.
    """

    id: MailboxId
    path: tuple[str, ...]
    role: MailboxRole | None
    uidvalidity: int
    uidnext: Uid
    modseq: ModSeq
    total: int
    unseen: int
    size_octets: int
    recent_from: Uid
    subscribed: bool
    selectable: bool = True
    sort_order: int = 0
    shown: int = 0
    unread: int = 0
    deleted: int = 0


NEW_ACCOUNT_MAILBOXES: tuple[tuple[str, MailboxRole], ...] = (
    ("INBOX", MailboxRole.INBOX),
    ("Drafts", MailboxRole.DRAFTS),
    ("Sent", MailboxRole.SENT),
    ("Archive", MailboxRole.ARCHIVE),
    ("Junk", MailboxRole.JUNK),
    ("Trash", MailboxRole.TRASH),
)
