"""Large contents as files, named by their SHA-256: `blobs/ab/cd…`. Disk work runs in a thread, never on the loop.

A content is written to `blobs/tmp/`, synced, and renamed; then both folders are synced. So a name that exists is whole,
and what a crash leaves in `tmp` belongs to nobody: it is removed at the next start.
"""

import asyncio
import contextlib
import mmap
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pillarbox.model.errors import InsufficientStorage, NotFound, StorageUnavailable
from pillarbox.model.ids import BlobId

THREADS = 4


def _meaning(error: OSError) -> Exception:
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return InsufficientStorage("no room on the disk")
    return StorageUnavailable("the content could not be written")


class FileBlobs:
    """`Blobs` in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        for left in self._temporary.iterdir():
            left.unlink()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pillarbox-blobs")

    def _path(self, blob: BlobId) -> Path:
        name = blob.hex()
        return self._folder / name[:2] / name[2:]

    def begin(self) -> "FileBlobWriter":
        """A writer of a new content."""
        return FileBlobWriter(self, self._temporary / secrets.token_hex(12))

    async def open(self, blob: BlobId) -> "FileBlobReader":
        """A reader. Raises: NotFound."""
        try:
            descriptor = await self.run(os.open, self._path(blob), os.O_RDONLY)
        except FileNotFoundError:
            raise NotFound("the content is not there") from None
        return FileBlobReader(self, descriptor)

    async def delete(self, blob: BlobId) -> None:
        """Gone; no error if it was not there."""
        with contextlib.suppress(FileNotFoundError):
            await self.run(self._path(blob).unlink)

    async def run(self, work: Any, *arguments: Any) -> Any:
        """`work` in a thread of this store."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown(wait=True)


class FileBlobWriter:
    """One content on its way in; opened at the first octet."""

    def __init__(self, blobs: FileBlobs, path: Path) -> None:
        self._blobs = blobs
        self._temporary = path
        self._descriptor: int | None = None

    async def write(self, data: bytes) -> None:
        """Append. Raises: InsufficientStorage, StorageUnavailable."""
        try:
            await self._blobs.run(self._append, data)
        except OSError as error:
            raise _meaning(error) from error

    def _append(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def view(self) -> mmap.mmap:
        """What has been written, as a buffer that pages in what is touched; close it before `finish`."""
        assert self._descriptor is not None
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    async def finish(self, blob: BlobId) -> None:
        """Durable under its name when this returns. Raises: InsufficientStorage, StorageUnavailable."""
        try:
            await self._blobs.run(self._settle, self._blobs._path(blob))
        except OSError as error:
            raise _meaning(error) from error

    def _settle(self, path: Path) -> None:
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        made = not path.parent.exists()
        path.parent.mkdir(exist_ok=True)
        self._temporary.rename(path)
        _sync_folder(path.parent)
        if made:
            _sync_folder(path.parent.parent)
        os.close(self._descriptor)
        self._descriptor = None

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            with contextlib.suppress(FileNotFoundError):
                self._temporary.unlink()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileBlobReader:
    """An open content; close it."""

    def __init__(self, blobs: FileBlobs, descriptor: int) -> None:
        self._blobs = blobs
        self._descriptor = descriptor
        self._view: mmap.mmap | None = None
        self.size_octets = os.fstat(descriptor).st_size

    async def read(self, start: int, end: int) -> bytes:
        """Octets `start` to `end`."""
        data: bytes = await self._blobs.run(os.pread, self._descriptor, end - start, start)
        return data

    def view(self) -> mmap.mmap:
        """All of it as a buffer, valid until `close`."""
        if self._view is None:
            self._view = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        return self._view

    def close(self) -> None:
        """Done."""
        if self._view is not None:
            self._view.close()
        os.close(self._descriptor)
