"""The message passport: one trace per message, from the first TCP octet to today, and the dialogue of each hop.

An entry belongs to the account whose half it is: the sender sees the sending half, the recipient the receiving half,
the operator all. `SYSTEM_ACCOUNT` entries are the operator's.
"""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.ids import AccountId, TraceId


class Speaker(Enum):
    """Whose line it is. EVENT is neither's: TLS began, 4,096 octets of content, connection lost."""

    CLIENT = "C"
    SERVER = "S"
    EVENT = "-"


class DialogueLine(msgspec.Struct, frozen=True):
    """One line as it crossed the wire, without CRLF, secrets masked; `at_seconds` since the dialogue's start."""

    speaker: Speaker
    text: str
    at_seconds: float


class Dialogue(msgspec.Struct, frozen=True):
    """One protocol conversation between two hosts; addresses are "ip:port"."""

    protocol: str
    client: str
    server: str
    started: datetime
    lines: tuple[DialogueLine, ...]
    tls: str = ""


class Step(Enum):
    """What an entry records."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    QUEUED = "queued"
    ATTEMPTED = "attempted"
    BOUNCED = "bounced"
    ANSWERED = "answered"
    CANCELLED = "cancelled"
    APPENDED = "appended"
    MOVED = "moved"
    REMOVED = "removed"


class PassportEntry(msgspec.Struct, frozen=True):
    """One step. `facts` are short texts by name (mailbox, uid, recipient, status, remote …)."""

    trace_id: TraceId
    account_id: AccountId
    at: datetime
    step: Step
    facts: dict[str, str]
    dialogue: Dialogue | None = None
