"""Stored messages as Email objects (RFC 8621 §4.1): what is known without reading comes from the store's rows.

Reads go in batches. A content is read only where a property asks for it, and of a large one no more than that needs;
what takes long is done in a thread. All that comes out of contents is counted (`Call.spend`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache

import msgspec

from pillarbox.core.contents.content import StoredContent
from pillarbox.core.email.emails import EmailFacts, EmailParts
from pillarbox.grammar.jmap import keywords
from pillarbox.grammar.jmap.body import preview
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.jmap.email import Values, Wanted, parse_wanted, read_email
from pillarbox.grammar.jmap.header_forms import Form, reader_of
from pillarbox.grammar.jmap.ids import MessageBlob, format_blob, format_email, format_mailbox, format_thread
from pillarbox.grammar.message.body import body_lists, body_tree
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import ENVELOPE_FIELDS
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId, MessageId
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, UnsignedInt

BATCH = 50
MADE_AT_ONCE = 20
"""Objects between two turns of others."""
OPENING_OCTETS = 32_768
"""Of a content that is read for a preview at first: mostly that is all of it."""
READ_IN_A_THREAD_OCTETS = 500_000
PREVIEW_OCTETS = 524_288
"""Of a text part; a preview looks at no more."""
PREVIEW_PARTS = 3
_KEPT = {name.decode(): place for place, name in enumerate(ENVELOPE_FIELDS)}
_PREVIEW = frozenset(("preview",))
_WHOLE = frozenset(("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"))
"""Sizes and values of parts, wherever they are; for all else the beginning of a message will do."""


class ReadingArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What Email/get and Email/parse have in common (RFC 8621 §4.2, §4.9)."""

    properties: list[str] | None = None
    body_properties: list[str] | None = None
    fetch_text_body_values: bool = False
    fetch_html_body_values: bool = msgspec.field(default=False, name="fetchHTMLBodyValues")
    fetch_all_body_values: bool = False
    max_body_value_bytes: UnsignedInt = 0


def wanted_of(arguments: ReadingArguments, default: Sequence[str]) -> Wanted:
    """Raises: SyntaxProblem for a property that there is not, or a form that its field may not have."""
    values = Values(
        text=arguments.fetch_text_body_values,
        html=arguments.fetch_html_body_values,
        all=arguments.fetch_all_body_values,
        most_octets=arguments.max_body_value_bytes,
    )
    properties = default if arguments.properties is None else arguments.properties
    return parse_wanted(properties, arguments.body_properties, values)


_keywords = lru_cache(maxsize=1024)(keywords.format)

_METADATA: dict[str, Callable[[EmailFacts], object]] = {
    "id": lambda facts: format_email(facts.id),
    "blobId": lambda facts: format_blob(MessageBlob(facts.id)),
    "threadId": lambda facts: format_thread(facts.thread_id),
    "mailboxIds": lambda facts: {format_mailbox(mailbox_id): True for mailbox_id in facts.mailbox_ids},
    "keywords": lambda facts: _keywords(facts.flags),
    "size": lambda facts: facts.size_octets,
    "receivedAt": lambda facts: format_utc(facts.received),
}


def metadata_of(facts: Sequence[EmailFacts], wanted: Wanted) -> dict[MessageId, Json]:
    """What the store knows of messages; always their ids."""
    readers = [(name, _METADATA[name]) for name in dict.fromkeys(("id", *wanted.metadata))]
    return {one.id: {name: read(one) for name, read in readers} for one in facts}


async def read_emails(
    call: Call, account_id: AccountId, ids: Sequence[MessageId], wanted: Wanted
) -> dict[MessageId, Json]:
    """The wanted properties of those that show. Raises: Problem: requestTooLarge."""
    made: dict[MessageId, Json] = {}
    is_in_rows = wanted.needs_structure and is_kept(wanted)
    if not is_in_rows:
        facts, _ = await call.mail.emails.facts(account_id, ids)
        made = metadata_of(list(facts.values()), wanted)
        ids = list(made)
    if not wanted.needs_structure:
        return made
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        if is_in_rows:
            batch = await _from_rows(call, account_id, batch, wanted, made)
        async for message_id, value in _from_contents(call, account_id, batch, wanted):
            made[message_id].update(value)
    return made


# --- without reading -------------------------------------------------------------------------------------------------


def is_kept(wanted: Wanted) -> bool:
    """Whether rows will do for most messages: the fields of the envelope, in a form that unfolding leaves alone; and
    the beginning of a content for a preview."""
    return not _without(wanted, _PREVIEW).needs_content and all(
        one.key in _KEPT and one.form is not Form.RAW and not one.all for _, one in wanted.headers
    )


def _without(wanted: Wanted, plain: frozenset[str]) -> Wanted:
    """What is wanted besides header fields and these."""
    return msgspec.structs.replace(wanted, headers=(), plain=wanted.plain - plain)


async def _from_rows(
    call: Call, account_id: AccountId, ids: Sequence[MessageId], wanted: Wanted, made: dict[MessageId, Json]
) -> list[MessageId]:
    """Make what rows tell; the ids of those that must be read all the same."""
    bare = _without(wanted, _PREVIEW)
    fields = [(name, _KEPT[one.key], reader_of(one.form)) for name, one in wanted.headers]
    has_preview, needs_structure = "preview" in wanted.plain, bare.needs_structure
    found = await call.mail.emails.listed(account_id, ids, opening_octets=OPENING_OCTETS if has_preview else 0)
    made.update(metadata_of([one.facts for one in found], wanted))
    left: list[MessageId] = []
    for count, one in enumerate(found):
        if count % MADE_AT_ONCE == 0:
            await asyncio.sleep(0)
        part, value = one.parts.part, made[one.facts.id]
        shown = _preview(one.parts) if has_preview else ""
        if shown is None or (fields and part.is_repeated):
            left.append(one.facts.id)  # the envelope has all instances, a property the last one
            continue
        for name, place, read in fields:
            octets = part.envelope[place]
            value[name] = None if octets is None else read(octets)
        if needs_structure:
            value.update(read_email(b"", part, bare, blob_id=""))
        if has_preview:
            value["preview"] = shown
    return left


def _preview(parts: EmailParts) -> str | None:
    """None where the beginning of the content is not enough."""
    return None if parts.opening is None else preview(parts.opening, body_lists(body_tree(parts.part)))


# --- from octets -----------------------------------------------------------------------------------------------------


async def _from_contents(
    call: Call, account_id: AccountId, ids: Sequence[MessageId], wanted: Wanted
) -> AsyncIterator[tuple[MessageId, Json]]:
    contents = await call.mail.emails.contents(account_id, ids) if ids else {}
    try:
        for message_id, content in contents.items():
            try:
                blob_id = format_blob(MessageBlob(message_id))
                yield message_id, await read_content(call, content, content.part, wanted, blob_id=blob_id)
            except NotFound:
                continue  # it was removed meanwhile
    finally:
        for content in contents.values():
            content.close()


async def read_content(call: Call, content: StoredContent, part: Part, wanted: Wanted, *, blob_id: str) -> Json:
    """What the octets of one message answer. Raises: Problem: requestTooLarge, NotFound."""
    octets = await content.read(0, octets_needed(part, wanted))
    if len(octets) < READ_IN_A_THREAD_OCTETS:
        value = read_email(octets, part, wanted, blob_id=blob_id)
    else:
        value = await asyncio.to_thread(read_email, octets, part, wanted, blob_id=blob_id)
    call.spend(_weight(part, wanted, value))
    await asyncio.sleep(0)
    return value


def octets_needed(part: Part, wanted: Wanted) -> int | None:
    """How much of the beginning of a message must be read; None is all."""
    if not wanted.plain.isdisjoint(_WHOLE):
        return None
    if "preview" not in wanted.plain:
        return part.body
    lists = body_lists(body_tree(part))
    texts = [one.part for one in (*lists.text, *lists.html) if one.is_text][:PREVIEW_PARTS]
    return max((min(text.end, text.body + PREVIEW_OCTETS) for text in texts), default=part.body)


def _weight(part: Part, wanted: Wanted, value: Json) -> int:
    """Roughly how many octets of the message are in the object."""
    header = part.body - part.start if wanted.headers or "headers" in wanted.plain else 0
    return header + sum(len(one["value"]) for one in value.get("bodyValues", {}).values())
