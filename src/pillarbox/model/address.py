"""`user@host`, internationalised or not (RFC 5321 §4.1.2, RFC 6531 §3.3).

An address is a value; its text forms are the business of `grammar`. Domains are compared in lower case and in their
A-label form, local parts as their own system decides: ours folds case (`key`).
"""

import re

import msgspec

_DOMAIN = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LITERAL = re.compile(r"\[[!-Z^-~]+\]")


class Address(msgspec.Struct, frozen=True, order=True):
    """A mailbox address: `local` is unquoted text, `domain` lower-case A-labels or an address literal in brackets."""

    local: str
    domain: str

    @property
    def key(self) -> str:
        """What two addresses of ours have in common when they mean the same mailbox."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether it can travel without SMTPUTF8 (RFC 6531 §3.2)."""
        return self.local.isascii() and self.domain.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def domain_key(text: str) -> str:
    """The lower-case A-label form of a domain name, without a final dot (RFC 5890 §2.3.2.1).

    An address literal stays as it is, in lower case. Underscores are let pass, as DNS does. Raises ValueError when it
    is no domain name.
    """
    name = text.rstrip(".").lower()
    if not name.isascii() and len(name) <= 253:
        name = name.encode("idna").decode("ascii")
    if _DOMAIN.fullmatch(name) is None and _LITERAL.fullmatch(name) is None:
        raise ValueError("not a domain name")
    return name
