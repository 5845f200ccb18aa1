"""Header fields as they lie: their ends, folds, comments, subsets (RFC 5322 §2.2, §3.2.2)."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import header
from pillarbox.grammar.message.header import Field

BLOCK = b"A: 1\r\nb :2\r\n  folded\r\nno colon\r\nC:\r\n"

ENDS = [
    (BLOCK + b"\r\nbody", len(BLOCK) + 2),
    (b"A: 1\n\nbody", 6),
    (b"A: 1\n\r\nbody", 7),
    (b"A: 1\r\n\nbody", 7),
    (b"A: 1\n\nx\n\r\ny", 6),
    (b"A: 1\n\r\nx\n\ny", 7),
    (b"\r\nbody", 2),
    (b"\nbody", 1),
    (b"A: 1\r\n", 6),
    (b"A: 1", 4),
    (b"", 0),
]


@pytest.mark.parametrize(("content", "end"), ENDS)
def test_the_body_begins_after_the_first_empty_line(content, end):
    assert header.header_end(content, 0, len(content)) == end
    for tail in (b"", b"\r\n\r\n"):
        stream = b"\n\n" + content + tail
        if end < len(content):
            assert header.header_end(stream, 2, len(stream)) == end + 2
    assert header.header_end(content, 0, min(end, 1)) <= min(end, 1)


def test_fields_are_raw_and_know_where_they_lie():
    content = BLOCK + b"\r\n"
    assert list(header.fields(content, 0, len(content))) == [
        Field(b"A", b" 1", 0, 6),
        Field(b"b", b"2\r\n  folded", 6, 22),
        Field(b"no colon", b"", 22, 32),
        Field(b"C", b"", 32, 36),
    ]
    assert [f.name for f in header.fields(b"A: 1", 0, 4)] == [b"A"]
    assert list(header.fields(b"", 0, 0)) == []


def test_a_line_without_a_colon_belongs_to_the_header():
    """RFC 7103 §7.1.1: only an empty line ends it."""
    content = b"A: 1\r\nFrom nobody\r\nB: 2\r\n"
    assert [f.name for f in header.fields(content, 0, len(content))] == [b"A", b"From nobody", b"B"]


FOLDS = [
    (b" a", b"a"),
    (b"a\r\n b", b"a b"),
    (b"a  \r\n\t b", b"a b"),
    (b"a\n b\r\n c", b"a b c"),
    (b"a\r\n \r\n b", b"a b"),
    (b"a  b\r\n  c  d", b"a  b c  d"),
    (b"\r\n a", b"a"),
    (b"a\rb", b"a\rb"),
]


@pytest.mark.parametrize(("value", "line"), FOLDS)
def test_a_fold_is_one_space(value, line):
    assert header.unfold(value) == line


COMMENTS = [
    (b"a (b) c", b"a   c"),
    (b"(a(b(c)))d", b" d"),
    (b'"(a)" (b)', b'"(a)"  '),
    (b'"\\"(a)" (b)', b'"\\"(a)"  '),
    (b"(\\)) a", b"  a"),
    (b'(") a', b"  a"),
    (b"a ) b", b"a ) b"),
    (b"(open", b"(open"),
    (b"(a) (open (b)", b"  (open (b)"),
    (b"none", b"none"),
]


@pytest.mark.parametrize(("value", "bare"), COMMENTS)
def test_a_comment_is_a_space_and_a_quoted_string_has_none(value, bare):
    assert header.without_comments(value) == bare


@given(st.text('()"\\ ab', max_size=20).map(str.encode))
def test_what_has_no_comments_is_left_alone(value):
    bare = header.without_comments(value)
    assert header.without_comments(bare) == bare or b"(" in bare
    if b"(" not in value:
        assert bare == value


def test_the_first_field_of_a_name_in_any_case():
    content = b"a: 1\r\nSubject: x\r\n y\r\nsubject: z\r\n\r\nSubject: body\r\n"
    end = header.header_end(content, 0, len(content))
    assert header.first(content, 0, end, b"SUBJECT") == b"x y"
    assert header.first(content, 0, end, b"Date") is None


def test_subsets_are_octets_as_they_lie():
    """RFC 9051 §6.4.5.1: the empty line is always there."""
    content = BLOCK + b"\r\n"
    assert header.subset(content, 0, len(content), [b"b", b"c"]) == b"b :2\r\n  folded\r\nC:\r\n\r\n"
    assert header.subset(content, 0, len(content), [b"b"], others=True) == b"A: 1\r\nno colon\r\nC:\r\n\r\n"
    assert header.subset(content, 0, len(content), []) == b"\r\n"


def test_a_mapped_file_reads_as_octets_do(tmp_path):
    path = tmp_path / "message"
    path.write_bytes(BLOCK + b"\r\nbody")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = header.header_end(content, 0, len(content))
        assert end == len(BLOCK) + 2
        assert header.first(content, 0, end, b"b") == b"2 folded"
        assert header.subset(content, 0, end, [b"c"]) == b"C:\r\n\r\n"


@given(st.text("aB:\r\n \t", max_size=40).map(str.encode))
def test_fields_cover_the_header_in_order(content):
    end = header.header_end(content, 0, len(content))
    place = 0
    for field in header.fields(content, 0, end):
        assert place <= field.start < field.end <= end
        assert not content[place : field.start].strip(b"\r\n")
        place = field.end
    assert not content[place:end].strip(b"\r\n")


FOLDED = [
    ("a b", 0, "a b"),
    ("", 9, ""),
    ("x" * 100, 9, "x" * 100),
    ("a " * 3 + "b" * 76, 9, "a a a\r\n " + "b" * 76),
    ("a  b", 0, "a  b"),
]


@pytest.mark.parametrize(("text", "used", "lines"), FOLDED)
def test_words_are_folded_at_spaces(text, used, lines):
    assert header.fold_words(text, used) == lines


@given(st.lists(st.text("ab", min_size=1, max_size=30), min_size=1, max_size=20), st.integers(0, 70))
def test_folded_words_unfold_to_what_they_were_and_fit(words, used):
    text = " ".join(words)
    lines = header.fold_words(text, used)
    assert header.unfold(lines.encode()).decode() == text
    first, *rest = lines.split("\r\n")
    assert all(len(line) <= 78 for line in rest)
    assert used + len(first) <= 78 or " " not in first
