"""What the use cases of `core.mailbox.messages` answer, and what they fail with."""

from collections.abc import Sequence
from enum import Enum
from mmap import mmap
from typing import Protocol

import msgspec

from pillarbox.model.errors import TooMany
from pillarbox.model.ids import BlobId
from pillarbox.model.keywords import FlagSet


class TooManyKeywords(TooMany):
    """The account has as many keywords as it may have."""


class ArrivedContent(Protocol):
    """A content that has come and is durable or small: what a spool's `finish` gives.

    `inline` is the content itself when it is small enough to be a row, else None: then it lies under its name.
    """

    @property
    def blob(self) -> BlobId: ...

    @property
    def size_octets(self) -> int: ...

    @property
    def inline(self) -> bytes | None: ...

    def view(self) -> bytes | mmap:
        """All its octets, for the scanner; whoever made it closes it."""
        ...


class FlagAction(Enum):
    """What STORE does (RFC 9051 §6.4.6)."""

    SET = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


class FlagOutcome(msgspec.Struct, frozen=True):
    """`changed`: (UID, flags now, mod-sequence now) of every message that was not refused, also where nothing had to
    change. `refused`: UIDs that somebody has changed since (RFC 7162 §3.1.3)."""

    changed: Sequence[tuple[int, FlagSet, int]] = ()
    refused: Sequence[int] = ()


class Expunged(msgspec.Struct, frozen=True):
    """UIDs that are gone, and the mailbox's mod-sequence after it (0: nothing was done)."""

    uids: Sequence[int] = ()
    modseq: int = 0


class Copied(msgspec.Struct, frozen=True):
    """(UID, new UID) of each message, and the target's UIDVALIDITY (RFC 4315 §3); 0 when nothing was there to copy."""

    uidvalidity: int = 0
    pairs: Sequence[tuple[int, int]] = ()
