"""Email/parse: blobs read as messages, without storing them (RFC 8621 §4.9)."""

import asyncio

from pillarbox.grammar.jmap.email import METADATA, PARSE_PROPERTIES, Wanted, read_email
from pillarbox.grammar.jmap.headers import HeaderFields
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.blobs import open_blob
from pillarbox.serve.jmap.email.objects import READ_IN_A_THREAD_OCTETS, ReadingArguments, wanted_of
from pillarbox.serve.jmap.method import MAIL, Call, Json, Method


class EmailParse(ReadingArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 8621 §4.9."""

    blob_ids: list[str]


async def parse(call: Call, arguments: EmailParse) -> Json:
    """One after the other, as each may be large."""
    account_id = call.check_account(arguments.account_id)
    call.check_many(len(arguments.blob_ids))
    wanted = wanted_of(arguments, PARSE_PROPERTIES)
    parsed: dict[str, Json] = {}
    not_parsable: list[str] = []
    not_found: list[str] = []
    for blob_id in dict.fromkeys(arguments.blob_ids):
        try:
            value = await _parse(call, account_id, blob_id, wanted)
        except NotFound:
            not_found.append(blob_id)
            continue
        if value is None:
            not_parsable.append(blob_id)
        else:
            parsed[blob_id] = value
    return {
        "accountId": arguments.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


async def _parse(call: Call, account_id: AccountId, blob_id: str, wanted: Wanted) -> Json | None:
    blob = await open_blob(call.mail, account_id, blob_id)
    try:
        size = blob.size_octets
        if size > call.mail.limits.message_octets:
            return None
        octets = await blob.read()
    finally:
        blob.close()
    if size < READ_IN_A_THREAD_OCTETS:
        value = _read(octets, wanted, blob_id, call.mail.limits)
    else:
        value = await asyncio.to_thread(_read, octets, wanted, blob_id, call.mail.limits)
    if value is not None:
        call.spend(sum(len(one["value"]) for one in value.get("bodyValues", {}).values()))
    return value


def _read(octets: bytes, wanted: Wanted, blob_id: str, limits: Limits) -> Json | None:
    """None for what has no header field: any octets have a body, but that makes no message of them."""
    root = scan(octets, limits=limits)
    if not HeaderFields(octets, root.start, root.body).all():
        return None
    known: Json = dict.fromkeys(METADATA) | {"blobId": blob_id, "size": len(octets)}
    made: Json = {name: known[name] for name in wanted.metadata}
    return {**made, **read_email(octets, root, wanted, blob_id=blob_id)}


METHODS = (Method("Email/parse", MAIL, EmailParse, parse),)
