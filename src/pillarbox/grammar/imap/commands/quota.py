"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1); both ways.

setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"
setquota-resource = resource-name SP resource-limit
"""

import msgspec

from pillarbox.grammar.imap.atoms import Cursor, astring, parenthesised
from pillarbox.grammar.imap.mailbox_name import Path


class GetQuota(msgspec.Struct, frozen=True):
    """RFC 9208 §4.1.1."""

    root: bytes


class GetQuotaRoot(msgspec.Struct, frozen=True):
    """RFC 9208 §4.1.2."""

    path: Path


class SetQuota(msgspec.Struct, frozen=True):
    """RFC 9208 §4.1.3. Resource names in capitals."""

    root: bytes
    limits: tuple[tuple[str, int], ...]


def parse_get_quota(cursor: Cursor) -> GetQuota:
    """The root."""
    cursor.space()
    return GetQuota(cursor.astring("a quota root"))


def parse_set_quota(cursor: Cursor) -> SetQuota:
    """The root, and limits."""
    cursor.space()
    root = cursor.astring("a quota root")
    cursor.space()

    def limit() -> tuple[str, int]:
        name = cursor.word("a resource")
        cursor.space()
        return name, cursor.number("a limit")

    return SetQuota(root, tuple(cursor.items(limit, may_be_empty=True)))


def format_get_quota(command: GetQuota) -> bytes:
    """Arguments, with the space before."""
    return b" " + astring(command.root)


def format_set_quota(command: SetQuota) -> bytes:
    """Arguments, with the space before."""
    limits = parenthesised(b"%b %d" % (name.encode(), limit) for name, limit in command.limits)
    return b" %b %b" % (astring(command.root), limits)
