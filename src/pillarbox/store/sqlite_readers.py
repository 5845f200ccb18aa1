"""Reader connections: each snapshot has its own; single statements share one, since they never suspend."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType

import apsw

from pillarbox.model.errors import StorageUnavailable
from pillarbox.store.sqlite_statements import SqliteTransaction, meaning
from pillarbox.store.sqlite_writer import inside

READERS = 32
SNAPSHOT_SECONDS = 5.0


class Readers:
    """A pool, last in first out, opened as needed."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._free: list[apsw.Connection] = []
        self._opened = 0
        self._waiting: deque[asyncio.Future[apsw.Connection]] = deque()
        self._closed = False
        self.point = SqliteTransaction(connect())
        self._point_connection = self.point._connection

    async def take(self) -> apsw.Connection:
        """A connection; waits when all are out."""
        if self._closed:
            raise StorageUnavailable("the store is closing")
        if self._free:
            return self._free.pop()
        if self._opened < READERS:
            self._opened += 1
            return self._connect()
        future: asyncio.Future[apsw.Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(future.result())
            raise

    def give(self, connection: apsw.Connection) -> None:
        """Back to the pool, or to who waits first."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return
        if self._closed:
            connection.close()
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Close what is free; the rest closes as it comes back."""
        self._closed = True
        for connection in self._free:
            connection.close()
        self._free.clear()
        self._point_connection.close()


class ReadBlock:
    """`async with database.read(account) as tx`: one snapshot."""

    __slots__ = ("_connection", "_readers", "_token")

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def __aenter__(self) -> SqliteTransaction:
        if inside.get() == "write":
            raise RuntimeError("a snapshot within a write would see the state before it: use its tx")
        self._connection = await self._readers.take()
        try:
            self._connection.execute("begin")
        except apsw.Error as error:
            self._readers.give(self._connection)
            raise meaning(error) from error
        return SqliteTransaction(self._connection)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
        finally:
            self._readers.give(self._connection)
