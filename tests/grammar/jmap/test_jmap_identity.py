"""Identity and Envelope objects, and the queries of EmailSubmission (RFC 8621 §6, §7)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.jmap import envelope
from pillarbox.grammar.jmap.comparator import UnsupportedSort
from pillarbox.grammar.jmap.filters import UnsupportedFilter
from pillarbox.grammar.jmap.identity import TEXT_DEFAULTS, WrongProperties, format_text, parse_email, parse_text
from pillarbox.grammar.jmap.submission_query import FILTER, Facts, parse_sort
from pillarbox.grammar.smtp.parameters import RcptParameters, UnknownParameter
from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType, HoldRequest
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.identity import IdentityText, NamedAddress
from pillarbox.model.submission import EnvelopeAddress, SubmissionEnvelope, Undo

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

# --- Identity --------------------------------------------------------------------------------------------------------

JOE = {
    "name": "Joe Bloggs",
    "replyTo": None,
    "bcc": [{"name": None, "email": "joe+archive@example.com"}],
    "textSignature": "-- \nJoe Bloggs\nMaster of Email",
    "htmlSignature": "<div><b>Joe Bloggs</b></div>",
}


def test_the_example_of_the_standard_goes_both_ways():
    text = parse_text(JOE)
    assert text == IdentityText(
        "Joe Bloggs", None, (NamedAddress(None, "joe+archive@example.com"),), JOE["textSignature"], JOE["htmlSignature"]
    )
    assert format_text(text) == JOE
    assert format_text(parse_text(TEXT_DEFAULTS)) == TEXT_DEFAULTS


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"name": 1, "textSignature": "a\0"}, {"name", "textSignature"}),
        ({"htmlSignature": None}, {"htmlSignature"}),
        ({"replyTo": "a@b.c", "bcc": [{"email": 1}]}, {"replyTo", "bcc"}),
        ({"bcc": [{"email": "a\0b"}]}, {"bcc"}),
        ({"bcc": [{"email": "a@b.c", "name": 1}]}, {"bcc"}),
        ({"bcc": [{"email": "a@b.c", "name": "\0"}]}, {"bcc"}),
        ({"bcc": [{"email": "a@b.c", "who": "x"}]}, {"bcc"}),
    ],
)
def test_all_properties_that_are_wrong_are_named(given, wrong):
    with pytest.raises(WrongProperties) as caught:
        parse_text({**TEXT_DEFAULTS, **given})
    assert set(caught.value.names) == wrong


def test_an_identity_has_an_address():
    assert parse_email("joe@Example.com") == Address("joe", "example.com")
    assert parse_email("*@example.com") == Address("*", "example.com")
    for value in (None, "", "joe"):
        with pytest.raises(WrongProperties) as caught:
            parse_email(value)
        assert caught.value.names == ("email",)


# --- Envelope --------------------------------------------------------------------------------------------------------


def test_an_envelope_is_read_with_its_parameters():
    value = {
        "mailFrom": {
            "email": "john@example.com",
            "parameters": {"HoldFor": "60", "body": "8BITMIME", "SMTPUTF8": None},
        },
        "rcptTo": [{"email": "jane@example.com"}, {"email": "nobody", "parameters": {}}, {"email": "jane@example.com"}],
    }
    read = envelope.parse(value)
    assert read.reverse_path == Address("john", "example.com")
    assert read.recipients == (Address("jane", "example.com"), None)
    assert read.mail.hold == HoldRequest(seconds=60) and read.mail.body_type is BodyType.EIGHT_BIT_MIME
    assert read.mail.smtputf8 and read.rcpt == (RcptParameters(), RcptParameters())
    assert envelope.format(read.named) == {
        "mailFrom": value["mailFrom"],
        "rcptTo": [{"email": "jane@example.com", "parameters": None}, {"email": "nobody", "parameters": {}}],
    }


def test_values_of_parameters_have_no_encoding_of_the_wire():
    """RFC 8621 §7: xtext is removed."""
    value = {
        "mailFrom": {"email": "", "parameters": {"ENVID": "a b+c"}},
        "rcptTo": [{"email": "a@b.c", "parameters": {"ORCPT": "rfc822;a b@c", "NOTIFY": "NEVER"}}],
    }
    read = envelope.parse(value)
    assert read.reverse_path is None and read.mail.envid == "a b+c"
    assert read.rcpt == (RcptParameters(("NEVER",), "rfc822;a b@c"),)
    assert envelope.format(SubmissionEnvelope(EnvelopeAddress(""), ())) == {
        "mailFrom": {"email": "", "parameters": None},
        "rcptTo": [],
    }


SENDER = {"email": "a@b.c"}


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"mailFrom": SENDER},
        {"mailFrom": SENDER, "rcptTo": [], "more": 1},
        {"mailFrom": "a@b.c", "rcptTo": []},
        {"mailFrom": {"email": "a\0@b.c"}, "rcptTo": []},
        {"mailFrom": SENDER, "rcptTo": [{"email": "a@b.c", "name": "x"}]},
        {"mailFrom": {**SENDER, "parameters": []}, "rcptTo": []},
        {"mailFrom": {**SENDER, "parameters": {"SIZE": 1}}, "rcptTo": []},
        {"mailFrom": {**SENDER, "parameters": {"SIZE": "x"}}, "rcptTo": []},
        {"mailFrom": {**SENDER, "parameters": {"size": "1", "SIZE": "2"}}, "rcptTo": []},
    ],
)
def test_what_is_no_envelope_is_a_syntax_problem(value):
    with pytest.raises(SyntaxProblem):
        envelope.parse(value)


def test_what_is_wrong_is_told_apart():
    with pytest.raises(UnknownParameter):
        envelope.parse({"mailFrom": {**SENDER, "parameters": {"FOO": None}}, "rcptTo": []})
    with pytest.raises(envelope.NoReversePath):
        envelope.parse({"mailFrom": {"email": "nobody"}, "rcptTo": []})


@given(JSON)
def test_any_value_is_an_envelope_or_a_syntax_problem(value):
    for given_value in (value, {"mailFrom": value, "rcptTo": [value]}):
        try:
            envelope.parse(given_value)
        except SyntaxProblem:
            continue


# --- EmailSubmission/query -------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FACTS = Facts(identity_id=3, email_id=12, thread_id=12, send_at=NOW, undo=Undo.PENDING)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ({}, True),
        ({"identityIds": ["i3", "i4"]}, True),
        ({"identityIds": []}, False),
        ({"emailIds": ["e12", "nothing"]}, True),
        ({"emailIds": ["e13"]}, False),
        ({"threadIds": ["t12"]}, True),
        ({"undoStatus": "pending"}, True),
        ({"undoStatus": "canceled"}, False),
        ({"before": "2026-11-24T10:00:00Z"}, False),
        ({"before": "2026-11-24T10:00:01Z"}, True),
        ({"after": "2026-11-24T10:00:00Z"}, True),
        ({"after": "2026-11-24T10:00:01Z"}, False),
        ({"identityIds": ["i3"], "undoStatus": "final"}, False),
        ({"operator": "AND", "conditions": []}, True),
        ({"operator": "OR", "conditions": []}, False),
        ({"operator": "OR", "conditions": [{"undoStatus": "final"}, {"emailIds": ["e12"]}]}, True),
        ({"operator": "NOT", "conditions": [{"undoStatus": "final"}, {"emailIds": ["e13"]}]}, True),
    ],
)
def test_a_filter_finds_what_it_says(value, expected):
    assert FILTER.parse(value)(FACTS) is expected


@pytest.mark.parametrize(
    "value",
    [
        [], {"identityIds": "i3"}, {"identityIds": [3]}, {"undoStatus": 1}, {"undoStatus": "maybe"}, {"before": "today"},
        {"operator": "XOR", "conditions": []}, {"operator": "AND"},
    ],
)  # fmt: skip
def test_what_is_no_filter_is_a_syntax_problem(value):
    with pytest.raises(SyntaxProblem) as caught:
        FILTER.parse(value)
    assert not isinstance(caught.value, UnsupportedFilter)


def test_filters_have_bounds():
    deep: dict = {}
    for _ in range(60):
        deep = {"operator": "AND", "conditions": [deep]}
    for value in ({"foo": 1}, deep, {"operator": "OR", "conditions": [{}] * 1_001}):
        with pytest.raises(UnsupportedFilter):
            FILTER.parse(value)


def test_whether_a_filter_looks_at_what_can_change():
    assert FILTER.looks_at_change({"operator": "NOT", "conditions": [{}, {"undoStatus": "final"}]})
    assert not FILTER.looks_at_change({"operator": "NOT", "conditions": [{"emailIds": []}]})
    assert not FILTER.looks_at_change(None)


def test_sorts():
    assert parse_sort(None) == ()
    later = Facts(1, 11, 13, NOW + timedelta(seconds=1), Undo.FINAL)
    for name, is_less in (("emailId", False), ("threadId", True), ("sentAt", True), ("sendAt", True)):
        ((key, is_ascending),) = parse_sort([{"property": name, "isAscending": False}])
        assert (key(FACTS) < key(later)) is is_less and not is_ascending
    for value in (
        {},
        ["sentAt"],
        [{"property": 1}],
        [{"property": "sentAt", "isAscending": 1}],
        [{"property": "x", "y": 1}],
    ):
        with pytest.raises(SyntaxProblem):
            parse_sort(value)
    for value in ([{"property": "size"}], [{"property": "sentAt", "collation": "i;octet"}]):
        with pytest.raises(UnsupportedSort):
            parse_sort(value)


@given(JSON)
def test_any_value_is_a_query_or_a_syntax_problem(value):
    for parse in (FILTER.parse, parse_sort):
        try:
            parse(value)
        except SyntaxProblem:
            continue
    FILTER.looks_at_change(value)
