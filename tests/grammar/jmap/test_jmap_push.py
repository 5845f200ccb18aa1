"""What is pushed, and what is said over a WebSocket (RFC 8620 §7, RFC 8887 §4.3)."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.jmap import ids, ijson, push, websocket
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.grammar.jmap.push import Event
from pillarbox.grammar.jmap.request import Invocation, Request, RequestLimits, Response
from pillarbox.grammar.jmap.websocket import PushDisable, PushEnable
from pillarbox.model.errors import SyntaxProblem

CORE = "urn:ietf:params:jmap:core"
CHANGE = {"@type": "StateChange", "changed": {"a1": {"Email": "35", "EmailDelivery": "35"}}}

EVENTS = [
    (b'event: state\nid: 35\ndata: {"@type":"StateChange"}\n\n', Event("state", {"@type": "StateChange"}, "35")),
    (b'event: ping\ndata: {"interval":300}\n\n', Event("ping", {"interval": 300})),
    (b"id: 7\n\n", Event(id="7")),
    (b"\n", Event()),
]


@pytest.mark.parametrize(("octets", "event"), EVENTS)
def test_events_both_ways(octets: bytes, event: Event):
    assert push.format_event(event) == octets
    assert push.parse_event(octets) == event


@pytest.mark.parametrize(
    ("octets", "event"),
    [
        (push.NOTHING, Event()),
        (b": comment\nevent:state\nretry: 1\nother\n\n", Event("state")),
        (b'event: a\r\nevent: b\rdata: {"x":\r\ndata: 1}\r\n\r\n', Event("b", {"x": 1})),
        (b"id\n\n", Event(id="")),
    ],
)
def test_events_as_others_write_them(octets: bytes, event: Event):
    assert push.parse_event(octets) == event


@pytest.mark.parametrize("octets", [b"data: x\n\n", b"data: []\n\n", b"data: \xff\n\n", b"data:\n\n"])
def test_what_is_no_event_of_ours_is_a_syntax_problem(octets: bytes):
    with pytest.raises(SyntaxProblem):
        push.parse_event(octets)


@given(st.binary(max_size=200))
def test_any_octets_are_an_event_or_a_syntax_problem(octets: bytes):
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(push.parse_event(octets), Event)


@given(st.dictionaries(st.text(), st.text()))
def test_nothing_in_an_event_ends_it(states):
    change = push.state_change("a1", states)
    octets = push.format_event(Event("state", change, "1"))
    assert octets.count(b"\n\n") == 1
    assert b"\r" not in octets
    assert push.parse_event(octets) == Event("state", change, "1")


def test_a_state_change_is_the_one_of_the_standard():
    states = {"Email": "35", "EmailDelivery": "35"}
    assert push.state_change("a1", states) == CHANGE
    assert push.state_change("a1", states, push_state="35") == {**CHANGE, "pushState": "35"}


def test_a_verification_is_the_one_of_the_standard():
    """RFC 8620 §7.2.3."""
    assert push.verification("P43dcfa4", "da1f097b") == {
        "@type": "PushVerification",
        "pushSubscriptionId": "P43dcfa4",
        "verificationCode": "da1f097b",
    }


def test_ids_of_subscriptions_both_ways():
    assert ids.format_push_subscription(7) == "p7"
    assert ids.parse_push_subscription("p7") == 7
    with pytest.raises(SyntaxProblem):
        ids.parse_push_subscription("s7")


# --- RFC 8887 --------------------------------------------------------------------------------------------------------


def read(value: object) -> websocket.ClientMessage:
    return websocket.read_message(value, limits=RequestLimits(calls=2), capabilities={CORE})


# RFC 8887 §4.4.
ECHO = ["Core/echo", {"hello": True, "high": 5}, "b3ff"]
REQUEST = {"@type": "Request", "id": "R1", "using": [CORE], "methodCalls": [ECHO]}
ENABLE = {"@type": "WebSocketPushEnable", "dataTypes": ["Mailbox", "Email"], "pushState": "aaa"}


def test_the_messages_of_the_standard():
    assert read(REQUEST) == Request((CORE,), (Invocation("Core/echo", {"hello": True, "high": 5}, "b3ff"),))
    assert websocket.id_of(REQUEST) == "R1"
    assert read(ENABLE) == PushEnable(("Mailbox", "Email"), "aaa")
    assert read({"@type": "WebSocketPushEnable", "dataTypes": None}) == PushEnable()
    assert read({"@type": "WebSocketPushEnable"}) == PushEnable()
    assert read({"@type": "WebSocketPushDisable"}) == PushDisable()


@pytest.mark.parametrize("value", [None, 1, [], {}, {"id": 1}, {"id": None}])
def test_a_message_without_an_id_has_none(value):
    assert websocket.id_of(value) is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, ProblemKind.NOT_REQUEST),
        ([REQUEST], ProblemKind.NOT_REQUEST),
        ({**REQUEST, "@type": "Response"}, ProblemKind.NOT_REQUEST),
        ({key: value for key, value in REQUEST.items() if key != "@type"}, ProblemKind.NOT_REQUEST),
        ({**REQUEST, "methodCalls": None}, ProblemKind.NOT_REQUEST),
        ({**REQUEST, "using": ["other"]}, ProblemKind.UNKNOWN_CAPABILITY),
        ({**REQUEST, "methodCalls": [ECHO] * 3}, ProblemKind.LIMIT),
        ({**ENABLE, "dataTypes": "Email"}, ProblemKind.NOT_REQUEST),
        ({**ENABLE, "dataTypes": [1]}, ProblemKind.NOT_REQUEST),
        ({**ENABLE, "pushState": 1}, ProblemKind.NOT_REQUEST),
    ],
)
def test_what_no_client_may_send_is_refused(value, kind: ProblemKind):
    with pytest.raises(RequestProblem) as refused:
        read(value)
    assert refused.value.kind is kind


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["@type", *REQUEST, *ENABLE]), inner),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["Request", "WebSocketPushEnable", "WebSocketPushDisable"]))
def test_any_value_is_a_message_or_a_problem(value, kind: str):
    for one in (value, {**value, "@type": kind} if isinstance(value, dict) else value):
        with contextlib.suppress(RequestProblem):
            read(one)


def test_a_response_says_what_it_answers():
    response = Response((Invocation(*ECHO),), "75128aab4b1b")
    assert json.loads(websocket.encode_response(response, "R1")) == {
        "@type": "Response",
        "requestId": "R1",
        "methodResponses": [ECHO],
        "sessionState": "75128aab4b1b",
    }
    assert "requestId" not in json.loads(websocket.encode_response(response, None))


def test_a_problem_says_what_it_answers_or_null():
    """RFC 8887 §4.3.4."""
    problem = RequestProblem(ProblemKind.NOT_JSON, "no JSON")
    said = {"@type": "RequestError", "type": "urn:ietf:params:jmap:error:notJSON", "status": 400, "detail": "no JSON"}
    assert ijson.decode(websocket.encode_problem(problem, "R1")) == {**said, "requestId": "R1"}
    assert ijson.decode(websocket.encode_problem(problem, None)) == {**said, "requestId": None}
