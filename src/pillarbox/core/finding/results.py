"""Results of queries, kept while nothing moves: who leafs through a large result asks for it page by page.

A result is good as long as the account's state of messages is the one it was found at, so a kept one is never wrong.
Memory is bounded by the number of ids in all; the results longest at rest go first.
"""

from array import array
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence

import msgspec

KEPT_IDS = 1_000_000
"""Eight octets each."""


class FoundEmails(msgspec.Struct, frozen=True):
    """Ids in their order; `state` is that of messages when it was looked. Not `is_whole`: only the first of them."""

    ids: Sequence[int]
    state: int
    is_whole: bool = True


class Results:
    """Of one process."""

    def __init__(self, *, most_ids: int = KEPT_IDS) -> None:
        self._most = most_ids
        self._count = 0
        self._kept: OrderedDict[Hashable, tuple[int, array[int]]] = OrderedDict()

    def find(self, key: Hashable, state: int) -> Sequence[int] | None:
        """The ids, if they were found at this state."""
        kept = self._kept.get(key)
        if kept is None or kept[0] != state:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def take(self, key: Hashable) -> tuple[int, Sequence[int]] | None:
        """A result of any state, with that state; it is kept no longer."""
        kept = self._kept.get(key)
        self._drop(key)
        return kept

    def keep(self, key: Hashable, state: int, ids: Iterable[int]) -> Sequence[int]:
        """Keep what was found, unless it is more than all that may be kept; the ids."""
        found = array("q", ids)
        self._drop(key)
        if len(found) <= self._most:
            self._kept[key] = (state, found)
            self._count += len(found)
            while self._count > self._most:
                self._drop(next(iter(self._kept)))
        return found

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._count -= len(kept[1])
