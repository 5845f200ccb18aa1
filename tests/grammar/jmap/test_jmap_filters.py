"""Filter and sort of Email/query (RFC 8620 §5.5, RFC 8621 §4.4.1, §4.4.2)."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap import comparators, email_filter, query_filter
from pillarbox.grammar.jmap.comparator import UnsupportedSort
from pillarbox.grammar.jmap.filters import UnsupportedFilter
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import (
    All,
    And,
    HasAttachment,
    HasFlags,
    HasHeader,
    HasWords,
    InMailbox,
    InOtherMailbox,
    Larger,
    Not,
    Or,
    Order,
    Query,
    ReceivedAt,
    Smaller,
    SortKey,
    ThreadHasFlags,
)

MOMENT = datetime(2014, 10, 30, 6, 12, tzinfo=UTC)
SEEN = FlagSet.of("\\Seen")


def anywhere(token: str) -> Query:
    return HasWords(token, ("from", "to", "cc", "bcc", "subject"), in_body=True)


def words(field: str, token: str) -> Query:
    return HasWords(token, (field,))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, All()),
        ({}, All()),
        ({"inMailbox": "m5"}, InMailbox(5)),
        ({"inMailboxOtherThan": ["m5", "m6"]}, InOtherMailbox((5, 6))),
        ({"inMailboxOtherThan": []}, InOtherMailbox(())),
        ({"before": "2014-10-30T06:12:00Z"}, ReceivedAt(before=MOMENT)),
        ({"after": "2014-10-30T06:12:00Z"}, ReceivedAt(since=MOMENT)),
        ({"minSize": 100}, Larger(99)),
        ({"minSize": 0}, Larger(-1)),
        ({"maxSize": 100}, Smaller(100)),
        ({"allInThreadHaveKeyword": "$seen"}, ThreadHasFlags(SEEN, every=True)),
        ({"someInThreadHaveKeyword": "$SEEN"}, ThreadHasFlags(SEEN)),
        ({"noneInThreadHaveKeyword": "$seen"}, Not(ThreadHasFlags(SEEN))),
        ({"hasKeyword": "project"}, HasFlags(FlagSet.of("project"))),
        ({"notKeyword": "$seen"}, Not(HasFlags(SEEN))),
        ({"hasAttachment": True}, HasAttachment()),
        ({"hasAttachment": False}, Not(HasAttachment())),
        ({"text": "foo"}, anywhere("foo")),
        ({"text": "foo  bar"}, And((anywhere("foo"), anywhere("bar")))),
        ({"text": " "}, All()),
        ({"from": "joe"}, words("from", "joe")),
        ({"to": "joe"}, words("to", "joe")),
        ({"cc": "joe"}, words("cc", "joe")),
        ({"bcc": "joe"}, words("bcc", "joe")),
        ({"subject": '"two words" more'}, And((HasWords("two words", ("subject",), is_phrase=True), words("subject", "more")))),
        ({"body": "x 'y'"}, And((HasWords("x", in_body=True), HasWords("y", in_body=True, is_phrase=True)))),
        ({"header": ["X-Spam"]}, HasHeader("X-Spam", "")),
        ({"header": ["X-Spam", "yes"]}, HasHeader("X-Spam", "yes")),
        ({"header": ["X-Spam", ""]}, HasHeader("X-Spam", "")),
        ({"header": ["X-Spam", "a b"]}, And((HasHeader("X-Spam", "a"), HasHeader("X-Spam", "b")))),
        ({"inMailbox": "m5", "from": "joe"}, And((InMailbox(5), words("from", "joe")))),
        ({"operator": "AND", "conditions": [{"from": "a"}, {"to": "b"}]}, And((words("from", "a"), words("to", "b")))),
        ({"operator": "AND", "conditions": [{"from": "a"}]}, words("from", "a")),
        ({"operator": "AND", "conditions": []}, All()),
        ({"operator": "OR", "conditions": [{"from": "a"}, {"to": "b"}]}, Or((words("from", "a"), words("to", "b")))),
        ({"operator": "OR", "conditions": []}, Or(())),
        ({"operator": "NOT", "conditions": [{"from": "a"}, {}]}, Not(Or((words("from", "a"), All())))),
    ],
)  # fmt: skip
def test_filters(value, found):
    assert email_filter.parse(value) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("one two", ["one", "two"]),
        ("'one two' three", ["one two", "three"]),
        (r'"say \"hi\" \\ it\'s"', ['say "hi" \\ it\'s']),
        ("don't stop", ["don't", "stop"]),
        ('a "b c', ["a", '"b', "c"]),
        ("'a\"", ["'a\""]),
        ('"a"b', ['"a"b']),
        ('"" x', ["x"]),
        ("größe\u3000x", ["größe", "x"]),
    ],
)
def test_words_and_phrases(text, found):
    assert query_filter.tokens(text) == found


@pytest.mark.parametrize(
    "value",
    [
        1, "x", [], {"operator": "XOR", "conditions": []}, {"operator": "AND"}, {"operator": "AND", "conditions": {}},
        {"operator": "AND", "conditions": [], "from": "x"}, {"operator": None, "conditions": []}, {"operator": "AND", "conditions": [None]},
        {"inMailbox": None}, {"inMailbox": 5}, {"inMailbox": "5"}, {"inMailbox": "e5"}, {"inMailboxOtherThan": "m5"}, {"inMailboxOtherThan": [5]},
        {"before": "2014-10-30T06:12:00+01:00"}, {"after": 5}, {"minSize": -1}, {"minSize": True}, {"maxSize": 1.5}, {"maxSize": 2**53},
        {"hasKeyword": None}, {"hasKeyword": "a b"}, {"notKeyword": ["x"]}, {"hasAttachment": 1}, {"text": None}, {"from": 5}, {"header": []},
        {"header": "X"}, {"header": ["a b"]}, {"header": ["X", 1]}, {"header": ["X", "y", "z"]}, {"header": [""]},
    ],
)  # fmt: skip
def test_wrong_arguments_are_not_called_unsupported(value):
    with pytest.raises(SyntaxProblem) as caught:
        email_filter.parse(value)
    assert not isinstance(caught.value, UnsupportedFilter)


def nested(depth: int) -> object:
    value: object = {"from": "x"}
    for _ in range(depth):
        value = {"operator": "NOT", "conditions": [value]}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"colour": "red"},
        nested(51),
        nested(5_000),
        {"operator": "OR", "conditions": [{}] * 1_001},
        {"text": "x " * 1_001},
    ],
)
def test_what_cannot_be_looked_for_is_unsupported(value):
    with pytest.raises(UnsupportedFilter):
        email_filter.parse(value)


def test_fifty_operators_in_each_other_are_fine():
    assert isinstance(email_filter.parse(nested(50)), Not)


def test_the_example_sort_of_rfc_8621_4_4_2():
    value = [
        {"property": "someInThreadHaveKeyword", "keyword": "$flagged", "isAscending": False},
        {"property": "subject", "collation": "i;ascii-casemap"},
        {"property": "receivedAt", "isAscending": False},
    ]
    assert comparators.parse(value) == (
        Order(SortKey.THREAD_SOME_HAVE_FLAGS, False, FlagSet.of("\\Flagged")),
        Order(SortKey.SUBJECT),
        Order(SortKey.RECEIVED, False),
    )


@pytest.mark.parametrize("name", comparators.SORT_KEYS)
def test_every_property_that_is_promised_can_be_sorted_by(name):
    (order,) = comparators.parse([{"property": name, "keyword": "$seen", "collation": None}])
    assert order.key is comparators.SORT_KEYS[name]


def test_what_else_stands_in_a_comparator_is_passed_over():
    """jmapc writes arguments of the method there."""
    assert comparators.parse([{"property": "size", "position": 0, "anchor": None}]) == (Order(SortKey.SIZE),)


def test_no_sort():
    assert comparators.parse(None) == ()
    assert comparators.parse([]) == ()


@pytest.mark.parametrize(
    "value", [[{"property": "colour"}], [{"property": "subject", "collation": "i;octet"}], [{"property": "size"}] * 21]
)
def test_what_we_do_not_sort_by_is_unsupported(value):
    with pytest.raises(UnsupportedSort):
        comparators.parse(value)


@pytest.mark.parametrize(
    "value",
    [
        1, "size", {}, ["size"], [{}], [{"property": 1}], [{"property": "size", "isAscending": None}], [{"property": "size", "isAscending": 1}],
        [{"property": "subject", "collation": 1}], [{"property": "hasKeyword"}], [{"property": "hasKeyword", "keyword": "a b"}],
    ],
)  # fmt: skip
def test_wrong_comparators_are_not_called_unsupported(value):
    with pytest.raises(SyntaxProblem) as caught:
        comparators.parse(value)
    assert not isinstance(caught.value, UnsupportedSort)


NAMES = st.sampled_from(
    [*email_filter._CONDITIONS, "operator", "conditions", "property", "isAscending", "collation", "keyword", "x"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["AND", "OR", "NOT", "m5", "$seen", "size"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


@settings(deadline=None)
@given(JSON)
def test_any_filter_is_a_query_or_refused(value):
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(email_filter.parse(value), Query)


@settings(deadline=None)
@given(JSON)
def test_any_sort_is_an_order_or_refused(value):
    with contextlib.suppress(SyntaxProblem):
        comparators.parse(value)
