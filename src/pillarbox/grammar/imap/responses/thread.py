"""THREAD (RFC 5256 §4); both ways, and without recursion: threads are as deep as people answer.

thread-data = "THREAD" [SP 1*thread-list]
thread-list = "(" (thread-members / thread-nested) ")"
thread-members = nz-number *(SP nz-number) [SP thread-nested]
thread-nested = 2*thread-list
"""

import re
from collections.abc import Iterator, Sequence

from pillarbox.model.arrangement import Forest
from pillarbox.model.errors import SyntaxProblem

PIECE = 2_000
"""So many numbers and parentheses are made at a time."""

_OPEN, _CLOSE = -1, -2
_TOKEN = re.compile(rb" *([()]|[1-9]\d{0,9})")


def format_thread(forest: Forest) -> Iterator[bytes]:
    """The line with CRLF, in pieces."""
    pieces = [b"* THREAD "] if forest.roots else [b"* THREAD"]
    waiting = _branches(forest.roots)
    while waiting:
        node = waiting.pop()
        if node == _OPEN:
            pieces.append(b"(")
        elif node == _CLOSE:
            pieces.append(b")")
        else:
            number, children = forest.numbers[node], forest.children[node]
            if number:
                pieces.append(b"%d " % number if children else b"%d" % number)
            waiting += children if len(children) == 1 else _branches(children)
        if len(pieces) >= PIECE:
            yield b"".join(pieces)
            pieces = []
    pieces.append(b"\r\n")
    yield b"".join(pieces)


def _branches(nodes: Sequence[int]) -> list[int]:
    """What is to be taken from the end: each node in parentheses."""
    return [token for node in reversed(nodes) for token in (_CLOSE, node, _OPEN)]


def parse_thread(text: bytes) -> Forest:
    """After `* THREAD`. Raises: SyntaxProblem."""
    numbers: list[int] = []
    parents: list[int | None] = []
    open_lists: list[int | None] = []  # of each the last member, or what it hangs on
    is_empty = False  # the innermost list has no member yet

    def add(number: int) -> None:
        parents.append(open_lists[-1])
        open_lists[-1] = len(numbers)
        numbers.append(number)

    place, end = 0, len(text.rstrip(b" "))
    while place < end:
        match = _TOKEN.match(text, place)
        token = b"" if match is None else match[1]
        if match is None or (token != b"(" and not open_lists) or (token == b")" and is_empty):
            raise SyntaxProblem("threads", place)
        place = match.end()
        if token == b"(":
            if is_empty:
                add(0)
            open_lists.append(open_lists[-1] if open_lists else None)
            is_empty = True
            continue
        is_empty = False
        if token == b")":
            open_lists.pop()
        else:
            add(int(token))
    if open_lists:
        raise SyntaxProblem("a parenthesis", place)
    return _forest(numbers, parents)


def _forest(numbers: list[int], parents: list[int | None]) -> Forest:
    children: list[list[int]] = [[] for _ in numbers]
    roots: list[int] = []
    for node, parent in enumerate(parents):
        (roots if parent is None else children[parent]).append(node)
    return Forest(tuple(numbers), tuple(map(tuple, children)), tuple(roots))
