"""QUOTA and QUOTAROOT (RFC 9208 §4.2); both ways.

quota-resource = resource-name SP resource-usage SP resource-limit
"""

from collections.abc import Iterable

import msgspec

from pillarbox.grammar.imap.atoms import Cursor, astring, parenthesised
from pillarbox.grammar.imap.mailbox_name import Path, format_path, parse_path

OCTETS_OF_A_UNIT = 1024
"""RFC 9208 §5.1: what STORAGE is counted in."""


class Resource(msgspec.Struct, frozen=True):
    """What is used of a resource, and how much may be; STORAGE in units of 1,024 octets."""

    name: str
    used: int
    limit: int


class Quota(msgspec.Struct, frozen=True):
    """The resources of a quota root."""

    root: bytes
    resources: tuple[Resource, ...]


class QuotaRoots(msgspec.Struct, frozen=True):
    """The quota roots of a mailbox."""

    path: Path
    roots: tuple[bytes, ...]


def storage(used_octets: int, limit_octets: int) -> Resource:
    """STORAGE, each figure rounded up."""
    return Resource("STORAGE", -(-used_octets // OCTETS_OF_A_UNIT), -(-limit_octets // OCTETS_OF_A_UNIT))


def format_quota(quota: Quota) -> bytes:
    """The line with CRLF."""
    resources = (b"%b %d %d" % (one.name.encode(), one.used, one.limit) for one in quota.resources)
    return b"* QUOTA %b %b\r\n" % (astring(quota.root), parenthesised(resources))


def parse_quota(cursor: Cursor) -> Quota:
    """After `* QUOTA `."""
    root = cursor.astring("a quota root")
    cursor.space()

    def resource() -> Resource:
        name = cursor.word("a resource")
        cursor.space()
        used = cursor.number()
        cursor.space()
        return Resource(name, used, cursor.number())

    return Quota(root, tuple(cursor.items(resource, may_be_empty=True)))


def format_quota_roots(path: Path, roots: Iterable[bytes]) -> bytes:
    """The line with CRLF."""
    return b" ".join([b"* QUOTAROOT", astring(format_path(path)), *map(astring, roots)]) + b"\r\n"


def parse_quota_roots(cursor: Cursor) -> QuotaRoots:
    """After `* QUOTAROOT `."""
    path = parse_path(cursor.astring("a mailbox name"))
    roots = []
    while not cursor.is_at_end:
        cursor.space()
        roots.append(cursor.astring("a quota root"))
    return QuotaRoots(path, tuple(roots))
