"""SQLite as the checks see it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import apsw

from pillarbox.store.base import Database
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.store.sqlite_readers import SNAPSHOT_SECONDS

NO_LIMIT_PAGES = 4_294_967_294


class SqliteEngine:
    """One file."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.asynccontextmanager
    async def open(self, *, strict: bool = True, snapshot_seconds: float | None = None) -> AsyncIterator[Database]:
        """The file, closed at the end of the block."""
        seconds = SNAPSHOT_SECONDS if snapshot_seconds is None else snapshot_seconds
        database = SqliteDatabase(self._path, strict=strict, snapshot_seconds=seconds)
        try:
            yield database
        finally:
            await database.close()

    def limit_room(self, database: Database, octets: int | None) -> None:
        """By the number of pages."""
        connection = cast(SqliteDatabase, database)._writer.connection
        [(pages, size)] = connection.execute("select page_count, page_size from pragma_page_count, pragma_page_size")
        limit = NO_LIMIT_PAGES if octets is None else pages + octets // size
        connection.execute(f"pragma max_page_count = {limit}").fetchall()

    async def problems(self, database: Database) -> list[str]:
        """By `integrity_check`."""
        connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            rows = connection.execute("pragma integrity_check").fetchall()
        finally:
            connection.close()
        return [str(row[0]) for row in rows if row[0] != "ok"]
