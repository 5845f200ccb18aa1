"""Dates of messages (RFC 5322 §3.3, obsolete forms of §4.3), and IMAP's own form of them; both ways."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from pillarbox.grammar.message.header import without_comments
from pillarbox.model.errors import SyntaxProblem

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH = {name.lower().encode(): number for number, name in enumerate(MONTHS, start=1)}
_ZONES = {
    b"UT": 0, b"GMT": 0, b"Z": 0, b"EST": -300, b"EDT": -240, b"CST": -360, b"CDT": -300, b"MST": -420, b"MDT": -360,
    b"PST": -480, b"PDT": -420,
}  # fmt: skip

_DATE = re.compile(
    rb"\s*(?:[A-Za-z]+\s*(?:,\s*)?)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,6})\s+"
    rb"(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2}))?\s*(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]+))?"
)


def parse(value: bytes) -> datetime:
    """The moment, aware, in the zone as written. Raises: SyntaxProblem."""
    match = _DATE.match(without_comments(value))
    month = None if match is None else _MONTH.get(match[2].lower())
    if match is None or month is None:
        raise SyntaxProblem("date-time")
    year = int(match[3])
    if len(match[3]) < 4:  # RFC 5322 §4.3: two digits 00–49 are 2000s, the rest and three digits count from 1900
        year += 2000 if year < 50 and len(match[3]) == 2 else 1900
    if match[7]:
        minutes = int(match[8]) * 60 + int(match[9])
        offset = minutes if match[7] == b"+" else -minutes
    else:
        offset = _ZONES.get((match[10] or b"").upper(), 0)
    zone = timezone(timedelta(minutes=offset)) if -1440 < offset < 1440 else UTC
    second = min(int(match[6] or 0), 59)  # a leap second is the one before
    try:
        return datetime(year, month, int(match[1]), int(match[4]), int(match[5]), second, tzinfo=zone)
    except ValueError:
        raise SyntaxProblem("date-time") from None


def written_day(value: bytes) -> date | None:
    """The day that a Date field writes, its zone disregarded (RFC 9051 §6.4.4, SENTSINCE); None when unreadable."""
    try:
        return parse(value).date()
    except SyntaxProblem:
        return None


def format(moment: datetime) -> str:
    """`Tue, 24 Nov 2026 10:00:00 +0000`."""
    zone = moment.strftime("%z")[:5]
    return (
        f"{DAYS[moment.weekday()]}, {moment.day} {MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {zone}"
    )


_INTERNAL = re.compile(rb"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")


def parse_internal(value: bytes) -> datetime:
    """IMAP's `24-Nov-2026 10:00:00 +0000` (RFC 9051 §9, date-time). Raises: SyntaxProblem."""
    match = _INTERNAL.fullmatch(value)
    month = None if match is None else _MONTH.get(match[2].lower())
    if match is None or month is None:
        raise SyntaxProblem("date-time")
    minutes = int(match[8]) * 60 + int(match[9])
    try:
        zone = timezone(timedelta(minutes=minutes if match[7] == b"+" else -minutes))
        clock = (int(match[4]), int(match[5]), min(int(match[6]), 59))
        return datetime(int(match[3]), month, int(match[1]), *clock, tzinfo=zone)
    except ValueError:
        raise SyntaxProblem("date-time") from None


def format_internal(moment: datetime) -> str:
    """`24-Nov-2026 10:00:00 +0000`, the day with two characters."""
    zone = moment.strftime("%z")[:5]
    return (
        f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {zone}"
    )
