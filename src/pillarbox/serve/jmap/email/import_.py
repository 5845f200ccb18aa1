"""Email/import: messages that were uploaded, or are blobs of any other kind, become Emails (RFC 8621 §4.8).

Equal messages are let be side by side, as APPEND has it: each import makes an Email of its own.
"""

from pillarbox.core.contents.spool import Content
from pillarbox.core.feed.states import Kind
from pillarbox.grammar.jmap.headers import HeaderFields
from pillarbox.grammar.jmap.ids import UploadBlob, is_id, parse_blob
from pillarbox.grammar.message.part import unpack
from pillarbox.grammar.message.received import received_at
from pillarbox.model.errors import NotFound, SyntaxProblem, TooLarge
from pillarbox.serve.jmap.blobs import open_blob
from pillarbox.serve.jmap.email.arrivals import Ready, store
from pillarbox.serve.jmap.email.get import state
from pillarbox.serve.jmap.email.where import PROPERTIES, Where, read_where
from pillarbox.serve.jmap.method import MAIL, AccountArguments, Call, Json, Method, Problem, SetProblem
from pillarbox.serve.jmap.standard.set import failures, span_of, successes


class EmailImport(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 8621 §4.8."""

    if_in_state: str | None = None
    emails: dict[str, Json]


async def import_emails(call: Call, arguments: EmailImport) -> Json:
    """Each by itself, stored some at a time."""
    call.check_account(arguments.account_id)
    call.check_many(len(arguments.emails))
    if not all(map(is_id, arguments.emails)):
        raise Problem("invalidArguments", "a creation id must be an Id")
    old_state = new_state = await state(call)
    if arguments.if_in_state not in (None, old_state):
        raise Problem("stateMismatch")
    span = span_of(Kind.EMAIL, arguments.if_in_state)

    async def make(creation_id: str) -> Ready:
        return await _ready(call, arguments.emails[creation_id])

    outcomes = await store(call, arguments.emails, make, span)
    if span.after is not None:
        old_state, new_state = str(span.before), str(span.after)
    return {
        "accountId": arguments.account_id,
        "oldState": old_state,
        "newState": new_state,
        "created": successes(outcomes),
        "notCreated": failures(outcomes, "Email/import"),
    }


async def _ready(call: Call, given: Json) -> Ready:
    """Raises: SetProblem, TooLarge, Unavailable."""
    where, wrong = read_where(call, given)
    wrong += [name for name in given if name not in PROPERTIES and name != "blobId"]
    blob_id = given.get("blobId")
    if not isinstance(blob_id, str):
        wrong.append("blobId")
    if wrong:
        raise SetProblem("invalidProperties", properties=wrong)
    try:
        content = await _content(call, str(blob_id))
    except NotFound:
        raise SetProblem("invalidProperties", "no such blob", properties=["blobId"]) from None
    try:
        return await _read(call, content, where)
    except BaseException:
        content.give_up()
        raise


async def _read(call: Call, content: Content, where: Where) -> Ready:
    """With the date that its last hop noted. Raises: SetProblem: invalidEmail for what has no header field at all."""
    described = await call.mail.messages.describe(content)
    root, view = unpack(described.parts), content.view()
    end = min(root.body, root.start + call.mail.limits.header_octets)
    if not HeaderFields(view, root.start, end).all():
        raise SetProblem("invalidEmail", "this is no message")
    received = where.received or received_at(view, root.start, end) or call.mail.clock.now()
    return Ready(content, described, where.mailbox_ids, where.flags, received)


async def _content(call: Call, blob_id: str) -> Content:
    """The octets, kept for a message: an upload as it is, all else anew. Raises: NotFound, TooLarge, Unavailable."""
    mail, account_id = call.mail, call.account.id
    try:
        blob = parse_blob(blob_id)
    except SyntaxProblem:
        raise NotFound("no such blob") from None
    if isinstance(blob, UploadBlob) and not blob.part:
        content = await mail.uploads.take(account_id, blob.blob_id)
        if content.size_octets > mail.limits.message_octets:
            content.give_up()
            raise TooLarge(f"the message exceeds {mail.limits.message_octets} octets")
        return content
    source = await open_blob(mail, account_id, blob_id)
    spool = mail.spools.begin(mail.limits.message_octets)
    try:
        async for piece in source.pieces():
            if not spool.write(piece):
                await spool.drain()
        return await spool.finish()
    finally:
        spool.abort()
        source.close()


METHODS = (Method("Email/import", MAIL, EmailImport, import_emails),)
