"""What an account has sent that is still in the queue, for its owner: to see, to have tried at once, to take out.

The queue and its steps are `core.flow.queue`'s; here stands what an owner may ask of it. Only what has a number is seen:
mail that the system sends in nobody's name has none. A message is tried at its owner's wish once in
`limits.queue_retry_seconds`, so that nobody makes this server knock at another's door without end.
"""

from collections import OrderedDict

from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.flow.queue import Queue
from pillarbox.core.sending.submissions import TAKEN_BACK_REPLY
from pillarbox.model.errors import NotAllowed, NotFound, RateLimited
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage
from pillarbox.store import outbox as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.outbox import OutboxRow

__all__ = ["Outbox", "OutboxRow"]

KEPT = 10_000
"""Wishes that are remembered."""


class Outbox:
    """The queued mail of all accounts, each for its owner."""

    def __init__(self, db: Database, queue: Queue, *, limits: Limits, clock: Clock) -> None:
        self._db = db
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._wished: OrderedDict[tuple[AccountId, int], float] = OrderedDict()

    async def rows(self, account_id: AccountId) -> list[OutboxRow]:
        """What lists are made from: all of an account, oldest first."""
        found: list[OutboxRow] = []
        async with self._db.read(account_id) as tx:
            async for batch in rows.all_queued(tx, account_id):
                found += batch
        return found

    async def get(self, account_id: AccountId, numbers: list[int]) -> dict[int, QueuedMessage]:
        """Those that there are."""
        async with self._db.read(account_id) as tx:
            return await rows.find_numbered(tx, account_id, numbers)

    async def retry(self, account_id: AccountId, number: int, *, span: Span | None = None) -> QueuedMessage:
        """Have those who wait tried at once; the message as it is then.

        Raises: NotFound, NotAllowed (it is held: nobody is to get it yet), RateLimited, StateMoved.
        """
        now, key = self._clock.monotonic(), (account_id, number)
        async with self._db.write(account_id) as tx, (span or Span(Kind.QUEUED)).step(tx, account_id):
            message = await self._find(tx, account_id, number)
            if message.held_until is not None and message.held_until > self._clock.now():
                raise NotAllowed("the message is held until its time comes")
            if now - self._wished.get(key, -self._limits.queue_retry_seconds) < self._limits.queue_retry_seconds:
                raise RateLimited("this has been asked for just now")
            await self._queue.hasten(tx, message)
            tx.after_commit(lambda: self._remember(key, now))
            return await self._find(tx, account_id, number)

    def _remember(self, key: tuple[AccountId, int], now: float) -> None:
        self._wished[key] = now
        self._wished.move_to_end(key)
        if len(self._wished) > KEPT:
            self._wished.popitem(last=False)

    async def cancel(self, account_id: AccountId, number: int, *, span: Span | None = None) -> None:
        """Take it out of the queue; who waits does not get it. Whom it is being given to at this moment may get it all
        the same. Raises: NotFound, StateMoved.
        """
        async with self._db.write(account_id) as tx, (span or Span(Kind.QUEUED)).step(tx, account_id):
            message = await self._find(tx, account_id, number)
            await self._queue.withdraw(tx, message, reply=TAKEN_BACK_REPLY)

    async def _find(self, tx: Transaction, account_id: AccountId, number: int) -> QueuedMessage:
        found = (await rows.find_numbered(tx, account_id, [number])).get(number)
        if found is None:
            raise NotFound("no such message in the queue")
        return found
