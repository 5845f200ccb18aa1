"""Rows of `submission`, `submission_recipient` and `submission_report`. Envelopes are JSON.

Which step follows which is the business of `core.sending.submissions` and `core.sending.tracking`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

import msgspec

from pillarbox.model.identity import IdentityId
from pillarbox.model.ids import AccountId, MessageId, QueueId, ThreadId, TraceId
from pillarbox.model.submission import (
    Delivered,
    RecipientStatus,
    ReportKind,
    Submission,
    SubmissionEnvelope,
    SubmissionId,
    Undo,
)
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

INSERT = """
insert into submission (account_id, id, identity_id, message_id, thread_id, queue_id, trace_id, identifier, envelope,
  send_at, undo)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
INSERT_RECIPIENT = """
insert into submission_recipient (account_id, submission_id, number, address, queued, delivered, reply, displayed)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
SELECT = """
select id, identity_id, message_id, thread_id, envelope, send_at, undo from submission
where account_id = $1 and id {ids} order by id
"""
RECIPIENTS = """
select submission_id, address, delivered, reply, displayed from submission_recipient
where account_id = $1 and submission_id {ids} order by submission_id, number
"""
REPORTS = """
select submission_id, message_id, kind from submission_report
where account_id = $1 and submission_id {ids} order by submission_id, message_id
"""
HOT = "select id, identity_id, message_id, thread_id, send_at, undo from submission where account_id = $1 order by id"
SET_UNDO = """
update submission set undo = $4 where account_id = $1 and id = $2 and undo = $3 returning queue_id
"""
UPDATE_RECIPIENT = """
update submission_recipient set delivered = $4, reply = $5, displayed = $6
where account_id = $1 and submission_id = $2 and number = $3
"""
ADD_REPORT = """
insert into submission_report (account_id, submission_id, message_id, kind) values ($1, $2, $3, $4)
on conflict (account_id, submission_id, message_id) do nothing
"""
OLD = """
select account_id, id from submission s where send_at < $1 and undo <> 'pending' and not exists (
  select 1 from submission_recipient r
  where r.account_id = s.account_id and r.submission_id = s.id and r.delivered = 'queued')
order by account_id, id limit $2
"""
NAMED_LIMIT = 20
AT_ONCE = 500
RECIPIENTS_PAGE = 4_000
_TABLES = (("submission", "id"), ("submission_recipient", "submission_id"), ("submission_report", "submission_id"))

_encode = msgspec.json.Encoder().encode
_envelope = msgspec.json.Decoder(SubmissionEnvelope).decode


class NewSubmission(msgspec.Struct, frozen=True):
    """What is to be kept of one; `queued` has for each recipient the numbers of the queued ones that it has led to."""

    submission: Submission
    queue_id: QueueId
    trace_id: TraceId
    identifier: str
    queued: tuple[tuple[int, ...], ...]


class SubmissionRow(msgspec.Struct, frozen=True):
    """What lists are made from."""

    id: SubmissionId
    identity_id: IdentityId
    message_id: MessageId
    thread_id: ThreadId
    send_at: datetime
    undo: Undo


class TrackedRecipient(msgspec.Struct, frozen=True):
    """A recipient with what it takes to follow it."""

    number: int
    queued: tuple[int, ...]
    status: RecipientStatus


async def insert_submission(tx: Transaction, account_id: AccountId, new: NewSubmission) -> None:
    """A new one, with its recipients."""
    one = new.submission
    await tx.run(
        INSERT,
        account_id,
        one.id,
        one.identity_id,
        one.message_id,
        one.thread_id,
        new.queue_id,
        new.trace_id,
        new.identifier,
        _encode(one.envelope),
        micros(one.send_at),
        one.undo.value,
    )
    await tx.run_many(
        INSERT_RECIPIENT,
        [
            (
                account_id,
                one.id,
                number,
                status.address,
                " ".join(map(str, queued)),
                status.delivered.value,
                status.reply,
                int(status.is_displayed),
            )
            for number, (status, queued) in enumerate(zip(one.recipients, new.queued, strict=True))
        ],
    )


async def find_submissions(
    tx: Transaction, account_id: AccountId, ids: Iterable[SubmissionId]
) -> dict[SubmissionId, Submission]:
    """Those that there are of an account."""
    wanted = list(dict.fromkeys(ids))
    found: dict[SubmissionId, Submission] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        recipients: dict[int, list[RecipientStatus]] = {}
        for submission_id, *words in await _by_ids(tx, RECIPIENTS, account_id, part):
            recipients.setdefault(submission_id, []).append(_status(words))
        reports: dict[int, list[tuple[int, int]]] = {}
        for submission_id, message_id, kind in await _by_ids(tx, REPORTS, account_id, part):
            reports.setdefault(submission_id, []).append((message_id, kind))
        for row in await _by_ids(tx, SELECT, account_id, part):
            found[SubmissionId(row[0])] = _submission(row, recipients.get(row[0], []), reports.get(row[0], []))
    return found


async def _by_ids(tx: Transaction, sql: str, account_id: AccountId, ids: Sequence[SubmissionId]) -> list[Row]:
    """All rows, however many recipients there are."""
    text, rows = sql.replace("{ids}", tx.dialect.in_list(2)), []
    async for batch in tx.batches(text, account_id, tx.dialect.list_value(list(ids))):
        rows += batch
    return rows


def _status(words: Sequence[str | int]) -> RecipientStatus:
    address, delivered, reply, displayed = words
    return RecipientStatus(str(address), Delivered(delivered), str(reply), bool(displayed))


def _submission(row: Row, recipients: list[RecipientStatus], reports: list[tuple[int, int]]) -> Submission:
    return Submission(
        id=SubmissionId(row[0]),
        identity_id=IdentityId(row[1]),
        message_id=MessageId(row[2]),
        thread_id=ThreadId(row[3]),
        envelope=_envelope(row[4]),
        send_at=moment(row[5]),
        undo=Undo(row[6]),
        recipients=tuple(recipients),
        delivery_reports=tuple(MessageId(one) for one, kind in reports if kind == ReportKind.DELIVERY.value),
        disposition_reports=tuple(MessageId(one) for one, kind in reports if kind == ReportKind.DISPOSITION.value),
    )


async def all_submissions(tx: Transaction, account_id: AccountId) -> AsyncIterator[list[SubmissionRow]]:
    """The hot rows of all of an account, oldest first, in batches."""
    async for batch in tx.batches(HOT, account_id):
        yield [
            SubmissionRow(
                SubmissionId(row[0]),
                IdentityId(row[1]),
                MessageId(row[2]),
                ThreadId(row[3]),
                moment(row[4]),
                Undo(row[5]),
            )
            for row in batch
        ]


async def set_undo(
    tx: Transaction, account_id: AccountId, submission_id: SubmissionId, before: Undo, after: Undo
) -> QueueId | None:
    """Bring one from a state to another; what it is in the queue, or None when it was not in that state."""
    found = await tx.value(SET_UNDO, account_id, submission_id, before.value, after.value)
    return None if found is None else QueueId(found)


async def find_undo(tx: Transaction, account_id: AccountId, submission_id: SubmissionId) -> Undo | None:
    """The state of one."""
    found = await tx.value("select undo from submission where account_id = $1 and id = $2", account_id, submission_id)
    return None if found is None else Undo(found)


async def tracked_recipients(
    tx: Transaction, account_id: AccountId, submission_id: SubmissionId, *, delivered: Delivered | None = None
) -> list[TrackedRecipient]:
    """All recipients of one, or those that are in a state."""
    sql = (
        "select number, queued, address, delivered, reply, displayed from submission_recipient "
        "where account_id = $1 and submission_id = $2"
    )
    values: list[int | str] = [account_id, submission_id]
    if delivered is not None:
        sql += " and delivered = $3"
        values.append(delivered.value)
    return [
        TrackedRecipient(number, tuple(map(int, queued.split())), _status(words))
        for number, queued, *words in await tx.all(f"{sql} order by number", *values)
    ]


async def update_recipients(
    tx: Transaction, account_id: AccountId, submission_id: SubmissionId, changed: Iterable[tuple[int, RecipientStatus]]
) -> None:
    """Write (number, status) of those that have changed."""
    await tx.run_many(
        UPDATE_RECIPIENT,
        [
            (account_id, submission_id, number, status.delivered.value, status.reply, int(status.is_displayed))
            for number, status in changed
        ],
    )


async def find_named(
    tx: Transaction, account_id: AccountId, *, trace_id: str = "", identifier: str = ""
) -> list[SubmissionId]:
    """Those whose envelope went by this identifier, or whose message has this Message-ID; the newest first."""
    column, value = ("trace_id", trace_id) if trace_id else ("identifier", identifier)
    rows = await tx.all(
        f"select id from submission where account_id = $1 and {column} = $2 order by id desc limit $3",
        account_id,
        value,
        NAMED_LIMIT,
    )
    return [SubmissionId(row[0]) for row in rows]


async def add_report(
    tx: Transaction, account_id: AccountId, submission_id: SubmissionId, message_id: MessageId, kind: ReportKind
) -> None:
    """Note that a message of the account reports on it."""
    await tx.run(ADD_REPORT, account_id, submission_id, message_id, kind.value)


async def delete_submission(tx: Transaction, account_id: AccountId, submission_id: SubmissionId) -> None:
    """The record goes; what is under way goes on."""
    for table, key in _TABLES:
        await tx.run(f"delete from {table} where account_id = $1 and {key} = $2", account_id, submission_id)


async def old_submissions(tx: Transaction, before: int, limit: int) -> list[tuple[AccountId, SubmissionId]]:
    """Those of all accounts that were sent before then, and of which nothing waits any more."""
    return [(AccountId(a), SubmissionId(one)) for a, one in await tx.all(OLD, before, limit)]
