"""Rows of `identity`. Addresses with names are JSON."""

import msgspec

from pillarbox.model.address import Address
from pillarbox.model.identity import Identity, IdentityId, IdentityText, NamedAddress
from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction

COLUMNS = "id, name, local, domain, reply_to, bcc, text_signature, html_signature, is_own"
INSERT = """
insert into identity (account_id, id, name, local, domain, reply_to, bcc, text_signature, html_signature, is_own)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
UPDATE = """
update identity set name = $3, reply_to = $4, bcc = $5, text_signature = $6, html_signature = $7
where account_id = $1 and id = $2
"""
Addresses = tuple[NamedAddress, ...]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Addresses).decode


async def list_identities(tx: Transaction, account_id: AccountId) -> list[Identity]:
    """All of an account, oldest first."""
    rows = await tx.all(f"select {COLUMNS} from identity where account_id = $1 order by id", account_id)
    return [_identity(row) for row in rows]


async def has_own(tx: Transaction, account_id: AccountId) -> bool:
    """Whether there is one of the account's own address."""
    return await tx.value("select 1 from identity where account_id = $1 and is_own = 1 limit 1", account_id) is not None


async def find_identity(tx: Transaction, account_id: AccountId, identity_id: IdentityId) -> Identity | None:
    """One of an account."""
    row = await tx.one(f"select {COLUMNS} from identity where account_id = $1 and id = $2", account_id, identity_id)
    return None if row is None else _identity(row)


async def insert_identity(tx: Transaction, account_id: AccountId, identity: Identity) -> None:
    """A new one."""
    text = identity.text
    await tx.run(
        INSERT,
        account_id,
        identity.id,
        text.name,
        identity.address.local,
        identity.address.domain,
        _json(text.reply_to),
        _json(text.bcc),
        text.text_signature,
        text.html_signature,
        int(identity.is_own),
    )


async def update_identity(tx: Transaction, account_id: AccountId, identity_id: IdentityId, text: IdentityText) -> None:
    """Put other text in its place."""
    await tx.run(
        UPDATE,
        account_id,
        identity_id,
        text.name,
        _json(text.reply_to),
        _json(text.bcc),
        text.text_signature,
        text.html_signature,
    )


async def delete_identity(tx: Transaction, account_id: AccountId, identity_id: IdentityId) -> None:
    """Take one away."""
    await tx.run("delete from identity where account_id = $1 and id = $2", account_id, identity_id)


def _json(addresses: Addresses | None) -> bytes | None:
    return None if addresses is None else _encode(addresses)


def _identity(row: Row) -> Identity:
    text = IdentityText(
        row[1],
        None if row[4] is None else _decode(row[4]),
        None if row[5] is None else _decode(row[5]),
        row[6],
        row[7],
    )
    return Identity(IdentityId(row[0]), Address(row[2], row[3]), text, is_own=bool(row[8]))
