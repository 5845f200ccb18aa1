"""SQL for SQLite: `$1` parameters, errors by meaning, and the transaction that runs statements inline.

`$1` is a *name* in SQLite, numbered by first appearance; `?1` is what `$1` means here. What must never happen: a cursor
that is left open when its transaction ends, since it would keep the connection's next snapshot at the old state.
"""

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import apsw

from pillarbox.model.errors import Conflict, InsufficientStorage, Invalid, StorageBroken, StorageUnavailable
from pillarbox.model.ids import AccountId, ModSeq
from pillarbox.store.base import ALL_ROWS_LIMIT, BATCH_ROWS, Row, Signals, SnapshotTooOld, Value
from pillarbox.store.dialect import SQLITE

FAILED = "an earlier statement of this transaction failed"
_PARAMETER = re.compile(r"\$(\d+)")
_texts: dict[str, str] = {}

_SYNC_FAILURES = {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC}
_KEY_TAKEN = {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID}


def native(sql: str) -> str:
    """The text as SQLite takes it; kept, since there are only so many texts."""
    text = _texts.get(sql)
    if text is None:
        text = _texts[sql] = _PARAMETER.sub(r"?\1", sql)
    return text


def check_values(values: Sequence[Value]) -> None:
    """Refuse here what another engine would refuse. Raises: Invalid (NUL in text), TypeError."""
    for value in values:
        kind = value.__class__
        if kind is str:
            if "\0" in value:  # type: ignore[operator]  # mypy does not narrow by __class__
                raise Invalid("text cannot hold a NUL")
        elif kind is not int and kind is not bytes and value is not None and not isinstance(value, int | str | bytes):
            raise TypeError(f"a parameter is int, str, bytes or None, not {kind.__name__}")


def is_sync_failure(error: apsw.Error) -> bool:
    """After a failed sync the kernel may call the pages clean: nothing written since can be trusted."""
    return getattr(error, "extendedresult", 0) in _SYNC_FAILURES


def is_fatal(error: apsw.Error) -> bool:
    """Whether the store must take no more writes."""
    return isinstance(error, apsw.CorruptError | apsw.NotADBError) or is_sync_failure(error)


def meaning(error: apsw.Error) -> Exception:
    """The error as the waist has it; what is none of those is a bug of ours."""
    if isinstance(error, apsw.ConstraintError) and getattr(error, "extendedresult", 0) in _KEY_TAKEN:
        return Conflict("that is there already")
    if isinstance(error, apsw.FullError):
        return InsufficientStorage("no room on the disk")
    if is_fatal(error):
        return StorageBroken("the store cannot be trusted; it takes no more writes")
    if isinstance(
        error,
        apsw.IOError
        | apsw.BusyError
        | apsw.LockedError
        | apsw.NoMemError
        | apsw.CantOpenError
        | apsw.ConnectionClosedError,
    ):
        return StorageUnavailable("the store could not do it now")
    return RuntimeError(f"statement failed: {error}")


class Statements:
    """Single statements on one connection, each for itself. Its coroutines never suspend."""

    __slots__ = ("connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, values: Sequence[Value]) -> list[Row]:
        """Execute to the end. Raises: as `Database`."""
        check_values(values)
        try:
            return self.connection.execute(native(sql), values).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error
        except OverflowError as error:
            raise Invalid("a number has more than 64 bits") from error

    def some(self, sql: str, values: Sequence[Value]) -> list[Row]:
        """At most `ALL_ROWS_LIMIT` rows. Raises: RuntimeError when there are more."""
        check_values(values)
        try:
            cursor = self.connection.execute(native(sql), values)
            rows: list[Row] = list(islice(cursor, ALL_ROWS_LIMIT + 1))
            cursor.close(True)
        except apsw.Error as error:
            raise meaning(error) from error
        except OverflowError as error:
            raise Invalid("a number has more than 64 bits") from error
        if len(rows) > ALL_ROWS_LIMIT:
            raise RuntimeError("too many rows for all(): page by key, or use batches()")
        return rows


class SqliteTransaction:
    """Statements that belong together. Its coroutines never suspend, but for `batches` of a snapshot.

    `deadline` is the loop's time at which a snapshot gets too old; None in a write. `signals` are hinted by a write.
    """

    __slots__ = ("_cursors", "_deadline", "_refusal", "_signals", "_statements", "hooks")

    dialect = SQLITE

    def __init__(
        self, connection: apsw.Connection, *, deadline: float | None = None, signals: Signals | None = None
    ) -> None:
        self._statements = Statements(connection)
        self._deadline = deadline
        self._signals = signals
        self._cursors: list[apsw.Cursor] = []
        self._refusal = ""
        self.hooks: list[Callable[[], None]] = []

    @property
    def has_failed(self) -> bool:
        """Whether a statement has failed, so that the whole must not take effect."""
        return bool(self._refusal)

    def _check_usable(self) -> None:
        if self._refusal:
            raise RuntimeError(self._refusal)

    def _rows(self, sql: str, values: Sequence[Value]) -> list[Row]:
        if self._refusal:
            raise RuntimeError(self._refusal)
        self._refusal = FAILED
        rows = self._statements.rows(sql, values)
        self._refusal = ""
        return rows

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """All rows, at most `ALL_ROWS_LIMIT`."""
        self._check_usable()
        self._refusal = FAILED
        rows = self._statements.some(sql, values)
        self._refusal = ""
        return rows

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        rows = self._rows(sql, values)
        return rows[0][0] if rows else None

    async def run(self, sql: str, *values: Value) -> None:
        """Execute."""
        self._rows(sql, values)

    async def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute for each row of values."""
        self._check_usable()
        many = list(rows)
        self._refusal = FAILED
        try:
            for values in many:
                check_values(values)
            self._statements.connection.executemany(native(sql), many).fetchall()
        except apsw.Error as error:
            raise meaning(error) from error
        except OverflowError as error:
            raise Invalid("a number has more than 64 bits") from error
        self._refusal = ""

    async def batches(self, sql: str, *values: Value) -> AsyncIterator[list[Row]]:
        """Rows in lists of at most `BATCH_ROWS`; in a snapshot a loop step between them."""
        self._check_usable()
        check_values(values)
        cursor = self._statements.connection.cursor()
        self._cursors.append(cursor)
        try:
            cursor.execute(native(sql), values)
            while rows := list(islice(cursor, BATCH_ROWS)):
                yield rows
                if len(rows) < BATCH_ROWS:
                    return
                await self._pause()
                self._check_usable()
        except apsw.Error as error:
            self._refusal = FAILED
            raise meaning(error) from error
        finally:
            cursor.close(True)
            if cursor in self._cursors:
                self._cursors.remove(cursor)

    async def _pause(self) -> None:
        """Let others run, in a snapshot; a write goes on without a gap, because no other lock is needed then."""
        if self._deadline is None:
            return
        if asyncio.get_running_loop().time() >= self._deadline:
            raise SnapshotTooOld("the reading took too long")
        await asyncio.sleep(0)

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` on the loop once this is durable."""
        self.hooks.append(hook)

    def moved(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Hint, once this is durable, that the account has come so far."""
        if self._signals is not None:
            self.hooks.append(functools.partial(self._signals.publish, account_id, modseq))

    def end(self) -> None:
        """The block has been left: whatever is still open is closed, whatever comes is refused."""
        for cursor in self._cursors:
            cursor.close(True)
        self._cursors.clear()
        self._refusal = self._refusal or "this transaction is over"
