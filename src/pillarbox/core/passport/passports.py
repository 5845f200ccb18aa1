"""Passports: every step of a message's journey, written in the transaction of the step that it records.

Entries belong to the account whose half of the journey they are; `SYSTEM_ACCOUNT` is the operator's. What a client
still says after the commit (the reply, QUIT) is appended later, many at a time: losing that in a crash is allowed,
losing an entry is not.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

import structlog

from pillarbox.core.passport.trace import Numbers
from pillarbox.model.errors import MailError
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, QueueId, TraceId
from pillarbox.model.passport import DialogueLine, PassportEntry, Step
from pillarbox.store import passports as rows
from pillarbox.store.base import Database, Transaction

LATER_SECONDS = 0.5
LATER_LIMIT = 50_000
"""Tails kept for later; beyond it, while the store cannot write, the oldest are forgotten."""

log = structlog.get_logger("passports")


class Passports:
    """Writes and finds entries."""

    def __init__(self, db: Database, numbers: Numbers) -> None:
        self._db = db
        self._numbers = numbers
        self.counts: Counter[Step] = Counter()
        """Steps of all messages, since the start."""
        self._later: list[tuple[TraceId, AccountId, tuple[DialogueLine, ...]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def record(
        self,
        tx: Transaction,
        *entries: PassportEntry,
        message_id: str | None = None,
        queue_id: QueueId | None = None,
    ) -> None:
        """Write entries of one account, in the caller's transaction; all can be found by these names."""
        await rows.insert_entries(
            tx, [(self._numbers.next(), entry) for entry in entries], message_id=message_id, queue_id=queue_id
        )
        tx.after_commit(lambda: self.counts.update(entry.step for entry in entries))

    async def find(self, name: str, *, account_id: AccountId | None = None) -> list[PassportEntry]:
        """The journey named by a trace id, a queue id or a Message-ID (with or without brackets), in time's order.

        With `account_id` only that account's half. Empty when nothing of this name has passed. A Message-ID may name
        several journeys: all of them, one after the other.
        """
        found: list[PassportEntry] = []
        async with self._db.read(account_id or SYSTEM_ACCOUNT) as tx:
            for trace_id in await rows.find_traces(tx, name.strip().removeprefix("<").removesuffix(">")):
                found += await rows.entries_of(tx, trace_id, account_id)
        return found

    def append_later(self, trace_id: TraceId, account_id: AccountId, lines: Iterable[DialogueLine]) -> None:
        """Add lines to the dialogue of an accepted message, within `LATER_SECONDS` or at the next `flush`."""
        self._later.append((trace_id, account_id, tuple(lines)))
        if len(self._later) > LATER_LIMIT:
            del self._later[: LATER_LIMIT // 10]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER_SECONDS, self._flush_soon)

    def _flush_soon(self) -> None:
        self._timer = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush_or_wait())

    async def _flush_or_wait(self) -> None:
        try:
            await self.flush()
        except MailError as problem:
            log.warning("passport.delayed", status=problem.text)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(LATER_SECONDS * 10, self._flush_soon)

    async def flush(self) -> None:
        """Write what is kept for later. Raises: Unavailable, and keeps it."""
        kept, self._later = self._later, []
        if not kept:
            return
        now = self._numbers.next()
        try:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                await rows.insert_tails(tx, [(t, self._numbers.next(), a, now, lines) for t, a, lines in kept])
        except MailError:
            self._later[:0] = kept
            raise

    async def close(self) -> None:
        """Write what is kept for later; what cannot be written is forgotten."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await asyncio.wait((self._flushing,))
        try:
            await self.flush()
        except MailError as problem:
            log.warning("passport.lost", count=len(self._later), status=problem.text)
