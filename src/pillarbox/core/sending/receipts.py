"""Receipts: a reader has his programs tell the sender what became of a message (RFC 8098).

A receipt is queued in the transaction that marks the message as answered so: each message has at most one, however many
programs ask at the same time, and none is lost or sent twice by a crash (RFC 8098 §2.1). It goes to whom the message
names, never in answer to a receipt; unasked only where nobody else can be made to get it.
"""

import msgspec

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.contents.content import StoredContent
from pillarbox.core.contents.spool import Content, Spools
from pillarbox.core.email.emails import Emails
from pillarbox.core.feed.changes import Changes
from pillarbox.core.flow.arrival import Arrival
from pillarbox.core.flow.directory import Directory
from pillarbox.core.flow.notice import notice, recipients_of, route_of
from pillarbox.core.flow.queue_put import QueuePut
from pillarbox.core.mailbox.edit import Edit, HeldMessage
from pillarbox.core.passport.trace import new_trace
from pillarbox.core.sending.identities import AddressForbidden
from pillarbox.grammar.message import message_id as message_ids
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.reports.mdn import Disposition, Notification, Typed
from pillarbox.grammar.reports.receipt import (
    NewReceipt,
    ReceiptRequest,
    default_subject,
    default_text,
    format_receipt,
    read_request,
)
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.errors import AlreadyExists, NotAllowed, NotFound, TooLarge
from pillarbox.model.identity import Identity
from pillarbox.model.ids import AccountId, MessageId, TraceId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.store import submissions as submission_rows
from pillarbox.store.base import Database
from pillarbox.store.moment import micros

SENT = FlagSet.of("$MDNSent")
ORIGINAL_OCTETS = 1_000_000
"""A larger message does not go back: whoever sent it has it (RFC 8098 §6.4)."""


class ReceiptSent(AlreadyExists):
    """The message has had its receipt."""


class ReceiptWish(msgspec.Struct, frozen=True):
    """What a reader says. What is None is said in our words; `recipient` None is the identity's address."""

    disposition: Disposition
    recipient: Address | None = None
    subject: str | None = None
    text: str | None = None
    with_original: bool = False
    reporting_ua: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()


class SentReceipt(msgspec.Struct, frozen=True):
    """What was said."""

    subject: str
    text: str
    notification: Notification


class Receipts:
    """Sends receipts."""

    def __init__(
        self,
        db: Database,
        spools: Spools,
        put: QueuePut,
        *,
        accounts: Accounts,
        directory: Directory,
        emails: Emails,
        changes: Changes,
        hostname: str,
        limits: Limits,
        random: Random,
        clock: Clock,
    ) -> None:
        self._db = db
        self._spools = spools
        self._put = put
        self._accounts = accounts
        self._directory = directory
        self._emails = emails
        self._changes = changes
        self._hostname = hostname
        self._limits = limits
        self._random = random
        self._clock = clock

    async def send(self, account: Account, message_id: MessageId, identity: Identity, wish: ReceiptWish) -> SentReceipt:
        """Queue a receipt, and mark the message; both or neither, durable when this returns.

        Raises: NotFound (no such message, or it asks for none), ReceiptSent, AddressForbidden, NotAllowed, TooLarge,
        Unavailable.
        """
        recipient = wish.recipient or identity.address
        for address in (identity.address, recipient):
            if not await self._accounts.may_send_as(account, address):
                raise AddressForbidden(f"{account.address} may not send as {address}")
        await self._check_unsent(account.id, message_id)
        async with await self._emails.content(account.id, message_id) as content:
            request = await self._request(content, wish.disposition)
            original = await _original(content) if wish.with_original else None
        sent = _said(request, recipient, wish)
        trace_id = new_trace(self._random)
        octets = format_receipt(
            NewReceipt(
                sender=Mailbox(identity.text.name, str(identity.address)),
                to=request.to,
                subject=sent.subject,
                text=sent.text,
                at=self._clock.now(),
                message_id=message_ids.make(trace_id, self._hostname),
                boundary=f"receipt-{trace_id}",
                notification=sent.notification,
                original=original,
            )
        )
        spool = self._spools.begin(self._limits.message_octets)
        spool.write(octets)
        with await spool.finish() as arrived:
            await self._queue(account.id, message_id, self._notice(account.id, arrived, trace_id, request, recipient))
        return sent

    async def _check_unsent(self, account_id: AccountId, message_id: MessageId) -> None:
        """Asked again in the transaction; here it saves the work."""
        facts, _ = await self._emails.facts(account_id, [message_id])
        if message_id not in facts:
            raise NotFound("no such message")
        if facts[message_id].flags.bits & SENT.bits:
            raise ReceiptSent("the message has had its receipt")

    async def _request(self, content: StoredContent, disposition: Disposition) -> ReceiptRequest:
        root = content.part
        request = read_request(await content.read(0, root.body), root)
        if request.is_receipt:
            raise NotAllowed("a receipt is not answered by another")
        if not request.to:
            raise NotFound("the message asks for no receipt")
        if disposition.is_automatic and not request.is_confirmed_path:
            raise NotAllowed("its reader must be asked: the message wants others to hear of it than who sent it")
        return request

    async def message_about(self, account_id: AccountId, identifier: str) -> MessageId | None:
        """The message with this Message-ID that the account has sent; None where that is none, not the only one, or not
        known: only of submissions is it known without looking at all messages."""
        async with self._db.read(account_id) as tx:
            named = await submission_rows.find_named(tx, account_id, identifier=identifier)
            sent = await submission_rows.find_submissions(tx, account_id, named)
        ids = list(dict.fromkeys(submission.message_id for submission in sent.values()))
        facts, _ = await self._emails.facts(account_id, ids)
        return next(iter(facts)) if len(facts) == 1 else None

    def _notice(
        self, account_id: AccountId, content: Content, trace_id: TraceId, request: ReceiptRequest, recipient: Address
    ) -> Arrival:
        return notice(
            content,
            request.to,
            sender=account_id,
            trace_id=trace_id,
            message_id=message_ids.make(trace_id, self._hostname),
            at=self._clock.now(),
            facts={"receipt_of": request.message_id or ""},
            smtputf8=not all(address.is_ascii for address in (recipient, *request.to)),
        )

    async def _queue(self, account_id: AccountId, message_id: MessageId, receipt: Arrival) -> None:
        async with self._db.write(account_id) as tx:
            edit = Edit(tx, account_id)
            message = (await edit.load_messages([message_id])).get(message_id)
            _mark(edit, message)
            await edit.finish(micros(self._clock.now()), self._changes)
            recipients = [
                one
                for address in receipt.recipients
                for one in recipients_of(address, await route_of(self._directory, tx, address))
            ]
            await self._put.put(tx, account_id, receipt, recipients)


def _mark(edit: Edit, message: HeldMessage | None) -> None:
    """Raises: NotFound, ReceiptSent."""
    if message is None:
        raise NotFound("no such message")
    if any(place.flags.bits & SENT.bits for place in message.places):
        raise ReceiptSent("the message has had its receipt")
    for place in message.places:
        edit.flag(place, place.flags | SENT)


async def _original(content: StoredContent) -> bytes:
    if content.size_octets > ORIGINAL_OCTETS:
        raise TooLarge(f"a message of more than {ORIGINAL_OCTETS} octets does not go back with its receipt")
    return await content.read()


def _said(request: ReceiptRequest, recipient: Address, wish: ReceiptWish) -> SentReceipt:
    kind = "rfc822" if recipient.is_ascii else "utf-8"
    return SentReceipt(
        subject=default_subject(request.subject, wish.disposition) if wish.subject is None else wish.subject,
        text=default_text(request, str(recipient), wish.disposition) if wish.text is None else wish.text,
        notification=Notification(
            final_recipient=Typed(kind, str(recipient)),
            disposition=wish.disposition,
            reporting_ua=wish.reporting_ua,
            original_recipient=request.original_recipient,
            original_message_id=request.message_id,
            extensions=wish.extensions,
        ),
    )
