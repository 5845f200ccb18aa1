"""The texts of a message, folded for search: what the tables of search keep, and what is made on the spot without them.

Of a content what is text is read, and no more. Folding costs CPU by size: large texts are folded in a thread.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.text import (
    FOLD_VERSION,
    all_header_text,
    fold,
    header_text,
    headers_of,
    search_text,
    text_parts,
)
from pillarbox.grammar.message.words import WORDS_VERSION, words_of
from pillarbox.store.search import FIELDS, PARTED

VERSION = FOLD_VERSION * 1_000 + WORDS_VERSION
KEPT_OCTETS = 262_144
"""Of header and body, folded, in UTF-8; of a larger text nothing is kept, and the content decides."""
RAW_OCTETS = 4 * KEPT_OCTETS
"""Of text parts and headers as they lie; what is larger is not even tried."""
ON_THE_LOOP_OCTETS = 65_536
_PLACES = tuple(ENVELOPE_FIELDS.index(name.encode()) for name in FIELDS)


class Folded(msgspec.Struct, frozen=True):
    """The fields of `store.search.FIELDS` by their values, all header fields, all text parts."""

    fields: tuple[str, ...]
    head: str
    body: str

    def octets(self) -> tuple[bytes, bytes, bytes] | None:
        """As they are kept; None when they are too large to be."""
        fields, head, body = (PARTED.join(map(_utf8, self.fields)), _utf8(self.head), _utf8(self.body))
        return (fields, head, body) if len(head) + len(body) <= KEPT_OCTETS else None

    def words(self) -> tuple[list[bytes], ...]:
        """By column: each of the fields, and the body."""
        return tuple(list(words_of(text)) for text in (*self.fields, self.body))


def kept_fields(octets: bytes) -> tuple[str, ...]:
    """The folded fields, from what is kept of them."""
    return tuple(field.decode() for field in octets.split(PARTED))


def folded_fields(part: Part) -> tuple[str, ...]:
    """The folded fields, from the envelope that was noted at delivery."""
    return tuple(fold(header_text(part.envelope[place] or b"")) for place in _PLACES)


async def folded_content(content: StoredContent, part: Part, *, most_octets: int | None = None) -> Folded | None:
    """All texts of a message; None when there is more than `most_octets` of them as they lie.

    Raises: NotFound (removed meanwhile), StorageUnavailable.
    """
    places, texts = headers_of(part), text_parts(part)
    size = sum(end - start for start, end in places) + sum(text.size_octets for text in texts)
    if most_octets is not None and size > most_octets:
        return None
    heads = [await content.read(start, end) for start, end in places]
    bodies = [(await content.read(text.body, text.end), text) for text in texts]
    if size <= ON_THE_LOOP_OCTETS:
        return _fold(part, heads, bodies)
    return await asyncio.to_thread(_fold, part, heads, bodies)


def _fold(root: Part, heads: Sequence[bytes], bodies: Sequence[tuple[bytes, Part]]) -> Folded:
    headers = (all_header_text(octets, [(0, len(octets))]) for octets in heads)
    texts = (
        fold(search_text(octets, msgspec.structs.replace(part, body=0, end=len(octets)))) for octets, part in bodies
    )
    return Folded(folded_fields(root), fold("\n".join(filter(None, headers))), "\n".join(texts))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
