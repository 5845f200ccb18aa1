"""Rows of `totp`, `recovery_code` and `passkey`: what an account has beside its password."""

from collections.abc import Iterable

import msgspec

from pillarbox.model.ids import AccountId
from pillarbox.model.session import Factors, Passkey
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

PASSKEY_COLUMNS = "credential, handle, public_key, sign_count, name, created, used"


class TotpRow(msgspec.Struct, frozen=True):
    """A secret that a clock and we have; `confirmed` once the clock has shown a code."""

    secret: bytes
    begun: int
    is_confirmed: bool
    last_step: int


async def factors(tx: Transaction, account_id: AccountId) -> Factors:
    """What there is."""
    row = await tx.one(
        "select (select count(*) from totp where account_id = $1 and confirmed is not null), "
        "(select count(*) from passkey where account_id = $1), "
        "(select count(*) from recovery_code where account_id = $1)",
        account_id,
    )
    assert row is not None
    return Factors(bool(row[0]), row[1], row[2])


async def note_factors(tx: Transaction, account_id: AccountId) -> Factors:
    """Write down whether the password alone is enough: after every change of factors, in its transaction."""
    found = await factors(tx, account_id)
    await tx.run("update account set two_steps = $2 where id = $1", account_id, int(found.are_wanted))
    return found


async def forget_factors(tx: Transaction, account_id: AccountId) -> None:
    """All of them."""
    for table in ("totp", "recovery_code", "passkey"):
        await tx.run(f"delete from {table} where account_id = $1", account_id)
    await note_factors(tx, account_id)


# codes by time


async def begin_totp(tx: Transaction, account_id: AccountId, secret: bytes, now: int) -> bool:
    """A secret to be confirmed, in place of one that was not; False when one is confirmed."""
    found = await tx.value(
        "insert into totp (account_id, secret, begun, confirmed, last_step) values ($1, $2, $3, null, 0) "
        "on conflict (account_id) do update set secret = excluded.secret, begun = excluded.begun "
        "where totp.confirmed is null returning account_id",
        account_id,
        secret,
        now,
    )
    return found is not None


async def find_totp(tx: Transaction, account_id: AccountId) -> TotpRow | None:
    """What an account has, confirmed or not."""
    row = await tx.one("select secret, begun, confirmed, last_step from totp where account_id = $1", account_id)
    return None if row is None else TotpRow(row[0], row[1], row[2] is not None, row[3])


async def confirm_totp(tx: Transaction, account_id: AccountId, now: int) -> None:
    """From now on it counts."""
    await tx.run("update totp set confirmed = $2 where account_id = $1", account_id, now)


async def take_step(tx: Transaction, account_id: AccountId, step: int) -> None:
    """A code of this step was taken."""
    await tx.run("update totp set last_step = $2 where account_id = $1", account_id, step)


async def delete_totp(tx: Transaction, account_id: AccountId) -> bool:
    """Gone; False when there was none."""
    return await tx.value("delete from totp where account_id = $1 returning account_id", account_id) is not None


# codes for when all else is lost


async def replace_recovery_codes(tx: Transaction, account_id: AccountId, hashes: Iterable[bytes]) -> None:
    """These, and no others."""
    await tx.run("delete from recovery_code where account_id = $1", account_id)
    await tx.run_many(
        "insert into recovery_code (account_id, hash) values ($1, $2)", [(account_id, one) for one in hashes]
    )


async def take_recovery_code(tx: Transaction, account_id: AccountId, code_hash: bytes) -> bool:
    """Use one up; False when there is none like it."""
    found = await tx.value(
        "delete from recovery_code where account_id = $1 and hash = $2 returning account_id", account_id, code_hash
    )
    return found is not None


# passkeys


def _passkey(row: Row) -> Passkey:
    credential, handle, public_key, sign_count, name, created, used = row
    return Passkey(
        credential, handle, public_key, sign_count, name, moment(created), None if used is None else moment(used)
    )


async def insert_passkey(tx: Transaction, account_id: AccountId, passkey: Passkey) -> bool:
    """A new one; False when somebody has one of this id."""
    found = await tx.value(
        f"insert into passkey (account_id, {PASSKEY_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, null) "
        "on conflict do nothing returning account_id",
        account_id,
        passkey.credential,
        passkey.handle,
        passkey.public_key,
        passkey.sign_count,
        passkey.name,
        micros(passkey.created),
    )
    return found is not None


async def list_passkeys(tx: Transaction, account_id: AccountId) -> list[Passkey]:
    """All of an account, the oldest first."""
    rows = await tx.all(
        f"select {PASSKEY_COLUMNS} from passkey where account_id = $1 order by created, credential", account_id
    )
    return [_passkey(row) for row in rows]


async def find_passkey(tx: Transaction, credential: bytes) -> tuple[AccountId, Passkey] | None:
    """The passkey of this id, and whose it is."""
    row = await tx.one(f"select account_id, {PASSKEY_COLUMNS} from passkey where credential = $1", credential)
    return None if row is None else (AccountId(row[0]), _passkey(row[1:]))


async def note_passkey_use(
    tx: Transaction, account_id: AccountId, credential: bytes, *, sign_count: int, now: int
) -> None:
    """It has signed."""
    await tx.run(
        "update passkey set sign_count = $3, used = $4 where account_id = $1 and credential = $2",
        account_id,
        credential,
        sign_count,
        now,
    )


async def delete_passkey(tx: Transaction, account_id: AccountId, credential: bytes) -> bool:
    """Gone; False when there was none."""
    found = await tx.value(
        "delete from passkey where account_id = $1 and credential = $2 returning account_id", account_id, credential
    )
    return found is not None
