"""Date and UTCDate: moments as JMAP writes them (RFC 8620 §1.4); both ways.

    2014-10-30T14:12:00+08:00          2014-10-30T06:12:00Z

A fraction of zero is let pass, though it must be left out: it is what browsers write (`.000Z`).
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from pillarbox.model.errors import SyntaxProblem

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-5][0-9]))"
)


def parse_date(text: object) -> datetime:
    """An aware moment, in the zone as written. Raises: SyntaxProblem."""
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise SyntaxProblem("a Date")
    zone = UTC
    second = min(int(match[6]), 59) if match[6] == "60" else int(match[6])  # a leap second is the one before
    fraction = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        if match[8] is None:
            minutes = int(match[10]) * 60 + int(match[11])
            zone = timezone(timedelta(minutes=minutes if match[9] == "+" else -minutes))
        year, month, day, hour, minute = (int(match[n]) for n in range(1, 6))
        return datetime(year, month, day, hour, minute, second, fraction, tzinfo=zone)
    except ValueError:
        raise SyntaxProblem("a Date") from None


def parse_utc(text: object) -> datetime:
    """A moment whose zone must be written `Z`. Raises: SyntaxProblem."""
    if not isinstance(text, str) or not text.endswith("Z"):
        raise SyntaxProblem("a UTCDate")
    return parse_date(text)


def format_date(moment: datetime) -> str:
    """The moment in its own zone."""
    text = moment.isoformat()
    if moment.microsecond:
        text = text[:19] + f".{moment.microsecond:06d}".rstrip("0") + text[26:]
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def format_utc(moment: datetime) -> str:
    """The moment in UTC."""
    return format_date(moment.astimezone(UTC))
