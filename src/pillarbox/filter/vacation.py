"""Whether a letter is answered for somebody who is away (RFC 3834 §2; RFC 5230 §4.5, §4.6).

An answer to a program, to a list or to a forged sender does harm, one too few does none: whatever makes a message look
like anything but a letter from a person to this person keeps us silent. Decided from envelope and header alone. What
the store knows is for the caller to ask: which addresses lead here, and who had this answer already.
"""

import re
from collections.abc import Iterator
from enum import Enum

import msgspec

from pillarbox.grammar.message import address_list, header, message_id, parameters
from pillarbox.model.address import Address

HEADER_OCTETS = 131_072
"""A longer header is no person's; reading it would keep others waiting."""
ADDRESSED_MOST = 200
"""Addresses looked at; a letter to more is no personal one."""

_PROGRAM = re.compile(
    r"(?:owner-.+|.+-(?:request|owner|relay|bounces?|noreply)(?:[+=].*)?"
    r"|(?:mailer-daemon|listserv|listproc|majordomo|mailman|bounces?|nobody|no[-_.]?reply|do[-_.]?not[-_.]?reply)"
    r"(?:[-+=_.].*)?)",
    re.DOTALL,
)
"""Names of programs (RFC 5230 §4.6, RFC 3834 §2), some of which others use. Not postmaster: that is read by people."""
_ADDRESSED = frozenset((b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"))
_LIST = frozenset((b"mailing-list", b"x-mailing-list", b"x-beenthere", b"x-loop", b"feedback-id"))
"""Fields of lists and of bulk mail besides `List-…` (RFC 2369, RFC 2919)."""
_BULK = frozenset((b"bulk", b"list", b"junk"))
_SPAM = frozenset((b"x-spam", b"x-spam-flag", b"x-spam-status"))
_SUPPRESSED = frozenset((b"all", b"oof", b"autoreply"))


class Silence(Enum):
    """Why there is no answer, in words for the log."""

    NOBODY = "nobody to answer"
    SELF = "from oneself"
    PROGRAM = "the sender is a program"
    AUTOMATIC = "sent by a program"
    LIST = "from a mailing list"
    BULK = "sent in bulk"
    REPORT = "a report"
    SUPPRESSED = "answers are not wanted"
    SPAM = "spam"
    TOO_LONG = "a header too long for a letter"
    NOT_ADDRESSED = "not addressed to the owner"
    ANSWERED = "answered not long ago"


class Letter(msgspec.Struct, frozen=True):
    """A message that is answered if one of `addressed` is its reader; and what the answer takes from it.

    `subject` is raw and unfolded; `references` are those that the answer is to have, without its parent.
    """

    sender: Address
    addressed: tuple[Address, ...]
    subject: bytes = b""
    message_id: str = ""
    references: tuple[str, ...] = ()


def judge(octets: bytes, reverse_path: Address | None, own: Address) -> Silence | Letter:
    """Of the header that `octets` begin with, and the account's own address."""
    end = header.header_end(octets, 0, len(octets))
    if reverse_path is None or not reverse_path.local:
        return Silence.NOBODY
    if is_program(reverse_path):
        return Silence.PROGRAM
    if end > HEADER_OCTETS:
        return Silence.TOO_LONG
    values: dict[bytes, list[bytes]] = {}
    for field in header.fields(octets, 0, end):
        values.setdefault(field.name.lower(), []).append(header.unfold(field.value))
    authors = list(_addresses(values.get(b"from", [])))
    if own.key in {reverse_path.key, *(author.key for author in authors)}:
        return Silence.SELF
    if any(map(is_program, authors)):
        return Silence.PROGRAM
    silence = next((found for name, given in values.items() if (found := _against(name, given)) is not None), None)
    return silence or _letter(values, reverse_path)


def is_program(address: Address) -> bool:
    """Whether nobody reads what is sent to this address, as its name says."""
    return _PROGRAM.fullmatch(address.local.casefold()) is not None


def _against(name: bytes, values: list[bytes]) -> Silence | None:
    """What speaks against an answer in the fields of one name."""
    if name.startswith(b"list-") or name in _LIST:
        return Silence.LIST
    for value in values:
        match name:
            case b"auto-submitted" if _keyword(value) != b"no":
                return Silence.AUTOMATIC
            case b"precedence" if _keyword(value) in _BULK:
                return Silence.BULK
            case b"x-auto-response-suppress" if not _SUPPRESSED.isdisjoint(_words(value)):
                return Silence.SUPPRESSED
            case b"content-type" if _is_report(value):
                return Silence.REPORT
            case _ if name in _SPAM and _words(value)[0] in (b"yes", b"true"):
                return Silence.SPAM
    return None


def _is_report(value: bytes) -> bool:
    """On the delivery or the reading of mail (RFC 6522 §3)."""
    found = parameters.parse_type(value)
    return found is not None and (found[0].lower(), found[1].lower()) == (b"multipart", b"report")


def _keyword(value: bytes) -> bytes:
    """The word before any parameters, comments aside, in lower case (RFC 3834 §5)."""
    return header.without_comments(value).partition(b";")[0].strip().lower()


def _words(value: bytes) -> list[bytes]:
    return [word.strip().lower() for word in value.split(b",")]


def _addresses(values: list[bytes]) -> Iterator[Address]:
    for value in values:
        for mailbox in address_list.parse(value):
            address = address_list.address_of(mailbox)
            if address is not None:
                yield address


def _letter(values: dict[bytes, list[bytes]], sender: Address) -> Letter:
    fields = [value for name in sorted(_ADDRESSED) for value in values.get(name, [])]
    addressed = tuple(dict.fromkeys(_addresses(fields)))
    own = _ids(values, b"message-id")
    # RFC 5322 §3.6.4: where there are no References, an In-Reply-To that names one message stands for them.
    before = _ids(values, b"references")
    if not before and len(_ids(values, b"in-reply-to")) == 1:
        before = _ids(values, b"in-reply-to")
    return Letter(
        sender=sender,
        addressed=addressed if len(addressed) <= ADDRESSED_MOST else (),
        subject=values.get(b"subject", [b""])[-1],
        message_id=own[0] if own else "",
        references=tuple(before),
    )


def _ids(values: dict[bytes, list[bytes]], name: bytes) -> list[str]:
    found = values.get(name)
    return message_id.parse_ids(found[-1]) if found else []
