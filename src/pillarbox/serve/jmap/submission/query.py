"""EmailSubmission/query and EmailSubmission/queryChanges (RFC 8621 §7.3, §7.4)."""

from pillarbox.core.feed.states import Kind
from pillarbox.core.sending.submissions import SubmissionRow
from pillarbox.grammar.jmap.ids import format_submission, parse_submission
from pillarbox.grammar.jmap.submission_query import FILTER, Facts, parse_sort
from pillarbox.serve.jmap.method import SUBMISSION, Call
from pillarbox.serve.jmap.standard.query import Find, Found, Moved, Querying, query_methods
from pillarbox.serve.jmap.submission.objects import state


async def find(call: Call, arguments: Find) -> Found:
    """Where nothing else says, the oldest first."""
    test, sort = FILTER.parse(arguments.filter), parse_sort(arguments.sort)
    before = await state(call)
    found = [(row.id, facts) for row in await call.mail.submissions.rows(call.account.id) if test(facts := _facts(row))]
    for key, is_ascending in reversed(sort):
        found.sort(key=lambda one: key(one[1]), reverse=not is_ascending)
    return Found([number for number, _ in found], before)


def _facts(row: SubmissionRow) -> Facts:
    return Facts(row.identity_id, row.message_id, row.thread_id, row.send_at, row.undo)


async def moved(call: Call, arguments: Find, since: int) -> Moved:
    """What is asked for never changes but for undoStatus, so an update moves nothing where that is not asked for."""
    changed = await call.mail.object_changes.since(call.account.id, Kind.SUBMISSION, since)
    is_fixed = not FILTER.looks_at_change(arguments.filter)
    updated = frozenset() if is_fixed else frozenset(changed.updated)
    return Moved(updated | frozenset(changed.destroyed), updated | frozenset(changed.created), is_fixed)


METHODS = query_methods("EmailSubmission", SUBMISSION, Querying(find, moved, format_submission, parse_submission))
