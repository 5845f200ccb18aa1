"""EmailSubmission/get and EmailSubmission/changes (RFC 8621 §7.1, §7.2)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.ids import format_submission
from pillarbox.serve.jmap.method import SUBMISSION, Call, Json
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method
from pillarbox.serve.jmap.submission.objects import PROPERTIES, object_of, state, submission_id_of


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """Those that there are of `ids`, or all where they are not too many."""
    if ids is None:
        numbers = [row.id for row in await call.mail.submissions.rows(call.account.id)]
        call.check_many(len(numbers))
    else:
        numbers = [submission_id_of(id) for id in ids]
    found = await call.mail.submissions.get(call.account.id, numbers)
    return {format_submission(number): object_of(submission) for number, submission in found.items()}


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all EmailSubmissions."""
    return as_told(
        await call.mail.object_changes.since(call.account.id, Kind.SUBMISSION, since, most), format_submission
    )


METHODS = (
    get_method("EmailSubmission", SUBMISSION, Getting(state, fetch, PROPERTIES)),
    changes_method("EmailSubmission", SUBMISSION, Changing(changes)),
)
