"""A request's id comes back whatever string it is (RFC 8887 §4.3.2 to §4.3.4)."""

import json

import pytest

from pillarbox.grammar.jmap import websocket
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.grammar.jmap.request import Response


@pytest.mark.parametrize("id", ["", "R1", "no Id of RFC 8620: é / \u2028", "x" * 100_000])
def test_any_string_is_an_id(id: str):
    found = websocket.id_of({"@type": "Request", "id": id})
    assert found == id
    response = json.loads(websocket.encode_response(Response((), "s"), found))
    assert response["requestId"] == id
    problem = json.loads(websocket.encode_problem(RequestProblem(ProblemKind.NOT_JSON, "x"), found))
    assert problem["requestId"] == id
