"""Receipts: what a message asks of its reader, and the message that answers (RFC 8098 §2, §3); both ways.

A multipart/report: what happened in plain words; the notification (`mdn`); and, where it is wanted, the message that it
is about. Date, identifier and boundary are handed in.
"""

import re
from datetime import datetime

import msgspec

from pillarbox.grammar.message import address_list, date, encoded_word, header, message_id, text, transfer
from pillarbox.grammar.message.address_list import Mailbox, format_mailbox
from pillarbox.grammar.message.header import Content, fold_words
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.reports import mdn
from pillarbox.grammar.reports.mdn import Disposition, Notification, Typed
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem

TEXT_MOST = 100_000
"""Characters of the words that are read, and written."""
TEXT_OCTETS = 400_000
ADDRESSES_MOST = 20
"""Who may hear of it: a receipt must not become a way to write to many (RFC 8098 §6.4)."""
_SUBTYPES = (b"disposition-notification", b"global-disposition-notification")
_WHOLE = (b"rfc822", b"global")
_LINE_OCTETS = 998
_ID = re.compile(r"[!-;=?-~]{1,900}")


class ReceiptRequest(msgspec.Struct, frozen=True):
    """What a message says of receipts. `to` is empty where it asks for none.

    `is_confirmed_path`: the one address that asks is the one that the message came from, so that nobody else can be
    made to get a receipt; only then may it be sent unasked (RFC 8098 §2.1). `is_receipt`: a receipt is never answered
    by another.
    """

    to: tuple[Address, ...] = ()
    is_confirmed_path: bool = False
    is_receipt: bool = False
    original_recipient: Typed | None = None
    message_id: str | None = None
    subject: str = ""
    date: str = ""


def read_request(content: Content, root: Part) -> ReceiptRequest:
    """Of a whole stored message: its first Return-Path is the one that final delivery put there."""
    values: dict[bytes, list[bytes]] = {}
    for field in header.fields(content, root.start, root.body):
        values.setdefault(field.name.lower(), []).append(header.unfold(field.value))
    asked = values.get(b"disposition-notification-to", [])
    to = tuple(dict.fromkeys(_addresses(asked[0]))) if len(asked) == 1 else ()
    path = list(_addresses(values.get(b"return-path", [b""])[0]))
    ids = message_id.parse_ids(values.get(b"message-id", [b""])[-1])
    return ReceiptRequest(
        to=to if len(to) <= ADDRESSES_MOST else (),
        is_confirmed_path=len(to) == 1 and list(to) == path,
        is_receipt=find_notification_part(root) is not None,
        original_recipient=_original_recipient(values.get(b"original-recipient", [])),
        message_id=ids[0] if ids else None,
        subject=text.header_text(values.get(b"subject", [b""])[-1]),
        date=text.header_text(values.get(b"date", [b""])[-1]),
    )


def _addresses(value: bytes) -> list[Address]:
    found = (address_list.address_of(mailbox) for mailbox in address_list.parse(value))
    return [address for address in found if address is not None]


def _original_recipient(values: list[bytes]) -> Typed | None:
    """RFC 8098 §3.2.3: of more than one, none."""
    if len(values) != 1:
        return None
    try:
        return mdn.parse_typed(header.without_comments(values[0]).decode("utf-8", "replace"))
    except SyntaxProblem:
        return None


class Receipt(msgspec.Struct, frozen=True):
    """A receipt that came in. `has_original`: the message that it is about is in it, whole."""

    subject: str
    text: str
    notification: Notification
    has_original: bool = False


def find_notification_part(part: Part) -> Part | None:
    """The part of a report that holds the notification, wherever a list has put the report; not those of messages
    inside."""
    if part.type.lower() == b"message" and part.subtype.lower() in _SUBTYPES:
        return part
    return next((found for child in part.children if (found := find_notification_part(child)) is not None), None)


def parse_receipt(content: Content, root: Part) -> Receipt:
    """A whole message. Raises: SyntaxProblem when it is no receipt."""
    found = find_notification_part(root)
    if found is None or found is root:
        raise SyntaxProblem("a report with a disposition notification")
    end = min(found.end, found.body + 2 * mdn.CONTENT_OCTETS)
    notification = mdn.parse_notification(transfer.decode(bytes(content[found.body : end]), found.encoding))
    words = next((part for part in text.text_parts(root) if part.start < found.start), None)
    subject = header.first(content, root.start, root.body, b"subject")
    return Receipt(
        subject="" if subject is None else text.header_text(subject),
        text="" if words is None else _words(content, words),
        notification=notification,
        has_original=any(part.start > found.start for part in _messages(root)),
    )


def _words(content: Content, part: Part) -> str:
    shortened = msgspec.structs.replace(part, end=min(part.end, part.body + TEXT_OCTETS))
    return text.part_text(content, shortened)[:TEXT_MOST].replace("\r\n", "\n")


def _messages(part: Part) -> list[Part]:
    """The messages that are parts of it."""
    if part.type.lower() == b"message" and part.subtype.lower() in _WHOLE:
        return [part]
    return [found for child in part.children for found in _messages(child)]


class NewReceipt(msgspec.Struct, frozen=True):
    """All that a receipt says. `original` is the whole message that it is about, or None."""

    sender: Mailbox
    to: tuple[Address, ...]
    subject: str
    text: str
    at: datetime
    message_id: str
    boundary: str
    notification: Notification
    original: bytes | None = None


def default_subject(asked: str, disposition: Disposition) -> str:
    """What is said where nobody has said otherwise."""
    return f"{disposition.type.capitalize()}: {asked}" if asked else f"Receipt: {disposition.type}"


def default_text(request: ReceiptRequest, recipient: str, disposition: Disposition) -> str:
    """RFC 8098 §9 has such words."""
    when = f" of {request.date}" if request.date else ""
    about = f" with the subject “{request.subject}”" if request.subject else ""
    words = f"The message{when} to {recipient}{about} has been {disposition.type}.\n"
    if disposition.type == "displayed":
        words += "This is no guarantee that it has been read or understood.\n"
    return words


def format_receipt(receipt: NewReceipt) -> bytes:
    """The whole message, CRLF throughout but for what the original has."""
    is_global = mdn.has_other_scripts(receipt.notification)
    kind = "global-disposition-notification" if is_global else "disposition-notification"
    delimiter = f"--{receipt.boundary}\r\n".encode()
    words = "\r\n".join(receipt.text[:TEXT_MOST].replace("\0", "").splitlines()) + "\r\n"
    pieces = [
        _head(receipt).encode("utf-8", "replace"),
        delimiter,
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        transfer.encode_quoted_printable(words.encode("utf-8", "replace")),
        b"\r\n" + delimiter,
        f"Content-Type: message/{kind}\r\n".encode(),
        b"Content-Transfer-Encoding: 8bit\r\n\r\n" if is_global else b"\r\n",
        mdn.format_notification(receipt.notification),
    ]
    if receipt.original is not None:
        pieces += [b"\r\n" + delimiter, _original_head(receipt.original), receipt.original]
    pieces.append(f"\r\n--{receipt.boundary}--\r\n".encode())
    return b"".join(pieces)


def _head(receipt: NewReceipt) -> str:
    about = receipt.notification.original_message_id
    thread = f"References: <{about}>\r\n" if about is not None and _ID.fullmatch(about) else ""
    to = address_list.format_list([Mailbox("", str(address)) for address in receipt.to])
    subject = " ".join("".join(letter if letter.isprintable() else " " for letter in receipt.subject).split())[:500]
    is_long = max(map(len, subject.split(" "))) > 200
    return (
        f"From: {format_mailbox(receipt.sender)}\r\n"
        f"To: {to}\r\n"
        f"Subject: {fold_words(encoded_word.encode(subject, always=is_long), len('Subject: '))}\r\n"
        f"Date: {date.format(receipt.at)}\r\n"
        f"Message-ID: <{receipt.message_id}>\r\n"
        f"{thread}"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification;\r\n"
        f' boundary="{receipt.boundary}"\r\n\r\n'
    )


def _original_head(original: bytes) -> bytes:
    """What stands around a message is 7bit, 8bit or binary (RFC 2046 §5.2.1)."""
    header_is_ascii = original[: header.header_end(original, 0, len(original))].isascii()
    kind = b"rfc822" if header_is_ascii else b"global"
    bare = original.replace(b"\r\n", b"")
    if b"\n" in bare or b"\r" in bare or b"\0" in bare or max(map(len, original.split(b"\r\n"))) > _LINE_OCTETS:
        encoding = b"binary"
    else:
        encoding = b"7bit" if original.isascii() else b"8bit"
    return b"Content-Type: message/%b\r\nContent-Transfer-Encoding: %b\r\n\r\n" % (kind, encoding)
