"""A card as a ContactCard object, and back (RFC 9610 §3).

A medium that is a content of ours has a `blobId`; in the card that is kept it has nothing in its place. What came as a
`data:` URI becomes such a content (`media`).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.people.contacts import CardDraft
from pillarbox.grammar.jmap.ids import UploadBlob, format_blob, format_book, format_card, parse_card
from pillarbox.grammar.jscontact.media import is_data
from pillarbox.model.contact import BookId, CardId, StoredCard
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import BlobId
from pillarbox.serve.jmap.addressbook.objects import book_id_of
from pillarbox.serve.jmap.method import Call, Json, SetProblem

OURS = ("id", "addressBookIds")
"""Not of the card itself."""


class Medium(msgspec.Struct, frozen=True):
    """A content that is there, and what it is."""

    blob: BlobId
    type: str


def card_id_of(text: str) -> CardId:
    """0, which no card has, for what is no id of one."""
    try:
        return CardId(parse_card(text))
    except SyntaxProblem:
        return CardId(0)


def object_of(stored: StoredCard) -> Json:
    """All that it says, and where it is."""
    made: Json = {
        "id": format_card(stored.id),
        "addressBookIds": {format_book(book_id): True for book_id in sorted(stored.books)},
        **stored.card,
    }
    if stored.contents:
        media: Any = stored.card["media"]
        blobs = {key: format_blob(UploadBlob(blob)) for key, blob in stored.contents.items()}
        made["media"] = {
            key: {**medium, "blobId": blobs[key]} if key in blobs else medium for key, medium in media.items()
        }
    return made


def content_of(medium: object) -> str | None:
    """The blob id, or the URI that is the content itself; None where there is neither."""
    match medium:
        case {"blobId": str(text)}:
            return text
        case {"uri": str(text)} if is_data(text):
            return text
    return None


def draft_of(call: Call, value: Json, known: Mapping[str, Medium], default: BookId | None = None) -> CardDraft:
    """What the object says; `known` are the contents that it may name. Raises: SetProblem."""
    card = {name: said for name, said in value.items() if name not in OURS}
    contents: dict[str, BlobId] = {}
    media = card.get("media")
    if isinstance(media, dict):
        card["media"] = {key: _taken(key, medium, known, contents) for key, medium in media.items()}
    return CardDraft(card, _books(call, value, default), contents)


def _taken(key: str, medium: object, known: Mapping[str, Medium], contents: dict[str, BlobId]) -> object:
    """The medium without its content, which goes to `contents`."""
    if not isinstance(medium, dict) or not ("blobId" in medium or content_of(medium) is not None):
        return medium
    content = known.get(content_of(medium) or "")
    if content is None or ("blobId" in medium and "uri" in medium):
        raise SetProblem("invalidProperties", "there is no such content", properties=[f"media/{key}"])
    contents[key] = content.blob
    kept = {name: said for name, said in medium.items() if name not in ("blobId", "uri")}
    return {**kept, "mediaType": kept.get("mediaType") or content.type}


def _books(call: Call, value: Json, default: BookId | None) -> frozenset[BookId]:
    """Of a new card that does not say, the default one: for clients that know of no address books."""
    said = value.get("addressBookIds")
    if said is None and default is not None:
        return frozenset((default,))
    if not isinstance(said, dict) or not said or not all(is_in is True for is_in in said.values()):
        raise SetProblem("invalidProperties", "some address book", properties=["addressBookIds"])
    return frozenset(book_id_of(call.resolve(id)) for id in said)
