"""A submission as an EmailSubmission object (RFC 8621 §7)."""

from collections.abc import Iterable

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap import envelope
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.jmap.ids import (
    MessageBlob,
    format_blob,
    format_email,
    format_identity,
    format_submission,
    format_thread,
    parse_submission,
)
from pillarbox.grammar.jmap.submission_query import UNDO_STATUS
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import MessageId
from pillarbox.model.submission import RecipientStatus, Submission, SubmissionId
from pillarbox.serve.jmap.method import Call, Json

PROPERTIES = (
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
)
_UNDO_NAMES = {undo: name for name, undo in UNDO_STATUS.items()}


async def state(call: Call) -> str:
    """Of all EmailSubmissions."""
    return str(await call.mail.states.get(call.account.id, Kind.SUBMISSION))


def submission_id_of(text: str) -> SubmissionId:
    """0, which no submission has, for what is no id of one."""
    try:
        return SubmissionId(parse_submission(text))
    except SyntaxProblem:
        return SubmissionId(0)


def object_of(submission: Submission) -> Json:
    """All its properties."""
    return {
        "id": format_submission(submission.id),
        "identityId": format_identity(submission.identity_id),
        "emailId": format_email(submission.message_id),
        "threadId": format_thread(submission.thread_id),
        "envelope": envelope.format(submission.envelope),
        "sendAt": format_utc(submission.send_at),
        "undoStatus": _UNDO_NAMES[submission.undo],
        "deliveryStatus": {one.address: _delivery_status(one) for one in submission.recipients},
        "dsnBlobIds": _blob_ids(submission.delivery_reports),
        "mdnBlobIds": _blob_ids(submission.disposition_reports),
    }


def _delivery_status(status: RecipientStatus) -> Json:
    return {
        "smtpReply": status.reply,
        "delivered": status.delivered.value,
        "displayed": "yes" if status.is_displayed else "unknown",
    }


def _blob_ids(messages: Iterable[MessageId]) -> list[str]:
    return [format_blob(MessageBlob(message_id)) for message_id in messages]
