"""Blob/get: octets within a response, as text or base64, and their digests (RFC 9404 §4.2)."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from pillarbox.model.errors import NotFound
from pillarbox.serve.jmap.blob.octets import BLOB, OpenBlobs
from pillarbox.serve.jmap.blobs import Blob
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem, UnsignedInt
from pillarbox.serve.jmap.standard.get import checked_ids

DIGESTS: dict[str, str] = {"sha-256": "sha256", "sha": "sha1"}
"""By their names in HTTP, in lower case; the better one first (RFC 9404 §3.1)."""
TEXT, BASE64, EITHER = "data:asText", "data:asBase64", "data"
DEFAULT = (EITHER, "size")
PROPERTIES = frozenset(
    ("id", TEXT, BASE64, EITHER, "size", "isEncodingProblem", "isTruncated", *(f"digest:{name}" for name in DIGESTS))
)
_DATA = frozenset((TEXT, BASE64, EITHER))
IN_A_THREAD_OCTETS = 500_000


class BlobGet(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 9404 §4.2."""

    ids: list[str] | None = None
    properties: list[str] | None = None
    offset: UnsignedInt | None = None
    length: UnsignedInt | None = None


async def get(call: Call, arguments: BlobGet) -> Json:
    """By id only; an id may be that of a creation of this request (RFC 9404 §4.2.2)."""
    account_id = call.check_account(arguments.account_id)
    wanted = DEFAULT if arguments.properties is None else arguments.properties
    unknown = next((name for name in wanted if name not in PROPERTIES), None)
    if unknown is not None:
        raise Problem("invalidArguments", f"there is no property {unknown[:200]!r}")
    ids = checked_ids(call, arguments.ids)
    if ids is None:
        raise Problem("requestTooLarge", "ask for blobs by their ids")
    found: dict[str, Json] = {}
    not_found: list[str] = []
    for id in ids:
        blob_id = call.resolve(id)
        try:
            with OpenBlobs(call, account_id) as blobs:
                found[blob_id] = {"id": blob_id, **await _read(blobs, await blobs.open(blob_id), arguments, wanted)}
        except NotFound:
            not_found.append(id)
    return {"accountId": arguments.account_id, "list": list(found.values()), "notFound": not_found}


async def _read(blobs: OpenBlobs, blob: Blob, arguments: BlobGet, wanted: Sequence[str]) -> Json:
    """All that is asked for of one blob."""
    size, offset, length = blob.size_octets, arguments.offset or 0, arguments.length
    end = size if length is None else min(offset + length, size)
    made: Json = {}
    if offset > size or (length is not None and offset + length > size):
        made["isTruncated"] = True
    hashes = {name: hashlib.new(DIGESTS[name], usedforsecurity=False) for name in DIGESTS if f"digest:{name}" in wanted}
    has_data = not _DATA.isdisjoint(wanted)
    kept: list[bytes] = []
    if has_data or hashes:
        async for piece in blobs.pieces(blob, min(offset, size), end):
            for one in hashes.values():
                one.update(piece)
            if has_data:
                kept.append(piece)
            await asyncio.sleep(0)
    if has_data:
        made.update(await _as_asked(b"".join(kept), wanted))
    made.update((f"digest:{name}", _base64(one.digest())) for name, one in hashes.items())
    if "size" in wanted:
        made["size"] = size
    return made


async def _as_asked(octets: bytes, wanted: Sequence[str]) -> Json:
    """As text where it is one, as base64 where that is asked for, or must be (RFC 9404 §4.2)."""
    made: dict[str, Any] = {}
    is_text = True
    if TEXT in wanted or EITHER in wanted:
        try:
            made[TEXT] = octets.decode("utf-8")
        except UnicodeDecodeError:
            is_text = False
            made.update({"isEncodingProblem": True, TEXT: None})
    if BASE64 in wanted or (EITHER in wanted and not is_text):
        in_a_thread = len(octets) > IN_A_THREAD_OCTETS
        made[BASE64] = await asyncio.to_thread(_base64, octets) if in_a_thread else _base64(octets)
    return made


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


METHODS = (Method("Blob/get", BLOB, BlobGet, get),)
