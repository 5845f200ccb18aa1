"""Ids, dates and keywords (RFC 8620 §1.2, §1.4, RFC 8621 §4.1.1)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap import dates, ids, keywords
from pillarbox.grammar.jmap.ids import MessageBlob, UploadBlob
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId, MailboxId, MessageId, ThreadId
from pillarbox.model.keywords import FlagSet

HEX = "0123456789abcdef" * 4

BOTH_WAYS = [
    ("a1", AccountId(1), ids.format_account, ids.parse_account),
    ("m5", MailboxId(5), ids.format_mailbox, ids.parse_mailbox),
    ("e12", MessageId(12), ids.format_email, ids.parse_email),
    ("t12", ThreadId(12), ids.format_thread, ids.parse_thread),
    ("i3", 3, ids.format_identity, ids.parse_identity),
    ("s9", 9, ids.format_submission, ids.parse_submission),
    ("B12", MessageBlob(MessageId(12)), ids.format_blob, ids.parse_blob),
    ("B12_1_2", MessageBlob(MessageId(12), (1, 2)), ids.format_blob, ids.parse_blob),
    (f"U{HEX}", UploadBlob(BlobId(bytes.fromhex(HEX))), ids.format_blob, ids.parse_blob),
    (f"U{HEX}_3", UploadBlob(BlobId(bytes.fromhex(HEX)), (3,)), ids.format_blob, ids.parse_blob),
]


@pytest.mark.parametrize(("text", "value", "write", "parse"), BOTH_WAYS)
def test_ids_both_ways(text, value, write, parse):
    assert parse(text) == value
    assert write(value) == text
    assert ids.is_id(text)


@pytest.mark.parametrize("parse", [parse for _, _, _, parse in BOTH_WAYS])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x1",
        "a",
        "a01",
        "a-1",
        "a1 ",
        "a1\n",
        "aa",
        "a" + "1" * 300,
        "B",
        "B0",
        "B1_",
        "B1_0",
        "B1_01",
        "U12",
        f"U{HEX.upper()}",
        "B1" + "_1" * 200,
        "a²",
    ],
)
def test_what_is_no_id_of_ours_is_refused(text, parse):
    with pytest.raises(SyntaxProblem):
        parse(text)


def test_an_id_of_one_kind_is_none_of_another():
    with pytest.raises(SyntaxProblem):
        ids.parse_email("m5")


def test_a_part_is_named_after_its_message():
    assert ids.part_of("B12", "1.2") == "B12_1_2"
    assert ids.part_of("B12_2", "1") == "B12_2_1"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("A-z_9", True), ("", False), ("a b", False), ("é", False), ("x" * 255, True), ("x" * 256, False), ("a\n", False)],
)
def test_the_alphabet_of_ids(text, is_one):
    assert ids.is_id(text) is is_one


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2014-10-30T14:12:00+08:00", datetime(2014, 10, 30, 14, 12, tzinfo=timezone(timedelta(hours=8)))),
        ("2014-10-30T06:12:00Z", datetime(2014, 10, 30, 6, 12, tzinfo=UTC)),
        ("2014-10-30T06:12:00.25Z", datetime(2014, 10, 30, 6, 12, 0, 250_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00-23:59", datetime(1, 1, 1, tzinfo=timezone(-timedelta(hours=23, minutes=59)))),
    ],
)
def test_dates_both_ways(text, moment):
    assert dates.parse_date(text) == moment
    assert dates.format_date(moment) == text


def test_a_utc_date_is_in_utc():
    moment = dates.parse_date("2014-10-30T14:12:00+08:00")
    assert dates.format_utc(moment) == "2014-10-30T06:12:00Z"
    assert dates.parse_utc("2014-10-30T06:12:00Z") == moment
    for text in ("2014-10-30T06:12:00+00:00", None, 5):
        with pytest.raises(SyntaxProblem):
            dates.parse_utc(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2016-12-31T23:59:59.000Z", "2016-12-31T23:59:59Z"),
        ("2016-12-31T23:59:59.1234567Z", "2016-12-31T23:59:59.123456Z"),
        ("2016-12-31T23:59:59-00:00", "2016-12-31T23:59:59Z"),
    ],
)
def test_what_others_write_is_read(text, same):
    assert dates.format_date(dates.parse_date(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        1,
        "2014-10-30",
        "2014-10-30t06:12:00z",
        "2014-10-30T06:12:00",
        "2014-10-30 06:12:00Z",
        "2014-13-30T06:12:00Z",
        "2014-02-30T06:12:00Z",
        "2014-10-30T24:12:00Z",
        "2014-10-30T06:12:61Z",
        "2014-10-30T06:12:00+24:00",
        "2014-10-30T06:12:00+99:00",
        "2014-10-30T06:12:00+08:60",
        "٢٠١٤-10-30T06:12:00Z",
        "2014-10-30T06:12:00Z\n",
        "2014-10-30T06:12:00.Z",
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(SyntaxProblem):
        dates.parse_date(text)


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_any_moment_round_trips(moment):
    assert dates.parse_utc(dates.format_utc(moment)) == moment


def test_keywords_are_the_flags_of_imap():
    flags = keywords.parse({"$SEEN": True, "$draft": True, "$Junk": True, "Project[X": True})
    assert flags == FlagSet.of("\\Seen", "\\Draft", "$Junk", "project[x")
    assert keywords.format(flags) == {"$seen": True, "$draft": True, "$junk": True, "project[x": True}


def test_deleted_has_no_keyword():
    assert keywords.format(FlagSet.of("\\Deleted", "\\Flagged", "\\Answered")) == {"$flagged": True, "$answered": True}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"a": False},
        {"a": None},
        {"a": 1},
        {"": True},
        {"a b": True},
        {"é": True},
        {"$recent": True},
        {"$Recent": True},
        {"a" * 256: True},
        *({f"a{c}": True} for c in '(){]%*"\\\x7f\n'),
    ],
)
def test_what_are_no_keywords_is_refused(value):
    with pytest.raises(SyntaxProblem):
        keywords.parse(value)


@pytest.mark.parametrize("value", [None, 5, ["x"]])
def test_a_keyword_is_a_string(value):
    with pytest.raises(SyntaxProblem):
        keywords.flags_of([value])


@settings(deadline=None)
@given(
    st.sets(
        st.text(
            "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '(){]%*"\\'), min_size=1, max_size=20
        ).filter(lambda k: k.lower() != "$recent")
    )
)
def test_any_keywords_round_trip_in_lower_case(names):
    assert keywords.format(keywords.parse(dict.fromkeys(names, True))) == dict.fromkeys(
        {name.lower() for name in names}, True
    )
