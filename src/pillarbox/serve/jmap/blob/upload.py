"""Blob/upload: blobs made of what stands in the request, and of others (RFC 9404 §4.1).

What is made is kept as an upload is: for a day, in bounded memory whatever its size, durable before it is said.
"""

from pillarbox.core.contents.spool import Spool
from pillarbox.grammar.jmap.blob import Range, Upload, parse_upload
from pillarbox.grammar.jmap.ids import UploadBlob, format_blob, is_id
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.blob.octets import BLOB, OpenBlobs
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem, SetProblem
from pillarbox.serve.jmap.replies import set_error

NAME = "Blob/upload"
MOST_SOURCES = 256
"""maxDataSources: of one blob; 64 at least (RFC 9404 §3.1)."""
PIECE_OCTETS = 65_536
UNKNOWN_TYPE = "application/octet-stream"


class BlobUpload(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 9404 §4.1."""

    create: dict[str, Json]


async def upload(call: Call, arguments: BlobUpload) -> Json:
    """One after the other: a source may refer to what was made before it."""
    account_id = call.check_account(arguments.account_id)
    call.check_many(len(arguments.create))
    if not all(map(is_id, arguments.create)):
        raise Problem("invalidArguments", "a creation id must be an Id")
    created: dict[str, Json] = {}
    not_created: dict[str, Json] = {}
    with OpenBlobs(call, account_id) as blobs:
        for creation_id, value in arguments.create.items():
            try:
                made = await _make(call, account_id, blobs, parse_upload(value, most_sources=MOST_SOURCES))
            except Exception as error:  # noqa: BLE001 - `set_error` tells a bug from what a client can be told
                not_created[creation_id] = set_error(error, method=NAME)
                continue
            created[creation_id] = made
            call.created_ids[creation_id] = made["id"]
    return {"accountId": arguments.account_id, "created": created or None, "notCreated": not_created or None}


async def _make(call: Call, account_id: AccountId, blobs: OpenBlobs, wanted: Upload) -> Json:
    spool = call.mail.uploads.begin()
    try:
        for source in wanted.sources:
            if isinstance(source, Range):
                await _copy(call, blobs, source, spool)
            else:
                for start in range(0, len(source), PIECE_OCTETS):
                    await _write(spool, source[start : start + PIECE_OCTETS])
        with await spool.finish() as content:
            kept = await call.mail.uploads.keep(account_id, content)
    finally:
        spool.abort()
    blob_id = format_blob(UploadBlob(kept.blob))
    return {"id": blob_id, "blobId": blob_id, "type": wanted.type or UNKNOWN_TYPE, "size": kept.size_octets}


async def _copy(call: Call, blobs: OpenBlobs, source: Range, spool: Spool) -> None:
    blob_id = call.resolve(source.blob_id)
    try:
        blob = await blobs.open(blob_id)
        end = blob.size_octets if source.length is None else source.offset + source.length
        if not source.offset <= end <= blob.size_octets:
            raise SetProblem("invalidProperties", "the range lies outside of the blob", properties=["data"])
        async for piece in blobs.pieces(blob, source.offset, end):
            await _write(spool, piece)
    except NotFound:
        raise SetProblem("blobNotFound", notFound=[source.blob_id]) from None


async def _write(spool: Spool, piece: bytes) -> None:
    if not spool.write(piece):
        await spool.drain()


METHODS = (Method(NAME, BLOB, BlobUpload, upload),)
