"""What the feed says of things that are neither messages nor mailboxes: whole objects, each change of one object."""

from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction

SINCE = """
select modseq, kind, message_id from change
where account_id = $1 and kind between $2 and $3 and kind > 6 and modseq > $4 order by modseq limit $5
"""


async def objects_changed(
    tx: Transaction, account_id: AccountId, kinds: tuple[int, int], since: int, limit: int
) -> list[Row]:
    """(mod-sequence, kind, object) of the next changes of these kinds."""
    return await tx.all(SINCE, account_id, *kinds, since, limit)
