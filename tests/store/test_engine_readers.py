"""The pool of readers from inside."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from pillarbox.model.errors import StorageUnavailable
from pillarbox.store.contract.engine import ONE, deliver, make_tables
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.store.sqlite_readers import READERS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "mail.db", strict=True)
    await make_tables(opened)
    yield opened
    await opened.close()


async def take_all(database: SqliteDatabase) -> list[apsw.Connection]:
    return [await database._readers.take() for _ in range(READERS)]


async def test_a_connection_handed_to_one_who_is_cancelled_is_not_lost(database: SqliteDatabase):
    taken = await take_all(database)
    victim = asyncio.ensure_future(database._readers.take())
    next_one = asyncio.ensure_future(database._readers.take())
    await asyncio.sleep(0)
    database._readers.give(taken.pop())
    victim.cancel()
    assert await asyncio.wait_for(next_one, 10) is not None
    assert victim.cancelled()
    for connection in [*taken, next_one.result()]:
        database._readers.give(connection)


async def test_closing_wakes_those_who_wait_for_a_connection(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "closing.db")
    taken = await take_all(database)
    waiting = asyncio.ensure_future(database._readers.take())
    await asyncio.sleep(0)
    await database.close()
    with pytest.raises(StorageUnavailable):
        await asyncio.wait_for(waiting, 10)
    for connection in taken:
        database._readers.give(connection)
    assert not database._readers._free


async def test_the_last_one_given_is_the_next_taken(database: SqliteDatabase):
    first, second = await database._readers.take(), await database._readers.take()
    database._readers.give(first)
    database._readers.give(second)
    assert await database._readers.take() is second
    database._readers.give(second)


async def test_the_age_of_the_oldest_snapshot_is_known(database: SqliteDatabase):
    assert database._readers.oldest_seconds() == 0.0
    async with database.read(ONE) as tx:
        await tx.value("select 1")
        before = database._readers.oldest_seconds()
        assert database._readers.oldest_seconds() >= before
        assert len(database._readers._began) == 1
    assert not database._readers._began


async def test_a_snapshot_taken_before_close_may_come_to_its_end(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "mail.db")
    await make_tables(database)
    await deliver(database, ONE, "first")
    async with database.read(ONE) as tx:
        assert await tx.value("select count(*) from contract_change") == 1
        await database.close()
        assert await tx.value("select count(*) from contract_change") == 1
