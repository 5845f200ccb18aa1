"""What EHLO announces (RFC 5321 §4.1.1.1), both ways: keyword, then parameters."""

import re

import msgspec

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


class Capabilities(msgspec.Struct, frozen=True):
    """Keywords in capitals with their parameters; empty after HELO."""

    offers: dict[str, tuple[str, ...]] = {}

    def has(self, keyword: str) -> bool:
        """Whether the server offers it."""
        return keyword in self.offers

    @property
    def size_octets(self) -> int | None:
        """RFC 1870 §3: the largest message; None when it is not said or without bound."""
        words = self.offers.get("SIZE", ())
        size = int(words[0]) if words and words[0].isdecimal() else 0
        return size or None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """RFC 4954 §3."""
        return tuple(word.upper() for word in self.offers.get("AUTH", ()))


def parse(lines: tuple[str, ...]) -> Capabilities:
    """The lines of a positive reply to EHLO; the first is the greeting. What is no keyword is passed over."""
    offers: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        words = line.replace("AUTH=", "AUTH ", 1).split()
        if words and _KEYWORD.fullmatch(words[0]):
            offers[words[0].upper()] = tuple(words[1:])
    return Capabilities(offers)


def format(capabilities: Capabilities) -> tuple[str, ...]:
    """A line for each keyword."""
    return tuple(" ".join((keyword, *words)) for keyword, words in capabilities.offers.items())
