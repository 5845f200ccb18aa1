"""Rows of `setting`: what the system has made for itself once and keeps."""

from pillarbox.store.base import Transaction


async def keep_setting(tx: Transaction, name: str, value: str) -> str:
    """The value that is kept under this name: the given one, unless there is one already."""
    await tx.run("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing", name, value)
    return str(await tx.value("select value from setting where name = $1", name))


async def find_setting(tx: Transaction, name: str) -> str | None:
    """The value, or None."""
    found: str | None = await tx.value("select value from setting where name = $1", name)
    return found
