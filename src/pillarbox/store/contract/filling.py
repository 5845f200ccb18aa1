"""A full disk: a temporary answer, nothing lost, nothing half, and it goes on when there is room again."""

import asyncio

from pillarbox.model.errors import InsufficientStorage, Unavailable
from pillarbox.store.contract.engine import ONE, Engine, deliver, make_tables, put, refused, words

DELIVERIES = 400
ROOM_OCTETS = 1_000_000
CONTENT = b"x" * 4_000


async def check_a_full_disk_under_four_hundred_deliveries(engine: Engine) -> None:
    """What was acknowledged is there; the rest raises `Unavailable`; with room it goes on."""
    async with engine.open() as database:
        await make_tables(database)
        engine.limit_room(database, ROOM_OCTETS)
        ran: list[int] = []

        async def work(number: int) -> int:
            async with database.write(ONE) as tx:
                modseq = await put(tx, ONE, str(number), octets=CONTENT)
                tx.after_commit(lambda: ran.append(number))
            return modseq

        found = await asyncio.gather(*(work(number) for number in range(DELIVERIES)), return_exceptions=True)
        told = {str(number) for number, one in enumerate(found) if isinstance(one, int)}
        assert all(isinstance(one, int | Unavailable) for one in found)
        assert any(isinstance(one, InsufficientStorage) for one in found)
        assert 0 < len(told) < DELIVERIES
        stored = await words(database, ONE)
        assert sorted(stored) == sorted(told) == sorted(map(str, ran))
        engine.limit_room(database, None)
        for number in range(50):
            await deliver(database, ONE, f"again {number}", octets=CONTENT)
        assert len(await words(database, ONE)) == len(stored) + 50
        assert await engine.problems(database) == []


async def check_a_body_that_goes_on_after_a_full_disk(engine: Engine) -> None:
    """Some engines have undone the whole batch by then: not one further statement may take effect by itself."""
    async with engine.open() as database:
        await make_tables(database)
        engine.limit_room(database, ROOM_OCTETS)
        with refused(RuntimeError, Unavailable):
            async with database.write(ONE) as tx:
                with refused(InsufficientStorage):
                    for number in range(DELIVERIES * 2):
                        await put(tx, ONE, str(number), octets=CONTENT)
                with refused(RuntimeError):
                    await tx.run("update contract_box set modseq = 1000 where id = $1", ONE)
        engine.limit_room(database, None)
        assert await words(database, ONE) == []
        await deliver(database, ONE, "first")
        assert await words(database, ONE) == ["first"]
        assert await engine.problems(database) == []


CHECKS = (
    check_a_full_disk_under_four_hundred_deliveries,
    check_a_body_that_goes_on_after_a_full_disk,
)
