"""The forms of a header field's value: octets become JSON (RFC 8621 §4.1.2); `header_values` is the other way.

Reading never fails: what cannot be parsed is null where the form has null, and else goes as far as it goes.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache

from pillarbox.grammar.jmap.dates import format_date
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message import charset, date, encoded_word
from pillarbox.grammar.message.address_list import MISSING_DOMAIN, MISSING_MAILBOX, EnvelopeAddress, parse_raw
from pillarbox.grammar.message.header import unfold, without_comments
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.model.errors import SyntaxProblem

# RFC 2047 §5: between white space, and nothing inside that is none of its characters; others are no encoded words.
_ENCODED = re.compile(rb"(?<![^ \t\r\n])=\?([!->@-~]+)\?[bBqQ]\?[!->@-~]*\?=(?![^ \t\r\n])")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_URL = re.compile(rb"<([^<>]*)>|\\.|([()])", re.DOTALL)
SHORT_OCTETS = 200
"""A mailbox has the same few senders and recipients again and again: values up to this size are kept once read."""
_DOT_ATOM = re.compile(r"[^\s()<>@,;:\\\"\[\].]+(?:\.[^\s()<>@,;:\\\"\[\].]+)*")


class Form(Enum):
    """The forms; the value is the name on the wire."""

    RAW = "Raw"
    TEXT = "Text"
    ADDRESSES = "Addresses"
    GROUPED_ADDRESSES = "GroupedAddresses"
    MESSAGE_IDS = "MessageIds"
    DATE = "Date"
    URLS = "URLs"


def read_value(value: bytes, form: Form) -> object:
    """The value, raw with its folds, in this form."""
    return _READERS[form](value)


def reader_of(form: Form) -> Callable[[bytes], object]:
    """What reads values in this form, for whoever reads many."""
    return _READERS[form]


def read_raw(value: bytes) -> str:
    """All that stands behind the colon; what is no UTF-8 is U+FFFD, NUL is dropped (RFC 8621 §4.1.2.1)."""
    return value.decode("utf-8", "replace").replace("\0", "")


def read_text(value: bytes) -> str:
    """What a person reads (RFC 8621 §4.1.2.2)."""
    return _text(unfold(value))


def _text(value: bytes) -> str:
    """Encoded words decoded, in Normalization Form C; what is encoded and is a control character goes."""
    if b"=?" not in value:
        text = value.decode("utf-8", "replace").replace("\0", "")
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    pieces: list[str] = []
    for run, is_encoded in _runs(value):
        text = encoded_word.decode(run) if is_encoded else run.decode("utf-8", "replace")
        pieces.append(_CONTROL.sub("", text) if is_encoded else text.replace("\0", ""))
    return unicodedata.normalize("NFC", "".join(pieces))


def _runs(value: bytes) -> Iterator[tuple[bytes, bool]]:
    """The value in pieces, each with whether it is encoded words that follow each other (RFC 2047 §6.2)."""
    place = start = end = 0
    for match in _ENCODED.finditer(value):
        if charset.codec_name(match[1].partition(b"*")[0].decode("ascii")) is None:
            continue
        if end and not value[end : match.start()].strip(b" \t\r\n"):
            end = match.end()
            continue
        if end:
            yield value[start:end], True
            place = end
        yield value[place : match.start()], False
        place, start, end = match.end(), match.start(), match.end()
    if end:
        yield value[start:end], True
    yield value[end:], False


def _display_name(name: bytes | None) -> str | None:
    if name is None:
        return None
    return _text(unfold(name)).strip() or None


def _address(found: EnvelopeAddress) -> JsonObject:
    """An EmailAddress. Half an address keeps what there is: a draft has those (RFC 8621 §4.1.2.3)."""
    name, _, mailbox, host = found
    local = "" if mailbox is None or mailbox == MISSING_MAILBOX else read_raw(mailbox)
    if local and _DOT_ATOM.fullmatch(local) is None:
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    email = local if host is None or host == MISSING_DOMAIN else f"{local}@{read_raw(host)}"
    return {"name": _display_name(name), "email": email}


def read_addresses(value: bytes) -> list[JsonObject]:
    """EmailAddress[]; groups are opened (RFC 8621 §4.1.2.3)."""
    found = _read_short(value) if len(value) <= SHORT_OCTETS else _read_addresses(value)
    return [one.copy() for one in found]


def _read_addresses(value: bytes) -> list[JsonObject]:
    return [_address(found) for found in parse_raw(unfold(value)) if found.host is not None]


_read_short = lru_cache(maxsize=4096)(_read_addresses)


def read_groups(value: bytes) -> list[JsonObject]:
    """EmailAddressGroup[]; what is in no group is in one without a name (RFC 8621 §4.1.2.4)."""
    groups: list[JsonObject] = []
    inside: list[JsonObject] | None = None
    for found in parse_raw(unfold(value)):
        if found.host is not None:
            if inside is None:
                inside = []
                groups.append({"name": None, "addresses": inside})
            inside.append(_address(found))
        elif found.mailbox is not None:
            inside = []
            groups.append({"name": _display_name(found.mailbox), "addresses": inside})
        else:
            inside = None
    return groups


def read_message_ids(value: bytes) -> list[str] | None:
    """Without angle brackets and comments; null when there is none (RFC 8621 §4.1.2.5)."""
    return [identifier.replace("\0", "") for identifier in parse_ids(without_comments(unfold(value)))] or None


def read_date(value: bytes) -> str | None:
    """A Date in the zone as written; null when it is unreadable (RFC 8621 §4.1.2.6)."""
    try:
        return format_date(date.parse(unfold(value)))
    except SyntaxProblem:
        return None


def read_urls(value: bytes) -> list[str] | None:
    """What stands between angle brackets, comments aside; null when nothing does (RFC 8621 §4.1.2.7).

    White space in a URL comes from folding, and goes (RFC 2369 §2).
    """
    return [read_raw(b"".join(url.split())) for url in _urls(value)] or None


def _urls(value: bytes) -> Iterator[bytes]:
    """Outside of comments, angle brackets hold a URL, which may have parentheses of its own."""
    depth, place = 0, 0
    while (match := _URL.search(value, place)) is not None:
        place = match.end()
        if match[2] is not None:
            depth = max(0, depth + (1 if match[2] == b"(" else -1))
        elif depth > 0 and match[1] is not None:
            place = match.start() + 1
        elif match[1] is not None and match[1].strip():
            yield match[1]


_READERS = {
    Form.RAW: read_raw,
    Form.TEXT: read_text,
    Form.ADDRESSES: read_addresses,
    Form.GROUPED_ADDRESSES: read_groups,
    Form.MESSAGE_IDS: read_message_ids,
    Form.DATE: read_date,
    Form.URLS: read_urls,
}
