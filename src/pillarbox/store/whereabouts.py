"""Where messages and threads stand in a mailbox, and back: placements by message, by thread, and what they would free."""

from collections.abc import Sequence

from pillarbox.model.ids import AccountId, MailboxId, MessageId, ThreadId
from pillarbox.model.keywords import DELETED
from pillarbox.store.base import Transaction

IDS = """
select p.uid, p.message_id, m.thread_id
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
OF_MESSAGES = """
select message_id, uid from placement where account_id = $1 and mailbox_id = $2 and message_id {ids} order by uid
"""
IN_THREADS = """
select m.thread_id, p.uid
from message m join placement p on p.account_id = m.account_id and p.message_id = m.id
where m.account_id = $1 and p.mailbox_id = $2 and m.thread_id {ids} order by p.uid
"""
FREED = f"""
select coalesce(sum(m.size_octets), 0)
from (
  select message_id, count(*) as doomed from placement
  where account_id = $1 and mailbox_id = $2 and flags & {DELETED} <> 0 group by message_id
) d join message m on m.account_id = $1 and m.id = d.message_id and m.placements = d.doomed
"""


async def ids_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[tuple[int, tuple[MessageId, ThreadId]]]:
    """(UID, (message, thread)) between two UIDs, both included: at most a run's worth."""
    rows = await tx.all(IDS, account_id, mailbox_id, low, high)
    return [(uid, (MessageId(message_id), ThreadId(thread_id))) for uid, message_id, thread_id in rows]


async def uids_of_messages(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, ids: Sequence[int]
) -> list[tuple[int, int]]:
    """(message, UID) of those that stand in the mailbox."""
    sql = OF_MESSAGES.replace("{ids}", tx.dialect.in_list(3))
    return [(number, uid) for number, uid in await tx.all(sql, account_id, mailbox_id, tx.dialect.list_value(ids))]


async def uids_in_threads(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, ids: Sequence[int]
) -> list[tuple[int, int]]:
    """(thread, UID) of the messages of these threads that stand in the mailbox."""
    sql = IN_THREADS.replace("{ids}", tx.dialect.in_list(3))
    return [(number, uid) for number, uid in await tx.all(sql, account_id, mailbox_id, tx.dialect.list_value(ids))]


async def freed_octets(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId) -> int:
    """What goes with all that is `\\Deleted` in a mailbox: the messages that stand nowhere else."""
    return int(await tx.value(FREED, account_id, mailbox_id))
