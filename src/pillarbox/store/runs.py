"""Lists of numbers as ranges of keys: how rows of many UIDs are read without lists as parameters."""

from collections.abc import Iterator, Sequence

GAP = 8
CHUNK = 500


def runs(numbers: Sequence[int], *, chunk: int = CHUNK, gap: int = GAP) -> Iterator[tuple[int, int, Sequence[int]]]:
    """`(low, high, part)`: consecutive parts of rising `numbers`, at most `chunk` each, none with a hole over `gap`.

    Rows between `low` and `high` that are not in `part` are to be left out by the reader; there are at most
    `chunk * gap` of them.
    """
    start, count = 0, len(numbers)
    while start < count:
        end = min(start + chunk, count)
        if numbers[end - 1] - numbers[start] != end - start - 1:
            end = _first_hole(numbers, start, end, gap)
        yield numbers[start], numbers[end - 1], numbers[start:end]
        start = end


def _first_hole(numbers: Sequence[int], start: int, end: int, gap: int) -> int:
    last = numbers[start]
    for index in range(start + 1, end):
        number = numbers[index]
        if number - last > gap:
            return index
        last = number
    return end
