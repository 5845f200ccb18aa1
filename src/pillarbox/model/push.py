"""Push subscriptions: where an account's programs want to be told that something changed (RFC 8620 §7.2)."""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.ids import AccountId


class PushKeys(msgspec.Struct, frozen=True):
    """What texts are encrypted with (RFC 8291 §2.1): the receiver's public key, an uncompressed point of P-256 of 65
    octets, and a secret of 16 octets."""

    p256dh: bytes
    auth: bytes


class PushStage(Enum):
    """How far a subscription has come. Nothing is told before the receiver has shown that it wants it."""

    NEW = "new"
    """The code is still to be sent."""
    ASKED = "asked"
    """The code was sent, and has not come back."""
    VERIFIED = "verified"


class PushSubscription(msgspec.Struct, frozen=True):
    """One program on one device.

    `credential` is the key of what made it: who shows that again sees it, nobody else, and it ends with it. `types` are
    the client's words for what it wants to hear of, None is all. `told` is the account's mod-sequence up to which it
    has been told; `attempts` failed since then, and nothing is sent before `next_attempt`.
    """

    account_id: AccountId
    id: int
    credential: str
    device: str
    url: str
    keys: PushKeys | None
    code: str
    stage: PushStage
    types: tuple[str, ...] | None
    expires: datetime
    told: int
    attempts: int = 0
    next_attempt: datetime | None = None
