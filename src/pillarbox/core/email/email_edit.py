"""Messages as a whole, changed: keywords, mailboxes, destruction, and new ones in several mailboxes at once.

Placements stay the truth (`core.mailbox.edit`). What is said of a message goes to all its placements that show: they get the
same keywords; the message comes to a mailbox with a placement, and leaves one with all that it has there. A `\\Deleted`
placement shows nowhere and stays as it is, until its message is destroyed.

Changes are worked out in the transaction that writes them, from what is there then: additions and removals that two
clients make at once both count. Many messages share a transaction; each is done whole or not at all, and the failure of
one is its own. What a crash leaves undone nobody was told of.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from pillarbox.core.feed.changes import Changes
from pillarbox.core.feed.states import Span, StateMoved
from pillarbox.core.flow.outcomes import ArrivedContent
from pillarbox.core.mailbox.edit import Edit, HeldMessage
from pillarbox.core.mailbox.messages import Described, Messages
from pillarbox.model.errors import Invalid, MailError, NotFound, OverQuota, TooMany
from pillarbox.model.ids import AccountId, MailboxId, MessageId, ThreadId
from pillarbox.model.keywords import DELETED, FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.store import emails as email_rows
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

CHANGED_AT_ONCE = 500
"""Placements, roughly, in one transaction."""
ADDED_AT_ONCE = 50
ADDED_OCTETS = 1_000_000
"""Of small contents, in one transaction."""


class NoSuchMailbox(Invalid):
    """A mailbox that the message is to be in does not exist, or holds no messages."""


class InNoMailbox(Invalid):
    """A message must be in a mailbox: it is destroyed, or stays in one."""


class TooManyMailboxes(TooMany):
    """The message would be in more mailboxes than it may be."""


class EmailChange(msgspec.Struct, frozen=True):
    """What is to become of a message: `flags` and `mailbox_ids` take the place of what it has, None: of nothing; then
    come additions, then removals."""

    flags: FlagSet | None = None
    flags_added: FlagSet = FlagSet()
    flags_removed: FlagSet = FlagSet()
    mailbox_ids: frozenset[MailboxId] | None = None
    mailboxes_added: frozenset[MailboxId] = frozenset()
    mailboxes_removed: frozenset[MailboxId] = frozenset()

    def flags_after(self, flags: FlagSet) -> FlagSet:
        """Of a message that has these."""
        return ((flags if self.flags is None else self.flags) | self.flags_added) - self.flags_removed

    def mailboxes_after(self, mailbox_ids: frozenset[MailboxId]) -> frozenset[MailboxId]:
        """Of a message that shows in these."""
        kept = mailbox_ids if self.mailbox_ids is None else self.mailbox_ids
        return (kept | self.mailboxes_added) - self.mailboxes_removed

    @property
    def is_of_flags(self) -> bool:
        """Whether it says anything of flags."""
        return self.flags is not None or FlagSet() != self.flags_added | self.flags_removed

    @property
    def wanted(self) -> frozenset[MailboxId]:
        """The mailboxes that it may come to."""
        return self.mailboxes_added | (self.mailbox_ids or frozenset())


class EmailNow(msgspec.Struct, frozen=True):
    """A message after its change."""

    flags: FlagSet
    mailbox_ids: frozenset[MailboxId]


class NewEmail(msgspec.Struct, frozen=True):
    """A message to be stored; `described` as `Messages.describe` has it."""

    content: ArrivedContent
    described: Described
    mailbox_ids: frozenset[MailboxId]
    flags: FlagSet
    received: datetime


class AddedEmail(msgspec.Struct, frozen=True):
    """A message that is stored."""

    id: MessageId
    thread_id: ThreadId
    size_octets: int


class EmailEdits:
    """Changes the messages of all accounts.

    A `Span` holds the first transaction of several to a state, and knows afterwards where they have led. All three
    raise StateMoved for it, and then nothing was written.
    """

    def __init__(self, db: Database, messages: Messages, *, limits: Limits, clock: Clock, changes: Changes) -> None:
        self._db = db
        self._messages = messages
        self._limits = limits
        self._clock = clock
        self._changes = changes

    # changes

    async def change(
        self, account_id: AccountId, changes: Mapping[MessageId, EmailChange], span: Span
    ) -> dict[MessageId, EmailNow | MailError]:
        """What became of each: NotFound, NoSuchMailbox, InNoMailbox, TooManyMailboxes, TooManyKeywords, Unavailable.

        Raises: StateMoved.
        """
        outcomes: dict[MessageId, EmailNow | MailError] = {}
        for part in _batches(changes):
            try:
                async with self._db.write(account_id) as tx, span.step(tx, account_id):
                    outcomes.update(await self._change_in(tx, account_id, part))
            except StateMoved:
                raise
            except MailError as problem:
                outcomes.update(dict.fromkeys(part, problem))
        return outcomes

    async def _change_in(
        self, tx: Transaction, account_id: AccountId, changes: Mapping[MessageId, EmailChange]
    ) -> dict[MessageId, EmailNow | MailError]:
        edit = Edit(tx, account_id)
        held = await edit.load_messages(list(changes))
        wanted = frozenset[MailboxId]().union(*(change.wanted for change in changes.values()))
        there = await mailbox_rows.selectable_of(tx, account_id, wanted) if wanted else set()
        outcomes: dict[MessageId, EmailNow | MailError] = {}
        for message_id, change in changes.items():
            message = held.get(message_id)
            if message is None:
                outcomes[message_id] = NotFound("no such message")
                continue
            before = frozenset(place.mailbox_id for place in message.places if not place.flags.bits & DELETED)
            now = EmailNow(change.flags_after(message.shared), change.mailboxes_after(before))
            try:
                self._check_mailboxes(now.mailbox_ids, now.mailbox_ids - before, there)
                if change.is_of_flags and now.flags.keywords:
                    await self._messages.admit_keywords(tx, account_id, now.flags.keywords)
            except (Invalid, TooMany) as problem:
                outcomes[message_id] = problem
                continue
            _note(edit, message, now, with_flags=change.is_of_flags)
            outcomes[message_id] = now
        await edit.finish(micros(self._clock.now()), self._changes)
        return outcomes

    def _check_mailboxes(self, after: frozenset[MailboxId], come: frozenset[MailboxId], there: set[MailboxId]) -> None:
        if not come <= there:
            raise NoSuchMailbox("no such mailbox")
        if not after:
            raise InNoMailbox("a message must be in a mailbox")
        if come and len(after) > self._limits.mailboxes_per_message:
            raise TooManyMailboxes(f"a message is in at most {self._limits.mailboxes_per_message} mailboxes")

    # destruction

    async def destroy(
        self, account_id: AccountId, ids: Sequence[MessageId], span: Span
    ) -> dict[MessageId, MailError | None]:
        """Remove messages from all their mailboxes, whatever their flags there; NotFound for those that do not show.

        Raises: StateMoved.
        """
        outcomes: dict[MessageId, MailError | None] = {}
        for start in range(0, len(ids), CHANGED_AT_ONCE):
            part = ids[start : start + CHANGED_AT_ONCE]
            try:
                async with self._db.write(account_id) as tx, span.step(tx, account_id):
                    edit = Edit(tx, account_id)
                    held = await edit.load_messages(part)
                    for message in held.values():
                        for place in tuple(message.places):
                            edit.remove(place)
                    await edit.finish(micros(self._clock.now()), self._changes)
                outcomes.update((one, None if one in held else NotFound("no such message")) for one in part)
            except StateMoved:
                raise
            except MailError as problem:
                outcomes.update(dict.fromkeys(part, problem))
        return outcomes

    # new messages

    async def add(self, account_id: AccountId, new: Sequence[NewEmail], span: Span) -> list[AddedEmail | MailError]:
        """Store messages; durable when this returns. What became of each, in their order: NoSuchMailbox, InNoMailbox,
        TooManyMailboxes, TooManyKeywords, OverQuota, Unavailable.

        Raises: StateMoved.
        """
        outcomes: list[AddedEmail | MailError] = []
        for part in _small_parts(new):
            try:
                async with self._db.write(account_id) as tx, span.step(tx, account_id):
                    outcomes += await self._add_in(tx, account_id, part)
            except StateMoved:
                raise
            except MailError as problem:
                outcomes += [problem] * len(part)
        return outcomes

    async def _add_in(
        self, tx: Transaction, account_id: AccountId, new: Sequence[NewEmail]
    ) -> list[AddedEmail | MailError]:
        wanted = frozenset[MailboxId]().union(*(one.mailbox_ids for one in new))
        there = await mailbox_rows.selectable_of(tx, account_id, wanted)
        outcomes: list[MessageId | MailError] = []
        more: dict[MessageId, NewEmail] = {}
        for one in new:
            try:
                self._check_mailboxes(one.mailbox_ids, one.mailbox_ids, there)
                placed = await self._messages.deliver(
                    tx,
                    account_id,
                    min(one.mailbox_ids),
                    one.content,
                    one.described,
                    received=one.received,
                    flags=one.flags,
                )
            except (Invalid, TooMany, OverQuota) as problem:  # all are raised before anything of it is written
                outcomes.append(problem)
                continue
            outcomes.append(placed.message_id)
            if len(one.mailbox_ids) > 1:
                more[placed.message_id] = one
        await self._place_more(tx, account_id, more)
        return await _added(tx, account_id, outcomes)

    async def _place_more(self, tx: Transaction, account_id: AccountId, new: Mapping[MessageId, NewEmail]) -> None:
        """Messages that are in the first of their mailboxes come to the others."""
        if not new:
            return
        edit = Edit(tx, account_id)
        for message in (await edit.load_messages(list(new))).values():
            one = new[MessageId(message.id)]
            for mailbox_id in sorted(one.mailbox_ids)[1:]:
                edit.place(message, mailbox_id, one.flags)
        await edit.finish(micros(self._clock.now()), self._changes)


def _note(edit: Edit, message: HeldMessage, now: EmailNow, *, with_flags: bool) -> None:
    """What its placements that show must become: removals come first, as in MOVE."""
    visible = [place for place in message.places if not place.flags.bits & DELETED]
    for place in visible:
        if place.mailbox_id not in now.mailbox_ids:
            edit.remove(place)
        elif with_flags and place.flags != now.flags:
            edit.flag(place, now.flags)
    for mailbox_id in sorted(now.mailbox_ids.difference(place.mailbox_id for place in visible)):
        edit.place(message, mailbox_id, now.flags)


async def _added(
    tx: Transaction, account_id: AccountId, outcomes: Sequence[MessageId | MailError]
) -> list[AddedEmail | MailError]:
    """With what is known of a message only now that it is there."""
    ids = [one for one in outcomes if not isinstance(one, MailError)]
    added = {
        row[0]: AddedEmail(MessageId(row[0]), ThreadId(row[1]), row[2])
        for row in await email_rows.facts(tx, account_id, ids)
    }
    return [one if isinstance(one, MailError) else added[one] for one in outcomes]


def _batches(changes: Mapping[MessageId, EmailChange]) -> Iterator[dict[MessageId, EmailChange]]:
    """Parts that each make one transaction of a bounded size."""
    part: dict[MessageId, EmailChange] = {}
    weight = 0
    for message_id, change in changes.items():
        part[message_id] = change
        weight += 1 + len(change.wanted)
        if weight >= CHANGED_AT_ONCE:
            yield part
            part, weight = {}, 0
    if part:
        yield part


def _small_parts(new: Sequence[NewEmail]) -> Iterator[list[NewEmail]]:
    part: list[NewEmail] = []
    octets = placements = 0
    for one in new:
        part.append(one)
        octets += len(one.content.inline or b"")
        placements += len(one.mailbox_ids)
        if len(part) >= ADDED_AT_ONCE or octets >= ADDED_OCTETS or placements >= CHANGED_AT_ONCE:
            yield part
            part, octets, placements = [], 0, 0
    if part:
        yield part
