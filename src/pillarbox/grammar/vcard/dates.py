"""Dates and times of vCard as JSContact has them (RFC 6350 §4.3, RFC 9555 §2.2.2); both ways.

19531015  1953-10-15  1953-10  1953  --1015  --10-15          20221123T150132Z  2022-11-23T15:01:32+01:00
"""

import re
from datetime import UTC, datetime, timedelta

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jscontact.values import format_moment, parse_moment
from pillarbox.model.errors import SyntaxProblem

_DATE = re.compile(r"(?:(\d{4})(?:-?(\d\d)-?(\d\d)|-(\d\d))?|--(\d\d)-?(\d\d))(?:T.*)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(?:[.,]\d+)?(?:(Z)|([+-])(\d\d):?(\d\d)?)?)?", re.ASCII
)


def parse_date(text: str) -> JsonObject:
    """A PartialDate; a time of day without a zone is left out. Raises: SyntaxProblem."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise SyntaxProblem("a date")
    found = {"year": match[1], "month": match[2] or match[4] or match[5], "day": match[3] or match[6]}
    return {name: int(digits) for name, digits in found.items() if digits is not None}


def parse_timestamp(text: str) -> str:
    """UTCDateTime; where no zone is said, UTC, and where no time, midnight. Raises: SyntaxProblem."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise SyntaxProblem("a timestamp")
    numbers = [int(match[n] or 0) for n in range(1, 7)]
    away = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    try:
        moment = datetime(*numbers[:6], tzinfo=UTC)  # type: ignore[misc, arg-type]  # six numbers
        return format_moment(moment + away if match[8] == "-" else moment - away)
    except (ValueError, OverflowError):
        raise SyntaxProblem("a timestamp") from None


def has_moment(text: str) -> bool:
    """Whether it says a moment, with its zone."""
    match = _MOMENT.fullmatch(text)
    return match is not None and (match[7] or match[8]) is not None


def format_date(date: JsonObject) -> str:
    """Of a PartialDate that was checked."""
    year, month, day = date.get("year"), date.get("month"), date.get("day")
    if year is None:
        return f"--{month:02}{day:02}"
    return f"{year:04}{month:02}{day:02}" if day is not None else f"{year:04}" + (f"-{month:02}" if month else "")


def format_timestamp(text: str) -> str:
    """Of a UTCDateTime."""
    return parse_moment(text).strftime("%Y%m%dT%H%M%SZ").rjust(16, "0")
