"""A message in the queue as a QueuedMessage object, in its sender's words: recipients as they were written."""

from pillarbox.core.feed.states import Kind
from pillarbox.core.passport.passport_view import strike_behind
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.jmap.ids import format_queued, format_submission, parse_queued
from pillarbox.grammar.jmap.queued_query import SENDING, WAITING
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.queued import QueuedMessage, QueuedRecipient, RecipientState
from pillarbox.serve.jmap.method import Call, Json

PROPERTIES = (
    "id",
    "emailSubmissionId",
    "traceId",
    "messageId",
    "subject",
    "mailFrom",
    "size",
    "queuedAt",
    "expiresAt",
    "heldUntil",
    "state",
    "nextAttempt",
    "recipients",
    "retry",
)


async def state(call: Call) -> str:
    """Of all QueuedMessages."""
    return str(await call.mail.states.get(call.account.id, Kind.QUEUED))


def number_of(text: str) -> int:
    """0, which no message has, for what is no id of one."""
    try:
        return parse_queued(text)
    except SyntaxProblem:
        return 0


def object_of(message: QueuedMessage) -> Json:
    """All its properties."""
    assert message.number is not None
    waiting = [one.next_attempt for one in message.recipients if one.state is RecipientState.WAITING]
    is_sending = any(one.state is RecipientState.SENDING for one in message.recipients)
    return {
        "id": format_queued(message.number),
        "emailSubmissionId": None if message.submission_id is None else format_submission(message.submission_id),
        "traceId": message.trace_id,
        "messageId": message.identifier or None,
        "subject": message.subject,
        "mailFrom": None if message.reverse_path is None else str(message.reverse_path),
        "size": message.size_octets,
        "queuedAt": format_utc(message.arrived),
        "expiresAt": format_utc(message.expires),
        "heldUntil": None if message.held_until is None else format_utc(message.held_until),
        "state": SENDING if is_sending else WAITING,
        "nextAttempt": format_utc(min(waiting)) if waiting else None,
        "recipients": [_recipient(one) for one in message.recipients],
        "retry": False,
    }


def _recipient(one: QueuedRecipient) -> Json:
    written = None if one.original == one.address else one.original
    return {
        "email": str(written or one.address),
        "state": one.state.value,
        "attempts": one.attempts,
        "nextAttempt": format_utc(one.next_attempt) if one.state is RecipientState.WAITING else None,
        "lastReply": strike_behind(one.address, written, one.last_reply) or None,
    }
