"""Large contents on their way in and on their way out, so that none is removed while it comes.

A content *arrives* from before its file gets its name until whoever brings it has done with it: by then the
transaction that refers to it has taken its turn, or never will. It *leaves* from before somebody asks the store
whether anybody refers to it until its file is gone. No content does both: who wants to remove one that arrives lets it
be, and who brings one that leaves waits until it has gone, then writes it anew.

This is the memory of one process; `core.housekeeping` says what several would need.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pillarbox.model.ids import BlobId
from pillarbox.store.base import Blobs


class Transit:
    """Which large contents are on their way."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._arriving: Counter[BlobId] = Counter()
        self._leaving: dict[BlobId, asyncio.Event] = {}
        self._going: set[BlobId] = set()
        self._doubtful: set[BlobId] = set()

    # in

    async def arrive(self, blob: BlobId) -> None:
        """Count a content as arriving, as soon as it does not leave; `arrived` is to follow."""
        while (gone := self._leaving.get(blob)) is not None:
            await gone.wait()
        self._arriving[blob] += 1

    def arrived(self, blob: BlobId, *, is_doubtful: bool = False) -> None:
        """Whoever brought it has done with it; doubtful: perhaps nobody refers to it."""
        self._arriving[blob] -= 1
        if not self._arriving[blob]:
            del self._arriving[blob]
        if is_doubtful:
            self._doubtful.add(blob)

    def doubt(self, blobs: Iterable[BlobId]) -> None:
        """Have somebody look later whether anybody refers to these."""
        self._doubtful.update(blobs)

    def take_doubtful(self) -> list[BlobId]:
        """What to look at, each once."""
        taken, self._doubtful = self._doubtful, set()
        return list(taken)

    # out

    @contextmanager
    def leaving(self, blobs: Iterable[BlobId]) -> Iterator[list[BlobId]]:
        """Those of these contents that may leave, and do so within the block; those that arrive are doubtful."""
        free: dict[BlobId, asyncio.Event] = {}
        for blob in dict.fromkeys(blobs):
            if blob in self._arriving or blob in self._leaving:
                self._doubtful.add(blob)
            else:
                free[blob] = self._leaving[blob] = asyncio.Event()
        try:
            yield list(free)
        finally:
            for blob, gone in free.items():
                if self._leaving.get(blob) is gone and blob not in self._going:
                    self._end(blob)

    def _end(self, blob: BlobId) -> None:
        self._leaving.pop(blob).set()

    async def remove(self, blob: BlobId) -> None:
        """Remove the file of a content that leaves. If the caller is cancelled, it leaves until the file is gone.

        Raises: StorageUnavailable; then it is doubtful.
        """
        self._going.add(blob)
        removal = asyncio.ensure_future(self._blobs.delete(blob))
        removal.add_done_callback(lambda done: self._removed(blob, done))
        await asyncio.shield(removal)

    def _removed(self, blob: BlobId, removal: "asyncio.Future[None]") -> None:
        self._going.discard(blob)
        self._end(blob)
        if not removal.cancelled() and removal.exception() is not None:
            self._doubtful.add(blob)
