"""Fills the tables that text search reads (`store.search`), behind delivery: texts folded, words known, a mark moved on.

A delivery does nothing for it but note that the account moved. One worker then takes a few messages at a time: it reads
and folds them, and writes their rows and the new mark in one transaction, so that a crash leaves a batch whole or not
there, and the next start goes on from the mark. Whoever searches reads what is newer than the mark from contents.

The mark is a mod-sequence, and all before it is done: messages that came (a message's id is the mod-sequence of its
coming, so they are found by id, however old the mark), and messages that went (found in the feed of changes). What went
is cleaned away here and not where it is removed: that is cheaper for who waits, and cannot be wrong, because rows of a
message that is gone are in no answer. Where the feed does not reach back to the mark, all rows are looked through once.

When folding or words change (`VERSION`), marks of the old version count for nothing, and rows are written anew.

**Pace.** Some messages are two or three milliseconds of work. Then others have their turn, for the longer, the more they
use it: a server that is busy for half of the time or more gives search one fiftieth of it, and one that rests half.

One process writes a store; where several do, one at a time must do this, by a lease.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.feed.changes import Changes, MailboxNews
from pillarbox.core.finding.folded import ON_THE_LOOP_OCTETS, RAW_OCTETS, VERSION, folded_content
from pillarbox.model.errors import MailError, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, BlobId
from pillarbox.model.ports import Clock
from pillarbox.store import search as rows
from pillarbox.store.base import Blobs, Database, Row
from pillarbox.store.search import Indexed

FIRST_SECONDS = 2.0
"""After the start, which has enough to do."""
GATHER_SECONDS = 0.1
"""What comes together is done together."""
AGAIN_SECONDS = 10.0
"""After a failure of the store."""
BATCH_MESSAGES = 8
BATCH_WORDS = 8_000
"""In one transaction, but for a message that has more by itself."""
CHANGES_AT_ONCE = 200
ROWS_AT_ONCE = 500
STRAY_CHANGES = 1_000
"""That are not worth a transaction: flags. After so many the mark is moved all the same."""
MESSAGE_SECONDS = 0.0004
LEAST_SHARE, LARGEST_SHARE = 0.02, 0.5

log = structlog.get_logger("indexing")


class _Window(msgspec.Struct, frozen=True):
    """What is to be done next of one account: from the mark up to `upto`."""

    upto: int
    came: Sequence[Row]
    went: Sequence[int]


class Indexing:
    """For one server."""

    def __init__(self, db: Database, blobs: Blobs, *, changes: Changes, clock: Clock) -> None:
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._due: dict[AccountId, None] = {}
        self._marks: dict[AccountId, int] = {}
        """Of accounts whose stored mark is behind what is known to be done."""
        self._swept: dict[AccountId, int] = {}
        """Up to which floor of the feed rows have been looked through."""
        self._wake = asyncio.Event()
        self._share = LARGEST_SHARE
        changes.watch(self._note)

    def _note(self, news: MailboxNews) -> None:
        if news.placed or news.removed:
            self._due[news.account_id] = None
            self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._clock.sleep(FIRST_SECONDS)
        while not await self._attempt(self._find_behind):
            await self._clock.sleep(AGAIN_SECONDS)
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._clock.sleep(GATHER_SECONDS)
            while not await self._attempt(self._work):
                await self._clock.sleep(AGAIN_SECONDS)

    async def catch_up(self) -> None:
        """Do all that there is to do, without rest."""
        await self._find_behind()
        while self._due:
            await self.step()
            await asyncio.sleep(0)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except MailError as problem:
            log.warning("indexing.waiting", status=problem.text)
            return False
        except Exception:
            log.exception("indexing.bug")
            return False
        return True

    async def _find_behind(self) -> None:
        above, found = 0, [SYSTEM_ACCOUNT]
        while found:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                found = await rows.accounts_behind(tx, above, VERSION, ROWS_AT_ONCE)
            self._due.update(dict.fromkeys(found))
            above = found[-1] if found else 0
        if self._due:
            self._wake.set()

    async def _work(self) -> None:
        while self._due:
            await self._rest(await self.step())

    async def step(self) -> int:
        """One batch of one account that is due, if there is any: how many messages. An account that has more to do
        lets the others go first."""
        account_id = next(iter(self._due), None)
        if account_id is None:
            return 0
        del self._due[account_id]  # news from now on put it there again
        is_done = False
        try:
            count, is_done = await self._batch(account_id)
        finally:
            if not is_done:
                self._due[account_id] = None
        return count

    async def _rest(self, count: int) -> None:
        """As long as befits the work that was done, and what others did while this rested the last time."""
        began, used = self._clock.monotonic(), self._clock.used()
        await self._clock.sleep(max(count, 1) * MESSAGE_SECONDS * (1.0 / self._share - 1.0))
        busy = (self._clock.used() - used) / max(self._clock.monotonic() - began, 0.001)
        self._share = max(LEAST_SHARE, LARGEST_SHARE * (1.0 - 2.0 * busy))

    # one account

    async def _batch(self, account_id: AccountId) -> tuple[int, bool]:
        """Some messages; how many, and whether that was all."""
        async with self._db.read(account_id) as tx:
            state = await rows.progress(tx, account_id)
        if state is None:
            self._forget(account_id)
            return 0, True
        modseq, floor, stored, version = state
        is_new = stored is None or version != VERSION
        mark = 0 if stored is None or is_new else max(stored, self._marks.get(account_id, 0))
        if stored is not None and mark < floor and self._swept.get(account_id, -1) < floor:
            await self._sweep(account_id)
            self._swept[account_id] = floor
        window = await self._window(account_id, mark)
        indexed, upto = await self._indexed(account_id, window)
        if indexed or window.went or is_new or upto - (stored or 0) >= STRAY_CHANGES:
            await self._write(account_id, indexed, window.went, upto)
            self._marks.pop(account_id, None)
        else:
            self._marks[account_id] = upto
        return len(indexed), upto >= modseq

    async def _window(self, account_id: AccountId, mark: int) -> _Window:
        async with self._db.read(account_id) as tx:
            state = await rows.progress(tx, account_id)
            went, upto = await rows.removed(tx, account_id, mark, CHANGES_AT_ONCE)
            if upto is None:
                upto = mark if state is None else state[0]
            came = await rows.came(tx, account_id, mark, upto, BATCH_MESSAGES)
        return _Window(came[-1][0] if len(came) == BATCH_MESSAGES else upto, came, went)

    async def _indexed(self, account_id: AccountId, window: _Window) -> tuple[list[Indexed], int]:
        """The messages as they are to be stored, and how far they go."""
        found: list[Indexed] = []
        words = 0
        for row in window.came:
            one = await self._index(account_id, row)
            words += sum(map(len, one.words))
            if found and words > BATCH_WORDS:
                return found, found[-1].message_id
            found.append(one)
            await asyncio.sleep(0)
        return found, window.upto

    async def _index(self, account_id: AccountId, row: Row) -> Indexed:
        """One message. What cannot be read now counts as too large: whoever looks for it will meet it himself."""
        message_id, blob, head, size, received, parts, inline = row
        content = StoredContent(
            bytes(head), inline, blobs=self._blobs, blob=BlobId(blob), size_octets=size, parts=bytes(parts)
        )
        try:
            async with content:
                folded = await folded_content(content, content.part, most_octets=RAW_OCTETS)
        except NotFound:
            folded = None
        except MailError:
            raise
        except Exception:
            log.exception("message.unreadable", account=account_id)
            folded = None
        texts = None if folded is None else folded.octets()
        if folded is None or texts is None:
            return Indexed(message_id, received)
        if len(texts[1]) + len(texts[2]) <= ON_THE_LOOP_OCTETS:
            return Indexed(message_id, received, texts, folded.words())
        return Indexed(message_id, received, texts, await asyncio.to_thread(folded.words))

    async def _write(self, account_id: AccountId, indexed: Sequence[Indexed], went: Sequence[int], upto: int) -> None:
        """All of a batch. After a crash it is there whole, with its mark, or not at all."""
        async with self._db.write(account_id) as tx:
            there = await rows.there(tx, account_id, [*went, *(one.message_id for one in indexed)])
            await rows.forget(tx, account_id, [message_id for message_id in went if message_id not in there])
            await rows.put(tx, account_id, [one for one in indexed if one.message_id in there])
            await rows.move_mark(tx, account_id, upto, VERSION)
            await rows.tidy_words(tx)

    async def _sweep(self, account_id: AccountId) -> None:
        """Clean away rows of messages that are gone, where the feed does not tell of all of them."""
        above: int | None = 0
        while above is not None:
            async with self._db.write(account_id) as tx:
                lost, above = await rows.lost(tx, account_id, above, ROWS_AT_ONCE)
                await rows.forget(tx, account_id, lost)
            await asyncio.sleep(0)

    def _forget(self, account_id: AccountId) -> None:
        self._marks.pop(account_id, None)
        self._swept.pop(account_id, None)
