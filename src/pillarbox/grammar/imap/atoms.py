"""The small change of IMAP: atoms, strings, literals, numbers, lists (RFC 9051 §4, §9); both ways.

A `Cursor` walks over a whole command or response; literals stand in it as they came. It raises `SyntaxProblem` with
the offset and what was expected.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from pillarbox.model.errors import SyntaxProblem

T = TypeVar("T")

# RFC 9051 §9: atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
ATOM = re.compile(rb'[^(){ \x00-\x1f\x7f%*"\\\]]+')
ASTRING = re.compile(rb'[^(){ \x00-\x1f\x7f%*"\\]+')
LIST_MAILBOX = re.compile(rb'[^(){ \x00-\x1f\x7f"\\]+')
TAG = re.compile(rb'[^(){ \x00-\x1f\x7f%*"\\+]+')
NUMBER = re.compile(rb"\d{1,20}")
FLAG = re.compile(rb'\\?[^(){ \x00-\x1f\x7f%*"\\\]]+')
QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
LITERAL = re.compile(rb"~?\{(\d{1,15})\+?\}\r\n")
_ESCAPE = re.compile(rb'\\(["\\])')
_QUOTABLE = re.compile(rb"[\x20-\x7e\t]*")
_ATOM_WORD = re.compile(rb'[^(){ \x00-\x1f\x7f%*"\\\]\x80-\xff]+')


class Cursor:
    """A place in a text."""

    __slots__ = ("place", "text")

    def __init__(self, text: bytes, place: int = 0) -> None:
        self.text = text
        self.place = place

    def fail(self, expected: str) -> SyntaxProblem:
        """The problem, to be raised."""
        return SyntaxProblem(expected, self.place)

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self.place >= len(self.text)

    def peek(self) -> bytes:
        """The next octet, or nothing."""
        return self.text[self.place : self.place + 1]

    def accept(self, token: bytes) -> bool:
        """Step over exactly these octets, if they are next."""
        if self.text.startswith(token, self.place):
            self.place += len(token)
            return True
        return False

    def accept_word(self, word: bytes) -> bool:
        """The same, letters in any case."""
        end = self.place + len(word)
        if self.text[self.place : end].upper() == word:
            self.place = end
            return True
        return False

    def expect(self, token: bytes, what: str | None = None) -> None:
        """These octets must be next."""
        if not self.accept(token):
            raise self.fail(what or token.decode("ascii"))

    def space(self) -> None:
        """SP must be next."""
        if not self.text.startswith(b" ", self.place):
            raise self.fail("a space")
        self.place += 1

    def end(self) -> None:
        """Nothing must be left."""
        if self.place < len(self.text):
            raise self.fail("the end of the command")

    def match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        """What the pattern finds here."""
        found = pattern.match(self.text, self.place)
        if found is None or found.end() == self.place:
            raise self.fail(what)
        self.place = found.end()
        return found.group()

    def atom(self, what: str = "an atom") -> bytes:
        """An atom."""
        return self.match(ATOM, what)

    def word(self, what: str = "a word") -> str:
        """An atom in capitals."""
        try:
            return self.match(ATOM, what).decode("ascii").upper()
        except UnicodeDecodeError:
            raise self.fail(what) from None

    def number(self, what: str = "a number") -> int:
        """Digits."""
        return int(self.match(NUMBER, what))

    def string(self, what: str = "a string") -> bytes:
        """Quoted or literal."""
        if self.peek() == b'"':
            found = QUOTED.match(self.text, self.place)
            if found is None:
                raise self.fail("a quoted string")
            self.place = found.end()
            return _ESCAPE.sub(rb"\1", found[1]) if b"\\" in found[1] else found[1]
        literal = LITERAL.match(self.text, self.place)
        if literal is None:
            raise self.fail(what)
        end = literal.end() + int(literal[1])
        if end > len(self.text):
            raise self.fail("all octets of the literal")
        self.place = end
        return self.text[literal.end() : end]

    def astring(self, what: str = "an atom or a string", pattern: re.Pattern[bytes] = ASTRING) -> bytes:
        """An atom (with `]`), or a string."""
        if self.peek() in (b'"', b"{") or self.text.startswith(b"~{", self.place):
            return self.string(what)
        return self.match(pattern, what)

    def nstring(self, what: str = "a string or NIL") -> bytes | None:
        """A string, or None for NIL."""
        if self.accept_word(b"NIL"):
            return None
        return self.string(what)

    def items(self, read: Callable[[], T], *, may_be_empty: bool = False) -> list[T]:
        """`(a b c)`."""
        self.expect(b"(")
        found: list[T] = []
        if may_be_empty and self.accept(b")"):
            return found
        while True:
            found.append(read())
            if self.accept(b")"):
                return found
            self.space()


def quote(octets: bytes) -> bytes:
    """A string: quoted where it can be, else a literal (RFC 9051 §4.3)."""
    if len(octets) <= 1_000 and _QUOTABLE.fullmatch(octets):
        if b"\\" in octets or b'"' in octets:
            octets = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return b'"%b"' % octets
    return b"{%d}\r\n%b" % (len(octets), octets)


def nquote(octets: bytes | None) -> bytes:
    """A string, or NIL."""
    return b"NIL" if octets is None else quote(octets)


def astring(octets: bytes) -> bytes:
    """An atom where it can be one, else a string."""
    if octets and _ATOM_WORD.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return quote(octets)


def parenthesised(items: Iterable[bytes]) -> bytes:
    """`(a b c)`."""
    return b"(%b)" % b" ".join(items)
