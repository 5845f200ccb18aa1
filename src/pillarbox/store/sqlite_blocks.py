"""The two blocks: `async with database.write(account) as tx` and `async with database.read(account) as tx`.

What must never happen in one task: a block within a write. A write within it would wait for itself; a read would see
the state from before the batch.
"""

import asyncio
import contextvars
from types import TracebackType
from typing import Any

import apsw

from pillarbox.store.sqlite_readers import Readers
from pillarbox.store.sqlite_statements import SqliteTransaction, meaning
from pillarbox.store.sqlite_writer import Writer, log

_writing: contextvars.ContextVar["asyncio.Task[Any] | None"] = contextvars.ContextVar("pillarbox_writing", default=None)


def refuse_within_write() -> None:
    """Raises: RuntimeError when this task is inside a write. A task that a body starts is not: it has its own turn."""
    if _writing.get() is not None and _writing.get() is asyncio.current_task():
        raise RuntimeError("a transaction within a write: use its tx")


class WriteBlock:
    """A savepoint in the batch, left when the batch is on disk."""

    __slots__ = ("_marker", "_token", "_tx", "_waited", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waited = False

    async def __aenter__(self) -> SqliteTransaction:
        refuse_within_write()
        await self._writer.take_turn()
        self._tx = await self._writer.enter()
        self._token = _writing.set(asyncio.current_task())
        self._marker = asyncio.get_running_loop().call_soon(self._note_wait)
        return self._tx

    def _note_wait(self) -> None:
        """Runs in the next loop step, which a body that waits for its `tx` only does not live to see."""
        self._waited = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._marker.cancel()
        _writing.reset(self._token)
        has_failed = self._tx.has_failed
        self._tx.end()
        if error is None and has_failed:
            error = RuntimeError("a statement failed and the body went on as if it had not")
            self._writer.undo(error)
            raise error
        if self._waited:
            log.error("transaction.waited")
            if error is None and self._writer.strict:
                error = RuntimeError("a transaction's body waited for something other than its tx")
                self._writer.undo(error)
                raise error
        if error is not None:
            behind = self._writer.undo(error)
            if behind is not None:
                await behind
            return
        await self._writer.join(self._tx)


class ReadBlock:
    """One snapshot on a connection of its own."""

    __slots__ = ("_connection", "_readers", "_tx")

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def __aenter__(self) -> SqliteTransaction:
        refuse_within_write()
        self._connection = await self._readers.take()
        try:
            self._connection.execute("begin")
        except apsw.Error as error:
            self._readers.give(self._connection)
            raise meaning(error) from error
        self._tx = SqliteTransaction(self._connection, deadline=self._readers.note_snapshot(self._connection))
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tx.end()
        try:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
        except apsw.Error as problem:
            raise meaning(problem) from problem
        finally:
            self._readers.give(self._connection)
