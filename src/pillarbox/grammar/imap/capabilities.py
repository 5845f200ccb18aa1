"""What the server can do: name, standard, and when it is announced (RFC 3501 §6.1.1)."""

from collections.abc import Iterable

import msgspec


class Capability(msgspec.Struct, frozen=True):
    """`before` and `after`: announced to who has not, and who has signed in."""

    name: str
    source: str
    before: bool = True
    after: bool = True


CAPABILITIES: tuple[Capability, ...] = (
    Capability("IMAP4rev1", "RFC 3501"),
    Capability("LITERAL+", "RFC 7888"),
    Capability("SASL-IR", "RFC 4959", after=False),
    Capability("ID", "RFC 2971"),
    Capability("ENABLE", "RFC 5161"),
    Capability("IDLE", "RFC 2177"),
    Capability("NAMESPACE", "RFC 2342", before=False),
    Capability("UIDPLUS", "RFC 4315", before=False),
    Capability("UNSELECT", "RFC 3691", before=False),
    Capability("CHILDREN", "RFC 3348", before=False),
    Capability("LIST-EXTENDED", "RFC 5258", before=False),
    Capability("LIST-STATUS", "RFC 5819", before=False),
    Capability("SPECIAL-USE", "RFC 6154", before=False),
    Capability("CREATE-SPECIAL-USE", "RFC 6154", before=False),
    Capability("MOVE", "RFC 6851", before=False),
    Capability("STATUS=SIZE", "RFC 8438", before=False),
    Capability("OBJECTID", "RFC 8474", before=False),
    Capability("QUOTA", "RFC 9208", before=False),
    Capability("QUOTA=RES-STORAGE", "RFC 9208", before=False),
    Capability("ESEARCH", "RFC 4731", before=False),
    Capability("SORT", "RFC 5256", before=False),
    Capability("SORT=DISPLAY", "RFC 5957", before=False),
    Capability("ESORT", "RFC 5267", before=False),
    Capability("THREAD=ORDEREDSUBJECT", "RFC 5256", before=False),
    Capability("THREAD=REFERENCES", "RFC 5256", before=False),
)


def announced(*, signed_in: bool, offers_tls: bool, mechanisms: Iterable[str], message_octets: int) -> tuple[str, ...]:
    """The names for a session as it stands. Without `mechanisms` before signing in: LOGINDISABLED."""
    names = [c.name for c in CAPABILITIES if (c.after if signed_in else c.before)]
    if signed_in:
        return (*names, f"APPENDLIMIT={message_octets}")
    if offers_tls:
        names.append("STARTTLS")
    usable = [f"AUTH={mechanism}" for mechanism in mechanisms]
    return (*names, *(usable or ["LOGINDISABLED"]))
