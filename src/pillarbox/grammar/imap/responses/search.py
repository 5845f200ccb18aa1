"""SEARCH, SORT, ESEARCH (RFC 3501 §7.2.5, RFC 5256 §4, RFC 4731 §3.1), and the codes of UIDPLUS (RFC 4315 §3).

Both ways. Long answers are made in pieces, so that whoever sends them can let others have their turn.

esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
"""

from collections.abc import Iterator, Sequence

import msgspec

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor, quote
from pillarbox.grammar.imap.sequence_set import PIECE
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.sequence_set import SequenceSet


class Found(msgspec.Struct, frozen=True):
    """ESEARCH, as a client reads it: what it did not ask for, or what there is not, is None."""

    tag: bytes = b""
    by_uid: bool = False
    least: int | None = None
    greatest: int | None = None
    all: SequenceSet | None = None
    count: int | None = None


def format_search(numbers: Sequence[int]) -> Iterator[bytes]:
    """The line with CRLF."""
    return _line(b"* SEARCH", numbers)


def format_sort(numbers: Sequence[int]) -> Iterator[bytes]:
    """The line with CRLF; numbers in their order."""
    return _line(b"* SORT", numbers)


def _line(name: bytes, numbers: Sequence[int]) -> Iterator[bytes]:
    yield name
    for start in range(0, len(numbers), PIECE):
        yield b"".join([b" %d" % number for number in numbers[start : start + PIECE]])
    yield b"\r\n"


def format_found(tag: bytes, numbers: Sequence[int], returns: Sequence[str], *, by_uid: bool) -> Iterator[bytes]:
    """The ESEARCH line with CRLF: of `numbers`, in the order that they were found in, what is asked for; of nothing
    there is no least and no greatest, and no ALL (RFC 4731 §3.1)."""
    yield b"* ESEARCH (TAG %b)" % quote(tag) + b" UID" * by_uid
    wanted = returns or ("ALL",)
    if numbers:
        if "MIN" in wanted:
            yield b" MIN %d" % numbers[0]
        if "MAX" in wanted:
            yield b" MAX %d" % numbers[-1]
        if "ALL" in wanted:
            yield b" ALL "
            yield from sequence_set.format_in_pieces(numbers)
    if "COUNT" in wanted:
        yield b" COUNT %d" % len(numbers)
    yield b"\r\n"


def parse_found(cursor: Cursor) -> Found:
    """After `* ESEARCH`."""
    found = Found()
    if cursor.accept(b" (TAG "):
        found = msgspec.structs.replace(found, tag=cursor.astring("a tag"))
        cursor.expect(b")")
    if cursor.accept_word(b" UID"):
        found = msgspec.structs.replace(found, by_uid=True)
    while not cursor.is_at_end:
        cursor.space()
        name = cursor.word("a return option")
        cursor.space()
        if name == "ALL":
            found = msgspec.structs.replace(found, all=sequence_set.parse(cursor))
        elif name in _FIGURES:
            found = msgspec.structs.replace(found, **{_FIGURES[name]: cursor.number()})
        else:
            raise cursor.fail("MIN, MAX, ALL or COUNT")
    return found


_FIGURES = {"MIN": "least", "MAX": "greatest", "COUNT": "count"}


def parse_search(text: bytes) -> list[int]:
    """After `* SEARCH` or `* SORT`."""
    try:
        return [int(word) for word in text.split()]
    except ValueError:
        raise SyntaxProblem("numbers") from None


def format_appenduid(uidvalidity: int, uid: int) -> bytes:
    """The code without brackets."""
    return b"APPENDUID %d %d" % (uidvalidity, uid)


def format_copyuid(uidvalidity: int, pairs: Sequence[tuple[int, int]]) -> bytes:
    """The code without brackets: positions in the two sets correspond."""
    return b"COPYUID %d %b %b" % (
        uidvalidity,
        sequence_set.format_numbers([source for source, _ in pairs]),
        sequence_set.format_in_order([target for _, target in pairs]),
    )


def parse_uid_code(code: bytes) -> tuple[int, list[int]]:
    """(UIDVALIDITY, the new UIDs) of APPENDUID or COPYUID."""
    words = code.split(b" ")
    cursor = Cursor(words[-1])
    found = sequence_set.parse(cursor)
    return int(words[1]), [n for low, high in found.ranges for n in range(low, high + 1)]
