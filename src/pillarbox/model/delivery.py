"""What became of one recipient: the value that flows from any failure to queue, report and passport (RFC 3464 §2.3)."""

from enum import Enum

import msgspec

from pillarbox.model.address import Address


class Action(Enum):
    """RFC 3464 §2.3.3."""

    DELIVERED = "delivered"
    RELAYED = "relayed"
    DELAYED = "delayed"
    FAILED = "failed"
    EXPANDED = "expanded"


class DeliveryStatus(msgspec.Struct, frozen=True):
    """`status` is an enhanced code such as "5.1.1" (RFC 3463); `diagnostic` the remote's own words, whole reply."""

    recipient: Address
    action: Action
    status: str
    diagnostic: str = ""
    remote_host: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be tried."""
        return self.action is not Action.DELAYED
