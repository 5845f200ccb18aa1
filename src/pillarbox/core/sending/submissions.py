"""Submission of a message that an account has stored: it is sent, perhaps later, and can be taken back until then.

`core.sending.submission` is about any content that comes in to be sent; here it is taken from a mailbox. Who may send what to
whom is for `core.sending.submission_check`; what goes out is a copy (`core.sending.outgoing`).

The record, the message in the queue for *all* its recipients, those here among them, and the passport are one
transaction of the sender's account; from there on the queue does what it does with all mail. So there is nothing half:

| a crash                            | leaves                                                                        |
| ---------------------------------- | ----------------------------------------------------------------------------- |
| while the copy is made             | nothing, or a file that no row names, which housekeeping finds                |
| before the commit                  | the same; nobody was told, nothing is sent                                    |
| after the commit, before the reply | the submission: it is sent once; who asks finds it                            |
| while it is held                   | the submission, due when its time comes                                       |
| after a worker took it, before any | final, leased: due when the lease ends or its node starts (`core.flow.queue`)      |
| recipient has it                   |                                                                               |
| after a recipient here has it,     | due again; delivery finds the passport entry of the first and does not repeat |
| before that is recorded            |                                                                               |
| after another server has it,       | sent again: the duplicate that RFC 5321 §6.1 allows                           |
| before that is recorded            |                                                                               |
| before `cancel` commits            | as before it                                                                  |
| after it                           | cancelled; nobody gets it                                                     |

To take it back and to give it to a worker are both the step from PENDING of one row, so exactly one of the two happens.
"""

import contextlib
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.contents.spool import Spools
from pillarbox.core.email.emails import EmailFacts, Emails
from pillarbox.core.feed.object_changes import note_change
from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.flow.acceptance import Acceptance
from pillarbox.core.flow.arrival import Arrival, ClientFacts
from pillarbox.core.flow.intake import Intake
from pillarbox.core.flow.queue import Queue
from pillarbox.core.flow.queue_put import QueuePut
from pillarbox.core.sending.identities import Identities
from pillarbox.core.sending.outgoing import OutgoingHeader, copy_out, read_header
from pillarbox.core.sending.submission_check import (
    NoIdentity,
    NoMessage,
    SubmissionCheck,
    Wanted,
    WantedEnvelope,
    Ways,
    derived_envelope,
)
from pillarbox.core.sending.tracking import Tracking
from pillarbox.model.account import Account
from pillarbox.model.change import ChangeKind
from pillarbox.model.envelope import BodyType, Envelope, Hold, Recipient
from pillarbox.model.errors import NotAllowed, NotFound, TooLarge
from pillarbox.model.identity import Identity
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.model.queued import RecipientState
from pillarbox.model.submission import Delivered, RecipientStatus, Submission, SubmissionId, Undo
from pillarbox.store import changes as change_rows
from pillarbox.store import queue as queue_rows
from pillarbox.store import submissions as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros
from pillarbox.store.submissions import NewSubmission, SubmissionRow

__all__ = ["SubmissionRow", "SubmissionSettings", "Submissions", "TooLateToCancel"]

QUEUED_REPLY = "250 2.0.0 queued"
TAKEN_BACK_REPLY = "554 5.0.0 taken back by its sender"


class SubmissionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[submission]`. What is sent from a mailbox without a hold of its own waits so long before it goes, and can be
    taken back in that time."""

    undo_seconds: float = 0


class TooLateToCancel(NotAllowed):
    """Somebody has it, or may have it any moment."""


class Submissions:
    """The submissions of all accounts."""

    def __init__(
        self,
        db: Database,
        spools: Spools,
        *,
        acceptance: Acceptance,
        intake: Intake,
        check: SubmissionCheck,
        put: QueuePut,
        queue: Queue,
        tracking: Tracking,
        identities: Identities,
        emails: Emails,
        limits: Limits,
        clock: Clock,
        settings: SubmissionSettings,
    ) -> None:
        self._db = db
        self._spools = spools
        self._acceptance = acceptance
        self._intake = intake
        self._check = check
        self._put = put
        self._queue = queue
        self._tracking = tracking
        self._identities = identities
        self._emails = emails
        self._limits = limits
        self._clock = clock
        self._settings = settings

    # sending

    async def submit(self, client: ClientFacts, wanted: Wanted, *, span: Span | None = None) -> Submission:
        """Send a message of the account that `client` has signed in to; durable when this returns.

        Raises: NoIdentity, NoMessage, MessageUnfit, SenderForbidden, ReversePathForbidden, NoRecipients,
        TooManyRecipients, WrongRecipients, HoldRefused, TooMany (as many are held as may be), TooLarge, Refused (a
        loop), StateMoved, Unavailable; nothing is sent then.
        """
        account = client.account
        assert account is not None
        identity, facts = await self._found(account, wanted)
        trace_id = self._intake.new_trace()
        spool = self._spools.begin(self._limits.message_octets)
        try:
            async with await self._content(account.id, facts) as stored:
                header = await read_header(stored, self._limits)
                await self._check.check_authors(account, identity, header)
                envelope = wanted.envelope or derived_envelope(header, identity)
                await self._check.check_envelope(client, envelope)
                asked = self._intake.hold(envelope.hold)
                is_ascii = await copy_out(stored, header, self._acceptance.submission_header(trace_id), spool)
            with await spool.finish() as content:
                smtp = _smtp_envelope(envelope, header, is_ascii=is_ascii, hold=asked or self._undo_hold())
                arrival = await self._acceptance.submitted(client, smtp, trace_id, content)
                ways = await self._check.ways([one.address for one in smtp.recipients])
                submission = Submission(
                    id=SubmissionId(0),
                    identity_id=identity.id,
                    message_id=facts.id,
                    thread_id=facts.thread_id,
                    envelope=envelope.named,
                    send_at=(arrival.received if asked is None else asked.until).replace(microsecond=0),
                    undo=Undo.PENDING,
                    recipients=tuple(
                        RecipientStatus(one.text, Delivered.QUEUED, QUEUED_REPLY) for one in envelope.named.rcpt_to
                    ),
                )
                return await self._write(account.id, submission, arrival, ways, span)
        finally:
            spool.abort()

    async def _found(self, account: Account, wanted: Wanted) -> tuple[Identity, EmailFacts]:
        try:
            identity = await self._identities.find(account.id, wanted.identity_id)
        except NotFound:
            raise NoIdentity("no such identity") from None
        facts = (await self._emails.facts(account.id, [wanted.message_id]))[0].get(wanted.message_id)
        if facts is None:
            raise NoMessage("no such message")
        if facts.size_octets > self._limits.message_octets:
            raise TooLarge(f"the message exceeds {self._limits.message_octets} octets")
        return identity, facts

    async def _content(self, account_id: AccountId, facts: EmailFacts) -> StoredContent:
        try:
            return await self._emails.content(account_id, facts.id)
        except NotFound:
            raise NoMessage("no such message") from None

    def _undo_hold(self) -> Hold | None:
        if not self._settings.undo_seconds:
            return None
        return Hold(self._clock.now() + timedelta(seconds=self._settings.undo_seconds))

    async def _write(
        self, account_id: AccountId, submission: Submission, arrival: Arrival, ways: Ways, span: Span | None
    ) -> Submission:
        """The one transaction."""
        async with self._db.write(account_id) as tx, _step(span, tx, account_id):
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            submission = msgspec.structs.replace(submission, id=SubmissionId(modseq))
            queue_id = await self._put.put(tx, account_id, arrival, ways.queued, submission_id=submission.id)
            new = NewSubmission(submission, queue_id, arrival.trace_id, arrival.message_id, ways.numbers)
            await rows.insert_submission(tx, account_id, new)
            await self._note(tx, account_id, modseq, ChangeKind.SUBMISSION_CREATED, submission.id)
        return submission

    async def _note(
        self, tx: Transaction, account_id: AccountId, modseq: int, kind: ChangeKind, submission_id: SubmissionId
    ) -> None:
        await note_change(tx, account_id, modseq, kind, submission_id, micros(self._clock.now()))

    # what is there

    async def get(self, account_id: AccountId, ids: list[SubmissionId] | None = None) -> dict[SubmissionId, Submission]:
        """Those that there are of `ids`, or all. Raises: NotFound (account)."""
        wanted = [row.id for row in await self.rows(account_id)] if ids is None else ids
        async with self._db.read(account_id) as tx:
            return await rows.find_submissions(tx, account_id, wanted)

    async def rows(self, account_id: AccountId) -> list[SubmissionRow]:
        """What lists are made from: all of an account, oldest first."""
        found: list[SubmissionRow] = []
        async with self._db.read(account_id) as tx:
            async for batch in rows.all_submissions(tx, account_id):
                found += batch
        return found

    # taking back, forgetting

    async def cancel(self, account_id: AccountId, submission_id: SubmissionId, *, span: Span | None = None) -> None:
        """Take it back: nobody has got it, and nobody gets it. No error when it was taken back before.

        Raises: NotFound, TooLateToCancel, StateMoved.
        """
        with contextlib.suppress(_Already):
            async with self._db.write(account_id) as tx, _step(span, tx, account_id):
                modseq = await change_rows.take_modseqs(tx, account_id, 1)
                queue_id = await rows.set_undo(tx, account_id, submission_id, Undo.PENDING, Undo.CANCELLED)
                if queue_id is None:
                    raise _why_not(await rows.find_undo(tx, account_id, submission_id))
                message = await queue_rows.find_queued(tx, account_id, queue_id)
                if message is None or any(one.state is not RecipientState.WAITING for one in message.recipients):
                    raise TooLateToCancel("the message is on its way")
                await self._queue.withdraw(tx, message, by_sender=True)
                await self._tracking.give_up(tx, account_id, submission_id, TAKEN_BACK_REPLY)
                await self._note(tx, account_id, modseq, ChangeKind.SUBMISSION_UPDATED, submission_id)

    async def destroy(self, account_id: AccountId, submission_id: SubmissionId, *, span: Span | None = None) -> None:
        """Forget the record; what is under way goes on (RFC 8621 §7.5). Raises: NotFound, StateMoved."""
        async with self._db.write(account_id) as tx, _step(span, tx, account_id):
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            if await rows.find_undo(tx, account_id, submission_id) is None:
                raise NotFound("no such submission")
            await rows.delete_submission(tx, account_id, submission_id)
            await self._note(tx, account_id, modseq, ChangeKind.SUBMISSION_DESTROYED, submission_id)

    async def forget_old(self, before: int, limit: int) -> int:
        """Forget at most `limit` of those that were sent before then and of which nothing waits; how many."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            old = await rows.old_submissions(tx, before, limit)
        for account_id, submission_id in old:
            with contextlib.suppress(NotFound):
                await self.destroy(account_id, submission_id)
        return len(old)


class _Already(Exception):
    """There is nothing to be done; what was taken in the transaction is given back."""


def _why_not(undo: Undo | None) -> Exception:
    if undo is None:
        return NotFound("no such submission")
    return _Already() if undo is Undo.CANCELLED else TooLateToCancel("the message has been given to its recipients")


def _step(span: Span | None, tx: Transaction, account_id: AccountId) -> AbstractAsyncContextManager[None]:
    return (span or Span(Kind.SUBMISSION)).step(tx, account_id)


def _smtp_envelope(envelope: WantedEnvelope, header: OutgoingHeader, *, is_ascii: bool, hold: Hold | None) -> Envelope:
    """As the message goes out; all recipients have been checked."""
    recipients = tuple(Recipient(address) for address in envelope.recipients if address is not None)
    addresses = (envelope.reverse_path, *(one.address for one in recipients))
    has_utf8 = any(address is not None and not address.is_ascii for address in addresses)
    return Envelope(
        envelope.reverse_path,
        recipients,
        BodyType.SEVEN_BIT if is_ascii else BodyType.EIGHT_BIT_MIME,
        smtputf8=has_utf8 or header.is_international,
        hold=hold,
    )
