"""The waist: what `core` and the SQL functions see of any engine. Nothing above knows which engine it is.

Rows are tuples, read by position. SQL is one text for all engines, with `$1` parameters of type int, str, bytes or
None. A transaction's body waits for nothing but its own `tx`: on SQLite it then runs without a gap.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from pillarbox.model.errors import StorageUnavailable
from pillarbox.model.ids import AccountId, BlobId, ModSeq
from pillarbox.store.dialect import Dialect

Value = int | str | bytes | None
Row = tuple[Any, ...]

ALL_ROWS_LIMIT = 5_000
BATCH_ROWS = 500


class SnapshotTooOld(StorageUnavailable):
    """A `read` has gone on for too long: it would keep the log from starting again. Page by key."""


class Transaction(Protocol):
    """Statements that take effect together or not at all.

    After a statement has failed every further one is refused, and so is the whole: who expects a row to be there
    already writes ON CONFLICT DO NOTHING RETURNING and looks. Text with a NUL is `Invalid`.
    """

    @property
    def dialect(self) -> Dialect:
        """What differs between the engines."""
        ...

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        ...

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """All rows, at most `ALL_ROWS_LIMIT`: who may have more pages by key."""
        ...

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        ...

    async def run(self, sql: str, *values: Value) -> None:
        """Execute; who needs to know what happened writes RETURNING and reads it with `one`."""
        ...

    async def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute for each row of values: the way to write more than three."""
        ...

    def batches(self, sql: str, *values: Value) -> AsyncIterator[list[Row]]:
        """Rows in lists of at most `BATCH_ROWS`; in a `read` a loop step between them, in a `write` none.

        Raises: SnapshotTooOld, between two lists.
        """
        ...

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` on the loop once this is durable, before whoever waits for it goes on; never on rollback."""
        ...

    def moved(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Once this is durable, hint to whoever listens to `Database.signals` that the account has come so far."""
        ...


class Database(Protocol):
    """One store of metadata.

    Raises, from every method: `Conflict` (unique key), `InsufficientStorage`, `StorageUnavailable`, `StorageBroken`.
    Engine exceptions do not leave `store`; what a bug of ours causes (a missing table, null where none may be) is a
    RuntimeError.
    """

    @property
    def dialect(self) -> Dialect:
        """What differs between the engines."""
        ...

    @property
    def signals(self) -> "Signals":
        """Where transactions hint that accounts moved."""
        ...

    def read(self, account_id: AccountId) -> AbstractAsyncContextManager[Transaction]:
        """A snapshot: sees all that was durable when it began, and no later change."""
        ...

    def write(self, account_id: AccountId) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that is on disk when the block has been left. Do not nest, do not wait inside.

        An exception of the block undoes it, and comes out when all that the block has seen is durable: a refusal rests on
        nothing that may yet be gone, and who looks after it sees why. A task that is cancelled while the commit is
        under way leaves the block with CancelledError, and the transaction takes effect all the same, hooks included.
        """
        ...

    async def one(self, account_id: AccountId, sql: str, *values: Value) -> Row | None:
        """As in a `read` of this one statement."""
        ...

    async def all(self, account_id: AccountId, sql: str, *values: Value) -> list[Row]:
        """As in a `read` of this one statement."""
        ...

    async def value(self, account_id: AccountId, sql: str, *values: Value) -> Any:
        """As in a `read` of this one statement."""
        ...

    async def migrate(self) -> None:
        """Bring the schema up to date; forward only."""
        ...

    async def close(self) -> None:
        """Finish what runs (5 s at most), refuse the rest, leave a short log behind."""
        ...


class BlobWriter(Protocol):
    """One large content on its way in."""

    async def write(self, data: bytes) -> None:
        """Append, off the loop."""
        ...

    async def finish(self, blob: BlobId) -> None:
        """Durable under its name when this returns."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; may be called at any time, also twice."""
        ...


class BlobReader(Protocol):
    """An open large content; close it."""

    size_octets: int

    async def read(self, start: int, end: int) -> bytes:
        """Octets of the range, off the loop."""
        ...

    def view(self) -> Any:
        """All of it as a buffer that pages in what is touched (an mmap); valid until `close`."""
        ...

    def close(self) -> None:
        """Done."""
        ...


class Blobs(Protocol):
    """Large contents, named by their SHA-256. Small ones are rows of `content`."""

    def begin(self) -> BlobWriter:
        """A writer."""
        ...

    async def open(self, blob: BlobId) -> BlobReader:
        """A reader. Raises: NotFound."""
        ...

    async def size(self, blob: BlobId) -> int:
        """Octets. Raises: NotFound."""
        ...

    async def delete(self, blob: BlobId) -> None:
        """Gone; no error if it was not there."""
        ...

    def names(self, *, before: int | None = None) -> AsyncIterator[list[BlobId]]:
        """All that is there, or all that was written before then, in lists, for who looks for contents that nobody
        refers to."""
        ...


class Signals(Protocol):
    """Hints that an account moved. They may be lost: the table is the truth.

    What is published in one loop step is merged: each listener is called once, with the largest mod-sequence.
    """

    def publish(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Tell all who listen; call it from `after_commit`."""
        ...

    def listen(self, account_id: AccountId, callback: Callable[[ModSeq], None]) -> Callable[[], None]:
        """Be told; the answer ends it. A bound method is held weakly, so who is forgotten is not called."""
        ...
