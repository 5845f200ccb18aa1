"""Sets of message numbers: `1:4,7,9:*` as a value (RFC 9051 §9, sequence-set)."""

import msgspec

LARGEST: int = 0
"""Stands for `*`: the largest number in use."""


class SequenceSet(msgspec.Struct, frozen=True):
    """Ranges of numbers as the client wrote them; either end may be `LARGEST`."""

    ranges: tuple[tuple[int, int], ...]

    def resolve(self, largest: int) -> tuple[tuple[int, int], ...]:
        """Sorted, disjoint ranges `(low, high)` with `*` replaced by `largest`; ends in either order are allowed."""
        fixed = sorted(
            (min(low or largest, high or largest), max(low or largest, high or largest)) for low, high in self.ranges
        )
        merged: list[tuple[int, int]] = []
        for low, high in fixed:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return tuple(merged)
