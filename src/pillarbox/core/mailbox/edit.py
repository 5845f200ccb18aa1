"""Changes of placements in one transaction of one account: flags, removals, new placements of messages that exist.

An `Edit` gathers operations on placements that it has loaded, then writes them all: one range of mod-sequences, one
UPDATE a mailbox, rows in bulk. It keeps what follows from placements in step with them: a message's aggregate for
JMAP, the mailboxes' counts, the feed of changes, the messages that go with their last placement.

The aggregate (RFC 8621 §4.1.1): over the placements that are not `\\Deleted`, `\\Seen` as all have it, everything else
as any has it; a message with no such placement is hidden. `\\Deleted` is never part of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pillarbox.core.feed.changes import Changes, FlagNews, MailboxNews
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.keywords import DELETED, DRAFT, SEEN, FlagSet
from pillarbox.store import changes as change_rows
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store import messages as message_rows
from pillarbox.store import placements as placement_rows
from pillarbox.store.base import Transaction
from pillarbox.store.changes import ChangeRow
from pillarbox.store.flag_columns import flag_set
from pillarbox.store.mailboxes import Counts


class HeldMessage:
    """A message with all its placements, as the edit leaves them."""

    __slots__ = ("blob", "id", "places", "received", "shared", "shown", "shows", "size_octets", "thread_id")

    def __init__(
        self,
        message_id: int,
        size_octets: int,
        shared: FlagSet,
        shown: int | None,
        blob: bytes,
        *,
        thread_id: int,
        received: int,
    ) -> None:
        self.id = message_id
        self.size_octets = size_octets
        self.shared = shared
        self.shown = shown
        self.blob = blob
        self.thread_id = thread_id
        self.received = received
        self.places: list[Place] = []
        self.shows: dict[MailboxId, int] = {}
        """Mailboxes where the message shows, before the edit: 1 where it counts as unread."""


class Place:
    """One placement."""

    __slots__ = ("flags", "mailbox_id", "message", "modseq", "uid")

    def __init__(self, message: HeldMessage, mailbox_id: MailboxId, uid: int, modseq: int, flags: FlagSet) -> None:
        self.message = message
        self.mailbox_id = mailbox_id
        self.uid = uid
        self.modseq = modseq
        self.flags = flags


def aggregate(flags: Sequence[FlagSet]) -> FlagSet | None:
    """What a message's placements have in common for JMAP; None: hidden."""
    visible = [one for one in flags if not one.bits & DELETED]
    if not visible:
        return None
    together = visible[0]
    if len(visible) > 1:
        seen = SEEN
        for one in visible:
            together |= one
            seen &= one.bits
        together = FlagSet(together.bits & ~SEEN | seen, together.keywords)
    return together


def shows_in(message: HeldMessage, together: FlagSet | None) -> dict[MailboxId, int]:
    """The mailboxes where a message counts for JMAP; 1 where as unread."""
    if together is None:
        return {}
    unread = 0 if together.bits & (SEEN | DRAFT) else 1
    return {place.mailbox_id: unread for place in message.places if not place.flags.bits & DELETED}


class Operation:
    """One change to be written."""

    __slots__ = ("before", "kind", "modseq", "place")

    def __init__(self, kind: ChangeKind, place: Place, before: FlagSet | None) -> None:
        self.kind = kind
        self.place = place
        self.before = before
        self.modseq = 0


class Edit:
    """Load, note, then `finish` once; all within one transaction."""

    def __init__(self, tx: Transaction, account_id: AccountId) -> None:
        self._tx = tx
        self._account_id = account_id
        self._operations: list[Operation] = []
        self._messages: dict[int, HeldMessage] = {}
        self._counts: defaultdict[MailboxId, Counts] = defaultdict(Counts)

    async def load(self, mailbox_id: MailboxId, uids: Sequence[int]) -> list[Place]:
        """The placements of rising `uids` that exist, each with its message and that one's other placements."""
        found: list[Place] = []
        for row in await placement_rows.held(self._tx, self._account_id, mailbox_id, uids):
            message = self._messages.get(row[4])
            if message is None:
                shared = flag_set(row[6], row[7])
                message = self._messages[row[4]] = HeldMessage(
                    row[4], row[5], shared, row[8], row[10], thread_id=row[11], received=row[12]
                )
                if row[9] == 1:
                    message.places.append(Place(message, mailbox_id, row[0], row[1], flag_set(row[2], row[3])))
                else:
                    await self._load_siblings(message)
                message.shows = shows_in(message, None if row[8] is None else shared)
            found.append(next(p for p in message.places if p.uid == row[0] and p.mailbox_id == mailbox_id))
        return found

    async def load_messages(self, ids: Sequence[int]) -> dict[int, HeldMessage]:
        """Those of these messages that show, by id, each with all its placements, whichever mailboxes they are in."""
        found: dict[int, HeldMessage] = {}
        async for rows in placement_rows.of_messages(self._tx, self._account_id, ids):
            for row in rows:
                message = found.get(row[5])
                if message is None:
                    message = found[row[5]] = HeldMessage(
                        row[5], row[6], flag_set(row[7], row[8]), row[9], row[10], thread_id=row[11], received=row[12]
                    )
                place = Place(message, MailboxId(row[0]), row[1], row[2], flag_set(row[3], row[4]))
                message.places.append(place)
        for message in found.values():
            message.shows = shows_in(message, message.shared)
        self._messages.update(found)
        return found

    async def _load_siblings(self, message: HeldMessage) -> None:
        for row in await placement_rows.siblings(self._tx, self._account_id, message.id):
            message.places.append(Place(message, MailboxId(row[0]), row[1], row[2], flag_set(row[3], row[4])))

    def flag(self, place: Place, flags: FlagSet) -> None:
        """Give a placement other flags."""
        before, place.flags = place.flags, flags
        counts = self._counts[place.mailbox_id]
        counts.unseen += bool(before.bits & SEEN) - bool(flags.bits & SEEN)
        counts.deleted += bool(flags.bits & DELETED) - bool(before.bits & DELETED)
        self._operations.append(Operation(ChangeKind.FLAGS, place, before))

    def remove(self, place: Place) -> None:
        """Take a placement away; the message goes with its last one."""
        place.message.places.remove(place)
        self._count(place, -1)
        self._operations.append(Operation(ChangeKind.REMOVED, place, place.flags))

    def place(self, message: HeldMessage, mailbox_id: MailboxId, flags: FlagSet) -> Place:
        """A new placement at the end of a mailbox; its UID is known after `finish`."""
        place = Place(message, mailbox_id, 0, 0, flags)
        message.places.append(place)
        self._count(place, +1)
        self._counts[mailbox_id].placed += 1
        self._operations.append(Operation(ChangeKind.PLACED, place, None))
        return place

    def _count(self, place: Place, sign: int) -> None:
        counts = self._counts[place.mailbox_id]
        counts.total += sign
        counts.unseen += 0 if place.flags.bits & SEEN else sign
        counts.deleted += sign if place.flags.bits & DELETED else 0
        counts.size_octets += sign * place.message.size_octets

    async def finish(self, now_micros: int, changes: Changes) -> "Edited":
        """Write everything, and have the open mailboxes told after commit.

        Raises: NotFound (a target mailbox is gone).
        """
        edited = Edited()
        if not self._operations:
            return edited
        touched = dict.fromkeys(operation.place.message for operation in self._operations)
        gone = [message for message in touched if not message.places]
        freed = sum(message.size_octets for message in gone)
        last = await change_rows.take_modseqs(self._tx, self._account_id, len(self._operations), octets=-freed)
        edited.modseq = last
        modseqs: dict[MailboxId, int] = {}
        newest: dict[HeldMessage, int] = {}
        for modseq, operation in enumerate(self._operations, last - len(self._operations) + 1):
            operation.modseq = operation.place.modseq = modseq
            modseqs[operation.place.mailbox_id] = newest[operation.place.message] = modseq
        aggregates = self._aggregates(newest)
        await self._write_counts(modseqs, edited)
        await self._write_rows(now_micros)
        await message_rows.update_aggregates(self._tx, self._account_id, aggregates)
        if gone:
            await message_rows.delete_messages(
                self._tx, self._account_id, now_micros, [(message.id, message.blob) for message in gone]
            )
        self._tell(modseqs, changes)
        return edited

    def _aggregates(self, newest: dict[HeldMessage, int]) -> list[tuple[int, FlagSet, int, int | None, int]]:
        rows = []
        for message, modseq in newest.items():
            together = aggregate([place.flags for place in message.places])
            shows = shows_in(message, together)
            if shows != message.shows:
                for mailbox_id, unread in message.shows.items():
                    self._counts[mailbox_id].jmap_total -= 1
                    self._counts[mailbox_id].jmap_unread -= unread
                for mailbox_id, unread in shows.items():
                    self._counts[mailbox_id].jmap_total += 1
                    self._counts[mailbox_id].jmap_unread += unread
            if message.places:
                shown = None if together is None else (message.shown or modseq)
                rows.append((message.id, together or FlagSet(), modseq, shown, len(message.places)))
        return rows

    async def _write_counts(self, modseqs: dict[MailboxId, int], edited: "Edited") -> None:
        for mailbox_id, counts in self._counts.items():
            modseq = modseqs.get(mailbox_id)
            if modseq is None:
                await mailbox_rows.move_jmap_counts(self._tx, self._account_id, mailbox_id, counts)
                continue
            row = await mailbox_rows.move_counts(self._tx, self._account_id, mailbox_id, modseq, counts)
            if row is None:
                raise NotFound("no such mailbox")
            edited.uidvalidity[mailbox_id] = row[1]
            uid = row[0]
            for operation in self._operations:
                if operation.kind is ChangeKind.PLACED and operation.place.mailbox_id == mailbox_id:
                    operation.place.uid = uid
                    uid += 1

    async def _write_rows(self, now_micros: int) -> None:
        tx, account_id = self._tx, self._account_id
        by_kind: defaultdict[ChangeKind, list[Place]] = defaultdict(list)
        for operation in self._operations:
            by_kind[operation.kind].append(operation.place)
        await placement_rows.delete_placements(
            tx, account_id, [(p.mailbox_id, p.uid) for p in by_kind[ChangeKind.REMOVED]]
        )
        await placement_rows.update_flags(
            tx, account_id, [(p.mailbox_id, p.uid, p.modseq, p.flags) for p in by_kind[ChangeKind.FLAGS]]
        )
        await placement_rows.insert_placements(
            tx,
            account_id,
            [
                (p.mailbox_id, p.uid, p.message.id, p.modseq, p.flags, p.message.received)
                for p in by_kind[ChangeKind.PLACED]
            ],
        )
        await change_rows.insert_changes(
            tx,
            account_id,
            now_micros,
            [
                ChangeRow(
                    o.modseq,
                    o.kind,
                    o.place.mailbox_id,
                    o.place.uid,
                    o.place.message.id,
                    o.before,
                    o.place.message.thread_id,
                )
                for o in self._operations
            ],
        )

    def _tell(self, modseqs: dict[MailboxId, int], changes: Changes) -> None:
        for mailbox_id, modseq in modseqs.items():
            mine = [o for o in self._operations if o.place.mailbox_id == mailbox_id]
            news = MailboxNews(
                self._account_id,
                mailbox_id,
                modseq,
                placed=_flag_news(mine, ChangeKind.PLACED),
                flags=_flag_news(mine, ChangeKind.FLAGS),
                removed=[o.place.uid for o in mine if o.kind is ChangeKind.REMOVED],
            )
            changes.publish_later(self._tx.after_commit, news)


class Edited:
    """What an edit wrote: the last mod-sequence (0: nothing), and the UIDVALIDITY of each mailbox that moved."""

    __slots__ = ("modseq", "uidvalidity")

    def __init__(self) -> None:
        self.modseq = 0
        self.uidvalidity: dict[MailboxId, int] = {}


def _flag_news(operations: Iterable[Operation], kind: ChangeKind) -> list[FlagNews]:
    return [(o.place.uid, o.place.flags, o.modseq) for o in operations if o.kind is kind]
