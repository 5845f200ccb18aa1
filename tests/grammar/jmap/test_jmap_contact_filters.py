"""The filter and the sort of ContactCard/query; ids of contacts (RFC 9610 §3.3)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.jmap import contacts, ids
from pillarbox.grammar.jmap.comparator import UnsupportedSort
from pillarbox.grammar.jmap.filters import UnsupportedFilter
from pillarbox.model import contact as c
from pillarbox.model import query as q
from pillarbox.model.contact import CardField, CardOrder, CardSortKey
from pillarbox.model.errors import SyntaxProblem

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)

FILTERS = [
    (None, q.All()),
    ({}, q.All()),
    ({"inAddressBook": "b4"}, c.InBook(c.BookId(4))),
    ({"inAddressBook": "x"}, c.InBook(c.BookId(0))),
    ({"uid": "u"}, c.HasUid("u")),
    ({"hasMember": "u"}, c.HasMember("u")),
    ({"kind": "org"}, c.IsKind("org")),
    ({"createdBefore": "2020-01-01T00:00:00Z"}, c.CardCreated(before=MOMENT)),
    ({"createdAfter": "2020-01-01T00:00:00Z"}, c.CardCreated(since=MOMENT)),
    ({"updatedBefore": "2020-01-01T00:00:00Z"}, c.CardUpdated(before=MOMENT)),
    ({"updatedAfter": "2020-01-01T00:00:00Z"}, c.CardUpdated(since=MOMENT)),
    ({"text": "a"}, c.HasCardText(CardField.ANY, "a")),
    (
        {"name": 'a "b c"'},
        q.And((c.HasCardText(CardField.NAME, "a"), c.HasCardText(CardField.NAME, "b c"))),
    ),
    ({"name/given": "a"}, c.HasCardText(CardField.GIVEN, "a")),
    ({"address": ""}, q.All()),
    (
        {"operator": "NOT", "conditions": [{"phone": "1"}, {"email": "x", "note": "y"}]},
        q.Not(
            q.Or(
                (
                    c.HasCardText(CardField.PHONE, "1"),
                    q.And((c.HasCardText(CardField.EMAIL, "x"), c.HasCardText(CardField.NOTE, "y"))),
                )
            )
        ),
    ),
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS, ids=str)
def test_filters(filter, expected):
    assert contacts.parse_filter(filter) == expected


@pytest.mark.parametrize(
    ("filter", "problem"),
    [
        ({"colour": "x"}, UnsupportedFilter),
        ({"uid": 5}, SyntaxProblem),
        ({"inAddressBook": None}, SyntaxProblem),
        ({"text": 5}, SyntaxProblem),
        ({"createdAfter": "x"}, SyntaxProblem),
        ({"operator": "XOR", "conditions": []}, SyntaxProblem),
        ({"text": " ".join(["a"] * (contacts.TERMS + 1))}, UnsupportedFilter),
        (5, SyntaxProblem),
    ],
    ids=str,
)
def test_filters_that_are_refused(filter, problem):
    with pytest.raises(problem):
        contacts.parse_filter(filter)


def test_sorts():
    assert contacts.parse_sort(None) == ()
    assert contacts.parse_sort([{"property": "created"}, {"property": "name/surname2", "isAscending": False}]) == (
        CardOrder(CardSortKey.CREATED),
        CardOrder(CardSortKey.SURNAME2, is_ascending=False),
    )


@pytest.mark.parametrize(
    ("sort", "problem"),
    [
        ({}, SyntaxProblem),
        ([5], SyntaxProblem),
        ([{"property": "created", "isAscending": "x"}], SyntaxProblem),
        ([{"property": "created", "collation": 5}], SyntaxProblem),
        ([{"property": "size"}], UnsupportedSort),
        ([{"property": "created", "collation": "i;octet"}], UnsupportedSort),
        ([{"property": "created"}] * 21, UnsupportedSort),
    ],
    ids=str,
)
def test_sorts_that_are_refused(sort, problem):
    with pytest.raises(problem):
        contacts.parse_sort(sort)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["operator", "conditions", "uid", "text", "inAddressBook", "property", "isAscending"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_anything_is_read_or_refused(value):
    for parse in (contacts.parse_filter, contacts.parse_sort):
        try:
            parse(value)
        except SyntaxProblem as problem:
            assert problem.expected


def test_ids_both_ways():
    for letter, form, parse in (("b", ids.format_book, ids.parse_book), ("c", ids.format_card, ids.parse_card)):
        assert form(12) == f"{letter}12" and parse(f"{letter}12") == 12
        for wrong in ("", letter, f"{letter}012", "m12", f"{letter}-1"):
            with pytest.raises(SyntaxProblem):
                parse(wrong)
