"""What the file store asks of the file system, in one place, so that a test can record it or let it fail.

All calls may block: they belong in a thread.
"""

import os
from pathlib import Path


class Disk:
    """The real one."""

    def create(self, path: Path) -> int:
        """A descriptor of a new file, open for reading and writing."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)

    def append(self, descriptor: int, data: bytes) -> None:
        """Write all of it at the end of what this descriptor has written."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, descriptor: int) -> None:
        """The file's octets are on disk when this returns."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Done with it."""
        os.close(descriptor)

    def make_folder(self, path: Path) -> None:
        """No error if it is there."""
        path.mkdir(exist_ok=True)

    def rename(self, old: Path, new: Path) -> None:
        """Replace `new`, if it is there."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """No error if it is not there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """The folder's names are on disk when this returns."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
