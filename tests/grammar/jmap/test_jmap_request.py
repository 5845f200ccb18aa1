"""I-JSON, requests and responses (RFC 8620 §1.5, §3.3, §3.4, §3.6.1): what is no request is refused with its reason."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.grammar.jmap.request import (
    Invocation,
    Request,
    RequestLimits,
    Response,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from pillarbox.model.errors import SyntaxProblem

CORE, MAIL = "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"
KNOWN = {CORE, MAIL}
LIMITS = RequestLimits(size_octets=10_000, calls=4)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

EXAMPLE = b"""{
  "using": [ "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail" ],
  "methodCalls": [
    [ "method1", {
      "arg1": "arg1data",
      "arg2": "arg2data"
    }, "c1" ],
    [ "method2", {
      "arg1": "arg1data"
    }, "c2" ],
    [ "method3", {}, "c3" ]
  ]
}"""


def refused(octets: bytes, limits: RequestLimits = LIMITS) -> RequestProblem:
    with pytest.raises(RequestProblem) as caught:
        decode_request(octets, limits=limits, capabilities=KNOWN)
    return caught.value


def test_the_example_of_rfc_8620_3_3_1():
    request = decode_request(EXAMPLE, limits=LIMITS, capabilities=KNOWN)
    assert request == Request(
        (CORE, MAIL),
        (
            Invocation("method1", {"arg1": "arg1data", "arg2": "arg2data"}, "c1"),
            Invocation("method2", {"arg1": "arg1data"}, "c2"),
            Invocation("method3", {}, "c3"),
        ),
    )
    assert decode_request(encode_request(request), limits=LIMITS, capabilities=KNOWN) == request


def test_the_example_response_of_rfc_8620_3_4_1():
    response = Response(
        (
            Invocation("method1", {"arg1": 3, "arg2": "foo"}, "c1"),
            Invocation("method2", {"isBlah": True}, "c2"),
            Invocation("anotherResponseFromMethod2", {"data": 10, "yetmoredata": "Hello"}, "c2"),
            Invocation("error", {"type": "unknownMethod"}, "c3"),
        ),
        "75128aab4b1b",
    )
    written = encode_response(response)
    assert json.loads(written) == {
        "methodResponses": [
            ["method1", {"arg1": 3, "arg2": "foo"}, "c1"],
            ["method2", {"isBlah": True}, "c2"],
            ["anotherResponseFromMethod2", {"data": 10, "yetmoredata": "Hello"}, "c2"],
            ["error", {"type": "unknownMethod"}, "c3"],
        ],
        "sessionState": "75128aab4b1b",
    }
    assert decode_response(written) == response


def test_created_ids_come_back_only_where_they_were_given():
    octets = b'{"using":[],"methodCalls":[],"createdIds":{"k1":"e5"},"later":1}'
    request = decode_request(octets, limits=LIMITS, capabilities=KNOWN)
    assert request.created_ids == {"k1": "e5"}
    assert decode_request(encode_request(request), limits=LIMITS, capabilities=KNOWN) == request
    assert json.loads(encode_response(Response((), "s", {"k1": "e5"})))["createdIds"] == {"k1": "e5"}
    assert "createdIds" not in json.loads(encode_response(Response((), "s")))
    assert decode_response(b'{"methodResponses":[],"sessionState":"s","createdIds":{}}').created_ids == {}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"{}x",
        b"\xff",
        b'"\xed\xa0\x80"',
        b'{"a":1,"a":2}',
        b'{"\\u0061":1,"a":2}',
        b'[{"x":{"b":1,"b":1}}]',
        b'"\\ud800"',
        b'{"\\udc00\\ud800":1}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"-" + b"9" * 5_000,
        b'"a\x00b"',
        b"[" * 9_000,
        b"[" * 201 + b"]" * 201,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_i_json_is_not_json(octets):
    problem = refused(octets)
    assert problem.kind is ProblemKind.NOT_JSON
    assert problem.details()["type"] == "urn:ietf:params:jmap:error:notJSON"


@pytest.mark.parametrize(
    "octets",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"using":"x","methodCalls":[]}',
        b'{"using":[1],"methodCalls":[]}',
        b'{"using":[]}',
        b'{"using":[],"methodCalls":{}}',
        b'{"using":[],"methodCalls":[["a",{}]]}',
        b'{"using":[],"methodCalls":[["a",{},"c","d"]]}',
        b'{"using":[],"methodCalls":[["a",[],"c"]]}',
        b'{"using":[],"methodCalls":[[1,{},"c"]]}',
        b'{"using":[],"methodCalls":[["a",{},null]]}',
        b'{"using":[],"methodCalls":["abc"]}',
        b'{"using":[],"methodCalls":[],"createdIds":[]}',
        b'{"using":[],"methodCalls":[],"createdIds":{"k":1}}',
        b'{"using":[],"methodCalls":[],"createdIds":{"k":""}}',
        b'{"using":[],"methodCalls":[],"createdIds":{"k k":"x"}}',
    ],
)
def test_json_of_another_shape_is_not_a_request(octets):
    assert refused(octets).kind is ProblemKind.NOT_REQUEST


def test_an_unknown_capability_is_named():
    problem = refused(b'{"using":["https://example.com/apis/foobar"],"methodCalls":[]}')
    assert problem.details() == {
        "type": "urn:ietf:params:jmap:error:unknownCapability",
        "status": 400,
        "detail": "there is no capability 'https://example.com/apis/foobar' here",
    }


def test_a_limit_is_named():
    too_long = refused(b" " * 10_001)
    assert too_long.details()["limit"] == "maxSizeRequest"
    assert too_long.details(413)["status"] == 413
    calls = b",".join([b'["a",{},"c"]'] * 5)
    too_many = refused(b'{"using":[],"methodCalls":[' + calls + b"]}")
    assert (too_many.kind, too_many.limit) == (ProblemKind.LIMIT, "maxCallsInRequest")
    four = b",".join([b'["a",{},"c"]'] * 4)
    assert (
        len(decode_request(b'{"using":[],"methodCalls":[' + four + b"]}", limits=LIMITS, capabilities=()).method_calls)
        == 4
    )


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", -(2**53) + 1),
        (b"90071992547409910000", 9.007199254740991e19),
        (b"-00", None),
        (b"0000000000000000001", None),
        (b"-000000000000000001", None),
        (b"1.5", 1.5),
        (b"[" * 200 + b"]" * 200, "deep"),
    ],
)
def test_numbers_and_escapes(octets, value):
    if value is None:
        with pytest.raises(SyntaxProblem):
            ijson.decode(octets)
    elif value == "deep":
        assert isinstance(ijson.decode(octets), list)
    else:
        assert ijson.decode(octets) == value


def test_a_long_integer_that_is_small_stays_an_integer():
    assert ijson._large("-9007199254740991") == -(2**53) + 1


@pytest.mark.parametrize("octets", [b"[]", b"{}", b'{"sessionState":1}', b'{"sessionState":"s"}', b"\xff"])
def test_what_is_no_response_is_refused(octets):
    with pytest.raises(SyntaxProblem):
        decode_response(octets)


@settings(deadline=None)
@given(JSON)
def test_values_round_trip(value):
    assert ijson.decode(ijson.encode(value)) == value


@settings(deadline=None)
@given(st.binary() | JSON.map(msgspec.json.encode))
def test_any_octets_are_a_request_or_a_problem(octets):
    with contextlib.suppress(RequestProblem):
        decode_request(octets, limits=LIMITS, capabilities=KNOWN)
    with contextlib.suppress(SyntaxProblem):
        decode_response(octets)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "using": st.just([CORE]),
            "methodCalls": st.lists(st.tuples(st.text(), st.dictionaries(st.text(), JSON), st.text()), max_size=4),
        }
    )
)
def test_any_request_is_read_as_it_was_written(value):
    request = decode_request(msgspec.json.encode(value), limits=RequestLimits(), capabilities=KNOWN)
    assert [tuple(call) for call in request.method_calls] == value["methodCalls"]
