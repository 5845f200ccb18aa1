"""Large contents as files, named by their SHA-256: `blobs/ab/cd…`. Disk work runs in a thread, never on the loop.

A content is written to `blobs/tmp/`, synced, and renamed; then its folder is synced. So a name that exists is whole,
and what a crash leaves in `tmp` belongs to nobody: it is removed at the next start. What must never happen: a
descriptor closed under a thread that still uses it, since its number may by then be another file's.
"""

import asyncio
import errno
import mmap
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pillarbox.model.errors import InsufficientStorage, NotFound, StorageUnavailable
from pillarbox.model.ids import BlobId
from pillarbox.store.disk import Disk

THREADS = 4
PREFIX = re.compile(r"[0-9a-f]{2}")
REST = re.compile(r"[0-9a-f]{62}")


def _meaning(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InsufficientStorage("no room on the disk")
    return StorageUnavailable("the content could not be stored or read")


class FileBlobs:
    """`Blobs` in one folder, which is made if need be."""

    def __init__(self, folder: Path, *, disk: Disk | None = None) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self.disk = disk or Disk()
        self._temporary.mkdir(parents=True, exist_ok=True)
        for left in self._temporary.iterdir():
            left.unlink()
        self.disk.sync_folder(folder)
        self.disk.sync_folder(folder.parent)
        self._known_prefixes: set[str] = set()
        self._prefix_lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pillarbox-blobs")

    def _path(self, blob: BlobId) -> Path:
        name = blob.hex()
        return self._folder / name[:2] / name[2:]

    def begin(self) -> "FileBlobWriter":
        """A writer of a new content."""
        return FileBlobWriter(self, self._temporary / secrets.token_hex(12))

    async def open(self, blob: BlobId) -> "FileBlobReader":
        """A reader. Raises: NotFound, StorageUnavailable."""
        return FileBlobReader(self, await self._asked(os.open, self._path(blob), os.O_RDONLY))

    async def size(self, blob: BlobId) -> int:
        """Octets. Raises: NotFound, StorageUnavailable."""
        found: os.stat_result = await self._asked(self._path(blob).stat)
        return found.st_size

    async def _asked(self, work: Any, *arguments: Any) -> Any:
        try:
            return await self.run(work, *arguments)
        except FileNotFoundError:
            raise NotFound("the content is not there") from None
        except OSError as error:
            raise _meaning(error) from error

    async def delete(self, blob: BlobId) -> None:
        """Gone; no error if it was not there. Raises: StorageUnavailable."""
        try:
            await self.run(self.disk.remove, self._path(blob))
        except OSError as error:
            raise _meaning(error) from error

    async def names(self, *, before: int | None = None) -> AsyncIterator[list[BlobId]]:
        """All contents, or those that were written before then (microseconds), one list for each folder that has any.

        Raises: StorageUnavailable.
        """
        for prefix in await self._asked(_entries, self._folder, PREFIX):
            names = await self._asked(_entries, self._folder / prefix, REST, before)
            if names:
                yield [BlobId(bytes.fromhex(prefix + name)) for name in names]

    async def run(self, work: Any, *arguments: Any) -> Any:
        """`work` in a thread of this store. Cancelled, it runs on to its end there."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def submit(self, work: Any) -> None:
        """`work` in a thread, or here when the threads have ended; nobody waits for it."""
        try:
            self._threads.submit(work)
        except RuntimeError:
            work()

    def settle(self, temporary: Path, blob: BlobId) -> None:
        """Give a synced file its name, durably. In a thread."""
        path = self._path(blob)
        prefix = path.parent.name
        if prefix not in self._known_prefixes:
            with self._prefix_lock:  # nobody may go on before the folder's own name is on disk
                self.disk.make_folder(path.parent)
                self.disk.sync_folder(self._folder)
                self._known_prefixes.add(prefix)
        self.disk.rename(temporary, path)
        self.disk.sync_folder(path.parent)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown(wait=True)


def _entries(folder: Path, pattern: re.Pattern[str], before: int | None = None) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if pattern.fullmatch(entry.name) and (before is None or entry.stat().st_mtime_ns // 1_000 < before)
        )


class FileBlobWriter:
    """One content on its way in; the file is made at the first octet."""

    def __init__(self, blobs: FileBlobs, path: Path) -> None:
        self._blobs = blobs
        self._disk = blobs.disk
        self._temporary = path
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        self._is_over = False

    async def write(self, data: bytes) -> None:
        """Append. Raises: InsufficientStorage, StorageUnavailable."""
        await self._run(self._append, data)

    async def _run(self, work: Any, argument: Any) -> None:
        try:
            await self._blobs.run(work, argument)
        except OSError as error:
            raise _meaning(error) from error

    def _append(self, data: bytes) -> None:
        with self._lock:
            self._disk.append(self._opened(), data)

    def _opened(self) -> int:
        if self._is_over:
            raise OSError(errno.EBADF, "the content has been given up or finished")
        if self._descriptor is None:
            self._descriptor = self._disk.create(self._temporary)
        return self._descriptor

    def view(self) -> mmap.mmap:
        """What has been written, as a buffer that pages in what is touched; close it before `finish`."""
        assert self._descriptor is not None
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    async def finish(self, blob: BlobId) -> None:
        """Durable under its name when this returns. Raises: InsufficientStorage, StorageUnavailable.

        After a crash the content is there whole, or there is none of it under its name.
        """
        await self._run(self._settle, blob)

    def _settle(self, blob: BlobId) -> None:
        with self._lock:
            descriptor = self._opened()
            self._disk.sync(descriptor)
            self._blobs.settle(self._temporary, blob)
            self._is_over, self._descriptor = True, None
            self._disk.close(descriptor)

    def abort(self) -> None:
        """Leave nothing behind; what a thread is at comes to its end first."""
        if not self._is_over:
            self._blobs.submit(self._drop)

    def _drop(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            self._is_over = True
            if descriptor is not None:
                self._disk.close(descriptor)
                self._disk.remove(self._temporary)


class FileBlobReader:
    """An open content; close it."""

    def __init__(self, blobs: FileBlobs, descriptor: int) -> None:
        self._blobs = blobs
        self._descriptor = descriptor
        self._view: mmap.mmap | None = None
        self._reading = 0
        self._is_closed = False
        self.size_octets = os.fstat(descriptor).st_size

    async def read(self, start: int, end: int) -> bytes:
        """Octets `start` to `end`, fewer at the end of the content. Raises: StorageUnavailable."""
        if self._is_closed:
            raise ValueError("read after close")
        self._reading += 1
        work = asyncio.get_running_loop().run_in_executor(self._blobs._threads, self._read, start, end)
        work.add_done_callback(self._read_done)
        try:
            return await asyncio.shield(work)
        except OSError as error:
            raise _meaning(error) from error

    def _read(self, start: int, end: int) -> bytes:
        pieces: list[bytes] = []
        while start < end and (piece := os.pread(self._descriptor, end - start, start)):
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def _read_done(self, work: "asyncio.Future[bytes]") -> None:
        self._reading -= 1
        if not work.cancelled():
            work.exception()
        if self._is_closed and not self._reading:
            os.close(self._descriptor)

    def view(self) -> mmap.mmap:
        """All of it as a buffer, valid until `close`."""
        if self._view is None:
            self._view = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        return self._view

    def close(self) -> None:
        """Done. The descriptor goes when no thread reads from it any more."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._view is not None:
            self._view.close()
        if not self._reading:
            os.close(self._descriptor)
