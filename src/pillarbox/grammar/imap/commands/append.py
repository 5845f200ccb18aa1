"""APPEND: where, with which flags and date (RFC 3501 §6.3.11); the message follows as a literal."""

from datetime import datetime

import msgspec

from pillarbox.grammar.imap.atoms import LITERAL, Cursor
from pillarbox.grammar.imap.commands.mailbox import format_path_argument, read_path
from pillarbox.grammar.imap.commands.store import format_flags, read_flag
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.grammar.message.date import format_internal, parse_internal
from pillarbox.model.keywords import FlagSet


class Append(msgspec.Struct, frozen=True):
    """All but the message itself. `received` None: now."""

    path: Path
    flags: FlagSet = FlagSet()
    received: datetime | None = None


def parse_append(cursor: Cursor) -> Append:
    """Up to where the literal's octets begin."""
    path = read_path(cursor)
    cursor.space()
    flags = FlagSet()
    received = None
    if cursor.peek() == b"(":
        flags = FlagSet.of(*cursor.items(lambda: read_flag(cursor), may_be_empty=True))
        cursor.space()
    if cursor.peek() == b'"':
        received = parse_internal(cursor.string("a date-time"))
        cursor.space()
    cursor.match(LITERAL, "the message as a literal")
    return Append(path, flags, received)


def format_append(command: Append, size_octets: int) -> bytes:
    """Arguments up to the literal's octets, with the space before."""
    out = format_path_argument(command.path)
    if command.flags != FlagSet():
        out += b" " + format_flags(command.flags)
    if command.received is not None:
        out += b' "%b"' % format_internal(command.received).encode()
    return out + b" {%d}\r\n" % size_octets
