"""A stored message as octets: the head that this server put before the content, and the content, as one.

A small content is in memory; a large one is read by ranges, so that memory stays bounded whatever the message's size.
Offsets are those of the whole: head first.
"""

from collections.abc import AsyncIterator
from typing import Any, Self

import msgspec

from pillarbox.grammar.message.part import Part, unpack
from pillarbox.model.errors import NotFound, StorageUnavailable
from pillarbox.model.ids import AccountId, BlobId, MailboxId
from pillarbox.store import contents as content_rows
from pillarbox.store import placements as placement_rows
from pillarbox.store.base import BlobReader, Blobs, Database, Transaction

PIECE_OCTETS = 65_536


def shifted(part: Part, octets: int) -> Part:
    """The tree of the whole, from that of the content alone: all moves back by the head, which the header begins with."""
    return part if not octets else msgspec.structs.replace(_moved(part, octets), start=part.start)


def _moved(part: Part, octets: int) -> Part:
    return msgspec.structs.replace(
        part,
        start=part.start + octets,
        body=part.body + octets,
        end=part.end + octets,
        children=tuple(_moved(child, octets) for child in part.children),
        inner=None if part.inner is None else _moved(part.inner, octets),
    )


class StoredContent:
    """Head and content of one message. Close it, or use it with `async with`; an inline one needs neither."""

    __slots__ = ("_blob", "_blobs", "_head", "_inline", "_parts", "_reader", "size_octets")

    def __init__(
        self,
        head: bytes,
        inline: bytes | None,
        *,
        blobs: Blobs,
        blob: BlobId,
        size_octets: int,
        parts: bytes = b"",
    ) -> None:
        self._head = head
        self._inline = None if inline is None else head + inline
        self._blobs = blobs
        self._blob = blob
        self._parts = parts
        self._reader: BlobReader | None = None
        self.size_octets = size_octets

    @property
    def is_inline(self) -> bool:
        """Whether it is in memory."""
        return self._inline is not None

    @property
    def part(self) -> Part:
        """Where everything lies, as found at delivery; offsets into the whole."""
        return shifted(unpack(self._parts), len(self._head))

    async def read(self, start: int = 0, end: int | None = None) -> bytes:
        """Octets from `start` to before `end`, cut at the message's own bounds.

        Raises: NotFound (the content was removed meanwhile), StorageUnavailable.
        """
        end = self.size_octets if end is None else min(end, self.size_octets)
        start = max(start, 0)
        if start >= end:
            return b""
        if self._inline is not None:
            return self._inline[start:end]
        border = len(self._head)
        head = self._head[start:end]
        if end <= border:
            return head
        reader = await self._open()
        return head + await self._read_file(reader, max(start - border, 0), end - border)

    async def _read_file(self, reader: BlobReader, start: int, end: int) -> bytes:
        pieces = []
        while start < end:
            piece = await reader.read(start, end)
            if not piece:
                raise StorageUnavailable("the content is shorter than it was")
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self, start: int = 0, end: int | None = None, *, size: int = PIECE_OCTETS) -> AsyncIterator[bytes]:
        """The range in pieces of at most `size` octets."""
        end = self.size_octets if end is None else min(end, self.size_octets)
        for low in range(max(start, 0), end, size):
            yield await self.read(low, min(low + size, end))

    async def _open(self) -> BlobReader:
        if self._reader is None:
            self._reader = await self._blobs.open(self._blob)
        return self._reader

    def close(self) -> None:
        """Done; may be called twice."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


async def find_content(
    db: Database, blobs: Blobs, account_id: AccountId, mailbox_id: MailboxId, uid: int
) -> StoredContent:
    """The message of one placement. Raises: NotFound."""
    async with db.read(account_id) as tx:
        return await content_in(tx, blobs, account_id, mailbox_id, uid)


async def content_in(
    tx: Transaction, blobs: Blobs, account_id: AccountId, mailbox_id: MailboxId, uid: int
) -> StoredContent:
    """The same, in a transaction that is open. Raises: NotFound."""
    row = await tx.one(placement_rows.WHERE_CONTENT, account_id, mailbox_id, uid)
    if row is None:
        raise NotFound("no such message")
    blob, head, size_octets, parts, _ = row
    inline = await content_rows.inline_content(tx, account_id, blob)
    return StoredContent(
        bytes(head), inline, blobs=blobs, blob=BlobId(blob), size_octets=size_octets, parts=bytes(parts)
    )
