"""The plain values of JSContact, and the names of properties: whether a text is one (RFC 9553 §1.4, §1.7, §1.8)."""

import re
from datetime import datetime

from pillarbox.grammar.jmap.dates import format_utc, parse_utc
from pillarbox.model.errors import SyntaxProblem

INT_LARGEST = 2**53 - 1
UID_CHARACTERS = 1_000

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NAME = re.compile(r"@?[A-Za-z][A-Za-z0-9]{0,254}")
_ALNUM = r"A-Za-z0-9\x80-\U0010ffff"
_EXTENSION = re.compile(
    rf"[{_ALNUM}](?:[{_ALNUM}-]*[{_ALNUM}])?(?:\.[{_ALNUM}](?:[{_ALNUM}-]*[{_ALNUM}])?)*"
    r":[ \t!#-.0-}\x80-\U0010ffff]+"
)
"""v-extension (RFC 9553 §1.8.1): a domain, a colon, and a name without controls, quotation marks, `/` and `~`."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[!#$&'()*+,/:;=?@\[\]A-Za-z0-9._~-]++|%[0-9A-Fa-f]{2})*+")
_GEO = re.compile(r"geo:[0-9.,;=A-Za-z%:_+-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_SCRIPT = re.compile(r"[A-Za-z]{4}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_CALENDAR = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FRACTION = re.compile(r"\.[0-9]*0Z\Z|\.Z\Z")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_ADDRESS = re.compile(rf'(?:{_DOT_ATOM}|"(?:[^"\\\r\n\0]|\\[^\r\n\0])*")@(?:{_DOT_ATOM}|\[[!-Z^-~]*\])')
"""addr-spec without comments and folding (RFC 5322 §3.4.1), other scripts let pass (RFC 6532)."""


def is_id(text: str) -> bool:
    """RFC 9553 §1.4.1."""
    return _ID.fullmatch(text) is not None


def is_registered_form(text: str) -> bool:
    """Whether a property of a standard could have this name (RFC 9553 §1.7.2)."""
    return _NAME.fullmatch(text) is not None


def is_extension(text: str) -> bool:
    """Whether it is the name of a property or a value of somebody's own (RFC 9553 §1.8.1)."""
    return _EXTENSION.fullmatch(text) is not None


def is_uid(text: str) -> bool:
    """Any text; but not so long, or with such octets, that nobody could look for it (RFC 9553 §2.1.9)."""
    return 0 < len(text) <= UID_CHARACTERS and "\0" not in text


def is_uri(text: str) -> bool:
    """RFC 9553 §1.4.4."""
    return _URI.fullmatch(text) is not None


def is_geo(text: str) -> bool:
    """A `geo:` URI (RFC 9553 §2.5.1)."""
    return _GEO.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """A well-formed language tag (RFC 9553 §2.1.5)."""
    return _LANGUAGE.fullmatch(text) is not None


def is_script(text: str) -> bool:
    """A script subtag (RFC 9553 §1.5.5)."""
    return _SCRIPT.fullmatch(text) is not None


def is_country(text: str) -> bool:
    """An Alpha-2 country code (RFC 9553 §2.5.1)."""
    return _COUNTRY.fullmatch(text) is not None


def is_zone(text: str) -> bool:
    """The form of a time zone's name; which ones there are changes by the year (RFC 9553 §2.5.1)."""
    return _ZONE.fullmatch(text) is not None


def is_calendar(text: str) -> bool:
    """The form of a calendar system's name, in lower case (RFC 9553 §2.8.1)."""
    return _CALENDAR.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """An addr-spec (RFC 9553 §2.3.1)."""
    return len(text) <= 1_000 and _ADDRESS.fullmatch(text) is not None


def is_moment(text: str) -> bool:
    """UTCDateTime: one text for each moment, so no zeros at the end of a fraction (RFC 9553 §1.4.5)."""
    if _FRACTION.search(text) is not None:
        return False
    try:
        parse_utc(text)
    except SyntaxProblem:
        return False
    return True


def parse_moment(text: str) -> datetime:
    """Of a UTCDateTime. Raises: SyntaxProblem."""
    return parse_utc(text)


def format_moment(moment: datetime) -> str:
    """UTCDateTime."""
    return format_utc(moment)
