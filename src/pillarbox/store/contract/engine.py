"""What a check asks of the engine under test, the tables that it uses, and the transaction that most checks run."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

from pillarbox.model.ids import AccountId
from pillarbox.store.base import Database, Transaction

ONE = AccountId(1)
TWO = AccountId(2)

BOX = """
create table contract_box (
  id {bigint} not null primary key, modseq {bigint} not null, uidnext {bigint} not null
) {strict_hot}
"""
ITEM = """
create table contract_item (
  account_id {bigint} not null, modseq {bigint} not null, uid {bigint} not null, octets {bytes} not null,
  word {text}, number {bigint}, primary key (account_id, modseq)
) {strict_rowid}
"""
CHANGE = """
create table contract_change (
  account_id {bigint} not null, modseq {bigint} not null, word {text} not null, primary key (account_id, modseq)
) {strict_hot}
"""
TAKE = """
update contract_box set modseq = modseq + 1, uidnext = uidnext + 1 where id = $1 returning modseq, uidnext - 1
"""
WORD = "create unique index contract_word on contract_change (account_id, word)"


class Engine(Protocol):
    """One store, empty at first."""

    name: str

    def open(
        self, *, strict: bool = True, snapshot_seconds: float | None = None
    ) -> AbstractAsyncContextManager[Database]:
        """The store, closed at the end of the block; may be opened again. `strict`: a body that waits is an error."""
        ...

    def limit_room(self, database: Database, octets: int | None) -> None:
        """Let the disk be full when the store would grow by more than this; None: no more."""
        ...

    async def problems(self, database: Database) -> list[str]:
        """What the engine's own check of its files finds."""
        ...


Check = Callable[[Engine], Awaitable[None]]


async def make_tables(database: Database) -> None:
    """The tables of the checks, and two accounts."""
    async with database.write(ONE) as tx:
        for text in (BOX, ITEM, CHANGE):
            await tx.run(text.format(**database.dialect.types))
        await tx.run(WORD)
        await tx.run_many("insert into contract_box (id, modseq, uidnext) values ($1, 0, 1)", [(ONE,), (TWO,)])


async def put(tx: Transaction, account_id: AccountId, word: str, *, octets: bytes = b"x" * 100) -> int:
    """One item, as a delivery is stored: number from the account, row, change; its modseq."""
    row = await tx.one(TAKE, account_id)
    assert row is not None
    await tx.run(
        "insert into contract_item (account_id, modseq, uid, octets) values ($1, $2, $3, $4)",
        account_id,
        row[0],
        row[1],
        octets,
    )
    await tx.run("insert into contract_change (account_id, modseq, word) values ($1, $2, $3)", account_id, row[0], word)
    return int(row[0])


async def deliver(database: Database, account_id: AccountId, word: str, *, octets: bytes = b"x" * 100) -> int:
    """`put` in a transaction of its own."""
    async with database.write(account_id) as tx:
        return await put(tx, account_id, word, octets=octets)


async def words(database: Database, account_id: AccountId) -> list[str]:
    """What is stored, in order; checks that numbers have no hole and that nothing is half there."""
    async with database.read(account_id) as tx:
        modseq = await tx.value("select modseq from contract_box where id = $1", account_id)
        items: list[tuple[int, int]] = []
        changes: list[tuple[int, str]] = []
        query = "select modseq, uid from contract_item where account_id = $1 order by modseq"
        async for rows in tx.batches(query, account_id):
            items += [(row[0], row[1]) for row in rows]
        query = "select modseq, word from contract_change where account_id = $1 order by modseq"
        async for rows in tx.batches(query, account_id):
            changes += [(row[0], row[1]) for row in rows]
    dense = list(range(1, modseq + 1))
    assert [row[0] for row in items] == dense, "items have holes"
    assert [row[1] for row in items] == dense, "uids have holes"
    assert [row[0] for row in changes] == dense, "changes have holes"
    return [row[1] for row in changes]


class refused:  # noqa: N801  # reads as a word in `with refused(Conflict):`
    """The block must raise one of these."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        assert error is not None, f"{' or '.join(kind.__name__ for kind in self._kinds)} was due"
        return isinstance(error, self._kinds)
