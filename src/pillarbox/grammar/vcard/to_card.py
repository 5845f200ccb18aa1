"""A vCard as a JSContact card (RFC 9555 §2).

What has no place of its own, or is not right in it, is kept in `vCardProps`, so nothing is lost and nothing invalid
comes in. LANGUAGE and ALTID are not made into localizations: of several texts for one thing the first counts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jscontact.card import KINDS
from pillarbox.grammar.jscontact.media import is_data
from pillarbox.grammar.vcard import kinds
from pillarbox.grammar.vcard.assembly import Assembly
from pillarbox.grammar.vcard.content_line import Line, components, decode, read_cards, split, unescape
from pillarbox.grammar.vcard.dates import has_moment, parse_date, parse_timestamp
from pillarbox.model.errors import SyntaxProblem

_ONE_LINE = {"KIND", "FN", "N", "UID", "PRODID", "REV", "CREATED", "LANGUAGE", "GRAMGENDER"}
"""Of which there is one at most; what more there is, is kept apart."""


def parse(octets: bytes) -> Iterator[JsonObject | SyntaxProblem]:
    """Each card of a file, without a uid where it says none; or what is wrong with it."""
    for lines in read_cards(decode(octets)):
        yield lines if isinstance(lines, SyntaxProblem) else card_of(lines)


def card_of(lines: Sequence[Line]) -> JsonObject:
    """The card that these lines are."""
    card = Assembly(lines)
    seen: set[str] = set()
    for line in lines:
        if line.name == "VERSION" or (line.name == "X-ABLABEL" and line.group):
            continue
        handler = None if line.name in seen & _ONE_LINE else _HANDLERS.get(line.name)
        seen.add(line.name)
        if handler is None or not handler(card, line):
            card.keep(line)
    return card.finish()


def _common(line: Line, *contexts: str) -> JsonObject:
    """PREF and TYPE (RFC 9555 §2.3.15, §2.3.20)."""
    found: JsonObject = {}
    said = {kinds.CONTEXTS.get(kind, kind): True for kind in line.types if kind in (*kinds.CONTEXTS, *contexts)}
    if said:
        found["contexts"] = said
    pref = line.parameter("PREF")
    if pref.isascii() and pref.isdecimal() and 1 <= int(pref[:4]) <= 100:
        found["pref"] = int(pref)
    elif "pref" in line.types:  # version 3.0
        found["pref"] = 1
    return found


def _text(name: str, change: Callable[[str], str] = str) -> Callable[[Assembly, Line], bool]:
    return lambda card, line: card.set(name, change(unescape(line.value)))


def _moment(name: str) -> Callable[[Assembly, Line], bool]:
    def handle(card: Assembly, line: Line) -> bool:
        try:
            return card.set(name, parse_timestamp(line.value))
        except SyntaxProblem:
            return False

    return handle


def _kind(card: Assembly, line: Line) -> bool:
    text = unescape(line.value)
    return card.set("kind", text.lower() if text.lower() in KINDS else text)


def _full_name(card: Assembly, line: Line) -> bool:
    full = unescape(line.value)
    name = card.card.get("name", {})
    assert isinstance(name, dict)
    is_derived = line.parameter("DERIVED").lower() == "true" and "N" in card.names
    return not full or is_derived or card.set("name", {**name, "full": full})


def _name(card: Assembly, line: Line) -> bool:
    """RFC 9555 §2.5.5: what stands in a newer component too counts there alone."""
    found = components(line.value)
    apart = dict(zip(("surname", "credential"), found[5:7], strict=False))
    made = [
        {"kind": kind, "value": value}
        for kind, part in zip(kinds.NAME_KINDS, found, strict=False)
        for value in part
        if value not in apart.get(kind, ())
    ]
    known = card.card.get("name", {})
    assert isinstance(known, dict)
    if not made:
        return not any(found)
    sort_as = _sort_as(line, {str(part["kind"]) for part in made})
    return card.set("name", {**known, "components": made, **({"sortAs": sort_as} if sort_as else {})})


def _sort_as(line: Line, present: set[str]) -> JsonObject:
    values = [part for text in line.parameters.get("SORT-AS", ()) for part in text.split(",")]
    return {kind: value for kind, value in zip(kinds.NAME_KINDS, values, strict=False) if value and kind in present}


def _nicknames(card: Assembly, line: Line) -> bool:
    names = [unescape(text) for text in split(line.value, ",") if text]
    done = [card.add("nicknames", "NICK", {"name": name, **_common(line)}, line) for name in names]
    return all(done)


def _email(card: Assembly, line: Line) -> bool:
    return card.add("emails", "EMAIL", {"address": unescape(line.value).strip(), **_common(line)}, line)


def _phone(card: Assembly, line: Line) -> bool:
    features = {kinds.FEATURES[kind]: True for kind in line.types if kind in kinds.FEATURES}
    value: JsonObject = {"number": unescape(line.value), **_common(line)}
    return card.add("phones", "PHONE", {**value, "features": features} if features else value, line)


def _address(card: Assembly, line: Line) -> bool:
    """RFC 9555 §2.6.1: where the newer components are used, those that say the same are left out."""
    found = components(line.value)
    is_new = any(found[kinds.FIRST_NEW :])
    made = [
        {"kind": kind, "value": value}
        for place, (kind, part) in enumerate(zip(kinds.ADDRESS_KINDS, found, strict=False))
        for value in part
        if not (is_new and place in (kinds.EXTENDED, kinds.STREET))
    ]
    value: JsonObject = {**({"components": made} if made else {}), **_common(line, "billing", "delivery")}
    for parameter, name in (("LABEL", "full"), ("GEO", "coordinates"), ("TZ", "timeZone"), ("CC", "countryCode")):
        if line.parameter(parameter):
            value[name] = line.parameter(parameter)
    return card.add("addresses", "ADDR", value, line)


def _organization(card: Assembly, line: Line) -> bool:
    first, *units = [unescape(text) for text in split(line.value, ";")]
    sort_as = [text for said in line.parameters.get("SORT-AS", ()) for text in said.split(",")]
    value: JsonObject = _common(line)
    value.pop("pref", None)
    if first:
        value["name"] = first
    if any(units):
        value["units"] = [
            {"name": name, **({"sortAs": said} if said else {})}
            for name, said in zip(units, [*sort_as[1:], *[""] * len(units)], strict=False)
            if name
        ]
    if sort_as and sort_as[0]:
        value["sortAs"] = sort_as[0]
    return card.add("organizations", "ORG", value, line)


def _title(card: Assembly, line: Line) -> bool:
    value: JsonObject = {"kind": line.name.lower(), "name": unescape(line.value)}
    if line.group in card.organizations:
        value["organizationId"] = card.organizations[line.group]
    return card.add("titles", "TITLE", value, line)


def _note(card: Assembly, line: Line) -> bool:
    value: JsonObject = {"note": unescape(line.value)}
    said = {"name": line.parameter("AUTHOR-NAME"), "uri": line.parameter("AUTHOR")}
    author = {name: text for name, text in said.items() if text}
    if author:
        value["author"] = author
    with suppress(SyntaxProblem):
        value["created"] = parse_timestamp(line.parameter("CREATED"))
    return card.add("notes", "NOTE", value, line)


def _resource(card: Assembly, line: Line) -> bool:
    name, prefix, kind = kinds.RESOURCES[line.name]
    value: JsonObject = {"uri": _uri(line), **_common(line), **({"kind": kind} if kind else {})}
    if line.parameter("MEDIATYPE"):
        value["mediaType"] = line.parameter("MEDIATYPE").lower()
    index = line.parameter("INDEX")
    if name == "directories" and index.isascii() and index.isdecimal():
        value["listAs"] = int(index[:9])
    return card.add(name, prefix, value, line)


def _uri(line: Line) -> str:
    """In versions 2.1 and 3.0 a content stands there by itself, in base64."""
    encoding = line.parameter("ENCODING").lower()
    if encoding not in ("b", "base64") or is_data(line.value):
        return unescape(line.value)
    kind = next((kind for kind in line.types if kind not in kinds.CONTEXTS and kind != "pref"), "")
    group = "audio" if line.name == "SOUND" else "application" if line.name == "KEY" else "image"
    media_type = kind if "/" in kind else f"{group}/{kind or 'octet-stream'}"
    return f"data:{media_type};base64,{''.join(line.value.split())}"


def _service(card: Assembly, line: Line) -> bool:
    text = unescape(line.value)
    value: JsonObject = {**_common(line), "user" if line.parameter("VALUE").lower() == "text" else "uri": text}
    for parameter, name in (("SERVICE-TYPE", "service"), ("USERNAME", "user")):
        if line.parameter(parameter):
            value[name] = line.parameter(parameter)
    if line.name == "IMPP":
        value["vCardName"] = "impp"
    return card.add("onlineServices", "OS", value, line)


def _language(card: Assembly, line: Line) -> bool:
    return card.add("preferredLanguages", "LANG", {"language": line.value, **_common(line)}, line)


def _anniversary(card: Assembly, line: Line) -> bool:
    if line.parameter("VALUE").lower() == "text":
        return False
    try:
        if has_moment(line.value):
            date: JsonObject = {"@type": "Timestamp", "utc": parse_timestamp(line.value)}
        else:
            date = parse_date(line.value)
    except SyntaxProblem:
        return False
    if line.parameter("CALSCALE") and "utc" not in date:
        date["calendarScale"] = line.parameter("CALSCALE").lower()
    return card.add("anniversaries", "ANNIVERSARY", {"kind": kinds.DATES[line.name], "date": date}, line)


def _categories(card: Assembly, line: Line) -> bool:
    words = [unescape(text) for text in split(line.value, ",")]
    done = [card.put("keywords", word, True) for word in words if word]
    return all(done)


def _member(card: Assembly, line: Line) -> bool:
    return card.put("members", unescape(line.value), True)


def _related(card: Assembly, line: Line) -> bool:
    return card.put("relatedTo", unescape(line.value), {"relation": dict.fromkeys(line.types, True)})


def _info(card: Assembly, line: Line) -> bool:
    level, index = line.parameter("LEVEL").lower(), line.parameter("INDEX")
    value: JsonObject = {"kind": kinds.INFOS[line.name], "value": unescape(line.value)}
    if level:
        value["level"] = kinds.LEVELS.get(level, level)
    if index.isascii() and index.isdecimal():
        value["listAs"] = int(index[:9])
    return card.add("personalInfo", "PERSINFO", value, line)


def _scheduling(card: Assembly, line: Line) -> bool:
    return card.add("schedulingAddresses", "SCHEDULING", {"uri": line.value, **_common(line)}, line)


def _change(card: Assembly, line: Line) -> bool:
    return card.change(line.parameter("JSPTR").removeprefix("/"), unescape(line.value))


_HANDLERS: dict[str, Callable[[Assembly, Line], bool]] = {
    "KIND": _kind,
    "FN": _full_name,
    "N": _name,
    "UID": _text("uid"),
    "PRODID": _text("prodId"),
    "LANGUAGE": _text("language"),
    "REV": _moment("updated"),
    "CREATED": _moment("created"),
    "NICKNAME": _nicknames,
    "EMAIL": _email,
    "TEL": _phone,
    "ADR": _address,
    "ORG": _organization,
    "TITLE": _title,
    "ROLE": _title,
    "NOTE": _note,
    "IMPP": _service,
    "SOCIALPROFILE": _service,
    "LANG": _language,
    "CATEGORIES": _categories,
    "MEMBER": _member,
    "X-ADDRESSBOOKSERVER-KIND": _kind,
    "X-ADDRESSBOOKSERVER-MEMBER": _member,
    "RELATED": _related,
    "CALADRURI": _scheduling,
    "JSPROP": _change,
    **dict.fromkeys(kinds.RESOURCES, _resource),
    **dict.fromkeys(kinds.INFOS, _info),
    **dict.fromkeys(kinds.DATES, _anniversary),
}
