"""From what a client wrote to the UIDs that it means, in its own numbering (RFC 9051 §2.3.1.2)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.sequence_set import LARGEST, SequenceSet
from pillarbox.serve.imap.selected import Selected

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession

SLICE = 1_000


def uids_of(selected: Selected, numbers: SequenceSet, *, by_uid: bool) -> Sequence[int]:
    """UIDs in rising order. UIDs that are not there are passed over (RFC 3501 §6.4.8).

    Raises: SyntaxProblem for a sequence number that the client was not told of (RFC 9051 §9, seq-number). `1:*` in an
    empty mailbox names nothing instead: clients send it with SELECT, before they know that it is empty.
    """
    if by_uid:
        return selected.view.uids_in(numbers)
    if not selected.view.exists and all(LARGEST in ends for ends in numbers.ranges):
        return ()
    highest = max((high for _, high in numbers.resolve(selected.view.exists)), default=0)
    if highest > selected.view.exists:
        raise SyntaxProblem(f"message numbers up to {selected.view.exists}")
    return selected.view.numbers_in(numbers)


def runs(selected: Selected, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The numbers of these UIDs (rising), as ranges."""
    if not uids:
        return
    view = selected.view
    first, last = view.number_of(uids[0]), view.number_of(uids[-1])
    if first is None or last is None:
        return
    if last - first == len(uids) - 1:
        yield first, last
        return
    start = previous = first
    for uid in uids[1:]:
        number = view.number_of(uid)
        if number is None:
            continue
        if number != previous + 1:
            yield start, previous
            start = number
        previous = number
    yield start, previous


async def numbers_of(session: "ImapSession", uids: Sequence[int]) -> list[int]:
    """The sequence numbers of these UIDs, which rise. Others have their turn meanwhile; the session itself is at this
    command, so its numbers stay."""
    found: list[int] = []
    for start in range(0, len(uids), SLICE):
        for low, high in runs(session.view, uids[start : start + SLICE]):
            found += range(low, high + 1)
        await session.pace()
    return found


async def numbers_in_order(session: "ImapSession", uids: Sequence[int]) -> list[int]:
    """The sequence numbers of UIDs in any order, 0 for those that are not there; others have their turn meanwhile."""
    number_of = session.view.view.number_of
    found: list[int] = []
    for start in range(0, len(uids), SLICE):
        found += [number_of(uid) or 0 for uid in uids[start : start + SLICE]]
        await session.pace()
    return found
