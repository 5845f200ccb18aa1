"""Migrations: numbered texts in `migrations/`, each in one transaction, forward only."""

import re
from importlib import resources
from typing import Protocol

from pillarbox.model.errors import StorageUnavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.store.base import Database
from pillarbox.store.dialect import Dialect

NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\{[a-z_]+\}|;|[^'"/{;-]+|.""",
    re.S,
)


class Migratable(Database, Protocol):
    """A database that knows its dialect."""

    dialect: Dialect


def texts() -> list[tuple[int, str]]:
    """(number, SQL) of all migrations that this program knows, in order: 1, 2, 3 …"""
    found = []
    for entry in resources.files("pillarbox.store.migrations").iterdir():
        match = NAME.fullmatch(entry.name)
        if match:
            found.append((int(match[1]), entry.read_text("utf-8")))
    found.sort()
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise RuntimeError("migrations are not numbered one by one")
    return found


def statements(text: str, dialect: Dialect) -> list[str]:
    """The statements of a migration: comments gone, type names filled in, one at a time (several in one `execute`
    would stop at the first that yields rows). A `;` or `--` in quotes is neither an end nor a comment."""
    found: list[str] = []
    pieces: list[str] = []
    for match in TOKEN.finditer(text):
        piece = match.group()
        if piece == ";":
            found.append("".join(pieces))
            pieces = []
        elif piece.startswith(("--", "/*")):
            pieces.append(" ")
        elif piece.startswith("{"):
            pieces.append(dialect.types[piece[1:-1]])
        else:
            pieces.append(piece)
    found.append("".join(pieces))
    return [statement.strip() for statement in found if statement.strip()]


async def migrate(database: Migratable) -> None:
    """Bring the schema up to date.

    Raises: StorageUnavailable when the store was written by a newer program.
    After a crash each migration is there whole or not at all.
    """
    types = database.dialect.types
    async with database.write(SYSTEM_ACCOUNT) as tx:
        await tx.run(f"create table if not exists schema_version (version {types['bigint']} not null primary key)")
    current = await database.value(SYSTEM_ACCOUNT, "select max(version) from schema_version") or 0
    known = texts()
    if current > len(known):
        raise StorageUnavailable(f"the store has schema {current}, this program knows {len(known)}: use a newer one")
    for number, text in known:
        if number <= current:
            continue
        async with database.write(SYSTEM_ACCOUNT) as tx:
            for statement in statements(text, database.dialect):
                await tx.run(statement)
            await tx.run("insert into schema_version (version) values ($1)", number)
