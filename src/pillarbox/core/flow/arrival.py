"""A message that has arrived and is to be delivered or queued: the values that go from intake to delivery and queue.

Nothing here waits or decides.
"""

from datetime import datetime

import msgspec

from pillarbox.core.contents.spool import Content
from pillarbox.core.mailbox.fetch_text import Described
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.delivery import DeliveryStatus
from pillarbox.model.envelope import BodyType, Hold
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, TraceId
from pillarbox.model.passport import Dialogue, PassportEntry, Step


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


class Accepted(msgspec.Struct, frozen=True):
    """What became of a message that is durable now: one status for each recipient that the client named, in order.

    DELIVERED: in the mailbox; DELAYED: in the queue. `dialogue_account` owns the half of the passport that holds the
    dialogue: hand it to `Passports.append_later`.
    """

    trace_id: TraceId
    statuses: tuple[DeliveryStatus, ...]
    dialogue_account: AccountId = SYSTEM_ACCOUNT


class Target(msgspec.Struct, frozen=True):
    """One final recipient. `account_id` None: elsewhere. `named` is what the client wrote, before any alias."""

    address: Address
    named: Address
    account_id: AccountId | None


class Arrival(msgspec.Struct, frozen=True):
    """A whole message. `head` holds the trace fields but for Return-Path, which final delivery puts before them
    (RFC 5321 §4.4); `received` is the moment of acceptance; `sender` the account that sent it, or the system's.

    `facts` make the ACCEPTED entry of each account that takes part; `recipients` and `dialogue` stand in that of
    `dialogue_account` alone: they name everybody who got a copy. With `hold` it is for the queue only.
    """

    trace_id: TraceId
    reverse_path: Address | None
    body_type: BodyType
    smtputf8: bool
    head: bytes
    content: Content
    described: Described
    message_id: str
    received: datetime
    sender: AccountId
    facts: dict[str, str]
    recipients: tuple[Address, ...] = ()
    dialogue: Dialogue | None = None
    dialogue_account: AccountId = SYSTEM_ACCOUNT
    hold: Hold | None = None

    def entries(self, account_id: AccountId) -> tuple[PassportEntry, ...]:
        """What this account's half of the passport begins with; nothing for mail that was in the queue before."""
        if not self.facts:
            return ()
        if account_id != self.dialogue_account:
            return (PassportEntry(self.trace_id, account_id, self.received, Step.ACCEPTED, self.facts),)
        facts = {**self.facts, "to": ", ".join(map(str, self.recipients))}
        return (PassportEntry(self.trace_id, account_id, self.received, Step.ACCEPTED, facts, self.dialogue),)
