"""The feed of changes: rows of `change`, and the mod-sequences that they take (RFC 7162 §3.1, RFC 8620 §5.2).

Every change takes the account's next mod-sequence; n changes take a range in one statement. That statement comes first
in each transaction: on PostgreSQL it locks the account, so mod-sequences become visible in order and without holes.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile

import msgspec

from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import AccountId, MailboxId, ModSeq
from pillarbox.model.keywords import FlagSet
from pillarbox.store.base import Transaction
from pillarbox.store.flag_columns import keywords_text
from pillarbox.store.states import newest_change

TAKE = """
update account set modseq = modseq + $2, used_octets = used_octets + $3
where id = $1 and domain <> '' and ($3 <= 0 or
  (case when quota_octets > 0 then quota_octets else cast($4 as bigint) end) in (0) or
  used_octets + $3 <= (case when quota_octets > 0 then quota_octets else cast($4 as bigint) end))
returning modseq
"""
INSERT = """
insert into change (account_id, modseq, kind, mailbox_id, uid, message_id, at, flags_before, keywords_before,
  thread_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
REMOVED_PAGE = 1_000
REMOVED = f"""
select modseq, uid from change
where account_id = $1 and modseq > $2 and mailbox_id = $3 and kind = $4 order by modseq limit {REMOVED_PAGE}
"""

NEXT = "select modseq, at from change where account_id = $1 and modseq > $2 order by modseq limit $3"
LEFT = "select modseq from change where account_id = $1 and modseq <= $2"
OLDEST = """
select a.id,
  (select c.at from change c where c.account_id = a.id and c.modseq > a.change_floor order by c.modseq limit 1)
from account a where a.id > $1 order by a.id limit $2
"""


class ChangeRow(msgspec.Struct, frozen=True):
    """One change to be written; `before` is what the flags were."""

    modseq: int
    kind: ChangeKind
    mailbox_id: MailboxId
    uid: int = 0
    message_id: int = 0
    before: FlagSet | None = None
    thread_id: int | None = None


async def take_modseqs(
    tx: Transaction, account_id: AccountId, count: int, *, octets: int = 0, default_quota_octets: int = 0
) -> int:
    """Take `count` mod-sequences and `octets` of room (negative gives it back); the last of them. Whoever listens to
    the account is hinted after the commit.

    Raises: NotFound, OverQuota; nothing has been written then.
    """
    last = await tx.value(TAKE, account_id, count, octets, default_quota_octets)
    if last is None:
        if await tx.value("select id from account where id = $1 and domain <> ''", account_id) is None:
            raise NotFound("no such account")
        raise OverQuota("the account has no room left")
    tx.moved(account_id, ModSeq(last))
    return int(last)


async def insert_changes(tx: Transaction, account_id: AccountId, now_micros: int, rows: Sequence[ChangeRow]) -> None:
    """Write rows of the feed."""
    values = (
        (
            account_id,
            row.modseq,
            row.kind.value,
            row.mailbox_id,
            row.uid,
            row.message_id,
            now_micros,
            None if row.before is None else row.before.bits,
            None if row.before is None else keywords_text(row.before),
            row.thread_id,
        )
        for row in rows
    )
    await tx.run_many(INSERT, values)


async def change_floor(tx: Transaction, account_id: AccountId) -> int:
    """The mod-sequence up to which changes have been forgotten, but for the newest of each family. Raises: NotFound."""
    floor = await tx.value("select change_floor from account where id = $1", account_id)
    if floor is None:
        raise NotFound("no such account")
    return int(floor)


async def removed_since(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, modseq: int
) -> list[tuple[int, int]]:
    """(mod-sequence, UID) of at most 1,000 removals after `modseq`, in that order: page by the last."""
    return [(m, u) for m, u in await tx.all(REMOVED, account_id, modseq, mailbox_id, ChangeKind.REMOVED.value)]


async def oldest_changes(tx: Transaction, above: int, limit: int) -> list[tuple[AccountId, int | None]]:
    """(account, time of the oldest change above its floor) of the next accounts by id; None: there is none."""
    return [(AccountId(account_id), at) for account_id, at in await tx.all(OLDEST, above, limit)]


async def forget_changes(
    tx: Transaction, account_id: AccountId, before: int, limit: int, families: Iterable[tuple[int, int]]
) -> int:
    """Forget at most `limit` of an account's changes that were made before then, oldest first; how many.

    They end at a mod-sequence, which the floor is raised to: above it nothing is missing, and below it there is left of
    each family of kinds the newest. So it is known how far each had come, and who had come as far has missed nothing.
    """
    floor = await change_floor(tx, account_id)
    rows = await tx.all(NEXT, account_id, floor, limit)
    old = [modseq for modseq, _ in takewhile(lambda row: row[1] < before, rows)]
    if old:
        kept = {await newest_change(tx, account_id, family, old[-1]) for family in families}
        left = [modseq for (modseq,) in await tx.all(LEFT, account_id, floor)]
        await tx.run("update account set change_floor = $2 where id = $1", account_id, old[-1])
        forgotten = [(account_id, modseq) for modseq in (*left, *old) if modseq not in kept]
        await tx.run_many("delete from change where account_id = $1 and modseq = $2", forgotten)
    return len(old)
