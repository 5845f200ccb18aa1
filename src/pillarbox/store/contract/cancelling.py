"""Cancellation, wherever it meets a task: nothing is half there, nobody else is hurt, the engine goes on."""

import asyncio
import random

from pillarbox.store.base import Database
from pillarbox.store.contract.engine import ONE, TWO, Engine, deliver, make_tables, put, refused, words

STEPS = 12
TASKS = 300
CANCELLED = 60


async def _deliver_noting(database: Database, word: str, durable: list[str]) -> int:
    async with database.write(ONE) as tx:
        modseq = await put(tx, ONE, word)
        tx.after_commit(lambda: durable.append(word))
    return modseq


async def check_cancel_after_any_number_of_steps(engine: Engine) -> None:
    """Stored whole with its hook run, or not at all; a commit of others under way at each."""
    async with engine.open() as database:
        await make_tables(database)
        durable: list[str] = []
        told: list[str] = []
        for steps in range(STEPS):
            for others in (0, 3):
                name = f"{steps}/{others}"
                before = [asyncio.ensure_future(deliver(database, TWO, f"{name}.{n}")) for n in range(others)]
                for _ in range(2 if others else 0):
                    await asyncio.sleep(0)
                task = asyncio.ensure_future(_deliver_noting(database, name, durable))
                after = [asyncio.ensure_future(deliver(database, TWO, f"{name} after {n}")) for n in range(others)]
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                if not isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException):
                    told.append(name)
                await asyncio.gather(*before, *after)
        await deliver(database, ONE, "last")
        stored = await words(database, ONE)
        assert stored == [*durable, "last"]
        assert set(told) <= set(stored)
        assert len(await words(database, TWO)) == STEPS * 6


async def check_cancel_of_one_who_waits_for_commit(engine: Engine) -> None:
    """It stops waiting; the batch goes on, its own work and its hook included."""
    async with engine.open() as database:
        await make_tables(database)
        durable: list[str] = []
        body_done = asyncio.Event()

        async def work() -> None:
            async with database.write(ONE) as tx:
                await put(tx, ONE, "mine")
                tx.after_commit(lambda: durable.append("mine"))
                body_done.set()

        task = asyncio.ensure_future(work())
        other = asyncio.ensure_future(deliver(database, ONE, "other"))
        await body_done.wait()
        task.cancel()
        with refused(asyncio.CancelledError):
            await task
        await other
        await deliver(database, ONE, "next")
        assert durable == ["mine"]
        assert await words(database, ONE) == ["mine", "other", "next"]


async def check_cancel_in_a_body_that_waits(engine: Engine) -> None:
    """Against the rule, but it must do no harm: undone, and the turn passed on."""
    async with engine.open(strict=False) as database:
        await make_tables(database)
        begun = asyncio.Event()
        durable: list[str] = []

        async def work() -> None:
            async with database.write(ONE) as tx:
                await put(tx, ONE, "never")
                tx.after_commit(lambda: durable.append("never"))
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await begun.wait()
        waiting = [asyncio.ensure_future(deliver(database, ONE, str(n))) for n in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        task.cancel()
        found = await asyncio.gather(task, *waiting, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in found] == [True, False, True, False]
        assert durable == []
        assert await words(database, ONE) == ["0", "2"]


async def check_three_hundred_tasks_of_which_sixty_are_cancelled(engine: Engine) -> None:
    """At random moments: what was acknowledged is there, numbers are dense, the engine is idle and usable."""
    chance = random.Random(300)
    async with engine.open() as database:
        await make_tables(database)
        durable: list[str] = []
        tasks = [asyncio.ensure_future(_deliver_noting(database, str(n), durable)) for n in range(TASKS)]
        for victim in chance.sample(range(TASKS), CANCELLED):
            for _ in range(chance.randrange(8)):
                await asyncio.sleep(0)
            tasks[victim].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        told = {str(n) for n, one in enumerate(found) if isinstance(one, int)}
        assert len(told) >= TASKS - CANCELLED
        assert all(isinstance(one, int | asyncio.CancelledError) for one in found)
        await deliver(database, ONE, "last")
        stored = await words(database, ONE)
        assert stored == [*durable, "last"]
        assert told <= set(stored)


async def check_cancel_in_a_read(engine: Engine) -> None:
    """Its connection comes back good."""
    async with engine.open() as database:
        await make_tables(database)
        await deliver(database, ONE, "first")

        async def look(begun: asyncio.Event) -> None:
            async with database.read(ONE) as tx:
                await tx.value("select 1 from contract_box")
                begun.set()
                await asyncio.Event().wait()

        for number in range(40):
            begun = asyncio.Event()
            task = asyncio.ensure_future(look(begun))
            await begun.wait()
            task.cancel()
            with refused(asyncio.CancelledError):
                await task
            await deliver(database, TWO, str(number))
            assert len(await words(database, TWO)) == number + 1


CHECKS = (
    check_cancel_after_any_number_of_steps,
    check_cancel_of_one_who_waits_for_commit,
    check_cancel_in_a_body_that_waits,
    check_three_hundred_tasks_of_which_sixty_are_cancelled,
    check_cancel_in_a_read,
)
