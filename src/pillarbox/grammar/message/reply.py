"""What a reply or a forwarded message takes from the one before it (RFC 5322 §3.6.4; RFC 3676 §4.5 for quoting)."""

import re

import msgspec

from pillarbox.grammar.message import address_list, header, message_id
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.message.header import Content
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.text import header_text, main_text

_PREFIXES = re.compile(r"(?:\s*(?:re|aw|sv|antw|vs|fwd?|wg)(?:\[\d+\])?\s*:)*", re.IGNORECASE)


class Origin(msgspec.Struct, frozen=True):
    """What one needs to know of the message that is answered."""

    subject: str
    sender: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    date: str
    message_id: str
    references: tuple[str, ...]
    text: str


def read_origin(content: Content, root: Part) -> Origin:
    """Those facts of a message."""

    def mailboxes(name: bytes) -> tuple[Mailbox, ...]:
        return tuple(address_list.parse(header.first(content, root.start, root.body, name) or b""))

    def ids(name: bytes) -> list[str]:
        return message_id.parse_ids(header.first(content, root.start, root.body, name) or b"")

    own = ids(b"message-id")
    # RFC 5322 §3.6.4: the parent's References, or where it has none its In-Reply-To if that names one message only.
    before = ids(b"references") or (ids(b"in-reply-to") if len(ids(b"in-reply-to")) == 1 else [])
    return Origin(
        header_text(header.first(content, root.start, root.body, b"subject") or b""),
        mailboxes(b"from"),
        mailboxes(b"reply-to"),
        mailboxes(b"to"),
        mailboxes(b"cc"),
        header_text(header.first(content, root.start, root.body, b"date") or b""),
        own[0] if own else "",
        (*before, *own[:1]),
        main_text(content, root)[0],
    )


def base_subject(subject: str) -> str:
    """Without `Re:`, `Fwd:` and their kin at the start."""
    match = _PREFIXES.match(subject)
    return subject[match.end() if match else 0 :].strip()


def reply_subject(subject: str) -> str:
    """`Re: …`, once."""
    return f"Re: {base_subject(subject)}"


def forward_subject(subject: str) -> str:
    """`Fwd: …`, once."""
    return f"Fwd: {base_subject(subject)}"


def reply_recipients(origin: Origin, own: str, *, to_all: bool) -> tuple[tuple[Mailbox, ...], tuple[Mailbox, ...]]:
    """(To, Cc) of the answer: Reply-To before From; all others when asked, oneself left out."""
    to = origin.reply_to or origin.sender
    if not to_all:
        return to, ()
    seen = {mailbox.address.lower() for mailbox in to} | {own.lower()}
    cc = []
    for mailbox in (*origin.to, *origin.cc):
        if mailbox.address.lower() not in seen:
            seen.add(mailbox.address.lower())
            cc.append(mailbox)
    return to, tuple(cc)


def quote(origin: Origin) -> str:
    """The text before, each line behind `>`, under a line that says whose it is."""
    who = ", ".join(mailbox.name or mailbox.address for mailbox in origin.sender) or "somebody"
    lines = origin.text.replace("\r\n", "\n").rstrip("\n").split("\n")
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"On {origin.date}, {who} wrote:\n{quoted}\n"
