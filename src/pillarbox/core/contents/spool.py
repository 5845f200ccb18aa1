"""Content on its way in: in memory up to 64 KB, then a temporary file; bounded memory whatever the size.

The SHA-256 is made as the octets come. Disk work runs off the loop, in `drain` and `finish`; `finish` returns when a
large content is durable under its name, before any transaction names it; until its `Content` is closed it is known to
arrive, so that nobody removes it. What must never happen: a file left behind by an upload that was given up, or a
descriptor closed under a thread that still writes to it.
"""

import asyncio
import hashlib
import mmap
from collections.abc import Awaitable
from types import TracebackType

from pillarbox.core.contents.transit import Transit
from pillarbox.model.errors import TooLarge
from pillarbox.model.ids import BlobId
from pillarbox.store.base import BlobReader, Blobs, BlobWriter

INLINE_OCTETS = 65_536
"""Contents up to here are rows of the database."""
BUFFER_OCTETS = 262_144
"""Held in memory for the disk before `write` asks for a pause."""


class Content:
    """A content that has arrived whole: durable if it is large, in hand if it is small. A context manager.

    `inline` is None for a large one; `view()` is a buffer of all octets for a scanner, valid until `close`. To be closed
    when the transactions that refer to it are over: until then nobody removes it.
    """

    __slots__ = ("_reader", "_transit", "blob", "inline", "size_octets")

    def __init__(
        self,
        blob: BlobId,
        size_octets: int,
        inline: bytes | None,
        reader: BlobReader | None = None,
        transit: Transit | None = None,
    ) -> None:
        self.blob = blob
        self.size_octets = size_octets
        self.inline = inline
        self._reader = reader
        self._transit = transit

    @classmethod
    def of(cls, octets: bytes) -> "Content":
        """A small content that is at hand."""
        return cls(BlobId(hashlib.sha256(octets).digest()), len(octets), octets)

    @classmethod
    async def open(cls, blobs: Blobs, transit: Transit, blob: BlobId, size_octets: int) -> "Content":
        """A large content that has come before. Raises: NotFound, StorageUnavailable."""
        await transit.arrive(blob)
        try:
            return cls(blob, size_octets, None, await blobs.open(blob), transit)
        except BaseException:
            transit.arrived(blob)
            raise

    def view(self) -> bytes | mmap.mmap:
        """All octets; a large content pages in what is touched."""
        if self.inline is not None:
            return self.inline
        assert self._reader is not None
        view: mmap.mmap = self._reader.view()
        return view

    def close(self) -> None:
        """Done with the view, and with all that refers to the content; may be called twice."""
        self._close(is_doubtful=False)

    def give_up(self) -> None:
        """As `close`, where perhaps nothing refers to the content."""
        self._close(is_doubtful=True)

    def _close(self, *, is_doubtful: bool) -> None:
        reader, self._reader = self._reader, None
        transit, self._transit = self._transit, None
        if transit is not None:
            transit.arrived(self.blob, is_doubtful=is_doubtful)
        if reader is not None:
            reader.close()

    def __enter__(self) -> "Content":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(is_doubtful=error is not None)


class Spool:
    """One content that arrives in pieces. Given up by `abort`, or by being forgotten."""

    def __init__(self, blobs: Blobs, transit: Transit, limit_octets: int) -> None:
        self._blobs = blobs
        self._transit = transit
        self._limit = limit_octets
        self._pieces: list[bytes] = []
        self._pending_octets = 0
        self._hash = hashlib.sha256()
        self._writer: BlobWriter | None = None
        self._work: asyncio.Future[None] | None = None
        self.size_octets = 0

    def write(self, data: bytes | memoryview) -> bool:
        """Take a piece. False: please pause, and await `drain` before the next.

        Raises: TooLarge beyond the limit; the spool is then of no more use.
        """
        size = self.size_octets + len(data)
        if size > self._limit:
            self.abort()
            raise TooLarge(f"the message exceeds {self._limit} octets")
        self.size_octets = size
        piece = bytes(data)
        self._pieces.append(piece)
        self._pending_octets += len(piece)
        if size > INLINE_OCTETS:
            is_first = size - len(piece) <= INLINE_OCTETS
            self._hash.update(b"".join(self._pieces) if is_first else piece)
        return self._pending_octets < BUFFER_OCTETS

    async def drain(self) -> None:
        """Bring what is in memory to disk, once the content is no longer small.

        Raises: InsufficientStorage, StorageUnavailable.
        """
        if self._pending_octets >= BUFFER_OCTETS:
            await self._flush()

    async def _flush(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._pending_octets = 0
        if self._writer is None:
            self._writer = self._blobs.begin()
        await self._off_loop(self._writer.write(data))

    async def _off_loop(self, work: Awaitable[None]) -> None:
        """Wait for a step that runs on in its thread when this task is cancelled."""
        step = asyncio.ensure_future(work)
        self._work = step
        await asyncio.shield(step)
        self._work = None

    async def finish(self) -> Content:
        """The whole content; a large one is durable (file and folder synced) when this returns.

        Raises: InsufficientStorage, StorageUnavailable. After a crash there is a file that nobody names, or none.
        """
        if self.size_octets <= INLINE_OCTETS:
            return Content.of(b"".join(self._pieces))
        if self._pieces:
            await self._flush()
        assert self._writer is not None
        blob = BlobId(self._hash.digest())
        await self._transit.arrive(blob)
        try:
            await self._off_loop(self._writer.finish(blob))
            return Content(blob, self.size_octets, None, await self._blobs.open(blob), self._transit)
        except BaseException:
            self._arrived_in_vain(blob)
            raise

    def _arrived_in_vain(self, blob: BlobId) -> None:
        """Nobody will refer to what this spool brings: somebody is to look after it once it is there."""
        work = self._work
        if work is None or work.done():
            self._transit.arrived(blob, is_doubtful=True)
        else:
            work.add_done_callback(lambda _: self._transit.arrived(blob, is_doubtful=True))

    def abort(self) -> None:
        """Leave nothing behind; may be called at any time, also twice."""
        self._pieces.clear()
        self._pending_octets = 0
        writer, self._writer = self._writer, None
        work, self._work = self._work, None
        if writer is None:
            return
        if work is not None and not work.done():
            work.add_done_callback(lambda _: writer.abort())
        else:
            writer.abort()

    def __del__(self) -> None:
        if getattr(self, "_writer", None) is not None:
            self.abort()


class Spools:
    """Where content arrives."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.transit = Transit(blobs)

    def begin(self, limit_octets: int) -> Spool:
        """A spool that takes at most `limit_octets`."""
        return Spool(self._blobs, self.transit, limit_octets)
