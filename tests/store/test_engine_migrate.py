"""Migrations: in order, each whole or not at all, never backwards."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pillarbox.model.errors import StorageUnavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.store import migrate
from pillarbox.store.dialect import POSTGRESQL, SQLITE
from pillarbox.store.migrate import statements, texts
from pillarbox.store.sqlite import SqliteDatabase


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "mail.db", strict=True)
    yield opened
    await opened.close()


async def versions(database: SqliteDatabase) -> list[int]:
    return [row[0] for row in await database.all(SYSTEM_ACCOUNT, "select version from schema_version order by version")]


async def test_the_schema_of_the_product_is_made_and_made_once(database: SqliteDatabase):
    await database.migrate()
    await database.migrate()
    assert await versions(database) == [number for number, _ in texts()]
    assert await database.value(SYSTEM_ACCOUNT, "select count(*) from account") is not None


async def test_every_migration_has_a_form_for_every_engine():
    for _, text in texts():
        for dialect in (SQLITE, POSTGRESQL):
            assert all("{" not in statement and "--" not in statement for statement in statements(text, dialect))


async def test_a_store_of_a_newer_program_is_refused(database: SqliteDatabase):
    await database.migrate()
    async with database.write(SYSTEM_ACCOUNT) as tx:
        await tx.run("insert into schema_version (version) values ($1)", 99)
    with pytest.raises(StorageUnavailable, match=r"schema 99.*newer"):
        await database.migrate()


async def test_a_migration_that_fails_leaves_nothing_and_is_tried_again(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    good = (1, "create table a (x {bigint}) {strict_rowid};")
    monkeypatch.setattr(
        migrate, "texts", lambda: [good, (2, "create table b (x {bigint}); create table a (x {text});")]
    )
    with pytest.raises(RuntimeError):
        await database.migrate()
    assert await versions(database) == [1]
    monkeypatch.setattr(migrate, "texts", lambda: [good, (2, "create table b (x {bigint}); insert into a values (1);")])
    await database.migrate()
    assert await versions(database) == [1, 2]
    assert await database.value(SYSTEM_ACCOUNT, "select x from a") == 1


async def test_a_statement_that_yields_rows_does_not_hide_the_next(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    text = "create table a (x {bigint}); insert into a values (1), (2) returning x; insert into a values (3);"
    monkeypatch.setattr(migrate, "texts", lambda: [(1, text)])
    await database.migrate()
    assert await database.value(SYSTEM_ACCOUNT, "select count(*) from a") == 3


def test_quotes_and_comments_end_no_statement():
    text = """
    -- a comment; with a semicolon and 'a quote
    insert into a values ('x;y -- z', 'it''s {bigint}'); /* one ; more */
    create table "b;c" (x {bigint} - 1);;
    """
    assert statements(text, SQLITE) == [
        "insert into a values ('x;y -- z', 'it''s {bigint}')",
        'create table "b;c" (x integer - 1)',
    ]


def test_an_unknown_type_name_is_an_error():
    with pytest.raises(KeyError):
        statements("create table a (x {float})", SQLITE)


def test_migrations_are_numbered_one_by_one():
    assert [number for number, _ in texts()] == list(range(1, len(texts()) + 1))
