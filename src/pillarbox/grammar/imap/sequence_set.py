"""`1:4,7,9:*` (RFC 9051 §9, sequence-set); both ways."""

import re
from collections.abc import Iterator, Sequence

from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.model.sequence_set import LARGEST, SequenceSet

_SET = re.compile(rb"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*")
_MOST = 2**32 - 1
PIECE = 2_000
"""Numbers that are written at a time, where many may wait for them."""


def parse(cursor: Cursor) -> SequenceSet:
    """Raises: SyntaxProblem."""
    text = cursor.match(_SET, "a sequence set")
    ranges = []
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        first = _number(cursor, low)
        ranges.append((first, _number(cursor, high) if high else first))
    return SequenceSet(tuple(ranges))


def _number(cursor: Cursor, text: bytes) -> int:
    if text == b"*":
        return LARGEST
    number = int(text)
    if not 0 < number <= _MOST:
        raise cursor.fail("numbers from 1 to 4294967295")
    return number


def format(numbers: SequenceSet) -> bytes:
    """On the wire."""
    return b",".join(_one(low) if low == high else b"%b:%b" % (_one(low), _one(high)) for low, high in numbers.ranges)


def _one(number: int) -> bytes:
    return b"*" if number == LARGEST else b"%d" % number


def of_numbers(numbers: Sequence[int]) -> SequenceSet:
    """The shortest set of these numbers, which rise."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return SequenceSet(tuple(ranges))


def format_numbers(numbers: Sequence[int]) -> bytes:
    """Numbers that rise, with runs as ranges."""
    return format(of_numbers(numbers))


def format_in_pieces(numbers: Sequence[int]) -> Iterator[bytes]:
    """Numbers in any order, which is kept, with runs as ranges: pieces of one text, some of them empty."""
    low = high = -1
    separator = b""
    for start in range(0, len(numbers), PIECE):
        ranges: list[tuple[int, int]] = []
        for number in numbers[start : start + PIECE]:
            if number != high + 1 or low < 0:
                if low >= 0:
                    ranges.append((low, high))
                low = number
            high = number
        if start + PIECE >= len(numbers):
            ranges.append((low, high))
        yield separator + format(SequenceSet(tuple(ranges))) if ranges else b""
        separator = b"," if ranges else separator


def format_in_order(numbers: Sequence[int]) -> bytes:
    """Numbers in any order, which is kept: for COPYUID, where positions correspond (RFC 4315 §3)."""
    return format_numbers(numbers)
