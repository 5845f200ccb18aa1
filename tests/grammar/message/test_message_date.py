"""Dates of messages and of IMAP (RFC 5322 §3.3, §4.3; RFC 9051 §9); both ways."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import date as dates
from pillarbox.model.errors import SyntaxProblem


def at(*numbers, zone=0):
    return datetime(*numbers, tzinfo=timezone(timedelta(minutes=zone)))


WRITTEN = [
    (b"Fri, 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, zone=-360)),
    (b"21 Nov 1997 09:55 +0000", at(1997, 11, 21, 9, 55)),
    (b"Fri,21 nov 97 9:55:06 EST", at(1997, 11, 21, 9, 55, 6, zone=-300)),
    (b"Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)", at(1969, 2, 13, 23, 32, zone=-210)),
    (b"1 (one) Jan ((the) first) 2001 10:00 +0000", at(2001, 1, 1, 10, 0)),
    (b"1 Jan 49 00:00 GMT", at(2049, 1, 1)),
    (b"1 Jan 50 00:00 GMT", at(1950, 1, 1)),
    (b"1 Jan 103 00:00 GMT", at(2003, 1, 1)),
    (b"1-January-2001 00.00.05", at(2001, 1, 1, 0, 0, 5)),
    (b"Friday 1 Jan 2001 00:00:60 +01:00", at(2001, 1, 1, 0, 0, 59, zone=60)),
    (b"1 Jan 2001 00:00 XYZ", at(2001, 1, 1)),
    (b"1 Jan 2001 00:00 pdt", at(2001, 1, 1, zone=-420)),
    (b"1 Jan 2001 00:00 -9999", at(2001, 1, 1)),
]


@pytest.mark.parametrize(("value", "moment"), WRITTEN)
def test_dates_as_people_write_them(value, moment):
    found = dates.parse(value)
    assert (found, found.utcoffset()) == (moment, moment.utcoffset())
    assert dates.written_day(value) == moment.date()


@pytest.mark.parametrize(
    "value",
    [b"", b"x", b"1 Foo 2001 00:00", b"31 Feb 2001 00:00", b"1 Jan 2001", b"1 Jan 2001 25:00", b"1 Jan 99999 00:00"],
)
def test_what_is_no_date_is_a_syntax_problem(value):
    with pytest.raises(SyntaxProblem):
        dates.parse(value)
    assert dates.written_day(value) is None


MOMENTS = st.builds(
    lambda moment, minutes: moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes))),
    st.datetimes(datetime(1900, 1, 1)),
    st.integers(-1439, 1439),
)


@given(MOMENTS)
def test_any_moment_survives_in_both_forms(moment):
    for text, parse in ((dates.format(moment), dates.parse), (dates.format_internal(moment), dates.parse_internal)):
        found = parse(text.encode())
        assert (found, found.utcoffset()) == (moment, moment.utcoffset())


def test_the_forms():
    moment = datetime(2026, 11, 4, 1, 2, 3, tzinfo=UTC)
    assert dates.format(moment) == "Wed, 4 Nov 2026 01:02:03 +0000"
    assert dates.format_internal(moment) == " 4-Nov-2026 01:02:03 +0000"
    assert dates.parse_internal(b"04-nov-2026 01:02:60 -0130") == at(2026, 11, 4, 1, 2, 59, zone=-90)
    assert dates.written_day(b"1 Jan 2001 00:00 +1400") == date(2001, 1, 1)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"4-Nov-2026 01:02:03 +0000", b"04-Foo-2026 01:02:03 +0000", b"31-Feb-2026 01:02:03 +0000",
        b"04-Nov-0000 01:02:03 +0000", b"04-Nov-2026 01:02:03 +9999", b"04-Nov-2026 01:02:03 +0000 ",
    ],
)  # fmt: skip
def test_what_is_no_internal_date_is_a_syntax_problem(value):
    with pytest.raises(SyntaxProblem):
        dates.parse_internal(value)


@given(st.text("0123456789 JanFebMon,:+-()GMT", max_size=40).map(str.encode))
def test_any_octets_are_a_date_or_a_syntax_problem(value):
    for prefix in (b"", b"1 Jan 2001 ", b"01-Jan-2001 01:02:03 "):
        for parse in (dates.parse, dates.parse_internal):
            try:
                assert parse(prefix + value).tzinfo is not None
            except SyntaxProblem:
                continue
