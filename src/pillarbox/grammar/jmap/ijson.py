"""I-JSON: what all requests and responses are written in (RFC 8620 §1.5, RFC 7493); both ways.

Stricter than JSON: UTF-8 alone, no name twice in an object, no lone surrogates, no number that a double cannot hold.
Nesting is bounded, so that nothing behind can run out of stack. Unassigned and private code points are let pass, as a
mail may hold them.
"""

import json
import math
import re
from typing import NoReturn, TypeAlias

import msgspec

from pillarbox.model.errors import SyntaxProblem

JsonObject: TypeAlias = dict[str, object]
"""An object of JSON values: None, bool, int, float, str, list and dict of these."""

DEPTH = 200
"""Of arrays and objects in each other; a body structure of the deepest kind that `Limits` allows needs half of it."""
INT_LARGEST = 2**53 - 1

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_encoder = msgspec.json.Encoder()


def decode(octets: bytes) -> object:
    """The value. Raises: SyntaxProblem."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise SyntaxProblem("UTF-8", problem.start) from None
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
        )
    except SyntaxProblem:
        raise
    except json.JSONDecodeError as problem:
        raise SyntaxProblem("JSON", problem.pos) from None
    except RecursionError:
        raise SyntaxProblem(f"at most {DEPTH} levels") from None
    if is_deeper(value, DEPTH):
        raise SyntaxProblem(f"at most {DEPTH} levels")
    if _SURROGATE.search(text) is not None:
        _refuse_surrogates(value)
    return value


def encode(value: object) -> bytes:
    """The value as UTF-8 text. What it holds was read by us, or made: it is no input."""
    return _encoder.encode(value)


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise SyntaxProblem("each name once in an object")
    return made


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise SyntaxProblem("a number that a double can hold")
    return number


def _int(text: str) -> int | float:
    """An integer; one that only a double can hold, roughly, is a float (RFC 7493 §2.2)."""
    return int(text) if len(text) <= 16 else _large(text)


def _large(text: str) -> int | float:
    number = _float(text)
    return int(text) if abs(number) <= INT_LARGEST else number


def _constant(text: str) -> NoReturn:
    raise SyntaxProblem(f"a number, not {text}")


def _refuse_surrogates(value: object) -> None:
    """An escape may write half a character (RFC 7493 §2.1); written as UTF-8, it shows."""
    try:
        json.dumps(value, ensure_ascii=False, check_circular=False).encode("utf-8")
    except UnicodeEncodeError:
        raise SyntaxProblem("no lone surrogates") from None


def is_deeper(value: object, most: int) -> bool:
    """Whether there are more than `most` arrays and objects in each other."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
