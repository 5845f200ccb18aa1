"""The object types of JSContact that a card is made of, as checks (RFC 9553 §2)."""

from collections.abc import Collection
from itertools import pairwise

from pillarbox.grammar.jscontact import values
from pillarbox.grammar.jscontact.shapes import (
    Check,
    Report,
    anything,
    boolean,
    contexts,
    list_of,
    map_of,
    number,
    object_of,
    one_of,
    set_of,
    text,
)

CONTEXTS = contexts()
PREF = number(1, 100)
"""RFC 9553 §1.5.4."""
LIST_AS = number(1)
URI = text(values.is_uri)
MOMENT = text(values.is_moment)
LANGUAGE = text(values.is_language)

NAME_KINDS = ("title", "given", "given2", "surname", "surname2", "credential", "generation", "separator")
ADDRESS_KINDS = (
    "room",
    "apartment",
    "floor",
    "building",
    "number",
    "name",
    "block",
    "subdistrict",
    "district",
    "locality",
    "region",
    "postcode",
    "country",
    "direction",
    "landmark",
    "postOfficeBox",
    "separator",
)
PHONETIC: dict[str, Check] = {
    "phoneticScript": text(values.is_script),
    "phoneticSystem": one_of("ipa", "jyut", "piny"),
}
"""RFC 9553 §1.5.5."""


def _component(type_name: str, *kinds: str) -> Check:
    return object_of(
        type_name,
        {"value": text(), "kind": one_of(*kinds), "phonetic": text()},
        mandatory=("value", "kind"),
    )


def _kinds(value: dict[str, object]) -> list[object]:
    found = value.get("components")
    return [component.get("kind") for component in found] if isinstance(found, list) else []


def _together(value: dict[str, object]) -> list[str]:
    """What the components of a name and of an address have to do with the rest (RFC 9553 §2.2.1.1, §2.5.1.1)."""
    wrong = []
    kinds, components = _kinds(value), value.get("components")
    is_ordered = value.get("isOrdered") is True
    consecutive = any(kind == following == "separator" for kind, following in pairwise(kinds))
    if (kinds and all(kind == "separator" for kind in kinds)) or consecutive:
        wrong.append("components")
    elif "separator" in kinds and not is_ordered:
        wrong.append("isOrdered")
    if "defaultSeparator" in value and not (is_ordered and kinds):
        wrong.append("defaultSeparator")
    if isinstance(components, list) and any("phonetic" in component for component in components):
        wrong += [] if PHONETIC.keys() & value.keys() else ["phoneticSystem"]
    return wrong


def _name_rule(value: dict[str, object]) -> Collection[str]:
    wrong = _together(value)
    sort_as = value.get("sortAs")
    if isinstance(sort_as, dict) and not (_kinds(value) and sort_as.keys() <= set(_kinds(value))):
        wrong.append("sortAs")
    return wrong


NAME = object_of(
    "Name",
    {
        "components": list_of(_component("NameComponent", *NAME_KINDS)),
        "isOrdered": boolean,
        "defaultSeparator": text(),
        "full": text(),
        "sortAs": map_of(text(), lambda kind: kind in NAME_KINDS or values.is_extension(kind)),
        **PHONETIC,
    },
    some_of=("components", "full"),
    rule=_name_rule,
)
NICKNAME = object_of("Nickname", {"name": text(), "contexts": CONTEXTS, "pref": PREF}, mandatory=("name",))
ORGANIZATION = object_of(
    "Organization",
    {
        "name": text(),
        "units": list_of(object_of("OrgUnit", {"name": text(), "sortAs": text()}, mandatory=("name",))),
        "sortAs": text(),
        "contexts": CONTEXTS,
    },
    some_of=("name", "units"),
)
PRONOUNS = object_of("Pronouns", {"pronouns": text(), "contexts": CONTEXTS, "pref": PREF}, mandatory=("pronouns",))
SPEAK_TO_AS = object_of(
    "SpeakToAs",
    {
        "grammaticalGender": one_of("animate", "common", "feminine", "inanimate", "masculine", "neuter"),
        "pronouns": map_of(PRONOUNS),
    },
    some_of=("grammaticalGender", "pronouns"),
)
TITLE = object_of(
    "Title",
    {"name": text(), "kind": one_of("title", "role"), "organizationId": text(values.is_id)},
    mandatory=("name",),
)
EMAIL = object_of(
    "EmailAddress",
    {"address": text(values.is_address), "contexts": CONTEXTS, "pref": PREF, "label": text()},
    mandatory=("address",),
)
ONLINE_SERVICE = object_of(
    "OnlineService",
    {"service": text(), "uri": URI, "user": text(), "contexts": CONTEXTS, "pref": PREF, "label": text()},
    some_of=("uri", "user"),
)
PHONE = object_of(
    "Phone",
    {
        "number": text(),
        "features": set_of("mobile", "voice", "text", "video", "main-number", "textphone", "fax", "pager"),
        "contexts": CONTEXTS,
        "pref": PREF,
        "label": text(),
    },
    mandatory=("number",),
)
LANGUAGE_PREF = object_of(
    "LanguagePref", {"language": LANGUAGE, "contexts": CONTEXTS, "pref": PREF}, mandatory=("language",)
)
SCHEDULING_ADDRESS = object_of(
    "SchedulingAddress", {"uri": URI, "contexts": CONTEXTS, "pref": PREF, "label": text()}, mandatory=("uri",)
)
ADDRESS = object_of(
    "Address",
    {
        "components": list_of(_component("AddressComponent", *ADDRESS_KINDS)),
        "isOrdered": boolean,
        "countryCode": text(values.is_country),
        "coordinates": text(values.is_geo),
        "timeZone": text(values.is_zone),
        "contexts": set_of("private", "work", "billing", "delivery"),
        "full": text(),
        "defaultSeparator": text(),
        "pref": PREF,
        **PHONETIC,
    },
    some_of=("components", "coordinates", "countryCode", "full", "timeZone"),
    rule=_together,
)


def _resource(type_name: str, *kinds: str, must_have: Collection[str] = (), **more: Check) -> Check:
    """RFC 9553 §1.4.4."""
    known: dict[str, Check] = {
        "kind": one_of(*kinds),
        "uri": URI,
        "mediaType": text(),
        "contexts": CONTEXTS,
        "pref": PREF,
        "label": text(),
        **more,
    }
    return object_of(type_name, known, mandatory=("uri", *must_have), reserved=("blobId",))


CALENDAR = _resource("Calendar", "calendar", "freeBusy", must_have=("kind",))
CRYPTO_KEY = _resource("CryptoKey")
DIRECTORY = _resource("Directory", "directory", "entry", must_have=("kind",), listAs=LIST_AS)
LINK = _resource("Link", "contact")
MEDIA = _resource("Media", "photo", "sound", "logo", must_have=("kind",))

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _date_rule(value: dict[str, object]) -> Collection[str]:
    """RFC 9553 §2.8.1: a date, a year, a month in a year, or a day in a month."""
    year, month, day = value.get("year"), value.get("month"), value.get("day")
    if year is None and (month is None or day is None):
        return ["year"]
    if day is None:
        return []
    if not isinstance(month, int):
        return ["month"]
    is_short = month == 2 and isinstance(year, int) and (year % 4 != 0 or (year % 100 == 0 and year % 400 != 0))
    return ["day"] if isinstance(day, int) and day > (28 if is_short else _DAYS[month - 1]) else []


PARTIAL_DATE = object_of(
    "PartialDate",
    {
        "year": number(),
        "month": number(1, 12),
        "day": number(1, 31),
        "calendarScale": text(lambda name: values.is_calendar(name) or values.is_extension(name)),
    },
    rule=_date_rule,
)
TIMESTAMP = object_of("Timestamp", {"utc": MOMENT}, mandatory=("utc",))


def _date(value: object, path: str, report: Report) -> None:
    is_timestamp = isinstance(value, dict) and value.get("@type") == "Timestamp"
    (TIMESTAMP if is_timestamp else PARTIAL_DATE)(value, path, report)


ANNIVERSARY = object_of(
    "Anniversary",
    {"kind": one_of("birth", "death", "wedding"), "date": _date, "place": ADDRESS},
    mandatory=("kind", "date"),
)
NOTE = object_of(
    "Note",
    {
        "note": text(),
        "created": MOMENT,
        "author": object_of("Author", {"name": text(), "uri": URI}, some_of=("name", "uri")),
    },
    mandatory=("note",),
)
PERSONAL_INFO = object_of(
    "PersonalInfo",
    {
        "kind": one_of("expertise", "hobby", "interest"),
        "value": text(),
        "level": one_of("high", "medium", "low"),
        "listAs": LIST_AS,
        "label": text(),
    },
    mandatory=("kind", "value"),
)
RELATION = object_of(
    "Relation",
    {
        "relation": set_of(
            "acquaintance",
            "agent",
            "child",
            "co-resident",
            "co-worker",
            "colleague",
            "contact",
            "crush",
            "date",
            "emergency",
            "friend",
            "kin",
            "me",
            "met",
            "muse",
            "neighbor",
            "parent",
            "sibling",
            "spouse",
            "sweetheart",
        )
    },
)


def vcard_property(value: object, path: str, report: Report) -> None:
    """JCardProp: name, parameters, type, and values (RFC 9555 §2.15.1)."""
    match value:
        case [str(), dict(), str(), _, *_]:
            anything(value, path, report)
        case _:
            report.wrong(path)
