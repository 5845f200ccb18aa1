"""EmailBodyParts and header fields of a creation object (RFC 8621 §4.6): read, checked, and what is wrong noted."""

import re

import msgspec

from pillarbox.grammar.jmap.header_values import write_value
from pillarbox.grammar.jmap.headers import CONVENIENCE, HeaderProperty, parse_property
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message import parameters
from pillarbox.grammar.message.parameters import parse_type
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

NAME_OCTETS = 500
"""Of a field's name; it cannot be folded."""

_FIELD_OF = {
    "type": "content-type",
    "charset": "content-type",
    "disposition": "content-disposition",
    "cid": "content-id",
    "language": "content-language",
    "location": "content-location",
}
_OTHERS = frozenset(("partId", "blobId", "size", "name", "subParts"))
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_STRINGS = {
    "partId": re.compile(r".+", re.DOTALL),
    "blobId": re.compile(r"[A-Za-z0-9_-]{1,255}"),
    "type": re.compile(_TOKEN + "/" + _TOKEN),
    "charset": re.compile(_TOKEN),
    "disposition": re.compile(_TOKEN),
    "cid": re.compile(r"[^\s<>()\x00-\x1f\x7f]{1,250}"),
    "location": re.compile(r"[^\s\x00-\x1f\x7f]{1,900}"),
    "name": re.compile("[^\ud800-\udfff]{0,1000}"),
}
_ATTRIBUTE = re.compile(rb"[A-Za-z0-9!#$&^_.+-]{1,60}")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,60}")


class NewPart(msgspec.Struct, frozen=True):
    """A MIME entity to be: its content is `text`, a blob, or children.

    `fields` are the header fields without a property of their own, `field_keys` their lower-case names and the
    properties that gave them.
    """

    kind: str
    text: str | None = None
    blob_id: str | None = None
    children: tuple["NewPart", ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    disposition: str | None = None
    cid: str | None = None
    language: tuple[str, ...] = ()
    location: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    field_keys: dict[str, str] = {}

    @property
    def is_embedded(self) -> bool:
        """Whether an HTML part shows it by its Content-ID."""
        return self.cid is not None and (self.disposition or "").lower() == "inline"


class Problems:
    """The properties that are wrong, in the order in which they were met."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}

    def add(self, *names: str) -> None:
        """These, together or each for itself."""
        self.found.update(dict.fromkeys(names))


def read_fields(given: JsonObject, prefix: str, problems: Problems) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """The header fields of an Email or a part, written; and by lower-case name, which property gave each.

    Two properties for one field are wrong, both of them.
    """
    fields: list[tuple[str, str]] = []
    keys: dict[str, str] = {}
    for text, value in given.items():
        wanted = None if prefix else CONVENIENCE.get(text)
        if wanted is None and not text.startswith("header:"):
            continue
        try:
            wanted = wanted or parse_property(text)
            written = _written(wanted, value)
        except SyntaxProblem:
            problems.add(prefix + text)
            continue
        if wanted.key in keys:
            problems.add(keys[wanted.key], prefix + text)
        keys[wanted.key] = prefix + text
        fields += [(wanted.name, one) for one in written]
    return fields, keys


def _written(wanted: HeaderProperty, value: object) -> list[str]:
    if len(wanted.name) > NAME_OCTETS:
        raise SyntaxProblem("a shorter name")
    if wanted.all and not isinstance(value, list):
        raise SyntaxProblem("an array of values")
    values = value if wanted.all and isinstance(value, list) else [value]
    written = [write_value(wanted.name, one, wanted.form) for one in values]
    return [one for one in written if one is not None]


class PartReader:
    """Reads the parts of one Email."""

    def __init__(self, texts: dict[str, str], problems: Problems, limits: Limits) -> None:
        self._texts = texts
        self._problems = problems
        self._limits = limits
        self._left = limits.parts

    def read(self, value: object, path: str, *, default: str = "", depth: int = 0) -> NewPart:
        """The part at `path`; of one that is wrong, something in its place."""
        self._left -= 1
        if not isinstance(value, dict) or self._left < 0 or depth > self._limits.part_depth:
            self._problems.add(path)
            return NewPart("text/plain", text="")
        given = {name: one for name, one in value.items() if one is not None}
        strings = self._strings(given, path)
        fields, keys, (kind, others) = self._fields(given, path)
        kind = strings.get("type") or kind or default or _default_type(given)
        charset = strings.get("charset")
        if charset is not None:
            others = (("charset", charset), *others)
        children = self._children(given, path, depth) if "subParts" in given else ()
        self._check_content(given, kind, path)
        return NewPart(
            kind,
            text=self._text(given, strings.get("partId"), path),
            blob_id=strings.get("blobId"),
            children=children,
            parameters=others,
            name=strings.get("name"),
            disposition=strings.get("disposition"),
            cid=strings.get("cid"),
            language=self._language(given, path),
            location=strings.get("location"),
            fields=tuple(fields),
            field_keys=keys,
        )

    def _strings(self, given: JsonObject, path: str) -> dict[str, str]:
        found = {}
        for name, value in given.items():
            pattern = _STRINGS.get(name)
            if pattern is not None and isinstance(value, str) and pattern.fullmatch(value):
                found[name] = value
            elif pattern is not None or not (name in _FIELD_OF or name in _OTHERS or name.startswith("header:")):
                self._problems.add(f"{path}/{name}")
        return found

    def _language(self, given: JsonObject, path: str) -> tuple[str, ...]:
        tags = given.get("language", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) and _LANGUAGE.fullmatch(tag) for tag in tags):
            self._problems.add(f"{path}/language")
            return ()
        return tuple(tags)

    def _fields(
        self, given: JsonObject, path: str
    ) -> tuple[list[tuple[str, str]], dict[str, str], tuple[str, tuple[tuple[str, str], ...]]]:
        """Header fields but Content-Type; their keys; and the type and parameters that Content-Type gave."""
        fields, keys = read_fields(given, f"{path}/", self._problems)
        for name, key in _FIELD_OF.items():
            if name in given and key in keys:
                self._problems.add(f"{path}/{name}", keys[key])
        if "content-transfer-encoding" in keys:
            self._problems.add(keys["content-transfer-encoding"])
        kept = [(name, value) for name, value in fields if name.lower() != "content-type"]
        types = [value for name, value in fields if name.lower() == "content-type"]
        if not types:
            return kept, keys, ("", ())
        parsed = parse_type(types[-1].encode("utf-8", "replace"))
        if parsed is None or len(types) > 1 or ("partId" in given and parameters.find(parsed[2], b"charset")):
            self._problems.add(keys["content-type"])
            return kept, keys, ("", ())
        kind = f"{parsed[0].decode('utf-8', 'replace')}/{parsed[1].decode('utf-8', 'replace')}"
        if _STRINGS["type"].fullmatch(kind) is None:
            self._problems.add(keys["content-type"])
        return kept, keys, (kind, _plain_parameters(parsed[2]))

    def _children(self, given: JsonObject, path: str, depth: int) -> tuple[NewPart, ...]:
        values = given["subParts"]
        if not isinstance(values, list) or not values:
            self._problems.add(f"{path}/subParts")
            return ()
        return tuple(
            self.read(value, f"{path}/subParts/{place}", depth=depth + 1)
            for place, value in enumerate(values[: self._limits.parts + 1])
        )

    def _check_content(self, given: JsonObject, kind: str, path: str) -> None:
        """One kind of content, and the one that the type can have."""
        sources = [name for name in ("partId", "blobId", "subParts") if name in given]
        if len(sources) != 1:
            self._problems.add(*(f"{path}/{name}" for name in sources or ["partId"]))
        elif (sources == ["subParts"]) is not kind.lower().startswith("multipart/"):
            self._problems.add(f"{path}/type", f"{path}/{sources[0]}")
        if "partId" in given:
            self._problems.add(*(f"{path}/{name}" for name in ("charset", "size") if name in given))
            # What may stand around a message is 7bit, 8bit or binary (RFC 2046 §5.2.1), and text might need more.
            if kind.lower().startswith("message/"):
                self._problems.add(f"{path}/type")

    def _text(self, given: JsonObject, part_id: str | None, path: str) -> str | None:
        if part_id is None:
            return None
        if part_id not in self._texts:
            self._problems.add(f"{path}/partId")
        return self._texts.get(part_id)


def _default_type(given: JsonObject) -> str:
    if "subParts" in given:
        return "multipart/mixed"
    return "application/octet-stream" if "blobId" in given else "text/plain"


def _plain_parameters(found: parameters.Parameters) -> tuple[tuple[str, str], ...]:
    """Decoded, each once, without the boundary, which is ours to choose."""
    names = dict.fromkeys(name.lower().partition(b"*")[0] for name, _ in found)
    return tuple(
        (name.decode("ascii"), parameters.find(found, name) or "")
        for name in names
        if name != b"boundary" and _ATTRIBUTE.fullmatch(name)
    )
