"""Mail comes in: who may send what to whom, asked command by command, before any content is taken.

Owns the rules of RFC 5321 that need to know who has mail here: no relaying for strangers (RFC 5321 §7.1), no unknown
users of our domains, signed-in people send as themselves only (RFC 6409 §6.1), no room, too large. Content goes through
`core.acceptance`. No reply codes here, and nothing is written.
"""

from enum import Enum

import msgspec

from pillarbox.core.accounts import Accounts
from pillarbox.core.delivery import Delivery
from pillarbox.core.directory import Directory, Local, Remote
from pillarbox.core.spool import Spools
from pillarbox.core.trace import new_trace
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.errors import Invalid, NoMailAccepted, NotAllowed, OverQuota, RelayDenied, TooLarge
from pillarbox.model.ids import AccountId, TraceId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Random, Resolver


class ClientFacts(msgspec.Struct, frozen=True):
    """Who speaks, as far as it is known.

    `peer` is "ip:port", `peer_ip` the address alone; `helo` what it called itself; `protocol` the word for the Received
    field ("ESMTPSA", "UTF8SMTPS" …; RFC 3848, RFC 6531 §4.3); `tls` version and cipher, or empty; `account` who has
    signed in; `listener` the name of ours that took the connection.
    """

    peer: str
    peer_ip: str
    helo: str
    protocol: str
    tls: str = ""
    account: Account | None = None
    listener: str = ""


class RecipientVerdict(Enum):
    """Where mail for an accepted recipient goes. FORWARD_REMOTE: an alias that leads away (RFC 5321 §3.4, 251)."""

    LOCAL = "local"
    REMOTE = "remote"
    FORWARD_REMOTE = "forward remote"
