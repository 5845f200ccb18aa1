"""Messages across mailboxes: rows by message id, by thread and by time, of those that show.

A message shows while it has a placement that is not `\\Deleted` (`shown` is not null); only such are found here.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from pillarbox.model.ids import AccountId
from pillarbox.model.keywords import DELETED
from pillarbox.store.base import Row, Transaction

AT_ONCE = 1_000

FACTS = """
select m.id, m.thread_id, m.size_octets, m.received, m.flags, m.keywords, m.shown, m.blob, m.modseq
from message m where m.account_id = $1 and m.id {ids} and m.shown is not null order by m.id
"""
PLACES = f"""
select p.message_id, p.mailbox_id from placement p
where p.account_id = $1 and p.message_id {{ids}} and p.flags & {DELETED} = 0 order by p.message_id, p.mailbox_id
"""
PARTS = """
select m.id, m.blob, m.head, m.size_octets, l.parts
from message m join message_line l on l.account_id = m.account_id and l.message_id = m.id
where m.account_id = $1 and m.id {ids} and m.shown is not null order by m.id
"""
LISTED = """
select m.id, m.thread_id, m.size_octets, m.received, m.flags, m.keywords, m.shown, m.blob, m.modseq,
  octet_length(m.head), l.parts, {opening}
from message m join message_line l on l.account_id = m.account_id and l.message_id = m.id {content}
where m.account_id = $1 and m.id {{ids}} and m.shown is not null order by m.id
"""
_WITH_OPENING = LISTED.format(
    opening="substr(c.octets, 1, $3)",
    content="left join content c on c.account_id = m.account_id and c.blob = m.blob",
)
_WITHOUT_OPENING = LISTED.format(opening="null", content="")
MEMBERS = """
select m.thread_id, m.id, m.received, m.shown from message m
where m.account_id = $1 and m.thread_id {ids} and m.shown is not null order by m.thread_id, m.received, m.id
"""
CHANGED = """
select modseq, kind, message_id, thread_id, mailbox_id from change
where account_id = $1 and modseq > $2 and kind <= $3 order by modseq limit $4
"""


async def _by_ids(tx: Transaction, sql: str, account_id: AccountId, ids: Iterable[int], *more: int) -> list[Row]:
    text = sql.replace("{ids}", tx.dialect.in_list(2))
    wanted = list(ids)
    found: list[Row] = []
    for start in range(0, len(wanted), AT_ONCE):
        found += await tx.all(text, account_id, tx.dialect.list_value(wanted[start : start + AT_ONCE]), *more)
    return found


async def facts(tx: Transaction, account_id: AccountId, ids: Sequence[int]) -> list[Row]:
    """Id, thread, size, received, flags, keywords, shown, content, mod-sequence of those of `ids` that show."""
    return await _by_ids(tx, FACTS, account_id, ids)


async def places(tx: Transaction, account_id: AccountId, ids: Sequence[int]) -> list[Row]:
    """(message, mailbox) of all placements that are not `\\Deleted`."""
    return await _by_ids(tx, PLACES, account_id, ids)


async def parts(tx: Transaction, account_id: AccountId, ids: Sequence[int]) -> list[Row]:
    """Id, content, head, size and packed parts of those of `ids` that show."""
    return await _by_ids(tx, PARTS, account_id, ids)


async def listed(tx: Transaction, account_id: AccountId, ids: Sequence[int], opening_octets: int) -> list[Row]:
    """`facts`, size of the head, packed parts, and of a small content its first octets, if any are asked for (null for
    a large one): of a page's worth of ids."""
    if opening_octets:
        return await _by_ids(tx, _WITH_OPENING, account_id, ids, opening_octets)
    return await _by_ids(tx, _WITHOUT_OPENING, account_id, ids)


async def members(tx: Transaction, account_id: AccountId, thread_ids: Sequence[int]) -> list[Row]:
    """(thread, message, received, shown), oldest first in each thread."""
    return await _by_ids(tx, MEMBERS, account_id, thread_ids)


async def changed(tx: Transaction, account_id: AccountId, since: int, last_kind: int, limit: int) -> list[Row]:
    """Mod-sequence, kind, message, thread, mailbox of the next changes of these kinds."""
    return await tx.all(CHANGED, account_id, since, last_kind, limit)


HOT = "m.id, m.thread_id, m.size_octets, m.received, m.flags, m.keywords"
SHOWN_IN = f"""
select {HOT}
from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $2 and p.flags & {DELETED} = 0 order by p.received desc, p.message_id desc
"""
SHOWN = f"select {HOT} from message m where m.account_id = $1 and m.shown is not null order by m.id"
ALL_PLACES = f"""
select message_id, mailbox_id from placement where account_id = $1 and flags & {DELETED} = 0
order by mailbox_id, uid
"""


def shown(tx: Transaction, account_id: AccountId, mailbox_id: int | None) -> AsyncIterator[list[Row]]:
    """The hot rows of all messages that show, by their ids; or of those that show in a mailbox, newest first, where one
    that is there twice comes twice, one after the other. In batches: what is not read on costs nothing."""
    return tx.batches(SHOWN, account_id) if mailbox_id is None else tx.batches(SHOWN_IN, account_id, mailbox_id)


def all_places(tx: Transaction, account_id: AccountId) -> AsyncIterator[list[Row]]:
    """(message, mailbox) of all placements that are not `\\Deleted`, in batches."""
    return tx.batches(ALL_PLACES, account_id)


NEWEST = f"""
select p.received, p.message_id{{thread}} from placement p{{join}}
where p.account_id = $1 and p.mailbox_id = $2 and p.flags & {DELETED} = 0 and (p.received, p.message_id) < ($3, $4)
order by p.received desc, p.message_id desc limit $5
"""
_WITH_THREAD = NEWEST.format(
    thread=", m.thread_id", join=" join message m on m.account_id = p.account_id and m.id = p.message_id"
)
_WITHOUT_THREAD = NEWEST.format(thread=", 0", join="")


async def newest_in(
    tx: Transaction, account_id: AccountId, mailbox_id: int, *, before: tuple[int, int], limit: int, threads: bool
) -> list[Row]:
    """(received, message, thread) of a mailbox's next placements that are not `\\Deleted`, newest first, from before
    (received, message) on; without `threads` the thread is 0 and not looked up."""
    sql = _WITH_THREAD if threads else _WITHOUT_THREAD
    return await tx.all(sql, account_id, mailbox_id, *before, limit)


FLAGS_OF_THREADS = """
select m.thread_id, m.flags, m.keywords from message m
where m.account_id = $1 and m.thread_id {ids} and m.shown is not null order by m.thread_id, m.id
"""


def flags_of_threads(tx: Transaction, account_id: AccountId, thread_ids: Iterable[int]) -> AsyncIterator[list[Row]]:
    """(thread, flags, keywords) of all messages of these threads that show, in batches."""
    text = FLAGS_OF_THREADS.replace("{ids}", tx.dialect.in_list(2))
    return tx.batches(text, account_id, tx.dialect.list_value(thread_ids))
