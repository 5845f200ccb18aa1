"""Group commit: one writer connection on which the loop and a commit thread take turns.

     task                    loop: owns the connection                 commit thread
     write() ── turn free? ─no─► queue (FIFO) ◄── all that comes during COMMIT
                  │ yes
                  ▼
            BEGIN IMMEDIATE (first of a batch), SAVEPOINT
            body: statements inline
            done: RELEASE, join the batch     error: ROLLBACK TO, RELEASE, wait with the batch
                  ▼
            turn to the next in the queue, one for each loop step
                  ▼ queue empty or batch full
            seal ───────────────── connection ───────────────► COMMIT (write, sync)
            hooks in order, then the waiting tasks ◄── outcome ──┘

States: IDLE; OPEN (a batch has begun); BUSY (a body has the turn); COMMITTING (the thread has the connection). The
state changes on the loop only, the thread touches the connection only between hand-over and outcome: no mutex exists.
What must never happen: a waiter told of success before its batch is on disk; or of a refusal that rests on what others
of the batch wrote, as it might be gone, and whoever looks then does not see it yet.
"""

import asyncio
import contextlib
import functools
import queue
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum

import apsw
import structlog

from pillarbox.model.errors import StorageBroken, StorageUnavailable
from pillarbox.store.signals import LocalSignals
from pillarbox.store.sqlite_statements import SqliteTransaction, is_fatal, meaning

BATCH_TRANSACTIONS = 256
BATCH_SECONDS = 0.005
BATCH_ROWS_CHANGED = 2_000
BUSY_MILLISECONDS = 5_000
CLOSE_SECONDS = 5.0

log = structlog.get_logger("store")


class State(Enum):
    """Who may touch the writer connection."""

    IDLE = "idle"
    OPEN = "open"
    BUSY = "busy"
    COMMITTING = "committing"


class Member:
    """One transaction of the batch that waits for COMMIT: its own future, so that one's cancel is its own."""

    __slots__ = ("future", "hooks")

    def __init__(self, future: "asyncio.Future[None]", hooks: list[Callable[[], None]]) -> None:
        self.future = future
        self.hooks = hooks


class Writer:
    """Owns the writer connection and the commit thread of one database."""

    def __init__(self, connection: apsw.Connection, *, strict: bool) -> None:
        self.connection = connection
        self.signals = LocalSignals()
        self.strict = strict
        self.state = State.IDLE
        self.broken = False
        self.closing = False
        self.on_commit: Callable[[], None] | None = None
        self.after_report: Callable[[], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._members: list[Member] = []
        self._began = 0.0
        self._changes_before = 0
        self._seal_asked = False
        self._settled: asyncio.Event = asyncio.Event()
        self._settled.set()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_thread, name="pillarbox-commit", daemon=True)
        self._thread.start()

    # --- turns ---------------------------------------------------------------------------------------------------

    async def take_turn(self) -> None:
        """Wait until the connection is this task's. Raises: StorageBroken, StorageUnavailable (closing)."""
        self._refuse_if_over()
        if self.state in (State.IDLE, State.OPEN) and not self._queue:
            self.state = State.BUSY
            self._settled.clear()
            return
        turn = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_turn()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise
        if self.broken:
            self._pass_turn()
            self._refuse_if_over()

    def _refuse_if_over(self) -> None:
        if self.broken:
            raise StorageBroken("the store takes no writes until a restart")
        if self.closing:
            raise StorageUnavailable("the store is closing")

    def _pass_turn(self) -> None:
        """Give the turn to the first in the queue, or let the batch be sealed."""
        self.state = State.OPEN if self._in_transaction() else State.IDLE
        while self._queue and not self._is_full():
            turn = self._queue.popleft()
            if not turn.done():
                self.state = State.BUSY
                turn.set_result(None)
                return
        if self.state is State.IDLE:
            self._settled.set()
        elif self._is_full():
            self._seal()
        elif not self._seal_asked:
            self._seal_asked = True
            self._loop.call_soon(self._seal_when_open)

    def _in_transaction(self) -> bool:
        try:
            return self.connection.in_transaction
        except apsw.ConnectionClosedError:  # a body outlived `close`
            return False

    def _is_full(self) -> bool:
        return bool(self._members) and (
            len(self._members) >= BATCH_TRANSACTIONS
            or self.connection.total_changes() - self._changes_before >= BATCH_ROWS_CHANGED
            or self._loop.time() - self._began >= BATCH_SECONDS
        )

    # --- one transaction -----------------------------------------------------------------------------------------

    async def enter(self) -> SqliteTransaction:
        """Begin the batch if need be, and this transaction in it. The turn is passed on when this raises."""
        try:
            if not self.connection.in_transaction:
                self._began = self._loop.time()
                self._changes_before = self.connection.total_changes()
                try:
                    self.connection.execute("begin immediate")
                except apsw.BusyError:
                    await self._begin_in_thread()
            self.connection.execute("savepoint t")
        except apsw.Error as error:
            self._pass_turn()
            raise meaning(error) from error
        return SqliteTransaction(self.connection, signals=self.signals)

    async def _begin_in_thread(self) -> None:
        """Another process is at the file, which is against the rules: wait for it, but not on the loop."""
        log.warning("begin.busy")
        outcome: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put(functools.partial(self._begin_patiently, outcome))
        try:
            await asyncio.shield(outcome)
        except asyncio.CancelledError:
            if outcome.done():
                self._abandon_begun(outcome)
            else:
                outcome.add_done_callback(self._abandon_begun)
            raise

    def _begin_patiently(self, outcome: "asyncio.Future[None]") -> None:
        error: apsw.Error | None = None
        try:
            self.connection.set_busy_timeout(BUSY_MILLISECONDS)
            self.connection.execute("begin immediate")
        except apsw.Error as problem:
            error = problem
        self.connection.set_busy_timeout(0)
        if error is None:
            self._loop.call_soon_threadsafe(outcome.set_result, None)
        else:
            self._loop.call_soon_threadsafe(outcome.set_exception, error)

    def _abandon_begun(self, outcome: "asyncio.Future[None]") -> None:
        if outcome.exception() is None:
            self._roll_back()
        self._pass_turn()

    def join(self, tx: SqliteTransaction) -> "asyncio.Future[None]":
        """The body is done: its work waits for COMMIT. The answer's result comes with durability."""
        try:
            self.connection.execute("release t")
        except apsw.Error as error:
            self.undo(meaning(error))
            raise meaning(error) from error
        future = self._wait_with_batch(tx.hooks)
        self._pass_turn()
        return future

    def _wait_with_batch(self, hooks: list[Callable[[], None]]) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = self._loop.create_future()
        self._members.append(Member(future, hooks))
        return future

    def undo(self, error: BaseException) -> "asyncio.Future[None] | None":
        """The body failed: take back its savepoint, or all if SQLite has already done so (full disk, I/O error).

        What to wait for before the error is told, where others of the batch have written what the body may have seen.
        """
        behind: asyncio.Future[None] | None = None
        if isinstance(error, StorageBroken):
            self.broken = True
        try:
            if self.connection.in_transaction:
                self.connection.execute("rollback to t")
                self.connection.execute("release t")
                if not self._members:
                    self.connection.execute("rollback")
                elif isinstance(error, Exception):  # who is cancelled waits for nothing
                    behind = self._wait_with_batch([])
        except apsw.Error as problem:
            log.error("rollback.failed", status=str(problem))
            self._roll_back()
        if not self._in_transaction():
            self._fail_members(lambda: StorageUnavailable("the store could not do it now"))
        self._pass_turn()
        return behind

    def _roll_back(self) -> None:
        with contextlib.suppress(apsw.Error):
            if self.connection.in_transaction:
                self.connection.execute("rollback")

    def _fail_members(self, problem: Callable[[], Exception]) -> None:
        members, self._members = self._members, []
        for member in members:
            if not member.future.done():
                member.future.set_exception(problem())

    # --- commit --------------------------------------------------------------------------------------------------

    def _seal_when_open(self) -> None:
        self._seal_asked = False
        if self.state is State.OPEN:
            self._seal()

    def _seal(self) -> None:
        self.state = State.COMMITTING
        self._jobs.put(self._commit)

    def _commit_thread(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _commit(self) -> None:
        """In the commit thread: it has the connection until `_take_back`."""
        try:
            self.connection.execute("commit")
        except apsw.Error as error:
            self._roll_back()
            self._loop.call_soon_threadsafe(self._report_failure, error)
        else:
            self._loop.call_soon_threadsafe(self._report)
            rest = self.after_report
            if rest is not None:
                rest()
        self._loop.call_soon_threadsafe(self._take_back)

    def _report(self) -> None:
        members, self._members = self._members, []
        for member in members:
            for hook in member.hooks:
                self._call(hook)
        for member in members:
            if not member.future.done():
                member.future.set_result(None)

    def _report_failure(self, error: apsw.Error) -> None:
        if is_fatal(error):
            self.broken = True
        log.error("commit.failed", status=str(error), count=len(self._members))
        self._fail_members(lambda: meaning(error))

    def _call(self, hook: Callable[[], None]) -> None:
        try:
            hook()
        except Exception:  # the transaction is on disk, whatever a hook does
            log.exception("hook.failed")

    def _take_back(self) -> None:
        self._pass_turn()
        if self.on_commit is not None:
            self.on_commit()

    # --- end -----------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Refuse what waits, finish what runs, join the thread."""
        self.closing = True
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(StorageUnavailable("the store is closing"))
        try:
            await asyncio.wait_for(self._settled.wait(), CLOSE_SECONDS)
        except TimeoutError:
            log.error("close.timeout")
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._fail_members(lambda: StorageUnavailable("the store is closing"))
