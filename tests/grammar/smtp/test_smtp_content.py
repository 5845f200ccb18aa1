"""Content: dots, the end, and what must not be inside (RFC 5321 §4.5.2, §2.3.8); whole, octet by octet, with a tail."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.smtp.content import ContentReader, ContentWriter, Defect


def read(pieces, line_octets=998):
    reader = ContentReader(line_octets)
    out = b""
    for number, piece in enumerate(pieces):
        content, rest = reader.feed(piece)
        out += content
        if rest is not None:
            return out, rest + b"".join(pieces[number + 1 :]), reader
    return out, None, reader


CASES = [
    (b".\r\n", b""),
    (b"hello\r\n.\r\n", b"hello\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"...a\r\n..b\r\nc\r\n.\r\n", b"..a\r\n.b\r\nc\r\n"),
    (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
    (b"a\r\n..\r\n\r\n.\r\n", b"a\r\n.\r\n\r\n"),
]


@pytest.mark.parametrize(("wire", "content"), CASES)
def test_content_is_the_same_whole_and_octet_by_octet_and_with_a_tail(wire, content):
    for tail in (b"", b"QUIT\r\n", b".\r\n"):
        stream = wire + tail
        for pieces in ([stream], [stream[n : n + 1] for n in range(len(stream))], [stream[:3], stream[3:]]):
            out, rest, reader = read(pieces)
            assert (out, rest, reader.defects) == (content, tail, Defect.NONE)
            assert reader.size_octets == len(content)


SMUGGLED = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n\n.\r\n", b"\r.\r\n", b"\r\n\x00.\r\n"]


@pytest.mark.parametrize("ending", SMUGGLED)
def test_nothing_but_crlf_dot_crlf_ends_the_content(ending):
    """What other servers take for an end is inside, and makes the message unfit."""
    stream = b"hello" + ending + b"MAIL FROM:<evil@example.org>\r\n.\r\n"
    for pieces in ([stream], [stream[n : n + 1] for n in range(len(stream))]):
        out, rest, reader = read(pieces)
        assert rest == b""
        assert b"MAIL FROM" in out
        assert reader.defects != Defect.NONE


@pytest.mark.parametrize(
    ("content", "defect"),
    [
        (b"a\nb\r\n", Defect.BARE_LINE_END),
        (b"a\rb\r\n", Defect.BARE_LINE_END),
        (b"a\0b\r\n", Defect.NUL),
        (b"x" * 20 + b"\r\n", Defect.LONG_LINE),
        (b"a\r\n" + b"x" * 20 + b"\r\nb\r\n", Defect.LONG_LINE),
        (b"a\r\n" + b"x" * 10 + b"\r\n", Defect.NONE),
    ],
)
def test_defects_are_noticed_wherever_the_pieces_are_cut(content, defect):
    for size in (1, 2, 7, 1000):
        stream = content + b".\r\n"
        pieces = [stream[n : n + size] for n in range(0, len(stream), size)]
        assert read(pieces, line_octets=10)[2].defects == defect


def test_eight_bit_content_is_noticed():
    assert read(["é\r\n.\r\n".encode()])[2].is_eight_bit
    assert not read([b"e\r\n.\r\n"])[2].is_eight_bit


WRITTEN = [
    ([], b".\r\n"),
    ([b""], b".\r\n"),
    ([b"a\r\n"], b"a\r\n.\r\n"),
    ([b"a"], b"a\r\n.\r\n"),
    ([b".a\r\n", b".b"], b"..a\r\n..b\r\n.\r\n"),
    ([b"a\r", b"\n.b\r\n"], b"a\r\n..b\r\n.\r\n"),
    ([b"a\r", b"b\n"], b"a\r\nb\r\n.\r\n"),
    ([b"a\r"], b"a\r\n.\r\n"),
    ([b"\r", b"\r"], b"\r\n\r\n.\r\n"),
]


@pytest.mark.parametrize(("pieces", "wire"), WRITTEN)
def test_dots_are_doubled_and_line_ends_made_crlf(pieces, wire):
    writer = ContentWriter()
    assert b"".join([*map(writer.feed, pieces), writer.end()]) == wire


@given(st.binary(max_size=80), st.lists(st.integers(1, 5), max_size=60))
def test_what_a_writer_sends_a_reader_gets_with_line_ends_made_crlf(octets, sizes):
    writer = ContentWriter()
    pieces, rest = [], octets
    for size in sizes:
        pieces.append(writer.feed(rest[:size]))
        rest = rest[size:]
    pieces += [writer.feed(rest), writer.end()]
    wire = b"".join(pieces) + b"NEXT"
    out, tail, _ = read([wire[n : n + 3] for n in range(0, len(wire), 3)], line_octets=10_000)
    wanted = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    if wanted and not wanted.endswith(b"\r\n"):
        wanted += b"\r\n"
    assert (out, tail) == (wanted, b"NEXT")
