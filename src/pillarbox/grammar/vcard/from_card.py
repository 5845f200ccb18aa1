"""A JSContact card as a vCard, version 4.0 (RFC 9555 §3).

What vCard has no property for goes along as JSPROP, and comes back from it. Contents that are held apart are handed in
by the keys of their media, and become `data:` URIs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jscontact.media import format_data, is_data
from pillarbox.grammar.jscontact.text import joined
from pillarbox.grammar.jscontact.values import is_uri
from pillarbox.grammar.vcard import kinds
from pillarbox.grammar.vcard.content_line import Line, escape, format_line
from pillarbox.grammar.vcard.dates import format_date, format_timestamp

Parameters = dict[str, list[str]]
_NO_CONTENTS: Mapping[str, bytes] = {}
_TYPES = {context: kind for kind, context in kinds.CONTEXTS.items()}
_FEATURES = {feature: kind for kind, feature in kinds.FEATURES.items()}
_LEVELS = {level: said for said, level in kinds.LEVELS.items()}
_INFOS = {kind: name for name, kind in kinds.INFOS.items()}
_DATES = {kind: name for name, kind in kinds.DATES.items()}
_PLAIN = {"uid": "UID", "prodId": "PRODID", "language": "LANGUAGE", "kind": "KIND"}
_TIMES = {"created": "CREATED", "updated": "REV"}
_RESOURCES = {(name, kind): said for said, (name, _, kind) in kinds.RESOURCES.items()}
OWN = ("@type", "version", "name", "vCardProps")


def format_card(card: JsonObject, contents: Mapping[str, bytes] = _NO_CONTENTS) -> str:
    """The text of a card that was checked."""
    lines = [Line("BEGIN", "VCARD"), Line("VERSION", "4.0"), *_lines(card, contents), Line("END", "VCARD")]
    return "".join(map(format_line, lines))


def _lines(card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    name: Any = card.get("name")
    yield from _name(name if isinstance(name, dict) else {})
    for property, value in card.items():
        if property in _PLAIN:
            yield Line(_PLAIN[property], _either(str(value)))
        elif property in _TIMES:
            yield Line(_TIMES[property], format_timestamp(str(value)))
        elif property in _WRITERS and isinstance(value, dict):
            yield from _WRITERS[property](value, card, contents)
        elif property == "vCardProps" and isinstance(value, list):
            yield from map(_kept, value)
        elif property not in OWN:
            yield _other(property, value)


def _name(name: JsonObject) -> Iterator[Line]:
    """FN is always there; when it is made from the components, it says so (RFC 9555 §3.1)."""
    full = name.get("full")
    if isinstance(full, str):
        yield Line("FN", escape(full))
    else:
        made = joined(name)
        yield Line("FN", escape(made), {"DERIVED": ["true"]} if made else {})
    found: Any = name.get("components", ())
    if not found:
        return
    by_kind: dict[str, list[str]] = {}
    for component in found:
        by_kind.setdefault(component["kind"], []).append(component["value"])
    parts = [by_kind.get(kind, []) for kind in kinds.NAME_KINDS]
    # Older programs look for these in the components that came before them.
    parts[0] = parts[0] + by_kind.get("surname2", [])
    parts[4] = parts[4] + by_kind.get("generation", [])
    sort_as: Any = name.get("sortAs", {})
    said = [sort_as.get(kind, "") for kind in kinds.NAME_KINDS]
    yield Line("N", _structured(parts), {"SORT-AS": [",".join(said).rstrip(",")]} if any(said) else {})


def _either(text: str) -> str:
    """A URI as it is, any other text escaped."""
    return text if is_uri(text) else escape(text)


def _structured(parts: list[list[str]]) -> str:
    return ";".join(",".join(map(escape, part)) for part in parts)


def _common(key: str, value: JsonObject) -> Parameters:
    """PROP-ID, PREF, TYPE (RFC 9555 §3.1)."""
    made: Parameters = {"PROP-ID": [key]}
    if "pref" in value:
        made["PREF"] = [str(value["pref"])]
    contexts: Any = value.get("contexts", {})
    types = [_TYPES.get(context, context) for context, is_set in contexts.items() if is_set]
    if types:
        made["TYPE"] = types
    return made


def _labelled(line: Line, value: JsonObject) -> Iterator[Line]:
    """A label of the owner's stands in a line of its own (RFC 9555 §2.11.11)."""
    label = value.get("label")
    if not isinstance(label, str) or not label:
        yield line
        return
    group = f"{line.name}-{line.parameter('PROP-ID')}"
    yield Line(line.name, line.value, line.parameters, group)
    yield Line("X-ABLABEL", escape(label), {}, group)


Writer = Callable[[JsonObject, JsonObject, Mapping[str, bytes]], Iterator[Line]]


def _of(name: str, property: str, write_text: Callable[[str], str] = escape) -> Writer:
    """One text of each member."""

    def write(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
        for key, value in _each(members):
            yield from _labelled(Line(name, write_text(str(value[property])), _common(key, value)), value)

    return write


def _each(members: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for key, value in members.items():
        assert isinstance(value, dict)
        yield key, value


def _phones(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for key, value in _each(members):
        parameters = _common(key, value)
        features: Any = value.get("features", {})
        types = [*parameters.get("TYPE", ()), *(_FEATURES.get(feature, feature) for feature in features)]
        number = str(value["number"])
        kind = {"VALUE": ["uri"]} if number.lower().startswith("tel:") else {}
        line = Line("TEL", _either(number), {**kind, **parameters, "TYPE": types})
        yield from _labelled(line, value)


def _addresses(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for key, value in _each(members):
        parameters = _common(key, value)
        for name, property in (
            ("LABEL", "full"),
            ("GEO", "coordinates"),
            ("TZ", "timeZone"),
            ("CC", "countryCode"),
        ):
            if property in value:
                parameters[name] = [str(value[property])]
        yield Line("ADR", _structured(_address_parts(value)), parameters)


def _address_parts(value: JsonObject) -> list[list[str]]:
    """RFC 9555 §2.6.1: the newer components, and once more where older programs look for them."""
    components: Any = value.get("components", ())
    by_kind: dict[str, list[str]] = {}
    for component in components:
        by_kind.setdefault(component["kind"], []).append(component["value"])
    parts = [by_kind.get(kind, []) for kind in kinds.ADDRESS_KINDS]
    parts[kinds.EXTENDED] = [text for kind in kinds.EXTENDED_KINDS for text in by_kind.get(kind, ())]
    street = [text for kind in kinds.STREET_KINDS for text in by_kind.get(kind, ())]
    parts[kinds.STREET] = [" ".join(street)] if street else []
    return parts


def _organizations(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for key, value in _each(members):
        units: Any = value.get("units", ())
        names = [str(value.get("name", "")), *(unit["name"] for unit in units)]
        said = [str(value.get("sortAs", "")), *(unit.get("sortAs", "") for unit in units)]
        sort_as = {"SORT-AS": [",".join(said).rstrip(",")]} if any(said) else {}
        yield Line("ORG", ";".join(map(escape, names)), {**_common(key, value), **sort_as}, f"ORG-{key}")


def _titles(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    organizations: Any = card.get("organizations", {})
    for key, value in _each(members):
        group = f"ORG-{value['organizationId']}" if value.get("organizationId") in organizations else ""
        name = "ROLE" if value.get("kind") == "role" else "TITLE"
        yield Line(name, escape(str(value["name"])), _common(key, value), group)


def _notes(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for key, value in _each(members):
        parameters = _common(key, value)
        author: Any = value.get("author", {})
        for name, said in (("AUTHOR-NAME", author.get("name")), ("AUTHOR", author.get("uri"))):
            if said:
                parameters[name] = [said]
        if "created" in value:
            parameters["CREATED"] = [format_timestamp(str(value["created"]))]
        yield Line("NOTE", escape(str(value["note"])), parameters)


def _resources(property: str) -> Writer:
    def write(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
        names = {key: _RESOURCES.get((property, str(value.get("kind", "")))) for key, value in _each(members)}
        if None in names.values():  # a kind of somebody's own
            yield _other(property, members)
            return
        for key, value in _each(members):
            media_type = str(value.get("mediaType", ""))
            uri = value.get("uri")
            if key in contents and uri is None:
                uri = format_data(media_type, contents[key])
            if uri is None:
                continue
            parameters = _common(key, value)
            if media_type and not is_data(str(uri)):
                parameters["MEDIATYPE"] = [media_type]
            if "listAs" in value:
                parameters["INDEX"] = [str(value["listAs"])]
            yield from _labelled(Line(str(names[key]), str(uri), parameters), value)

    return write


def _services(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for key, value in _each(members):
        parameters = _common(key, value)
        if "service" in value:
            parameters["SERVICE-TYPE"] = [str(value["service"])]
        if "uri" in value and "user" in value:
            parameters["USERNAME"] = [str(value["user"])]
        name = "IMPP" if value.get("vCardName") == "impp" else "SOCIALPROFILE"
        if "uri" in value:
            yield from _labelled(Line(name, str(value["uri"]), parameters), value)
        else:
            yield from _labelled(Line(name, escape(str(value["user"])), {"VALUE": ["text"], **parameters}), value)


def _anniversaries(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    names = {str(value["kind"]) for _, value in _each(members)}
    if not names <= _DATES.keys() or any("place" in value for _, value in _each(members)):
        yield _other("anniversaries", members)
        return
    for key, value in _each(members):
        date: Any = value["date"]
        parameters = _common(key, value)
        if "calendarScale" in date:
            parameters["CALSCALE"] = [date["calendarScale"]]
        text = format_timestamp(date["utc"]) if "utc" in date else format_date(date)
        yield Line(_DATES[str(value["kind"])], text, parameters)


def _keywords(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    if members:
        yield Line("CATEGORIES", ",".join(map(escape, members)))


def _members(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for uid in members:
        yield Line("MEMBER", _either(uid))


def _related(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    for uid, value in _each(members):
        relation: Any = value.get("relation", {})
        yield Line("RELATED", _either(uid), {"TYPE": list(relation)} if relation else {})


def _infos(members: JsonObject, card: JsonObject, contents: Mapping[str, bytes]) -> Iterator[Line]:
    if any(value["kind"] not in _INFOS for _, value in _each(members)):
        yield _other("personalInfo", members)
        return
    for key, value in _each(members):
        parameters = _common(key, value)
        level = str(value.get("level", ""))
        if level:
            parameters["LEVEL"] = [_LEVELS.get(level, level) if value["kind"] == "expertise" else level]
        if "listAs" in value:
            parameters["INDEX"] = [str(value["listAs"])]
        yield from _labelled(Line(_INFOS[str(value["kind"])], escape(str(value["value"])), parameters), value)


def _kept(value: object) -> Line:
    """What came from a vCard and had no place (RFC 9555 §2.15.1)."""
    match value:
        case [str(name), dict(parameters), str(kind), *values]:
            said = {
                key.upper(): [str(one) for one in (text if isinstance(text, list) else [text])]
                for key, text in parameters.items()
                if key != "group"
            }
            if kind != "unknown":
                said["VALUE"] = [kind]
            group = parameters.get("group", "")
            text = ",".join(one if isinstance(one, str) else ijson.encode(one).decode("utf-8") for one in values)
            return Line(name.upper(), text, said, group if isinstance(group, str) else "")
    return _other("vCardProps", value)


def _other(property: str, value: object) -> Line:
    """RFC 9555 §3.2.1."""
    pointer = property.replace("~", "~0").replace("/", "~1")
    return Line("JSPROP", escape(ijson.encode(value).decode("utf-8")), {"JSPTR": [pointer]})


_WRITERS: dict[str, Writer] = {
    "nicknames": _of("NICKNAME", "name"),
    "emails": _of("EMAIL", "address"),
    "preferredLanguages": _of("LANG", "language"),
    "schedulingAddresses": _of("CALADRURI", "uri", str),
    "phones": _phones,
    "addresses": _addresses,
    "organizations": _organizations,
    "titles": _titles,
    "notes": _notes,
    "onlineServices": _services,
    "anniversaries": _anniversaries,
    "keywords": _keywords,
    "members": _members,
    "relatedTo": _related,
    "personalInfo": _infos,
    **{name: _resources(name) for name, _, _ in kinds.RESOURCES.values()},
}
