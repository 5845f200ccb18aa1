"""How much room an account takes, and how much it may (RFC 9208 §3, RFC 9425 §3).

One limit for each account: its own, else that of the configuration; what counts are its messages.
"""

import msgspec

from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.store import accounts as account_rows
from pillarbox.store.base import Database, Transaction


class Quota(msgspec.Struct, frozen=True):
    """Octets in use, and the most that may be; `limit_octets` 0: as much as there is."""

    used_octets: int
    limit_octets: int


class Quotas:
    """The quotas of all accounts."""

    def __init__(self, db: Database, *, limits: Limits) -> None:
        self._db = db
        self._limits = limits

    async def get(self, account_id: AccountId) -> Quota:
        """As it is now. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            return await quota_in(tx, account_id, limits=self._limits)


async def quota_in(tx: Transaction, account_id: AccountId, *, limits: Limits) -> Quota:
    """The quota, in a transaction that is open. Raises: NotFound (account)."""
    account = await account_rows.find_by_id(tx, account_id)
    if account is None:
        raise NotFound("no such account")
    return Quota(account.used_octets, account.quota_octets or limits.account_octets)
