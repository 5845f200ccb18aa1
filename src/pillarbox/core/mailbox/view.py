"""One session's own numbering of an open mailbox (RFC 9051 §2.3.1.2).

A View holds positions, not messages: how many rows of the shared columns its client was told of, and how far it has
read the mailbox's logs. So a thousand idle sessions cost little more than their sockets. Nothing here waits.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pillarbox.core.mailbox.open_mailbox import Listing, OpenMailbox
from pillarbox.model.keywords import FlagSet
from pillarbox.model.sequence_set import SequenceSet


class RecentUids:
    """UIDs that one session was the first to be told of (RFC 3501 §2.3.2), as ranges."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: tuple[range, ...] = ()) -> None:
        self.ranges = ranges

    def __contains__(self, uid: int) -> bool:
        return any(uid in found for found in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for found in self.ranges:
            yield from found

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def with_range(self, low: int, high: int) -> "RecentUids":
        """These and `low` to `high - 1`."""
        if high <= low:
            return self
        if self.ranges and self.ranges[-1].stop == low:
            return RecentUids((*self.ranges[:-1], range(self.ranges[-1].start, high)))
        return RecentUids((*self.ranges, range(low, high)))


NONE_RECENT = RecentUids()


class Updates(msgspec.Struct, frozen=True):
    """What a session is to tell its client, in this order.

    `expunged` are sequence numbers, highest first, so that each is right when it is sent; `vanished` the same messages'
    UIDs, rising. `exists` and `recent` are None when they stay as they are. `changed` is (number, UID, flags,
    mod-sequence) in rising order, numbered as after the expunges.
    """

    expunged: tuple[int, ...] = ()
    vanished: tuple[int, ...] = ()
    exists: int | None = None
    recent: int | None = None
    changed: tuple[tuple[int, int, FlagSet, int], ...] = ()


class View:
    """What one session knows of an open mailbox.

    `listener` is called (once until the next `take_updates`) when there is something to tell, also when the mailbox
    was deleted; it must not raise. Close it when the session ends.
    """

    __slots__ = (
        "__weakref__",
        "_changes_read",
        "_listing",
        "_own",
        "_told",
        "exists",
        "listener",
        "mailbox",
        "read_only",
        "recent",
        "release",
    )

    def __init__(self, mailbox: OpenMailbox, *, read_only: bool = False) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self.recent = NONE_RECENT
        self.exists: int = len(mailbox.listing.uids)
        """How many messages the client has been told of."""
        self.listener: Callable[[], None] | None = None
        self.release: Callable[[View], None] | None = None
        self._listing: Listing = mailbox.listing
        self._changes_read = mailbox.changed.end
        self._own: dict[int, int] | None = None
        self._told = False
        mailbox.views.add(self)

    # numbering

    @property
    def gone(self) -> bool:
        """Whether the mailbox was deleted while this was open."""
        return self.mailbox.gone

    @property
    def flag_sets(self) -> list[FlagSet]:
        """What the flag columns point into; shared by all sessions, only grows."""
        return self.mailbox.flag_sets

    @property
    def uidvalidity(self) -> int:
        """RFC 9051 §2.3.1.1."""
        return self.mailbox.uidvalidity

    @property
    def largest_uid(self) -> int:
        """The last UID that the session knows, 0 in an empty mailbox: what `*` stands for."""
        return self._listing.uids[self.exists - 1] if self.exists else 0

    def uid_at(self, number: int) -> int:
        """The UID of a sequence number from 1 to `exists`. Raises IndexError for others."""
        if not 0 < number <= self.exists:
            raise IndexError(number)
        return self._listing.uids[number - 1]

    def number_of(self, uid: int) -> int | None:
        """The sequence number of a UID that the session knows."""
        index = self._listing.index(uid)
        return None if index is None or index >= self.exists else index + 1

    def uids(self) -> "array[int]":
        """All UIDs that the session knows, rising."""
        return self._listing.uids[: self.exists]

    def numbers_in(self, numbers: SequenceSet) -> "array[int]":
        """The UIDs that these sequence numbers name, rising; numbers above `exists` name nothing."""
        found: array[int] = array("I")
        if self.exists:
            for low, high in numbers.resolve(self.exists):
                found += self._listing.uids[max(low, 1) - 1 : min(high, self.exists)]
        return found

    def uids_in(self, uids: SequenceSet) -> "array[int]":
        """Those of these UIDs that the session knows, rising."""
        found: array[int] = array("I")
        if self.exists:
            column = self._listing.uids
            for low, high in uids.resolve(self.largest_uid):
                start = bisect_left(column, low, 0, self.exists)
                found += column[start : bisect_right(column, high, start, self.exists)]
        return found

    # flags

    def flags_of(self, uid: int) -> FlagSet:
        """The flags as they are now. Raises KeyError for a UID that the session does not know."""
        return self.mailbox.flag_sets[self._listing.flags[self._row(uid)]]

    def modseq_of(self, uid: int) -> int:
        """The mod-sequence of the last change (RFC 7162 §3.1). Raises KeyError."""
        return self._listing.modseqs[self._row(uid)]

    def flag_columns(self, low_number: int, high_number: int) -> "tuple[array[int], array[int]]":
        """UIDs and places in `flag_sets` of the sequence numbers from low to high, both included."""
        start, end = low_number - 1, min(high_number, self.exists)
        return self._listing.uids[start:end], self._listing.flags[start:end]

    def modseq_column(self, low_number: int, high_number: int) -> "array[int]":
        """Mod-sequences of the sequence numbers from low to high, both included."""
        return self._listing.modseqs[low_number - 1 : min(high_number, self.exists)]

    def first_unseen(self, seen: int) -> int | None:
        """The first number whose flags lack all bits of `seen`."""
        lacking = {place for place, flags in enumerate(self.flag_sets) if not flags.bits & seen}
        column = self._listing.flags
        return next((i + 1 for i in range(self.exists) if column[i] in lacking), None) if lacking else None

    @property
    def recent_count(self) -> int:
        """How many messages that the session knows are recent to it."""
        column = self._listing.uids
        return sum(
            bisect_left(column, found.stop, 0, self.exists) - bisect_left(column, found.start, 0, self.exists)
            for found in self.recent.ranges
        )

    def _row(self, uid: int) -> int:
        index = self._listing.index(uid)
        if index is None or index >= self.exists:
            raise KeyError(uid)
        return index

    # news

    @property
    def has_updates(self) -> bool:
        """Whether `take_updates` may have something to tell."""
        mailbox = self.mailbox
        return (
            self._listing is not mailbox.listing
            or self.exists < len(self._listing.uids)
            or self._changes_read < mailbox.changed.end
        )

    def tell(self) -> None:
        """The mailbox has moved: call the listener, once until the next `take_updates`."""
        if not self._told and self.listener is not None and (self.gone or self.has_updates):
            self._told = True
            self.listener()

    def forget_own(self, uids: Iterable[int]) -> None:
        """The session has reported the flags of these itself; a later change is news again."""
        own = self._own if self._own is not None else {}
        for uid in uids:
            index = self._listing.index(uid)
            if index is not None:
                own[uid] = self._listing.modseqs[index]
        self._own = own

    def take_updates(self, *, expunges: bool) -> Updates:
        """What is to be told now; the numbering moves on accordingly.

        With `expunges` False, after FETCH, STORE and SEARCH, no number changes (RFC 9051 §7.5.1): removals wait, and
        so do the new messages behind them.
        """
        self._told = False
        if not self.has_updates:
            self._own = None
            return NOTHING
        known = self.largest_uid
        expunged: tuple[int, ...] = ()
        vanished: tuple[int, ...] = ()
        mailbox = self.mailbox
        if self._listing is not mailbox.listing and expunges:
            expunged, vanished = self._drop_removed(known)
        recent_before = self.recent_count if vanished and self.recent else None
        exists = self._learn_new() if self._listing is mailbox.listing else None
        recent = self.recent_count if exists is not None or recent_before is not None else None
        return Updates(expunged, vanished, exists, recent, self._take_changed(known))

    def _drop_removed(self, known: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        old, new = self._listing, self.mailbox.listing
        logged = self.mailbox.removed.since(old.removals)
        if logged is None:
            vanished = sorted(set(old.uids[: self.exists]).difference(new.uids))
        else:
            vanished = sorted(uid for uid in logged if uid <= known)
        numbers = tuple(number for uid in reversed(vanished) if (number := self.number_of(uid)) is not None)
        self._listing = new
        self.exists -= len(numbers)
        return numbers, tuple(vanished)

    def _learn_new(self) -> int | None:
        mailbox = self.mailbox
        count = len(self._listing.uids)
        if count == self.exists:
            return None
        self.exists = count
        told = self.recent.ranges[-1].stop if self.recent else 0
        self.recent = self.recent.with_range(max(mailbox.recent_from, told), mailbox.uidnext)
        if not self.read_only:
            mailbox.recent_from = mailbox.uidnext
        return count

    def _take_changed(self, known: int) -> tuple[tuple[int, int, FlagSet, int], ...]:
        own, self._own = self._own or {}, None
        logged = self.mailbox.changed.since(self._changes_read)
        self._changes_read = self.mailbox.changed.end
        if logged is None:
            logged = self._listing.uids[: bisect_right(self._listing.uids, known)]
        found = []
        for uid in sorted(set(logged)):
            number = self.number_of(uid)
            if number is None or uid > known:
                continue
            modseq = self._listing.modseqs[number - 1]
            if own.get(uid) != modseq:
                found.append((number, uid, self.flag_sets[self._listing.flags[number - 1]], modseq))
        return tuple(found)

    def close(self) -> None:
        """The session is over; may be called twice."""
        self.listener = None
        self.mailbox.views.discard(self)
        if self.release is not None:
            release, self.release = self.release, None
            release(self)


NOTHING = Updates()
