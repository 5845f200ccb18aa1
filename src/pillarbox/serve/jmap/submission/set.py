"""EmailSubmission/set (RFC 8621 §7.5): mail is sent, taken back, and forgotten; what follows from it for the Emails.

`onSuccessUpdateEmail` and `onSuccessDestroyEmail` are carried out by one Email/set behind it, as if the client had sent
that: a crash between the two leaves a message that was sent and is still a draft, never one that was not sent and is
none any more.
"""

from collections.abc import Mapping, Sequence

import msgspec

from pillarbox.core.feed.states import Kind, Span, StateMoved
from pillarbox.core.flow.arrival import ClientFacts
from pillarbox.core.flow.intake import HoldRefused
from pillarbox.core.sending.outgoing import MessageUnfit
from pillarbox.core.sending.submission_check import (
    NoIdentity,
    NoMessage,
    NoRecipients,
    ReversePathForbidden,
    SenderForbidden,
    TooManyRecipients,
    Wanted,
    WantedEnvelope,
    WrongRecipients,
)
from pillarbox.core.sending.submissions import TooLateToCancel
from pillarbox.grammar.jmap import envelope as envelopes
from pillarbox.grammar.jmap.ids import format_email, format_submission, parse_email
from pillarbox.grammar.smtp.parameters import RcptParameters
from pillarbox.model.envelope import BodyType
from pillarbox.model.errors import MailError, SyntaxProblem, TooLarge, TooMany
from pillarbox.model.ids import MessageId
from pillarbox.serve.jmap.email import set as email_set
from pillarbox.serve.jmap.identity import identity_id_of
from pillarbox.serve.jmap.method import SUBMISSION, Call, Json, Method, Problem, Responses, SetProblem
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, one_by_one, patched, set, span_of
from pillarbox.serve.jmap.submission.objects import PROPERTIES, object_of, state, submission_id_of

NAME = "EmailSubmission/set"
CANCELED = "canceled"
_ASKED = ("identityId", "emailId", "envelope", "undoStatus")
_FIXED = tuple(name for name in PROPERTIES if name != "undoStatus")


class SubmissionSet(SetArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8621 §7.5."""

    on_success_update_email: dict[str, Json] | None = None
    on_success_destroy_email: list[str] | None = None


def client_facts(call: Call) -> ClientFacts:
    """Who submits. There is no SMTP to tell of, and where the client is, is nobody's business."""
    return ClientFacts("", "", call.mail.hostname, "JMAP", account=call.account, listener="jmap")


async def set_submissions(call: Call, arguments: SubmissionSet) -> Responses:
    """The method, and the Email/set that it implies."""
    span = span_of(Kind.SUBMISSION, arguments.if_in_state)
    call.check_account(arguments.account_id)
    before = await _emails_of(call, arguments)

    async def make(call: Call, _: SubmissionSet, creations: Mapping[str, Json]) -> Outcomes[Json]:
        return await one_by_one(creations, lambda creation_id: _create(call, creation_id, creations[creation_id], span))

    async def change(call: Call, _: SubmissionSet, updates: Mapping[str, Json]) -> Outcomes[Json | None]:
        return await one_by_one(updates, lambda id: _update(call, id, updates[id], span))

    async def forget(call: Call, _: SubmissionSet, ids: Sequence[str]) -> Outcomes[None]:
        return await one_by_one(ids, lambda id: _destroy(call, id, span))

    answer = await set(call, arguments, Setting(state, make, change, forget), method=NAME, span=span)
    implied = _implied(call, arguments, answer, await _emails_of_created(call, answer, before))
    if implied is None:
        return answer
    try:
        return [(NAME, answer), ("Email/set", await email_set.set_emails(call, implied))]
    except Problem as problem:
        return [(NAME, answer), ("error", problem.arguments())]


# --- create ----------------------------------------------------------------------------------------------------------


async def _create(call: Call, creation_id: str, given: Json, span: Span) -> Json:
    wrong = [name for name in given if name not in _ASKED]
    wrong += [name for name in ("identityId", "emailId") if not isinstance(given.get(name), str)]
    if given.get("undoStatus", "pending") not in ("pending", "final"):
        wrong.append("undoStatus")
    if wrong:
        raise SetProblem("invalidProperties", "not to be set, unknown, or missing", properties=wrong)
    envelope = _envelope(given.get("envelope"))
    wanted = Wanted(
        identity_id_of(call.resolve(given["identityId"])), _message_id_of(call.resolve(given["emailId"])), envelope
    )
    try:
        submission = await call.mail.submissions.submit(client_facts(call), wanted, span=span)
    except StateMoved:
        raise
    except MailError as error:
        raise _problem(call, error) from None
    made = object_of(submission)
    call.created_ids[creation_id] = made["id"]
    return {name: value for name, value in made.items() if value != given.get(name, ...)}


def _message_id_of(text: str) -> MessageId:
    """0, which no message has, for what is no id of one."""
    try:
        return parse_email(text)
    except SyntaxProblem:
        return MessageId(0)


def _envelope(value: object) -> WantedEnvelope | None:
    """Raises: SetProblem."""
    if value is None:
        return None
    try:
        read = envelopes.parse(value)
    except envelopes.NoReversePath as problem:
        raise SetProblem("forbiddenMailFrom", f"expected {problem.expected}") from None
    except SyntaxProblem as problem:
        raise SetProblem("invalidProperties", f"expected {problem.expected}", properties=["envelope"]) from None
    mail = read.mail
    if mail.ret is not None or mail.envid is not None or any(one != RcptParameters() for one in read.rcpt):
        raise SetProblem("invalidProperties", "DSN is not offered", properties=["envelope"])
    if mail.body_type is BodyType.BINARY_MIME:
        raise SetProblem("invalidProperties", "BINARYMIME is not offered", properties=["envelope"])
    return WantedEnvelope(read.named, read.reverse_path, read.recipients, mail.hold)


def _problem(call: Call, error: MailError) -> Exception:
    """What RFC 8621 §7.5 calls it."""
    match error:
        case NoIdentity():
            return SetProblem("invalidProperties", error.text, properties=["identityId"])
        case NoMessage():
            return SetProblem("invalidProperties", error.text, properties=["emailId"])
        case HoldRefused():
            return SetProblem("invalidProperties", error.text, properties=["envelope"])
        case MessageUnfit():
            return SetProblem("invalidEmail", error.text, properties=error.fields)
        case NoRecipients():
            return SetProblem("noRecipients", error.text)
        case TooManyRecipients():
            return SetProblem("tooManyRecipients", error.text, maxRecipients=call.mail.limits.smtp_recipients)
        case WrongRecipients():
            return SetProblem("invalidRecipients", error.text, invalidRecipients=list(error.named))
        case ReversePathForbidden():
            return SetProblem("forbiddenMailFrom", error.text)
        case SenderForbidden():
            return SetProblem("forbiddenFrom", error.text)
        case TooLarge():
            return SetProblem("tooLarge", error.text, maxSize=call.mail.limits.message_octets)
        case TooMany():
            return SetProblem("forbiddenToSend", error.text)
    return error


# --- update, destroy -------------------------------------------------------------------------------------------------


async def _update(call: Call, id: str, patch: Json, span: Span) -> Json | None:
    """What is different then beside what was asked for: nobody who waited gets it, says `deliveryStatus`."""
    number = submission_id_of(id)
    current = (await call.mail.submissions.get(call.account.id, [number])).get(number)
    if current is None:
        raise SetProblem("notFound")
    before = object_of(current)
    after = patched(before, patch, server_set=_FIXED)
    wanted = after.get("undoStatus")
    if wanted == before["undoStatus"]:
        return None
    if wanted != CANCELED:
        raise SetProblem("invalidProperties", "it can be canceled, and nothing else", properties=["undoStatus"])
    try:
        await call.mail.submissions.cancel(call.account.id, number, span=span)
    except TooLateToCancel as error:
        raise SetProblem("cannotUnsend", error.text) from None
    left = await call.mail.submissions.get(call.account.id, [number])
    made = {} if number not in left else object_of(left[number])
    return {name: value for name, value in made.items() if value != after[name]} or None


async def _destroy(call: Call, id: str, span: Span) -> None:
    await call.mail.submissions.destroy(call.account.id, submission_id_of(id), span=span)


# --- what follows for Emails -----------------------------------------------------------------------------------------


def _named(arguments: SubmissionSet) -> list[str]:
    return [*(arguments.on_success_update_email or {}), *(arguments.on_success_destroy_email or ())]


async def _emails_of(call: Call, arguments: SubmissionSet) -> dict[str, str]:
    """The Emails of the submissions that are named and are there: one that is destroyed cannot be asked later."""
    numbers = {id: submission_id_of(call.resolve(id)) for id in _named(arguments)}
    call.check_many(len(numbers))
    found = await call.mail.submissions.get(call.account.id, list(numbers.values()))
    return {format_submission(number): format_email(one.message_id) for number, one in found.items()}


async def _emails_of_created(call: Call, answer: Json, before: Mapping[str, str]) -> dict[str, str]:
    """The same with those that were created meanwhile."""
    numbers = [submission_id_of(made["id"]) for made in (answer["created"] or {}).values()]
    found = await call.mail.submissions.get(call.account.id, numbers)
    return {**before, **{format_submission(number): format_email(one.message_id) for number, one in found.items()}}


def _implied(
    call: Call, arguments: SubmissionSet, answer: Json, emails: Mapping[str, str]
) -> email_set.EmailSet | None:
    """The Email/set that is to follow; None when nothing is to be done."""
    done = {made["id"] for made in (answer["created"] or {}).values()}
    done |= {*(answer["updated"] or ()), *(answer["destroyed"] or ())}
    updates: dict[str, Json] = {}
    for id, patch in (arguments.on_success_update_email or {}).items():
        submission = call.resolve(id)
        if submission in done and submission in emails:
            updates.setdefault(emails[submission], {}).update(patch)
    doomed = [
        emails[submission]
        for submission in map(call.resolve, arguments.on_success_destroy_email or ())
        if submission in done and submission in emails
    ]
    if not updates and not doomed:
        return None
    given = {"accountId": arguments.account_id, "update": updates or None, "destroy": doomed or None}
    return msgspec.convert(given, email_set.EmailSet)


METHODS = (Method(NAME, SUBMISSION, SubmissionSet, set_submissions),)
