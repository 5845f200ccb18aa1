"""Large contents as files."""

import asyncio
import errno
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from pillarbox.model.errors import InsufficientStorage, NotFound, StorageUnavailable
from pillarbox.model.ids import BlobId
from pillarbox.store.blobs_files import FileBlobs
from pillarbox.store.disk import Disk

CONTENT = bytes(range(256)) * 1_000


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    opened = FileBlobs(tmp_path / "blobs")
    yield opened
    opened.close()


def files(blobs: FileBlobs) -> list[Path]:
    return [path for path in blobs._folder.rglob("*") if path.is_file()]


def name_of(content: bytes) -> BlobId:
    return BlobId(hashlib.sha256(content).digest())


async def put(blobs: FileBlobs, content: bytes, *, piece_octets: int = 10_000) -> BlobId:
    writer = blobs.begin()
    for start in range(0, len(content), piece_octets):
        await writer.write(content[start : start + piece_octets])
    await writer.finish(name_of(content))
    return name_of(content)


async def test_what_was_put_can_be_read_in_ranges(blobs: FileBlobs):
    blob = await put(blobs, CONTENT)
    assert await blobs.size(blob) == len(CONTENT)
    reader = await blobs.open(blob)
    assert reader.size_octets == len(CONTENT)
    assert await reader.read(255, 258) == b"\xff\x00\x01"
    assert await reader.read(len(CONTENT) - 1, len(CONTENT) + 99) == b"\xff"
    assert await reader.read(5, 5) == b""
    assert reader.view()[:] == CONTENT
    reader.close()
    reader.close()
    assert [path.relative_to(blobs._folder) for path in files(blobs)] == [Path(blob.hex()[:2]) / blob.hex()[2:]]


async def test_what_is_not_there_is_not_found(blobs: FileBlobs):
    for ask in (blobs.open, blobs.size):
        with pytest.raises(NotFound):
            await ask(name_of(b"nothing"))
    await blobs.delete(name_of(b"nothing"))


async def test_all_names_are_listed_and_nothing_else(blobs: FileBlobs):
    assert [names async for names in blobs.names()] == []
    put_in = {await put(blobs, b"content %d" % number) for number in range(40)}
    unfinished = blobs.begin()
    await unfinished.write(b"on its way")
    assert {blob async for names in blobs.names() for blob in names} == put_in
    gone = put_in.pop()
    await blobs.delete(gone)
    assert {blob async for names in blobs.names() for blob in names} == put_in
    unfinished.abort()


async def test_the_same_content_twice_is_one_file(blobs: FileBlobs):
    await asyncio.gather(*(put(blobs, CONTENT) for _ in range(5)))
    assert len(files(blobs)) == 1


async def test_a_writer_given_up_leaves_nothing(tmp_path: Path):
    blobs = FileBlobs(tmp_path / "blobs")
    for writer in (blobs.begin(), blobs.begin()):
        await writer.write(b"some")
        writer.abort()
        writer.abort()
    blobs.begin().abort()
    done = blobs.begin()
    await done.write(CONTENT)
    await done.finish(name_of(CONTENT))
    done.abort()
    blobs.close()
    done.abort()
    assert len(files(blobs)) == 1


async def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path: Path):
    blobs = FileBlobs(tmp_path / "blobs")
    blob = await put(blobs, CONTENT)
    await blobs.begin().write(b"half")
    blobs.close()
    assert len(files(blobs)) == 2
    again = FileBlobs(tmp_path / "blobs")
    assert len(files(again)) == 1
    assert await again.size(blob) == len(CONTENT)
    again.close()


class SlowDisk(Disk):
    """Stops in `append` until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.closed_early = False
        self._busy = False

    def append(self, descriptor: int, data: bytes) -> None:
        self._busy = True
        self.begun.set()
        assert self.go_on.wait(20)
        super().append(descriptor, data)
        self._busy = False

    def close(self, descriptor: int) -> None:
        self.closed_early |= self._busy
        super().close(descriptor)


async def test_no_descriptor_is_closed_under_a_thread_that_writes(tmp_path: Path):
    disk = SlowDisk()
    blobs = FileBlobs(tmp_path / "blobs", disk=disk)
    writer = blobs.begin()
    task = asyncio.ensure_future(writer.write(b"some"))
    assert await asyncio.to_thread(disk.begun.wait, 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    writer.abort()
    disk.go_on.set()
    blobs.close()
    assert not disk.closed_early
    assert files(blobs) == []
    with pytest.raises(RuntimeError):
        await writer.write(b"more")


async def test_no_descriptor_is_closed_under_a_thread_that_reads(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch):
    blob = await put(blobs, CONTENT)
    reader = await blobs.open(blob)
    begun, go_on = threading.Event(), threading.Event()
    read = reader._read

    def slow(start: int, end: int) -> bytes:
        begun.set()
        assert go_on.wait(20)
        return read(start, end)

    monkeypatch.setattr(reader, "_read", slow)
    task = asyncio.ensure_future(reader.read(0, 10))
    other = asyncio.ensure_future(reader.read(10, 20))
    assert await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    reader.close()
    go_on.set()
    assert await other == CONTENT[10:20]
    with pytest.raises(ValueError, match="after close"):
        await reader.read(0, 1)


class FailingDisk(Disk):
    """Every sync fails with this."""

    def __init__(self, number: int) -> None:
        self._number = number

    def sync(self, descriptor: int) -> None:
        raise OSError(self._number, "on purpose")


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, InsufficientStorage), (errno.EDQUOT, InsufficientStorage), (errno.EIO, StorageUnavailable)],
)
async def test_an_error_of_the_disk_has_its_meaning_and_leaves_no_name(
    tmp_path: Path, number: int, kind: type[Exception]
):
    blobs = FileBlobs(tmp_path / "blobs", disk=FailingDisk(number))
    writer = blobs.begin()
    await writer.write(CONTENT)
    with pytest.raises(kind):
        await writer.finish(name_of(CONTENT))
    writer.abort()
    blobs.close()
    assert files(blobs) == []


async def test_disk_work_is_not_done_on_the_loop(tmp_path: Path):
    class Noting(Disk):
        threads: ClassVar[set[int]] = set()

        def append(self, descriptor: int, data: bytes) -> None:
            self.threads.add(threading.get_ident())
            super().append(descriptor, data)

        def sync(self, descriptor: int) -> None:
            self.threads.add(threading.get_ident())
            super().sync(descriptor)

    blobs = FileBlobs(tmp_path / "blobs", disk=Noting())
    await put(blobs, CONTENT)
    blobs.close()
    assert Noting.threads and threading.get_ident() not in Noting.threads
