"""A message as an Email object: what is asked for, and what its octets and structure answer (RFC 8621 §4.1, §4.2).

The properties that the store knows (`METADATA`) are the caller's to add.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.grammar.jmap import body
from pillarbox.grammar.jmap.body import PartProperties, PartWriter, body_value, parse_part_properties
from pillarbox.grammar.jmap.headers import CONVENIENCE, HeaderFields, HeaderProperty, parse_property, read_properties
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message.body import BodyLists, BodyPart, body_lists, body_tree, has_attachment, has_files
from pillarbox.grammar.message.header import Content
from pillarbox.grammar.message.part import Part
from pillarbox.model.errors import SyntaxProblem

METADATA = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
BODY = ("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments", "hasAttachment", "preview")
_FOR_READING = (
    "messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt",
    "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody", "attachments",
)  # fmt: skip
DEFAULT_PROPERTIES = (*METADATA, *_FOR_READING)
"""Of Email/get (RFC 8621 §4.2)."""
PARSE_PROPERTIES = _FOR_READING
"""Of Email/parse (RFC 8621 §4.9)."""

_PLAIN = frozenset((*METADATA, *BODY, "headers"))
_FROM_STRUCTURE = frozenset(("hasAttachment",))
_OF_PARTS = frozenset(BODY) - _FROM_STRUCTURE


class Values(msgspec.Struct, frozen=True):
    """Which text parts `bodyValues` has, and how much of each; 0 octets is no bound."""

    text: bool = False
    html: bool = False
    all: bool = False
    most_octets: int = 0


class Wanted(msgspec.Struct, frozen=True):
    """What a client asks of each Email."""

    plain: frozenset[str]
    headers: tuple[tuple[str, HeaderProperty], ...] = ()
    parts: PartProperties = PartProperties()
    values: Values = Values()

    @property
    def metadata(self) -> tuple[str, ...]:
        """Those that the caller adds."""
        return tuple(name for name in METADATA if name in self.plain)

    @property
    def needs_content(self) -> bool:
        """Whether the message's octets must be read; else its structure will do, or not even that."""
        return bool(self.headers) or not self.plain <= {*METADATA, *_FROM_STRUCTURE}

    @property
    def needs_structure(self) -> bool:
        """Whether the tree of parts is looked at."""
        return self.needs_content or not self.plain.isdisjoint(BODY)


def parse_wanted(
    properties: Iterable[str], part_properties: Sequence[str] | None = None, values: Values | None = None
) -> Wanted:
    """Raises: SyntaxProblem for a property that does not exist, or a form that its field may not have."""
    plain: set[str] = set()
    headers: dict[str, HeaderProperty] = {}
    for name in properties:
        if name in CONVENIENCE:
            headers[name] = CONVENIENCE[name]
        elif name.startswith("header:"):
            headers[name] = parse_property(name)
        elif name in _PLAIN:
            plain.add(name)
        else:
            raise SyntaxProblem("a property of Email")
    parts = PartProperties() if part_properties is None else parse_part_properties(part_properties)
    return Wanted(frozenset(plain), tuple(headers.items()), parts, values or Values())


def read_email(content: Content, root: Part, wanted: Wanted, *, blob_id: str) -> JsonObject:
    """The wanted properties but for metadata. `blob_id` names the message; its parts' blob ids begin with it.

    `content` may be empty where `wanted.needs_content` is false.
    """
    made: JsonObject = {}
    if wanted.headers or "headers" in wanted.plain:
        header = HeaderFields(content, root.start, root.body)
        made.update(read_properties(header, wanted.headers))
        if "headers" in wanted.plain:
            made["headers"] = header.all()
    if not wanted.plain.isdisjoint(BODY):
        made.update(_read_body(content, root, wanted, blob_id))
    return made


def _read_body(content: Content, root: Part, wanted: Wanted, blob_id: str) -> JsonObject:
    if wanted.plain.isdisjoint(_OF_PARTS):
        return {"hasAttachment": has_files(root)}
    tree = body_tree(root)
    lists = body_lists(tree)
    writer = PartWriter(content, blob_id, wanted.parts)
    made: JsonObject = {}
    for name in BODY:
        if name not in wanted.plain:
            continue
        match name:
            case "bodyStructure":
                made[name] = writer.write(tree, with_children=True)
            case "bodyValues":
                made[name] = _values(content, tree, lists, wanted.values)
            case "textBody":
                made[name] = [writer.write(part) for part in lists.text]
            case "htmlBody":
                made[name] = [writer.write(part) for part in lists.html]
            case "attachments":
                made[name] = [writer.write(part) for part in lists.attachments]
            case "hasAttachment":
                made[name] = has_attachment(lists)
            case _:
                made[name] = body.preview(content, lists) or ""
    return made


def _values(content: Content, tree: BodyPart, lists: BodyLists, values: Values) -> JsonObject:
    chosen: dict[str, BodyPart] = {}
    for is_asked, parts in ((values.all, tree.leaves()), (values.text, lists.text), (values.html, lists.html)):
        if is_asked:
            chosen.update((part.number, part) for part in parts if part.is_text)
    return {number: body_value(content, part, most_octets=values.most_octets) for number, part in chosen.items()}
