"""What an order of messages, or their threads, are made from: rows of a mailbox with the envelopes kept at delivery."""

from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.store.base import Row, Transaction

ENVELOPES = """
select p.uid, p.received, m.size_octets, l.parts, m.blob
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
  join message_line l on l.account_id = p.account_id and l.message_id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
SIZES = """
select p.uid, p.received, m.size_octets
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""


async def sizes_page(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int) -> list[Row]:
    """UID, received, size between two UIDs, both included: at most a run's worth."""
    return await tx.all(SIZES, account_id, mailbox_id, low, high)


async def envelopes_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[Row]:
    """UID, received, size, packed parts, content between two UIDs, both included: at most a run's worth."""
    return await tx.all(ENVELOPES, account_id, mailbox_id, low, high)
