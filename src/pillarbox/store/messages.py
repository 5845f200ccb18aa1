"""Messages: what came, once, however many mailboxes hold it. `create_message` is the delivery path.

A message's id is the account's mod-sequence at its creation: it grows and is never reused (RFC 8474 §5.1). Everything
that FETCH asks for most is made before and stored ready beside it, in `message_line`.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, BlobId, MailboxId, MessageId, ModSeq, ThreadId, Uid
from pillarbox.model.keywords import DELETED, DRAFT, SEEN, FlagSet
from pillarbox.store.base import Transaction
from pillarbox.store.changes import take_modseqs
from pillarbox.store.contents import MESSAGE_HOLDS
from pillarbox.store.flag_columns import keywords_text
from pillarbox.store.threads import join_thread


class NewMessage(msgspec.Struct, frozen=True):
    """What is to be stored. Times in microseconds; `inline` is the content when it is small, else None.

    `size_octets` is head and content; `line` the ready FETCH text; `parts` where the parts of the content lie.
    """

    blob: BlobId
    size_octets: int
    inline: bytes | None
    head: bytes
    received: int
    zone_minutes: int
    flags: FlagSet
    line: bytes
    parts: bytes
    trace_id: str
    now: int
    default_quota_octets: int = 0
    thread_keys: tuple[int, ...] = ()


class Placed(msgspec.Struct, frozen=True):
    """Where a new message stands (RFC 4315 §3)."""

    uidvalidity: int
    uid: Uid
    modseq: ModSeq
    message_id: MessageId


class MessageFacts(msgspec.Struct, frozen=True):
    """The hot row of a message. `received` is in UTC; its sender or client wrote it `zone_minutes` east of that."""

    message_id: MessageId
    received: datetime
    zone_minutes: int
    size_octets: int
    thread_id: ThreadId
    trace_id: str


PLACE = """
update mailbox set uidnext = uidnext + 1, modseq = $3, total = total + 1, unseen = unseen + $4,
  deleted = deleted + $5, size_octets = size_octets + $6, jmap_total = jmap_total + $7, jmap_unread = jmap_unread + $8
where account_id = $1 and id = $2 and selectable = 1
returning uidnext - 1, uidvalidity
"""
CONTENT = """
insert into content (account_id, blob, octets) values ($1, $2, $3) on conflict (account_id, blob) do nothing
"""
MESSAGE = """
insert into message (account_id, id, blob, head, size_octets, received, zone_minutes, thread_id, flags, keywords,
  modseq, shown, placements, trace_id)
values ($1, $2, $3, $4, $5, $6, $7, $12, $8, $9, $2, $10, 1, $11)
"""
LINE = "insert into message_line (account_id, message_id, line, parts) values ($1, $2, $3, $4)"
PLACEMENT = """
insert into placement (account_id, mailbox_id, uid, message_id, modseq, flags, keywords, received)
values ($1, $2, $3, $4, $4, $5, $6, $7)
"""
CHANGE = """
insert into change (account_id, modseq, kind, mailbox_id, uid, message_id, at, thread_id)
values ($1, $2, $3, $4, $5, $2, $6, $7)
"""
REFERENCE = """
insert into blob_ref (account_id, blob, kind, holder, size_octets) values ($1, $2, $3, $4, $5)
"""


async def create_message(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, new: NewMessage) -> Placed:
    """Store a message in its thread and place it in one mailbox: ten statements.

    Raises: NotFound (account or mailbox), OverQuota; the caller's transaction is then to be given up.
    """
    modseq = await take_modseqs(
        tx, account_id, 1, octets=new.size_octets, default_quota_octets=new.default_quota_octets
    )
    bits, keywords = new.flags.bits, keywords_text(new.flags)
    visible = not bits & DELETED
    row = await tx.one(
        PLACE,
        account_id,
        mailbox_id,
        modseq,
        0 if bits & SEEN else 1,
        0 if visible else 1,
        new.size_octets,
        1 if visible else 0,
        1 if visible and not bits & (SEEN | DRAFT) else 0,
    )
    if row is None:
        raise NotFound("no such mailbox")
    uid, uidvalidity = row
    if new.inline is not None:
        await tx.run(CONTENT, account_id, new.blob, new.inline)
    thread_id = await join_thread(tx, account_id, new.thread_keys, modseq)
    shared = (bits, keywords) if visible else (0, None)
    await tx.run(
        MESSAGE,
        account_id,
        modseq,
        new.blob,
        new.head,
        new.size_octets,
        new.received,
        new.zone_minutes,
        *shared,
        modseq if visible else None,
        new.trace_id,
        thread_id,
    )
    await tx.run(LINE, account_id, modseq, new.line, new.parts)
    await tx.run(PLACEMENT, account_id, mailbox_id, uid, modseq, bits, keywords, new.received)
    await tx.run(CHANGE, account_id, modseq, ChangeKind.PLACED.value, mailbox_id, uid, new.now, thread_id)
    await tx.run(REFERENCE, account_id, new.blob, MESSAGE_HOLDS, modseq, new.size_octets - len(new.head))
    return Placed(uidvalidity, Uid(uid), ModSeq(modseq), MessageId(modseq))


AGGREGATE = """
update message set flags = $3, keywords = $4, modseq = $5, shown = $6, placements = $7 where account_id = $1 and id = $2
"""


async def update_aggregates(
    tx: Transaction,
    account_id: AccountId,
    rows: Iterable[tuple[int, FlagSet, int, int | None, int]],
) -> None:
    """Write (message id, flags, mod-sequence, shown, placements) of messages that stay."""
    await tx.run_many(
        AGGREGATE,
        (
            (account_id, message_id, flags.bits, keywords_text(flags), modseq, shown, count)
            for message_id, flags, modseq, shown, count in rows
        ),
    )


async def delete_messages(tx: Transaction, account_id: AccountId, now: int, messages: list[tuple[int, bytes]]) -> None:
    """Remove (message id, blob) whose last placement went; their contents are released, not yet deleted."""
    keys = [(account_id, message_id) for message_id, _ in messages]
    await tx.run_many("delete from message where account_id = $1 and id = $2", keys)
    await tx.run_many("delete from message_line where account_id = $1 and message_id = $2", keys)
    await tx.run_many(
        f"update blob_ref set released = $4 "
        f"where account_id = $1 and blob = $3 and kind = {MESSAGE_HOLDS} and holder = $2",
        [(account_id, message_id, blob, now) for message_id, blob in messages],
    )
