"""How far each kind of thing has come: the mod-sequence of its newest change, never below what was forgotten.

Two equal states mean that nothing of that kind has changed (RFC 8620 §5.1). Nothing is kept for it: the feed knows.
"""

from enum import Enum

from pillarbox.model.ids import AccountId
from pillarbox.store import changes as change_rows
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Database, Transaction


class Kind(Enum):
    """What has a state: the first and last number of its changes in `ChangeKind`. Messages and threads change
    together; so do a mailbox and its counts."""

    EMAIL = (1, 3)
    MAILBOX = (1, 6)
    IDENTITY = (10, 12)
    SUBMISSION = (20, 22)
    VACATION = (30, 32)
    CONTACT = (50, 52)
    ADDRESS_BOOK = (60, 62)


async def state_in(tx: Transaction, account_id: AccountId, kind: Kind) -> int:
    """The state, in a transaction that is open. Raises: NotFound (account)."""
    floor = await change_rows.change_floor(tx, account_id)
    return max(floor, await email_rows.newest_change(tx, account_id, *kind.value))


class States:
    """Asked by whoever tells clients how far they are."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, account_id: AccountId, kind: Kind) -> int:
        """The state. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            return await state_in(tx, account_id, kind)
