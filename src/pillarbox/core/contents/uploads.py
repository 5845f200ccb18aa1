"""Contents that clients hand in before they say what for (RFC 8620 §6): kept for a day, then they go by themselves.

They take room from the account's quota while they are here, and have a bound of their own; what is too much pushes
out the oldest. What must never happen: that somebody else's upload can be read, or that one goes within an hour while
there is room.
"""

import asyncio
from datetime import timedelta

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.contents.spool import INLINE_OCTETS, Content, Spool, Spools
from pillarbox.core.flow.outcomes import ArrivedContent
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import AccountId, BlobId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.store import accounts as account_rows
from pillarbox.store import contents as content_rows
from pillarbox.store import uploads as upload_rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.moment import micros

KEPT_FOR = timedelta(days=1)
KEPT_UPLOADS = 1_000
"""Of one account."""
KEPT_TIMES_LARGEST = 4
"""Of one account, in octets: so many as large as may be. One message may need all the room of one (RFC 8620 §6)."""


class Upload(msgspec.Struct, frozen=True):
    """What is kept."""

    blob: BlobId
    size_octets: int


class Uploads:
    """The uploads of all accounts."""

    def __init__(self, db: Database, blobs: Blobs, spools: Spools, *, limits: Limits, clock: Clock) -> None:
        self._db = db
        self._blobs = blobs
        self._spools = spools
        self._limits = limits
        self._clock = clock

    def begin(self) -> Spool:
        """A spool for one; what its `finish` gives goes to `keep`."""
        return self._spools.begin(self._limits.jmap_upload_octets)

    async def keep(self, account_id: AccountId, content: ArrivedContent) -> Upload:
        """Keep a content for the account; durable when this returns. The same content again is kept a day from now.

        Raises: NotFound (account), OverQuota.
        """
        now = self._clock.now()
        async with self._db.write(account_id) as tx:
            await self._make_room(tx, account_id, content, micros(now))
            if content.inline is not None:
                await content_rows.put_inline(tx, account_id, content.blob, content.inline)
            until = micros(now + KEPT_FOR)
            await upload_rows.hold_upload(tx, account_id, content.blob, content.size_octets, until)
        return Upload(content.blob, content.size_octets)

    async def _make_room(self, tx: Transaction, account_id: AccountId, content: ArrivedContent, now: int) -> None:
        """Give up the oldest until the new one fits (RFC 8620 §6)."""
        account = await account_rows.find_by_id(tx, account_id)
        if account is None:
            raise NotFound("no such account")
        room = self._limits.jmap_upload_octets * KEPT_TIMES_LARGEST
        quota = account.quota_octets or self._limits.account_octets
        if quota:
            room = min(room, quota - account.used_octets)
        if content.size_octets > room:
            raise OverQuota("the account has no room left")
        kept = [row for row in await upload_rows.list_uploads(tx, account_id, now) if row[0] != content.blob]
        octets, given_up = sum(size for _, size in kept) + content.size_octets, 0
        while octets > room or len(kept) - given_up >= KEPT_UPLOADS:
            octets -= kept[given_up][1]
            given_up += 1
        await upload_rows.end_uploads(tx, account_id, [blob for blob, _ in kept[:given_up]], now)

    async def open(self, account_id: AccountId, blob: BlobId) -> StoredContent:
        """The content, to be closed. Raises: NotFound, also when somebody else keeps it."""
        async with self._db.read(account_id) as tx:
            size = await upload_rows.find_upload(tx, account_id, blob, micros(self._clock.now()))
            if size is None:
                raise NotFound("no such upload")
            inline = await content_rows.inline_content(tx, account_id, blob)
        return StoredContent(b"", inline, blobs=self._blobs, blob=blob, size_octets=size)

    async def take(self, account_id: AccountId, blob: BlobId) -> Content:
        """The content, to be referred to by what it becomes; to be closed after that. Raises: NotFound."""
        async with await self.open(account_id, blob) as stored:
            if stored.is_inline:
                return Content(blob, stored.size_octets, await stored.read())
        return await Content.open(self._blobs, self._spools.transit, blob, stored.size_octets)

    async def structure(self, blob: BlobId, content: StoredContent) -> Part:
        """Where everything lies in an upload that is read as a message."""
        if content.size_octets <= INLINE_OCTETS:
            return scan(await content.read(), limits=self._limits)
        reader = await self._blobs.open(blob)
        try:
            return await asyncio.to_thread(scan, reader.view(), limits=self._limits)
        finally:
            reader.close()
