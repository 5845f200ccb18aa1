"""Reads: snapshots that stand still, what was written is seen at once, long ones in batches."""

import asyncio

from pillarbox.store.base import BATCH_ROWS, SnapshotTooOld
from pillarbox.store.contract.engine import ONE, TWO, Engine, deliver, make_tables, put, refused, words

MANY = 100_000
NUMBERS = "select modseq from contract_change where account_id = $1 order by modseq"
COUNT = "select count(*) from contract_change where account_id = $1"
INSERT = "insert into contract_change (account_id, modseq, word) values ($1, $2, $3)"


async def check_what_was_written_is_read(engine: Engine) -> None:
    """A thousand times, by both ways of reading."""
    async with engine.open() as database:
        await make_tables(database)
        for number in range(1, 1_001):
            assert await deliver(database, ONE, str(number)) == number
            assert await database.value(ONE, COUNT, ONE) == number
            async with database.read(ONE) as tx:
                assert await tx.value(COUNT, ONE) == number


async def check_a_snapshot_stands_still(engine: Engine) -> None:
    """It sees no later change, whatever the account; the next one does."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "first")
        async with database.read(ONE) as tx:
            assert await tx.value(COUNT, ONE) == 1
            await deliver(database, ONE, "second")
            await deliver(database, TWO, "first")
            assert await tx.value(COUNT, ONE) == 1
            assert await tx.value(COUNT, TWO) == 0
            assert await database.value(ONE, COUNT, ONE) == 2
        async with database.read(ONE) as tx:
            assert await tx.value(COUNT, ONE) == 2


async def check_a_read_given_up_half_way_leaves_nothing_behind(engine: Engine) -> None:
    """Out of the loop after one list, or by an error: whoever reads next sees the newest state."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(INSERT, [(ONE, n, str(n)) for n in range(3 * BATCH_ROWS)])
        async with database.read(ONE) as tx:
            kept = tx.batches(NUMBERS, ONE)
            assert len(await anext(kept)) == BATCH_ROWS
        with refused(LookupError):
            async with database.read(ONE) as tx:
                async for _ in tx.batches(NUMBERS, ONE):
                    raise LookupError
        async with database.write(ONE) as tx:
            await tx.run(INSERT, ONE, 99_999, "new")
        async with database.read(ONE) as tx:
            assert await tx.value(COUNT, ONE) == 3 * BATCH_ROWS + 1
        with refused(RuntimeError):
            await anext(kept)


async def check_a_hundred_thousand_rows_come_in_batches(engine: Engine) -> None:
    """In order, none twice, from one snapshot, and others run between the lists."""
    async with engine.open() as database:
        await make_tables(database)
        for start in range(0, MANY, 10_000):
            async with database.write(ONE) as tx:
                await tx.run_many(INSERT, [(ONE, n, str(n)) for n in range(start, start + 10_000)])
        seen: list[int] = []
        steps = 0

        async def count_steps() -> None:
            nonlocal steps
            while True:
                await asyncio.sleep(0)
                steps += 1

        other = asyncio.ensure_future(count_steps())
        async with database.read(ONE) as tx:
            async for rows in tx.batches(NUMBERS, ONE):
                assert 0 < len(rows) <= BATCH_ROWS
                if not seen:
                    async with database.write(ONE) as writing:
                        await writing.run(INSERT, ONE, MANY, "later")
                seen += [row[0] for row in rows]
        other.cancel()
        assert seen == list(range(MANY))
        assert steps >= MANY // BATCH_ROWS - 1


async def check_batches_of_odd_sizes(engine: Engine) -> None:
    """None, one, exactly one list, one more."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(INSERT, [(ONE, n, str(n)) for n in range(BATCH_ROWS + 1)])
        for size in (0, 1, BATCH_ROWS, BATCH_ROWS + 1):
            async with database.read(ONE) as tx:
                query = "select modseq from contract_change where modseq < $1 order by modseq"
                lengths = [len(rows) async for rows in tx.batches(query, size)]
            assert lengths == [n for n in (min(size, BATCH_ROWS), size - BATCH_ROWS) if n > 0]


async def check_batches_in_a_write_do_not_wait(engine: Engine) -> None:
    """A body that reads thousands of rows by its `tx` has waited for nothing foreign."""
    async with engine.open(strict=True) as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(INSERT, [(ONE, n, str(n)) for n in range(3 * BATCH_ROWS)])
            assert sum([len(rows) async for rows in tx.batches(NUMBERS, ONE)]) == 3 * BATCH_ROWS


async def check_a_snapshot_gets_too_old(engine: Engine) -> None:
    """It is refused between two lists; single statements and new snapshots go on."""
    async with engine.open(snapshot_seconds=0.0) as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            await tx.run_many(INSERT, [(ONE, n, str(n)) for n in range(2 * BATCH_ROWS)])
        read = 0
        with refused(SnapshotTooOld):
            async with database.read(ONE) as tx:
                async for rows in tx.batches(NUMBERS, ONE):
                    read += len(rows)
        assert read == BATCH_ROWS
        assert await database.value(ONE, COUNT, ONE) == 2 * BATCH_ROWS


async def check_many_snapshots_at_once(engine: Engine) -> None:
    """More than there are connections: the rest waits its turn, cancelled ones leave no gap."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "first")
        go_on = asyncio.Event()

        async def look() -> int:
            async with database.read(ONE) as tx:
                await tx.value("select 1")
                await go_on.wait()
                return int(await tx.value(COUNT, ONE))

        tasks = [asyncio.ensure_future(look()) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        go_on.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in found[::3])
        assert [one for n, one in enumerate(found) if n % 3] == [1] * 66
        await asyncio.gather(*(look() for _ in range(50)))


async def check_a_read_changes_nothing(engine: Engine) -> None:
    """A statement that writes is refused in a read."""
    async with engine.open() as database:
        await make_tables(database)
        with refused(RuntimeError):
            async with database.read(ONE) as tx:
                await put(tx, ONE, "never")
        with refused(RuntimeError):
            await database.one(ONE, "update contract_box set modseq = 9 returning modseq")
        assert await words(database, ONE) == []


CHECKS = (
    check_what_was_written_is_read,
    check_a_snapshot_stands_still,
    check_a_read_given_up_half_way_leaves_nothing_behind,
    check_a_hundred_thousand_rows_come_in_batches,
    check_batches_of_odd_sizes,
    check_batches_in_a_write_do_not_wait,
    check_a_snapshot_gets_too_old,
    check_many_snapshots_at_once,
    check_a_read_changes_nothing,
)
