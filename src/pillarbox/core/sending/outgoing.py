"""What is sent of a stored message, and to whom by what its header says (RFC 8621 §7).

A copy goes out, made piece by piece: without the fields that are nobody's business (Bcc, Resent-Bcc; RFC 5322 §3.6.3)
or are final delivery's (Return-Path; RFC 5321 §4.4), and with CRLF at the end of every line, whatever the mailbox holds
(RFC 5321 §2.3.8). Date and Message-ID are put before it where they are missing, as with every submission.
"""

import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.contents.spool import Spool
from pillarbox.core.sending.submission import SubmissionHeader
from pillarbox.grammar.message import address_list
from pillarbox.grammar.message.address_list import Mailbox, address_of
from pillarbox.grammar.message.header import fields, header_end, unfold
from pillarbox.model.address import Address
from pillarbox.model.errors import Invalid, TooLarge
from pillarbox.model.limits import Limits

NOT_SENT = frozenset((b"bcc", b"resent-bcc", b"return-path"))
RECIPIENT_FIELDS = ("to", "cc", "bcc")
_BARE = re.compile(rb"\r\n|\r|\n")


class MessageUnfit(Invalid):
    """The stored message cannot be sent as it is. `fields`: the names of the header fields that are to blame, in lower
    case; empty when it is the content."""

    def __init__(self, text: str, fields: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.fields = tuple(fields)


class OutgoingHeader(msgspec.Struct, frozen=True):
    """The fields that say who writes to whom; each has its mailboxes, field by field. `octets` is the header without
    what is not sent, `start` where the body begins in the stored message."""

    senders: tuple[tuple[Mailbox, ...], ...]
    authors: tuple[tuple[Mailbox, ...], ...]
    recipients: tuple[str, ...]
    octets: bytes
    start: int

    @property
    def is_international(self) -> bool:
        """Whether it has characters that ASCII has not (RFC 6532 §3), and not only octets of old."""
        if self.octets.isascii():
            return False
        try:
            self.octets.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def author_addresses(self) -> list[Address]:
        """Who is in From and Sender. Raises: MessageUnfit when nobody is, or what is there is no address."""
        found: list[Address] = []
        for name, values in (("from", self.authors), ("sender", self.senders)):
            for mailbox in (one for value in values for one in value):
                address = address_of(mailbox)
                if address is None:
                    raise MessageUnfit(f"{name.capitalize()} has what is no address", [name])
                found.append(address)
        if not any(self.authors):
            raise MessageUnfit("the message does not say whom it is from", ["from"])
        return found

    def reverse_path(self) -> Address:
        """The one address of Sender, or else of From. Raises: MessageUnfit where there are several."""
        name, values = ("sender", self.senders) if any(self.senders) else ("from", self.authors)
        addresses = [address_of(one) for value in values for one in value]
        if len(values) > 1 or len(addresses) != 1 or addresses[0] is None:
            raise MessageUnfit(f"{name.capitalize()} must name one address, once", [name])
        return addresses[0]


async def read_header(stored: StoredContent, limits: Limits) -> OutgoingHeader:
    """Raises: TooLarge, NotFound (the content was removed meanwhile), StorageUnavailable."""
    octets = await stored.read(0, limits.header_octets + 1)
    end = header_end(octets, 0, len(octets))
    if end > limits.header_octets:
        raise TooLarge(f"the header exceeds {limits.header_octets} octets")
    found: dict[bytes, list[tuple[Mailbox, ...]]] = {}
    kept: list[bytes] = []
    place = 0
    for field in fields(octets, 0, end):
        name = field.name.lower()
        if name in (b"from", b"sender", b"to", b"cc", b"bcc"):
            found.setdefault(name, []).append(tuple(address_list.parse(unfold(field.value))))
        if name in NOT_SENT:
            kept.append(octets[place : field.start])
            place = field.end
    kept.append(octets[place:end])
    named = (one.address for name in RECIPIENT_FIELDS for value in found.get(name.encode(), ()) for one in value)
    return OutgoingHeader(
        senders=tuple(found.get(b"sender", ())),
        authors=tuple(found.get(b"from", ())),
        recipients=tuple(dict.fromkeys(named)),
        octets=b"".join(kept),
        start=end,
    )


async def copy_out(stored: StoredContent, header: OutgoingHeader, added: SubmissionHeader, spool: Spool) -> bool:
    """Write what is sent into a spool; whether it is all ASCII.

    Raises: MessageUnfit (a NUL), TooLarge, InsufficientStorage, StorageUnavailable, NotFound.
    """
    is_ascii = True
    lines = LineEnds()
    beginning: SubmissionHeader | None = added
    async for piece in _pieces(stored, header):
        if b"\0" in piece:
            raise MessageUnfit("the message has a NUL, which mail cannot carry")
        is_ascii = is_ascii and piece.isascii()
        data = lines.feed(piece)
        if beginning is not None:
            held = beginning.hold(data)
            if held is None:
                continue
            data, beginning = held, None
        if not spool.write(data):
            await spool.drain()
    if beginning is not None:
        spool.write(beginning.release())
    spool.write(lines.end())
    return is_ascii


async def _pieces(stored: StoredContent, header: OutgoingHeader) -> AsyncIterator[bytes]:
    yield header.octets
    async for piece in stored.pieces(header.start):
        yield piece


class LineEnds:
    """Makes every line end a CRLF, in pieces; a CR at the end of a piece waits for what follows."""

    def __init__(self) -> None:
        self._has_cr = False

    def feed(self, piece: bytes) -> bytes:
        """What is ready of it."""
        if self._has_cr:
            piece = b"\r" + piece
        self._has_cr = piece.endswith(b"\r")
        if self._has_cr:
            piece = piece[:-1]
        if piece.count(b"\n") == piece.count(b"\r") == piece.count(b"\r\n"):
            return piece
        return _BARE.sub(b"\r\n", piece)

    def end(self) -> bytes:
        """What was waiting."""
        return b"\r\n" if self._has_cr else b""
