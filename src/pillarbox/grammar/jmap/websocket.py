"""JMAP over WebSocket: what stands in its text messages (RFC 8887 §4.3).

Request + {"@type": "Request", "id": String (optional)}
{"@type": "WebSocketPushEnable", "dataTypes": String[]|null, "pushState": String (optional)}
{"@type": "WebSocketPushDisable"}

Response + {"@type": "Response", "requestId": String (if there was an id)}
problem details + {"@type": "RequestError", "requestId": String|null}
StateChange + {"pushState": String}
"""

from collections.abc import Collection
from typing import TypeAlias

import msgspec

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.grammar.jmap.request import Request, RequestLimits, Response, read_request, response_value

SUBPROTOCOL = "jmap"


class PushEnable(msgspec.Struct, frozen=True):
    """`types` None is all; `push_state` is how far the client knows, None when it does not say."""

    types: tuple[str, ...] | None = None
    push_state: str | None = None


class PushDisable(msgspec.Struct, frozen=True):
    """No more of it."""


ClientMessage: TypeAlias = Request | PushEnable | PushDisable


def id_of(value: object) -> str | None:
    """The id that a message gives itself, whatever else is wrong with it. It may be any string (RFC 8887 §4.3.2)."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def read_message(value: object, *, limits: RequestLimits, capabilities: Collection[str]) -> ClientMessage:
    """What a client's message asks for. Raises: RequestProblem."""
    if not isinstance(value, dict):
        raise RequestProblem(ProblemKind.NOT_REQUEST, "expected an object")
    match value.get("@type"):
        case "Request":
            return read_request(value, limits=limits, capabilities=capabilities)
        case "WebSocketPushEnable":
            return _enable(value)
        case "WebSocketPushDisable":
            return PushDisable()
    raise RequestProblem(ProblemKind.NOT_REQUEST, 'expected "@type", one that a client may send')


def _enable(value: JsonObject) -> PushEnable:
    types, state = value.get("dataTypes"), value.get("pushState")
    if types is not None and not (isinstance(types, list) and all(isinstance(name, str) for name in types)):
        raise RequestProblem(ProblemKind.NOT_REQUEST, 'expected "dataTypes", an array of strings or null')
    if state is not None and not isinstance(state, str):
        raise RequestProblem(ProblemKind.NOT_REQUEST, 'expected "pushState", a string')
    return PushEnable(None if types is None else tuple(types), state)


def encode_response(response: Response, request_id: str | None) -> bytes:
    """RFC 8887 §4.3.3."""
    said: JsonObject = {"@type": "Response"}
    if request_id is not None:
        said["requestId"] = request_id
    return ijson.encode({**said, **response_value(response)})


def encode_problem(problem: RequestProblem, request_id: str | None, *, status: int = 400) -> bytes:
    """RFC 8887 §4.3.4."""
    return ijson.encode({"@type": "RequestError", "requestId": request_id, **problem.details(status)})
