"""Rows of `queue_message` and `queue_recipient`. Which step follows which is the business of `core.flow.queue`.

A lease is two columns: `node` names who holds it, `next_attempt` when it ends. So a dead worker needs no unlock.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType
from pillarbox.model.errors import Conflict
from pillarbox.model.ids import AccountId, BlobId, QueueId, TraceId
from pillarbox.model.queued import QueuedMessage, QueuedRecipient, RecipientState
from pillarbox.model.submission import SubmissionId
from pillarbox.store import contents
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

INSERT_MESSAGE = """
insert into queue_message (account_id, id, trace_id, reverse_local, reverse_domain, blob, head, size_octets, body_type,
  smtputf8, arrived, expires, held_until, hold_request, submission_id, number, identifier, subject)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
INSERT_RECIPIENT = """
insert into queue_recipient (account_id, queue_id, number, local, domain, original_local, original_domain, state, node,
  attempts, next_attempt, last_status, last_reply, remote_host, here)
values ($1, $2, $3, $4, $5, $6, $7, 'waiting', null, 0, $8, '', '', '', $9)
"""
CLAIM = """
update queue_recipient set state = 'sending', node = $2, next_attempt = $3
where state in ('waiting', 'sending') and next_attempt <= $1 and (account_id, queue_id, number) in (
  select account_id, queue_id, number from queue_recipient
  where state in ('waiting', 'sending') and next_attempt <= $1 order by next_attempt, queue_id, number limit $4)
returning account_id, queue_id, number
"""
CLAIM_HERE = CLAIM.replace("order by", "and here = 1 order by")
MESSAGE_COLUMNS = (
    "account_id, id, trace_id, reverse_local, reverse_domain, blob, head, size_octets, body_type, smtputf8, arrived, "
    "expires, held_until, hold_request, submission_id, number, identifier, subject"
)
RECIPIENT_COLUMNS = "number, local, domain, original_local, original_domain, state, attempts, next_attempt, last_reply"
SETTLE = """
update queue_recipient set state = $4, node = null, attempts = attempts + $5, last_status = $6, last_reply = $7,
  remote_host = $8
where account_id = $1 and queue_id = $2 and number = $3 and state in ('waiting', 'sending')
returning number
"""
PUT_OFF = """
update queue_recipient set state = 'waiting', node = null, attempts = attempts + $5, next_attempt = $6,
  last_status = $7, last_reply = $8, remote_host = $9
where account_id = $1 and queue_id = $2 and number = $3 and state = 'sending' and node = $4
returning number
"""
RELEASE_ONE = """
update queue_recipient set state = 'waiting', node = null, next_attempt = $5
where account_id = $1 and queue_id = $2 and number = $3 and node = $4
returning number
"""
LIST_LIMIT = 1_000


class NewQueued(msgspec.Struct, frozen=True):
    """What is to be queued; `inline` is the content when it is small, else None. Times in microseconds; `held_until`
    None: due at once. Recipients are address, original, and whether it is here."""

    account_id: AccountId
    id: QueueId
    trace_id: TraceId
    reverse_path: Address | None
    blob: BlobId
    inline: bytes | None
    head: bytes
    size_octets: int
    body_type: BodyType
    smtputf8: bool
    arrived: int
    expires: int
    recipients: tuple[tuple[Address, Address | None, bool], ...]
    held_until: int | None = None
    hold_request: str = ""
    submission_id: SubmissionId | None = None
    number: int | None = None
    identifier: str = ""
    subject: str = ""


class QueuedOutcome(msgspec.Struct, frozen=True):
    """Where a recipient stands, and the last words on it; `remote_host` is empty for what was delivered here."""

    state: RecipientState
    status: str
    reply: str
    remote_host: str


async def insert_queued(tx: Transaction, new: NewQueued) -> None:
    """Queue a message for its recipients, and hold its content."""
    reverse = new.reverse_path
    due = new.arrived if new.held_until is None else new.held_until
    await tx.run(
        INSERT_MESSAGE,
        new.account_id,
        new.id,
        new.trace_id,
        None if reverse is None else reverse.local,
        None if reverse is None else reverse.domain,
        new.blob,
        new.head,
        new.size_octets,
        new.body_type.value,
        int(new.smtputf8),
        new.arrived,
        new.expires,
        new.held_until,
        new.hold_request,
        new.submission_id,
        new.number,
        new.identifier,
        new.subject,
    )
    rows = [
        (
            new.account_id,
            new.id,
            number,
            address.local,
            address.domain,
            None if original is None else original.local,
            None if original is None else original.domain,
            due,
            int(is_here),
        )
        for number, (address, original, is_here) in enumerate(new.recipients)
    ]
    await tx.run_many(INSERT_RECIPIENT, rows)
    if new.inline is not None:
        await contents.put_inline(tx, new.account_id, new.blob, new.inline)
    await contents.hold(
        tx, new.account_id, new.blob, contents.QUEUE_HOLDS, new.id, size_octets=new.size_octets - len(new.head)
    )


async def claim(
    tx: Transaction, node: str, *, now: datetime, lease_ends: datetime, limit: int, here_only: bool = False
) -> list[tuple[AccountId, QueueId, list[int]]]:
    """Lease due recipients to `node`: (account, queue id, recipient numbers), by message; with `here_only` those whose
    domain is ours."""
    by_message: defaultdict[tuple[AccountId, QueueId], list[int]] = defaultdict(list)
    sql = CLAIM_HERE if here_only else CLAIM
    for account_id, queue_id, number in await tx.all(sql, micros(now), node, micros(lease_ends), limit):
        by_message[AccountId(account_id), QueueId(queue_id)].append(number)
    return [(account_id, queue_id, sorted(numbers)) for (account_id, queue_id), numbers in sorted(by_message.items())]


async def find_account(tx: Transaction, queue_id: QueueId) -> AccountId | None:
    """Under whose account a message is queued. Raises: Conflict when two nodes gave one number."""
    found = await tx.all("select account_id from queue_message where id = $1 limit 2", queue_id)
    if len(found) > 1:
        raise Conflict("this queue id names two messages")
    return AccountId(found[0][0]) if found else None


async def find_queued(tx: Transaction, account_id: AccountId, queue_id: QueueId) -> QueuedMessage | None:
    """A message with all its recipients."""
    row = await tx.one(
        f"select {MESSAGE_COLUMNS} from queue_message where account_id = $1 and id = $2", account_id, queue_id
    )
    if row is None:
        return None
    recipients = await tx.all(
        f"select {RECIPIENT_COLUMNS} from queue_recipient where account_id = $1 and queue_id = $2 order by number",
        account_id,
        queue_id,
    )
    return queued(row, recipients)


async def count_queued(tx: Transaction) -> int:
    """How many messages are in the queue."""
    return int(await tx.value("select count(*) from queue_message"))


async def count_held(tx: Transaction, account_id: AccountId, now: datetime) -> int:
    """How many messages of an account are held now."""
    sql = "select count(*) from queue_message where account_id = $1 and held_until > $2"
    return int(await tx.value(sql, account_id, micros(now)))


async def outcomes(tx: Transaction, account_id: AccountId, queue_id: QueueId) -> dict[int, QueuedOutcome]:
    """Where each recipient of a message stands, by its number."""
    rows = await tx.all(
        "select number, state, last_status, last_reply, remote_host from queue_recipient "
        "where account_id = $1 and queue_id = $2 order by number",
        account_id,
        queue_id,
    )
    return {number: QueuedOutcome(RecipientState(state), *words) for number, state, *words in rows}


async def list_queued(tx: Transaction) -> list[QueuedMessage]:
    """The oldest messages, at most `LIST_LIMIT`."""
    found = []
    for row in await tx.all(f"select {MESSAGE_COLUMNS} from queue_message order by id limit $1", LIST_LIMIT):
        recipients = await tx.all(
            f"select {RECIPIENT_COLUMNS} from queue_recipient where account_id = $1 and queue_id = $2 order by number",
            row[0],
            row[1],
        )
        found.append(queued(row, recipients))
    return found


def _address(local: str | None, domain: str | None) -> Address | None:
    return None if local is None or domain is None else Address(local, domain)


def queued(row: Row, recipients: Sequence[Row]) -> QueuedMessage:
    """A message, from a row of `MESSAGE_COLUMNS` and its rows of `RECIPIENT_COLUMNS`."""
    return QueuedMessage(
        id=QueueId(row[1]),
        trace_id=TraceId(row[2]),
        sender_account=AccountId(row[0]),
        reverse_path=_address(row[3], row[4]),
        size_octets=row[7],
        head=bytes(row[6]),
        blob=BlobId(bytes(row[5])),
        body_type=BodyType(row[8]),
        smtputf8=bool(row[9]),
        arrived=moment(row[10]),
        expires=moment(row[11]),
        held_until=None if row[12] is None else moment(row[12]),
        hold_request=row[13],
        submission_id=None if row[14] is None else SubmissionId(row[14]),
        number=row[15],
        identifier=row[16],
        subject=row[17],
        recipients=tuple(
            QueuedRecipient(
                number=r[0],
                address=Address(r[1], r[2]),
                original=_address(r[3], r[4]),
                state=RecipientState(r[5]),
                attempts=r[6],
                next_attempt=moment(r[7]),
                last_reply=r[8],
            )
            for r in recipients
        ),
    )


class Outcome(msgspec.Struct, frozen=True):
    """What is written of one attempt; `attempted` False leaves the count of attempts as it is."""

    status: str
    reply: str
    remote_host: str
    attempted: bool = True


async def settle(
    tx: Transaction,
    key: tuple[AccountId, QueueId, int],
    state: RecipientState,
    outcome: Outcome,
) -> bool:
    """Bring a recipient to a final state; False when it was in one already."""
    done = await tx.value(
        SETTLE, *key, state.value, int(outcome.attempted), outcome.status, outcome.reply, outcome.remote_host
    )
    return done is not None


async def put_off(
    tx: Transaction, key: tuple[AccountId, QueueId, int], node: str, *, until: datetime, outcome: Outcome
) -> bool:
    """End the lease, to be tried again; False when `node` did not hold it any more."""
    done = await tx.value(
        PUT_OFF,
        *key,
        node,
        int(outcome.attempted),
        micros(until),
        outcome.status,
        outcome.reply,
        outcome.remote_host,
    )
    return done is not None


async def has_open(tx: Transaction, account_id: AccountId, queue_id: QueueId) -> bool:
    """Whether anything is still to be done for a message."""
    return (
        await tx.value(
            "select 1 from queue_recipient where account_id = $1 and queue_id = $2 and state in ('waiting', 'sending') "
            "limit 1",
            account_id,
            queue_id,
        )
        is not None
    )


async def delete_queued(tx: Transaction, message: QueuedMessage, *, now: datetime) -> None:
    """The message leaves the queue; its content is released."""
    key = (message.sender_account, message.id)
    await tx.run("delete from queue_recipient where account_id = $1 and queue_id = $2", *key)
    await tx.run("delete from queue_message where account_id = $1 and id = $2", *key)
    await contents.release(tx, message.sender_account, message.blob, contents.QUEUE_HOLDS, message.id, now=micros(now))


async def release_node(tx: Transaction, node: str, now: datetime) -> list[tuple[AccountId, QueueId]]:
    """End all leases of a node: the message of each."""
    freed = await tx.all(
        "update queue_recipient set state = 'waiting', node = null, next_attempt = $2 where node = $1 "
        "returning account_id, queue_id",
        node,
        micros(now),
    )
    return [(AccountId(account_id), QueueId(queue_id)) for account_id, queue_id in freed]


async def release_some(tx: Transaction, message: QueuedMessage, node: str, now: datetime) -> int:
    """End the leases that `node` holds of these recipients; they are due at once. How many there were."""
    released = 0
    for one in message.recipients:
        found = await tx.value(RELEASE_ONE, message.sender_account, message.id, one.number, node, micros(now))
        released += found is not None
    return released


async def make_due(tx: Transaction, account_id: AccountId, queue_id: QueueId, now: datetime) -> int:
    """Have all waiting recipients tried at once; how many."""
    due = await tx.all(
        "update queue_recipient set next_attempt = $3 where account_id = $1 and queue_id = $2 and state = 'waiting' "
        "returning number",
        account_id,
        queue_id,
        micros(now),
    )
    return len(due)


async def next_due(tx: Transaction) -> datetime | None:
    """When the next recipient, or the next lease, is due."""
    found = await tx.value("select min(next_attempt) from queue_recipient where state in ('waiting', 'sending')")
    return None if found is None else moment(found)
