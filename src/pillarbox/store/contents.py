"""Contents and who holds them: reference rows, not counters.

A small content is a row of `content`, once an account; a larger one a file or object of the same name. A content whose
last holder has gone stays for a grace, so that deleted mail can be brought back, and goes with `forget_released`.

Who refers to a content makes sure that it stays: it brings the octets in the same transaction (a small one), or has it
arriving (a large one, `core.contents.transit`), or sees in the same transaction that somebody else refers to it.
"""

from pillarbox.model.ids import AccountId, BlobId
from pillarbox.store.base import Transaction

MESSAGE_HOLDS = 1
QUEUE_HOLDS = 2

RELEASED = """
select account_id, blob, kind, holder from blob_ref where released is not null and released < $1
order by released limit $2
"""
FORGET = """
delete from blob_ref where account_id = $1 and blob = $2 and kind = $3 and holder = $4 and released is not null
"""
DROP_INLINE = """
delete from content where account_id = $1 and blob = $2
  and not exists (select 1 from blob_ref where account_id = $1 and blob = $2)
returning 1
"""


async def inline_content(tx: Transaction, account_id: AccountId, blob: BlobId) -> bytes | None:
    """A small content; None when it is a large one."""
    found: bytes | None = await tx.value(
        "select octets from content where account_id = $1 and blob = $2", account_id, blob
    )
    return found


async def put_inline(tx: Transaction, account_id: AccountId, blob: BlobId, octets: bytes) -> None:
    """Keep a small content; no error if it is there."""
    await tx.run(
        "insert into content (account_id, blob, octets) values ($1, $2, $3) on conflict (account_id, blob) do nothing",
        account_id,
        blob,
        octets,
    )


async def hold(
    tx: Transaction, account_id: AccountId, blob: BlobId, kind: int, holder: int, *, size_octets: int
) -> None:
    """Note that `holder` needs this content."""
    await tx.run(
        "insert into blob_ref (account_id, blob, kind, holder, size_octets) values ($1, $2, $3, $4, $5)",
        account_id,
        blob,
        kind,
        holder,
        size_octets,
    )


async def release(tx: Transaction, account_id: AccountId, blob: BlobId, kind: int, holder: int, *, now: int) -> None:
    """Note that `holder` needs it no more."""
    await tx.run(
        "update blob_ref set released = $5 where account_id = $1 and blob = $2 and kind = $3 and holder = $4",
        account_id,
        blob,
        kind,
        holder,
        now,
    )


async def released_before(tx: Transaction, micros: int, limit: int) -> list[tuple[AccountId, BlobId, int, int]]:
    """(account, content, kind, holder) of references given up before then, oldest first."""
    return [(a, b, k, h) for a, b, k, h in await tx.all(RELEASED, micros, limit)]


async def forget_released(tx: Transaction, rows: list[tuple[AccountId, BlobId, int, int]]) -> list[BlobId]:
    """Delete these references, and small contents that nobody holds any more. The answer: contents that nobody holds
    and that are no rows, so that they are files, if anything."""
    await tx.run_many(FORGET, rows)
    orphans = []
    for account_id, blob in dict.fromkeys((row[0], row[1]) for row in rows):
        if await tx.value(DROP_INLINE, account_id, blob) is None and not await is_held(tx, blob):
            orphans.append(blob)
    return orphans


async def is_held(tx: Transaction, blob: BlobId) -> bool:
    """Whether anybody of any account refers to this content."""
    return await tx.value("select 1 from blob_ref where blob = $1 limit 1", blob) is not None
