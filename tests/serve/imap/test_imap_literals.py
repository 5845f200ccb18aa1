"""Literals of a peer that means harm: many of them, and one that comes octet by octet."""

import pytest

from pillarbox.grammar.imap.framing import LITERALS, Announced, CommandReader, TooLong, Whole


def read_all(stream: bytes, size: int) -> list[object]:
    reader = CommandReader(100)
    found: list[object] = []
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
        while (event := reader.next()) is not None:
            found.append(event)
            if isinstance(event, Announced):
                reader.accept(event.size_octets)
    return found


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_command_with_too_many_literals_is_given_up(size):
    found = read_all(b"a LOGIN " + b"{1+}\r\nx" * (LITERALS + 2) + b"\r\nb NOOP\r\n", size)
    assert [type(event) for event in found[:LITERALS]] == [Announced] * LITERALS
    assert isinstance(found[LITERALS], TooLong)
    assert found[LITERALS].text.startswith(b"a LOGIN {1+}")
    assert found[LITERALS + 1 :] == [Whole(b"b NOOP")]


def test_a_literal_too_many_that_waits_is_not_expected():
    found = read_all(b"a LOGIN " + b"{1+}\r\nx" * LITERALS + b"{5}\r\nb NOOP\r\n", 10_000)
    assert isinstance(found[LITERALS], TooLong)
    assert found[LITERALS + 1 :] == [Whole(b"b NOOP")]


def test_literals_are_counted_for_one_command():
    found = read_all(b"a SEARCH SUBJECT {1+}\r\nx\r\n" * (LITERALS + 2), 10_000)
    assert sum(isinstance(event, Whole) for event in found) == LITERALS + 2


def test_a_literal_that_comes_slowly_is_not_moved_again_and_again():
    reader = CommandReader(100)
    reader.feed(b"a LOGIN {1000+}\r\n")
    reader.accept(reader.next().size_octets)
    for _ in range(999):
        reader.feed(b"x")
        assert reader.next() is None
        assert reader.rest() == b""  # nothing waits in the buffer
    reader.feed(b"x y\r\n")
    assert reader.next() == Whole(b"a LOGIN {1000+}\r\n" + b"x" * 1_000 + b" y")
