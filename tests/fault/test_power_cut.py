"""A power cut at a thousand moments: what was acknowledged is there, nothing is half there, nothing undone is there.

Twenty tasks deliver, some with large contents, some undone; checkpoints run all the while. The control shows that the
test sees what it should: with `synchronous=NORMAL` the same cuts lose acknowledged mail.
"""

import asyncio
import contextlib
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fault.after_crash import Stored
from fault.recording_vfs import Recording, RecordingDisk, RecordingVfs, states
from pillarbox.model.ids import BlobId
from pillarbox.store.blobs_files import FileBlobs
from pillarbox.store.contract.engine import ONE, TWO, make_tables, put
from pillarbox.store.sqlite import SqliteDatabase

pytestmark = pytest.mark.fault

TASKS = 20
DELIVERIES = 30
CUTS = 1_000
CONTROL_CUTS = 200


def content(word: str) -> bytes:
    return (word.encode() + b"\r\n") * 20


async def deliver(database: SqliteDatabase, blobs: FileBlobs, recording: Recording, word: str) -> None:
    account_id = (ONE, TWO)[sum(word.encode()) % 2]
    octets = content(word)
    if word.endswith(("7.7", "17")):
        blob = BlobId(hashlib.sha256(octets).digest())
        writer = blobs.begin()
        for start in range(0, len(octets), 100):
            await writer.write(octets[start : start + 100])
        await writer.finish(blob)
        octets = b"blob:" + blob
    with contextlib.suppress(LookupError):
        async with database.write(account_id) as tx:
            modseq = await put(tx, account_id, word, octets=octets)
            if word.endswith("3"):
                raise LookupError
        recording.mark("told", int(account_id), modseq, word)


async def record(folder: Path, synchronous: str) -> tuple[Recording, int]:
    """Events of a busy store, and the first moment at which it was ready."""
    recording = Recording()
    vfs = RecordingVfs(recording)
    database = SqliteDatabase(
        folder / "mail.db", vfs=vfs.name, strict=True, synchronous=synchronous, checkpoint_pages=40
    )
    blobs = FileBlobs(folder / "blobs", disk=RecordingDisk(recording))
    await make_tables(database)
    if synchronous != "full":
        await asyncio.to_thread(database._truncate, database._writer.connection)
    ready = len(recording.events)

    async def work(task: int) -> None:
        for number in range(DELIVERIES):
            await deliver(database, blobs, recording, f"{task}.{number}")

    async with asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(work(task))
    end = len(recording.events)
    await database.close()
    blobs.close()
    vfs.unregister()
    del recording.events[end:]
    return recording, ready


def check_whole(found: Stored, folder: Path) -> None:
    found.check_dense()
    for item, (_, _, word) in zip(found.items, found.changes, strict=True):
        assert not word.endswith("3"), "what was undone is there"
        octets = item[3]
        if octets.startswith(b"blob:"):
            name = octets[5:].hex()
            octets = (folder / "blobs" / name[:2] / name[2:]).read_bytes()
        assert octets == content(word), "a content is not whole"


def told_before(recording: Recording, moments: list[int]) -> Iterator[set[tuple[int, int, str]]]:
    """For each moment what had been acknowledged; the same growing set."""
    told: set[tuple[int, int, str]] = set()
    done = 0
    for moment in moments:
        for event in recording.events[done:moment]:
            if event[0] == "mark":
                told.add(event[2:])
        done = moment
        yield told


def lost_by_cuts(recording: Recording, ready: int, folder: Path, *, cuts: int) -> int:
    """Cut at so many moments; how many had lost something that was acknowledged."""
    chance = random.Random(20261124)
    moments = sorted(chance.sample(range(ready, len(recording.events) + 1), cuts))
    root = str(folder / "before")
    losses = 0
    for (moment, files), told in zip(states(recording, moments, chance), told_before(recording, moments), strict=True):
        after = folder / "after" / str(moment)
        for path, octets in files.items():
            place = after / os.path.relpath(path, root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(octets)
        found = Stored(after / "mail.db")
        check_whole(found, after)
        losses += not told <= set(found.changes)
        for place in sorted(after.rglob("*"), reverse=True):
            place.rmdir() if place.is_dir() else place.unlink()
    return losses


def recorded(folder: Path, synchronous: str) -> tuple[Recording, int]:
    (folder / "before").mkdir()
    return asyncio.run(record(folder / "before", synchronous))


def test_a_thousand_cuts_lose_nothing_acknowledged(tmp_path: Path):
    recording, ready = recorded(tmp_path, "full")
    told = sum(event[0] == "mark" for event in recording.events)
    assert told == TASKS * (DELIVERIES - DELIVERIES // 10)
    assert any(event[0] == "sync" and event[1].endswith("mail.db") for event in recording.events[ready:]), (
        "no checkpoint"
    )
    assert lost_by_cuts(recording, ready, tmp_path, cuts=CUTS) == 0


def test_the_control_loses_acknowledged_mail(tmp_path: Path):
    """Without a sync in COMMIT the cut takes back what was told; so the test above would see it."""
    recording, ready = recorded(tmp_path, "normal")
    assert lost_by_cuts(recording, ready, tmp_path, cuts=CONTROL_CUTS) > CONTROL_CUTS // 10
