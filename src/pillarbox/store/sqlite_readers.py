"""Reader connections: each snapshot has its own; single statements share one, since they never suspend."""

import asyncio
from collections import deque
from collections.abc import Callable

import apsw

from pillarbox.model.errors import StorageUnavailable
from pillarbox.store.sqlite_statements import Statements, meaning

READERS = 32
SNAPSHOT_SECONDS = 5.0


class Readers:
    """A pool, last in first out, opened as needed."""

    def __init__(self, connect: Callable[[], apsw.Connection], *, snapshot_seconds: float = SNAPSHOT_SECONDS) -> None:
        self._connect = connect
        self._snapshot_seconds = snapshot_seconds
        self._loop = asyncio.get_running_loop()
        self._free: list[apsw.Connection] = []
        self._opened = 0
        self._waiting: deque[asyncio.Future[apsw.Connection]] = deque()
        self._began: dict[apsw.Connection, float] = {}
        self._closed = False
        self.point = Statements(connect())

    async def take(self) -> apsw.Connection:
        """A connection; waits when all are out. Raises: StorageUnavailable."""
        if self._closed:
            raise StorageUnavailable("the store is closing")
        if self._free:
            return self._free.pop()
        if self._opened < READERS:
            return self._open()
        future: asyncio.Future[apsw.Connection] = self._loop.create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give(future.result())
            raise

    def _open(self) -> apsw.Connection:
        try:
            connection = self._connect()
        except apsw.Error as error:
            raise meaning(error) from error
        self._opened += 1
        return connection

    def note_snapshot(self, connection: apsw.Connection) -> float:
        """A snapshot begins here; the loop's time at which it is too old."""
        now = self._loop.time()
        self._began[connection] = now
        return now + self._snapshot_seconds

    def oldest_seconds(self) -> float:
        """How long the oldest snapshot has been open; 0 when there is none."""
        return self._loop.time() - min(self._began.values()) if self._began else 0.0

    def give(self, connection: apsw.Connection) -> None:
        """Back to the pool, or to who waits first."""
        self._began.pop(connection, None)
        if self._closed:
            connection.close()
            return
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return
        self._free.append(connection)

    def close(self) -> None:
        """Close what is free; the rest closes as it comes back."""
        self._closed = True
        for future in self._waiting:
            if not future.done():
                future.set_exception(StorageUnavailable("the store is closing"))
        self._waiting.clear()
        for connection in self._free:
            connection.close()
        self._free.clear()
        self.point.connection.close()
