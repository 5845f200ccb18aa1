"""SQL for SQLite: `$1` parameters, errors by meaning, and the transaction that runs statements inline.

`$1` is a *name* in SQLite, numbered by first appearance; `?1` is what `$1` means here.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import apsw

from pillarbox.model.errors import Conflict, InsufficientStorage, MailError, StorageBroken, StorageUnavailable
from pillarbox.store.base import ALL_ROWS_LIMIT, BATCH_ROWS, Row, Value

_PARAMETER = re.compile(r"\$(\d+)")
_texts: dict[str, str] = {}

_SYNC_FAILURES = {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC}


def native(sql: str) -> str:
    """The text as SQLite takes it; kept, since there are only so many texts."""
    text = _texts.get(sql)
    if text is None:
        text = _texts[sql] = _PARAMETER.sub(r"?\1", sql)
    return text


def is_sync_failure(error: apsw.Error) -> bool:
    """After a failed sync the kernel may call the pages clean: nothing written since can be trusted."""
    return getattr(error, "extendedresult", 0) in _SYNC_FAILURES


def meaning(error: apsw.Error) -> Exception:
    """The error as the waist has it; what is none of those is a bug of ours."""
    if isinstance(error, apsw.ConstraintError):
        return Conflict("that is there already")
    if isinstance(error, apsw.FullError):
        return InsufficientStorage("no room on the disk")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError) or is_sync_failure(error):
        return StorageBroken("the store cannot be trusted; it takes no more writes")
    if isinstance(error, apsw.IOError | apsw.BusyError | apsw.LockedError | apsw.NoMemError | apsw.CantOpenError):
        return StorageUnavailable("the store could not do it now")
    if isinstance(error, MailError):
        return error
    return RuntimeError(f"statement failed: {error}")


class SqliteTransaction:
    """Statements on one connection. Its coroutines never suspend, but for `batches` between two lists."""

    __slots__ = ("_connection", "hooks", "rows_changed")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.hooks: list[Callable[[], None]] = []
        self.rows_changed = 0

    def _rows(self, sql: str, values: Sequence[Value]) -> list[Row]:
        try:
            return self._connection.execute(native(sql), values).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """All rows, at most `ALL_ROWS_LIMIT`."""
        rows = self._rows(sql, values)
        if len(rows) > ALL_ROWS_LIMIT:
            raise RuntimeError("too many rows for all(): page by key, or use batches()")
        return rows

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        rows = self._rows(sql, values)
        return rows[0][0] if rows else None

    async def run(self, sql: str, *values: Value) -> None:
        """Execute."""
        self.rows_changed += 1
        self._rows(sql, values)

    async def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute for each row of values."""
        try:
            many = list(rows)
            self.rows_changed += len(many)
            self._connection.executemany(native(sql), many)
        except apsw.Error as error:
            raise meaning(error) from error

    async def batches(self, sql: str, *values: Value) -> AsyncIterator[list[Row]]:
        """Rows in lists of at most `BATCH_ROWS`, a loop step between them."""
        try:
            cursor = self._connection.cursor()
            found = cursor.execute(native(sql), values)
            while True:
                rows = found.fetchmany(BATCH_ROWS) if hasattr(found, "fetchmany") else _take(found)
                if rows:
                    yield rows
                if len(rows) < BATCH_ROWS:
                    return
                await asyncio.sleep(0)
        except apsw.Error as error:
            raise meaning(error) from error

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` on the loop once this is durable."""
        self.hooks.append(hook)


def _take(cursor: apsw.Cursor) -> list[Row]:
    rows: list[Row] = []
    for row in cursor:
        rows.append(row)
        if len(rows) == BATCH_ROWS:
            break
    return rows
