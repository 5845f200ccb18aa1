"""Input that is made to cost: each case is so long that anything but one pass over it would never come to an end.

A million octets squared are hours; nested a hundred thousand deep there is no stack. So no clock is read here: a case
that returns has passed.
"""

import pytest

from pillarbox.grammar.message import (
    address_list,
    charset,
    date,
    encoded_word,
    header,
    message_id,
    parameters,
    received,
    reply,
    structure,
    text,
    transfer,
)
from pillarbox.grammar.reports import dsn
from pillarbox.model.address import domain_key
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

MANY = 1_000_000
DEEP = 100_000
SPACES = b" " * MANY
LIMITS = Limits()
MULTIPART = b"Content-Type: multipart/mixed; boundary=x\n\n"


def scan(content):
    return structure.scan(content, limits=LIMITS)


def depth(part):
    levels = 0
    while part.inner is not None or part.children:
        part, levels = part.inner or part.children[0], levels + 1
    return levels


NESTED = {
    "the same boundary on every level": (MULTIPART + b"--x\n") * DEEP,
    "a boundary of its own on every level": b"".join(
        b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n" % (n, n) for n in range(DEEP)
    ),
    "digests": b"".join(b"Content-Type: multipart/digest; boundary=x%d\n\n--x%d\n\n" % (n, n) for n in range(DEEP)),
    "messages": b"Content-Type: message/rfc822\n\n" * DEEP,
}


@pytest.mark.parametrize("content", NESTED.values(), ids=NESTED)
def test_nesting_ends_at_the_limit(content):
    root = scan(content)
    assert depth(root) <= LIMITS.part_depth
    assert text.text_parts(root) is not None
    assert len(text.headers_of(root)) <= LIMITS.parts


BOUNDARIES = {
    "delimiters only": b"--x\n" * MANY,
    "delimiters of others": b"--xy\n" * MANY,
    "on one line": b"--x" * MANY,
    "nearly the end": b"\n--x--y" * MANY,
    "after spaces": (b"--x" + b" " * 100 + b"\n") * (MANY // 100),
}


@pytest.mark.parametrize("body", BOUNDARIES.values(), ids=BOUNDARIES)
def test_parts_are_no_more_than_the_limit_however_many_delimiters_there_are(body):
    assert len(scan(MULTIPART + body).children) < LIMITS.parts


HEADERS = {
    "empty lines": b"\r\n" * (MANY // 4),
    "lines of white space": b"Subject: x\r\n" + b" \r\n" * (MANY // 4),
    "addresses in fields of their own": b"To:a\n" * (MANY // 5),
    "one folded field": b"Subject:" + b"\n b" * (MANY // 4),
    "lines without colons": b"a\n" * (MANY // 4),
    "colons": b":\n" * (MANY // 4),
    "carriage returns": b"\r" * MANY,
    "a long run of spaces before a fold": b"Subject: a" + SPACES + b"b\n c\n",
    "spaces before the colon": b"Subject" + SPACES + b"x\n",
}


@pytest.mark.parametrize("octets", HEADERS.values(), ids=HEADERS)
def test_headers(octets):
    root = scan(octets)
    assert root.body <= LIMITS.header_octets
    header.unfold(octets)
    header.first(octets, 0, len(octets), b"nothing")
    assert header.subset(octets[:DEEP], 0, DEEP, [b"nothing"]) == b"\r\n"
    received.count_hops(octets)
    dsn.parse_fields(octets, root)


VALUES = {
    "spaces": SPACES,
    "a word far away": b"a" + SPACES + b"b",
    "a comma and spaces": b"a@b," + SPACES + b"(",
    "words": b"a " * (MANY // 4),
    "words, an at sign, colons": b"x " * (MANY // 8) + b"@" + b" :" * (MANY // 8),
    "addresses": b"a@b," * (MANY // 8),
    "groups": b"x:a@b;" * (MANY // 20),
    "deep comments": b"(" * (MANY // 4) + b"a" + b")" * (MANY // 4) + b"a@b",
    "comments that never end": b"(" * (MANY // 4),
    "many comments": b"()" * (MANY // 8),
    "escapes in a comment that never ends": b"(" + b"\\(" * (MANY // 2),
    "escapes in a string that never ends": b'"' + b'\\"' * (MANY // 2) + b"(",
    "quotes": b'"' * (MANY // 4),
    "angles": b"<" * (MANY // 4),
    "angles and letters": b"<a " * (MANY // 8),
    "literals": b"[" * (MANY // 4),
    "dots": b"a." * (MANY // 4) + b"(",
    "at signs": b"@" * (MANY // 4),
    "semicolons": b"a/b" + b";" * (MANY // 4),
    "parameters": b"a/b" + b"; x=y" * (MANY // 10),
    "parameters without semicolons": b"a/b;" + b" x=y" * (MANY // 10),
    "equals signs": b"a/b" + b"; ===" * (MANY // 20),
    "sections": b"a/b" + b"".join(b"; x*%d=y" % n for n in range(DEEP // 4)),
    "a section with a long number": b"a/b; x*" + b"9" * MANY + b"=y",
    "spaces around an equals sign": b"a/b; x" + SPACES + b"=" + SPACES + b";",
    "spaces and no equals sign": b"a/b; x" + SPACES + b"(",
    "beginnings of encoded words": b"=?a?q?" * (MANY // 8),
    "encoded words": b"=?a?q?x?= " * (MANY // 20),
    "charsets of encoded words": b"=?a" * (MANY // 4),
    "languages of encoded words": b"=?a*" * (MANY // 4),
    "question marks": b"?" * MANY,
    "a day and spaces": b"Mon" + SPACES + b"x",
    "a day, a comma and spaces": b"Mon," + SPACES + b"x",
    "a date and spaces": b"1 Jan 2000 10:00:00" + SPACES + b"x",
    "a long day": b"M" * MANY,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values_of_fields(value):
    address_list.parse(value)
    parameters.parse_type(value)
    parameters.find(parameters.parse_value(b"x" + value)[1], b"x")
    message_id.parse_ids(value)
    header.without_comments(value)
    subject = encoded_word.decode(value)
    reply.base_subject(subject)
    header.fold_words(subject, 0)
    try:
        date.parse(value)
    except SyntaxProblem:
        return


def test_prefixes_of_a_subject():
    assert reply.base_subject("Re:" * (MANY // 4) + "x") == "x"
    assert reply.base_subject("Re[1]" * (MANY // 10)) == "Re[1]" * (MANY // 10)


HTML = ("<script ", "<title></title ", "<!--", "<", "<a ", "</script", "&#1", "<style>", "<script>  </script  ")


@pytest.mark.parametrize("piece", HTML)
def test_html(piece):
    text.shown_html(piece * (MANY // 4))
    text.shown_html("<script>" + piece * (MANY // 4))


ENCODED = {
    "spaces": SPACES + b"x",
    "soft breaks that are none": b"= " * MANY,
    "one soft break that is none": b"=" + SPACES + b"x",
    "escapes": b"=41" * (MANY // 4),
    "padding": b"=" * MANY,
    "padded pieces": b"QQ==" * (MANY // 4),
    "beginnings": b"begin 644 " * (MANY // 8),
    "bad lines": b"begin 644 x\n" + b"!\n" * (MANY // 4),
    "empty lines": b"begin 644 x\n" + b"\n" * MANY,
}


@pytest.mark.parametrize("octets", ENCODED.values(), ids=ENCODED)
def test_encodings(octets):
    for encoding in (b"base64", b"quoted-printable", b"uuencode"):
        assert len(transfer.decode(octets, encoding)) <= len(octets)


def test_one_long_line_is_written_as_many():
    line = b"x" * (10 * MANY)
    assert transfer.decode(transfer.encode_quoted_printable(line), b"quoted-printable") == line


@pytest.mark.parametrize(
    "name", ["punycode", "utf-7", "hz", "iso-2022-jp", "iso-2022-kr", "utf-16", "unicode_escape", "big5"]
)
def test_charsets(name):
    charset.decode(b"+AA-~{\x1b$B\\a-" * (MANY // 10), name)


def test_a_long_name_is_no_domain():
    """Making A-labels takes the square of the length."""
    with pytest.raises(ValueError, match="not a domain name"):
        domain_key("é" * MANY)
