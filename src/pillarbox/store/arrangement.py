"""What an order of messages, or their threads, are made from: rows of a mailbox with the envelopes kept at delivery.

The header of a message is read where only it tells whom the message answers: its beginning alone, whatever the size of
the content.
"""

from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.store.base import Row, Transaction

ENVELOPES = """
select p.uid, p.received, m.size_octets, l.parts
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
  join message_line l on l.account_id = p.account_id and l.message_id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
SIZES = """
select p.uid, p.received, m.size_octets
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
HEADERS = """
select p.uid, p.received, m.blob, l.parts, substr(c.octets, 1, $5)
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
  join message_line l on l.account_id = p.account_id and l.message_id = p.message_id
  left join content c on c.account_id = m.account_id and c.blob = m.blob
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""


async def sizes_page(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int) -> list[Row]:
    """UID, received, size between two UIDs, both included: at most a run's worth."""
    return await tx.all(SIZES, account_id, mailbox_id, low, high)


async def envelopes_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[Row]:
    """UID, received, size, packed parts between two UIDs, both included: at most a run's worth."""
    return await tx.all(ENVELOPES, account_id, mailbox_id, low, high)


async def headers_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int, *, octets: int
) -> list[Row]:
    """UID, received, content, packed parts, and of a small content its first `octets` (null for a large one)."""
    return await tx.all(HEADERS, account_id, mailbox_id, low, high, octets)
