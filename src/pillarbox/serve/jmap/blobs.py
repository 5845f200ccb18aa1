"""What a blob id names: a message, a part of one, an upload, a part of an upload (RFC 8620 §6, RFC 8621 §4.1.4).

A part is its content with the transfer encoding undone, piece by piece, so that memory stays bounded whatever its size.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap.ids import MessageBlob, UploadBlob, parse_blob
from pillarbox.grammar.message.part import Part, section
from pillarbox.grammar.message.transfer_stream import decoder
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.ids import AccountId

_ENCODED = (b"base64", b"quoted-printable", b"x-uuencode", b"x-uue", b"uuencode")


class Blob(Protocol):
    """Octets that can be read by ranges; to be closed."""

    @property
    def size_octets(self) -> int: ...

    async def read(self, start: int = 0, end: int | None = None) -> bytes: ...

    def pieces(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


class Slice:
    """A part whose octets stand in the message as they are."""

    def __init__(self, content: StoredContent, start: int, end: int) -> None:
        self._content = content
        self._start = start
        self.size_octets = end - start

    async def read(self, start: int = 0, end: int | None = None) -> bytes:
        """Octets of the range."""
        return await self._content.read(*self._placed(start, end))

    def pieces(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The range, piece by piece."""
        return self._content.pieces(*self._placed(start, end))

    def _placed(self, start: int, end: int | None) -> tuple[int, int]:
        end = self.size_octets if end is None else min(end, self.size_octets)
        return self._start + start, self._start + end

    def close(self) -> None:
        """Done."""
        self._content.close()


class Decoded:
    """A part whose transfer encoding is undone as it is read. `measure` comes first."""

    def __init__(self, content: StoredContent, part: Part) -> None:
        self._content = content
        self._part = part
        self.size_octets = 0

    async def measure(self) -> None:
        """Find out how long it is, by reading it once."""
        self.size_octets = sum([len(piece) async for piece in self._all()])

    async def _all(self) -> AsyncIterator[bytes]:
        undo = decoder(self._part.encoding)
        async for piece in self._content.pieces(self._part.body, self._part.end):
            yield undo.feed(piece)
            await asyncio.sleep(0)
        yield undo.end()

    async def read(self, start: int = 0, end: int | None = None) -> bytes:
        """Octets of the range."""
        return b"".join([piece async for piece in self.pieces(start, end)])

    async def pieces(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The range, piece by piece; what comes before it is decoded too, and left out."""
        place, end = 0, self.size_octets if end is None else end
        async for piece in self._all():
            wanted = piece[max(start - place, 0) : max(end - place, 0)]
            place += len(piece)
            if wanted:
                yield wanted
            if place >= end:
                return

    def close(self) -> None:
        """Done."""
        self._content.close()


async def open_blob(mail: Mail, account_id: AccountId, blob_id: str) -> Blob:
    """What the id names in this account. Raises: NotFound."""
    try:
        blob = parse_blob(blob_id)
    except SyntaxProblem:
        raise NotFound("no such blob") from None
    content = await _open_content(mail, account_id, blob)
    try:
        return content if not blob.part else await _open_part(mail, content, blob)
    except BaseException:
        content.close()
        raise


async def _open_content(mail: Mail, account_id: AccountId, blob: MessageBlob | UploadBlob) -> StoredContent:
    if isinstance(blob, UploadBlob):
        return await mail.uploads.open(account_id, blob.blob_id)
    return await mail.emails.content(account_id, blob.message_id)


async def _open_part(mail: Mail, content: StoredContent, blob: MessageBlob | UploadBlob) -> Blob:
    root = content.part if isinstance(blob, MessageBlob) else await mail.uploads.structure(blob.blob_id, content)
    part = section(root, blob.part)
    if part is None:
        raise NotFound("no such part")
    if part.encoding.strip().lower() not in _ENCODED:
        return Slice(content, part.body, part.end)
    decoded = Decoded(content, part)
    await decoded.measure()
    return decoded
