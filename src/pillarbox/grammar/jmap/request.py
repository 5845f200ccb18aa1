"""Requests and responses of the API (RFC 8620 §3.2 to §3.4); both ways.

    Request  = {"using": String[], "methodCalls": Invocation[], "createdIds": Id[Id] (optional)}
    Response = {"methodResponses": Invocation[], "createdIds": Id[Id] (optional), "sessionState": String}
    Invocation = [name, arguments, method call id]

Properties that nobody knows are passed over (RFC 8620 §3.3).
"""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.ids import is_id
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.model.errors import SyntaxProblem


class Invocation(NamedTuple):
    """A method call, or one response to it."""

    name: str
    arguments: JsonObject
    call_id: str


class Request(msgspec.Struct, frozen=True):
    """What a client asks for. `created_ids` is None where the client gave none, and so wants none back."""

    using: tuple[str, ...]
    method_calls: tuple[Invocation, ...]
    created_ids: dict[str, str] | None = None


class Response(msgspec.Struct, frozen=True):
    """What it is told."""

    method_responses: tuple[Invocation, ...]
    session_state: str
    created_ids: dict[str, str] | None = None


class RequestLimits(msgspec.Struct, frozen=True):
    """What the core capability promises (RFC 8620 §2): maxSizeRequest, maxCallsInRequest."""

    size_octets: int = 10_000_000
    calls: int = 64


def decode_request(octets: bytes, *, limits: RequestLimits, capabilities: Collection[str]) -> Request:
    """The request. `capabilities` are those that the server has.

    Raises: RequestProblem, which says which of the four things is wrong (RFC 8620 §3.6.1).
    """
    return read_request(decode_value(octets, limits=limits), limits=limits, capabilities=capabilities)


def decode_value(octets: bytes, *, limits: RequestLimits) -> object:
    """What is to be a request, as JSON. Raises: RequestProblem."""
    if len(octets) > limits.size_octets:
        raise RequestProblem(ProblemKind.LIMIT, "the request is too large", limit="maxSizeRequest")
    try:
        return ijson.decode(octets)
    except SyntaxProblem as problem:
        raise RequestProblem(ProblemKind.NOT_JSON, problem.text) from None


def read_request(value: object, *, limits: RequestLimits, capabilities: Collection[str]) -> Request:
    """The request in a JSON value. Raises: RequestProblem."""
    try:
        request = _request(value)
    except SyntaxProblem as problem:
        raise RequestProblem(ProblemKind.NOT_REQUEST, f"expected {problem.expected}") from None
    unknown = next((name for name in request.using if name not in capabilities), None)
    if unknown is not None:
        raise RequestProblem(ProblemKind.UNKNOWN_CAPABILITY, f"there is no capability {unknown[:200]!r} here")
    if len(request.method_calls) > limits.calls:
        raise RequestProblem(ProblemKind.LIMIT, "too many method calls", limit="maxCallsInRequest")
    return request


def _request(value: object) -> Request:
    if not isinstance(value, dict):
        raise SyntaxProblem("a Request object")
    using, calls = value.get("using"), value.get("methodCalls")
    if not isinstance(using, list) or not all(isinstance(name, str) for name in using):
        raise SyntaxProblem('"using", an array of strings')
    return Request(tuple(using), _invocations(calls, "methodCalls"), _created_ids(value))


def _invocations(value: object, what: str) -> tuple[Invocation, ...]:
    if not isinstance(value, list):
        raise SyntaxProblem(f'"{what}", an array')
    return tuple(_invocation(item) for item in value)


def _invocation(value: object) -> Invocation:
    match value:
        case [str(name), dict(arguments), str(call_id)]:
            return Invocation(name, arguments, call_id)
        case _:
            raise SyntaxProblem("an Invocation: [name, arguments, method call id]")


def _created_ids(value: JsonObject) -> dict[str, str] | None:
    given = value.get("createdIds")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise SyntaxProblem('"createdIds", an object')
    for creation_id, made_id in given.items():
        if not (is_id(creation_id) and isinstance(made_id, str) and is_id(made_id)):
            raise SyntaxProblem('"createdIds", a map from Id to Id')
    return given


def response_value(response: Response) -> JsonObject:
    """The response as a JSON value."""
    value: JsonObject = {"methodResponses": response.method_responses}
    if response.created_ids is not None:
        value["createdIds"] = response.created_ids
    return {**value, "sessionState": response.session_state}


def encode_response(response: Response) -> bytes:
    """The response as octets."""
    return ijson.encode(response_value(response))


def encode_request(request: Request) -> bytes:
    """The request as octets."""
    value: JsonObject = {"using": request.using, "methodCalls": request.method_calls}
    if request.created_ids is not None:
        value["createdIds"] = request.created_ids
    return ijson.encode(value)


def decode_response(octets: bytes) -> Response:
    """A server's response. Raises: SyntaxProblem."""
    value = ijson.decode(octets)
    if not isinstance(value, dict):
        raise SyntaxProblem("a Response object")
    state = value.get("sessionState")
    if not isinstance(state, str):
        raise SyntaxProblem('"sessionState", a string')
    return Response(_invocations(value.get("methodResponses"), "methodResponses"), state, _created_ids(value))
