"""The embedded engine: SQLite in WAL mode, `synchronous=FULL`, one writing process, group commit.

Only apsw may open the file: its SQLite is newer than the standard library's, and two copies of SQLite in one process
break each other's locks (https://www.sqlite.org/howtocorrupt.html §2.2.1).
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import apsw

from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction, Value
from pillarbox.store.dialect import SQLITE
from pillarbox.store.migrate import migrate
from pillarbox.store.sqlite_checkpoint import Checkpointer
from pillarbox.store.sqlite_readers import ReadBlock, Readers
from pillarbox.store.sqlite_writer import WriteBlock, Writer, inside

STATEMENT_CACHE = 256
CACHE_KIB = 32_000
READER_CACHE_KIB = 8_000
JOURNAL_LIMIT_OCTETS = 64 << 20


class SqliteDatabase:
    """`Database` on one file. Made and used in one running loop."""

    dialect = SQLITE

    def __init__(self, path: Path, *, vfs: str | None = None, strict: bool = False, synchronous: str = "full") -> None:
        self._path = str(path)
        self._vfs = vfs
        self._synchronous = synchronous
        writer = self._connect()
        writer.execute("pragma journal_mode = wal").fetchall()
        writer.execute(f"pragma synchronous = {synchronous}")
        writer.execute(f"pragma cache_size = -{CACHE_KIB}")
        writer.execute(f"pragma journal_size_limit = {JOURNAL_LIMIT_OCTETS}").fetchall()
        self._writer = Writer(writer, strict=strict)
        self._checkpointer = Checkpointer(self._writer, self._connect)
        self._readers = Readers(self._connect_reader)

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(self._path, vfs=self._vfs, statementcachesize=STATEMENT_CACHE)
        connection.wal_autocheckpoint(0)
        connection.execute("pragma temp_store = memory")
        return connection

    def _connect_reader(self) -> apsw.Connection:
        connection = self._connect()
        connection.execute("pragma query_only = true")
        connection.execute(f"pragma cache_size = -{READER_CACHE_KIB}")
        return connection

    def read(self, account_id: AccountId) -> AbstractAsyncContextManager[Transaction]:
        """A snapshot on a connection of its own."""
        return cast(AbstractAsyncContextManager[Transaction], ReadBlock(self._readers))

    def write(self, account_id: AccountId) -> AbstractAsyncContextManager[Transaction]:
        """A savepoint in the batch; left when the batch is on disk."""
        return cast(AbstractAsyncContextManager[Transaction], WriteBlock(self._writer))

    async def one(self, account_id: AccountId, sql: str, *values: Value) -> Row | None:
        """The first row of a single statement."""
        self._refuse_inside()
        return await self._readers.point.one(sql, *values)

    async def all(self, account_id: AccountId, sql: str, *values: Value) -> list[Row]:
        """The rows of a single statement."""
        self._refuse_inside()
        return await self._readers.point.all(sql, *values)

    async def value(self, account_id: AccountId, sql: str, *values: Value) -> Any:
        """The first value of a single statement."""
        self._refuse_inside()
        return await self._readers.point.value(sql, *values)

    def _refuse_inside(self) -> None:
        if inside.get() == "write":
            raise RuntimeError("a read within a write would see the state before it: use its tx")

    async def migrate(self) -> None:
        """Bring the schema up to date; forward only."""
        await migrate(self)

    async def close(self) -> None:
        """Finish what runs, refuse the rest, leave a short log behind."""
        await self._writer.close()
        await self._checkpointer.close()
        self._readers.close()
        connection = self._writer.connection
        connection.set_wal_hook(None)
        await asyncio.to_thread(self._truncate, connection)
        connection.close()

    @staticmethod
    def _truncate(connection: apsw.Connection) -> None:
        try:
            connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error:
            return  # the log stays as it is, and is read at the next start
