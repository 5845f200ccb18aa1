"""What is done to messages in mailboxes: append, deliver, flags, expunge, copy, move, and what is read of them.

Every use case is one transaction, or, where it touches more than a few hundred messages, several: then each message
is done whole or not at all, and what a crash leaves undone nobody was told of. COPY alone promises more: what fails
is taken back (RFC 9051 §6.4.7). UIDs are given rising, as the session knows them; those that are gone are passed over.

Standards: RFC 9051 §6.3.12, §6.4.3, §6.4.6 to §6.4.8; RFC 7162 §3.1; RFC 6851 §3; RFC 8474 §5.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import TypeVar

from pillarbox.core.contents.content import StoredContent, find_content
from pillarbox.core.feed.changes import Changes, MailboxNews
from pillarbox.core.feed.states import Span
from pillarbox.core.flow.outcomes import ArrivedContent, Copied, Expunged, FlagAction, FlagOutcome, TooManyKeywords
from pillarbox.core.mailbox.edit import Edit, Place
from pillarbox.core.mailbox.fetch_text import Described, describe, finish_line
from pillarbox.model.errors import MailError, NotFound, OverQuota
from pillarbox.model.ids import AccountId, MailboxId, ModSeq, TraceId
from pillarbox.model.keywords import DELETED, FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Clock
from pillarbox.store import accounts as account_rows
from pillarbox.store import changes as change_rows
from pillarbox.store import placements as placement_rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.messages import MessageFacts, NewMessage, Placed, create_message
from pillarbox.store.moment import micros, zone_minutes
from pillarbox.store.runs import runs

__all__ = [
    "ArrivedContent",
    "Copied",
    "Described",
    "Expunged",
    "FlagAction",
    "FlagOutcome",
    "MessageFacts",
    "Messages",
    "Placed",
]

CHANGED_AT_ONCE = 500
COPIED_AT_ONCE = 1_000
SCANNED_ON_THE_LOOP_OCTETS = 1_000_000

Found = TypeVar("Found")
RecordEntry = Callable[[Transaction, PassportEntry], Awaitable[None]]


class Messages:
    """The messages of all accounts."""

    def __init__(self, db: Database, blobs: Blobs, *, limits: Limits, clock: Clock, changes: Changes) -> None:
        self._db = db
        self._blobs = blobs
        self._limits = limits
        self._clock = clock
        self._changes = changes
        self._keywords: dict[AccountId, set[str]] = {}
        self.record: RecordEntry | None = None
        """Writes a passport entry in the transaction of the step that it records."""

    # new messages

    async def describe(self, content: ArrivedContent) -> Described:
        """What a content's octets say: once for all its recipients, before the transaction."""
        if content.inline is not None:
            return describe(content.inline, limits=self._limits)
        if content.size_octets > SCANNED_ON_THE_LOOP_OCTETS:
            return await asyncio.to_thread(describe, content.view(), limits=self._limits)
        return describe(content.view(), limits=self._limits)

    async def check_room(self, account_id: AccountId, size_octets: int) -> None:
        """Raises: OverQuota when a message of this size would not fit; NotFound."""
        async with self._db.read(account_id) as tx:
            account = await account_rows.find_by_id(tx, account_id)
        if account is None:
            raise NotFound("no such account")
        quota = account.quota_octets or self._limits.account_octets
        if quota and account.used_octets + size_octets > quota:
            raise OverQuota("the account has no room left")

    async def deliver(
        self,
        tx: Transaction,
        account_id: AccountId,
        mailbox_id: MailboxId,
        content: ArrivedContent,
        described: Described,
        *,
        received: datetime,
        head: bytes = b"",
        flags: FlagSet = FlagSet(),
        trace_id: TraceId | None = None,
    ) -> Placed:
        """Store a message in one mailbox, within the caller's transaction; open mailboxes hear of it after commit.

        Raises: NotFound, OverQuota, TooManyKeywords: the transaction is then to be given up.
        """
        if flags.keywords:
            await self.admit_keywords(tx, account_id, flags.keywords)
        size = len(head) + content.size_octets
        new = NewMessage(
            blob=content.blob,
            size_octets=size,
            inline=content.inline,
            head=head,
            received=micros(received),
            zone_minutes=zone_minutes(received),
            flags=flags,
            line=finish_line(described.text, received, size),
            parts=described.parts,
            trace_id=trace_id or "",
            now=micros(self._clock.now()),
            default_quota_octets=self._limits.account_octets,
            thread_keys=described.thread_keys,
        )
        placed = await create_message(tx, account_id, mailbox_id, new)
        news = MailboxNews(account_id, mailbox_id, placed.modseq, placed=((placed.uid, flags, placed.modseq),))
        self._changes.publish_later(tx.after_commit, news)
        return placed

    async def append(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        content: ArrivedContent,
        *,
        flags: FlagSet,
        received: datetime,
        head: bytes = b"",
        trace_id: TraceId | None = None,
    ) -> Placed:
        """Store a message that a client hands in (RFC 9051 §6.3.12); durable when it returns.

        Raises: NotFound, OverQuota, TooManyKeywords.
        """
        described = await self.describe(content)
        async with self._db.write(account_id) as tx:
            placed = await self.deliver(
                tx,
                account_id,
                mailbox_id,
                content,
                described,
                received=received,
                head=head,
                flags=flags,
                trace_id=trace_id,
            )
            if trace_id is not None and self.record is not None:
                facts = {"mailbox": str(mailbox_id), "uid": str(placed.uid), "size": str(content.size_octets)}
                entry = PassportEntry(trace_id, account_id, self._clock.now(), Step.APPENDED, facts)
                await self.record(tx, entry)
        return placed

    async def admit_keywords(self, tx: Transaction, account_id: AccountId, names: Sequence[str]) -> None:
        """Register keywords that a message is to have, within the caller's transaction.

        Raises: TooManyKeywords; nothing has been written then.
        """
        known = self._keywords.setdefault(account_id, set())
        fresh = [name for name in names if name not in known]
        if not fresh:
            return
        missing, count = await placement_rows.missing_keywords(tx, account_id, fresh)
        if missing and count + len(missing) > self._limits.keywords:
            raise TooManyKeywords("the account has as many keywords as it may have")
        await placement_rows.add_keywords(tx, account_id, missing)
        tx.after_commit(lambda: known.update(fresh))

    # flags

    async def change_flags(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        uids: Sequence[int],
        action: FlagAction,
        flags: FlagSet,
        *,
        unchanged_since: int | None = None,
    ) -> FlagOutcome:
        """Set, add or remove flags (RFC 9051 §6.4.6); with `unchanged_since` only where nobody else has
        (RFC 7162 §3.1.3).

        Raises: TooManyKeywords.
        """
        changed: list[tuple[int, FlagSet, int]] = []
        refused: list[int] = []
        for start in range(0, len(uids), CHANGED_AT_ONCE):
            part = uids[start : start + CHANGED_AT_ONCE]
            async with self._db.write(account_id) as tx:
                if flags.keywords and action is not FlagAction.REMOVE:
                    await self.admit_keywords(tx, account_id, flags.keywords)
                edit = Edit(tx, account_id)
                taken: list[Place] = []
                for place in await edit.load(mailbox_id, part):
                    if unchanged_since is not None and place.modseq > unchanged_since:
                        refused.append(place.uid)
                        continue
                    taken.append(place)
                    after = _apply(place.flags, action, flags)
                    if after != place.flags:
                        edit.flag(place, after)
                await edit.finish(micros(self._clock.now()), self._changes)
            changed += [(place.uid, place.flags, place.modseq) for place in taken]
        return FlagOutcome(changed, refused)

    # removal

    async def expunge(self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int] | None) -> Expunged:
        """Remove what is `\\Deleted`: all of it, or of these UIDs only (RFC 9051 §6.4.3, §6.4.9)."""
        if uids is None:
            uids = await self._uids(account_id, mailbox_id, deleted_only=True)
        return await self._remove(account_id, mailbox_id, uids, deleted_only=True)

    async def _uids(self, account_id: AccountId, mailbox_id: MailboxId, *, deleted_only: bool) -> list[int]:
        found: list[int] = []
        while True:
            async with self._db.read(account_id) as tx:
                page = await placement_rows.uids_page(
                    tx,
                    account_id,
                    mailbox_id,
                    above=found[-1] if found else 0,
                    deleted_only=deleted_only,
                    limit=CHANGED_AT_ONCE,
                )
            found += page
            if len(page) < CHANGED_AT_ONCE:
                return found

    async def _remove(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        uids: Sequence[int],
        *,
        deleted_only: bool,
        span: Span | None = None,
    ) -> Expunged:
        removed: list[int] = []
        modseq = 0
        for start in range(0, len(uids), CHANGED_AT_ONCE):
            async with self._db.write(account_id) as tx, nullcontext() if span is None else span.step(tx, account_id):
                edit = Edit(tx, account_id)
                places = await edit.load(mailbox_id, uids[start : start + CHANGED_AT_ONCE])
                gone = [place for place in places if not deleted_only or place.flags.bits & DELETED]
                for place in gone:
                    edit.remove(place)
                edited = await edit.finish(micros(self._clock.now()), self._changes)
            removed += [place.uid for place in gone]
            modseq = edited.modseq or modseq
        return Expunged(removed, modseq)

    async def empty(self, account_id: AccountId, mailbox_id: MailboxId, span: Span | None = None) -> Expunged:
        """Remove everything, `\\Deleted` or not: what comes before a mailbox itself is deleted."""
        uids = await self._uids(account_id, mailbox_id, deleted_only=False)
        return await self._remove(account_id, mailbox_id, uids, deleted_only=False, span=span)

    # copies

    async def copy(
        self, account_id: AccountId, source_id: MailboxId, uids: Sequence[int], target_id: MailboxId
    ) -> Copied:
        """New placements of the same messages at the end of the target (RFC 9051 §6.4.7), also where that is the
        source. A failure takes back what was copied before it.

        Raises: NotFound (target).
        """
        pairs: list[tuple[int, int]] = []
        uidvalidity = 0
        try:
            for start in range(0, len(uids), COPIED_AT_ONCE):
                async with self._db.write(account_id) as tx:
                    edit = Edit(tx, account_id)
                    places = await edit.load(source_id, uids[start : start + COPIED_AT_ONCE])
                    made = [edit.place(place.message, target_id, place.flags) for place in places]
                    edited = await edit.finish(micros(self._clock.now()), self._changes)
                uidvalidity = edited.uidvalidity.get(target_id, uidvalidity)
                pairs += [(place.uid, copy.uid) for place, copy in zip(places, made, strict=True)]
        except (MailError, asyncio.CancelledError):
            if pairs:
                await self._remove(account_id, target_id, [new for _, new in pairs], deleted_only=False)
            raise
        return Copied(uidvalidity, pairs)

    async def move(
        self, account_id: AccountId, source_id: MailboxId, uids: Sequence[int], target_id: MailboxId
    ) -> Copied:
        """Take messages from one mailbox to the end of another (RFC 6851 §3.3): each is in exactly one of them at
        any instant. Into the same mailbox: new UIDs.

        Raises: NotFound (target).
        """
        pairs: list[tuple[int, int]] = []
        uidvalidity = 0
        for start in range(0, len(uids), CHANGED_AT_ONCE):
            async with self._db.write(account_id) as tx:
                edit = Edit(tx, account_id)
                places = await edit.load(source_id, uids[start : start + CHANGED_AT_ONCE])
                made = []
                for place in places:
                    edit.remove(place)
                    made.append(edit.place(place.message, target_id, place.flags))
                edited = await edit.finish(micros(self._clock.now()), self._changes)
            uidvalidity = edited.uidvalidity.get(target_id, uidvalidity)
            pairs += [(place.uid, copy.uid) for place, copy in zip(places, made, strict=True)]
        return Copied(uidvalidity, pairs)

    async def move_all(self, account_id: AccountId, source_id: MailboxId, target_id: MailboxId) -> Copied:
        """Move every message of a mailbox."""
        uids = await self._uids(account_id, source_id, deleted_only=False)
        return await self.move(account_id, source_id, uids, target_id)

    # reading

    async def lines(
        self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> AsyncIterator[list[tuple[int, bytes]]]:
        """(UID, ready FETCH text) in batches of at most some hundred, each its own short read."""
        for low, high, part in runs(uids):
            async with self._db.read(account_id) as tx:
                rows = await placement_rows.lines_page(tx, account_id, mailbox_id, low, high)
            yield _only(rows, part)

    async def facts(
        self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> list[tuple[int, MessageFacts]]:
        """(UID, ids, date and size) of each."""
        found: list[tuple[int, MessageFacts]] = []
        for low, high, part in runs(uids):
            async with self._db.read(account_id) as tx:
                rows = await placement_rows.facts_page(tx, account_id, mailbox_id, low, high)
            found += _only(rows, part)
        return found

    async def content(self, account_id: AccountId, mailbox_id: MailboxId, uid: int) -> StoredContent:
        """The message's octets. Raises: NotFound."""
        return await find_content(self._db, self._blobs, account_id, mailbox_id, uid)

    async def removed_since(self, account_id: AccountId, mailbox_id: MailboxId, modseq: int) -> list[int] | None:
        """UIDs expunged after a mod-sequence, rising; None when that is too long ago to know (RFC 7162 §3.2.5.2)."""
        removed: set[int] = set()
        last = ModSeq(modseq)
        while True:
            async with self._db.read(account_id) as tx:
                if last < await change_rows.change_floor(tx, account_id):  # it may rise between two pages
                    return None
                page = await change_rows.removed_since(tx, account_id, mailbox_id, last)
            removed.update(uid for _, uid in page)
            if len(page) < change_rows.REMOVED_PAGE:
                return sorted(removed)
            last = ModSeq(page[-1][0])


def _apply(before: FlagSet, action: FlagAction, flags: FlagSet) -> FlagSet:
    match action:
        case FlagAction.SET:
            return flags
        case FlagAction.ADD:
            return before | flags
        case FlagAction.REMOVE:
            return before - flags


def _only(rows: list[tuple[int, Found]], part: Sequence[int]) -> list[tuple[int, Found]]:
    if part[-1] - part[0] < len(part):  # all that lies between is wanted
        return rows
    wanted = set(part)
    return [row for row in rows if row[0] in wanted]
