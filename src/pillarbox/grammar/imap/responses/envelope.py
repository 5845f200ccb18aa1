"""ENVELOPE (RFC 3501 §7.4.2, RFC 9051 §7.5.2); both ways. Raw field values, as they came, unfolded.

envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
           env-in-reply-to SP env-message-id ")"
"""

from typing import TypeVar

import msgspec

from pillarbox.grammar.imap.atoms import Cursor, nquote
from pillarbox.grammar.message.address_list import EnvelopeAddress, parse_raw
from pillarbox.grammar.message.header import Content
from pillarbox.grammar.message.part import Part

Addresses = tuple[EnvelopeAddress, ...]
T = TypeVar("T")


class Envelope(msgspec.Struct, frozen=True):
    """As a client reads it; octets as they came, None for NIL."""

    date: bytes | None
    subject: bytes | None
    from_: Addresses
    sender: Addresses
    reply_to: Addresses
    to: Addresses
    cc: Addresses
    bcc: Addresses
    in_reply_to: bytes | None
    message_id: bytes | None


def format_addresses(value: bytes | None) -> bytes:
    """NIL where there are none."""
    if not value:
        return b"NIL"
    found = parse_raw(value)
    if not found:
        return b"NIL"
    return b"(%b)" % b"".join(
        b"(%b %b %b %b)" % (nquote(a.name), nquote(a.route), nquote(a.mailbox), nquote(a.host)) for a in found
    )


def format_envelope(content: Content, part: Part) -> bytes:
    """Of a message; sender and reply-to default to from (RFC 3501 §7.4.2)."""
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = part.envelope
    author = format_addresses(from_)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nquote(date),
        nquote(subject),
        author,
        _or(sender, author),
        _or(reply_to, author),
        format_addresses(to),
        format_addresses(cc),
        format_addresses(bcc),
        nquote(in_reply_to),
        nquote(message_id),
    )


def _or(value: bytes | None, author: bytes) -> bytes:
    if not value:
        return author
    found = format_addresses(value)
    return author if found == b"NIL" else found


def parse_envelope(cursor: Cursor) -> Envelope:
    """Raises: SyntaxProblem."""
    cursor.expect(b"(")
    date = _then(cursor, cursor.nstring())
    subject = _then(cursor, cursor.nstring())
    from_, sender, reply_to, to, cc, bcc = (_then(cursor, _addresses(cursor)) for _ in range(6))
    in_reply_to = _then(cursor, cursor.nstring())
    message_id = cursor.nstring()
    cursor.expect(b")")
    return Envelope(date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id)


def _then(cursor: Cursor, value: T) -> T:
    cursor.space()
    return value


def _addresses(cursor: Cursor) -> Addresses:
    if cursor.accept_word(b"NIL"):
        return ()
    cursor.expect(b"(")
    found = []
    while not cursor.accept(b")"):
        cursor.accept(b" ")
        cursor.expect(b"(")
        name, route, mailbox = (_then(cursor, cursor.nstring()) for _ in range(3))
        found.append(EnvelopeAddress(name, route, mailbox, cursor.nstring()))
        cursor.expect(b")")
    return tuple(found)
