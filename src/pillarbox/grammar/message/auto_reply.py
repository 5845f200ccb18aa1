"""The message that answers for somebody who is away (RFC 3834 §3; RFC 5230 §5). The same input gives the same octets.

It says that a program sent it, so that no other program answers; date, identifier and boundary are handed in. The text
may be plain, HTML or both; plain text is made of HTML where that is all there is.
"""

import re
from datetime import datetime

import msgspec

from pillarbox.grammar.message import date, encoded_word, transfer
from pillarbox.grammar.message.address_list import Mailbox, format_mailbox
from pillarbox.grammar.message.header import fold_words
from pillarbox.grammar.message.message_id import format_ids
from pillarbox.grammar.message.text import header_text, shown_html
from pillarbox.model.address import Address

PREFIX = "Auto: "
NO_SUBJECT = "Automatic reply"
NO_TEXT = "I am away at the moment, and will read your message when I am back.\n"
SUBJECT_MOST = 300
"""Characters; the beginning of a longer one will do."""
NAME_MOST = 200
"""Likewise."""
REFERENCES_MOST = 50
"""Of a longer list the first and the newest stay (RFC 5322 §3.6.4 knows no bound; lines have one)."""
_WORD_MOST = 200
"""A longer word goes encoded, in pieces: it must not make a line too long."""
_ID = re.compile(r"[!-;=?-~]{1,400}")
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote|/pre)\b[^<>]*>", re.IGNORECASE)
_HIGH = bytes(range(128, 256))


class AutoReply(msgspec.Struct, frozen=True):
    """What it says, and what it answers.

    `name` is the sender's, or empty. `subject`, `text` and `html` are the owner's, or None; `asked` is the Subject of the
    message that is answered, raw; `in_reply_to` its identifier, or empty; `references` those before it.
    """

    sender: Address
    to: Address
    at: datetime
    message_id: str
    boundary: str
    name: str = ""
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    asked: bytes = b""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()


def format_auto_reply(reply: AutoReply) -> bytes:
    """The whole message, CRLF throughout."""
    head = [
        f"Date: {date.format(reply.at)}",
        f"From: {_from(reply)}",
        f"To: {format_mailbox(Mailbox('', str(reply.to)))}",
        f"Subject: {_subject(reply)}",
        f"Message-ID: <{reply.message_id}>",
        *_thread(reply),
        "Auto-Submitted: auto-replied",
        # For programs that know that field only (MS-OXCMAIL).
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]
    text = plain_of_html(reply.html) if reply.text is None and reply.html is not None else reply.text
    plain = _part("plain", NO_TEXT if text is None else text)
    if reply.html is None:
        return "\r\n".join(head).encode() + b"\r\n" + plain
    head.append(f'Content-Type: multipart/alternative; boundary="{reply.boundary}"')
    delimiter = f"--{reply.boundary}".encode()
    pieces = [delimiter + b"\r\n" + part + b"\r\n" for part in (plain, _part("html", reply.html))]
    return b"".join(["\r\n".join(head).encode(), b"\r\n\r\n", *pieces, delimiter, b"--\r\n"])


def _from(reply: AutoReply) -> str:
    """RFC 3834 §3.1.1: the name that its owner has chosen, and the address."""
    mailbox = Mailbox(_in_one_line(reply.name, NAME_MOST), str(reply.sender))
    return fold_words(format_mailbox(mailbox), len("From: "))


def _in_one_line(text: str, most: int) -> str:
    return _SPACE.sub(" ", _CONTROL.sub(" ", text)).strip()[:most]


def _subject(reply: AutoReply) -> str:
    """RFC 5230 §5.3: the owner's, or `Auto: ` and that of the message."""
    if reply.subject is not None:
        text = reply.subject
    else:
        asked = header_text(reply.asked[: SUBJECT_MOST * 12]).strip()
        text = PREFIX + asked if asked else NO_SUBJECT
    text = _in_one_line(text, SUBJECT_MOST)
    is_long = max(map(len, text.split(" "))) > _WORD_MOST
    return fold_words(encoded_word.encode(text, always=is_long), len("Subject: "))


def _thread(reply: AutoReply) -> list[str]:
    """In-Reply-To and References (RFC 5322 §3.6.4), where the message had an identifier that a header can hold."""
    if _ID.fullmatch(reply.in_reply_to) is None:
        return []
    before = [name for name in reply.references if _ID.fullmatch(name) and name != reply.in_reply_to]
    if len(before) >= REFERENCES_MOST:
        before = [before[0], *before[2 - REFERENCES_MOST :]]
    return [f"In-Reply-To: <{reply.in_reply_to}>", f"References: {format_ids([*before, reply.in_reply_to])}"]


def plain_of_html(source: str) -> str:
    """The words of HTML, lines where it breaks them."""
    shown = shown_html(_BREAK.sub("\n", _SPACE.sub(" ", source)))
    lines = [_SPACE.sub(" ", line).strip() for line in shown.split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def _part(subtype: str, text: str) -> bytes:
    """A text part with its header, as readable as it can be (RFC 2045 §6)."""
    octets = _LINE_END.sub("\r\n", text).replace("\0", "").encode("utf-8", "replace").removesuffix(b"\r\n") + b"\r\n"
    charset = "us-ascii" if octets.isascii() else "utf-8"
    if octets.isascii() and max(map(len, octets.split(b"\r\n"))) <= 78:
        encoding = "7bit"
    elif (len(octets) - len(octets.translate(None, _HIGH))) * 6 > len(octets):
        encoding, octets = "base64", transfer.encode_base64(octets)
    else:
        encoding, octets = "quoted-printable", transfer.encode_quoted_printable(octets)
    head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets
