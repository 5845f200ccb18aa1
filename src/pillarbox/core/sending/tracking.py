"""What becomes of submissions: written by those who do it, in the transactions in which it happens.

The queue says when a message is given to a worker, and what came of each recipient; delivery says when a report on one
came in. Each change of a submission is one row of the feed. A submission whose record was destroyed, or whose account
is going, is followed no more; that is nobody's trouble.

Reports are not believed beyond what they can know: they say nothing of recipients that still wait here, or that this
server has delivered to or given up itself (RFC 8621 §7: only where the fate was unknown).
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from pillarbox.core.feed.object_changes import note_change
from pillarbox.grammar.reports.about import RecipientReport, ReportAbout
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MessageId
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage, RecipientState
from pillarbox.model.submission import Delivered, RecipientStatus, ReportKind, SubmissionId, Undo
from pillarbox.store import changes as change_rows
from pillarbox.store import queue as queue_rows
from pillarbox.store import submissions as rows
from pillarbox.store.base import Transaction
from pillarbox.store.moment import micros
from pillarbox.store.queue import QueuedOutcome
from pillarbox.store.submissions import TrackedRecipient

REPLY_MOST = 1_000
"""Characters of a reply."""
_OPEN = (RecipientState.WAITING, RecipientState.SENDING)


class Tracking:
    """Follows the submissions of all accounts."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def released(self, tx: Transaction, message: QueuedMessage) -> None:
        """A worker has the message: from now on it cannot be taken back."""
        found = message.submission_id
        if found is None:
            return
        if await rows.set_undo(tx, message.sender_account, found, Undo.PENDING, Undo.FINAL) is not None:
            await self._changed(tx, message.sender_account, found)

    async def recorded(self, tx: Transaction, message: QueuedMessage) -> None:
        """Something has come of some of its recipients, and is written in the queue."""
        found = message.submission_id
        if found is None:
            return
        outcomes = await queue_rows.outcomes(tx, message.sender_account, message.id)
        changed = []
        for one in await rows.tracked_recipients(tx, message.sender_account, found, delivered=Delivered.QUEUED):
            status = _status(one, [outcomes[number] for number in one.queued if number in outcomes])
            if status != one.status:
                changed.append((one.number, status))
        if changed:
            await rows.update_recipients(tx, message.sender_account, found, changed)
            await self._changed(tx, message.sender_account, found)

    async def withdrawn(self, tx: Transaction, message: QueuedMessage, reply: str) -> None:
        """What was left of it has been taken out of the queue, which is written there; `reply` says by whom."""
        found = message.submission_id
        if found is None:
            return
        was_pending = await rows.set_undo(tx, message.sender_account, found, Undo.PENDING, Undo.CANCELLED)
        if was_pending is None:
            await self.recorded(tx, message)
        else:
            await self.give_up(tx, message.sender_account, found, reply)
            await self._changed(tx, message.sender_account, found)

    async def give_up(self, tx: Transaction, account_id: AccountId, submission_id: SubmissionId, reply: str) -> None:
        """Nobody who still waits gets it."""
        waiting = await rows.tracked_recipients(tx, account_id, submission_id, delivered=Delivered.QUEUED)
        given_up = [(one.number, replace(one.status, delivered=Delivered.NO, reply=reply)) for one in waiting]
        await rows.update_recipients(tx, account_id, submission_id, given_up)

    async def reported(
        self, tx: Transaction, account_id: AccountId, message_id: MessageId, report: ReportAbout
    ) -> None:
        """A message of the account is a report: note it with the submission that it is about, if there is one."""
        for submission_id in await self._named(tx, account_id, report):
            recipients = await rows.tracked_recipients(tx, account_id, submission_id)
            found = _matches(recipients, report)
            if not found:
                continue
            kind = ReportKind.DISPOSITION if report.is_disposition else ReportKind.DELIVERY
            await rows.add_report(tx, account_id, submission_id, message_id, kind)
            changed = [
                (one.number, status)
                for one, said in found
                if (status := _reported(one.status, said, report)) != one.status
            ]
            await rows.update_recipients(tx, account_id, submission_id, changed)
            await self._changed(tx, account_id, submission_id)
            return

    async def _named(self, tx: Transaction, account_id: AccountId, report: ReportAbout) -> list[SubmissionId]:
        found: list[SubmissionId] = []
        if report.envelope_identifier:
            found = await rows.find_named(tx, account_id, trace_id=report.envelope_identifier)
        if not found and report.identifier:
            found = await rows.find_named(tx, account_id, identifier=report.identifier)
        return found

    async def _changed(self, tx: Transaction, account_id: AccountId, submission_id: SubmissionId) -> None:
        try:
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
        except NotFound:  # the account is being removed; nobody will ask
            return
        await note_change(tx, account_id, modseq, ChangeKind.SUBMISSION_UPDATED, submission_id, self._now())

    def _now(self) -> int:
        now: datetime = self._clock.now()
        return micros(now)


def _status(one: TrackedRecipient, outcomes: Sequence[QueuedOutcome]) -> RecipientStatus:
    """Of a recipient that has led to several, what is worst: who is still waited for, then who has failed."""
    waiting = [outcome for outcome in outcomes if outcome.state in _OPEN]
    lost = [outcome for outcome in outcomes if outcome.state in (RecipientState.FAILED, RecipientState.CANCELLED)]
    away = [outcome for outcome in outcomes if outcome.state is RecipientState.SENT and outcome.remote_host]
    if waiting:
        tried = [outcome for outcome in waiting if outcome.reply]
        reply = _reply(tried[0]) if tried else one.status.reply
        return replace(one.status, reply=reply)
    if lost:
        return replace(one.status, delivered=Delivered.NO, reply=_reply(lost[0]))
    if away:
        return replace(one.status, delivered=Delivered.UNKNOWN, reply=_reply(away[0]))
    if outcomes:
        return replace(one.status, delivered=Delivered.YES, reply=_reply(outcomes[0]))
    return one.status


def _reply(outcome: QueuedOutcome) -> str:
    """The last words in the form of a reply: those of another server, or ours with a code put before (RFC 8621 §7)."""
    words = outcome.reply
    if outcome.remote_host and words[:3].isdigit() and words[3:4] == " ":
        return words[:REPLY_MOST]
    if outcome.state is RecipientState.SENT:
        code, digit = 250, "2"
    elif outcome.state in _OPEN:
        code, digit = 450, "4"
    else:
        code, digit = 550, "5"
    status = outcome.status if outcome.status.startswith(digit) else f"{digit}.0.0"
    return f"{code} {status} {' '.join(words.split())}"[:REPLY_MOST]


def _matches(
    recipients: Sequence[TrackedRecipient], report: ReportAbout
) -> list[tuple[TrackedRecipient, RecipientReport]]:
    """Which recipients it speaks of: by the address that was written, or else the last one that the mail went to. With
    one recipient only, whoever it names is that one: mail may have been forwarded without a word."""
    if len(recipients) == 1 and len(report.recipients) == 1:
        return [(recipients[0], report.recipients[0])]
    by_address = {one.status.address.casefold(): one for one in recipients}
    found: dict[int, tuple[TrackedRecipient, RecipientReport]] = {}
    for said in report.recipients:
        one = by_address.get(said.named.casefold()) or by_address.get(said.address.casefold())
        if one is not None:
            found.setdefault(one.number, (one, said))
    return list(found.values())


def _reported(status: RecipientStatus, said: RecipientReport, report: ReportAbout) -> RecipientStatus:
    """RFC 8621 §7: "delivered" and "failed" count, and "displayed"; nothing else does."""
    if report.is_disposition:
        return replace(status, is_displayed=True) if said.action == "displayed" else status
    if status.delivered is not Delivered.UNKNOWN or said.action not in ("delivered", "failed"):
        return status
    delivered = Delivered.YES if said.action == "delivered" else Delivered.NO
    words = " ".join(said.reply.split())[:REPLY_MOST]
    return replace(status, delivered=delivered, reply=words or status.reply)
