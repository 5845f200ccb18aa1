"""Messages as a whole, whichever mailboxes they are in: what is read of them by id, and their threads (RFC 8621 §3, §4).

Only messages that show are seen: those with a placement that is not `\\Deleted` (`core.mailbox.edit` says how flags are
shared). What is asked of many is read in one short transaction, with a few statements whatever their number.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.feed.states import Kind, state_in
from pillarbox.grammar.message.part import Part, unpack
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, BlobId, MailboxId, MessageId, ThreadId
from pillarbox.model.keywords import FlagSet
from pillarbox.store import contents as content_rows
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Blobs, Database, Row
from pillarbox.store.flag_columns import flag_set
from pillarbox.store.moment import moment


class EmailFacts(msgspec.Struct, frozen=True):
    """What is known of a message without reading it. `flags` are those that its placements have in common."""

    id: MessageId
    thread_id: ThreadId
    mailbox_ids: tuple[MailboxId, ...]
    flags: FlagSet
    size_octets: int
    received: datetime
    blob: BlobId
    modseq: int


class EmailParts(msgspec.Struct, frozen=True):
    """Where the parts of a message lie, in its content alone: `head_octets` come before it in the whole. `opening` is
    the beginning of that content, where it was asked for and the content is small."""

    part: Part
    head_octets: int
    opening: bytes | None = None


class ListedEmail(msgspec.Struct, frozen=True):
    """What a list shows of a message."""

    facts: EmailFacts
    parts: EmailParts


class Emails:
    """Reads messages by id."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def facts(self, account_id: AccountId, ids: Sequence[MessageId]) -> tuple[dict[MessageId, EmailFacts], int]:
        """What is known of those that show, and the state that this was read in."""
        async with self._db.read(account_id) as tx:
            state = await state_in(tx, account_id, Kind.EMAIL)
            rows = await email_rows.facts(tx, account_id, ids)
            mailboxes = _mailboxes(await email_rows.places(tx, account_id, ids))
        return {MessageId(row[0]): _facts(row, mailboxes) for row in rows}, state

    async def listed(
        self, account_id: AccountId, ids: Sequence[MessageId], *, opening_octets: int = 0
    ) -> list[ListedEmail]:
        """What is known of those that show, with their structure, and with so much of the beginning of small contents:
        of a page's worth of ids."""
        async with self._db.read(account_id) as tx:
            rows = await email_rows.listed(tx, account_id, ids, opening_octets)
            mailboxes = _mailboxes(await email_rows.places(tx, account_id, ids))
        return [ListedEmail(_facts(row, mailboxes), EmailParts(unpack(row[10]), row[9], row[11])) for row in rows]

    async def parts(self, account_id: AccountId, ids: Sequence[MessageId]) -> dict[MessageId, EmailParts]:
        """Structure and kept envelope fields, without reading contents."""
        async with self._db.read(account_id) as tx:
            rows = await email_rows.parts(tx, account_id, ids)
        return {MessageId(row[0]): EmailParts(unpack(row[4]), len(row[2])) for row in rows}

    async def content(self, account_id: AccountId, message_id: MessageId) -> StoredContent:
        """The octets of one. Raises: NotFound."""
        found = (await self.contents(account_id, [message_id])).get(message_id)
        if found is None:
            raise NotFound("no such message")
        return found

    async def contents(self, account_id: AccountId, ids: Sequence[MessageId]) -> dict[MessageId, StoredContent]:
        """The octets of those that show; small ones are in memory when this returns. The caller closes them."""
        found: dict[MessageId, StoredContent] = {}
        async with self._db.read(account_id) as tx:
            for message_id, blob, head, size_octets, parts in await email_rows.parts(tx, account_id, ids):
                inline = await content_rows.inline_content(tx, account_id, blob)
                found[MessageId(message_id)] = StoredContent(
                    bytes(head),
                    inline,
                    blobs=self._blobs,
                    blob=BlobId(blob),
                    size_octets=size_octets,
                    parts=bytes(parts),
                )
        return found

    async def threads(
        self, account_id: AccountId, ids: Sequence[ThreadId]
    ) -> tuple[dict[ThreadId, list[MessageId]], int]:
        """The messages of each thread that has any, oldest first (RFC 8621 §3), and the state of that."""
        found: dict[ThreadId, list[MessageId]] = {}
        async with self._db.read(account_id) as tx:
            state = await state_in(tx, account_id, Kind.EMAIL)
            for thread_id, message_id, _, _ in await email_rows.members(tx, account_id, ids):
                found.setdefault(ThreadId(thread_id), []).append(MessageId(message_id))
        return found, state


def _mailboxes(places: Sequence[Row]) -> dict[int, tuple[MailboxId, ...]]:
    """Of each message, from the rows of its placements, which come in order; each once."""
    found: dict[int, tuple[MailboxId, ...]] = {}
    for message_id, mailbox_id in places:
        held = found.get(message_id, ())
        if mailbox_id not in held:
            found[message_id] = (*held, MailboxId(mailbox_id))
    return found


def _facts(row: Row, mailboxes: Mapping[int, tuple[MailboxId, ...]]) -> EmailFacts:
    return EmailFacts(
        id=MessageId(row[0]),
        thread_id=ThreadId(row[1]),
        mailbox_ids=mailboxes.get(row[0], ()),
        flags=flag_set(row[4], row[5]),
        size_octets=row[2],
        received=moment(row[3]),
        blob=BlobId(row[7]),
        modseq=row[8],
    )
