"""A card that comes together from the lines of a vCard: only what is right gets in, the rest is kept (RFC 9555 §2.15)."""

import re
from collections.abc import Iterator, Sequence

from pillarbox.grammar.jmap import ijson, patch
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jscontact.card import PROPERTIES, VERSION, problems
from pillarbox.grammar.jscontact.shapes import Report
from pillarbox.grammar.jscontact.values import is_id
from pillarbox.grammar.vcard import kinds
from pillarbox.grammar.vcard.content_line import Line, unescape
from pillarbox.model.errors import SyntaxProblem

_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")


class Assembly:
    """One card as it comes together."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.card: JsonObject = {"@type": "Card", "version": VERSION}
        self._kept: list[object] = []
        self._counts: dict[str, int] = {}
        self._changes: JsonObject = {}
        self.names = {line.name for line in lines}
        self._labels = {
            line.group: _APPLE_LABEL.sub(r"\1", unescape(line.value))
            for line in lines
            if line.name == "X-ABLABEL" and line.group
        }
        self.organizations = {
            line.group: line.parameter("PROP-ID") if is_id(line.parameter("PROP-ID")) else f"ORG-{number}"
            for number, line in enumerate(_of(lines, "ORG"), 1)
            if line.group
        }

    def keep(self, line: Line) -> None:
        """As a JCardProp (RFC 9555 §2.15.1)."""
        parameters: JsonObject = {
            name.lower(): list(values) if len(values) > 1 else values[0]
            for name, values in line.parameters.items()
            if name != "VALUE"
        }
        if line.group:
            parameters["group"] = line.group
        kind = line.parameter("VALUE").lower() or "unknown"
        self._kept.append([line.name.lower(), parameters, kind, line.value])

    def set(self, name: str, value: object) -> bool:
        """A property of the card itself; False when it is not right."""
        if not _is_right(name, value):
            return False
        self.card[name] = value
        return True

    def add(self, name: str, prefix: str, value: JsonObject, line: Line) -> bool:
        """A member of a property; False when it is not right."""
        number = self._counts[prefix] = self._counts.get(prefix, 0) + 1
        key = line.parameter("PROP-ID")
        members = self._members(name)
        if not is_id(key) or key in members:
            key = f"{prefix}-{number}"
        if name in kinds.LABELLED and line.group in self._labels:
            value = {**value, "label": self._labels[line.group]}
        if key in members or not _is_right(name, {key: value}):
            return False
        members[key] = value
        self.card[name] = members
        return True

    def _members(self, name: str) -> JsonObject:
        found = self.card.get(name, {})
        assert isinstance(found, dict)
        return found

    def put(self, name: str, key: str, value: object) -> bool:
        """A member of a property, by a key of its own; False when it is not right."""
        if not _is_right(name, {key: value}):
            return False
        members = self._members(name)
        members[key] = value
        self.card[name] = members
        return True

    def change(self, pointer: str, text: str) -> bool:
        """What JSPROP says, to be done at the end (RFC 9555 §3.2.1)."""
        try:
            self._changes[pointer] = ijson.decode(text.encode("utf-8"))
        except SyntaxProblem:
            return False
        return True

    def finish(self) -> JsonObject:
        """The card."""
        if self._kept:
            self.card["vCardProps"] = self._kept
        if "members" in self.card:
            self.card["kind"] = "group"
        try:
            changed = patch.apply(self.card, self._changes)
        except SyntaxProblem:
            return self.card
        return self.card if _wrong(changed) else changed


def _of(lines: Sequence[Line], name: str) -> Iterator[Line]:
    return (line for line in lines if line.name == name)


def _wrong(card: JsonObject) -> list[str]:
    return problems({"uid": "-", **card})


def _is_right(name: str, value: object) -> bool:
    report = Report()
    PROPERTIES[name](value, name, report)
    return not report.paths
