"""Result references: an argument that is taken from an earlier response of the same request (RFC 8620 §3.7).

Pointers are those of RFC 6901 with `*`, which maps the rest of the pointer over an array. What they bring together
is weighed: a few calls that each take all of the one before twice would be more than any machine holds.
"""

from collections.abc import Sequence

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.jmap.request import Invocation
from pillarbox.model.errors import SyntaxProblem

LARGEST_WEIGHT = 10_000_000
"""Of all that the references of one call bring: roughly octets of JSON."""
_VALUE_WEIGHT = 16
_INDEX_DIGITS = 9


class InvalidReference(SyntaxProblem):
    """The reference leads nowhere: the method answers invalidResultReference (RFC 8620 §3.6.2)."""


def resolve(arguments: JsonObject, responses: Sequence[Invocation]) -> JsonObject:
    """The arguments with each `#name` replaced by `name` and what it refers to in `responses`, the earlier ones.

    Raises: InvalidReference; SyntaxProblem where an argument is given both ways, which is invalidArguments.
    """
    if not any(name.startswith("#") for name in arguments):
        return arguments
    made: JsonObject = {}
    left = LARGEST_WEIGHT
    for name, value in arguments.items():
        if not name.startswith("#"):
            made[name] = value
            continue
        if name[1:] in arguments:
            raise SyntaxProblem(f"{name[1:]!r} or {name!r}, not both")
        found = _resolve(value, responses)
        left -= _weight(found, left)
        made[name[1:]] = found
    return made


def _resolve(reference: object, responses: Sequence[Invocation]) -> object:
    match reference:
        case {"resultOf": str(call_id), "name": str(name), "path": str(path), **others} if not others:
            pass
        case _:
            raise InvalidReference("a ResultReference")
    response = next((response for response in responses if response.call_id == call_id), None)
    if response is None or response.name != name:
        raise InvalidReference("the result of an earlier call with this id and name")
    return evaluate(response.arguments, path)


def evaluate(value: object, path: str) -> object:
    """What the pointer refers to. Raises: InvalidReference."""
    if not path:
        return value
    if not path.startswith("/"):
        raise InvalidReference("a JSON Pointer")
    try:
        tokens = [unescape(token) for token in path[1:].split("/")]
    except SyntaxProblem:
        raise InvalidReference("a JSON Pointer") from None
    return _follow(value, tokens, 0)


def unescape(token: str) -> str:
    """A reference token: `~1` is `/`, `~0` is `~` (RFC 6901 §4). Raises: SyntaxProblem."""
    if "~" not in token:
        return token
    if "~" in token.replace("~0", "").replace("~1", ""):
        raise SyntaxProblem("~0 or ~1 in a JSON Pointer")
    return token.replace("~1", "/").replace("~0", "~")


def _follow(value: object, tokens: list[str], place: int) -> object:
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if isinstance(value, dict):
            if token not in value:
                raise InvalidReference("a property that is there")
            value = value[token]
        elif isinstance(value, list | tuple):
            if token == "*":
                return _mapped(value, tokens, place)
            value = value[_index(token, len(value))]
        else:
            raise InvalidReference("an object or an array")
    return value


def _mapped(values: Sequence[object], tokens: list[str], place: int) -> list[object]:
    found: list[object] = []
    for value in values:
        result = _follow(value, tokens, place)
        if isinstance(result, list | tuple):
            found.extend(result)
        else:
            found.append(result)
    return found


def _index(token: str, length: int) -> int:
    """RFC 6901 §4: no sign, no zeros in front."""
    is_number = token.isascii() and token.isdigit() and len(token) <= _INDEX_DIGITS
    if not is_number or (token[0] == "0" and token != "0") or int(token) >= length:
        raise InvalidReference("an index of the array")
    return int(token)


def _weight(value: object, most: int) -> int:
    """Raises: InvalidReference when it is more than `most`; no more of it is looked at then."""
    weight = 0
    waiting = [value]
    while waiting:
        here = waiting.pop()
        weight += _VALUE_WEIGHT
        if isinstance(here, str):
            weight += len(here)
        elif isinstance(here, dict):
            weight += sum(map(len, here))
            waiting.extend(here.values())
        elif isinstance(here, list | tuple):
            waiting.extend(here)
        if weight > most:
            raise InvalidReference("a smaller result")
    return weight
