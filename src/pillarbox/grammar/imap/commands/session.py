"""Commands of any state and of signing in (RFC 3501 §6.1, §6.2; ID RFC 2971, ENABLE RFC 5161, SASL-IR RFC 4959)."""

import re

import msgspec

from pillarbox.grammar.imap.atoms import Cursor, astring, nquote

_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}|=")


class Capability(msgspec.Struct, frozen=True):
    """RFC 3501 §6.1.1."""


class Noop(msgspec.Struct, frozen=True):
    """RFC 3501 §6.1.2."""


class Logout(msgspec.Struct, frozen=True):
    """RFC 3501 §6.1.3."""


class StartTls(msgspec.Struct, frozen=True):
    """RFC 3501 §6.2.1."""


class Id(msgspec.Struct, frozen=True):
    """RFC 2971 §3.1: what the other is, for logs only."""

    fields: tuple[tuple[bytes, bytes | None], ...] = ()


class Enable(msgspec.Struct, frozen=True):
    """RFC 5161 §3.1; names in capitals."""

    names: tuple[str, ...]


class Login(msgspec.Struct, frozen=True):
    """RFC 3501 §6.2.3."""

    name: bytes
    password: bytes


class Authenticate(msgspec.Struct, frozen=True):
    """RFC 3501 §6.2.2; `initial` is base64, None when there is none (RFC 4959 §3)."""

    mechanism: str
    initial: bytes | None = None


def parse_id(cursor: Cursor) -> Id:
    """`NIL` or `("name" "value" …)`."""
    cursor.space()
    if cursor.accept_word(b"NIL"):
        return Id()
    words = cursor.items(cursor.nstring, may_be_empty=True)
    if len(words) % 2 or any(word is None for word in words[::2]):
        raise cursor.fail("pairs of name and value")
    return Id(tuple((words[n] or b"", words[n + 1]) for n in range(0, len(words), 2)))


def parse_enable(cursor: Cursor) -> Enable:
    """One name or more."""
    names = []
    while not cursor.is_at_end:
        cursor.space()
        names.append(cursor.word("a capability"))
    if not names:
        raise cursor.fail("a capability")
    return Enable(tuple(names))


def parse_login(cursor: Cursor) -> Login:
    """Name and password."""
    cursor.space()
    name = cursor.astring("a name")
    cursor.space()
    return Login(name, cursor.astring("a password"))


def parse_authenticate(cursor: Cursor) -> Authenticate:
    """Mechanism, perhaps an initial response."""
    cursor.space()
    mechanism = cursor.word("a mechanism")
    if cursor.is_at_end:
        return Authenticate(mechanism)
    cursor.space()
    return Authenticate(mechanism, cursor.match(_BASE64, "base64"))


def format_id(command: Id) -> bytes:
    """Arguments, with the space before."""
    if not command.fields:
        return b" NIL"
    return b" (%b)" % b" ".join(b"%b %b" % (nquote(name), nquote(value)) for name, value in command.fields)


def format_login(command: Login) -> bytes:
    """Arguments, with the space before."""
    return b" %b %b" % (astring(command.name), astring(command.password))


def format_authenticate(command: Authenticate) -> bytes:
    """Arguments, with the space before."""
    initial = b"" if command.initial is None else b" " + command.initial
    return b" " + command.mechanism.encode() + initial
