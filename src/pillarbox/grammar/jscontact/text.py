"""What people look for in a card: its name, its addresses, its texts by what they are (RFC 9610 §3.3.1).

Read from cards that were checked (`card`).
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message.text import fold
from pillarbox.model.contact import CardField

MOST_WORDS = 100
WORD_CHARACTERS = 100
MOST_BEGINNINGS = 5
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_DIGITS = re.compile(r"\D")


class MailAddress(msgspec.Struct, frozen=True):
    """An address of a card; the lower its `preference`, the more it is liked (RFC 9553 §1.5.4)."""

    address: str
    preference: int = 101


def _members(card: JsonObject, name: str) -> list[JsonObject]:
    found = card.get(name)
    return [member for member in found.values() if isinstance(member, dict)] if isinstance(found, dict) else []


def _components(value: JsonObject) -> list[tuple[str, str]]:
    """(kind, text)."""
    found: Any = value.get("components")
    return [(one["kind"], one["value"]) for one in found] if isinstance(found, list) else []


def _named(value: JsonObject, *names: str) -> Iterator[str]:
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found:
            yield found


def name_parts(card: JsonObject, *kinds: str) -> list[str]:
    """The parts of the name of these kinds, in their order."""
    name = card.get("name")
    return [text for kind, text in _components(name) if kind in kinds] if isinstance(name, dict) else []


def sort_text(card: JsonObject, kind: str) -> str:
    """What names are put in order by: what the card says itself, else the first part of the kind (RFC 9553 §2.2.1.1)."""
    name = card.get("name")
    said: Any = name.get("sortAs") if isinstance(name, dict) else None
    if isinstance(said, dict) and kind in said:
        return str(said[kind])
    return next(iter(name_parts(card, kind)), "")


def joined(value: JsonObject) -> str:
    """A name or an address as one text: as it says itself, or its parts one after the other (RFC 9553 §2.2.1.1)."""
    if full := next(_named(value, "full"), ""):
        return full
    separator = value.get("defaultSeparator")
    between = separator if isinstance(separator, str) else " "
    made, is_separated = "", True
    for kind, text in _components(value):
        if kind == "separator":
            made += text
            is_separated = True
            continue
        made += text if is_separated else between + text
        is_separated = False
    return made


def display_name(card: JsonObject) -> str:
    """What the card is shown as: its name, or else whatever there is that could be one; in one line."""
    name = card.get("name")
    found = joined(name) if isinstance(name, dict) else ""
    for names, property in (("nicknames", "name"), ("organizations", "name"), ("emails", "address")):
        found = found or next((text for member in _members(card, names) for text in _named(member, property)), "")
    return " ".join(found.replace("\0", " ").split())


def mail_addresses(card: JsonObject) -> list[MailAddress]:
    """The most liked first; each once."""
    found: dict[str, MailAddress] = {}
    for member in _members(card, "emails"):
        preference: Any = member.get("pref", 101)
        address = next(_named(member, "address"), "")
        known = found.get(address)
        if known is None or preference < known.preference:
            found[address] = MailAddress(address, preference)
    return sorted(found.values(), key=lambda one: one.preference)


def texts(card: JsonObject) -> dict[CardField, str]:
    """Folded, a line for each text, so that no phrase goes over the end of one; `ANY` has them all."""
    found: dict[CardField, str] = {}
    for field, lines in _lines(card):
        text = fold("\n".join(" ".join(line.replace("\0", " ").split()) for line in lines))
        if text:
            found[field] = text
    found[CardField.ANY] = "\n".join(dict.fromkeys("\n".join(found.values()).split("\n")))
    return found


def _lines(card: JsonObject) -> Iterator[tuple[CardField, list[str]]]:
    name = card.get("name")
    if isinstance(name, dict):
        yield CardField.NAME, [*_named(name, "full"), joined(name), *(text for _, text in _components(name))]
    yield CardField.GIVEN, name_parts(card, "given")
    yield CardField.SURNAME, name_parts(card, "surname")
    yield CardField.SURNAME2, name_parts(card, "surname2")
    yield CardField.NICKNAME, _of_members(card, "nicknames", "name")
    yield CardField.ORGANIZATION, _of_members(card, "organizations", "name")
    yield CardField.EMAIL, _of_members(card, "emails", "address", "label")
    numbers = _of_members(card, "phones", "number", "label")
    yield CardField.PHONE, [*numbers, *(_DIGITS.sub("", number) for number in numbers)]
    yield CardField.ONLINE_SERVICE, _of_members(card, "onlineServices", "service", "uri", "user", "label")
    addresses = _members(card, "addresses")
    parts = (text for address in addresses for kind, text in _components(address) if kind != "separator")
    yield CardField.ADDRESS, [*(text for address in addresses for text in _named(address, "full")), *parts]
    yield CardField.NOTE, _of_members(card, "notes", "note")
    yield CardField.OTHER, list(_others(card))


def _of_members(card: JsonObject, name: str, *properties: str) -> list[str]:
    return [text for member in _members(card, name) for text in _named(member, *properties)]


def _others(card: JsonObject) -> Iterator[str]:
    for organization in _members(card, "organizations"):
        units: Any = organization.get("units", ())
        for unit in units:
            yield from _named(unit, "name")
    yield from _of_members(card, "titles", "name")
    yield from _of_members(card, "links", "uri", "label")
    yield from _of_members(card, "personalInfo", "value", "label")
    keywords = card.get("keywords")
    if isinstance(keywords, dict):
        yield from keywords


def words(text: str) -> list[str]:
    """Folded, in their order, each once and none too long."""
    return list(dict.fromkeys(word[:WORD_CHARACTERS] for word in _WORD.findall(fold(text))))


def address_words(address: str) -> list[str]:
    """What one may begin to write when one means an address: itself, and its parts."""
    whole = fold(address)[:WORD_CHARACTERS]
    return list(dict.fromkeys((whole, *words(address))))


def beginnings(text: str) -> list[str]:
    """What somebody has written, as the beginnings of words; an address is one (`address_words`)."""
    pieces = (fold(piece.strip("<>\"'(),;"))[:WORD_CHARACTERS].replace("\0", " ") for piece in text.split())
    made = (word for piece in pieces for word in ([piece] if "@" in piece else words(piece)))
    return list(dict.fromkeys(word for word in made if word))[:MOST_BEGINNINGS]


def card_words(card: JsonObject) -> list[str]:
    """What one may begin to write when one means the card: its names, and its addresses."""
    name = card.get("name")
    names = [joined(name), *(text for _, text in _components(name))] if isinstance(name, dict) else []
    names += _of_members(card, "nicknames", "name") + _of_members(card, "organizations", "name")
    found = dict.fromkeys(word for text in names for word in words(text))
    for one in mail_addresses(card):
        found.update(dict.fromkeys(address_words(one.address)))
    return [word for word in found if "\0" not in word][:MOST_WORDS]
