"""One writing process for a data folder. The kernel drops the lock with the process, killed or not."""

import fcntl
import os
from pathlib import Path

from pillarbox.model.errors import Unavailable


class FolderInUse(Unavailable):
    """Another process holds the lock."""


class FolderLock:
    """Held from construction to `release`."""

    def __init__(self, folder: Path) -> None:
        """Raises: FolderInUse."""
        self._descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise FolderInUse(f"{folder} is in use by another process") from None

    def release(self) -> None:
        """Let others."""
        os.close(self._descriptor)
