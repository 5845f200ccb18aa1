"""Rows of `mailbox` and `subscription`. A path is stored as its names joined by U+001F, which no name may hold."""

from collections.abc import Iterable

import msgspec

from pillarbox.model.ids import AccountId, MailboxId, ModSeq, Uid
from pillarbox.model.mailbox import Mailbox, MailboxRole
from pillarbox.store.base import Row, Transaction

SEPARATOR = "\x1f"
COLUMNS = (
    "id, path, role, uidvalidity, uidnext, modseq, total, unseen, size_octets, recent_from, subscribed, selectable, "
    "sort_order, jmap_total, jmap_unread, deleted"
)


class Counts(msgspec.Struct):
    """By how much a mailbox's counts move; `placed` is how many UIDs it gives away."""

    placed: int = 0
    total: int = 0
    unseen: int = 0
    deleted: int = 0
    size_octets: int = 0
    jmap_total: int = 0
    jmap_unread: int = 0


def path_text(path: tuple[str, ...]) -> str:
    """The stored form of a path."""
    return SEPARATOR.join(path)


def _mailbox(row: Row) -> Mailbox:
    return Mailbox(
        id=MailboxId(row[0]),
        path=tuple(row[1].split(SEPARATOR)),
        role=None if row[2] is None else MailboxRole(row[2]),
        uidvalidity=row[3],
        uidnext=Uid(row[4]),
        modseq=ModSeq(row[5]),
        total=row[6],
        unseen=row[7],
        size_octets=row[8],
        recent_from=Uid(row[9]),
        subscribed=bool(row[10]),
        selectable=bool(row[11]),
        sort_order=row[12],
        shown=row[13],
        unread=row[14],
        deleted=row[15],
    )


async def list_mailboxes(tx: Transaction, account_id: AccountId) -> list[Mailbox]:
    """All of an account, in the order of their paths."""
    found: list[Mailbox] = []
    async for rows in tx.batches(
        f"select {COLUMNS} from mailbox where account_id = $1 and path >= ' ' order by path", account_id
    ):
        found += map(_mailbox, rows)
    return found


async def find_by_path(tx: Transaction, account_id: AccountId, path: tuple[str, ...]) -> Mailbox | None:
    """The mailbox of this name."""
    row = await tx.one(
        f"select {COLUMNS} from mailbox where account_id = $1 and path = $2", account_id, path_text(path)
    )
    return None if row is None else _mailbox(row)


async def find_by_id(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId) -> Mailbox | None:
    """The mailbox of this id."""
    row = await tx.one(f"select {COLUMNS} from mailbox where account_id = $1 and id = $2", account_id, mailbox_id)
    return None if row is None else _mailbox(row)


async def selectable_of(tx: Transaction, account_id: AccountId, mailbox_ids: Iterable[int]) -> set[MailboxId]:
    """Those of these ids whose mailboxes can hold messages."""
    rows = tx.batches(
        f"select id from mailbox where account_id = $1 and id {tx.dialect.in_list(2)} and selectable = 1 order by id",
        account_id,
        tx.dialect.list_value(mailbox_ids),
    )
    return {MailboxId(mailbox_id) async for part in rows for (mailbox_id,) in part}


async def find_below(tx: Transaction, account_id: AccountId, path: tuple[str, ...]) -> list[Mailbox]:
    """All mailboxes whose path begins with `path` and goes on."""
    low = path_text(path) + SEPARATOR
    high = path_text(path) + chr(ord(SEPARATOR) + 1)
    rows = await tx.all(
        f"select {COLUMNS} from mailbox where account_id = $1 and path >= $2 and path < $3 order by path",
        account_id,
        low,
        high,
    )
    return [_mailbox(row) for row in rows]


async def count_mailboxes(tx: Transaction, account_id: AccountId) -> int:
    """How many the account has."""
    return int(await tx.value("select count(*) from mailbox where account_id = $1", account_id))


async def next_uidvalidity(tx: Transaction, account_id: AccountId, now_seconds: int) -> int:
    """A UIDVALIDITY that the account has never used and that grows (RFC 9051 §2.3.1.1)."""
    return int(
        await tx.value(
            "update account set uidvalidity_last = case when uidvalidity_last >= $2 then uidvalidity_last + 1 "
            "else cast($2 as bigint) end where id = $1 returning uidvalidity_last",
            account_id,
            now_seconds,
        )
    )


async def insert_mailbox(
    tx: Transaction,
    account_id: AccountId,
    *,
    path: tuple[str, ...],
    role: MailboxRole | None,
    modseq: int,
    uidvalidity: int,
    selectable: bool = True,
    subscribed: bool = False,
    sort_order: int = 0,
) -> Mailbox:
    """A new, empty mailbox; its id is the mod-sequence of its creation. Raises: Conflict."""
    await tx.run(
        "insert into mailbox (account_id, id, path, role, selectable, subscribed, uidvalidity, uidnext, modseq, total, "
        "unseen, deleted, size_octets, jmap_total, jmap_unread, recent_from, sort_order) "
        "values ($1, $2, $3, $4, $5, $6, $7, 1, $2, 0, 0, 0, 0, 0, 0, 1, $8)",
        account_id,
        modseq,
        path_text(path),
        None if role is None else role.value,
        int(selectable),
        int(subscribed),
        uidvalidity,
        sort_order,
    )
    return Mailbox(
        id=MailboxId(modseq),
        path=path,
        role=role,
        uidvalidity=uidvalidity,
        uidnext=Uid(1),
        modseq=ModSeq(modseq),
        total=0,
        unseen=0,
        size_octets=0,
        recent_from=Uid(1),
        subscribed=subscribed,
        selectable=selectable,
        sort_order=sort_order,
    )


async def set_path(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, path: tuple[str, ...]) -> None:
    """Rename one mailbox."""
    await tx.run(
        "update mailbox set path = $3 where account_id = $1 and id = $2", account_id, mailbox_id, path_text(path)
    )


async def set_details(
    tx: Transaction,
    account_id: AccountId,
    mailbox_id: MailboxId,
    *,
    role: MailboxRole | None,
    sort_order: int,
    subscribed: bool,
) -> None:
    """What else an owner can change of one mailbox."""
    await tx.run(
        "update mailbox set role = $3, sort_order = $4, subscribed = $5 where account_id = $1 and id = $2",
        account_id,
        mailbox_id,
        None if role is None else role.value,
        sort_order,
        int(subscribed),
    )


async def delete_mailbox(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId) -> None:
    """Remove the row; its placements must be gone."""
    await tx.run("delete from mailbox where account_id = $1 and id = $2", account_id, mailbox_id)


async def move_counts(
    tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, modseq: int, counts: Counts
) -> tuple[int, int] | None:
    """Note a change of placements; (first UID given away, UIDVALIDITY), or None when there is no such mailbox."""
    row = await tx.one(
        "update mailbox set uidnext = uidnext + $3, modseq = $4, total = total + $5, unseen = unseen + $6, "
        "deleted = deleted + $7, size_octets = size_octets + $8, jmap_total = jmap_total + $9, "
        "jmap_unread = jmap_unread + $10 where account_id = $1 and id = $2 and (selectable = 1 or $3 = 0) "
        "returning uidnext, uidvalidity",
        account_id,
        mailbox_id,
        counts.placed,
        modseq,
        counts.total,
        counts.unseen,
        counts.deleted,
        counts.size_octets,
        counts.jmap_total,
        counts.jmap_unread,
    )
    return None if row is None else (row[0] - counts.placed, row[1])


async def move_jmap_counts(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, counts: Counts) -> None:
    """Note that messages look different here because of a change in another mailbox."""
    await tx.run(
        "update mailbox set jmap_total = jmap_total + $3, jmap_unread = jmap_unread + $4 "
        "where account_id = $1 and id = $2",
        account_id,
        mailbox_id,
        counts.jmap_total,
        counts.jmap_unread,
    )


async def claim_recent(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId, uidnext: int) -> None:
    """All UIDs below `uidnext` have been told of as recent (RFC 3501 §2.3.2)."""
    await tx.run(
        "update mailbox set recent_from = $3 where account_id = $1 and id = $2 and recent_from < $3",
        account_id,
        mailbox_id,
        uidnext,
    )


async def set_subscribed(tx: Transaction, account_id: AccountId, path: tuple[str, ...], *, subscribed: bool) -> None:
    """Note a subscription: on the mailbox where one bears the name, else by the name alone (RFC 9051 §6.3.7)."""
    text = path_text(path)
    found = await tx.one(
        "update mailbox set subscribed = $3 where account_id = $1 and path = $2 returning id",
        account_id,
        text,
        int(subscribed),
    )
    if subscribed and found is None:
        await tx.run(
            "insert into subscription (account_id, path) values ($1, $2) on conflict (account_id, path) do nothing",
            account_id,
            text,
        )
    else:
        await tx.run("delete from subscription where account_id = $1 and path = $2", account_id, text)


async def take_subscription(tx: Transaction, account_id: AccountId, path: tuple[str, ...]) -> bool:
    """Whether the bare name was subscribed to; that note is taken away, since a mailbox now bears it."""
    found = await tx.value(
        "delete from subscription where account_id = $1 and path = $2 returning path", account_id, path_text(path)
    )
    return found is not None


async def list_subscriptions(tx: Transaction, account_id: AccountId) -> list[tuple[str, ...]]:
    """All names subscribed to, in order."""
    rows = await tx.all(
        "select path from mailbox where account_id = $1 and subscribed = 1 "
        "union select path from subscription where account_id = $1",
        account_id,
    )
    return sorted(tuple(path.split(SEPARATOR)) for (path,) in rows)


async def hide(tx: Transaction, account_id: AccountId, mailbox_id: MailboxId) -> None:
    """Take the name from a mailbox that is to be emptied and deleted: it is listed, found and filled no more."""
    await tx.run(
        "update mailbox set path = $3, role = null, subscribed = 0, selectable = 0 where account_id = $1 and id = $2",
        account_id,
        mailbox_id,
        f"{SEPARATOR}{mailbox_id}",
    )


async def list_hidden(tx: Transaction) -> list[tuple[AccountId, MailboxId]]:
    """Mailboxes of all accounts whose deletion has begun and not ended."""
    rows = await tx.all("select account_id, id from mailbox where path < ' ' order by account_id, id limit 1000")
    return [(AccountId(account_id), MailboxId(mailbox_id)) for account_id, mailbox_id in rows]


async def find_by_role(tx: Transaction, account_id: AccountId, role: MailboxRole) -> Mailbox | None:
    """The mailbox with this special use."""
    row = await tx.one(
        f"select {COLUMNS} from mailbox where account_id = $1 and role = $2 order by id", account_id, role.value
    )
    return None if row is None else _mailbox(row)
