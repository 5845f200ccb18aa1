"""Uploads: contents that an account handed in and no message holds yet. Rows of `blob_ref` that end by themselves.

Such a row is released from the beginning, at a later time: until then it is there, and from then on it is on the way
that all released contents go.
"""

from pillarbox.model.ids import AccountId, BlobId
from pillarbox.store.base import Transaction

UPLOAD_HOLDS = 3
CARD_HOLDS = 4
"""What became of an upload once a card has it (`contacts`)."""
HOLDER = 0
"""One row for each content of an account."""

HOLD = f"""
insert into blob_ref (account_id, blob, kind, holder, size_octets, released)
values ($1, $2, {UPLOAD_HOLDS}, {HOLDER}, $3, $4)
on conflict (account_id, blob, kind, holder) do update set released = excluded.released
"""
LIVE = f"""
select b.blob, b.size_octets from blob_ref b
where b.account_id = $1 and b.kind = {UPLOAD_HOLDS} and b.released > $2 order by b.released, b.blob
"""


async def hold_upload(tx: Transaction, account_id: AccountId, blob: BlobId, size_octets: int, until: int) -> None:
    """Keep a content; one that is kept already is kept longer."""
    await tx.run(HOLD, account_id, blob, size_octets, until)


async def find_upload(tx: Transaction, account_id: AccountId, blob: BlobId, now: int) -> int | None:
    """How many octets it has; None when the account does not keep it (any more), and no card of its does."""
    found: int | None = await tx.value(
        "select size_octets from blob_ref where account_id = $1 and blob = $2 and "
        f"(kind = {UPLOAD_HOLDS} and released > $3 or kind = {CARD_HOLDS} and released is null) limit 1",
        account_id,
        blob,
        now,
    )
    return found


async def list_uploads(tx: Transaction, account_id: AccountId, now: int) -> list[tuple[BlobId, int]]:
    """(content, octets) of all that the account keeps, the first to go first."""
    return [(BlobId(blob), size) for blob, size in await tx.all(LIVE, account_id, now)]


async def end_uploads(tx: Transaction, account_id: AccountId, blobs: list[BlobId], now: int) -> None:
    """Give these up now."""
    await tx.run_many(
        f"update blob_ref set released = $3 where account_id = $1 and blob = $2 and kind = {UPLOAD_HOLDS}",
        [(account_id, blob, now) for blob in blobs],
    )
