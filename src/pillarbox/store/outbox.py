"""What an account's owner sees of the queue: rows of `queue_message` that have a number, and their recipients."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import msgspec

from pillarbox.model.ids import AccountId, QueueId
from pillarbox.model.queued import QueuedMessage
from pillarbox.model.submission import SubmissionId
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import moment
from pillarbox.store.queue import MESSAGE_COLUMNS, RECIPIENT_COLUMNS, queued

AT_ONCE = 500
HOT = """
select m.number, m.submission_id, m.arrived, m.size_octets,
  (select min(r.next_attempt) from queue_recipient r
   where r.account_id = m.account_id and r.queue_id = m.id and r.state = 'waiting'),
  (select count(*) from queue_recipient r
   where r.account_id = m.account_id and r.queue_id = m.id and r.state = 'sending')
from queue_message m where m.account_id = $1 and m.number is not null order by m.number
"""
MESSAGES = f"select {MESSAGE_COLUMNS} from queue_message where account_id = $1 and number {{ids}} order by number"
RECIPIENTS = f"""
select {RECIPIENT_COLUMNS}, queue_id from queue_recipient where account_id = $1 and queue_id {{ids}}
order by queue_id, number
"""


class OutboxRow(msgspec.Struct, frozen=True):
    """What lists are made from. `next_attempt` is of those who wait; None: nobody does."""

    number: int
    submission_id: SubmissionId | None
    arrived: datetime
    size_octets: int
    next_attempt: datetime | None
    is_sending: bool


async def all_queued(tx: Transaction, account_id: AccountId) -> AsyncIterator[list[OutboxRow]]:
    """All of an account, oldest first, in batches."""
    async for batch in tx.batches(HOT, account_id):
        yield [
            OutboxRow(
                number,
                None if submission_id is None else SubmissionId(submission_id),
                moment(arrived),
                size_octets,
                None if next_attempt is None else moment(next_attempt),
                sending > 0,
            )
            for number, submission_id, arrived, size_octets, next_attempt, sending in batch
        ]


async def find_numbered(tx: Transaction, account_id: AccountId, numbers: Iterable[int]) -> dict[int, QueuedMessage]:
    """Those that there are of an account, with all their recipients."""
    wanted = list(dict.fromkeys(numbers))
    found: dict[int, QueuedMessage] = {}
    for start in range(0, len(wanted), AT_ONCE):
        messages = await _by_ids(tx, MESSAGES, account_id, wanted[start : start + AT_ONCE])
        recipients: dict[int, list[Row]] = {}
        for row in await _by_ids(tx, RECIPIENTS, account_id, [row[1] for row in messages]):
            recipients.setdefault(row[-1], []).append(row)
        made = [queued(row, recipients.get(row[1], ())) for row in messages]
        found.update((one.number, one) for one in made if one.number is not None)
    return found


async def number_of(tx: Transaction, account_id: AccountId, queue_id: QueueId) -> int | None:
    """What the owner of a message knows it by; None: it has none, or is gone."""
    found: int | None = await tx.value(
        "select number from queue_message where account_id = $1 and id = $2", account_id, queue_id
    )
    return found


async def _by_ids(tx: Transaction, sql: str, account_id: AccountId, ids: list[int]) -> list[Row]:
    """All rows, however many recipients there are."""
    rows: list[Row] = []
    if ids:
        async for batch in tx.batches(
            sql.replace("{ids}", tx.dialect.in_list(2)), account_id, tx.dialect.list_value(ids)
        ):
            rows += batch
    return rows
