"""Parts of a download: the Range field of a request (RFC 9110 §14).

One range of octets is served; a field that asks for several, or that cannot be read, is passed over, as RFC 9110
§14.2 lets a server do, and the answer is the whole.
"""

import re

import msgspec

_RANGE = re.compile(r"(?i:bytes)[ \t]*=[ \t,]*([0-9]{0,18})-([0-9]{0,18})[ \t,]*")


class Window(msgspec.Struct, frozen=True):
    """Octets from `start` to before `end`; `is_part` when that is an answer to a range."""

    start: int
    end: int
    is_part: bool = False


def window_of(field: str | None, size_octets: int) -> Window | None:
    """What is to be sent; None when the range lies outside (416)."""
    match = None if field is None else _RANGE.fullmatch(field)
    if match is None or (not match[1] and not match[2]):
        return Window(0, size_octets)
    if not match[1]:
        length = min(int(match[2]), size_octets)
        return Window(size_octets - length, size_octets, is_part=True) if length else None
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return Window(0, size_octets)  # no range at all (RFC 9110 §14.1.1)
    if start >= size_octets:
        return None
    end = min(int(match[2]) + 1, size_octets) if match[2] else size_octets
    return Window(start, end, is_part=True)
