"""What text search reads: folded texts, the words in them, and the mark up to which messages are there.

A message's rows are made behind its delivery (`core.finding.indexing`), and outlive it for a moment: whoever reads them asks
the message itself whether it is still there. Ids are never used again, so a row can stand for no other message. Words
are kept with the account before them: what is looked for in one account touches nothing of another, however many
words begin alike.

The word index is the engine's own. What is said to it here is SQLite's FTS5; functions that speak to it are
replaceable.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TypeAlias

import msgspec

from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId
from pillarbox.model.keywords import DELETED
from pillarbox.store.base import Row, Transaction
from pillarbox.store.dialect import replaceable
from pillarbox.store.emails import HOT

FIELDS = ("from", "to", "cc", "bcc", "subject")
"""The header fields whose words are known, in the order of their columns."""
BODY = "body"
PARTED = b"\xff"
"""Between the fields of a row; no octet of UTF-8."""
ACCOUNT_SHIFT = 40
NO_LIMIT = 1 << ACCOUNT_SHIFT
MERGED_PAGES = 32
"""Of the word index at once: about one and a half milliseconds."""

_COLUMNS = {**{name: f"{name}_field" for name in FIELDS}, BODY: BODY}


class Known(msgspec.Struct, frozen=True):
    """One of these columns has the word, or with `is_beginning`, a word that begins so."""

    columns: frozenset[str]
    word: str
    is_beginning: bool = False


class Every(msgspec.Struct, frozen=True):
    """All of these, at least one."""

    terms: tuple["Expression", ...]


class Some(msgspec.Struct, frozen=True):
    """Any of these, at least one."""

    terms: tuple["Expression", ...]


Expression: TypeAlias = Known | Every | Some


class Indexed(msgspec.Struct, frozen=True):
    """A message to be put into the tables; without `texts` it is too large for them. `words` by column, FIELDS and
    the body."""

    message_id: int
    received: int
    texts: tuple[bytes, bytes, bytes] | None = None
    """Fields, head and body."""
    words: tuple[Sequence[bytes], ...] = ()


# --- the mark --------------------------------------------------------------------------------------------------------

BEHIND = """
select a.id from account a left join search_mark s on s.account_id = a.id
where a.id > $1 and a.domain <> '' and (s.mark is null or s.version <> $2 or s.mark < a.modseq)
order by a.id limit $3
"""
PROGRESS = """
select a.modseq, a.change_floor, s.mark, s.version from account a left join search_mark s on s.account_id = a.id
where a.id = $1 and a.domain <> ''
"""
MOVE = """
insert into search_mark (account_id, mark, version)
select id, cast($2 as bigint), cast($3 as bigint) from account where id = $1 and domain <> ''
on conflict (account_id) do update set mark = excluded.mark, version = excluded.version
"""


async def mark_of(tx: Transaction, account_id: AccountId, version: int) -> int:
    """Messages up to this one can be looked for in the tables; 0 when they are of another version."""
    sql = "select mark from search_mark where account_id = $1 and version = $2"
    return int(await tx.value(sql, account_id, version) or 0)


async def accounts_behind(tx: Transaction, above: int, version: int, limit: int) -> list[AccountId]:
    """The next accounts by id in which something has happened since their mark."""
    return [AccountId(row[0]) for row in await tx.all(BEHIND, above, version, limit)]


async def progress(tx: Transaction, account_id: AccountId) -> tuple[int, int, int | None, int | None] | None:
    """Mod-sequence, floor of changes, mark and version of an account that is there."""
    row = await tx.one(PROGRESS, account_id)
    return None if row is None else (row[0], row[1], row[2], row[3])


async def move_mark(tx: Transaction, account_id: AccountId, mark: int, version: int) -> None:
    """Write how far the tables have come; nothing for an account that is going."""
    await tx.run(MOVE, account_id, mark, version)


# --- what is to be done ----------------------------------------------------------------------------------------------

CAME = """
select m.id, m.blob, m.head, m.size_octets, m.received, l.parts, c.octets
from message m join message_line l on l.account_id = m.account_id and l.message_id = m.id
  left join content c on c.account_id = m.account_id and c.blob = m.blob
where m.account_id = $1 and m.id > $2 and m.id <= $3 order by m.id limit $4
"""
HAPPENED = """
select modseq, kind, message_id from change where account_id = $1 and modseq > $2 and kind <= $3
order by modseq limit $4
"""
LOST = """
select t.message_id, m.id from search_text t
  left join message m on m.account_id = t.account_id and m.id = t.message_id
where t.account_id = $1 and t.message_id > $2 order by t.message_id limit $3
"""


async def came(tx: Transaction, account_id: AccountId, after: int, upto: int, limit: int) -> list[Row]:
    """Id, content's name, head, size, moment, packed parts and small content of the next messages by id."""
    return await tx.all(CAME, account_id, after, upto, limit)


async def removed(tx: Transaction, account_id: AccountId, since: int, limit: int) -> tuple[list[int], int | None]:
    """Messages of which a placement was removed, among the next changes of messages; and how far that went, None for
    to the end."""
    rows = await tx.all(HAPPENED, account_id, since, ChangeKind.REMOVED.value, limit)
    found = [row[2] for row in rows if row[1] == ChangeKind.REMOVED.value]
    return found, rows[-1][0] if len(rows) == limit else None


async def there(tx: Transaction, account_id: AccountId, ids: Iterable[int]) -> set[int]:
    """Those of these messages that exist."""
    wanted = tx.dialect.list_value(ids)
    sql = f"select id from message where account_id = $1 and id {tx.dialect.in_list(2)}"
    return {row[0] for row in await tx.all(sql, account_id, wanted)}


async def lost(tx: Transaction, account_id: AccountId, above: int, limit: int) -> tuple[list[int], int | None]:
    """Messages that are in the tables and nowhere else, among the next rows; and the last of these, None at the end."""
    rows = await tx.all(LOST, account_id, above, limit)
    return [row[0] for row in rows if row[1] is None], rows[-1][0] if len(rows) == limit else None


# --- writing ---------------------------------------------------------------------------------------------------------

PUT = """
insert into search_text (account_id, message_id, received, is_cut, fields, head, body)
values ($1, $2, $3, $4, $5, $6, $7)
"""


async def put(tx: Transaction, account_id: AccountId, rows: Sequence[Indexed]) -> None:
    """Write the rows of messages, in place of those that are there."""
    await forget(tx, account_id, [row.message_id for row in rows])
    await tx.run_many(
        PUT,
        [
            (account_id, row.message_id, row.received, int(row.texts is None), *(row.texts or (b"", b"", b"")))
            for row in rows
        ],
    )
    await put_words(tx, account_id, [row for row in rows if row.texts is not None])


async def forget(tx: Transaction, account_id: AccountId, ids: Sequence[int]) -> None:
    """Delete the rows of messages, if there are any."""
    if ids:
        sql = (
            f"delete from search_text where account_id = $1 and message_id {tx.dialect.in_list(2)} returning message_id"
        )
        rows = await tx.all(sql, account_id, tx.dialect.list_value(ids))
        await forget_words(tx, account_id, [row[0] for row in rows])


async def forget_some(tx: Transaction, account_id: AccountId, limit: int) -> bool:
    """Delete some rows of an account that is going; whether there were any."""
    sql = "select message_id from search_text where account_id = $1 order by message_id limit $2"
    ids = [row[0] for row in await tx.all(sql, account_id, limit)]
    await forget(tx, account_id, ids)
    if not ids:
        await tx.run("delete from search_mark where account_id = $1", account_id)
    return bool(ids)


PUT_WORDS = """
insert into search_word (rowid, from_field, to_field, cc_field, bcc_field, subject_field, body)
values ($1, $2, $3, $4, $5, $6, $7)
"""


@replaceable
async def put_words(tx: Transaction, account_id: AccountId, rows: Sequence[Indexed]) -> None:
    """Let the index know the words of messages that it does not know."""
    await tx.run_many(
        PUT_WORDS,
        [
            (_rowid(account_id, row.message_id), *(_with_account(account_id, words) for words in row.words))
            for row in rows
        ],
    )


@replaceable
async def forget_words(tx: Transaction, account_id: AccountId, ids: Sequence[int]) -> None:
    """Take messages out of the index."""
    await tx.run_many("delete from search_word where rowid = $1", [(_rowid(account_id, id),) for id in ids])


@replaceable
async def tidy_words(tx: Transaction) -> bool:
    """Do a small piece of the index's own work; whether there may be more. What was put in is in its place then, so
    that it is no other transaction's work."""
    before = await tx.value("select total_changes()")
    await tx.run("insert into search_word (search_word, rank) values ('merge', $1)", MERGED_PAGES)
    return int(await tx.value("select total_changes()")) - int(before) > 1


def _rowid(account_id: AccountId, message_id: int) -> int:
    return (account_id << ACCOUNT_SHIFT) + message_id


def _with_account(account_id: AccountId, words: Sequence[bytes]) -> str:
    if not words:
        return ""
    before = b"%d:" % account_id
    return (before + (b" " + before).join(words)).decode()


# --- looking ---------------------------------------------------------------------------------------------------------

MATCHING = """
select rowid from search_word where search_word match $1 and rowid between $2 and $3 order by rowid limit $4
"""
TEXTS = "select message_id, fields{more} from search_text where account_id = $1 and message_id {ids} and is_cut = 0"
CUT = "select message_id from search_text where account_id = $1 and is_cut = 1 and message_id <= $2 order by message_id"


@replaceable
async def matching(
    tx: Transaction, account_id: AccountId, expression: Expression, upto: int, limit: int | None = None
) -> list[int]:
    """The ids of messages up to a mark for which this holds, the first `limit` of them."""
    first = _rowid(account_id, 0)
    found: list[int] = []
    async for rows in tx.batches(
        MATCHING, _fts5(account_id, expression), first, first + upto, NO_LIMIT if limit is None else limit
    ):
        found += [row[0] - first for row in rows]
    return found


def _fts5(account_id: AccountId, expression: Expression) -> str:
    """The expression as FTS5 has it. A word is in quotes; it has none itself."""
    match expression:
        case Known(columns=columns, word=word, is_beginning=is_beginning):
            names = " ".join(sorted(_COLUMNS[column] for column in columns))
            return f'{{{names}}} : "{account_id}:{word}"{" *" if is_beginning else ""}'
        case Every(terms=terms):
            return f"({' AND '.join(_fts5(account_id, term) for term in terms)})"
        case Some(terms=terms):
            return f"({' OR '.join(_fts5(account_id, term) for term in terms)})"


async def texts(
    tx: Transaction, account_id: AccountId, ids: Iterable[int], *, heads: bool = False, bodies: bool = True
) -> list[Row]:
    """(message, fields, body, head) of those of these messages whose text is kept, without what is not asked for."""
    more = ", body, head" if heads else ", body" if bodies else ""
    sql = TEXTS.format(more=more, ids=tx.dialect.in_list(2))
    return await tx.all(sql, account_id, tx.dialect.list_value(ids))


async def placed(tx: Transaction, account_id: AccountId, mailbox_id: int, low: int, high: int) -> list[tuple[int, int]]:
    """(UID, message) between two UIDs, both included: at most a run's worth."""
    sql = (
        "select uid, message_id from placement where account_id = $1 and mailbox_id = $2 and uid between $3 and $4 "
        "order by uid"
    )
    return [(row[0], row[1]) for row in await tx.all(sql, account_id, mailbox_id, low, high)]


async def cut(tx: Transaction, account_id: AccountId, upto: int) -> list[int]:
    """Messages up to a mark whose text is not kept."""
    found: list[int] = []
    async for rows in tx.batches(CUT, account_id, upto):
        found += [row[0] for row in rows]
    return found


SHOWN = f"select {HOT}"
IN_MAILBOX = f"""
and exists (select 1 from placement p where p.account_id = m.account_id and p.message_id = m.id
  and p.mailbox_id = $3 and p.flags & {DELETED} = 0)
"""
BY_IDS = (
    f"{SHOWN} from message m where m.account_id = $1 and m.id {{ids}} and m.shown is not null {{where}} order by m.id"
)
SINCE = f"{SHOWN} from message m where m.account_id = $1 and m.id > $2 and m.shown is not null {{where}} order by m.id"
NEWEST = f"""
{SHOWN} from search_text t join message m on m.account_id = t.account_id and m.id = t.message_id
where t.account_id = $1 and t.message_id <= $2 and (t.received, t.message_id) < ($3, $4) and m.shown is not null
order by t.received desc, t.message_id desc limit $5
"""
NEWEST_IN = f"""
{SHOWN} from placement p join message m on m.account_id = p.account_id and m.id = p.message_id
where p.account_id = $1 and p.mailbox_id = $6 and p.message_id <= $2 and (p.received, p.message_id) < ($3, $4)
  and p.flags & {DELETED} = 0
order by p.received desc, p.message_id desc limit $5
"""


async def shown(tx: Transaction, account_id: AccountId, ids: Iterable[int], mailbox_id: int | None) -> list[Row]:
    """The hot rows (`store.emails.HOT`) of those of these messages that show, or show in a mailbox."""
    sql = BY_IDS.format(ids=tx.dialect.in_list(2), where="" if mailbox_id is None else IN_MAILBOX)
    return await tx.all(sql, account_id, tx.dialect.list_value(ids), *_given(mailbox_id))


def since(tx: Transaction, account_id: AccountId, mark: int, mailbox_id: int | None) -> AsyncIterator[list[Row]]:
    """The same of all messages that came after the mark, in batches."""
    sql = SINCE.format(where="" if mailbox_id is None else IN_MAILBOX)
    return tx.batches(sql, account_id, mark, *_given(mailbox_id))


async def newest(
    tx: Transaction, account_id: AccountId, mark: int, mailbox_id: int | None, *, before: tuple[int, int], limit: int
) -> list[Row]:
    """The same of the next messages up to the mark, newest first, from before (received, message) on; one that is
    twice in the mailbox comes twice, one after the other."""
    sql = NEWEST if mailbox_id is None else NEWEST_IN
    return await tx.all(sql, account_id, mark, *before, limit, *_given(mailbox_id))


def _given(mailbox_id: int | None) -> tuple[int, ...]:
    return () if mailbox_id is None else (mailbox_id,)
