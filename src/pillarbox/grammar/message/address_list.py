"""Lists of mailboxes in header fields (RFC 5322 §3.4), as they are written by everybody; both ways.

    address = mailbox / group       mailbox = name-addr / addr-spec
    name-addr = [display-name] "<" [route ":"] addr-spec ">"
    group = display-name ":" [group-list] ";"

Parsing never fails: what is no address is kept, as far as it goes, under the names that user agents show for it
(RFC 7103 §7.6). The raw values (`EnvelopeAddress`) are those that IMAP ENVELOPE asks for (RFC 9051 §7.5.2).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from pillarbox.grammar.message import charset, encoded_word
from pillarbox.grammar.message.header import fold_words
from pillarbox.grammar.smtp.path import format_address, parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem

MISSING_MAILBOX = b"MISSING_MAILBOX"
MISSING_DOMAIN = b"MISSING_DOMAIN"

_ATEXT = rb"[^\s()<>@,;:\\\"\[\].]"
_WORD = rb"[^\s()<>@,;:\\\"\[\]]+"
_TOKEN = re.compile(rb'[\s]+|"((?:[^"\\]|\\.)*)("?)|(' + _WORD + rb")|(\[(?:[^\]\\]|\\.)*\]?)|(.)", re.DOTALL)
_SIMPLE = re.compile(
    rb'\s*+(?:(?:"([^"\\\r\n]*)"|((?:' + _ATEXT + rb"+[ \t]+)*" + _ATEXT + rb"+))?\s*<(" + _ATEXT + rb"+(?:\." + _ATEXT
    + rb"+)*)@(" + _ATEXT + rb"+(?:\." + _ATEXT + rb"+)*)>|(" + _ATEXT + rb"+(?:\." + _ATEXT + rb"+)*)@(" + _ATEXT
    + rb"+(?:\." + _ATEXT + rb"+)*))\s*(,|\Z)"
)  # fmt: skip
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


Token: TypeAlias = tuple[str, bytes]
"""("word" | "special" | "comment", octets): what was quoted is a word, whatever is in it."""
_AT: Token = ("special", b"@")
_COLON: Token = ("special", b":")


class EnvelopeAddress(NamedTuple):
    """Raw octets. A group starts with (None, None, name, None) and ends with all None (RFC 9051 §7.5.2)."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


class Mailbox(msgspec.Struct, frozen=True):
    """A decoded address of a header: the display name and where it leads."""

    name: str
    address: str


def parse_raw(value: bytes) -> list[EnvelopeAddress]:
    """All addresses of an unfolded field value, raw, in order."""
    found: list[EnvelopeAddress] = []
    place = 0
    while place < len(value):
        match = _SIMPLE.match(value, place)
        if match is None:
            _Reader(value, place, found).read()
            break
        name = match[1] if match[1] is not None else match[2]
        found.append(EnvelopeAddress(name, None, match[3] or match[5], match[4] or match[6]))
        place = match.end()
    return found


def parse(value: bytes) -> list[Mailbox]:
    """All mailboxes of an unfolded field value, decoded; groups are opened.

    An encoded word in an address is no address: it stays as it is (RFC 2047 §5).
    """
    return [
        Mailbox(
            encoded_word.decode(found.name or b"").strip(),
            f"{charset.decode(found.mailbox, 'utf-8')}@{charset.decode(found.host, 'utf-8')}",
        )
        for found in parse_raw(value)
        if found.mailbox is not None and found.host is not None
    ]


def address_of(mailbox: Mailbox) -> Address | None:
    """The address as a value, or None when mail could not be sent there."""
    local, _, domain = mailbox.address.rpartition("@")
    if local == "MISSING_MAILBOX" or domain == "MISSING_DOMAIN":
        return None
    try:
        return parse_address(format_address(Address(local, domain)))
    except SyntaxProblem:
        return None


class _Reader:
    """The slow way, for what is not a plain list of plain mailboxes."""

    def __init__(self, value: bytes, place: int, found: list[EnvelopeAddress]) -> None:
        self.found = found
        self.in_group = False
        self.comment: bytes | None = None
        self.has_at = False
        self._tokens = _tokens(value, place)
        self._reset()

    def _reset(self) -> None:
        self.words: list[Token] = []
        self.angle: bytes | None = None
        self.in_angle = False
        self.seen = False
        self.has_at = False
        self.comment = None

    def read(self) -> None:
        for kind, text in self._tokens:
            if kind == "comment":
                self.comment = text
            elif kind == "special" and self._special(text):
                continue
            else:
                self._word((kind, text))
        self._end()
        if self.in_group:
            self.found.append(EnvelopeAddress(None, None, None, None))

    def _special(self, text: bytes) -> bool:
        """Whether the character had a meaning of its own here."""
        if self.in_angle:
            if text == b">":
                self.in_angle = False
                return True
            return False
        if text in b",;":
            self._end()
            if text == b";" and self.in_group:
                self.found.append(EnvelopeAddress(None, None, None, None))
                self.in_group = False
            return True
        if text == b":" and not self.in_group and self.angle is None and not self.has_at:
            self.found.append(EnvelopeAddress(None, None, _phrase(self.words), None))
            self.in_group = True
            self._reset()
            return True
        if text == b"<" and self.angle is None:
            self.in_angle, self.seen, self.angle = True, True, b""
            self.angle_words: list[Token] = []
            return True
        return False

    def _word(self, token: Token) -> None:
        self.seen = True
        if self.in_angle:
            self.angle_words.append(token)
        elif self.angle is None:
            self.words.append(token)
            self.has_at = self.has_at or token == _AT

    def _end(self) -> None:
        if not self.seen:
            self._reset()
            return
        if self.angle is None:
            name = self.comment
            words = self.words
        else:
            name = _phrase(self.words) if self.words else None
            words = self.angle_words
        route, mailbox, host = _addr_spec(words)
        if self.angle is None and host is None and len(words) > 1:
            name, mailbox = _phrase(words), None
        if mailbox or host or name:
            self.found.append(EnvelopeAddress(name, route, mailbox or MISSING_MAILBOX, host or MISSING_DOMAIN))
        elif self.angle is not None:
            self.found.append(EnvelopeAddress(name, route, MISSING_MAILBOX, MISSING_DOMAIN))
        self._reset()


def _addr_spec(words: list[Token]) -> tuple[bytes | None, bytes | None, bytes | None]:
    """(route, local part, domain) of the words between the angles (RFC 5322 §4.4 for routes)."""
    route = None
    if words[:1] == [_AT] and _COLON in words:
        cut = words.index(_COLON)
        route, words = _joined(words[:cut]), words[cut + 1 :]
    if _AT not in words:
        return route, _joined(words), None
    cut = words.index(_AT)
    host = words[cut + 1 :]
    return route, _joined(words[:cut]), _joined(host[:1] if _AT in host else host)


def _joined(words: list[Token]) -> bytes:
    return b"".join([text for _, text in words])


def _phrase(words: list[Token]) -> bytes:
    return b" ".join([text for _, text in words]).replace(b" @ ", b"@")


def _tokens(value: bytes, place: int) -> Iterator[Token]:
    """White space is dropped, quoted strings are opened."""
    while place < len(value):
        if value[place : place + 1] == b"(":
            end = _comment_end(value, place)
            yield "comment", _ESCAPE.sub(rb"\1", value[place + 1 : end - 1].strip())
            place = end
            continue
        match = _TOKEN.match(value, place)
        assert match is not None
        place = match.end()
        if match[1] is not None:
            yield "word", _ESCAPE.sub(rb"\1", match[1])
        elif match[5] is not None:
            yield "special", match[5]
        elif match[3] is not None or match[4] is not None:
            yield "word", match[3] or match[4]


def _comment_end(value: bytes, place: int) -> int:
    depth = 0
    while place < len(value):
        octet = value[place : place + 1]
        if octet == b"\\":
            place += 1
        elif octet == b"(":
            depth += 1
        elif octet == b")":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    return len(value) + 1


_ATOM_TEXT = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""No address has these, and a line end among them would begin a field of its own."""


def format_mailbox(mailbox: Mailbox) -> str:
    """`name <local@domain>`; the name encoded or quoted as need be."""
    local, _, domain = _CONTROL.sub("", mailbox.address).rpartition("@")
    spec = format_address(Address(local, domain))
    return f"{format_name(mailbox.name)} <{spec}>" if mailbox.name else spec


def format_name(name: str) -> str:
    """A display name as a phrase: encoded or quoted as need be."""
    if not (name.isascii() and name.isprintable()) or "=?" in name:
        return encoded_word.encode(name)
    if not _ATOM_TEXT.fullmatch(name):
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return name


def format_list(mailboxes: list[Mailbox]) -> str:
    """The field's value, one mailbox a line, folded where one is long."""
    return ",\r\n ".join(fold_words(format_mailbox(mailbox), len("Reply-To: ")) for mailbox in mailboxes)
