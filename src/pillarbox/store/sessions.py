"""Rows of `session`: browsers that have signed in. What the cookie holds is kept nowhere, only its hash."""

from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.ids import AccountId
from pillarbox.model.session import Means, Session, SignedIn
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

COLUMNS = "id, means, created, proved, used, expires, ends, agent, peer"
_SELECTED = ", ".join(f"s.{name}" for name in COLUMNS.split(", "))


def _session(row: Row) -> Session:
    id, means, created, proved, used, expires, ends, agent, peer = row
    return Session(
        id, Means(means), moment(created), moment(proved), moment(used), moment(expires), moment(ends), agent, peer
    )


async def insert_session(tx: Transaction, account_id: AccountId, session: Session, secret_hash: bytes) -> None:
    """A new one."""
    await tx.run(
        f"insert into session (account_id, hash, {COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        account_id,
        secret_hash,
        session.id,
        session.means.value,
        micros(session.created),
        micros(session.proved),
        micros(session.used),
        micros(session.expires),
        micros(session.ends),
        session.agent,
        session.peer,
    )


async def find_session(tx: Transaction, secret_hash: bytes, now: int) -> SignedIn | None:
    """The session of this hash that is still good, of an account that is not being removed."""
    row = await tx.one(
        f"select a.id, a.local, a.domain, a.quota_octets, a.used_octets, {_SELECTED} from session s "
        "join account a on a.id = s.account_id and a.domain <> '' where s.hash = $1 and s.expires > $2",
        secret_hash,
        now,
    )
    if row is None:
        return None
    return SignedIn(Account(AccountId(row[0]), Address(row[1], row[2]), row[3], row[4]), _session(row[5:]))


async def list_sessions(tx: Transaction, account_id: AccountId, now: int) -> list[Session]:
    """Those of an account that are still good, the oldest first."""
    rows = await tx.all(
        f"select {COLUMNS} from session where account_id = $1 and expires > $2 order by created, id", account_id, now
    )
    return [_session(row) for row in rows]


async def note_use(tx: Transaction, account_id: AccountId, session: Session) -> None:
    """Its `used` and `expires` are these now."""
    await tx.run(
        "update session set used = $3, expires = $4 where account_id = $1 and id = $2",
        account_id,
        session.id,
        micros(session.used),
        micros(session.expires),
    )


async def rotate_session(tx: Transaction, account_id: AccountId, id: str, secret_hash: bytes) -> bool:
    """From now on another secret opens it; False when it is gone."""
    found = await tx.value(
        "update session set hash = $3 where account_id = $1 and id = $2 returning id", account_id, id, secret_hash
    )
    return found is not None


async def has_session(tx: Transaction, account_id: AccountId, id: str) -> bool:
    """Whether it is there."""
    return await tx.value("select 1 from session where account_id = $1 and id = $2", account_id, id) is not None


async def delete_session(tx: Transaction, account_id: AccountId, id: str) -> bool:
    """No longer good; False when there was none."""
    found = await tx.value("delete from session where account_id = $1 and id = $2 returning id", account_id, id)
    return found is not None


async def delete_other_sessions(tx: Transaction, account_id: AccountId, kept: str | None) -> list[str]:
    """All of an account but one, or all; their ids."""
    rows = await tx.all("delete from session where account_id = $1 and id <> $2 returning id", account_id, kept or "")
    return [row[0] for row in rows]


async def delete_oldest_sessions(tx: Transaction, account_id: AccountId, most: int, new: str) -> list[str]:
    """Those beyond `most`, the longest unused, never the new one; their ids."""
    rows = await tx.all(
        "delete from session where account_id = $1 and id in ("
        "select id from session where account_id = $1 and id <> $3 order by used desc, id limit 1000 offset $2) "
        "returning id",
        account_id,
        most - 1,
        new,
    )
    return [row[0] for row in rows]


async def has_expired_sessions(tx: Transaction, now: int) -> bool:
    """Whether there are any whose time is over."""
    return await tx.value("select 1 from session where expires <= $1 limit 1", now) is not None


async def delete_expired_sessions(tx: Transaction, now: int, limit: int) -> list[tuple[AccountId, str]]:
    """Some whose time is over; whose they were, and their ids."""
    rows = await tx.all(
        "delete from session where (account_id, id) in ("
        "select account_id, id from session where expires <= $1 order by expires limit $2) returning account_id, id",
        now,
        limit,
    )
    return [(AccountId(row[0]), row[1]) for row in rows]


async def password_hash(tx: Transaction, account_id: AccountId) -> tuple[str | None, bool] | None:
    """The hash as it stands, and whether the password alone opens nothing; None for an account that is gone."""
    row = await tx.one("select password_hash, two_steps from account where id = $1 and domain <> ''", account_id)
    return None if row is None else (row[0], bool(row[1]))
