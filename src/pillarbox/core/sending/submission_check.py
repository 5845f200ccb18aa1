"""What may be submitted from a mailbox: who may send it, as whom, and to whom (RFC 8621 §7.5, §9.6).

The rules of a submission over SMTP are asked of `core.flow.intake`; here are those that need the message's header and the
identity. Nothing is written.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.flow.acceptance import Acceptance
from pillarbox.core.flow.arrival import ClientFacts
from pillarbox.core.flow.intake import Intake
from pillarbox.core.sending.outgoing import OutgoingHeader
from pillarbox.grammar.message.address_list import Mailbox, address_of
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.envelope import HoldRequest, Recipient
from pillarbox.model.errors import Invalid, MailError, NotAllowed, NotFound, OverQuota, Refused, TooMany
from pillarbox.model.identity import Identity, IdentityId
from pillarbox.model.ids import AccountId, MessageId
from pillarbox.model.limits import Limits
from pillarbox.model.submission import EnvelopeAddress, SubmissionEnvelope

CHECKED_AT_ONCE = 20
"""Recipients whose domains are looked up at the same time."""


class NoIdentity(NotFound):
    """There is no such identity."""


class NoMessage(NotFound):
    """There is no such message."""


class SenderForbidden(NotAllowed):
    """The account may not send with this From or Sender, or From is not the identity's."""


class ReversePathForbidden(NotAllowed):
    """The account may not send with this reverse-path."""


class NoRecipients(Invalid):
    """The envelope names nobody."""


class WrongRecipients(Invalid):
    """Mail cannot be sent to these; `named` as the envelope has them."""

    def __init__(self, named: Sequence[str]) -> None:
        super().__init__("mail cannot be sent to some of the recipients")
        self.named = tuple(named)


class TooManyRecipients(TooMany):
    """The envelope names more than the server takes."""


class WantedEnvelope(msgspec.Struct, frozen=True):
    """An envelope to be used. `recipients` are the addresses of `named.rcpt_to`, None for what is none."""

    named: SubmissionEnvelope
    reverse_path: Address | None
    recipients: tuple[Address | None, ...]
    hold: HoldRequest | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What is to be sent. `envelope` None: to whom the header says."""

    identity_id: IdentityId
    message_id: MessageId
    envelope: WantedEnvelope | None = None


class Ways(msgspec.Struct, frozen=True):
    """Where the recipients lead: what is queued, each once; and for each recipient the numbers of those of them that
    are its own."""

    queued: tuple[Recipient, ...]
    numbers: tuple[tuple[int, ...], ...]


def derived_envelope(header: OutgoingHeader, identity: Identity) -> WantedEnvelope:
    """From Sender or From, To, Cc and Bcc; the identity's address where that of the header is another (RFC 8621 §7).

    Raises: MessageUnfit.
    """
    found = header.reverse_path()
    reverse_path = found if found.key == identity.address.key else identity.address
    named = SubmissionEnvelope(
        EnvelopeAddress(str(reverse_path)), tuple(EnvelopeAddress(text) for text in header.recipients)
    )
    recipients = tuple(address_of(Mailbox("", text)) for text in header.recipients)
    return WantedEnvelope(named, reverse_path, recipients)


class SubmissionCheck:
    """Asked before anything is sent."""

    def __init__(self, acceptance: Acceptance, intake: Intake, accounts: Accounts, *, limits: Limits) -> None:
        self._acceptance = acceptance
        self._intake = intake
        self._accounts = accounts
        self._limits = limits

    async def check_authors(self, account: Account, identity: Identity, header: OutgoingHeader) -> None:
        """Everybody in From and Sender is somebody that the account may send as, and the identity is in one of them.

        Raises: SenderForbidden, MessageUnfit.
        """
        addresses = header.author_addresses()
        for address in (*addresses, identity.address):
            if not await self._accounts.may_send_as(account, address):
                raise SenderForbidden(f"{account.address} may not send as {address}")
        if identity.address.key not in {address.key for address in addresses}:
            raise SenderForbidden(f"the message is not from {identity.address}, whose identity is to send it")

    async def check_envelope(self, client: ClientFacts, envelope: WantedEnvelope) -> None:
        """Raises: ReversePathForbidden, NoRecipients, TooManyRecipients, WrongRecipients, Unavailable."""
        try:
            await self._intake.check_sender(client, envelope.reverse_path, smtputf8=True)
        except NotAllowed as problem:
            raise ReversePathForbidden(problem.text) from None
        if not envelope.recipients:
            raise NoRecipients("the envelope names no recipient")
        if len(envelope.recipients) > self._limits.smtp_recipients:
            raise TooManyRecipients(f"at most {self._limits.smtp_recipients} recipients")
        gate = asyncio.Semaphore(CHECKED_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            checks = [group.create_task(self._problem(client, address, gate)) for address in envelope.recipients]
        wrong = []
        for one, check in zip(envelope.named.rcpt_to, checks, strict=True):
            found = check.result()
            if isinstance(found, NotFound | NotAllowed | Refused):
                wrong.append(one.text)
            elif found is not None:
                raise found
        if wrong:
            raise WrongRecipients(wrong)

    async def _problem(self, client: ClientFacts, address: Address | None, gate: asyncio.Semaphore) -> MailError | None:
        """What is wrong with a recipient; a full mailbox may have room by then."""
        if address is None:
            return NotFound("this is no address")
        async with gate:
            try:
                await self._intake.check_recipient(client, address)
            except OverQuota:
                return None
            except MailError as problem:
                return problem
        return None

    async def ways(self, recipients: Sequence[Address]) -> Ways:
        """Where recipients lead that have been checked; one that has gone since is left for the queue to find out."""
        numbers: dict[AccountId | Address, int] = {}
        queued: list[Recipient] = []
        found: list[tuple[int, ...]] = []
        for named in recipients:
            try:
                targets = [
                    (one.account_id or one.address, one.address) for one in await self._acceptance.targets_of(named)
                ]
            except NotFound:
                targets = [(named, named)]
            for key, address in targets:
                if key not in numbers:
                    numbers[key] = len(queued)
                    queued.append(Recipient(address, None if address == named else named))
            found.append(tuple(numbers[key] for key, _ in targets))
        return Ways(tuple(queued), tuple(found))
