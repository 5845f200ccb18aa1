"""What nobody needs any more goes, some time after: contents, changes, passports, notes of answers. A few hundred rows at
a time.

What must never happen: a content removed that a message refers to, or will refer to because it is on its way.

**Small contents** are rows. A reference and, where it was the last of its account, the content are deleted in one
transaction; a delivery inserts content and reference in one transaction. One of the two is first: a delivery that is
later finds no content and brings it, one that is earlier has its reference seen.

**Large contents** are files, which no transaction covers. References go first, in a transaction; if a crash comes
between that and the removal of the file, the file stays, and is found after the next start. Removing a file takes
three steps, in this order:

1. The content leaves (`core.contents.transit`), unless it arrives just now, which puts it off. Whoever brings the same octets
   from now on waits before the file is named, so it cannot take the old file for its own.
2. A writing transaction asks whether anybody refers to it. Arrivals that were over before step 1 have left their
   references where it sees them: a transaction on SQLite sees all that had their turn before it, on disk or not, even
   of a task that was cancelled at its commit. If their commit fails, so does this one.
3. If nobody does, the file is removed, and those who wait go on and write it anew.

References to contents that were here before need no arrival if they are made where another is seen (`store.contents`);
delivery from the queue, which reads the file first, counts as an arrival.

**Files without a row** are left by a crash between file and row: they are looked for once after each start, if they are
older than the grace. Those that a refused or cancelled delivery leaves are known, and removed at the next pass.
Temporary files of dead uploads are removed by the store of files when it is opened.

**Several nodes** on one store would need more, since the memory of one process is then not enough. For rows, where
transactions do not come one after the other: each transaction of one account alone, and that account's row locked by
its first statement, as a delivery does. For objects: a row that condemns a content, committed as long before the removal
as the longest delivery may take; arrivals that write the object in any case and take such a row away in the transaction
that refers to it; and a removal under the condition that the object has not been written since. And one node at a time
that does this, by a lease.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from pillarbox.core.access.sessions import Sessions
from pillarbox.core.contents.transit import Transit
from pillarbox.core.feed.states import FAMILIES
from pillarbox.core.flow.vacation import PERIOD
from pillarbox.core.sending.submissions import Submissions
from pillarbox.model.errors import MailError
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, BlobId
from pillarbox.model.ports import Clock
from pillarbox.store import changes as change_rows
from pillarbox.store import contents as content_rows
from pillarbox.store import passports as passport_rows
from pillarbox.store import vacation as vacation_rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.moment import micros

FIRST_SECONDS = 10.0
"""After the start, which has enough to do."""
PASS_SECONDS = 600.0
ROWS_AT_ONCE = 200
"""In one transaction: one or two milliseconds in which nobody else has a turn."""

log = structlog.get_logger("housekeeping")


class KeepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[keep]`: how long what nobody needs stays all the same."""

    deleted_seconds: float = 604_800
    changes_seconds: float = 2_592_000
    passports_seconds: float = 7_776_000
    submissions_seconds: float = 7_776_000


class Housekeeping:
    """For one server."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        transit: Transit,
        *,
        submissions: Submissions,
        sessions: Sessions,
        clock: Clock,
        keep: KeepSettings,
    ) -> None:
        self._db = db
        self._submissions = submissions
        self._sessions = sessions
        self._blobs = blobs
        self._transit = transit
        self._clock = clock
        self._keep = keep

    async def run(self) -> None:
        """A pass soon after the start, then every ten minutes, until it is cancelled."""
        await self._clock.sleep(FIRST_SECONDS)
        has_looked = False
        while True:
            await self.sweep()
            has_looked = has_looked or await self.look_for_lost_files()
            await self._clock.sleep(PASS_SECONDS)

    async def sweep(self) -> None:
        """Forget all whose time has come. What fails is logged, and tried again at the next pass."""
        await self._attempt("content.forgotten", self._forget_contents)
        await self._attempt("file.removed", self._remove_doubtful)
        await self._attempt("change.forgotten", self._forget_changes)
        await self._attempt("passport.forgotten", self._forget_passports)
        await self._attempt("submission.forgotten", self._forget_submissions)
        await self._attempt("vacation.forgotten", self._forget_answers)
        await self._attempt("session.forgotten", self._forget_sessions)

    async def _forget_sessions(self) -> int:
        forgotten, count = 0, ROWS_AT_ONCE
        while count == ROWS_AT_ONCE:
            count = await self._sessions.forget_expired(ROWS_AT_ONCE)
            forgotten += count
        return forgotten

    async def look_for_lost_files(self) -> bool:
        """Remove large contents that no row names; False when it could not be done."""
        return await self._attempt("file.removed", self._remove_lost)

    async def _attempt(self, event: str, work: Callable[[], Awaitable[int]]) -> bool:
        try:
            count = await work()
        except MailError as problem:
            log.warning("housekeeping.waiting", status=problem.text)
            return False
        except Exception:
            log.exception("housekeeping.bug")
            return False
        if count:
            log.info(event, count=count)
        return True

    def _before(self, seconds: float) -> int:
        """What is older than that is to go."""
        return micros(self._clock.now()) - round(seconds * 1_000_000)

    # contents

    async def _forget_contents(self) -> int:
        before = self._before(self._keep.deleted_seconds)
        forgotten = 0
        while True:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                rows = await content_rows.released_before(tx, before, ROWS_AT_ONCE)
                orphans = await content_rows.forget_released(tx, rows)
            await self._remove(orphans)
            forgotten += len(rows)
            if len(rows) < ROWS_AT_ONCE:
                return forgotten

    async def _remove_doubtful(self) -> int:
        return await self._remove(self._transit.take_doubtful())

    async def _remove_lost(self) -> int:
        removed = 0
        async for names in self._blobs.names(before=self._before(self._keep.deleted_seconds)):
            for start in range(0, len(names), ROWS_AT_ONCE):
                async with self._db.read(SYSTEM_ACCOUNT) as tx:
                    lost = await _not_held(tx, names[start : start + ROWS_AT_ONCE])
                removed += await self._remove(lost)
                await asyncio.sleep(0)
        return removed

    async def _remove(self, blobs: Sequence[BlobId]) -> int:
        """Remove the files of those that nobody refers to; how many. What fails makes those doubtful that are left."""
        removed = 0
        for start in range(0, len(blobs), ROWS_AT_ONCE):
            try:
                removed += await self._remove_some(blobs[start : start + ROWS_AT_ONCE])
            except MailError:
                self._transit.doubt(blobs[start:])
                raise
        return removed

    async def _remove_some(self, blobs: Sequence[BlobId]) -> int:
        removed = 0
        with self._transit.leaving(blobs) as leaving:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                lost = await _not_held(tx, leaving)
            for blob in lost:
                try:
                    await self._transit.remove(blob)
                    removed += 1
                except MailError as problem:  # one file's trouble need not be another's
                    log.warning("file.kept", status=problem.text)
        return removed

    # submissions

    async def _forget_submissions(self) -> int:
        before, forgotten, count = self._before(self._keep.submissions_seconds), 0, ROWS_AT_ONCE
        while count == ROWS_AT_ONCE:
            count = await self._submissions.forget_old(before, ROWS_AT_ONCE)
            forgotten += count
        return forgotten

    # changes

    async def _forget_changes(self) -> int:
        before = self._before(self._keep.changes_seconds)
        forgotten = above = 0
        while True:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                page = await change_rows.oldest_changes(tx, above, ROWS_AT_ONCE)
            due = [account_id for account_id, oldest in page if oldest is not None and oldest < before]
            while due:
                forgotten += await self._forget_changes_of(due, before)
            if len(page) < ROWS_AT_ONCE:
                return forgotten
            above = page[-1][0]
            await asyncio.sleep(0)

    async def _forget_changes_of(self, due: list[AccountId], before: int) -> int:
        """One transaction's worth; takes from the front of `due` the accounts that it is through with."""
        room = ROWS_AT_ONCE
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            while due and room:
                forgotten = await change_rows.forget_changes(tx, due[0], before, room, FAMILIES)
                if forgotten < room:
                    del due[0]
                room -= forgotten
        return ROWS_AT_ONCE - room

    # passports

    async def _forget_passports(self) -> int:
        before = self._before(self._keep.passports_seconds)
        forgotten = 0
        for forget in (passport_rows.forget_entries, passport_rows.forget_tails):
            count = ROWS_AT_ONCE
            while count == ROWS_AT_ONCE:
                async with self._db.write(SYSTEM_ACCOUNT) as tx:
                    count = await forget(tx, before, ROWS_AT_ONCE)
                forgotten += count
        return forgotten

    # who had an answer

    async def _forget_answers(self) -> int:
        before = self._before(PERIOD.total_seconds())
        forgotten, count = 0, ROWS_AT_ONCE
        while count == ROWS_AT_ONCE:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                count = await vacation_rows.forget_answers(tx, before, ROWS_AT_ONCE)
            forgotten += count
        return forgotten


async def _not_held(tx: Transaction, blobs: Sequence[BlobId]) -> list[BlobId]:
    return [blob for blob in blobs if not await content_rows.is_held(tx, blob)]
