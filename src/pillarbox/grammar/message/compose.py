"""Builds messages: header, text, attachments (RFC 5322 §3, RFC 2045, RFC 2183). The same input gives the same octets.

Boundaries, date and message identifier are handed in: nothing here is random or knows the time.
"""

import re
from datetime import datetime

import msgspec

from pillarbox.grammar.message import date, encoded_word, message_id, transfer
from pillarbox.grammar.message.address_list import Mailbox, format_list, format_mailbox
from pillarbox.grammar.message.header import fold_words
from pillarbox.grammar.message.parameters import format_parameter

_LINE_END = re.compile(r"\r\n|\r|\n")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")


class Attachment(msgspec.Struct, frozen=True):
    """A file, or with type message/rfc822 a whole message."""

    name: str
    media_type: str
    octets: bytes


class Draft(msgspec.Struct, frozen=True):
    """What a person writes, and what it hangs on. `text` has any line ends; `boundary` is used if there are parts."""

    sender: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    at: datetime
    message_id: str
    boundary: str
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def compose(draft: Draft, *, with_bcc: bool = False) -> bytes:
    """The message, CRLF throughout. Bcc is only written where it is asked for: in a draft kept for oneself."""
    head = [
        f"Date: {date.format(draft.at)}",
        f"From: {format_mailbox(draft.sender)}",
    ]
    for name, mailboxes in (("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc if with_bcc else ())):
        if mailboxes:
            head.append(f"{name}: {format_list(list(mailboxes))}")
    head.append(f"Subject: {fold_words(encoded_word.encode(draft.subject), len('Subject: '))}")
    head.append(f"Message-ID: <{draft.message_id}>")
    if draft.in_reply_to:
        head.append(f"In-Reply-To: <{draft.in_reply_to}>")
    if draft.references:
        head.append(f"References: {message_id.format_ids(list(draft.references))}")
    head.append("MIME-Version: 1.0")
    text_head, text_body = _text_part(draft.text)
    if not draft.attachments:
        return "\r\n".join([*head, *text_head]).encode() + b"\r\n\r\n" + text_body
    head.append(f'Content-Type: multipart/mixed; boundary="{draft.boundary}"')
    delimiter = f"--{draft.boundary}".encode()
    pieces = ["\r\n".join(head).encode() + b"\r\n\r\n" + delimiter + b"\r\n"]
    pieces.append("\r\n".join(text_head).encode() + b"\r\n\r\n" + text_body)
    for attachment in draft.attachments:
        pieces.append(b"\r\n" + delimiter + b"\r\n" + _attachment_part(attachment))
    pieces.append(b"\r\n" + delimiter + b"--\r\n")
    return b"".join(pieces)


def _text_part(text: str) -> tuple[list[str], bytes]:
    """Header lines and body of the text: 7bit if it can be, else quoted-printable (RFC 2045 §6)."""
    octets = _LINE_END.sub("\r\n", text).encode("utf-8", "replace")
    if octets and not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    plain = octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= 78
    head = [f"Content-Type: text/plain; charset={'us-ascii' if octets.isascii() else 'utf-8'}"]
    if plain:
        return [*head, "Content-Transfer-Encoding: 7bit"], octets
    return [*head, "Content-Transfer-Encoding: quoted-printable"], transfer.encode_quoted_printable(octets)


def _attachment_part(attachment: Attachment) -> bytes:
    media_type = attachment.media_type if _MEDIA_TYPE.fullmatch(attachment.media_type) else "application/octet-stream"
    if media_type.lower() == "message/rfc822":
        # What may stand around a message is 7bit, 8bit or binary (RFC 2046 §5.2.1).
        eight_bit = b"" if attachment.octets.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
        head = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n" + eight_bit
        return head + b"\r\n" + attachment.octets
    lines = [
        f"Content-Type: {media_type}",
        "Content-Disposition: attachment" + "".join(_folded(format_parameter("filename", attachment.name))),
        "Content-Transfer-Encoding: base64",
    ]
    body = transfer.encode_base64(attachment.octets)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body.removesuffix(b"\r\n")


def _folded(pieces: list[str]) -> list[str]:
    """`; name=value` pieces, each on a line of its own."""
    return [";\r\n " + piece.removeprefix("; ") for piece in pieces]
