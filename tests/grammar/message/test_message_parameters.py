"""Content-Type, Content-Disposition and their parameters (RFC 2045 §5.1, RFC 2183 §2, RFC 2231); both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import parameters

TYPES = [
    (b"text/plain", (b"text", b"plain", ())),
    (b" TEXT / Plain ; Charset = us-ascii (comment)", (b"TEXT", b"Plain", ((b"Charset", b"us-ascii"),))),
    (b'a/b; name="a\\"b;c"; x=y', (b"a", b"b", ((b"name", b'a"b;c'), (b"x", b"y")))),
    (b"a/b; x=1 y=2", (b"a", b"b", ((b"x", b"1"), (b"y", b"2")))),
    (b"a/b; x=", (b"a", b"b", ((b"x", b""),))),
    (b"a/b;; ; x=y;", (b"a", b"b", ((b"x", b"y"),))),
    (b"a/b; junk; x=y", (b"a", b"b", ((b"x", b"y"),))),
    (b"a/b; junk", (b"a", b"b", ())),
    (b'a/b; x="never closed', (b"a", b"b", ((b"x", b"never closed"),))),
    (b'a/b; x="fol\r\n\tded"', (b"a", b"b", ((b"x", b"fol ded"),))),
    (b"a/b; x=a/b:c", (b"a", b"b", ((b"x", b"a/b:c"),))),
    (b"(a(b))a/b(c); (d) x (e) = (f) y", (b"a", b"b", ((b"x", b"y"),))),
    (b"(never closed a/b", None),
    (b"text", None),
    (b"", None),
    (b"/plain", None),
]


@pytest.mark.parametrize(("value", "found"), TYPES)
def test_a_type_and_its_parameters(value, found):
    assert parameters.parse_type(value) == found


def test_a_disposition_is_a_word_with_parameters():
    assert parameters.parse_value(b"attachment; filename=a.txt") == (b"attachment", ((b"filename", b"a.txt"),))
    assert parameters.parse_value(b"") == (b"", ())
    assert parameters.parse_value(b"=?") == (b"", ())


SECTIONS = [
    # RFC 2231 §3 and §4.1, their own examples.
    (b'URL*0="ftp://"; URL*1="cs.utk.edu/"', b"URL", "ftp://cs.utk.edu/"),
    (b"title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", b"title", "This is ***fun***"),
    (
        b"title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
        b"title",
        "This is even more ***fun*** isn't it!",
    ),
    (b"x*1=b; x*0=a; x*2=c", b"x", "abc"),
    (b"x*0*=''a%20; x*1=b%20", b"x", "a b%20"),
    (b"x*=utf-8''%C3%A9; x=e", b"x", "é"),
    (b"x=e; x*=utf-8''%C3%A9", b"X", "é"),
    (b"x*=%C3%A9", b"x", "é"),
    (b"x*=utf-8'%C3%A9", b"x", "utf-8'é"),
    (b"x*=iso-8859-1''%E9", b"x", "é"),
    (b"x*=nonsense''%C3%A9", b"x", "é"),
    (b"x*9999999999=a; x=b", b"x", "b"),
    (b"x=\xc3\xa9", b"x", "é"),
    (b'x="=?iso-8859-1?q?=E9?="', b"x", "é"),
    (b"x==?utf-8?q?=C3=A9?=", b"x", "é"),
    (b"y=1", b"x", None),
]


@pytest.mark.parametrize(("text", "name", "value"), SECTIONS)
def test_sections_charsets_and_escapes_of_a_parameter(text, name, value):
    assert parameters.find(parameters.parse_parameters(b"; " + text, 0), name) == value


def test_a_section_number_of_any_length_is_no_error():
    """Python refuses to read numbers of more than 4300 digits."""
    found = parameters.parse_parameters(b"; x*" + b"9" * 10_000 + b"=a; y=b", 0)
    assert parameters.find(found, b"y") == "b"


FORMATTED = [
    ("a.txt", ["; filename=a.txt"]),
    ("a b.txt", ['; filename="a b.txt"']),
    ('a"b\\', ['; filename="a\\"b\\\\"']),
    ("", ['; filename=""']),
    ("é.txt", ["; filename*=utf-8''%C3%A9.txt"]),
    ("a\r\nb", ["; filename*=utf-8''a%0D%0Ab"]),
]


@pytest.mark.parametrize(("value", "pieces"), FORMATTED)
def test_the_form_of_a_parameter(value, pieces):
    assert parameters.format_parameter("filename", value) == pieces


@given(st.text(max_size=200))
def test_any_value_survives_and_no_piece_is_longer_than_a_line(value):
    pieces = parameters.format_parameter("filename", value)
    assert all(len(piece) <= 76 and piece.isascii() and piece.isprintable() for piece in pieces)
    kind, found = parameters.parse_value(b"attachment" + "".join(pieces).encode())
    assert kind == b"attachment"
    if "=?" not in value:
        assert parameters.find(found, b"filename") == value


@given(st.text("aB*0'%\"\\;=/ ()?\t\x00é", max_size=60).map(str.encode))
def test_any_octets_have_parameters(value):
    parameters.parse_type(value)
    _, found = parameters.parse_value(value)
    for name, _ in found:
        parameters.find(found, name.rstrip(b"*"))
