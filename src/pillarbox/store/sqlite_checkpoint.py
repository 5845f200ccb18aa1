"""Checkpoints: copies the write-ahead log back into the database, in a thread, never inside COMMIT.

From `START_PAGES` on, a thread copies the bulk while writers go on; then the next commit, after it has reported, copies
the small rest before the writer goes on, so that the log starts again. One second without writes makes it short. What
must never happen: two checkpoints at once, since they share a connection.
"""

import asyncio
import threading
from collections.abc import Callable

import apsw
import structlog

from pillarbox.store.sqlite_statements import is_fatal
from pillarbox.store.sqlite_writer import State, Writer

START_PAGES = 4_000
WARN_FACTOR = 4
IDLE_SECONDS = 1.0

log = structlog.get_logger("store")


class Checkpointer:
    """Watches one writer's log."""

    def __init__(
        self,
        writer: Writer,
        connect: Callable[[], apsw.Connection],
        *,
        start_pages: int = START_PAGES,
        oldest_snapshot_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._writer = writer
        self._start_pages = start_pages
        self._oldest_snapshot_seconds = oldest_snapshot_seconds
        self._connection = connect()
        self._connection.execute("select 1 from sqlite_schema").fetchall()  # it must have read to know of the log
        self._loop = asyncio.get_running_loop()
        self._thread: threading.Thread | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._pages = 0
        self._closed = False
        self._warned = False
        writer.connection.set_wal_hook(self._note_pages)
        writer.on_commit = self._after_commit

    def _note_pages(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _after_commit(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._loop.call_later(IDLE_SECONDS, self._when_idle)
        if self._pages >= self._start_pages and self._thread is None and self._writer.after_report is None:
            is_late = self._pages >= self._start_pages * WARN_FACTOR
            if is_late and not self._warned:
                log.warning("checkpoint.late", count=self._pages, seconds=self._oldest_snapshot_seconds())
            self._warned = is_late
            self._start(then_rest=True)

    def _when_idle(self) -> None:
        if self._pages and self._writer.state is State.IDLE and self._thread is None:
            self._start(then_rest=False)

    def _start(self, *, then_rest: bool) -> None:
        self._thread = threading.Thread(target=self._bulk, args=(then_rest,), name="pillarbox-checkpoint", daemon=True)
        self._thread.start()

    def _bulk(self, then_rest: bool) -> None:
        self._copy()
        self._loop.call_soon_threadsafe(self._bulk_done, then_rest)

    def _bulk_done(self, then_rest: bool) -> None:
        self._thread = None
        if then_rest and not self._closed:
            self._writer.after_report = self._rest
        elif not then_rest and self._writer.state is State.IDLE:
            self._pages = 0

    def _rest(self) -> None:
        """In the commit thread, while nobody writes: all is copied, and the next write begins the log anew."""
        if self._thread is None:
            self._copy()
            self._pages = 0
            self._writer.after_report = None

    def _copy(self) -> None:
        try:
            self._connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.error("checkpoint.failed", status=str(error))
            if is_fatal(error):
                self._loop.call_soon_threadsafe(self._refuse_writes)

    def _refuse_writes(self) -> None:
        self._writer.broken = True

    async def close(self) -> None:
        """Wait for the thread; the writer's own thread has ended."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        self._writer.on_commit = None
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self._connection.close()
