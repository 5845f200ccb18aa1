"""Rows of `push_subscription`. URL and keys are secrets of the receiver, to be erased with the row (RFC 8620 §7.2): the
engine overwrites what is deleted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pillarbox.model.ids import AccountId
from pillarbox.model.push import PushKeys, PushStage, PushSubscription
from pillarbox.store.base import Row, Transaction
from pillarbox.store.moment import micros, moment

SEPARATOR = "\x1f"
COLUMNS = (
    "account_id, id, credential, device, url, p256dh, auth, code, stage, types, expires, told, attempts, next_attempt"
)


def _subscription(row: Row) -> PushSubscription:
    account_id, id, credential, device, url, p256dh, auth, code, stage, types, expires, told, attempts, due = row
    return PushSubscription(
        account_id=AccountId(account_id),
        id=id,
        credential=credential,
        device=device,
        url=url,
        keys=None if p256dh is None else PushKeys(p256dh, auth),
        code=code,
        stage=PushStage(stage),
        types=None if types is None else tuple(filter(None, types.split(SEPARATOR))),
        expires=moment(expires),
        told=told,
        attempts=attempts,
        next_attempt=None if due is None else moment(due),
    )


def _types(types: Sequence[str] | None) -> str | None:
    return None if types is None else SEPARATOR.join(types)


async def insert_subscription(tx: Transaction, new: PushSubscription) -> None:
    """A new one. Raises: Conflict when its id is taken."""
    await tx.run(
        f"insert into push_subscription ({COLUMNS}) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        new.account_id,
        new.id,
        new.credential,
        new.device,
        new.url,
        None if new.keys is None else new.keys.p256dh,
        None if new.keys is None else new.keys.auth,
        new.code,
        new.stage.value,
        _types(new.types),
        micros(new.expires),
        new.told,
        new.attempts,
        None if new.next_attempt is None else micros(new.next_attempt),
    )


async def list_subscriptions(tx: Transaction, account_id: AccountId, now: datetime) -> list[PushSubscription]:
    """All of an account that have not expired, by id."""
    rows = await tx.all(
        f"select {COLUMNS} from push_subscription where account_id = $1 and expires > $2 order by id",
        account_id,
        micros(now),
    )
    return list(map(_subscription, rows))


async def find_subscription(tx: Transaction, account_id: AccountId, id: int) -> PushSubscription | None:
    """The one of this id, expired or not."""
    row = await tx.one(f"select {COLUMNS} from push_subscription where account_id = $1 and id = $2", account_id, id)
    return None if row is None else _subscription(row)


async def update_subscription(tx: Transaction, changed: PushSubscription) -> bool:
    """Write what may change of it; False when it is gone."""
    found = await tx.value(
        "update push_subscription set stage = $3, types = $4, expires = $5, told = $6, attempts = $7, "
        "next_attempt = $8 where account_id = $1 and id = $2 returning id",
        changed.account_id,
        changed.id,
        changed.stage.value,
        _types(changed.types),
        micros(changed.expires),
        changed.told,
        changed.attempts,
        None if changed.next_attempt is None else micros(changed.next_attempt),
    )
    return found is not None


async def note_attempt(
    tx: Transaction, account_id: AccountId, id: int, *, told: int, attempts: int, next_attempt: datetime
) -> None:
    """What came of sending; what else it is may have changed meanwhile, and stays."""
    await tx.run(
        "update push_subscription set told = $3, attempts = $4, next_attempt = $5 where account_id = $1 and id = $2",
        account_id,
        id,
        told,
        attempts,
        micros(next_attempt),
    )


async def delete_subscriptions(tx: Transaction, account_id: AccountId, ids: Iterable[int]) -> None:
    """Remove them; those that are not there are passed over."""
    await tx.run_many(
        "delete from push_subscription where account_id = $1 and id = $2", [(account_id, id) for id in ids]
    )


async def delete_of_credential(tx: Transaction, account_id: AccountId, credential: str) -> None:
    """Those that a credential made."""
    rows = await tx.all(
        "select id from push_subscription where account_id = $1 and credential = $2", account_id, credential
    )
    await delete_subscriptions(tx, account_id, [id for (id,) in rows])


async def delete_of_account(tx: Transaction, account_id: AccountId) -> None:
    """All that an account has: there is a bound on them."""
    rows = await tx.all("select id from push_subscription where account_id = $1", account_id)
    await delete_subscriptions(tx, account_id, [id for (id,) in rows])


async def expired(tx: Transaction, now: datetime, limit: int) -> list[tuple[AccountId, int]]:
    """(account, id) of those whose time has come."""
    rows = await tx.all(
        "select account_id, id from push_subscription where expires <= $1 order by expires limit $2",
        micros(now),
        limit,
    )
    return [(AccountId(account_id), id) for account_id, id in rows]


async def subscribed_accounts(tx: Transaction, above: int, limit: int) -> list[AccountId]:
    """The next accounts, by id, that have any."""
    rows = await tx.all(
        "select distinct account_id from push_subscription where account_id > $1 order by account_id limit $2",
        above,
        limit,
    )
    return [AccountId(account_id) for (account_id,) in rows]
