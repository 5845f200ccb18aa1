"""Commits: together or not at all, in order, numbers without a hole, nobody suffers for another's mistake."""

import asyncio
import contextlib

from pillarbox.model.errors import Conflict, StorageUnavailable
from pillarbox.store.contract.engine import ONE, TWO, Engine, deliver, make_tables, put, refused, words


async def check_an_exception_undoes_its_own_transaction_only(engine: Engine) -> None:
    """Whatever the body raises."""
    async with engine.open() as database:
        await make_tables(database)
        with refused(LookupError):
            async with database.write(ONE) as tx:
                await put(tx, ONE, "never")
                raise LookupError
        await deliver(database, ONE, "first")
        assert await words(database, ONE) == ["first"]


async def check_what_a_refusal_rests_on_is_there_when_it_is_told(engine: Engine) -> None:
    """Many find at once that another was faster: each of them sees then what that one wrote."""
    async with engine.open() as database:
        await make_tables(database)

        async def try_to_be_first(word: str) -> list[str]:
            with contextlib.suppress(LookupError):
                async with database.write(ONE) as tx:
                    if await put(tx, ONE, word) > 1:
                        raise LookupError
            return await words(database, ONE)

        assert await asyncio.gather(*(try_to_be_first(str(number)) for number in range(10))) == [["0"]] * 10


async def check_ten_of_thirty_violate_a_key_at_their_last_statement(engine: Engine) -> None:
    """Twenty are stored, ten raise, and no number is lost."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "taken")
        names = ["taken" if n % 3 == 0 else f"word {n}" for n in range(30)]
        found = await asyncio.gather(*(deliver(database, ONE, name) for name in names), return_exceptions=True)
        assert [isinstance(one, Conflict) for one in found] == [name == "taken" for name in names]
        numbers = [one for one in found if isinstance(one, int)]
        assert sorted(numbers) == list(range(2, 22))
        stored = await words(database, ONE)
        assert sorted(stored) == sorted(["taken", *(name for name in names if name != "taken")])


async def check_numbers_are_dense_and_told_truly(engine: Engine) -> None:
    """Many tasks, two accounts: each is told the number under which its word stands."""
    async with engine.open() as database:
        await make_tables(database)
        told: dict[tuple[int, int], str] = {}

        async def work(number: int) -> None:
            for step in range(20):
                account_id = ONE if (number + step) % 2 else TWO
                word = f"{number}.{step}"
                told[account_id, await deliver(database, account_id, word)] = word

        await asyncio.gather(*(work(number) for number in range(20)))
        for account_id in (ONE, TWO):
            stored = await words(database, account_id)
            assert stored == [told[account_id, n + 1] for n in range(len(stored))]
        assert len(told) == 400


async def check_answers_come_in_the_order_of_commit(engine: Engine) -> None:
    """Per account: who has the smaller number goes on first."""
    async with engine.open() as database:
        await make_tables(database)
        order: list[int] = []

        async def work(number: int) -> None:
            order.append(await deliver(database, ONE, str(number)))

        await asyncio.gather(*(work(number) for number in range(100)))
        assert order == list(range(1, 101))


async def check_a_block_within_a_write_is_refused(engine: Engine) -> None:
    """A write would wait for itself, a read would see the state before; another task's are its own business."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE) as tx:
            with refused(RuntimeError):
                async with database.write(TWO):
                    pass
            with refused(RuntimeError):
                async with database.read(ONE):
                    pass
            with refused(RuntimeError):
                await database.value(ONE, "select 1")
            other = asyncio.ensure_future(deliver(database, TWO, "by another task"))
            await put(tx, ONE, "first")
        await other
        assert (await words(database, ONE), await words(database, TWO)) == (["first"], ["by another task"])


async def check_a_body_that_waits_is_an_error_in_tests(engine: Engine) -> None:
    """And nothing of it is stored; the next one goes on."""
    async with engine.open(strict=True) as database:
        await make_tables(database)
        with refused(RuntimeError):
            async with database.write(ONE) as tx:
                await put(tx, ONE, "never")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        await deliver(database, ONE, "first")
        assert await words(database, ONE) == ["first"]


async def check_a_read_within_a_task_that_a_write_started(engine: Engine) -> None:
    """A task made inside a block is not inside it."""
    async with engine.open() as database:
        await make_tables(database)
        async with database.write(ONE):
            later = asyncio.ensure_future(database.value(ONE, "select count(*) from contract_box"))
        assert await later == 2


async def check_what_is_stored_is_there_after_opening_again(engine: Engine) -> None:
    """Closing finishes what runs; what comes later is refused; closing twice is allowed."""
    async with engine.open() as database:
        await make_tables(database)
        running = [asyncio.ensure_future(deliver(database, ONE, str(n))) for n in range(30)]
        await running[0]
        await database.close()
        found = await asyncio.gather(*running, return_exceptions=True)
        told = [one for one in found if isinstance(one, int)]
        assert all(isinstance(one, int | StorageUnavailable) for one in found)
        with refused(StorageUnavailable):
            await deliver(database, ONE, "too late")
        with refused(StorageUnavailable):
            async with database.read(ONE):
                pass
        with refused(StorageUnavailable):
            await database.value(ONE, "select 1")
    async with engine.open() as database:
        stored = await words(database, ONE)
        assert set(told) <= set(range(1, len(stored) + 1))
        await deliver(database, ONE, "again")
        assert (await words(database, ONE))[-1] == "again"


CHECKS = (
    check_an_exception_undoes_its_own_transaction_only,
    check_what_a_refusal_rests_on_is_there_when_it_is_told,
    check_ten_of_thirty_violate_a_key_at_their_last_statement,
    check_numbers_are_dense_and_told_truly,
    check_answers_come_in_the_order_of_commit,
    check_a_block_within_a_write_is_refused,
    check_a_body_that_waits_is_an_error_in_tests,
    check_a_read_within_a_task_that_a_write_started,
    check_what_is_stored_is_there_after_opening_again,
)
