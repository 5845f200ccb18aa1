"""Work in pieces, done at once or looked at piece by piece."""

from typing import TypeVar

from pillarbox.core.finding.pieces import Pieces

T = TypeVar("T")


def done(work: Pieces[T]) -> T:
    """What comes of it, where nobody waits."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found
