"""FETCH responses: many lines at a time for the server, values for the client (RFC 3501 §7.4.2)."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pillarbox.grammar.imap.atoms import FLAG, Cursor
from pillarbox.grammar.imap.object_id import OBJECT_ID
from pillarbox.grammar.imap.responses.envelope import Envelope, parse_envelope
from pillarbox.grammar.message.date import parse_internal

_OBJECT_IDS = {"EMAILID": "email_id", "THREADID": "thread_id"}
_NAME = re.compile(rb"[A-Za-z0-9.-]+(?:\[[^\]]*\])?(?:<\d+>)?")


class Fetched(msgspec.Struct, frozen=True):
    """One message as a client was told; what was not asked for is absent.

    `octets` by item name in capitals, e.g. "BODY[1]", "RFC822"; `structure` as nested lists. `email_id` and `thread_id`
    are object identifiers (RFC 8474 §5.3).
    """

    number: int
    uid: int | None = None
    flags: tuple[str, ...] | None = None
    size_octets: int | None = None
    received: object = None
    envelope: Envelope | None = None
    structure: object = None
    octets: dict[str, bytes | None] = {}
    email_id: str | None = None
    thread_id: str | None = None


def flags_lines(first: int, uids: Sequence[int], texts: Sequence[bytes]) -> bytes:
    """`* n FETCH (UID u FLAGS (…))` for messages numbered from `first`; texts are `(\\Seen)`."""
    count = len(uids)
    return (b"* %d FETCH (UID %d FLAGS %b)\r\n" * count) % tuple(
        value for row in zip(range(first, first + count), uids, texts, strict=True) for value in row
    )


def ready_lines(rows: Sequence[tuple[int, int, bytes, bytes]]) -> bytes:
    """`* n FETCH (UID u FLAGS (…) text)` of (number, uid, flags text, stored text)."""
    return (b"* %d FETCH (UID %d FLAGS %b %b)\r\n" * len(rows)) % tuple(value for row in rows for value in row)


def format_fetch(number: int, items: Sequence[bytes]) -> bytes:
    """One line with CRLF."""
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(items))


def parse_fetch(number: int, cursor: Cursor) -> Fetched:
    """From the parenthesis on. Raises: SyntaxProblem."""
    found: dict[str, Any] = {"number": number, "octets": {}}
    cursor.expect(b"(")
    while not cursor.accept(b")"):
        cursor.accept(b" ")
        name = cursor.match(_NAME, "a fetch item").decode("latin-1").upper()
        cursor.space()
        _parse_item(cursor, name, found)
    return Fetched(**found)


def _parse_item(cursor: Cursor, name: str, found: dict[str, Any]) -> None:
    if name == "UID":
        found["uid"] = cursor.number()
    elif name == "FLAGS":
        found["flags"] = tuple(cursor.items(lambda: cursor.match(FLAG, "a flag").decode("latin-1"), may_be_empty=True))
    elif name == "RFC822.SIZE":
        found["size_octets"] = cursor.number()
    elif name == "INTERNALDATE":
        found["received"] = parse_internal(cursor.string())
    elif name == "ENVELOPE":
        found["envelope"] = parse_envelope(cursor)
    elif name in ("BODY", "BODYSTRUCTURE"):
        found["structure"] = parse_tree(cursor, 0)
    elif name in _OBJECT_IDS and not cursor.accept_word(b"NIL"):
        cursor.expect(b"(")
        found[_OBJECT_IDS[name]] = cursor.match(OBJECT_ID, "an object identifier").decode("ascii")
        cursor.expect(b")")
    elif name in _OBJECT_IDS:
        found[_OBJECT_IDS[name]] = None
    elif cursor.peek() == b"(":
        parse_tree(cursor, 0)
    elif cursor.peek().isdigit():
        cursor.number()
    else:
        found["octets"][name] = cursor.nstring()


DEPTH = 100


def parse_tree(cursor: Cursor, depth: int) -> Any:
    """Nested lists of octets, numbers and None: a body structure, or anything that is not known here."""
    if depth > DEPTH:
        raise cursor.fail("fewer levels")
    if cursor.accept(b"("):
        items: list[Any] = []
        while not cursor.accept(b")"):
            cursor.accept(b" ")
            items.append(parse_tree(cursor, depth + 1))
        return items
    if cursor.peek() in (b'"', b"{", b"~"):
        return cursor.string()
    if cursor.peek().isdigit():
        return cursor.number()
    word = cursor.match(FLAG, "a value")
    return None if word.upper() == b"NIL" else word
