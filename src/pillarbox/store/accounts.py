"""Rows of `account`: owners of mail, and row 0, the system, whose mod-sequence numbers accounts.

An account that is being removed keeps its row, nameless, until all its other rows are gone: `removing` finds it again
after a crash. Its domain is then empty, as the system's is, so no look-up meets it.
"""

import msgspec

from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.errors import Conflict, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.store import search as search_rows
from pillarbox.store.base import Row, Transaction
from pillarbox.store.contacts import remove_some_cards
from pillarbox.store.messages import delete_messages

COLUMNS = "id, local, domain, quota_octets, used_octets"
REMOVAL_ROWS = 500
REMOVAL_MESSAGES = 200
REMOVAL_CARDS = 50


class Secrets(msgspec.Struct, frozen=True):
    """What a password leaves behind; all None for an account without one. `two_steps`: alone it opens nothing."""

    password_hash: str | None = None
    scram_sha1: str | None = None
    scram_sha256: str | None = None
    two_steps: bool = False


def _account(row: Row) -> Account:
    return Account(AccountId(row[0]), Address(row[1], row[2]), row[3], row[4])


async def next_number(tx: Transaction) -> int:
    """A number that the system has not given before."""
    return int(await tx.value("update account set modseq = modseq + 1 where id = $1 returning modseq", SYSTEM_ACCOUNT))


async def insert_account(tx: Transaction, address: Address, secrets: Secrets, *, now: int) -> Account:
    """A new account. Raises: Conflict when the address has one."""
    account_id = AccountId(await next_number(tx))
    found = await tx.one(
        "insert into account (id, address_key, local, domain, created, password_hash, scram_sha1, scram_sha256, "
        "modseq, change_floor, uidvalidity_last, used_octets, quota_octets) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0) on conflict (address_key) do nothing returning id",
        account_id,
        address.key,
        address.local,
        address.domain,
        now,
        secrets.password_hash,
        secrets.scram_sha1,
        secrets.scram_sha256,
    )
    if found is None:
        raise Conflict("the address has an account")
    return Account(account_id, address, 0, 0)


async def find_by_id(tx: Transaction, account_id: AccountId) -> Account | None:
    """The account of this id."""
    row = await tx.one(f"select {COLUMNS} from account where id = $1 and domain <> ''", account_id)
    return None if row is None else _account(row)


async def find_by_key(tx: Transaction, key: str) -> tuple[Account, Secrets] | None:
    """The account of an address's key, and its secrets."""
    row = await tx.one(
        f"select {COLUMNS}, password_hash, scram_sha1, scram_sha256, two_steps from account "
        "where address_key = $1 and domain <> ''",
        key,
    )
    return None if row is None else (_account(row), Secrets(row[5], row[6], row[7], bool(row[8])))


async def find_by_local(tx: Transaction, folded_local: str) -> tuple[Account, Secrets] | None:
    """The account with this case-folded local part, if there is exactly one in all domains."""
    rows = await tx.all("select name from domain order by name")
    found = [one for (name,) in rows if (one := await find_by_key(tx, f"{folded_local}@{name}")) is not None]
    return found[0] if len(found) == 1 else None


async def first_account(tx: Transaction, domain: str | None = None) -> Account | None:
    """The oldest account, of one domain or of all."""
    if domain is None:
        row = await tx.one(f"select {COLUMNS} from account where domain <> '' order by id limit 1")
    else:
        row = await tx.one(f"select {COLUMNS} from account where domain = $1 order by id limit 1", domain)
    return None if row is None else _account(row)


async def page(tx: Transaction, above: int, limit: int) -> list[Account]:
    """The next accounts by id."""
    rows = await tx.all(
        f"select {COLUMNS} from account where id > $1 and domain <> '' order by id limit $2", above, limit
    )
    return [_account(row) for row in rows]


async def set_secrets(tx: Transaction, account_id: AccountId, secrets: Secrets) -> None:
    """Replace what the password left behind. Raises: NotFound."""
    found = await tx.value(
        "update account set password_hash = $2, scram_sha1 = $3, scram_sha256 = $4 "
        "where id = $1 and domain <> '' returning id",
        account_id,
        secrets.password_hash,
        secrets.scram_sha1,
        secrets.scram_sha256,
    )
    if found is None:
        raise NotFound("no such account")


async def begin_removal(tx: Transaction, account_id: AccountId) -> None:
    """Take the name and the secrets away: from now on the account is not found."""
    await tx.run(
        "update account set address_key = $2, local = '', domain = '', password_hash = null, scram_sha1 = null, "
        "scram_sha256 = null where id = $1 and domain <> ''",
        account_id,
        f"removed/{account_id}",
    )


async def removing(tx: Transaction) -> list[AccountId]:
    """Accounts whose removal has begun and not ended."""
    rows = await tx.all("select id from account where domain = '' and id <> $1 order by id limit 1000", SYSTEM_ACCOUNT)
    return [AccountId(row[0]) for row in rows]


def _removal(table: str, key: str, condition: str = "") -> str:
    columns = key.split(", ")
    if len(columns) == 1:
        inside = f"select {key} from {table} where account_id = $1 {condition} order by {key} limit {REMOVAL_ROWS}"
        return f"delete from {table} where account_id = $1 and {key} in ({inside}) returning 1"
    inside = f"select {key} from {table} where account_id = $1 {condition} order by {key} limit {REMOVAL_ROWS}"
    return f"delete from {table} where account_id = $1 and ({key}) in ({inside}) returning 1"


_REMOVALS = (
    _removal("placement", "mailbox_id, uid"),
    _removal("mailbox", "id"),
    _removal("thread_key", "key"),
    _removal("subscription", "path"),
    _removal("keyword", "folded"),
    _removal("token", "name"),
    _removal("session", "id"),
    _removal("totp", "account_id"),
    _removal("recovery_code", "hash"),
    _removal("passkey", "credential"),
    _removal("identity", "id"),
    _removal("submission", "id"),
    _removal("submission_recipient", "submission_id, number"),
    _removal("submission_report", "submission_id, message_id"),
    _removal("push_subscription", "id"),
    _removal("vacation", "account_id"),
    _removal("vacation_answer", "response, sender_key"),
    _removal("address_book", "id"),
    _removal("change", "modseq"),
    _removal("passport_entry", "trace_id, number"),
    _removal(
        "content",
        "blob",
        "and not exists (select 1 from blob_ref r where r.account_id = content.account_id and r.blob = content.blob "
        "and r.kind = 2 and r.released is null)",
    ),
)


async def remove_some(tx: Transaction, account_id: AccountId, now: int) -> bool:
    """Delete some hundred rows of an account whose removal has begun; False when that was the rest, and its own row.

    Contents are released: files go when their grace has passed. What its queued mail needs stays.
    """
    found = await tx.all(
        "select id, blob from message where account_id = $1 order by id limit $2", account_id, REMOVAL_MESSAGES
    )
    if found:
        await delete_messages(tx, account_id, now, [(message_id, blob) for message_id, blob in found])
        return True
    if await remove_some_cards(tx, account_id, now, REMOVAL_CARDS):
        return True
    if await search_rows.forget_some(tx, account_id, REMOVAL_MESSAGES):
        return True
    for statement in _REMOVALS:
        if await tx.all(statement, account_id):
            return True
    await tx.run("delete from account where id = $1 and domain = '' and id <> 0", account_id)
    return False
