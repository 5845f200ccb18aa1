"""Effects after commit: once, in order, before whoever waits, and never for what did not happen."""

import asyncio

from pillarbox.model.errors import Conflict
from pillarbox.model.ids import AccountId, ModSeq
from pillarbox.store.contract.engine import ONE, Engine, deliver, make_tables, put, refused, words


async def check_hooks_run_in_order_before_those_who_wait(engine: Engine) -> None:
    """And when they run, the rows can be read."""
    async with engine.open() as database:
        await make_tables(database)
        events: list[tuple[str, int]] = []

        async def work(number: int) -> None:
            async with database.write(ONE) as tx:
                modseq = await put(tx, ONE, str(number))
                tx.after_commit(lambda: events.append(("first", modseq)))
                tx.after_commit(lambda: events.append(("second", modseq)))
                assert ("first", modseq) not in events
            events.append(("woke", modseq))

        await asyncio.gather(*(work(number) for number in range(40)))
        for modseq in range(1, 41):
            mine = [name for name, number in events if number == modseq]
            assert mine == ["first", "second", "woke"]
        assert [number for name, number in events if name == "first"] == list(range(1, 41))


async def check_hooks_of_what_was_undone_do_not_run(engine: Engine) -> None:
    """Neither by an error of the body nor by one of the engine."""
    async with engine.open() as database:
        await make_tables(database)
        ran: list[str] = []
        await deliver(database, ONE, "taken")
        with refused(LookupError):
            async with database.write(ONE) as tx:
                tx.after_commit(lambda: ran.append("error"))
                raise LookupError
        with refused(Conflict):
            async with database.write(ONE) as tx:
                tx.after_commit(lambda: ran.append("conflict"))
                await put(tx, ONE, "taken")
        async with database.write(ONE) as tx:
            await put(tx, ONE, "fine")
            tx.after_commit(lambda: ran.append("fine"))
        assert ran == ["fine"]


async def check_a_hook_that_raises_harms_nobody(engine: Engine) -> None:
    """The transaction is on disk: its task goes on, and so do the other hooks."""

    def fail() -> None:
        raise LookupError("on purpose")

    async with engine.open() as database:
        await make_tables(database)
        ran: list[str] = []
        async with database.write(ONE) as tx:
            await put(tx, ONE, "first")
            tx.after_commit(fail)
            tx.after_commit(lambda: ran.append("second hook"))
        assert ran == ["second hook"]
        assert await words(database, ONE) == ["first"]


async def check_hints_come_after_the_commit_once_for_all_that_it_did(engine: Engine) -> None:
    """To who listens to that account, with the largest mod-sequence; of what was undone none."""
    async with engine.open() as database:
        await make_tables(database)
        heard: list[int] = []
        other: list[int] = []
        database.signals.listen(ONE, lambda modseq: heard.append(modseq))
        database.signals.listen(AccountId(ONE + 1), lambda modseq: other.append(modseq))
        with refused(LookupError):
            async with database.write(ONE) as tx:
                tx.moved(ONE, ModSeq(9))
                raise LookupError
        async with database.write(ONE) as tx:
            tx.moved(ONE, ModSeq(1))
            tx.moved(ONE, ModSeq(2))
            assert heard == []
        await asyncio.sleep(0)
        assert (heard, other) == ([2], [])


CHECKS = (
    check_hooks_run_in_order_before_those_who_wait,
    check_hooks_of_what_was_undone_do_not_run,
    check_a_hook_that_raises_harms_nobody,
    check_hints_come_after_the_commit_once_for_all_that_it_did,
)
