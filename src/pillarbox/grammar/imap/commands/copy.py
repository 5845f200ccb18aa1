"""COPY and MOVE (RFC 3501 §6.4.7, RFC 6851 §3); both ways."""

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.commands.mailbox import format_path_argument, read_path
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.model.sequence_set import SequenceSet


class Copy(msgspec.Struct, frozen=True):
    """COPY, or UID COPY."""

    numbers: SequenceSet
    path: Path
    by_uid: bool = False


class Move(msgspec.Struct, frozen=True):
    """MOVE, or UID MOVE."""

    numbers: SequenceSet
    path: Path
    by_uid: bool = False


def parse_copy(cursor: Cursor, *, by_uid: bool = False) -> Copy:
    """Set and name."""
    cursor.space()
    return Copy(sequence_set.parse(cursor), read_path(cursor), by_uid)


def parse_move(cursor: Cursor, *, by_uid: bool = False) -> Move:
    """Set and name."""
    cursor.space()
    return Move(sequence_set.parse(cursor), read_path(cursor), by_uid)


def format_copy(command: Copy | Move) -> bytes:
    """Arguments, with the space before."""
    return b" " + sequence_set.format(command.numbers) + format_path_argument(command.path)
