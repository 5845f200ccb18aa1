"""Whether the services can work now: the store can be read and takes transactions. Nothing is changed by asking."""

from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.store import accounts as account_rows
from pillarbox.store.base import Database


class Health:
    """Of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def check(self) -> None:
        """Raises: Unavailable, as whoever delivers would see it; a commit of nothing costs no sync."""
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            await account_rows.find_by_id(tx, SYSTEM_ACCOUNT)
