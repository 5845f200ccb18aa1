"""Checkpoints: the log starts again while writers go on, is short when nobody writes, and gone after `close`."""

import asyncio
from pathlib import Path

import apsw
import pytest

from pillarbox.store import sqlite_checkpoint
from pillarbox.store.contract.engine import ONE, deliver, make_tables, words
from pillarbox.store.sqlite import SqliteDatabase

PAGES = 50
PAGE_OCTETS = 4_096
TASKS = 20


async def deliver_many(database: SqliteDatabase, count: int, name: str = "word") -> None:
    async def work(task: int) -> None:
        for number in range(count // TASKS):
            await deliver(database, ONE, f"{name} {task}.{number}", octets=b"x" * 2_000)

    await asyncio.gather(*(work(task) for task in range(TASKS)))


def log_octets(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return log.stat().st_size if log.exists() else 0


async def test_the_log_starts_again_under_load(tmp_path: Path):
    path = tmp_path / "mail.db"
    database = SqliteDatabase(path, strict=True, checkpoint_pages=PAGES)
    await make_tables(database)
    await deliver_many(database, 4_000)
    assert path.stat().st_size > 8_000_000
    assert log_octets(path) < 4_000_000
    assert len(await words(database, ONE)) == 4_000
    await database.close()
    assert log_octets(path) == 0


async def test_an_old_snapshot_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    database = SqliteDatabase(tmp_path / "mail.db", strict=True, checkpoint_pages=PAGES)
    await make_tables(database)
    async with database.read(ONE) as tx:
        assert await tx.value("select count(*) from contract_change") == 0
        await deliver_many(database, 1_000)
        assert await tx.value("select count(*) from contract_change") == 0
    assert "checkpoint.late" in capsys.readouterr().out
    await database.close()


async def test_one_second_without_writes_copies_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite_checkpoint, "IDLE_SECONDS", 0.01)
    path = tmp_path / "mail.db"
    database = SqliteDatabase(path, strict=True)
    await make_tables(database)
    await deliver_many(database, 100)
    done = asyncio.Event()
    checkpointer = database._checkpointer
    before = checkpointer._bulk_done

    def note(then_rest: bool) -> None:
        before(then_rest)
        done.set()

    monkeypatch.setattr(checkpointer, "_bulk_done", note)
    await deliver(database, ONE, "last")
    await asyncio.wait_for(done.wait(), 20)
    stranger = apsw.Connection(str(path))
    pages, copied = stranger.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
    stranger.close()
    assert pages == copied
    assert checkpointer._pages == 0
    assert path.stat().st_size > 200_000
    await database.close()


async def test_a_rest_does_not_meet_another_checkpoint(tmp_path: Path):
    """The commit thread leaves the rest for later while a checkpoint is under way."""
    database = SqliteDatabase(tmp_path / "mail.db", strict=True)
    await make_tables(database)
    checkpointer = database._checkpointer
    copies: list[int] = []
    checkpointer._copy = lambda: copies.append(1)  # type: ignore[method-assign]
    running = asyncio.get_running_loop().run_in_executor(None, lambda: None)
    checkpointer._thread = running  # type: ignore[assignment]
    database._writer.after_report = checkpointer._rest
    await deliver(database, ONE, "first")
    assert copies == []
    assert database._writer.after_report is not None
    checkpointer._thread = None
    await deliver(database, ONE, "second")
    await deliver(database, ONE, "third")
    assert copies == [1]
    assert database._writer.after_report is None
    await database.close()
