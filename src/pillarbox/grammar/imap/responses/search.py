"""SEARCH (RFC 3501 §7.2.5), and the codes of UIDPLUS (RFC 4315 §3); both ways."""

from collections.abc import Sequence

from pillarbox.grammar.imap import sequence_set
from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.model.errors import SyntaxProblem


def format_search(numbers: Sequence[int]) -> bytes:
    """The line with CRLF."""
    return b"* SEARCH" + b"".join(b" %d" % number for number in numbers) + b"\r\n"


def parse_search(text: bytes) -> list[int]:
    """After `* SEARCH`."""
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
