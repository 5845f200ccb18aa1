"""The scanner: one pass over a message gives its tree of parts, by whole-buffer operations (RFC 2045, RFC 2046).

It never fails: a multipart without its boundary is one opaque part (RFC 7103 §7), and beyond a limit nothing more is
taken apart.

    multipart-body := [preamble CRLF] dash-boundary transport-padding CRLF body-part
                      *encapsulation close-delimiter transport-padding [CRLF epilogue]     RFC 2046 §5.1.1

The line end before a delimiter belongs to it. An outer boundary ends all parts inside: each level is cut by its own
boundary first, and what is inside never sees more than its piece.
"""

import re
from collections.abc import Iterator

from pillarbox.grammar.message.header import Content, header_end, unfold, without_comments
from pillarbox.grammar.message.parameters import Parameters, parse_type, parse_value
from pillarbox.grammar.message.part import Part
from pillarbox.model.limits import Limits

__all__ = ["scan"]

_WANTED = re.compile(
    rb"^(content-(?:type|transfer-encoding|id|description|md5|disposition|language|location)"
    rb"|date|subject|from|sender|reply-to|to|cc|bcc|in-reply-to|message-id|references)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_WANTED_MIME = re.compile(
    rb"^(content-(?:type|transfer-encoding|id|description|md5|disposition|language|location))"
    rb"[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)

ENVELOPE_FIELDS = (
    b"date", b"subject", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"in-reply-to", b"message-id",
)  # fmt: skip
_LAST_COUNTS = frozenset((b"date", b"subject", b"in-reply-to", b"message-id"))
_REPEATED = b":"
"""No field's name: an address field stands there more than once."""
_JOINED = frozenset((b"to", b"cc", b"bcc", b"from", b"sender", b"reply-to"))

TEXT_PLAIN: tuple[bytes, bytes, Parameters] = (b"text", b"plain", ((b"charset", b"us-ascii"),))
MESSAGE: tuple[bytes, bytes, Parameters] = (b"message", b"rfc822", ())
REFERENCES_OCTETS = 16_384
"""Of a longer field the end is kept, where the newest identifiers stand."""
_COUNTED_OCTETS = 1 << 20


class _Budget:
    """How many parts may still be made."""

    __slots__ = ("left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.left = limits.parts
        self.limits = limits


def scan(content: Content, *, limits: Limits) -> Part:
    """The structure of a whole message."""
    return _entity(content, 0, len(content), _Budget(limits), depth=0, is_message=True, default=TEXT_PLAIN)


def _lines(content: Content, start: int, end: int) -> int:
    if isinstance(content, bytes):
        return content.count(b"\n", start, end)
    return sum(
        content[place : min(place + _COUNTED_OCTETS, end)].count(b"\n") for place in range(start, end, _COUNTED_OCTETS)
    )


def _entity(
    content: Content,
    start: int,
    end: int,
    budget: _Budget,
    *,
    depth: int,
    is_message: bool,
    default: tuple[bytes, bytes, Parameters],
) -> Part:
    budget.left -= 1
    limit = min(end, start + budget.limits.header_octets)
    body = header_end(content, start, limit)
    found = _wanted_fields(content[start:body], is_message)
    main, sub, parameters = _type(found.get(b"content-type"), default)
    kind = main.lower()
    children: tuple[Part, ...] = ()
    inner = None
    if depth < budget.limits.part_depth:
        if kind == b"multipart":
            children = _children(content, body, end, budget, depth, parameters, sub)
        elif kind == b"message" and sub.lower() == b"rfc822" and budget.left > 0:
            inner = _entity(content, body, end, budget, depth=depth + 1, is_message=True, default=TEXT_PLAIN)
    return _part(content, (start, body, end), (main, sub, parameters), found, is_message, children, inner)


def _wanted_fields(header: bytes, is_message: bool) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    more: dict[bytes, list[bytes]] = {}
    for match in (_WANTED if is_message else _WANTED_MIME).finditer(header):
        name = match[1].lower()
        if name not in found or name in _LAST_COUNTS:
            found[name] = unfold(match[2])
        elif name in _JOINED:
            more.setdefault(name, []).append(unfold(match[2]))
    for name, values in more.items():
        found[name] = b", ".join([found[name], *values])
        found[_REPEATED] = b""
    return found


def _part(
    content: Content,
    place: tuple[int, int, int],
    kind: tuple[bytes, bytes, Parameters],
    found: dict[bytes, bytes],
    is_message: bool,
    children: tuple[Part, ...],
    inner: Part | None,
) -> Part:
    start, body, end = place
    disposition: bytes | None = None
    disposition_parameters: Parameters = ()
    if b"content-disposition" in found:
        disposition, disposition_parameters = parse_value(found[b"content-disposition"])
    return Part(
        start,
        body,
        end,
        _lines(content, body, end),
        kind[0],
        kind[1],
        kind[2],
        _only_word(found.get(b"content-transfer-encoding", b"")),
        found.get(b"content-id"),
        found.get(b"content-description"),
        found.get(b"content-md5"),
        disposition or None,
        disposition_parameters if disposition else (),
        found.get(b"content-language"),
        found.get(b"content-location"),
        tuple(found.get(name) for name in ENVELOPE_FIELDS) if is_message else (),
        children,
        inner,
        _REPEATED in found,
        found.get(b"references", b"")[-REFERENCES_OCTETS:] if is_message else None,
    )


def _type(value: bytes | None, default: tuple[bytes, bytes, Parameters]) -> tuple[bytes, bytes, Parameters]:
    if value is None:
        return default
    return parse_type(value) or TEXT_PLAIN


def _only_word(value: bytes) -> bytes:
    """A mechanism is one word (RFC 2045 §6.1), comments aside; what has more is none, and so the part is 7bit."""
    bare = without_comments(value).strip()
    word, _ = parse_value(bare)
    return word if bare == word else b""


def _children(
    content: Content, body: int, end: int, budget: _Budget, depth: int, parameters: Parameters, sub: bytes
) -> tuple[Part, ...]:
    boundary = next((value for name, value in parameters if name.lower() == b"boundary"), b"").rstrip(b" \t")
    if not boundary:
        return ()
    default = MESSAGE if sub.lower() == b"digest" else TEXT_PLAIN
    made = []
    for start, stop in _pieces(content, body, end, boundary):
        if budget.left <= 0:
            break
        made.append(_entity(content, start, stop, budget, depth=depth + 1, is_message=False, default=default))
    return tuple(made)


def _pieces(content: Content, body: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of what lies between delimiters; the last piece goes to the end where none closes it.

    One at a time: a message may consist of delimiters, and only so many become parts.
    """
    delimiter = b"--" + boundary
    length = len(delimiter)
    open_at = -1
    place = body
    while True:
        found = content.find(delimiter, place, end)
        if found < 0:
            break
        place = found + length
        if found != body and content[found - 1 : found] != b"\n":
            continue
        after = _delimiter_end(content, place, end)
        if after < 0:
            continue
        if open_at >= 0:
            yield open_at, max(open_at, _before_line_end(content, found))
        if content[place : place + 2] == b"--":
            return
        open_at = after
        place = after
    if open_at >= 0:
        yield open_at, end


def _delimiter_end(content: Content, place: int, end: int) -> int:
    """Where the line of a delimiter ends, or -1 when the boundary goes on and so is another's.

    What follows the boundary after a space is passed over: the line need not match whole (RFC 2046 §5.1.1).
    """
    line = content.find(b"\n", place, end)
    stop = end if line < 0 else line
    rest = content[place:stop]
    if rest[:2] == b"--":
        rest = rest[2:]
    if rest[:1] not in (b"", b" ", b"\t", b"\r"):
        return -1
    return end if line < 0 else line + 1


def _before_line_end(content: Content, place: int) -> int:
    return place - 2 if content[place - 2 : place] == b"\r\n" else place - 1
