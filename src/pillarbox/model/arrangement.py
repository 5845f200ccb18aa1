"""Messages in an order, and in conversations: what people ask for, and what they are told (RFC 5256).

A `Forest` is flat on purpose: threads may be as deep as a mailbox has messages, and nothing that walks them recurses.
"""

from collections.abc import Sequence
from enum import Enum

import msgspec


class Criterion(Enum):
    """What a mailbox is put in order by (RFC 5256 §3, RFC 5957 §4)."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"
    DISPLAY_FROM = "DISPLAYFROM"
    DISPLAY_TO = "DISPLAYTO"


class SortBy(msgspec.Struct, frozen=True):
    """One criterion; where it finds messages equal, the next one decides, and at the end their numbers."""

    criterion: Criterion
    is_reverse: bool = False


class Threading(Enum):
    """How conversations are found (RFC 5256 §3)."""

    ORDERED_SUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"


class Forest(msgspec.Struct, frozen=True):
    """Threads: `roots` in their order, `children` of each node, in theirs.

    A node is its place in `numbers`: the message's number, or 0 for a message that is not there but that others answer.
    """

    numbers: Sequence[int] = ()
    children: Sequence[Sequence[int]] = ()
    roots: Sequence[int] = ()
