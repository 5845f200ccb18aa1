"""Contents that cards bring: blobs that a client names, and `data:` URIs (RFC 9610 §3).

Each becomes an upload first, if it is none; the card then holds it. So nothing is written for a card that is refused
but an upload, which goes by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pillarbox.grammar.jmap.ids import UploadBlob, format_blob, parse_blob
from pillarbox.grammar.jscontact import media as contents
from pillarbox.model.contact import StoredCard
from pillarbox.model.errors import NotFound, SyntaxProblem, TooLarge
from pillarbox.model.ids import BlobId
from pillarbox.serve.jmap.blobs import Blob, open_blob
from pillarbox.serve.jmap.contact.objects import Medium, content_of
from pillarbox.serve.jmap.method import Call, Json, SetProblem

MOST = 20
"""Contents that one object may bring."""


async def find_media(call: Call, value: Json, stored: StoredCard | None = None) -> dict[str, Medium]:
    """The contents that the object names, by what it names them with; those that the card holds already are there.

    Raises: SetProblem; MailError.
    """
    found = _held(stored)
    media = value.get("media")
    if not isinstance(media, dict):
        return found
    photographs = _photographs(stored)
    named = {key: text for key, medium in media.items() if (text := content_of(medium)) is not None}
    named = {
        key: text
        for key, text in named.items()
        if text not in found or (media[key].get("kind") == "photo" and text not in photographs)
    }
    if len(named) > MOST:
        raise SetProblem("invalidProperties", f"at most {MOST} contents at once", properties=["media"])
    for key, text in named.items():
        must_be_image = media[key].get("kind") == "photo"
        try:
            found[text] = await (_data(call, text) if contents.is_data(text) else _blob(call, text))
        except (SyntaxProblem, NotFound) as problem:
            raise _wrong(key, problem.text) from None
        if must_be_image and not found[text].type.startswith("image/"):
            raise _wrong(key, "a photograph must be an image")
    return found


def _wrong(key: str, description: str) -> SetProblem:
    return SetProblem("invalidProperties", description, properties=[f"media/{key}"])


def _held(stored: StoredCard | None) -> dict[str, Medium]:
    if stored is None:
        return {}
    types = _types(stored)
    return {
        format_blob(UploadBlob(blob)): Medium(blob, types.get(key, contents.DEFAULT_TYPE))
        for key, blob in stored.contents.items()
    }


def _types(stored: StoredCard) -> Mapping[str, str]:
    return {key: medium["mediaType"] for key, medium in _media(stored).items() if "mediaType" in medium}


def _photographs(stored: StoredCard | None) -> set[str]:
    """Of its contents those that are known to be images."""
    if stored is None:
        return set()
    kinds = {key: medium["kind"] for key, medium in _media(stored).items()}
    return {format_blob(UploadBlob(blob)) for key, blob in stored.contents.items() if kinds[key] == "photo"}


def _media(stored: StoredCard) -> dict[str, Json]:
    media: Any = stored.card.get("media", {})
    return dict(media)


async def _data(call: Call, uri: str) -> Medium:
    said, octets = contents.parse_data(uri)
    blob = await _keep(call, [octets])
    return Medium(blob, contents.image_type(octets[: contents.HEAD_OCTETS]) or _no_image(said))


def _no_image(said: str) -> str:
    """What is said of a content that is no image that we know."""
    return contents.DEFAULT_TYPE if not said or said.startswith("image/") else said


async def _blob(call: Call, text: str) -> Medium:
    blob = await open_blob(call.mail, call.account.id, text)
    try:
        if blob.size_octets > call.mail.limits.card_medium_octets:
            raise TooLarge(f"a content has at most {call.mail.limits.card_medium_octets} octets")
        head = await blob.read(0, min(contents.HEAD_OCTETS, blob.size_octets))
        kind = contents.image_type(head) or contents.DEFAULT_TYPE
        known = parse_blob(text)
        if isinstance(known, UploadBlob) and not known.part:
            return Medium(known.blob_id, kind)
        return Medium(await _keep(call, await _pieces(blob)), kind)
    finally:
        blob.close()


async def _pieces(blob: Blob) -> list[bytes]:
    return [piece async for piece in blob.pieces()]


async def _keep(call: Call, pieces: Iterable[bytes]) -> BlobId:
    """As an upload. Raises: TooLarge, OverQuota."""
    spool = call.mail.uploads.begin()
    try:
        for piece in pieces:
            if not spool.write(piece):
                await spool.drain()
        with await spool.finish() as content:
            return (await call.mail.uploads.keep(call.account.id, content)).blob
    finally:
        spool.abort()
