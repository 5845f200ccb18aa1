"""Whether an object is a card, and where it is wrong if not (RFC 9553 §1.7, §2).

A card that came by a protocol may hold contents apart from itself: a medium without `uri`, whose key is in `held`.
"""

from collections.abc import Collection

from pillarbox.grammar.jmap.ijson import JsonObject, is_deeper
from pillarbox.grammar.jscontact import patch, types, values
from pillarbox.grammar.jscontact.shapes import (
    Check,
    Report,
    below,
    list_of,
    map_of,
    object_of,
    one_of,
    set_of_any,
    text,
)
from pillarbox.model.errors import SyntaxProblem

VERSION = "1.0"
"""RFC 9553 §1.9.2."""
DEPTH = 20
"""Of objects and arrays in each other; what is defined needs eight."""
LANGUAGES = 50
"""Each of them is tried on the card."""
KINDS = ("individual", "group", "org", "location", "device", "application")

Card = JsonObject


class InvalidCard(SyntaxProblem):
    """It is not a card: `paths` says where."""

    def __init__(self, paths: Collection[str]) -> None:
        super().__init__("a card")
        self.paths = tuple(paths)
        self.text = f"not right: {', '.join(self.paths)}" if self.paths else "no card"


PROPERTIES: dict[str, Check] = {
    "version": text(lambda version: version == VERSION),
    "created": types.MOMENT,
    "kind": one_of(*KINDS),
    "language": types.LANGUAGE,
    "members": set_of_any(values.is_uid),
    "prodId": text(bool),
    "relatedTo": map_of(types.RELATION, values.is_uid),
    "uid": text(values.is_uid),
    "updated": types.MOMENT,
    "name": types.NAME,
    "nicknames": map_of(types.NICKNAME),
    "organizations": map_of(types.ORGANIZATION),
    "speakToAs": types.SPEAK_TO_AS,
    "titles": map_of(types.TITLE),
    "emails": map_of(types.EMAIL),
    "onlineServices": map_of(types.ONLINE_SERVICE),
    "phones": map_of(types.PHONE),
    "preferredLanguages": map_of(types.LANGUAGE_PREF),
    "calendars": map_of(types.CALENDAR),
    "schedulingAddresses": map_of(types.SCHEDULING_ADDRESS),
    "addresses": map_of(types.ADDRESS),
    "cryptoKeys": map_of(types.CRYPTO_KEY),
    "directories": map_of(types.DIRECTORY),
    "links": map_of(types.LINK),
    "media": map_of(types.MEDIA),
    "localizations": map_of(map_of(lambda *_: None, bool), values.is_language),
    "anniversaries": map_of(types.ANNIVERSARY),
    "keywords": set_of_any(),
    "notes": map_of(types.NOTE),
    "personalInfo": map_of(types.PERSONAL_INFO),
    "vCardProps": list_of(types.vcard_property),
}
"""All that is registered of a card itself, but for `@type`."""
MANDATORY = ("version", "uid")
RESERVED = ("id", "addressBookIds")
"""RFC 9610 §7.5: they are a protocol's, and never in the card itself."""


def _rule(card: JsonObject) -> list[str]:
    """RFC 9553 §2.1.6."""
    return ["members"] if "members" in card and card.get("kind") != "group" else []


_CARD = object_of("Card", PROPERTIES, mandatory=MANDATORY, reserved=RESERVED, rule=_rule)


def problems(card: object, *, held: Collection[str] = ()) -> list[str]:
    """Where it is wrong: paths of properties, in no order; empty for a card."""
    if not isinstance(card, dict):
        return [""]
    if too_deep := [name for name, value in card.items() if is_deeper(value, DEPTH - 1)]:
        return too_deep
    whole = _with_stand_ins(card, held)
    report = Report()
    _CARD(whole, "", report)
    if not report.paths and "localizations" in whole:
        _check_localizations(whole, report)
    return report.paths


def check(card: object, *, held: Collection[str] = ()) -> Card:
    """The card. Raises: InvalidCard."""
    wrong = problems(card, held=held)
    if wrong or not isinstance(card, dict):
        raise InvalidCard(wrong)
    return card


def _with_stand_ins(card: JsonObject, held: Collection[str]) -> JsonObject:
    """With a `uri` for each content that is held apart."""
    media = card.get("media")
    if not held or not isinstance(media, dict):
        return card
    made = {
        key: {**medium, "uri": "data:,"} if key in held and isinstance(medium, dict) and "uri" not in medium else medium
        for key, medium in media.items()
    }
    return {**card, "media": made}


def _check_localizations(card: JsonObject, report: Report) -> None:
    """Each must leave a card, in what it changes (RFC 9553 §2.7.1)."""
    found = card["localizations"]
    assert isinstance(found, dict)
    if len(found) > LANGUAGES:
        report.wrong("localizations")
        return
    plain = {name: value for name, value in card.items() if name != "localizations"}
    for language, changes in found.items():
        path = below("localizations", language)
        if any(key.split("/")[0] == "localizations" for key in changes):
            report.wrong(path)
            continue
        try:
            localized = patch.apply(plain, changes)
        except SyntaxProblem:
            report.wrong(path)
            continue
        inside = Report()
        _CARD(
            {**_BARE, **{name: localized[name] for name in localized if _differs(name, localized, plain)}}, "", inside
        )
        if inside.paths or _rule(localized) or any(name not in localized for name in MANDATORY):
            report.wrong(path)


_BARE: JsonObject = {"version": VERSION, "uid": "-", "kind": "group"}
"""What a changed property is tried on: the rest of the card is known to be right."""


def _differs(name: str, localized: JsonObject, plain: JsonObject) -> bool:
    return localized[name] is not plain.get(name)
