"""Email/set (RFC 8621 §4.6)."""

from collections.abc import Sequence

from pillarbox.core.feed.states import Kind, Span
from pillarbox.grammar.jmap.ids import format_email
from pillarbox.model.errors import NotFound
from pillarbox.serve.jmap.email.create import create
from pillarbox.serve.jmap.email.get import message_ids, state
from pillarbox.serve.jmap.email.update import update
from pillarbox.serve.jmap.method import MAIL, Call, Json, Method
from pillarbox.serve.jmap.standard.set import Outcomes, SetArguments, Setting, set, span_of


class EmailSet(SetArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.3, with nothing besides."""


async def set_emails(call: Call, arguments: EmailSet) -> Json:
    """The method, also for those whose success leads to a change of Emails (RFC 8621 §7.5)."""
    span = span_of(Kind.EMAIL, arguments.if_in_state)

    kind = Setting(
        state,
        lambda call, _, creations: create(call, creations, span),
        lambda call, _, updates: update(call, updates, span),
        lambda call, _, ids: destroy(call, ids, span),
    )
    return await set(call, arguments, kind, method="Email/set", span=span)


async def destroy(call: Call, ids: Sequence[str], span: Span) -> Outcomes[None]:
    """From all mailboxes. Raises: StateMoved."""
    gone = await call.mail.email_edits.destroy(call.account.id, message_ids(ids), span)
    outcomes = {format_email(message_id): outcome for message_id, outcome in gone.items()}
    return {id: outcomes.get(id, NotFound("no such Email")) for id in ids}


METHODS = (Method("Email/set", MAIL, EmailSet, set_emails),)
