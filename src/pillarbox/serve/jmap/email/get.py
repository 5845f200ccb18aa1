"""Email/get and Email/changes (RFC 8621 §4.2, §4.3)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.email import DEFAULT_PROPERTIES
from pillarbox.grammar.jmap.ids import format_email, parse_email
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import MessageId
from pillarbox.serve.jmap.email.objects import ReadingArguments, read_emails, wanted_of
from pillarbox.serve.jmap.method import MAIL, Call, Json, Method, Problem
from pillarbox.serve.jmap.standard.changes import Changed, Changing, as_told, changes_method
from pillarbox.serve.jmap.standard.get import checked_ids


class EmailGet(ReadingArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §4.2."""

    ids: list[str] | None = None


async def state(call: Call) -> str:
    """Of all Emails."""
    return str(await call.mail.states.get(call.account.id, Kind.EMAIL))


def message_ids(ids: Sequence[str]) -> list[MessageId]:
    """Those that are ids of Emails at all."""
    found = []
    for id in ids:
        try:
            found.append(parse_email(id))
        except SyntaxProblem:
            continue
    return found


async def get(call: Call, arguments: EmailGet) -> Json:
    """By id only: there is no end of all Emails. The state is read before them."""
    account_id = call.check_account(arguments.account_id)
    wanted = wanted_of(arguments, DEFAULT_PROPERTIES)
    ids = checked_ids(call, arguments.ids)
    if ids is None:
        raise Problem("requestTooLarge", "ask for Emails by their ids")
    state_before = await state(call)
    found = {value["id"]: value for value in (await read_emails(call, account_id, message_ids(ids), wanted)).values()}
    return {
        "accountId": arguments.account_id,
        "state": state_before,
        "list": [found[id] for id in ids if id in found],
        "notFound": [id for id in ids if id not in found],
    }


async def changes(call: Call, since: int, most: int) -> Changed:
    """Of all Emails."""
    return as_told(
        await call.mail.email_changes.emails(call.account.id, since, most),
        lambda number: format_email(MessageId(number)),
    )


METHODS = (Method("Email/get", MAIL, EmailGet, get), changes_method("Email", MAIL, Changing(changes)))
