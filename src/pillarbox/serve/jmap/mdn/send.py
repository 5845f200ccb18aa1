"""MDN/send: a reader has the sender told (RFC 9007 §2.1).

The keyword `$mdnsent` is set with the receipt, in one transaction; what else the client wants changed follows as an
Email/set of its own, whose response stands behind.
"""

from collections.abc import Iterable

from pillarbox.core.sending.identities import AddressForbidden
from pillarbox.core.sending.receipts import ReceiptSent, ReceiptWish
from pillarbox.grammar.jmap import mdn
from pillarbox.grammar.jmap.ids import is_id, parse_email, parse_identity
from pillarbox.grammar.jmap.mdn import InvalidMdn
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.identity import Identity, IdentityId
from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.email.set import EmailSet, set_emails
from pillarbox.serve.jmap.mdn.capability import MDN, check_account
from pillarbox.serve.jmap.method import MAIL, AccountArguments, Call, Json, Method, Problem, Responses, SetProblem
from pillarbox.serve.jmap.replies import method_error
from pillarbox.serve.jmap.standard.set import failures, one_by_one, successes

NAME = "MDN/send"


class MdnSend(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 9007 §2.1."""

    identity_id: str
    send: dict[str, Json]
    on_success_update_email: dict[str, Json] | None = None


async def send(call: Call, arguments: MdnSend) -> Responses:
    """Each receipt by itself; then the Emails of those that were sent are changed, if any was."""
    if MAIL not in call.using:
        raise Problem("unknownMethod")
    account_id = check_account(call, arguments.account_id)
    call.check_many(len(arguments.send))
    _check_updates(arguments)
    identity = await _identity(call, account_id, arguments.identity_id)

    async def one(creation_id: str) -> Json:
        return await _send(call, arguments.send[creation_id], identity)

    outcomes = await one_by_one(arguments.send, one)
    sent, not_sent = successes(outcomes), failures(outcomes, NAME)
    answer = {"accountId": arguments.account_id, "sent": sent, "notSent": not_sent}
    if not sent:
        return answer
    return [(NAME, answer), await _change_emails(call, arguments, sent)]


async def _change_emails(call: Call, arguments: MdnSend, sent: Iterable[str]) -> tuple[str, Json]:
    """The response of the Email/set that follows; its trouble does not unsay what was sent."""
    patches = arguments.on_success_update_email or {}
    updates = {
        call.resolve(arguments.send[creation_id]["forEmailId"]): patches[f"#{creation_id}"] for creation_id in sent
    }
    try:
        return "Email/set", await set_emails(call, EmailSet(account_id=arguments.account_id, update=updates))
    except Exception as error:  # noqa: BLE001 - a bug is logged there
        return "error", method_error(error, method="Email/set")


def _check_updates(arguments: MdnSend) -> None:
    """Whoever sends a receipt must have the Email say so; nothing is sent where that would not come of it.

    Raises: Problem: invalidArguments.
    """
    if not all(map(is_id, arguments.send)):
        raise Problem("invalidArguments", "a creation id must be an Id")
    updates = arguments.on_success_update_email or {}
    if set(updates) - {f"#{creation_id}" for creation_id in arguments.send}:
        raise Problem("invalidArguments", "onSuccessUpdateEmail refers to what is not in send")
    if not all(_sets_keyword(updates.get(f"#{creation_id}", {})) for creation_id in arguments.send):
        raise Problem("invalidArguments", "onSuccessUpdateEmail must set the keyword $mdnsent of each Email")


def _sets_keyword(patch: Json) -> bool:
    whole = patch.get("keywords")
    return patch.get("keywords/$mdnsent") is True or (isinstance(whole, dict) and whole.get("$mdnsent") is True)


async def _identity(call: Call, account_id: AccountId, text: str) -> Identity:
    """Raises: Problem: invalidArguments."""
    try:
        return await call.mail.identities.find(account_id, IdentityId(parse_identity(call.resolve(text))))
    except (NotFound, SyntaxProblem):
        raise Problem("invalidArguments", "no such Identity") from None


async def _send(call: Call, value: Json, identity: Identity) -> Json:
    try:
        new = mdn.parse_new(value)
    except InvalidMdn as problem:
        raise SetProblem("invalidProperties", problem.text, properties=problem.properties) from None
    try:
        message_id = parse_email(call.resolve(new.email_id))
    except SyntaxProblem:
        raise NotFound("no such Email") from None
    wish = ReceiptWish(
        disposition=new.disposition,
        recipient=new.recipient,
        subject=new.subject,
        text=new.text,
        with_original=new.with_original,
        reporting_ua=new.reporting_ua,
        extensions=new.extensions,
    )
    try:
        sent = await call.mail.receipts.send(call.account, message_id, identity, wish)
    except ReceiptSent as problem:
        raise SetProblem("mdnAlreadySent", problem.text) from None
    except AddressForbidden as problem:
        raise SetProblem("forbiddenFrom", problem.text) from None
    return mdn.sent_object(value, sent.subject, sent.text, sent.notification)


METHODS = (Method(NAME, MDN, MdnSend, send),)
