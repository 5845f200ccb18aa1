"""Long work in short pieces, so that nobody waits for it.

`Pieces` is work that yields at least every one or two milliseconds, and returns what came of it; it knows no loop.
`in_turns` does it on the loop, and others have their turn after each piece. A thread is no way out: it lets the
interpreter go every 5 ms, and not at all while a built-in function such as `sort` is at work.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Pieces: TypeAlias = Generator[None, None, T]

PIECE = 2_000
"""Items that are sorted between two turns."""
SAMPLES = 32
"""Of each sorted run: between them they tell where all runs can be cut."""


async def in_turns(work: Pieces[T]) -> T:
    """Do it all, a piece in each loop step."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found
        await asyncio.sleep(0)


def in_order(items: Iterable[T], key: Callable[[T], Any], *, reverse: bool = False) -> Pieces[list[T]]:
    """What `sorted` gives: what is equal stays in its place, reversed or not.

    Runs are sorted one by one, then cut at the same keys, and what lies between two cuts is merged. `key` is called
    some times for each item: it is to be cheap.
    """
    left = list(items)
    if len(left) <= PIECE:
        left.sort(key=key, reverse=reverse)
        return left
    if reverse:
        left.reverse()
    runs: list[list[T]] = []
    for start in range(0, len(left), PIECE):
        runs.append(sorted(left[start : start + PIECE], key=key))
        yield
    found: list[T] = []
    starts = [0] * len(runs)
    for cut in _cuts(runs, key):
        merged: list[T] = []
        equal: list[T] = []
        for number, run in enumerate(runs):
            end = bisect_left(run, cut, starts[number], key=key)
            merged += run[starts[number] : end]
            starts[number] = bisect_right(run, cut, end, key=key)
            equal += run[end : starts[number]]
        found += sorted(merged, key=key)
        found += equal
        yield
    found += sorted([item for run, start in zip(runs, starts, strict=True) for item in run[start:]], key=key)
    if reverse:
        found.reverse()
    return found


def _cuts(runs: Sequence[list[T]], key: Callable[[T], Any]) -> list[Any]:
    """Distinct keys, rising, with about a run's worth of items between two of them."""
    samples = sorted(key(run[place]) for run in runs for place in range(0, len(run), PIECE // SAMPLES))
    return list(dict.fromkeys(samples[SAMPLES::SAMPLES]))
