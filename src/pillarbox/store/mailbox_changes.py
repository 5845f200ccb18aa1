"""What the feed says of mailboxes: as wholes, and of what they count (RFC 8621 §2.2).

A mailbox counts messages and threads, so it has changed with every message in it, and with every message of a thread
that it has a part of.
"""

from collections import defaultdict

from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId, MailboxId, ThreadId
from pillarbox.model.keywords import DELETED, DRAFT, SEEN
from pillarbox.store.base import Transaction

SINCE = """
select kind, mailbox_id from change where account_id = $1 and modseq > $2 and modseq <= $3 and kind < 7
group by kind, mailbox_id
"""
THROUGH_THREADS = """
select distinct p.mailbox_id from message m join placement p on p.account_id = m.account_id and p.message_id = m.id
where m.account_id = $1 and m.thread_id in
  (select thread_id from change where account_id = $1 and modseq > $2 and modseq <= $3 and kind < 4)
"""
SHOWN = f"""
select p.mailbox_id, m.thread_id, case when m.flags & {SEEN | DRAFT} = 0 then 1 else 0 end
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.flags & {DELETED} = 0
"""


async def touched_mailboxes(
    tx: Transaction, account_id: AccountId, since: int, until: int
) -> set[tuple[ChangeKind, MailboxId]]:
    """(what happened, mailbox), each once, of all changes after `since` and up to `until`."""
    found: set[tuple[ChangeKind, MailboxId]] = set()
    async for rows in tx.batches(SINCE, account_id, since, until):
        found.update((ChangeKind(kind), MailboxId(mailbox_id)) for kind, mailbox_id in rows)
    return found


async def touched_through_threads(tx: Transaction, account_id: AccountId, since: int, until: int) -> set[MailboxId]:
    """Mailboxes that hold messages of the threads in which something changed."""
    found: set[MailboxId] = set()
    async for rows in tx.batches(THROUGH_THREADS, account_id, since, until):
        found.update(mailbox_id for (mailbox_id,) in rows)
    return found


async def count_threads(
    tx: Transaction, account_id: AccountId, trash: MailboxId | None
) -> dict[MailboxId, tuple[int, int]]:
    """(threads, unread threads) of each mailbox that shows any message. Costs a row a placement.

    An unread message makes its thread unread in every mailbox that has a part of the thread, but for the trash: there
    only what is in it counts, and what is in it alone counts nowhere else (RFC 8621 §2).
    """
    threads: defaultdict[MailboxId, set[ThreadId]] = defaultdict(set)
    unread: set[ThreadId] = set()
    unread_in_trash: set[ThreadId] = set()
    async for rows in tx.batches(SHOWN, account_id):
        for mailbox_id, thread_id, is_unread in rows:
            threads[mailbox_id].add(thread_id)
            if is_unread:
                (unread_in_trash if mailbox_id == trash else unread).add(thread_id)
    return {
        mailbox_id: (len(found), len(found & (unread_in_trash if mailbox_id == trash else unread)))
        for mailbox_id, found in threads.items()
    }
