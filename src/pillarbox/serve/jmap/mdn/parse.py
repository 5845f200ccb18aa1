"""MDN/parse: blobs read as receipts (RFC 9007 §2.2)."""

import asyncio

from pillarbox.grammar.jmap import mdn
from pillarbox.grammar.jmap.ids import format_email
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports.receipt import Receipt, parse_receipt
from pillarbox.model.errors import NotFound, SyntaxProblem
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.blobs import open_blob
from pillarbox.serve.jmap.email.objects import READ_IN_A_THREAD_OCTETS
from pillarbox.serve.jmap.mdn.capability import MDN, check_account
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method


class MdnParse(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 9007 §2.2."""

    blob_ids: list[str]


async def parse(call: Call, arguments: MdnParse) -> Json:
    """One after the other, as each may be large."""
    account_id = check_account(call, arguments.account_id)
    call.check_many(len(arguments.blob_ids))
    parsed: dict[str, Json] = {}
    not_parsable: list[str] = []
    not_found: list[str] = []
    for blob_id in dict.fromkeys(arguments.blob_ids):
        try:
            parsed[blob_id] = await _parse(call, account_id, blob_id)
        except NotFound:
            not_found.append(blob_id)
        except SyntaxProblem:
            not_parsable.append(blob_id)
    return {
        "accountId": arguments.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


async def _parse(call: Call, account_id: AccountId, blob_id: str) -> Json:
    """Raises: NotFound, SyntaxProblem."""
    blob = await open_blob(call.mail, account_id, blob_id)
    try:
        if blob.size_octets > call.mail.limits.message_octets:
            raise SyntaxProblem("a smaller message")
        octets = await blob.read()
    finally:
        blob.close()
    if len(octets) < READ_IN_A_THREAD_OCTETS:
        receipt = _read(octets, call.mail.limits)
    else:
        receipt = await asyncio.to_thread(_read, octets, call.mail.limits)
    call.spend(len(receipt.text))
    identifier = receipt.notification.original_message_id
    about = None if identifier is None else await call.mail.receipts.message_about(account_id, identifier)
    return mdn.object_of(receipt, None if about is None else format_email(about))


def _read(octets: bytes, limits: Limits) -> Receipt:
    return parse_receipt(octets, scan(octets, limits=limits))


METHODS = (Method("MDN/parse", MDN, MdnParse, parse),)
