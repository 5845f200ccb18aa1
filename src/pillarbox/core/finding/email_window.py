"""A mailbox as people look at it: newest first, from the top (RFC 8621 §4.4).

What almost all queries of clients are. It is read from an index, page by page, and no further than was asked for; its
total is kept with the mailbox. Who looks further down than some pages will go on: all is read once, and kept
(`core.finding.email_query`).
"""

import asyncio

from pillarbox.core.feed.states import Kind, state_in
from pillarbox.core.finding.email_query import EmailQueries
from pillarbox.core.finding.results import FoundEmails
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.query import InMailbox
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Database

PAGE = 500
FEW = 1_000
"""Messages from the top that cost less to read than a whole mailbox does to keep."""
_BEYOND_ALL = (2**62, 2**62)


class EmailWindows:
    """Reads mailboxes from their newest message on."""

    def __init__(self, db: Database, queries: EmailQueries) -> None:
        self._db = db
        self._queries = queries

    async def newest(
        self, account_id: AccountId, mailbox_id: MailboxId, most: int | None = None, *, collapse: bool = False
    ) -> FoundEmails:
        """The first `most` messages, or all; with `collapse` of each thread the newest alone.

        Pages are reads of their own: what moves meanwhile is in the changes since the state that is answered.
        """
        if most is None or most > FEW:
            return await self._queries.find(account_id, InMailbox(mailbox_id), collapse=collapse)
        async with self._db.read(account_id) as tx:
            state = await state_in(tx, account_id, Kind.EMAIL)
        ids = await self._read(account_id, mailbox_id, most, collapse=collapse)
        return FoundEmails(ids[:most], state)

    async def _read(
        self, account_id: AccountId, mailbox_id: MailboxId, most: int, *, collapse: bool
    ) -> tuple[int, ...]:
        """At least the first `most`, where there are so many."""
        found: dict[int, int] = {}
        before = _BEYOND_ALL
        while len(found) < most:
            async with self._db.read(account_id) as tx:
                rows = await email_rows.newest_in(
                    tx, account_id, mailbox_id, before=before, limit=PAGE, threads=collapse
                )
            for received, message_id, thread_id in rows:
                found.setdefault(thread_id if collapse else message_id, message_id)
                before = (received, message_id)
            if len(rows) < PAGE:
                break
            await asyncio.sleep(0)
        return tuple(found.values())
