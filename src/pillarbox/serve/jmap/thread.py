"""The data type Thread: Thread/get and Thread/changes (RFC 8621 §3)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.ids import format_email, format_thread, parse_thread
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import ThreadId
from pillarbox.serve.jmap.method import MAIL, Call, Json, Problem
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import Getting, Properties, get_method

PROPERTIES = ("id", "emailIds")


async def state(call: Call) -> str:
    """Threads change with their Emails."""
    return str(await call.mail.states.get(call.account.id, Kind.EMAIL))


async def fetch(call: Call, ids: Sequence[str] | None, wanted: Properties) -> dict[str, Json]:
    """By id only: there is no end of all threads."""
    if ids is None:
        raise Problem("requestTooLarge", "ask for threads by their ids")
    numbers = [number for number in map(_parse, ids) if number is not None]
    found, _ = await call.mail.emails.threads(call.account.id, numbers)
    return {
        format_thread(thread_id): {
            "id": format_thread(thread_id),
            "emailIds": [format_email(message_id) for message_id in message_ids],
        }
        for thread_id, message_ids in found.items()
    }


def _parse(id: str) -> ThreadId | None:
    try:
        return parse_thread(id)
    except SyntaxProblem:
        return None


async def changes(call: Call, since: int, most: int) -> Changed:
    """What came to threads, and what left them."""
    return as_told(
        await call.mail.email_changes.threads(call.account.id, since, most),
        lambda number: format_thread(ThreadId(number)),
    )


METHODS = (
    get_method("Thread", MAIL, Getting(state, fetch, PROPERTIES)),
    changes_method("Thread", MAIL, Changing(changes)),
)
