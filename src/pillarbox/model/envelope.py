"""The SMTP envelope, which is not the header (RFC 5321 §2.3.1)."""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.address import Address


class BodyType(Enum):
    """What the content is declared to be (RFC 6152 §2, RFC 3030 §3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


class Recipient(msgspec.Struct, frozen=True):
    """One forward-path. `original` is what the peer named, where an alias has led elsewhere."""

    address: Address
    original: Address | None = None


class HoldRequest(msgspec.Struct, frozen=True):
    """What a client asks for: to hold a message so long, or until then (RFC 4865); one of the two is set."""

    seconds: int | None = None
    until: datetime | None = None


class Hold(msgspec.Struct, frozen=True):
    """Nobody gets the message before `until`. `request` is what the client asked for, for reports; empty when it did
    not ask."""

    until: datetime
    request: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """Who sent it, who gets it. `reverse_path` None is the null reverse-path `<>` (RFC 5321 §4.5.5).

    `identifier` is what reports name it by (RFC 3461 §4.4); empty: nothing.
    """

    reverse_path: Address | None
    recipients: tuple[Recipient, ...]
    body_type: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    declared_size_octets: int | None = None
    hold: Hold | None = None
    identifier: str = ""
