"""SearchSnippet/get: where in a message the words of a search stand (RFC 8621 §5).

Words are found as `Email/query` finds them, folded, and where words begin; they are marked in the text as it was written.
"""

import asyncio
import heapq
from collections.abc import Iterator, Sequence

from pillarbox.core.contents.content import StoredContent
from pillarbox.grammar.jmap import email_filter
from pillarbox.grammar.jmap.header_forms import read_text
from pillarbox.grammar.jmap.ids import format_email
from pillarbox.grammar.jmap.query_filter import tokens_and_phrases
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.grammar.message.text import fold, search_text, text_parts
from pillarbox.grammar.message.words import Needle
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MessageId
from pillarbox.serve.jmap.email.get import message_ids
from pillarbox.serve.jmap.method import MAIL, AccountArguments, Call, Json, Method
from pillarbox.serve.jmap.standard.get import checked_ids

BATCH = 20
PREVIEW_OCTETS = 255
"""RFC 8621 §5: it must not be bigger."""
BEFORE_CHARACTERS = 40
"""Of the text that lead to the first word found."""
FOLDED_CHARACTERS = 65_536
"""In which a word is looked for letter by letter; it is slow."""
READ_IN_A_THREAD_OCTETS = 500_000
_SUBJECT = ENVELOPE_FIELDS.index(b"subject")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARK, _END_OF_MARK = "<mark>", "</mark>"


class SnippetArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """RFC 8621 §5.1."""

    email_ids: list[str]
    filter: Json | None = None


class Words:
    """What a filter looks for in subjects and in bodies; what stands below a NOT is not looked for."""

    def __init__(self, filter: Json | None) -> None:
        self.subject: list[Needle] = []
        self.body: list[Needle] = []
        self._gather(filter or {})

    def _gather(self, value: Json) -> None:
        if "operator" in value:
            for condition in value["conditions"] if value["operator"] != "NOT" else ():
                self._gather(condition)
            return
        for name, lists in (
            ("text", (self.subject, self.body)),
            ("subject", (self.subject,)),
            ("body", (self.body,)),
        ):
            for found in lists:
                found += [
                    Needle(fold(token), is_phrase=is_phrase)
                    for token, is_phrase in tokens_and_phrases(value.get(name, ""))
                ]


async def get(call: Call, arguments: SnippetArguments) -> Json:
    """Of the messages asked for."""
    account_id = call.check_account(arguments.account_id)
    email_filter.parse(arguments.filter)
    ids = checked_ids(call, arguments.email_ids) or []
    found = await _snippets(call, account_id, message_ids(ids), Words(arguments.filter))
    return {
        "accountId": arguments.account_id,
        "list": [found[id] for id in ids if id in found],
        "notFound": [id for id in ids if id not in found] or None,
    }


async def _snippets(call: Call, account_id: AccountId, ids: Sequence[MessageId], words: Words) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for start in range(0, len(ids), BATCH):
        contents = await call.mail.emails.contents(account_id, ids[start : start + BATCH])
        try:
            for message_id, content in contents.items():
                id = format_email(message_id)
                try:
                    made[id] = {"emailId": id, **await _snippet(content, words)}
                except NotFound:
                    continue  # it was removed meanwhile
        finally:
            for content in contents.values():
                content.close()
    return made


async def _snippet(content: StoredContent, words: Words) -> Json:
    part = content.part
    subject = read_text(part.envelope[_SUBJECT] or b"")
    preview = None
    if words.body:
        octets = await content.read()
        if len(octets) < READ_IN_A_THREAD_OCTETS:
            preview = _preview(octets, part, words.body)
        else:
            preview = await asyncio.to_thread(_preview, octets, part, words.body)
    await asyncio.sleep(0)
    return {"subject": marked(subject, words.subject), "preview": preview}


def _preview(octets: bytes, root: Part, words: Sequence[Needle]) -> str | None:
    """Around the first word, in the first part that has one."""
    for part in text_parts(root):
        text = search_text(octets, part)
        folded = fold(text)
        if any(word.is_in(folded) for word in words):
            return excerpt(" ".join(text.split()), words)
    return None


# --- marking ---------------------------------------------------------------------------------------------------------


def places(text: str, words: Sequence[Needle]) -> Iterator[tuple[int, int]]:
    """Where words stand in a text, from left to right, none in another; of two in one place the longer."""
    last = 0
    for start, end in _all_places(text, words):
        if start >= last:
            yield start, end
            last = end


def _all_places(text: str, words: Sequence[Needle]) -> Iterator[tuple[int, int]]:
    if text.isascii():
        yield from _merged(text.lower(), words)
        return
    text = text[:FOLDED_CHARACTERS]
    letters = [fold(letter) for letter in text]
    origins = [place for place, folded in enumerate(letters) for _ in folded]
    for start, end in _merged("".join(letters), words):
        yield origins[start], origins[end - 1] + 1


def _merged(folded: str, words: Sequence[Needle]) -> Iterator[tuple[int, int]]:
    return heapq.merge(*(word.places(folded) for word in words), key=lambda place: (place[0], -place[1]))


def marked(text: str, words: Sequence[Needle]) -> str | None:
    """The text as HTML with its words marked; None when it has none of them."""
    found = list(places(text, words)) if words else []
    return "".join(_pieces(text, found)) if found else None


def excerpt(text: str, words: Sequence[Needle]) -> str | None:
    """What is around the first word, as HTML of at most 255 octets, never cut within a tag, entity or character."""
    found = list(places(text, words))
    if not found:
        return None
    start = max(0, found[0][0] - BEFORE_CHARACTERS)
    if start:
        start = text.find(" ", start, found[0][0]) + 1 or start
    kept: list[str] = []
    room = PREVIEW_OCTETS
    inside = False
    for piece in _pieces(text, found, start):
        size = len(piece.encode("utf-8", "replace"))
        if size + _room_for_end(piece, inside) > room:
            if inside:
                kept.append(_END_OF_MARK)
            break
        inside = piece == _MARK or (inside and piece != _END_OF_MARK)
        kept.append(piece)
        room -= size
    return "".join(kept)


def _room_for_end(piece: str, inside: bool) -> int:
    """What must be left behind a piece: an end of the mark, and in front of it the letter that is marked."""
    if piece == _MARK:
        return len(_END_OF_MARK) + max(map(len, _ENTITIES.values()))
    return len(_END_OF_MARK) if inside and piece != _END_OF_MARK else 0


def _pieces(text: str, found: Sequence[tuple[int, int]], start: int = 0) -> Iterator[str]:
    """Letters, entities and tags, one by one."""
    for low, high in found:
        yield from (_ENTITIES.get(letter, letter) for letter in text[start:low])
        yield _MARK
        yield from (_ENTITIES.get(letter, letter) for letter in text[low:high])
        yield _END_OF_MARK
        start = high
    yield from (_ENTITIES.get(letter, letter) for letter in text[start:])


METHODS = (Method("SearchSnippet/get", MAIL, SnippetArguments, get),)
