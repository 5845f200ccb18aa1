"""From what a client wrote to the UIDs that it means, in its own numbering (RFC 9051 §2.3.1.2)."""

from collections.abc import Sequence

from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.sequence_set import SequenceSet
from pillarbox.serve.imap.selected import Selected


def uids_of(selected: Selected, numbers: SequenceSet, *, by_uid: bool) -> Sequence[int]:
    """UIDs in rising order. UIDs that are not there are passed over (RFC 3501 §6.4.8).

    Raises: SyntaxProblem for a sequence number that the client was not told of (RFC 3501 §7.4.1 allows BAD).
    """
    if by_uid:
        return selected.view.uids_in(numbers)
    highest = max((high for _, high in numbers.resolve(selected.view.exists)), default=0)
    if highest > selected.view.exists:
        raise SyntaxProblem(f"message numbers up to {selected.view.exists}")
    return selected.view.numbers_in(numbers)
