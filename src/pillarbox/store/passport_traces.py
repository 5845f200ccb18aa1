"""Which journeys an account's own things have made: by message, by submission, by what is queued, by Message-ID."""

from pillarbox.model.ids import AccountId, MessageId, TraceId
from pillarbox.model.submission import SubmissionId
from pillarbox.store.base import Transaction

NAMED = """
select trace_id, max(number) from passport_entry where message_id = $1 and account_id = $2
group by trace_id order by max(number) desc limit $3
"""
NAMED_LIMIT = 20


async def trace_of_message(tx: Transaction, account_id: AccountId, message_id: MessageId) -> TraceId | None:
    """Of a message that shows; empty for one that has not come by mail."""
    return await _found(tx, "message", account_id, message_id, "and shown is not null")


async def trace_of_submission(tx: Transaction, account_id: AccountId, submission_id: SubmissionId) -> TraceId | None:
    """None: there is no such submission."""
    return await _found(tx, "submission", account_id, submission_id)


async def trace_of_queued(tx: Transaction, account_id: AccountId, number: int) -> TraceId | None:
    """None: no message of this number is queued."""
    found = await tx.value(
        "select trace_id from queue_message where account_id = $1 and number = $2", account_id, number
    )
    return None if found is None else TraceId(found)


async def traces_named(tx: Transaction, account_id: AccountId, identifier: str) -> list[TraceId]:
    """Those of the account's journeys that had this Message-ID, oldest first; of more than 20 the newest."""
    found = await tx.all(NAMED, identifier, account_id, NAMED_LIMIT)
    return [TraceId(trace_id) for trace_id, _ in reversed(found)]


async def _found(tx: Transaction, table: str, account_id: AccountId, id: int, more: str = "") -> TraceId | None:
    found = await tx.value(f"select trace_id from {table} where account_id = $1 and id = $2 {more}", account_id, id)
    return None if found is None else TraceId(found)
