"""Blob/lookup: which objects a blob can be found in (RFC 9404 §4.3).

An Email refers to its own blob and to those of its parts; so do its Thread and its Mailboxes. No object names an upload:
what was made of it has its own blobs.
"""

from collections.abc import Sequence

from pillarbox.core.email.emails import EmailFacts
from pillarbox.grammar.jmap.ids import MessageBlob, format_email, format_mailbox, format_thread, parse_blob
from pillarbox.grammar.message.part import section
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.blob.octets import BLOB
from pillarbox.serve.jmap.method import MAIL, AccountArguments, Call, Json, Method, Problem
from pillarbox.serve.jmap.standard.get import checked_ids

TYPE_NAMES = {"Mailbox": MAIL, "Thread": MAIL, "Email": MAIL}
"""And the capability that a request must name for each."""


class BlobLookup(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 9404 §4.3."""

    type_names: list[str]
    ids: list[str]


async def lookup(call: Call, arguments: BlobLookup) -> Json:
    """What nobody may see is told as what nothing refers to."""
    account_id = call.check_account(arguments.account_id)
    for name in arguments.type_names:
        if TYPE_NAMES.get(name) not in call.using:
            raise Problem("unknownDataType", f"{name[:200]!r} is no type that refers to blobs, or none of this request")
    ids = checked_ids(call, arguments.ids) or []
    owners = await _owners(call, account_id, ids)
    return {
        "accountId": arguments.account_id,
        "list": [{"id": id, "matchedIds": _matched(owners.get(id), arguments.type_names)} for id in ids],
    }


async def _owners(call: Call, account_id: AccountId, ids: Sequence[str]) -> dict[str, EmailFacts]:
    """The message that each of these is, or is a part of."""
    blobs: dict[str, MessageBlob] = {}
    for id in ids:
        try:
            blob = parse_blob(call.resolve(id))
        except SyntaxProblem:
            continue
        if isinstance(blob, MessageBlob):
            blobs[id] = blob
    facts, _ = await call.mail.emails.facts(account_id, sorted({blob.message_id for blob in blobs.values()}))
    in_parts = sorted({blob.message_id for blob in blobs.values() if blob.part})
    trees = await call.mail.emails.parts(account_id, in_parts) if in_parts else {}
    found: dict[str, EmailFacts] = {}
    for id, blob in blobs.items():
        tree = trees.get(blob.message_id)
        has_part = not blob.part or (tree is not None and section(tree.part, blob.part) is not None)
        if has_part and blob.message_id in facts:
            found[id] = facts[blob.message_id]
    return found


def _matched(facts: EmailFacts | None, type_names: Sequence[str]) -> dict[str, list[str]]:
    matched: dict[str, list[str]] = {name: [] for name in type_names}
    if facts is None:
        return matched
    for name in matched:
        match name:
            case "Email":
                matched[name] = [format_email(facts.id)]
            case "Thread":
                matched[name] = [format_thread(facts.thread_id)]
            case "Mailbox":
                matched[name] = [format_mailbox(mailbox_id) for mailbox_id in facts.mailbox_ids]
    return matched


METHODS = (Method("Blob/lookup", BLOB, BlobLookup, lookup),)
