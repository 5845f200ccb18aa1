"""The embedded engine: SQLite in WAL mode, `synchronous=FULL`, one writing process, group commit.

Only apsw may open the file: its SQLite is newer than the standard library's, and two copies of SQLite in one process
break each other's locks (https://www.sqlite.org/howtocorrupt.html §2.2.1).
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import apsw

from pillarbox.model.errors import StorageUnavailable
from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction, Value
from pillarbox.store.dialect import SQLITE
from pillarbox.store.migrate import migrate
from pillarbox.store.sqlite_blocks import ReadBlock, WriteBlock, refuse_within_write
from pillarbox.store.sqlite_checkpoint import START_PAGES, Checkpointer
from pillarbox.store.sqlite_readers import SNAPSHOT_SECONDS, Readers
from pillarbox.store.sqlite_writer import Writer

STATEMENT_CACHE = 256
CACHE_KIB = 32_000
READER_CACHE_KIB = 8_000
JOURNAL_LIMIT_OCTETS = 64 << 20


class SqliteDatabase:
    """`Database` on one file. Made and used in one running loop.

    `strict` makes a body that waits for something foreign an error (it is logged in any case). The other options are
    for tests: a VFS that records or fails, `synchronous="normal"` to show what it loses, earlier checkpoints.

    Raises: StorageUnavailable when the file cannot be opened, or is no database.
    """

    dialect = SQLITE

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        strict: bool = False,
        synchronous: str = "full",
        checkpoint_pages: int = START_PAGES,
        snapshot_seconds: float = SNAPSHOT_SECONDS,
    ) -> None:
        self._path = str(path)
        self._vfs = vfs
        self._synchronous = synchronous
        self._closed = False
        try:
            writer = self._connect()
            writer.execute("pragma journal_mode = wal").fetchall()
            writer.execute(f"pragma cache_size = -{CACHE_KIB}")
            writer.execute("pragma secure_delete = fast").fetchall()  # deleted rows are overwritten (RFC 8620 §7.2)
            writer.execute(f"pragma journal_size_limit = {JOURNAL_LIMIT_OCTETS}").fetchall()
        except apsw.Error as error:
            raise StorageUnavailable(f"{path} cannot be opened: {error}") from error
        self._readers = Readers(self._connect_reader, snapshot_seconds=snapshot_seconds)
        self._writer = Writer(writer, strict=strict)
        self.signals = self._writer.signals
        self._checkpointer = Checkpointer(
            self._writer,
            self._connect,
            start_pages=checkpoint_pages,
            oldest_snapshot_seconds=self._readers.oldest_seconds,
        )

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(self._path, vfs=self._vfs, statementcachesize=STATEMENT_CACHE)
        connection.wal_autocheckpoint(0)
        connection.execute("pragma temp_store = memory")
        connection.execute(f"pragma synchronous = {self._synchronous}")
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
        refuse_within_write()
        rows = self._readers.point.rows(sql, values)
        return rows[0] if rows else None

    async def all(self, account_id: AccountId, sql: str, *values: Value) -> list[Row]:
        """The rows of a single statement."""
        refuse_within_write()
        return self._readers.point.some(sql, values)

    async def value(self, account_id: AccountId, sql: str, *values: Value) -> Any:
        """The first value of a single statement."""
        refuse_within_write()
        rows = self._readers.point.rows(sql, values)
        return rows[0][0] if rows else None

    async def migrate(self) -> None:
        """Bring the schema up to date; forward only."""
        await migrate(self)

    async def close(self) -> None:
        """Finish what runs, refuse the rest, leave a short log behind. May be called twice."""
        if self._closed:
            return
        self._closed = True
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
