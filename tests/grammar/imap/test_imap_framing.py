"""Framing: whole commands, literals announced before they come; whole, octet by octet, with a tail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.imap.framing import LITERALS, Announced, Chunk, CommandReader, ResponseReader, TooLong, Whole

STREAM = b"a NOOP\r\nb LOGIN {5}\r\nalice {3+}\r\nfoo\r\nc LOGOUT\r\n"


def events(pieces, most=100, decide=None):
    reader = CommandReader(most)
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (event := reader.next()) is not None:
            found.append(event)
            if isinstance(event, Announced):
                (decide or (lambda r, e: r.accept(e.size_octets)))(reader, event)
    return found, reader


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_commands_and_literals_are_cut_the_same_however_they_come(size):
    found, _ = events([STREAM[n : n + size] for n in range(0, len(STREAM), size)])
    assert found == [
        Whole(b"a NOOP"),
        Announced(b"b LOGIN {5}\r\n", 5, waits=True),
        Announced(b"b LOGIN {5}\r\nalice {3+}\r\n", 3, waits=False),
        Whole(b"b LOGIN {5}\r\nalice {3+}\r\nfoo"),
        Whole(b"c LOGOUT"),
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_literal_can_be_streamed(size):
    stream = b"a APPEND x {6}\r\nab\r\ncd\r\nb NOOP\r\n"
    found, _ = events(
        [stream[n : n + size] for n in range(0, len(stream), size)], decide=lambda r, e: r.stream(e.size_octets)
    )
    chunks = [event for event in found if isinstance(event, Chunk)]
    assert b"".join(chunk.octets for chunk in chunks) == b"ab\r\ncd"
    assert [chunk.is_last for chunk in chunks].count(True) == 1
    assert found[-2:] == [Whole(b""), Whole(b"b NOOP")]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_refused_literal_that_comes_all_the_same_is_skipped_with_its_line(size):
    stream = b"a APPEND x {5+}\r\nhello (rest\r\nb NOOP\r\n"
    found, _ = events(
        [stream[n : n + size] for n in range(0, len(stream), size)],
        decide=lambda r, e: r.refuse(e.size_octets, waits=e.waits),
    )
    assert found[-1] == Whole(b"b NOOP")
    assert len(found) == 2


def test_a_refused_literal_that_waits_is_not_expected():
    found, _ = events(
        [b"a APPEND x {5}\r\n", b"b NOOP\r\n"], decide=lambda r, e: r.refuse(e.size_octets, waits=e.waits)
    )
    assert found[-1] == Whole(b"b NOOP")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_that_is_too_long_is_given_up_once(size):
    stream = b"a NOOP " + b"x" * 300 + b"\r\nb NOOP\r\n"
    found, _ = events([stream[n : n + size] for n in range(0, len(stream), size)])
    assert isinstance(found[0], TooLong)
    assert found[0].text.startswith(b"a NOOP x")
    assert found[1:] == [Whole(b"b NOOP")]


def test_a_command_has_so_many_literals_at_most():
    found, _ = events([b"a X" + b" {1+}\r\ny" * (LITERALS + 1) + b"\r\nb NOOP\r\n"])
    assert [type(event) for event in found[-2:]] == [TooLong, Whole]
    assert found[-1] == Whole(b"b NOOP")


def test_the_literal_of_a_line_that_was_given_up_is_skipped_too():
    found, _ = events([b"a NOOP " + b"x" * 300, b" {9+}\r\nb NOOP\r\n", b"\r x {1}\r\nc NOOP\r\n"])
    assert [type(event) for event in found] == [TooLong, Whole]
    assert found[-1] == Whole(b"c NOOP")


def test_a_streamed_literal_may_come_late():
    reader = CommandReader(100)
    reader.feed(b"a APPEND x {2}\r\n")
    assert isinstance(reader.next(), Announced)
    reader.stream(2)
    assert reader.next() is None
    reader.feed(b"hi\r\n")
    assert [reader.next(), reader.next()] == [Chunk(b"hi", True), Whole(b"")]


def test_what_is_left_can_be_thrown_away():
    found, reader = events([b"a STARTTLS\r\nb LOGIN x"])
    assert found == [Whole(b"a STARTTLS")]
    assert reader.rest() == b"b LOGIN x"
    assert reader.next() is None


def test_an_empty_literal_is_a_literal():
    assert events([b"a LOGIN {0}\r\n x\r\n"])[0][-1] == Whole(b"a LOGIN {0}\r\n x")


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(0, 2))
def test_any_octets_are_framed(pieces, what):
    def decide(reader, event):
        size = min(event.size_octets, 50)
        (reader.accept, reader.stream, lambda n: reader.refuse(n, waits=event.waits))[what](size)

    events(pieces, decide=decide)


RESPONSES = b"* OK hi\r\n* 1 FETCH (BODY[] {6}\r\na\r\nb\r\n FLAGS ())\r\na1 OK {x}\r\n"


@pytest.mark.parametrize("size", [1, 2, 9, 1000])
def test_responses_are_cut_with_their_literals_inside(size):
    reader = ResponseReader(1_000)
    found = [r for n in range(0, len(RESPONSES), size) for r in reader.feed(RESPONSES[n : n + size])]
    assert found == [b"* OK hi", b"* 1 FETCH (BODY[] {6}\r\na\r\nb\r\n FLAGS ())", b"a1 OK {x}"]


def test_a_response_beyond_its_bound_is_refused():
    with pytest.raises(ValueError, match="too long"):
        ResponseReader(10).feed(b"x" * 20)
