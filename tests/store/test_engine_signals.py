"""Hints, the lock on the folder, and what a dialect may replace."""

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.model.ids import AccountId, ModSeq
from pillarbox.store.contract.engine import ONE, TWO, make_tables, put
from pillarbox.store.dialect import SQLITE, HasDialect, replaceable
from pillarbox.store.lock import FolderLock
from pillarbox.store.signals import LocalSignals
from pillarbox.store.sqlite import SqliteDatabase


class Listener:
    def __init__(self) -> None:
        self.heard: list[int] = []

    def hear(self, modseq: ModSeq) -> None:
        self.heard.append(modseq)


async def test_hints_of_one_step_are_merged_for_each_account():
    signals, one, two = LocalSignals(), Listener(), Listener()
    signals.listen(ONE, one.hear)
    signals.listen(TWO, two.hear)
    for modseq in (3, 5, 4):
        signals.publish(ONE, ModSeq(modseq))
    signals.publish(TWO, ModSeq(1))
    signals.publish(AccountId(77), ModSeq(1))
    assert one.heard == []
    await asyncio.sleep(0)
    assert (one.heard, two.heard) == ([5], [1])
    signals.publish(ONE, ModSeq(6))
    await asyncio.sleep(0)
    assert one.heard == [5, 6]


async def test_who_has_ended_listening_or_is_forgotten_hears_nothing():
    signals, stays, ends, forgotten = LocalSignals(), Listener(), Listener(), Listener()
    heard: list[int] = []
    ends_listening = signals.listen(ONE, ends.hear)
    for callback in (stays.hear, forgotten.hear, heard.append):
        signals.listen(ONE, callback)
    ends_listening()
    ends_listening()
    del forgotten
    gc.collect()
    signals.publish(ONE, ModSeq(1))
    await asyncio.sleep(0)
    assert (stays.heard, ends.heard, heard) == ([1], [], [1])
    assert len(signals._listeners[ONE]) == 2


async def test_one_listener_that_fails_does_not_keep_it_from_others():
    def fail(modseq: ModSeq) -> None:
        raise LookupError("on purpose")

    signals, other = LocalSignals(), Listener()
    signals.listen(ONE, fail)
    signals.listen(ONE, other.hear)
    signals.publish(ONE, ModSeq(1))
    await asyncio.sleep(0)
    assert other.heard == [1]


async def test_a_batch_is_one_hint_and_comes_before_those_who_wait(tmp_path: Path):
    signals, listener = LocalSignals(), Listener()
    signals.listen(ONE, listener.hear)
    database = SqliteDatabase(tmp_path / "mail.db", strict=True)
    await make_tables(database)
    seen_by_waiters: list[list[int]] = []

    async def work(number: int) -> None:
        async with database.write(ONE) as tx:
            modseq = ModSeq(await put(tx, ONE, str(number)))
            tx.after_commit(lambda: signals.publish(ONE, modseq))
        seen_by_waiters.append(list(listener.heard))

    await asyncio.gather(*(work(number) for number in range(20)))
    assert listener.heard[-1] == 20
    assert len(listener.heard) < 20
    assert all(seen for seen in seen_by_waiters)
    await database.close()


def test_one_process_holds_the_folder(tmp_path: Path):
    program = (
        "import sys, pathlib\nfrom pillarbox.store.lock import FolderLock\n"
        "held = FolderLock(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None and other.stdin is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(Unavailable):
        FolderLock(tmp_path)
    other.kill()
    other.wait(30)
    other.stdout.close()
    other.stdin.close()
    lock = FolderLock(tmp_path)
    with pytest.raises(Unavailable):
        FolderLock(tmp_path)
    assert not os.get_inheritable(lock._descriptor)
    lock.release()
    FolderLock(tmp_path).release()


async def test_a_dialect_may_replace_a_whole_function():
    @replaceable
    async def count_things(tx: HasDialect, start: int, *, step: int = 1) -> str:
        return f"portable {start} {step}"

    async def native(tx: HasDialect, start: int, *, step: int = 1) -> str:
        return f"native {start} {step}"

    class Tx(msgspec.Struct):
        dialect: object

    plain = Tx(SQLITE)
    special = Tx(msgspec.structs.replace(SQLITE, replacements={"count_things": native}))
    assert await count_things(plain, 1, step=2) == "portable 1 2"  # type: ignore[arg-type]
    assert await count_things(special, 1, step=2) == "native 1 2"  # type: ignore[arg-type]
    assert count_things.__name__ == "count_things"
