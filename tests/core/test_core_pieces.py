"""Work in pieces: sorted as `sorted` does it, and nobody waits longer than a piece takes."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_pieces import done

from pillarbox.core.finding import pieces
from pillarbox.core.finding.pieces import PIECE, in_order, in_turns

MANY = 50_000


class Counted:
    """A key that notes how often it was compared."""

    compared = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __lt__(self, other: "Counted") -> bool:
        Counted.compared += 1
        return self.value < other.value


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers()), max_size=80), st.booleans(), st.sampled_from([1, 2, 3, 7]))
def test_it_is_what_sorted_gives_and_equals_stay_in_their_place(rows: list[tuple[int, int]], reverse: bool, piece: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", piece)
        patch.setattr(pieces, "SAMPLES", 1)
        found = done(in_order(rows, lambda row: row[0], reverse=reverse))
    assert found == sorted(rows, key=lambda row: row[0], reverse=reverse)


def rising(n: int) -> int:
    return n


def falling(n: int) -> int:
    return -n


def mixed(n: int) -> int:
    return n * 7919 % MANY


def few_different(n: int) -> int:
    return n % 3


def one(n: int) -> int:
    return 0


def almost_one(n: int) -> int:
    return 5 if n % 100 else n


@pytest.mark.parametrize("value", [rising, falling, mixed, few_different, one, almost_one], ids=lambda f: f.__name__)
@pytest.mark.parametrize("reverse", [False, True])
def test_no_piece_compares_more_than_a_few_thousand_times(value: Callable[[int], int], reverse: bool):
    keys = [Counted(value(n)) for n in range(MANY)]
    Counted.compared = 0
    work, most = in_order(range(MANY), keys.__getitem__, reverse=reverse), 0
    while True:
        before = Counted.compared
        try:
            next(work)
        except StopIteration as end:
            assert end.value == sorted(range(MANY), key=lambda n: value(n), reverse=reverse)
            break
        finally:
            most = max(most, Counted.compared - before)
    assert most < 20 * PIECE, "as a whole it takes twenty times that"


async def test_others_have_their_turn_after_each_piece():
    chance = random.Random(5256)
    values = [chance.random() for _ in range(MANY)]
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(count())
        found: list[Any] = await in_turns(in_order(range(MANY), values.__getitem__))
        other.cancel()
    assert turns >= MANY / PIECE
    assert found == sorted(range(MANY), key=values.__getitem__)
