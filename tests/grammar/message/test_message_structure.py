"""The scanner: parts by offsets, their fields, their numbers (RFC 2045, RFC 2046, RFC 9051 §6.4.5.1)."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import part as parts
from pillarbox.grammar.message import structure
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.section import octets_of
from pillarbox.grammar.message.structure import scan
from pillarbox.model.limits import Limits

LIMITS = Limits()


def tree(part):
    """Type and what is inside, for reading."""
    name = f"{part.type.decode()}/{part.subtype.decode()}".lower()
    if part.inner is not None:
        return (name, tree(part.inner))
    return (name, *map(tree, part.children)) if part.children else name


def body(content, part):
    return content[part.body : part.end]


def mixed(boundary, *pieces, head=b"", end=True):
    """A multipart of these pieces, with a preamble and an epilogue."""
    delimiter = b"--" + boundary
    inside = b"".join(delimiter + b"\r\n" + piece + b"\r\n" for piece in pieces)
    close = delimiter + b"--\r\nepilogue\r\n" if end else b""
    return head + b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\npreamble\r\n' + inside + close


def text(words=b"hi", kind=b"plain"):
    return b"Content-Type: text/" + kind + b"\r\n\r\n" + words


MESSAGE = (
    b"From: a@b\r\nTo: c@d\r\nSubject: one\r\nTo: e@f\r\nsubject: two\r\nDate: today\r\nMessage-ID: <1>\r\n"
    + mixed(
        b"x",
        text(b"first\r\n"),
        b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner body",
        mixed(b"x2", text(b"a"), text(b"b", b"html")),
        b"Content-Type: image/png; name=i.png\r\nContent-Transfer-Encoding: base64 (of course)\r\n"
        b"Content-ID: <i>\r\nContent-Description: a\r\n picture\r\nContent-MD5: abc\r\n"
        b"Content-Disposition: attachment; filename=i.png\r\nContent-Language: en\r\nContent-Location: here\r\n\r\nAA==",
    )
)  # fmt: skip


def test_a_message_is_a_tree_of_parts():
    root = scan(MESSAGE, limits=LIMITS)
    assert tree(root) == (
        "multipart/mixed",
        "text/plain",
        ("message/rfc822", "text/plain"),
        ("multipart/mixed", "text/plain", "text/html"),
        "image/png",
    )
    assert [body(MESSAGE, child) for child in root.children[:2]] == [b"first\r\n", b"Subject: in\r\n\r\ninner body"]
    assert body(MESSAGE, root.children[1].inner) == b"inner body"
    assert root.children[0].lines == 1
    assert (root.start, root.end, root.size_octets) == (0, len(MESSAGE), len(MESSAGE) - root.body)
    assert root.is_multipart and not root.is_text and root.children[0].is_text


def test_the_fields_of_a_part():
    picture = scan(MESSAGE, limits=LIMITS).children[3]
    assert picture.encoding == b"base64"
    assert (picture.id, picture.description, picture.md5) == (b"<i>", b"a picture", b"abc")
    assert (picture.disposition, picture.disposition_parameters) == (b"attachment", ((b"filename", b"i.png"),))
    assert (picture.language, picture.location) == (b"en", b"here")
    assert picture.parameters == ((b"name", b"i.png"),)
    assert picture.envelope == ()


def test_the_envelope_joins_addresses_and_takes_the_last_of_what_is_single():
    root = scan(MESSAGE, limits=LIMITS)
    found = dict(zip(structure.ENVELOPE_FIELDS, root.envelope, strict=True))
    assert found[b"to"] == b"c@d, e@f"
    assert found[b"subject"] == b"two"
    assert (found[b"date"], found[b"message-id"], found[b"from"]) == (b"today", b"<1>", b"a@b")
    assert found[b"cc"] is found[b"in-reply-to"] is None
    assert root.children[1].inner.envelope[1] == b"in"


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(b"base64", b"base64"), (b" 8BIT (x) ", b"8BIT"), (b"quoted printable", b""), (b"base64;", b""), (b"", b"")],
)
def test_an_encoding_is_one_word(value, encoding):
    content = b"Content-Transfer-Encoding:" + value + b"\r\n\r\nx"
    assert scan(content, limits=LIMITS).encoding == encoding


@pytest.mark.parametrize("value", [b"", b"attachment", b"=x; a=b"])
def test_a_disposition_may_be_no_word(value):
    part = scan(b"Content-Disposition: " + value + b"\r\n\r\nx", limits=LIMITS)
    assert (part.disposition, part.disposition_parameters) == (b"attachment" if value == b"attachment" else None, ())


PIECES = [
    # (message, bodies of the parts)
    (mixed(b"x", text(b"a"), text(b"b")), [b"a", b"b"]),
    (mixed(b"x", text(b"a"), text(b"b"), end=False), [b"a", b"b\r\n"]),
    (mixed(b"x", b"\r\na"), [b"a"]),
    (mixed(b"x"), []),
    (mixed(b"x", b""), [b""]),
    (mixed(b"x", text(b"a")).replace(b"\r\n", b"\n"), [b"a"]),
    (mixed(b"x", text(b"a"), text(b"b")).replace(b"--x\r", b"--x \t\r"), [b"a", b"b"]),
    (mixed(b"x", text(b"a")).replace(b"--x--", b"--x --"), [b"a", b""]),
    (mixed(b"x", text(b"a")).replace(b"--x--", b"--x-- ignored"), [b"a"]),
    (mixed(b"x", text(b"--xy\r\n--x-\r\n --x\r\na")), [b"--xy\r\n--x-\r\n --x\r\na"]),
    (mixed(b"x ", text(b"a")).replace(b"--x --", b"--x--"), [b"a"]),
    (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--", [b"a"]),
    (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--", [b"", b""]),
    (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x", [b""]),
    (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n--x\r\n\r\na", []),
    (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing", []),
    (b'Content-Type: multipart/mixed; boundary="  "\r\n\r\n--\r\n\r\na\r\n--', []),
    (b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n--x--", []),
    (b"Content-Type: multipart/mixed; boundary=x", []),
]


@pytest.mark.parametrize(("content", "bodies"), PIECES)
def test_parts_lie_between_delimiters(content, bodies):
    """RFC 2046 §5.1.1: the line end before a delimiter belongs to it."""
    root = scan(content, limits=LIMITS)
    assert [body(content, child) for child in root.children] == bodies


def test_an_outer_boundary_ends_all_parts_inside():
    content = mixed(b"x", mixed(b"y", text(b"a"), end=False), text(b"b"))
    root = scan(content, limits=LIMITS)
    assert tree(root) == ("multipart/mixed", ("multipart/mixed", "text/plain"), "text/plain")


TYPES = [
    (b"", "text/plain"),
    (b"Content-Type: text\r\n", "text/plain"),
    (b"Content-Type: \r\n", "text/plain"),
    (b"Content-Type: application/x\r\nContent-Type: text/html\r\n", "application/x"),
    (b"content-TYPE :\r\n (c) application/x\r\n", "application/x"),
]


@pytest.mark.parametrize(("head", "name"), TYPES)
def test_what_has_no_type_is_plain_text(head, name):
    """RFC 2045 §5.2."""
    assert tree(scan(head + b"\r\nx", limits=LIMITS)) == name


def test_parts_of_a_digest_are_messages():
    """RFC 2046 §5.1.5."""
    content = mixed(b"x", b"\r\nSubject: in\r\n\r\na", text(b"b")).replace(b"multipart/mixed", b"multipart/digest")
    assert tree(scan(content, limits=LIMITS)) == ("multipart/digest", ("message/rfc822", "text/plain"), "text/plain")


def test_beyond_a_limit_nothing_is_taken_apart():
    many = mixed(b"x", *[text()] * 20)
    assert len(scan(many, limits=Limits(parts=5)).children) == 4
    inside = b"Content-Type: message/rfc822\r\n\r\nx"
    assert scan(inside, limits=Limits(parts=1)).inner is None
    assert scan(inside, limits=Limits(part_depth=0)).inner is None
    assert scan(mixed(b"x", text()), limits=Limits(part_depth=0)).children == ()
    long = b"Subject: " + b"x" * 100 + b"\r\n\r\nbody"
    assert scan(long, limits=Limits(header_octets=20)).body == 20


def test_a_mapped_file_has_the_same_structure(tmp_path):
    content = MESSAGE + b"line\r\n" * 300_000
    path = tmp_path / "message"
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert scan(mapped, limits=LIMITS) == scan(content, limits=LIMITS)


def test_the_tree_is_stored_and_read_again():
    root = scan(MESSAGE, limits=LIMITS)
    assert parts.unpack(parts.pack(root)) == root


SECTIONS = [
    ((), "", MESSAGE),
    ((1,), "", b"first\r\n"),
    ((1,), "MIME", b"Content-Type: text/plain\r\n\r\n"),
    ((1,), "HEADER", None),
    ((2,), "HEADER", b"Subject: in\r\n\r\n"),
    ((2,), "TEXT", b"inner body"),
    ((2, 1), "", b"inner body"),
    ((2, 1), "MIME", b"Subject: in\r\n\r\n"),
    ((2, 2), "", None),
    ((2, 1, 1), "", None),
    ((3, 2), "", b"b"),
    ((3, 3), "", None),
    ((1, 1), "", None),
    ((5,), "", None),
]


@pytest.mark.parametrize(("numbers", "kind", "octets"), SECTIONS)
def test_sections_by_number(numbers, kind, octets):
    place = octets_of(scan(MESSAGE, limits=LIMITS), numbers, kind)
    assert (None if place is None else MESSAGE[slice(*place)]) == octets


def test_sections_of_the_message_itself():
    root = scan(MESSAGE, limits=LIMITS)
    assert octets_of(root, (), "HEADER") == (0, root.body)
    assert octets_of(root, (), "TEXT") == (root.body, root.end)
    assert octets_of(root, (), "MIME") is None
    assert parts.section(root, ()) is root


def test_a_message_that_is_no_multipart_has_part_one():
    content = b"Subject: s\r\n\r\nhi"
    root = scan(content, limits=LIMITS)
    assert parts.section(root, (1,)) is root
    assert parts.section(root, (2,)) is parts.section(root, (1, 1)) is None
    assert octets_of(root, (1,), "") == (root.body, root.end)
    wrapped = b"Content-Type: message/rfc822\r\n\r\n" + content
    outer = scan(wrapped, limits=LIMITS)
    assert parts.section(outer, (1,)) is outer
    assert parts.section(outer, (1, 1)) is outer.inner
    assert octets_of(outer, (1,), "HEADER") == (outer.inner.start, outer.inner.body)


def check(part, start, end):
    """Each part lies within its parent, after its older brother."""
    assert start <= part.start <= part.body <= part.end <= end
    place = part.body
    for child in part.children:
        check(child, place, part.end)
        place = child.end
    if part.inner is not None:
        assert (part.inner.start, part.inner.end) == (part.body, part.end)
        check(part.inner, part.body, part.end)


LINES = st.sampled_from(
    [b"--x", b"--x--", b"--y", b"--y--", b"", b"text", b"Content-Type: multipart/mixed; boundary=x", b"Subject: a",
     b"Content-Type: multipart/digest; boundary=y", b"Content-Type: message/rfc822", b" folded", b"Content-Type: a/b"]
)  # fmt: skip


@given(st.lists(LINES, max_size=25), st.sampled_from([b"\r\n", b"\n"]))
def test_any_lines_have_a_structure(lines, end):
    content = end.join(lines)
    root = scan(content, limits=Limits(parts=20, part_depth=5))
    check(root, 0, len(content))
    assert parts.unpack(parts.pack(root)) == root


@given(st.binary(max_size=200))
def test_any_octets_have_a_structure(octets):
    check(scan(octets, limits=LIMITS), 0, len(octets))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b"References: <a@x> <b@x>\r\n\r\n", ["a@x", "b@x"]),
        (b"Subject: x\r\nREFERENCES:\r\n <a@x>\r\n\t<b@x>\r\nTo: y\r\n\r\n", ["a@x", "b@x"]),
        (b"X-References: <n@x>\r\nReferences-Not: <n@x>\r\nReferences : <a@x>\r\n", ["a@x"]),
        (b"References: <a@x>\r\nReferences: <b@x>\r\n", ["a@x"]),
        (b"Subject: none\r\n\r\nReferences: <n@x>", []),
        (b"References: nothing that is one\r\n", []),
        (b"References", []),
        (b"", []),
    ],
)
def test_references_are_kept(header, found):
    references = scan(header, limits=LIMITS).references
    assert references is not None
    assert parse_ids(references) == found


def test_of_long_references_the_end_is_kept_and_of_parts_nothing():
    many = b"".join(b" <%d@x>\r\n" % number for number in range(5_000))
    root = scan(b"References:\r\n" + many + mixed(b"x", b"References: <n@x>\r\n\r\n"), limits=LIMITS)
    assert root.references is not None and len(root.references) == structure.REFERENCES_OCTETS
    assert root.references.endswith(b"<4998@x> <4999@x>")
    assert [part.references for part in root.children] == [None]
    assert parts.unpack(parts.pack(root)) == root
