"""Blobs that one method call has open: each is opened once, and what is read of it is counted.

A part whose transfer encoding is undone can only be read from its beginning: a range of it costs what all of it does.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.blobs import Blob, Decoded, open_blob
from pillarbox.serve.jmap.method import Call

BLOB = "urn:ietf:params:jmap:blob"
HELD_OPEN = 50


class OpenBlobs:
    """A context manager."""

    def __init__(self, call: Call, account_id: AccountId) -> None:
        self._call = call
        self._account_id = account_id
        self._open: dict[str, Blob] = {}

    async def open(self, blob_id: str) -> Blob:
        """What the id names; closed at the end, or when many others have been opened since. Raises: NotFound."""
        found = self._open.pop(blob_id, None) or await open_blob(self._call.mail, self._account_id, blob_id)
        self._open[blob_id] = found
        if len(self._open) > HELD_OPEN:
            self._open.pop(next(iter(self._open))).close()
        return found

    async def pieces(self, blob: Blob, start: int, end: int) -> AsyncIterator[bytes]:
        """A range of it, piece by piece. Raises: Problem: requestTooLarge."""
        if start < end:
            self._call.spend(blob.size_octets if isinstance(blob, Decoded) else end - start)
            async for piece in blob.pieces(start, end):
                yield piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for blob in self._open.values():
            blob.close()
        self._open.clear()
