"""Rows of `token`: what programs sign in with. The token itself is kept nowhere, only its hash."""

from datetime import datetime

import msgspec

from pillarbox.model.account import Token
from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

COLUMNS = "name, created, expires, used"


class FoundToken(msgspec.Struct, frozen=True):
    """A token that somebody showed, and whose it is."""

    account_id: AccountId
    token: Token


def _token(row: Row) -> Token:
    name, created, expires, used = row
    return Token(name, moment(created), _moment(expires), _moment(used))


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else moment(stored)


async def insert_token(tx: Transaction, account_id: AccountId, token: Token, secret_hash: bytes) -> bool:
    """A new one; False when the account has one of this name."""
    found = await tx.value(
        "insert into token (account_id, name, hash, created, expires) values ($1, $2, $3, $4, $5) "
        "on conflict (account_id, name) do nothing returning name",
        account_id,
        token.name,
        secret_hash,
        micros(token.created),
        None if token.expires is None else micros(token.expires),
    )
    return found is not None


async def find_token(tx: Transaction, secret_hash: bytes) -> FoundToken | None:
    """The token of this hash, of an account that is not being removed."""
    row = await tx.one(
        f"select account_id, {COLUMNS} from token where hash = $1 "
        "and exists (select 1 from account where account.id = token.account_id and account.domain <> '')",
        secret_hash,
    )
    return None if row is None else FoundToken(AccountId(row[0]), _token(row[1:]))


async def list_tokens(tx: Transaction, account_id: AccountId) -> list[Token]:
    """All of an account, the oldest first."""
    rows = await tx.all(f"select {COLUMNS} from token where account_id = $1 order by created, name", account_id)
    return [_token(row) for row in rows]


async def note_use(tx: Transaction, account_id: AccountId, name: str, now: datetime) -> None:
    """It was shown now."""
    await tx.run("update token set used = $3 where account_id = $1 and name = $2", account_id, name, micros(now))


async def delete_token(tx: Transaction, account_id: AccountId, name: str) -> bool:
    """No longer good; False when there was none of this name."""
    found = await tx.value("delete from token where account_id = $1 and name = $2 returning name", account_id, name)
    return found is not None
