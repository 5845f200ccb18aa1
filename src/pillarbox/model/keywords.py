"""Flags and keywords of a message: the one table (RFC 9051 §2.3.2, RFC 8621 §4.1.1).

System flags and registered keywords are bits of one integer; all other keywords are names. `\\Recent` is no flag: a
session computes it.
"""

import msgspec

ANSWERED = 1 << 0
FLAGGED = 1 << 1
DELETED = 1 << 2
SEEN = 1 << 3
DRAFT = 1 << 4

SYSTEM_FLAGS: tuple[tuple[int, str], ...] = (
    (ANSWERED, "\\Answered"),
    (FLAGGED, "\\Flagged"),
    (DELETED, "\\Deleted"),
    (SEEN, "\\Seen"),
    (DRAFT, "\\Draft"),
)
"""Bit and name, in the order that FLAGS lists them."""

REGISTERED_KEYWORDS: tuple[tuple[int, str], ...] = (
    (1 << 8, "$Forwarded"),
    (1 << 9, "$MDNSent"),
    (1 << 10, "$Junk"),
    (1 << 11, "$NotJunk"),
    (1 << 12, "$Phishing"),
    (1 << 13, "$Important"),
)

BITS: dict[str, int] = {name.lower(): bit for bit, name in (*SYSTEM_FLAGS, *REGISTERED_KEYWORDS)}
"""Lower-case name → bit; names compare without case (RFC 9051 §2.3.2)."""


class FlagSet(msgspec.Struct, frozen=True):
    """The flags of one placement: `bits` as above; `keywords` other names, lower case, sorted, distinct."""

    bits: int = 0
    keywords: tuple[str, ...] = ()

    @classmethod
    def of(cls, *names: str) -> "FlagSet":
        """The set of these names, in any case and order."""
        bits, others = 0, set()
        for name in names:
            bit = BITS.get(name.lower())
            if bit is None:
                others.add(name.lower())
            else:
                bits |= bit
        return cls(bits, tuple(sorted(others)))

    def names(self) -> tuple[str, ...]:
        """System flags first, then registered keywords, then the others."""
        known = tuple(name for bit, name in (*SYSTEM_FLAGS, *REGISTERED_KEYWORDS) if self.bits & bit)
        return known + self.keywords

    def __or__(self, other: "FlagSet") -> "FlagSet":
        keywords = self.keywords if not other.keywords else tuple(sorted({*self.keywords, *other.keywords}))
        return FlagSet(self.bits | other.bits, keywords)

    def __sub__(self, other: "FlagSet") -> "FlagSet":
        keywords = tuple(k for k in self.keywords if k not in other.keywords)
        return FlagSet(self.bits & ~other.bits, keywords)
