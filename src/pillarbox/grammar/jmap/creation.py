"""The creation object of an Email, read and checked before anything is written (RFC 8621 §4.6).

All that is wrong is gathered, so that a client hears of it at once. Names of properties inside are pointers:
`bodyStructure/subParts/0/type`.
"""

from collections.abc import Iterator, Mapping

import msgspec

from pillarbox.grammar.jmap.creation_part import NewPart, PartReader, Problems, read_fields
from pillarbox.grammar.jmap.headers import CONVENIENCE
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

OF_THE_STORE = frozenset(("mailboxIds", "keywords", "receivedAt"))
"""Properties that say where the Email goes, not what it is: the caller reads them."""
MOST_TOLD = 100
"""Of wrong properties; who sends more has another problem."""
_BODY = frozenset(("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"))


class InvalidEmail(SyntaxProblem):
    """invalidProperties (RFC 8620 §5.3): these cannot be, or not together."""

    def __init__(self, properties: tuple[str, ...]) -> None:
        super().__init__("other values of " + ", ".join(properties[:20]))
        self.properties = properties


class NewEmail(msgspec.Struct, frozen=True):
    """An Email to be: its header fields, each with the text behind the colon, and its body."""

    fields: tuple[tuple[str, str], ...]
    body: NewPart

    def blob_ids(self) -> tuple[str, ...]:
        """All blobs that it is made of, each once."""
        return tuple(dict.fromkeys(part.blob_id for part in self._parts(self.body) if part.blob_id is not None))

    def content_octets(self, blobs: Mapping[str, int]) -> int:
        """At least so long are all texts and blobs together, each as often as a part has it; `blobs` are their sizes."""
        parts = self._parts(self.body)
        return sum(len(part.text or "") + blobs.get(part.blob_id or "", 0) for part in parts)

    def _parts(self, part: NewPart) -> Iterator[NewPart]:
        yield part
        for child in part.children:
            yield from self._parts(child)


def parse_creation(email: object, *, limits: Limits) -> NewEmail:
    """Raises: InvalidEmail, with every property that is wrong; SyntaxProblem when it is no object."""
    if not isinstance(email, dict):
        raise SyntaxProblem("an Email object")
    problems = Problems()
    given = {name: value for name, value in email.items() if value is not None and name not in OF_THE_STORE}
    for name in given:
        if name not in _BODY and name not in CONVENIENCE and not name.startswith("header:"):
            problems.add(name)
    fields, keys = read_fields(given, "", problems)
    is_too_large = sum(len(name) + len(value) for name, value in fields) * 4 > limits.header_octets
    for key, name in keys.items():
        if key.startswith("content-") or is_too_large:
            problems.add(name)
    reader = PartReader(_body_values(given.get("bodyValues", {}), problems), problems, limits)
    body = _structure(given, reader, problems)
    for key, name in body.field_keys.items():
        if key in keys:
            problems.add(keys[key], name)
    if problems.found:
        raise InvalidEmail(tuple(problems.found)[:MOST_TOLD])
    return NewEmail((*fields, *body.fields), body)


def _body_values(value: object, problems: Problems) -> dict[str, str]:
    if not isinstance(value, dict):
        problems.add("bodyValues")
        return {}
    found = {}
    for part_id, item in value.items():
        match item:
            case {"value": str(text), **others} if others.keys() <= {"isEncodingProblem", "isTruncated"}:
                if all(flag is False for flag in others.values()):
                    found[part_id] = text
                    continue
        problems.add(f"bodyValues/{part_id}")
    return found


def _structure(given: JsonObject, reader: PartReader, problems: Problems) -> NewPart:
    if "bodyStructure" in given:
        for name in ("textBody", "htmlBody", "attachments"):
            if name in given:
                problems.add(name, "bodyStructure")
        return reader.read(given["bodyStructure"], "bodyStructure")
    text = _only(given, "textBody", "text/plain", reader, problems)
    html = _only(given, "htmlBody", "text/html", reader, problems)
    attachments: list[NewPart] = []
    files = given.get("attachments", [])
    if isinstance(files, list):
        attachments = [_as_file(reader.read(value, f"attachments/{place}")) for place, value in enumerate(files)]
    else:
        problems.add("attachments")
    return _assembled(text, html, attachments)


def _as_file(part: NewPart) -> NewPart:
    """An attachment that says nothing of its disposition would be read as a part of the body, if it is text or image."""
    says_nothing = part.disposition is None and part.cid is None and "content-disposition" not in part.field_keys
    return msgspec.structs.replace(part, disposition="attachment") if says_nothing and not part.children else part


def _only(given: JsonObject, name: str, kind: str, reader: PartReader, problems: Problems) -> NewPart | None:
    """The one part of textBody or htmlBody, which must be of its type."""
    if name not in given:
        return None
    match given[name]:
        case [value]:
            part = reader.read(value, f"{name}/0", default=kind)
        case _:
            problems.add(name)
            return None
    if part.kind.lower() != kind:
        problems.add(f"{name}/0/type")
    return part


def _assembled(text: NewPart | None, html: NewPart | None, attachments: list[NewPart]) -> NewPart:
    """mixed(related(alternative(text, html), images in the HTML), files), without the multiparts that hold one part."""
    body = text or html or NewPart("text/plain", text="")
    if text is not None and html is not None:
        body = NewPart("multipart/alternative", children=(text, html))
    if html is not None:
        inline = tuple(part for part in attachments if part.is_embedded)
        if inline:
            body = NewPart("multipart/related", children=(body, *inline))
            attachments = [part for part in attachments if not part.is_embedded]
    return NewPart("multipart/mixed", children=(body, *attachments)) if attachments else body
