"""What Blob/upload makes a blob of: octets that are at hand, and ranges of other blobs (RFC 9404 §4.1).

UploadObject = { data: DataSourceObject[], type: String|null }
DataSourceObject = exactly one of { data:asText }, { data:asBase64 }, { blobId, offset, length }
"""

import binascii

import msgspec

from pillarbox.model.errors import SyntaxProblem

INT_LARGEST = 2**53 - 1
_TEXT, _BASE64, _BLOB = "data:asText", "data:asBase64", "blobId"
_OF_RANGES = ("offset", "length")


class Range(msgspec.Struct, frozen=True):
    """Octets of a blob from `offset` on; `length` None: all the rest. The blob may be named by a creation id."""

    blob_id: str
    offset: int = 0
    length: int | None = None


class Upload(msgspec.Struct, frozen=True):
    """The sources in their order, and the media type where the client gives one."""

    sources: tuple[bytes | Range, ...]
    type: str | None = None


def parse_upload(value: object, *, most_sources: int) -> Upload:
    """Raises: SyntaxProblem: nothing is guessed (RFC 9404 §4.1)."""
    if not isinstance(value, dict) or not value.keys() <= {"data", "type"}:
        raise SyntaxProblem("an object with data and type")
    sources, kind = value.get("data"), value.get("type")
    if not isinstance(sources, list) or len(sources) > most_sources:
        raise SyntaxProblem(f"data, a list of at most {most_sources} sources")
    if not isinstance(kind, str | None):
        raise SyntaxProblem("type, a text or null")
    return Upload(tuple(map(_source, sources)), kind)


def _source(value: object) -> bytes | Range:
    if not isinstance(value, dict) or not value.keys() <= {_TEXT, _BASE64, _BLOB, *_OF_RANGES}:
        raise SyntaxProblem(f"a source with {_TEXT}, {_BASE64} or {_BLOB}")
    given = [name for name in (_TEXT, _BASE64, _BLOB) if value.get(name) is not None]
    if len(given) != 1 or not isinstance(value[given[0]], str):
        raise SyntaxProblem(f"a source with one of {_TEXT}, {_BASE64} and {_BLOB}, a text")
    text: str = value[given[0]]
    if given[0] == _BLOB:
        return Range(text, _number(value, "offset") or 0, _number(value, "length"))
    if any(value.get(name) is not None for name in _OF_RANGES):
        raise SyntaxProblem(f"offset and length of a {_BLOB} alone")
    return _base64(text) if given[0] == _BASE64 else _utf8(text)


def _number(value: dict[str, object], name: str) -> int | None:
    number = value.get(name)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= INT_LARGEST:
        raise SyntaxProblem(f"{name}, a number from 0 on")
    return number


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise SyntaxProblem("whole characters") from None


def _base64(text: str) -> bytes:
    """RFC 4648 §4: no white space, no letters of other alphabets, padded."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise SyntaxProblem("base64") from None
