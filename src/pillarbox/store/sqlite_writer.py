"""Group commit: one writer connection on which the loop and a commit thread take turns.

     task                    loop: owns the connection                 commit thread
     write() ── turn free? ─no─► queue (FIFO) ◄── all that comes during COMMIT
                  │ yes
                  ▼
            BEGIN IMMEDIATE (first of a batch), SAVEPOINT
            body: statements inline
            done: RELEASE, join the batch     error: ROLLBACK TO, RELEASE, raise at once
                  ▼
            turn to the next in the queue, one for each loop step
                  ▼ queue empty or batch full
            seal ───────────────── connection ───────────────► COMMIT (write, sync)
            hooks in order, then the waiting tasks ◄── outcome ──┘

States: IDLE; OPEN (a batch has begun); BUSY (a body has the turn); COMMITTING (the thread has the connection). The
state changes on the loop only, the thread touches the connection only between hand-over and outcome: no mutex exists.
What must never happen: a waiter told of success before its batch is on disk.
"""

import asyncio
import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from types import TracebackType

import apsw
import structlog

from pillarbox.model.errors import StorageBroken, StorageUnavailable
from pillarbox.store.sqlite_statements import SqliteTransaction, is_sync_failure, meaning

BATCH_TRANSACTIONS = 256
BATCH_SECONDS = 0.005
BATCH_ROWS_CHANGED = 2_000
BUSY_MILLISECONDS = 5_000

log = structlog.get_logger("store")
inside: contextvars.ContextVar[str] = contextvars.ContextVar("pillarbox_transaction", default="")


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
        self._rows = 0
        self._seal_asked = False
        self._settled: asyncio.Event = asyncio.Event()
        self._settled.set()
        self._jobs: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_thread, name="pillarbox-commit", daemon=True)
        self._thread.start()

    # --- turns ---------------------------------------------------------------------------------------------------

    async def take_turn(self) -> None:
        """Wait until the connection is this task's. Raises: StorageBroken, StorageUnavailable (closing)."""
        self._refuse_if_over()
        if self.state in (State.IDLE, State.OPEN) and not self._queue:
            self.state = State.BUSY
        else:
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
        self._settled.clear()

    def _refuse_if_over(self) -> None:
        if self.broken:
            raise StorageBroken("the store takes no writes until a restart")
        if self.closing:
            raise StorageUnavailable("the store is closing")

    def _pass_turn(self) -> None:
        """Give the turn to the first in the queue, or let the batch be sealed."""
        self.state = State.OPEN if self.connection.in_transaction else State.IDLE
        while self._queue and not self._is_full():
            turn = self._queue.popleft()
            if not turn.done():
                self.state = State.BUSY
                turn.set_result(None)
                return
        if self.state is State.IDLE:
            self._settle()
        elif self._is_full():
            self._seal()
        elif not self._seal_asked:
            self._seal_asked = True
            self._loop.call_soon(self._seal_when_open)

    def _is_full(self) -> bool:
        return bool(self._members) and (
            len(self._members) >= BATCH_TRANSACTIONS
            or self._rows >= BATCH_ROWS_CHANGED
            or self._loop.time() - self._began >= BATCH_SECONDS
        )

    def _settle(self) -> None:
        if not self._queue and not self._members:
            self._settled.set()

    # --- one transaction -----------------------------------------------------------------------------------------

    def enter(self) -> SqliteTransaction:
        """Begin the batch if need be, and this transaction in it."""
        try:
            if not self.connection.in_transaction:
                self._began = self._loop.time()
                self._rows = 0
                self.connection.execute("begin immediate")
            self.connection.execute("savepoint t")
        except apsw.Error as error:
            self._pass_turn()
            raise meaning(error) from error
        return SqliteTransaction(self.connection)

    def join(self, tx: SqliteTransaction) -> "asyncio.Future[None]":
        """The body is done: its work waits for COMMIT. The answer's result comes with durability."""
        try:
            self.connection.execute("release t")
        except apsw.Error as error:
            self.undo(error)
            raise meaning(error) from error
        future: asyncio.Future[None] = self._loop.create_future()
        self._members.append(Member(future, tx.hooks))
        self._rows += tx.rows_changed
        self._pass_turn()
        return future

    def undo(self, error: BaseException) -> None:
        """The body failed: take back its savepoint, or all if SQLite has already done so."""
        if self.connection.in_transaction:
            self.connection.execute("rollback to t")
            self.connection.execute("release t")
            if not self._members:
                self.connection.execute("rollback")
        else:
            self._fail_members(StorageUnavailable("the store could not do it now"))
        if isinstance(error, StorageBroken):
            self.broken = True
        self._pass_turn()

    def _fail_members(self, error: Exception) -> None:
        members, self._members = self._members, []
        for member in members:
            if not member.future.done():
                member.future.set_exception(error)
                member.future.exception()

    # --- commit --------------------------------------------------------------------------------------------------

    def _seal_when_open(self) -> None:
        self._seal_asked = False
        if self.state is State.OPEN:
            self._seal()

    def _seal(self) -> None:
        self.state = State.COMMITTING
        self._jobs.put(True)

    def _commit_thread(self) -> None:
        while self._jobs.get():
            error: apsw.Error | None = None
            try:
                self.connection.execute("commit")
            except apsw.Error as problem:
                error = problem
            rest = self.after_report if error is None else None
            if rest is None:
                self._loop.call_soon_threadsafe(self._report, error, True)
                continue
            self._loop.call_soon_threadsafe(self._report, None, False)
            rest()
            self._loop.call_soon_threadsafe(self._take_back)

    def _report(self, error: apsw.Error | None, back: bool) -> None:
        members, self._members = self._members, []
        if error is None:
            for member in members:
                for hook in member.hooks:
                    self._call(hook)
            for member in members:
                if not member.future.done():
                    member.future.set_result(None)
        else:
            self._report_failure(error, members)
        if back:
            self._take_back()

    def _report_failure(self, error: apsw.Error, members: list[Member]) -> None:
        if self.connection.in_transaction:
            self.connection.execute("rollback")
        if is_sync_failure(error):
            self.broken = True
        problem = meaning(error)
        log.error("commit.failed", status=str(error), count=len(members))
        for member in members:
            if not member.future.done():
                member.future.set_exception(problem)

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

    async def close(self, timeout_seconds: float = 5.0) -> None:
        """Refuse what waits, finish what runs, join the thread."""
        self.closing = True
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(StorageUnavailable("the store is closing"))
        try:
            await asyncio.wait_for(self._settled.wait(), timeout_seconds)
        except TimeoutError:
            log.error("close.timeout")
        self._jobs.put(False)
        await asyncio.to_thread(self._thread.join)


class WriteBlock:
    """`async with database.write(account) as tx`."""

    __slots__ = ("_marker", "_token", "_tx", "_waited", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waited = False

    async def __aenter__(self) -> SqliteTransaction:
        if inside.get():
            raise RuntimeError("a transaction within a transaction would wait for itself")
        writer = self._writer
        await writer.take_turn()
        self._tx = writer.enter()
        self._token = inside.set("write")
        self._marker = asyncio.get_running_loop().call_soon(self._note_wait)
        return self._tx

    def _note_wait(self) -> None:
        self._waited = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._marker.cancel()
        inside.reset(self._token)
        if error is not None:
            self._writer.undo(error)
            return
        if self._waited:
            log.error("transaction.waited")
            if self._writer.strict:
                problem = RuntimeError("a transaction's body waited for something other than its tx")
                self._writer.undo(problem)
                raise problem
        await self._writer.join(self._tx)
