"""STORE: flags set, added, taken away (RFC 3501 §6.4.6); both ways."""

from enum import Enum

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import FLAG, Cursor, parenthesised
from pillarbox.model.keywords import BITS, FlagSet
from pillarbox.model.sequence_set import SequenceSet

KEYWORD_OCTETS = 255
"""RFC 8621 §4.1.1: what is longer could not be told by JMAP."""


class StoreAction(Enum):
    """What is done with the flags."""

    SET = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


class Store(msgspec.Struct, frozen=True):
    """`is_silent`: the client does not want to be told what it has just said."""

    numbers: SequenceSet
    action: StoreAction
    flags: FlagSet
    is_silent: bool = False
    by_uid: bool = False


def parse_store(cursor: Cursor, *, by_uid: bool = False) -> Store:
    """Set, action, flags (the parentheses may lack)."""
    cursor.space()
    numbers = sequence_set.parse(cursor)
    cursor.space()
    sign = "+" if cursor.accept(b"+") else ("-" if cursor.accept(b"-") else "")
    name = cursor.word("FLAGS or FLAGS.SILENT")
    if name not in ("FLAGS", "FLAGS.SILENT"):
        raise cursor.fail("FLAGS or FLAGS.SILENT")
    cursor.space()
    return Store(numbers, StoreAction(sign + "FLAGS"), read_flags(cursor), name.endswith("SILENT"), by_uid)


def read_flags(cursor: Cursor) -> FlagSet:
    """`(\\Seen $Junk)`, or one or more flags without parentheses."""
    if cursor.peek() == b"(":
        return FlagSet.of(*cursor.items(lambda: read_flag(cursor), may_be_empty=True))
    names = [read_flag(cursor)]
    while not cursor.is_at_end:
        cursor.space()
        names.append(read_flag(cursor))
    return FlagSet.of(*names)


def read_flag(cursor: Cursor) -> str:
    """A flag that a client may set: a keyword, or a system flag but \\Recent (RFC 3501 §2.3.2)."""
    try:
        name = cursor.match(FLAG, "a flag").decode("ascii")
    except UnicodeDecodeError:
        raise cursor.fail("a flag in ASCII") from None
    if len(name) > KEYWORD_OCTETS:
        raise cursor.fail(f"a flag of {KEYWORD_OCTETS} octets at most")
    if name.startswith("\\") and name.lower() not in BITS:
        raise cursor.fail("a flag that may be set")
    return name


def format_flags(flags: FlagSet) -> bytes:
    """`(\\Seen $Junk)`."""
    return parenthesised(name.encode() for name in flags.names())


def format_store(command: Store) -> bytes:
    """Arguments, with the space before."""
    silent = b".SILENT" if command.is_silent else b""
    action = command.action.value.encode() + silent
    return b" %b %b %b" % (sequence_set.format(command.numbers), action, format_flags(command.flags))
