"""Final delivery: a message into the mailbox of its recipient, with the passport entries, in one transaction.

Owns the Return-Path line (RFC 5321 §4.4) and what a delivery adds to the recipient's half of the passport. A delivery
from the queue that a crash has cut off from its record is not made twice: the passport entry of the first says so.
Nothing here chooses recipients.
"""

import msgspec

from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.vacation import Vacations
from pillarbox.core.mailbox.messages import Messages
from pillarbox.core.passport.passports import Passports
from pillarbox.core.sending.tracking import Tracking
from pillarbox.grammar.message.received import format_return_path
from pillarbox.model.address import Address
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.passport import PassportEntry, Step
from pillarbox.model.ports import Clock
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store import passports as passport_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.messages import Placed

INBOX = ("INBOX",)


class Delivery:
    """Places messages into mailboxes."""

    def __init__(
        self,
        db: Database,
        messages: Messages,
        passports: Passports,
        vacations: Vacations,
        *,
        tracking: Tracking,
        clock: Clock,
    ) -> None:
        self._db = db
        self._tracking = tracking
        self._vacations = vacations
        self._messages = messages
        self._passports = passports
        self._clock = clock
        self._inboxes: dict[AccountId, MailboxId] = {}

    async def deliver(self, arrival: Arrival, account_id: AccountId, recipient: Address) -> Placed:
        """Place a message in an account's INBOX, in a transaction of its own.

        Raises: NotFound (the account is gone), OverQuota, Unavailable; nothing was placed then.
        """
        async with self._db.write(account_id) as tx:
            return await self.place(tx, account_id, arrival, recipient)

    async def place(self, tx: Transaction, account_id: AccountId, arrival: Arrival, recipient: Address) -> Placed:
        """The same in the caller's transaction, which is to be given up when this raises: NotFound, OverQuota."""
        placed = await self._messages.deliver(
            tx,
            account_id,
            await self._inbox(tx, account_id),
            arrival.content,
            arrival.described,
            received=arrival.received,
            head=format_return_path(arrival.reverse_path) + arrival.head,
            trace_id=arrival.trace_id,
        )
        facts = {"recipient": str(recipient), "mailbox": "INBOX", "uid": str(placed.uid)}
        delivered = PassportEntry(arrival.trace_id, account_id, arrival.received, Step.DELIVERED, facts)
        await self._passports.record(tx, *arrival.entries(account_id), delivered, message_id=arrival.message_id)
        report = arrival.described.report
        if report is not None:
            await self._tracking.reported(tx, account_id, placed.message_id, report)
        if self._vacations.is_away(account_id):
            await self._vacations.answer(tx, account_id, arrival, recipient)
        return placed

    async def _inbox(self, tx: Transaction, account_id: AccountId) -> MailboxId:
        """INBOX has the same id as long as the account is there, and no account's id is used again."""
        known = self._inboxes.get(account_id)
        if known is None:
            mailbox = await mailbox_rows.find_by_path(tx, account_id, INBOX)
            if mailbox is None:
                raise NotFound("the account has no INBOX")
            known = self._inboxes[account_id] = mailbox.id
        return known

    async def deliver_once(self, arrival: Arrival, account_id: AccountId, recipient: Address) -> None:
        """The same as `deliver`, for mail that waited in the queue: not again if it has been delivered before."""
        arrival = msgspec.structs.replace(arrival, received=self._clock.now())
        async with self._db.write(account_id) as tx:
            if not await passport_rows.has_step(tx, account_id, arrival.trace_id, Step.DELIVERED):
                await self.place(tx, account_id, arrival, recipient)
