"""How the values of properties are checked: small checks that are put together to the table in `types`.

A check notes where a value is wrong and goes on, so that whoever sent a card learns of all its problems at once. Paths
are JSON Pointers without their first slash, as in patches (RFC 9553 §1.4.3).
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

from pillarbox.grammar.jscontact.values import INT_LARGEST, is_extension, is_id, is_registered_form

MOST_PROBLEMS = 50


class Report:
    """Where a card is wrong; not more than `MOST_PROBLEMS` places are kept."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.count = 0

    def wrong(self, path: str) -> None:
        """The value there is not what it must be."""
        self.count += 1
        if len(self.paths) < MOST_PROBLEMS and path not in self.paths:
            self.paths.append(path)


Check: TypeAlias = Callable[[object, str, Report], None]


def below(path: str, name: str) -> str:
    """The path of a member (RFC 6901 §3)."""
    token = name.replace("~", "~0").replace("/", "~1")
    return f"{path}/{token}" if path else token


def text(is_right: Callable[[str], bool] | None = None) -> Check:
    """A string, that is one of its kind."""

    def check(value: object, path: str, report: Report) -> None:
        if not isinstance(value, str) or (is_right is not None and not is_right(value)):
            report.wrong(path)

    return check


def boolean(value: object, path: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.wrong(path)


def anything(value: object, path: str, report: Report) -> None:
    """What we do not look into."""


def number(lowest: int = 0, highest: int = INT_LARGEST) -> Check:
    """An integer in a range (RFC 9553 §1.4.2)."""

    def check(value: object, path: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            report.wrong(path)

    return check


def one_of(*known: str) -> Check:
    """One of the registered values, or somebody's own (RFC 9553 §1.7.4, §1.8.2)."""

    def check(value: object, path: str, report: Report) -> None:
        if not isinstance(value, str) or (value not in known and not is_extension(value)):
            report.wrong(path)

    return check


def map_of(inside: Check, is_key: Callable[[str], bool] = is_id) -> Check:
    """`A[B]`: an object with any number of members of one kind (RFC 9553 §1.3.2)."""

    def check(value: object, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.wrong(path)
            return
        for key, member in value.items():
            if is_key(key):
                inside(member, below(path, key), report)
            else:
                report.wrong(below(path, key))

    return check


def _true(value: object, path: str, report: Report) -> None:
    if value is not True:
        report.wrong(path)


def set_of(*known: str) -> Check:
    """`String[Boolean]` of registered values, where each must be true."""
    return map_of(_true, lambda key: key in known or is_extension(key))


def set_of_any(is_key: Callable[[str], bool] = bool) -> Check:
    """`String[Boolean]` of texts, where each must be true."""
    return map_of(_true, is_key)


def contexts() -> Check:
    """RFC 9553 §1.5.1, which does not say that each must be true."""
    return map_of(boolean, lambda key: key in ("private", "work") or is_extension(key))


def list_of(inside: Check) -> Check:
    """`A[]` with at least one member."""

    def check(value: object, path: str, report: Report) -> None:
        if not isinstance(value, list) or not value:
            report.wrong(path)
            return
        for index, member in enumerate(value):
            inside(member, below(path, str(index)), report)

    return check


Rule: TypeAlias = Callable[[dict[str, object]], Collection[str]]
"""Which properties of an object, each right by itself, are wrong together."""


def object_of(
    type_name: str,
    properties: dict[str, Check],
    *,
    mandatory: Collection[str] = (),
    some_of: Collection[str] = (),
    reserved: Collection[str] = (),
    rule: Rule | None = None,
) -> Check:
    """An object of a type: what must be there, of what one at least must, and what must not be (RFC 9553 §1.7).

    Names that we do not know are let pass, if they could be a standard's or are somebody's own (RFC 9553 §1.7.3).
    """
    _REGISTERED.update(properties)
    _FOLDED.update(name.lower() for name in properties)

    def check(value: object, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.wrong(path)
            return
        before = report.count
        for name, member in value.items():
            inside = properties.get(name) or _COMMON.get(name)
            if name == "@type":
                if member != type_name:
                    report.wrong(below(path, name))
            elif inside is not None:
                inside(member, below(path, name), report)
            elif name in reserved or not _may_be_unknown(name):
                report.wrong(below(path, name))
        for name in mandatory:
            if name not in value:
                report.wrong(below(path, name))
        if some_of and not any(name in value for name in some_of):
            report.wrong(below(path, next(iter(some_of))))
        if rule is not None and report.count == before:
            for name in rule(value):
                report.wrong(below(path, name))

    return check


_REGISTERED: set[str] = {"@type"}
_FOLDED: set[str] = {"@type"}


def _may_be_unknown(name: str) -> bool:
    """Not what differs from a known name in case alone (RFC 9553 §1.7.1), nor the name that is never used (§1.5.2)."""
    if is_extension(name):
        return True
    if not is_registered_form(name) or name == "extra":
        return False
    return name in _REGISTERED or name.lower() not in _FOLDED


_COMMON: dict[str, Check] = {
    "vCardName": text(),
    "vCardParams": map_of(anything, bool),
}
"""What any object may keep of the vCard that it was made from (RFC 9555 §2.15)."""
_REGISTERED.update(_COMMON)
_FOLDED.update(name.lower() for name in _COMMON)
