"""What happens to queued mail, told to the accounts that have sent it: one change of their feed for each step of a message.

Written in the transaction of the step. Mail that the system itself sends has no owner and is told to nobody; nor is that
of an account whose removal has begun.
"""

from pillarbox.core.feed.object_changes import note_change
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage
from pillarbox.store import changes as change_rows
from pillarbox.store.base import Transaction
from pillarbox.store.moment import micros


class QueueFeed:
    """Writes the changes of all accounts."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def came(self, tx: Transaction, account_id: AccountId) -> int | None:
        """A message is being queued under an account: the number that its owner is to know it by, or None."""
        if account_id == SYSTEM_ACCOUNT:
            return None
        try:
            number = await change_rows.take_modseqs(tx, account_id, 1)
        except NotFound:
            return None
        await note_change(tx, account_id, number, ChangeKind.QUEUED_CREATED, number, micros(self._clock.now()))
        return number

    async def moved(self, tx: Transaction, message: QueuedMessage) -> None:
        """Something is different with some of its recipients."""
        await self.moved_numbered(tx, message.sender_account, message.number)

    async def moved_numbered(self, tx: Transaction, account_id: AccountId, number: int | None) -> None:
        """The same, of a message that is known by its number alone."""
        await self._note(tx, account_id, number, ChangeKind.QUEUED_UPDATED)

    async def left(self, tx: Transaction, message: QueuedMessage) -> None:
        """It is in the queue no longer."""
        await self._note(tx, message.sender_account, message.number, ChangeKind.QUEUED_DESTROYED)

    async def _note(self, tx: Transaction, account_id: AccountId, number: int | None, kind: ChangeKind) -> None:
        if number is None:
            return
        try:
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
        except NotFound:
            return
        await note_change(tx, account_id, modseq, kind, number, micros(self._clock.now()))
