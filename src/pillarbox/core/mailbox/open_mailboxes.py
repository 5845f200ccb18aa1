"""The mailboxes that sessions have open in this process: loaded once, shared, forgotten with their last View.

While the columns are read, news of commits are kept aside and taken in afterwards, so nothing is missed between the
snapshot and the first message that comes.
"""

import asyncio

from pillarbox.core.feed.changes import Changes, MailboxNews
from pillarbox.core.mailbox.open_mailbox import OpenMailbox
from pillarbox.core.mailbox.view import RecentUids, View
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store import placements as placement_rows
from pillarbox.store.base import Database
from pillarbox.store.flag_columns import flag_set

TOLD_KEPT = 100_000
Key = tuple[AccountId, MailboxId]


class OpenMailboxes:
    """All open mailboxes of this process."""

    def __init__(self, db: Database, *, changes: Changes) -> None:
        self._db = db
        self._changes = changes
        self._open: dict[Key, OpenMailbox] = {}
        self._loading: dict[Key, asyncio.Event] = {}
        self._told: dict[Key, int] = {}
        """Where sessions that have ended were told of messages that came while they ran: see `_release`."""

    def is_open(self, account_id: AccountId, mailbox_id: MailboxId) -> bool:
        """Whether any session has it open."""
        return (account_id, mailbox_id) in self._open

    def recent_from(self, account_id: AccountId, mailbox_id: MailboxId) -> int | None:
        """The first UID that no session was told of as recent, where that is known better than the store knows it."""
        key = (account_id, mailbox_id)
        found = self._open.get(key)
        return self._told.get(key) if found is None else found.recent_from

    async def open(self, account_id: AccountId, mailbox_id: MailboxId, *, claim_recent: bool) -> View:
        """A new session's View; with `claim_recent` (SELECT) it is the one that is told of new messages as recent,
        without it (EXAMINE) it takes them from nobody (RFC 3501 §6.3.2).

        Raises: NotFound, also for a name that only holds others.
        """
        mailbox = await self._shared((account_id, mailbox_id))
        view = View(mailbox, read_only=not claim_recent)
        view.release = self._release
        low, high = mailbox.recent_from, mailbox.uidnext
        if low < high:
            view.recent = RecentUids((range(low, high),))
            if claim_recent:
                mailbox.recent_from = high
                try:
                    await self._claim((account_id, mailbox_id), high)
                except BaseException:
                    view.close()
                    raise
        return view

    async def _claim(self, key: Key, uidnext: int) -> None:
        async with self._db.write(key[0]) as tx:
            await mailbox_rows.claim_recent(tx, *key, uidnext)

    async def _shared(self, key: Key) -> OpenMailbox:
        while True:
            found = self._open.get(key)
            if found is not None:
                if found.gone:
                    raise NotFound("no such mailbox")
                return found
            loaded = self._loading.get(key)
            if loaded is None:
                break
            await loaded.wait()
        loaded = self._loading[key] = asyncio.Event()
        try:
            found = await self._load(key)
            self._open[key] = found
            return found
        finally:
            if key not in self._open:
                self._changes.detach(*key)
            del self._loading[key]
            loaded.set()

    async def _load(self, key: Key) -> OpenMailbox:
        aside: list[MailboxNews] = []
        self._changes.attach(*key, aside.append)
        async with self._db.read(key[0]) as tx:
            row = await mailbox_rows.find_by_id(tx, *key)
            if row is None or not row.selectable:
                raise NotFound("no such mailbox")
            mailbox = OpenMailbox(*key, uidvalidity=row.uidvalidity)
            listing = mailbox.listing
            async for rows in placement_rows.columns(tx, *key):
                for uid, bits, keywords, modseq in rows:
                    listing.append(uid, mailbox.flag_number(flag_set(bits, keywords)), modseq)
        mailbox.uidnext = row.uidnext
        mailbox.modseq = row.modseq
        mailbox.recent_from = max(row.recent_from, self._told.pop(key, 0))
        for news in aside:
            mailbox.feed(news)
        self._changes.attach(*key, mailbox.feed)
        return mailbox

    def _release(self, view: View) -> None:
        """With the last View the columns go. What its sessions were told of as recent is kept in memory until somebody
        claims more: after a restart the client hears of it once again, which RFC 3501 §2.3.2 allows."""
        mailbox = view.mailbox
        key = (mailbox.account_id, mailbox.mailbox_id)
        if not mailbox.views and self._open.get(key) is mailbox:
            del self._open[key]
            self._changes.detach(*key)
            if not mailbox.gone and len(self._told) < TOLD_KEPT:
                self._told[key] = mailbox.recent_from
