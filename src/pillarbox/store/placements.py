"""Placements: where a message stands and how it is flagged there. The truth of flags and keywords.

Read here with the message behind them, by ranges of UIDs; written in many rows at a time.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from pillarbox.model.ids import AccountId, MailboxId, MessageId, ThreadId, TraceId
from pillarbox.model.keywords import DELETED, FlagSet
from pillarbox.store.base import Row, Transaction
from pillarbox.store.flag_columns import keywords_text
from pillarbox.store.messages import MessageFacts
from pillarbox.store.moment import moment
from pillarbox.store.runs import runs

HELD = """
select p.uid, p.modseq, p.flags, p.keywords, m.id, m.size_octets, m.flags, m.keywords, m.shown, m.placements, m.blob,
  m.thread_id, m.received
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
COLUMNS = """
select uid, flags, keywords, modseq from placement where account_id = $1 and mailbox_id = $2 order by uid
"""
SIBLINGS = """
select mailbox_id, uid, modseq, flags, keywords from placement where account_id = $1 and message_id = $2
order by mailbox_id, uid
"""
OF_MESSAGES = """
select p.mailbox_id, p.uid, p.modseq, p.flags, p.keywords, m.id, m.size_octets, m.flags, m.keywords, m.shown, m.blob,
  m.thread_id, m.received
from message m join placement p on p.account_id = m.account_id and p.message_id = m.id
where m.account_id = $1 and m.id {ids} and m.shown is not null order by m.id, p.mailbox_id, p.uid
"""
LINES = """
select p.uid, l.line from placement p join message_line l on l.account_id = p.account_id and l.message_id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
FACTS = """
select p.uid, m.id, m.received, m.zone_minutes, m.size_octets, m.thread_id, m.trace_id
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
PARTS = """
select p.uid, l.parts from placement p join message_line l
  on l.account_id = p.account_id and l.message_id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid between $3 and $4 order by p.uid
"""
WHERE_CONTENT = """
select m.blob, m.head, m.size_octets, l.parts, m.id
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
  join message_line l on l.account_id = p.account_id and l.message_id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.uid = $3
"""


async def held(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int]) -> list[Row]:
    """Placements of rising `uids`, each with its message: see `HELD`."""
    found: list[Row] = []
    for low, high, part in runs(uids):
        rows = await tx.all(HELD, account_id, mailbox_id, low, high)
        if high - low >= len(part):  # there are others between those that are wanted
            wanted = set(part)
            rows = [row for row in rows if row[0] in wanted]
        found += rows
    return found


async def siblings(tx: Transaction, account_id: AccountId, message_id: int) -> list[Row]:
    """All placements of a message: mailbox, UID, mod-sequence, flags, keywords."""
    return await tx.all(SIBLINGS, account_id, message_id)


def of_messages(tx: Transaction, account_id: AccountId, ids: Iterable[int]) -> AsyncIterator[list[Row]]:
    """All placements of those of these messages that show, each with its message: see `OF_MESSAGES`; in batches."""
    text = OF_MESSAGES.replace("{ids}", tx.dialect.in_list(2))
    return tx.batches(text, account_id, tx.dialect.list_value(ids))


def columns(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId) -> AsyncIterator[list[Row]]:
    """UID, flags, keywords and mod-sequence of a whole mailbox, in batches."""
    return tx.batches(COLUMNS, account_id, mailbox_id)


async def uids_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, *, above: int, deleted_only: bool, limit: int
) -> list[int]:
    """The next UIDs above one, only those that are `\\Deleted` if asked."""
    condition = f"and flags & {DELETED} <> 0 " if deleted_only else ""
    rows = await tx.all(
        f"select uid from placement where account_id = $1 and mailbox_id = $2 and uid > $3 {condition}"
        "order by uid limit $4",
        account_id,
        mailbox_id,
        above,
        limit,
    )
    return [uid for (uid,) in rows]


async def lines_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[tuple[int, bytes]]:
    """(UID, ready FETCH text) between two UIDs, both included: at most a run's worth."""
    return [(row[0], row[1]) for row in await tx.all(LINES, account_id, mailbox_id, low, high)]


async def parts_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[tuple[int, bytes]]:
    """(UID, packed parts) between two UIDs, both included: at most a run's worth."""
    return [(row[0], row[1]) for row in await tx.all(PARTS, account_id, mailbox_id, low, high)]


async def facts_page(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> list[tuple[int, MessageFacts]]:
    """(UID, hot row) between two UIDs, both included: at most a run's worth."""
    return [
        (
            row[0],
            MessageFacts(MessageId(row[1]), moment(row[2]), row[3], row[4], ThreadId(row[5]), TraceId(row[6])),
        )
        for row in await tx.all(FACTS, account_id, mailbox_id, low, high)
    ]


async def insert_placements(
    tx: Transaction, account_id: AccountId, rows: Iterable[tuple[int, int, int, int, FlagSet, int]]
) -> None:
    """Write (mailbox, UID, message, mod-sequence, flags, when the message was received)."""
    await tx.run_many(
        "insert into placement (account_id, mailbox_id, uid, message_id, modseq, flags, keywords, received) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        [(account_id, m, u, i, q, flags.bits, keywords_text(flags), at) for m, u, i, q, flags, at in rows],
    )


async def update_flags(tx: Transaction, account_id: AccountId, rows: Iterable[tuple[int, int, int, FlagSet]]) -> None:
    """Write (mailbox, UID, mod-sequence, flags)."""
    await tx.run_many(
        "update placement set modseq = $4, flags = $5, keywords = $6 "
        "where account_id = $1 and mailbox_id = $2 and uid = $3",
        [(account_id, m, u, q, flags.bits, keywords_text(flags)) for m, u, q, flags in rows],
    )


async def delete_placements(tx: Transaction, account_id: AccountId, rows: Iterable[tuple[int, int]]) -> None:
    """Remove (mailbox, UID)."""
    await tx.run_many(
        "delete from placement where account_id = $1 and mailbox_id = $2 and uid = $3",
        [(account_id, mailbox_id, uid) for mailbox_id, uid in rows],
    )


async def missing_keywords(tx: Transaction, account_id: AccountId, names: Iterable[str]) -> tuple[list[str], int]:
    """Those of these keywords that the account does not have yet, and how many it has."""
    known = "select 1 from keyword where account_id = $1 and folded = $2"
    missing = [name for name in names if await tx.value(known, account_id, name) is None]
    return missing, int(await tx.value("select count(*) from keyword where account_id = $1", account_id))


async def add_keywords(tx: Transaction, account_id: AccountId, names: Iterable[str]) -> None:
    """Register keywords that the account does not have."""
    await tx.run_many(
        "insert into keyword (account_id, folded, spelling) values ($1, $2, $2) "
        "on conflict (account_id, folded) do nothing",
        [(account_id, name) for name in names],
    )
