"""Core/echo and Blob/copy (RFC 8620 §4, §6.3)."""

from pillarbox.model.errors import NotFound
from pillarbox.serve.jmap.blobs import open_blob
from pillarbox.serve.jmap.method import CORE, AccountArguments, Call, Json, Method, SetProblem
from pillarbox.serve.jmap.standard.copy import check_from_account


class BlobCopyArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §6.3."""

    from_account_id: str
    blob_ids: list[str]


async def echo(call: Call, arguments: Json) -> Json:
    """The same again."""
    return arguments


async def copy_blobs(call: Call, arguments: BlobCopyArguments) -> Json:
    """Everybody has one account, so a blob that is there is there already, under its own id."""
    check_from_account(call, arguments.from_account_id)
    account_id = call.check_account(arguments.account_id)
    call.check_many(len(arguments.blob_ids))
    copied: dict[str, str] = {}
    not_copied: dict[str, Json] = {}
    for blob_id in dict.fromkeys(arguments.blob_ids):
        try:
            (await open_blob(call.mail, account_id, blob_id)).close()
            copied[blob_id] = blob_id
        except NotFound as error:
            not_copied[blob_id] = SetProblem("notFound", error.text).value()
    return {
        "fromAccountId": arguments.from_account_id,
        "accountId": arguments.account_id,
        "copied": copied or None,
        "notCopied": not_copied or None,
    }


METHODS = (
    Method("Core/echo", CORE, None, echo),
    Method("Blob/copy", CORE, BlobCopyArguments, copy_blobs),
)
