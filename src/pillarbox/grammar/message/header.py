"""Header fields as they lie: names, raw values, folding, subsets (RFC 5322 §2.2).

Raw octets are kept; nothing is decoded here. A line without a colon belongs to the header still: only an empty line
ends it (RFC 7103 §7.1.1).
"""

import mmap
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

Content: TypeAlias = bytes | mmap.mmap

# RFC 5322 §2.2: a field is `name ":" unstructured CRLF`, folded lines begin with white space.
FIELD = re.compile(rb"([^\r\n:]*)(?::([^\n]*(?:\n[ \t][^\n]*)*)|[^\n]*)(?:\n|\Z)")
# A run of white space is looked at once, from its start: long ones must not cost the square of their length.
_FOLD = re.compile(rb"(?<![ \t])[ \t]*(?:\r?\n[ \t]+)+")
_COMMENT_MARK = re.compile(rb'\\.|[()"]', re.DOTALL)


class Field(NamedTuple):
    """One field: `name` as written, `value` with its folds but without the line end, and where it all lies."""

    name: bytes
    value: bytes
    start: int
    end: int


def header_end(content: Content, start: int, end: int) -> int:
    """Where the body begins: after the first empty line; `end` when there is none."""
    if content[start : min(start + 1, end)] == b"\n":
        return start + 1
    if content[start : min(start + 2, end)] == b"\r\n":
        return start + 2
    crlf = content.find(b"\n\r\n", start, end)
    lf = content.find(b"\n\n", start, end if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 2
    return end if crlf < 0 else crlf + 3


def fields(content: Content, start: int, end: int) -> Iterator[Field]:
    """The fields between `start` and `end` (the body's start), in order."""
    place = start
    while place < end:
        match = FIELD.match(content, place, end)
        assert match is not None
        if match.group().strip(b"\r\n"):
            value = match[2]
            yield Field(match[1].rstrip(b" \t"), b"" if value is None else value.rstrip(b"\r"), place, match.end())
        place = match.end()


def unfold(value: bytes) -> bytes:
    """The value on one line (RFC 5322 §2.2.3): each fold, with the white space around it, is one space."""
    if b"\n" in value:
        value = _FOLD.sub(b" ", value)
    return value.strip(b" \t\r\n")


def without_comments(value: bytes) -> bytes:
    """Each comment, whatever is nested in it, becomes a space (RFC 5322 §3.2.2); quoted strings are left alone.

    A comment that is never closed is none.
    """
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    depth, place, is_quoted = 0, 0, False
    for mark in _COMMENT_MARK.finditer(value):
        match mark[0]:
            case b'"' if depth == 0:
                is_quoted = not is_quoted
            case b"(" if not is_quoted:
                if depth == 0:
                    kept.append(value[place : mark.start()])
                    place = mark.start()
                depth += 1
            case b")" if depth > 0:
                depth -= 1
                if depth == 0:
                    kept.append(b" ")
                    place = mark.end()
    kept.append(value[place:])
    return b"".join(kept)


def fold_words(text: str, used: int) -> str:
    """Fold at spaces so that lines stay within 78 characters where they can (RFC 5322 §2.1.1)."""
    lines, current = [], ""
    for word in text.split(" "):
        if current and used + len(current) + 1 + len(word) > 77:
            lines.append(current)
            current, used = word, 1
        else:
            current = f"{current} {word}" if current or lines else word
    lines.append(current)
    return "\r\n ".join(lines)


def first(content: Content, start: int, end: int, name: bytes) -> bytes | None:
    """The unfolded value of the first field of this name (any case), or None."""
    wanted = name.lower()
    return next((unfold(f.value) for f in fields(content, start, end) if f.name.lower() == wanted), None)


def subset(content: Content, start: int, end: int, names: Collection[bytes], *, others: bool = False) -> bytes:
    """The fields of these names (lower case), or all others, as they lie, and the empty line (RFC 9051 §6.4.5.1)."""
    kept = [
        content[field.start : field.end]
        for field in fields(content, start, end)
        if (field.name.lower() in names) is not others
    ]
    return b"".join(kept) + b"\r\n"
