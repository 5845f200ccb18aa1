"""LIST, LSUB, STATUS, FLAGS, EXISTS, RECENT, EXPUNGE, NAMESPACE, CAPABILITY, ENABLED, ID (RFC 3501 §7.2); both ways."""

from collections.abc import Iterable

import msgspec

from pillarbox.grammar.imap.atoms import FLAG, Cursor, astring, nquote, parenthesised
from pillarbox.grammar.imap.mailbox_name import SEPARATOR, Path, format_path, parse_path
from pillarbox.grammar.imap.object_id import OBJECT_ID

_SEPARATOR = b'"%b"' % SEPARATOR.encode()


class Listed(msgspec.Struct, frozen=True):
    """One mailbox of LIST or LSUB; attributes as on the wire, e.g. "\\\\HasChildren"."""

    attributes: tuple[str, ...]
    path: Path
    child_info: bool = False
    """Listed because a mailbox below it is subscribed (CHILDINFO, RFC 5258 §4)."""


class StatusItems(msgspec.Struct, frozen=True):
    """The answer to STATUS: figures, and the object identifier where it was asked for (RFC 8474 §4.3)."""

    path: Path
    items: dict[str, int]
    object_id: str | None = None


def format_list(listed: Listed, *, name: str = "LIST") -> bytes:
    """The line with CRLF."""
    attributes = b" ".join(attribute.encode() for attribute in listed.attributes)
    more = b' (CHILDINFO ("SUBSCRIBED"))' if listed.child_info else b""
    return b"* %b (%b) %b %b%b\r\n" % (
        name.encode(), attributes, _SEPARATOR, astring(format_path(listed.path)), more,
    )  # fmt: skip


def parse_list(cursor: Cursor) -> Listed:
    """After `* LIST `. A server with another separator has its names as one."""
    attributes = cursor.items(lambda: cursor.match(FLAG, "an attribute").decode("latin-1"), may_be_empty=True)
    cursor.space()
    separator = cursor.nstring("a separator")
    cursor.space()
    name = cursor.astring("a mailbox name")
    if separator and separator != SEPARATOR.encode():
        name = name.replace(separator, SEPARATOR.encode())
    return Listed(tuple(attributes), parse_path(name))


def format_status(status: StatusItems) -> bytes:
    """The line with CRLF."""
    items = [b"%b %d" % (name.encode(), value) for name, value in status.items.items()]
    if status.object_id is not None:
        items.append(b"MAILBOXID (%b)" % status.object_id.encode())
    return b"* STATUS %b %b\r\n" % (astring(format_path(status.path)), parenthesised(items))


def parse_status(cursor: Cursor) -> StatusItems:
    """After `* STATUS `."""
    path = parse_path(cursor.astring("a mailbox name"))
    cursor.space()

    object_id: str | None = None

    def pair() -> tuple[str, int]:
        nonlocal object_id
        name = cursor.word("a status item")
        cursor.space()
        if name != "MAILBOXID":
            return name, cursor.number()
        cursor.expect(b"(")
        object_id = cursor.match(OBJECT_ID, "an object identifier").decode("ascii")
        cursor.expect(b")")
        return name, 0

    items = dict(cursor.items(pair, may_be_empty=True))
    items.pop("MAILBOXID", None)
    return StatusItems(path, items, object_id)


def format_flags(names: Iterable[str]) -> bytes:
    """`* FLAGS (…)` with CRLF."""
    return b"* FLAGS %b\r\n" % parenthesised(name.encode() for name in names)


def format_count(number: int, what: str) -> bytes:
    """`* 5 EXISTS`, `* 3 EXPUNGE` and their kin, with CRLF."""
    return b"* %d %b\r\n" % (number, what.encode())


def format_words(name: str, words: Iterable[str]) -> bytes:
    """`* CAPABILITY …`, `* ENABLED …` with CRLF."""
    return b" ".join([b"*", name.encode(), *(word.encode() for word in words)]) + b"\r\n"


def format_namespace() -> bytes:
    """One personal namespace without a prefix (RFC 2342 §6), with CRLF."""
    return b'* NAMESPACE (("" %b)) NIL NIL\r\n' % _SEPARATOR


def format_id(fields: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    """`* ID (…)` with CRLF (RFC 2971 §3.2)."""
    return b"* ID (%b)\r\n" % b" ".join(b"%b %b" % (nquote(name), nquote(value)) for name, value in fields)
