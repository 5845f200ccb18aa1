"""Opening and leaving a mailbox, and what is done to it whole (RFC 3501 §6.3.1, §6.4; RFC 3691 §2; RFC 2177 §3)."""

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.model.sequence_set import SequenceSet


class Select(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.1."""

    path: Path


class Examine(msgspec.Struct, frozen=True):
    """RFC 3501 §6.3.2."""

    path: Path


class Check(msgspec.Struct, frozen=True):
    """RFC 3501 §6.4.1."""


class Close(msgspec.Struct, frozen=True):
    """RFC 3501 §6.4.2."""


class Unselect(msgspec.Struct, frozen=True):
    """RFC 3691 §2."""


class Expunge(msgspec.Struct, frozen=True):
    """RFC 3501 §6.4.3; with `uids` it is UID EXPUNGE (RFC 4315 §2.1)."""

    uids: SequenceSet | None = None


class Idle(msgspec.Struct, frozen=True):
    """RFC 2177 §3."""


def parse_uid_expunge(cursor: Cursor) -> Expunge:
    """The set."""
    cursor.space()
    return Expunge(sequence_set.parse(cursor))


def format_expunge(command: Expunge) -> bytes:
    """Arguments, with the space before."""
    return b"" if command.uids is None else b" " + sequence_set.format(command.uids)
