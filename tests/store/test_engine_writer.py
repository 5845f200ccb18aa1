"""Group commit from inside: what forms a batch, whose turn it is, and what an error does to whom."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from fault.recording_vfs import Recording, RecordingVfs, sync_failure, write_failure
from pillarbox.model.errors import InsufficientStorage, StorageBroken, StorageUnavailable
from pillarbox.store import sqlite_writer
from pillarbox.store.contract.engine import ONE, deliver, make_tables, put, words
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.store.sqlite_writer import State

WAIT_SECONDS = 20.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "mail.db", strict=True)
    await make_tables(opened)
    yield opened
    await opened.close()


@pytest.fixture
def no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_writer, "BATCH_SECONDS", 60.0)


def count_commits(database: SqliteDatabase) -> list[int]:
    commits: list[int] = []
    database._writer.connection.set_commit_hook(lambda: bool(commits.append(1)))
    return commits


async def deliver_all(database: SqliteDatabase, count: int) -> list[Any]:
    return await asyncio.gather(*(deliver(database, ONE, f"word {n}") for n in range(count)), return_exceptions=True)


@contextlib.asynccontextmanager
async def held_commit(database: SqliteDatabase) -> AsyncIterator["asyncio.Task[int]"]:
    """A delivery whose batch the commit thread has, and does not begin on before the block is left."""
    while database._writer.state is not State.IDLE:  # the thread may still have the connection of the commit before
        await asyncio.sleep(0)
    go_on = threading.Event()
    database._writer._jobs.put(lambda: assert_set(go_on))
    task = asyncio.ensure_future(deliver(database, ONE, "ahead"))
    while database._writer.state is not State.COMMITTING:
        await asyncio.sleep(0)
    try:
        yield task
    finally:
        go_on.set()


def assert_set(event: threading.Event) -> None:
    assert event.wait(WAIT_SECONDS)


# --- batches ---------------------------------------------------------------------------------------------------------


async def test_all_who_are_ready_in_one_loop_step_share_a_commit(database: SqliteDatabase, no_time_limit: None):
    commits = count_commits(database)
    assert await deliver_all(database, 100) == list(range(1, 101))
    assert len(commits) == 1


async def test_a_batch_is_sealed_at_256_transactions(database: SqliteDatabase, no_time_limit: None):
    commits = count_commits(database)
    assert await deliver_all(database, 600) == list(range(1, 601))
    assert len(commits) == 3


async def test_a_batch_is_sealed_at_2000_changed_rows(database: SqliteDatabase, no_time_limit: None):
    async def write_many(start: int) -> None:
        async with database.write(ONE) as tx:
            rows = [(ONE, start + n, str(start + n)) for n in range(1_000)]
            await tx.run_many("insert into contract_change (account_id, modseq, word) values ($1, $2, $3)", rows)

    commits = count_commits(database)
    await asyncio.gather(*(write_many(n * 1_000) for n in range(4)))
    assert len(commits) == 2


async def test_a_batch_is_sealed_when_it_has_been_open_too_long(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite_writer, "BATCH_SECONDS", 0.0)
    commits = count_commits(database)
    await deliver_all(database, 5)
    assert len(commits) == 5


async def test_who_comes_during_commit_waits_in_order_and_is_the_next_batch(
    database: SqliteDatabase, no_time_limit: None
):
    commits = count_commits(database)
    order: list[int] = []

    async def work(number: int) -> None:
        async with database.write(ONE) as tx:
            order.append(number)
            await put(tx, ONE, str(number))

    async with held_commit(database) as ahead:
        waiting = [asyncio.ensure_future(work(number)) for number in range(30)]
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(ahead, *waiting)
    assert order == list(range(30))
    assert len(commits) == 2


async def test_a_batch_of_which_nothing_is_left_is_not_committed(database: SqliteDatabase):
    async def fail() -> None:
        async with database.write(ONE) as tx:
            await put(tx, ONE, "never")
            raise LookupError

    commits = count_commits(database)
    found = await asyncio.gather(*(fail() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, LookupError) for one in found)
    assert commits == []
    assert not database._writer.connection.in_transaction


# --- turns -----------------------------------------------------------------------------------------------------------


async def test_a_turn_handed_to_one_who_is_cancelled_in_the_same_step_is_passed_on(database: SqliteDatabase):
    before = database._writer.on_commit

    def cancel_now() -> None:
        assert database._writer.state is State.BUSY
        victim.cancel()
        database._writer.on_commit = before

    async with held_commit(database) as ahead:
        victim = asyncio.ensure_future(deliver(database, ONE, "never"))
        last = asyncio.ensure_future(deliver(database, ONE, "last"))
        await asyncio.sleep(0)
        assert len(database._writer._queue) == 2
        database._writer.on_commit = cancel_now
    assert await asyncio.wait_for(last, WAIT_SECONDS) == 2
    assert await ahead == 1
    assert victim.cancelled()
    assert await words(database, ONE) == ["ahead", "last"]


async def test_one_who_is_cancelled_in_the_queue_leaves_it(database: SqliteDatabase):
    async with held_commit(database) as ahead:
        victim = asyncio.ensure_future(deliver(database, ONE, "never"))
        await asyncio.sleep(0)
        assert len(database._writer._queue) == 1
        victim.cancel()
        await asyncio.gather(victim, return_exceptions=True)
        assert not database._writer._queue
    assert await ahead == 1
    assert await deliver(database, ONE, "last") == 2


# --- BEGIN that finds the file locked --------------------------------------------------------------------------------


@pytest.fixture
def stranger(tmp_path: Path, database: SqliteDatabase) -> apsw.Connection:
    """Another writer, against the rules, in a transaction."""
    connection = apsw.Connection(str(tmp_path / "mail.db"))
    connection.execute("begin immediate")
    return connection


async def started(database: SqliteDatabase, word: str) -> "asyncio.Task[int]":
    task = asyncio.ensure_future(deliver(database, ONE, word))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_a_locked_file_is_waited_for_but_not_on_the_loop(database: SqliteDatabase, stranger: apsw.Connection):
    task = await started(database, "first")
    assert not task.done()
    stranger.execute("commit")
    stranger.close()
    assert await asyncio.wait_for(task, WAIT_SECONDS) == 1


async def test_a_file_that_stays_locked_is_unavailable(
    database: SqliteDatabase, stranger: apsw.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite_writer, "BUSY_MILLISECONDS", 1)
    with pytest.raises(StorageUnavailable):
        await deliver(database, ONE, "never")
    stranger.close()
    assert await deliver(database, ONE, "first") == 1


async def test_one_who_is_cancelled_before_a_locked_file_gives_the_turn_back(
    database: SqliteDatabase, stranger: apsw.Connection
):
    task = await started(database, "never")
    other = await started(database, "first")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    stranger.close()
    assert await asyncio.wait_for(other, WAIT_SECONDS) == 1
    assert await words(database, ONE) == ["first"]


# --- errors of the disk ----------------------------------------------------------------------------------------------


class Faulty:
    """A store on a disk that fails when told to."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.failing: Callable[[str, str], BaseException | None] = lambda kind, name: None
        self.vfs = RecordingVfs(Recording(), failure=lambda kind, name: self.failing(kind, name))
        self.database = SqliteDatabase(path, vfs=self.vfs.name, strict=True, **options)


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[Faulty]:
    opened = Faulty(tmp_path / "faulty.db", checkpoint_pages=20)
    await make_tables(opened.database)
    yield opened
    opened.failing = lambda kind, name: None
    await opened.database.close()
    opened.vfs.unregister()


async def test_after_a_failed_sync_the_store_takes_no_more_writes(faulty: Faulty):
    database = faulty.database
    assert await deliver(database, ONE, "first") == 1
    failures = iter([sync_failure()])
    faulty.failing = lambda kind, name: next(failures, None) if kind == "sync" else None
    found = await deliver_all(database, 300)
    assert len(found) == 300 and all(isinstance(one, StorageBroken) for one in found)
    with pytest.raises(StorageBroken):
        await deliver(database, ONE, "never")
    assert await words(database, ONE) == ["first"]


async def test_after_a_failed_sync_in_a_checkpoint_the_store_takes_no_more_writes(faulty: Faulty):
    database = faulty.database
    faulty.failing = lambda kind, name: sync_failure() if kind == "sync" and name.endswith(".db") else None
    told = 0
    with pytest.raises(StorageBroken):
        for number in range(10_000):
            told = await deliver(database, ONE, f"word {number}")
    assert told > 0
    assert len(await words(database, ONE)) >= told


async def test_a_failed_write_in_commit_is_temporary(faulty: Faulty):
    database = faulty.database
    faulty.failing = lambda kind, name: write_failure() if kind == "write" else None
    found = await deliver_all(database, 20)
    assert all(type(one) is StorageUnavailable for one in found)
    faulty.failing = lambda kind, name: None
    assert await deliver_all(database, 20) == list(range(1, 21))


async def test_a_refusal_that_rests_on_a_batch_which_fails_is_none(faulty: Faulty):
    async def refused_by_first() -> None:
        async with faulty.database.write(ONE) as tx:
            assert await tx.value("select count(*) from contract_change") == 1
            raise LookupError

    faulty.failing = lambda kind, name: write_failure() if kind == "write" else None
    found = await asyncio.gather(deliver(faulty.database, ONE, "first"), refused_by_first(), return_exceptions=True)
    assert [type(one) for one in found] == [StorageUnavailable, StorageUnavailable]
    assert await words(faulty.database, ONE) == []


async def test_a_full_disk_in_commit_is_insufficient_storage(faulty: Faulty):
    def full(kind: str, name: str) -> BaseException | None:
        if kind != "write":
            return None
        error = apsw.FullError("full, on purpose")
        error.extendedresult = apsw.SQLITE_FULL
        return error

    faulty.failing = full
    found = await deliver_all(faulty.database, 20)
    assert all(isinstance(one, InsufficientStorage) for one in found)
    faulty.failing = lambda kind, name: None
    assert await deliver_all(faulty.database, 20) == list(range(1, 21))


# --- what is deleted -------------------------------------------------------------------------------------------------


async def test_nothing_is_left_in_the_file_of_a_row_that_is_deleted(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "mail.db", strict=True)
    await make_tables(database)
    await deliver_all(database, 20)
    await deliver(database, ONE, "a key that nobody may have any more")
    async with database.write(ONE) as tx:
        await tx.run("delete from contract_change where word like 'a key%'")
    await database.close()
    assert b"that nobody may have" not in (tmp_path / "mail.db").read_bytes()


# --- end -------------------------------------------------------------------------------------------------------------


async def test_close_does_not_wait_for_ever_for_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite_writer, "CLOSE_SECONDS", 0.01)
    database = SqliteDatabase(tmp_path / "stuck.db")
    await make_tables(database)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with database.write(ONE) as tx:
            await put(tx, ONE, "never")
            begun.set()
            await go_on.wait()

    task = asyncio.ensure_future(work())
    await begun.wait()
    await asyncio.wait_for(database.close(), WAIT_SECONDS)
    go_on.set()
    with pytest.raises(StorageUnavailable):
        await asyncio.wait_for(task, WAIT_SECONDS)
    database = SqliteDatabase(tmp_path / "stuck.db")
    assert await words(database, ONE) == []
    await database.close()


async def test_a_body_that_waits_is_logged_where_it_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    database = SqliteDatabase(tmp_path / "lenient.db", strict=False)
    await make_tables(database)
    async with database.write(ONE) as tx:
        await put(tx, ONE, "first")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert "transaction.waited" in capsys.readouterr().out
    assert await words(database, ONE) == ["first"]
    await database.close()
