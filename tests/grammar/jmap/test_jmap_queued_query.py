"""The filter and the sort of QueuedMessage/query."""

from datetime import UTC, datetime, timedelta

import pytest

from pillarbox.grammar.jmap.comparator import UnsupportedSort
from pillarbox.grammar.jmap.filters import DEPTH, TERMS, UnsupportedFilter
from pillarbox.grammar.jmap.queued_query import FILTER, Facts, looks_at_change, parse_sort
from pillarbox.model.errors import SyntaxProblem

TEN = datetime(2026, 11, 24, 10, tzinfo=UTC)
ONE = Facts(9, TEN, 500, TEN + timedelta(minutes=5), False)
TWO = Facts(None, TEN + timedelta(hours=1), 200, None, True)
THREE = Facts(12, TEN + timedelta(hours=2), 900, TEN + timedelta(minutes=1), False)
ALL = (ONE, TWO, THREE)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ALL),
        ({}, ALL),
        ({"emailSubmissionIds": ["s9", "s1", "x", "e9"]}, (ONE,)),
        ({"emailSubmissionIds": []}, ()),
        ({"state": "sending"}, (TWO,)),
        ({"state": "waiting"}, (ONE, THREE)),
        ({"before": "2026-11-24T11:00:00Z"}, (ONE,)),
        ({"after": "2026-11-24T11:00:00Z"}, (TWO, THREE)),
        ({"state": "waiting", "after": "2026-11-24T11:00:00Z"}, (THREE,)),
        ({"operator": "NOT", "conditions": [{"state": "sending"}]}, (ONE, THREE)),
        ({"operator": "OR", "conditions": [{"state": "sending"}, {"emailSubmissionIds": ["s12"]}]}, (TWO, THREE)),
        ({"operator": "AND", "conditions": [{"state": "waiting"}, {"before": "2026-11-24T11:00:00Z"}]}, (ONE,)),
    ],
)
def test_what_a_filter_finds(value: object, found: tuple[Facts, ...]):
    test = FILTER.parse(value)
    assert tuple(one for one in ALL if test(one)) == found


@pytest.mark.parametrize(
    "value",
    [
        [],
        "state",
        {"state": "done"},
        {"state": None},
        {"emailSubmissionIds": "s9"},
        {"emailSubmissionIds": [9]},
        {"before": "yesterday"},
        {"after": 1},
        {"operator": "XOR", "conditions": []},
        {"operator": "AND"},
        {"operator": "AND", "conditions": [], "state": "waiting"},
        {"operator": "AND", "conditions": [1]},
    ],
)
def test_what_is_no_filter(value: object):
    with pytest.raises(SyntaxProblem):
        FILTER.parse(value)


def test_what_a_filter_may_not_be():
    deep: object = {}
    for _ in range(DEPTH + 1):
        deep = {"operator": "AND", "conditions": [deep]}
    for value in ({"subject": "x"}, deep, {"operator": "OR", "conditions": [{}] * (TERMS + 1)}):
        with pytest.raises(UnsupportedFilter):
            FILTER.parse(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ALL),
        ([], ALL),
        ([{"property": "size"}], (TWO, ONE, THREE)),
        ([{"property": "queuedAt", "isAscending": False}], (THREE, TWO, ONE)),
        ([{"property": "nextAttempt", "collation": None}], (TWO, THREE, ONE)),
    ],
)
def test_orders(value: object, found: tuple[Facts, ...]):
    order = list(ALL)
    for key, is_ascending in reversed(parse_sort(value)):
        order.sort(key=key, reverse=not is_ascending)
    assert tuple(order) == found


@pytest.mark.parametrize(
    "value",
    ["size", [1], [{}], [{"property": 1}], [{"property": "size", "isAscending": "no"}]],
)
def test_what_is_no_sort(value: object):
    with pytest.raises(SyntaxProblem):
        parse_sort(value)


@pytest.mark.parametrize("value", [[{"property": "subject"}], [{"property": "size", "collation": "i;octet"}]])
def test_what_is_not_sorted_by(value: object):
    with pytest.raises(UnsupportedSort):
        parse_sort(value)


@pytest.mark.parametrize(
    ("filter", "sort", "answer"),
    [
        (None, None, False),
        ({"before": "2026-11-24T11:00:00Z"}, [{"property": "size"}], False),
        ({"state": "waiting"}, None, True),
        ({"operator": "NOT", "conditions": [{"state": "waiting"}]}, None, True),
        ({"operator": "NOT", "conditions": [{}]}, None, False),
        (None, [{"property": "size"}, {"property": "nextAttempt"}], True),
    ],
)
def test_what_looks_at_something_that_changes(filter: object, sort: object, answer: bool):
    assert looks_at_change(filter, sort) is answer
