"""One open mailbox: what all its sessions share, kept current by the news of each commit.

Columns are arrays, not objects: 16 octets a message. New messages are appended in place; each `View` remembers how
many of them it knows. An expunge makes new columns, and Views keep the old ones until they have told their client,
because a sequence number may not change under a running FETCH, STORE or SEARCH (RFC 9051 §7.5.1).

Nothing here waits or reads the store; `core.mailbox.open_mailboxes` loads it.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakSet

from pillarbox.core.feed.changes import FlagNews, MailboxNews
from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.keywords import FlagSet

if TYPE_CHECKING:
    from pillarbox.core.mailbox.view import View

LOG_ENTRIES = 16_384
"""How many changes a View can lie behind before it compares columns instead; 4 octets each."""


class Listing:
    """Parallel columns of the messages of a mailbox, in UID order.

    `removals` is how many removals the mailbox had seen when these columns were made.
    """

    __slots__ = ("__weakref__", "flags", "modseqs", "removals", "uids")

    def __init__(self, removals: int = 0) -> None:
        self.uids: array[int] = array("I")
        self.flags: array[int] = array("I")
        self.modseqs: array[int] = array("q")
        self.removals = removals

    def append(self, uid: int, flags: int, modseq: int) -> None:
        """Add one message at the end."""
        self.uids.append(uid)
        self.flags.append(flags)
        self.modseqs.append(modseq)

    def index(self, uid: int) -> int | None:
        """Where a UID stands, from 0."""
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else None

    def without(self, indexes: list[int], removals: int) -> "Listing":
        """New columns that lack these rows (sorted)."""
        rest = Listing(removals)
        start = 0
        for index in (*indexes, len(self.uids)):
            if index > start:
                rest.uids += self.uids[start:index]
                rest.flags += self.flags[start:index]
                rest.modseqs += self.modseqs[start:index]
            start = index + 1
        return rest


class Log:
    """UIDs in the order that something happened to them; the oldest are forgotten."""

    __slots__ = ("_base", "_uids")

    def __init__(self) -> None:
        self._uids: array[int] = array("I")
        self._base = 0

    @property
    def end(self) -> int:
        """How many were ever written."""
        return self._base + len(self._uids)

    def extend(self, uids: Iterable[int]) -> None:
        """Write them."""
        self._uids.extend(uids)
        surplus = len(self._uids) - LOG_ENTRIES
        if surplus > LOG_ENTRIES:
            del self._uids[:surplus]
            self._base += surplus

    def since(self, position: int) -> "array[int] | None":
        """All that was written from `position` on; None when part of it is forgotten."""
        return None if position < self._base else self._uids[position - self._base :]


class OpenMailbox:
    """What the sessions that have one mailbox open share.

    `flag_sets` holds each distinct set of flags once, and only grows: a column of small numbers points into it, and a
    protocol may keep a text beside each.
    """

    __slots__ = (
        "__weakref__",
        "_flag_numbers",
        "_older",
        "account_id",
        "changed",
        "flag_sets",
        "gone",
        "listing",
        "mailbox_id",
        "modseq",
        "recent_from",
        "removed",
        "uidnext",
        "uidvalidity",
        "views",
    )

    def __init__(self, account_id: AccountId, mailbox_id: MailboxId, *, uidvalidity: int) -> None:
        self.account_id = account_id
        self.mailbox_id = mailbox_id
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 0
        self.recent_from = 1
        self.gone = False
        self.flag_sets: list[FlagSet] = []
        self.listing = Listing()
        self.changed = Log()
        self.removed = Log()
        self.views: set[View] = set()
        self._flag_numbers: dict[FlagSet, int] = {}
        self._older: WeakSet[Listing] = WeakSet()

    def flag_number(self, flags: FlagSet) -> int:
        """The place of a set of flags in `flag_sets`."""
        number = self._flag_numbers.get(flags)
        if number is None:
            number = self._flag_numbers[flags] = len(self.flag_sets)
            self.flag_sets.append(flags)
        return number

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every keyword that a message here has had since it was opened."""
        return tuple(sorted({name for flags in self.flag_sets for name in flags.keywords}))

    def feed(self, news: MailboxNews) -> None:
        """Take in what a commit did. News that the columns hold already change nothing."""
        if news.modseq <= self.modseq and news.what is None:
            return
        if news.placed:
            self._place(news.placed)
        if news.flags:
            self._flag(news.flags)
        if news.removed:
            self._remove(news.removed)
        if news.what is None:
            self.modseq = news.modseq
        elif news.what is ChangeKind.MAILBOX_REMOVED:
            self.gone = True
        for view in tuple(self.views):
            view.tell()

    def _place(self, placed: Iterable[FlagNews]) -> None:
        for uid, flags, modseq in placed:
            if uid >= self.uidnext:
                self.listing.append(uid, self.flag_number(flags), modseq)
                self.uidnext = uid + 1

    def _flag(self, changed: Iterable[FlagNews]) -> None:
        uids = []
        listings = (self.listing, *self._older)
        for uid, flags, modseq in changed:
            number = self.flag_number(flags)
            for listing in listings:
                index = listing.index(uid)
                if index is not None:
                    listing.flags[index] = number
                    listing.modseqs[index] = modseq
            uids.append(uid)
        self.changed.extend(uids)

    def _remove(self, removed: Iterable[int]) -> None:
        listing = self.listing
        found = [(index, uid) for uid in removed if (index := listing.index(uid)) is not None]
        found.sort()
        if not found:
            return
        self.removed.extend(uid for _, uid in found)
        self._older.add(listing)
        self.listing = listing.without([index for index, _ in found], self.removed.end)
