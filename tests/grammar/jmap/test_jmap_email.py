"""Messages as Email objects (RFC 8621 §4.1.4, §4.2): parts, body lists, values, preview."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.body import DEFAULT_PROPERTIES as PART_DEFAULTS
from pillarbox.grammar.jmap.body import preview as preview_of
from pillarbox.grammar.jmap.body import truncated
from pillarbox.grammar.jmap.email import (
    DEFAULT_PROPERTIES,
    METADATA,
    PARSE_PROPERTIES,
    Values,
    parse_wanted,
    read_email,
)
from pillarbox.grammar.message import transfer
from pillarbox.grammar.message.body import body_lists, body_tree
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits


def crlf(text: str) -> bytes:
    return text.encode().replace(b"\n", b"\r\n")


def read(octets: bytes, *properties: str, parts=None, **values):
    wanted = parse_wanted(properties, parts, Values(**values))
    return read_email(octets, scan(octets, limits=Limits()), wanted, blob_id="B12")


def leaf(kind: str, label: str, disposition: str = "") -> str:
    head = f"Content-Type: {kind}\n" + (f"Content-Disposition: {disposition}\n" if disposition else "")
    return f"{head}Content-ID: <{label}>\n\n{label}"


def multi(subtype: str, boundary: str, *parts: str) -> str:
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{subtype}; boundary={boundary}\n\n{inside}--{boundary}--\n"


def lists(message: str) -> tuple[str, str, str]:
    """The Content-IDs of the three lists."""
    found = read(crlf(message), "textBody", "htmlBody", "attachments", parts=["cid"])
    text, html, files = (
        "".join(part["cid"] for part in found[name]) for name in ("textBody", "htmlBody", "attachments")
    )
    return text, html, files


LISTED = multi(
    "mixed", "b0",
    leaf("text/plain", "A", "inline"),
    multi(
        "mixed", "b1",
        multi(
            "alternative", "b2",
            multi("mixed", "b3", leaf("text/plain", "B", "inline"), leaf("image/jpeg", "C", "inline"), leaf("text/plain", "D", "inline")),
            multi("related", "b4", leaf("text/html", "E"), leaf("image/jpeg", "F")),
        ),
        leaf("image/jpeg", "G", "attachment"),
        leaf("application/x-excel", "H"),
        leaf("message/rfc822", "J"),
    ),
    leaf("text/plain", "K", "inline"),
)  # fmt: skip


def test_the_message_of_rfc_8621_4_1_4_is_taken_apart_as_there():
    assert lists(LISTED) == ("ABCDK", "AEK", "CFGHJ")


P, H, I = leaf("text/plain", "p"), leaf("text/html", "h"), leaf("image/png", "i")  # noqa: E741


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (P, ("p", "p", "")),
        (H, ("h", "h", "")),
        (I, ("i", "i", "")),
        (leaf("application/pdf", "f"), ("", "", "f")),
        (leaf("text/csv", "c"), ("", "", "c")),
        (leaf("text/plain", "p", "attachment"), ("", "", "p")),
        (leaf("TEXT/Plain", "p", "INLINE"), ("p", "p", "")),
        (multi("alternative", "b", P, H), ("p", "h", "")),
        (multi("alternative", "b", H), ("h", "h", "")),
        (multi("alternative", "b", P), ("p", "p", "")),
        (multi("alternative", "b", P, leaf("text/calendar", "c")), ("p", "p", "c")),
        (multi("alternative", "b", P, I), ("p", "p", "i")),
        (multi("mixed", "b", multi("alternative", "c", H), P), ("hp", "hp", "")),
        (multi("mixed", "b", P, H), ("ph", "ph", "")),
        (multi("mixed", "b", P, leaf("text/plain; name=x.txt", "q")), ("p", "p", "q")),
        (multi("mixed", "b", leaf("text/plain; name=x.txt", "q"), P), ("qp", "qp", "")),
        (multi("mixed", "b", P, leaf("image/png; name=x.png", "j")), ("pj", "pj", "")),
        (multi("related", "b", H, I), ("h", "h", "i")),
        (multi("related", "b", multi("alternative", "c", P, H), I), ("p", "h", "i")),
        # What no list takes is an attachment: nothing is hidden.
        (multi("alternative", "b", multi("mixed", "c", H, P), P), ("p", "h", "p")),
        (multi("alternative", "b", multi("mixed", "c", H, multi("alternative", "d", P, H))), ("hh", "hh", "p")),
        # An image that is in both lists is none, though the algorithm of the standard has it in all three.
        (multi("alternative", "b", multi("mixed", "c", P, I)), ("pi", "pi", "")),
        (multi("alternative", "b", multi("mixed", "c", P, I), H), ("pi", "h", "i")),
        # A multipart that cannot be taken apart is a text.
        (leaf("multipart/mixed", "m"), ("m", "m", "")),
        (leaf("multipart/mixed; boundary=b", "m"), ("m", "m", "")),
        (multi("mixed", "b", P, leaf("multipart/alternative", "m")), ("pm", "pm", "")),
    ],
)
def test_the_lists_of_other_structures(message, expected):
    assert lists(message) == expected


@pytest.mark.parametrize(
    ("message", "has"),
    [
        (P, False),
        (multi("mixed", "b", P, leaf("application/pdf", "f")), True),
        (multi("mixed", "b", P, leaf("application/pdf", "f", "inline")), False),
        (multi("related", "b", H, leaf("image/png", "i", "inline")), False),
        (multi("related", "b", H, I), True),
    ],
)
def test_what_is_offered_as_a_file_makes_an_attachment(message, has):
    octets = crlf(message)
    wanted = parse_wanted(["hasAttachment"])
    assert not wanted.needs_content
    assert wanted.needs_structure
    assert read_email(b"", scan(octets, limits=Limits()), wanted, blob_id="B1") == {"hasAttachment": has}


MESSAGE = crlf("""\
From: Joe Bloggs <joe@example.com>
To: a@x.example
Subject: Dinner on Thursday?
Message-ID: <1@x>
Date: Tue, 10 Jul 2018 11:03:11 +1000
List-Post: <mailto:partytime@lists.example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: Text/Plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
Content-Language: en, (comment) de

Caf=E9
two
--c
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64
Content-Location: http://x/
 y

PHA+SGVsbG88L3A+
--c--
--b
Content-Type: image/png; name="a.png"
Content-Disposition: Attachment; filename*=utf-8''%C3%BC.png
Content-ID: (c) <i1@x>
Content-Transfer-Encoding: base64
X-Odd: odd

AAEC
--b--
""")


def test_the_example_of_rfc_8621_4_2_1():
    found = read(
        MESSAGE, "from", "subject", "header:List-POST:asURLs", "htmlBody", "bodyValues",
        parts=["partId", "blobId", "size", "type"], html=True, most_octets=4,
    )  # fmt: skip
    assert found == {
        "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
        "subject": "Dinner on Thursday?",
        "header:List-POST:asURLs": ["mailto:partytime@lists.example.com"],
        "htmlBody": [{"partId": "1.2", "blobId": "B12_1_2", "size": 12, "type": "text/html"}],
        "bodyValues": {"1.2": {"value": "<p>H", "isEncodingProblem": False, "isTruncated": True}},
    }


def test_the_whole_structure_with_all_properties():
    found = read(
        MESSAGE, "bodyStructure", parts=[*PART_DEFAULTS, "subParts", "header:X-Odd:asText", "header:content-id:all"]
    )
    nothing = dict.fromkeys(("name", "disposition", "cid", "language", "location"))
    more = {"header:X-Odd:asText": None, "header:content-id:all": []}
    inner = {"partId": None, "blobId": None, "charset": None, **nothing, **more}
    structure = found["bodyStructure"]
    sizes = structure.pop("size"), structure["subParts"][0].pop("size")
    assert sizes[0] > sizes[1] > 100
    text = {
        **nothing, **more, "partId": "1.1", "blobId": "B12_1_1", "size": 9, "type": "text/plain", "charset": "iso-8859-1",
        "language": ["en", "de"], "subParts": None,
    }  # fmt: skip
    html = {
        **nothing, **more, "partId": "1.2", "blobId": "B12_1_2", "size": 12, "type": "text/html", "charset": "utf-8",
        "location": "http://x/y", "subParts": None,
    }  # fmt: skip
    image = {
        "partId": "2", "blobId": "B12_2", "size": 3, "name": "ü.png", "type": "image/png", "charset": None,
        "disposition": "attachment", "cid": "i1@x", "language": None, "location": None, "subParts": None,
        "header:X-Odd:asText": "odd", "header:content-id:all": [" (c) <i1@x>"],
    }  # fmt: skip
    assert structure == {
        **inner,
        "type": "multipart/mixed",
        "subParts": [{**inner, "type": "multipart/alternative", "subParts": [text, html]}, image],
    }


def test_sub_parts_stand_in_the_structure_even_where_nobody_asks():
    assert read(MESSAGE, "bodyStructure", parts=["partId"])["bodyStructure"]["subParts"][1] == {"partId": "2"}


def test_headers_of_message_and_part():
    found = read(MESSAGE, "headers", "attachments", parts=["headers"])
    assert found["headers"][0] == {"name": "From", "value": " Joe Bloggs <joe@example.com>"}
    assert len(found["headers"]) == 8
    assert found["attachments"][0]["headers"][-1] == {"name": "X-Odd", "value": " odd"}


@pytest.mark.parametrize(
    ("head", "charset", "cid"),
    [
        ("", "us-ascii", None),
        ("Content-Type: text/html\nContent-ID: bare\n", "us-ascii", "bare"),
        ("Content-Type: application/pdf\n", None, None),
        ("Content-Type: application/xml; charset=utf-8\n", "utf-8", None),
        ('Content-Type: text/plain; charset="Big5"\n', "Big5", None),
    ],
)
def test_charset_and_cid(head, charset, cid):
    octets = crlf(head + "\nx")
    part = read(octets, "bodyStructure", parts=["charset", "cid"])["bodyStructure"]
    assert part == {"charset": charset, "cid": cid}


def test_which_values_are_there():
    assert read(MESSAGE, "bodyValues") == {"bodyValues": {}}
    assert list(read(MESSAGE, "bodyValues", text=True)["bodyValues"]) == ["1.1"]
    assert list(read(MESSAGE, "bodyValues", html=True)["bodyValues"]) == ["1.2"]
    assert list(read(MESSAGE, "bodyValues", all=True)["bodyValues"]) == ["1.1", "1.2"]
    csv = crlf(multi("mixed", "b", P, leaf("text/csv", "c"), I))
    assert list(read(csv, "bodyValues", text=True)["bodyValues"]) == ["1"]
    assert list(read(csv, "bodyValues", all=True)["bodyValues"]) == ["1", "2"]


def value(charset: str, encoding: str, content: bytes, kind="plain", **values):
    head = f"Content-Type: text/{kind}" + (f"; charset={charset}" if charset else "")
    octets = f"{head}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content
    found = read(octets, "bodyValues", text=True, **values)["bodyValues"]["1"]
    return found["value"], found["isEncodingProblem"], found["isTruncated"]


@pytest.mark.parametrize(
    ("charset", "encoding", "content", "text", "is_problem"),
    [
        ("utf-8", "8bit", "ü\r\nb\n".encode(), "ü\nb\n", False),
        ("utf-8", "8bit", b"a\xffb", "a\ufffdb", True),
        ("utf-8", "8bit", "a\ufffdb".encode(), "a\ufffdb", False),
        ("iso-8859-1", "8bit", b"\xfc", "ü", False),
        ("us-ascii", "7bit", b"a", "a", False),
        ("us-ascii", "8bit", "ü".encode(), "ü", True),
        ("", "8bit", "ü".encode(), "ü", True),
        ("x-no-such", "8bit", "ü".encode(), "ü", True),
        ("iso-2022-jp", "7bit", b'\x1b$B$"\x1b(B', "あ", False),
        ("iso-2022-jp", "7bit", b"\x1b$B\x80", "\ufffd", True),
        ("utf-8", "x-unknown", b"=41", "=41", True),
        ("utf-8", "base64", base64.b64encode("✓".encode()), "✓", False),
    ],
)
def test_values_are_decoded_and_problems_told(charset, encoding, content, text, is_problem):
    assert value(charset, encoding, content)[:2] == (text, is_problem)


@pytest.mark.parametrize(
    ("text", "most", "is_html", "shown"),
    [
        ("abc", 0, False, "abc"),
        ("abc", 3, False, "abc"),
        ("abcd", 3, False, "abc"),
        ("aüb", 2, False, "a"),
        ("a😀b", 4, False, "a"),
        ("a😀b", 5, False, "a😀"),
        ('x<a href="https://example.com">y', 10, True, "x"),
        ('x<a href="https://example.com">y', 10, False, 'x<a href="'),
        ("<b>1 < 2 and no more of it", 10, True, "<b>1 < 2 a"),
        ('x<a title="1 > 0">y', 13, True, "x"),
        ("x<a title='\">'>y", 14, True, "x"),
        ("x<!-- y", 3, True, "x<!"),
        ("xy<b>", 1, True, "x"),
        ("<b>ab</b>", 5, True, "<b>ab"),
        ("<b>ab</b>", 6, True, "<b>ab"),
    ],
)
def test_truncation_cuts_no_character_and_no_tag(text, most, is_html, shown):
    assert truncated(text, most, is_html=is_html) == shown


@settings(deadline=None)
@given(st.text(), st.integers(0, 40), st.booleans())
def test_what_is_truncated_is_short_enough_and_a_beginning(text, most, is_html):
    shown = truncated(text, most, is_html=is_html)
    assert text.startswith(shown)
    assert not most or len(shown.encode()) <= most


def test_truncation_is_told():
    assert value("utf-8", "8bit", b"<p>hello", kind="html", most_octets=4) == ("<p>h", False, True)
    assert value("utf-8", "8bit", b"<p>h", kind="html", most_octets=4) == ("<p>h", False, False)


def preview(octets: bytes) -> str:
    return read(octets, "preview")["preview"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("\nHello,\n\n  how   are\tyou?\n", "Hello, how are you?"),
        ("\n> quoted\n > more\nmine\n-- \nSignature", "mine"),
        ("\n> only quoted", "> only quoted"),
        ("Content-Type: text/html\n\n<style>p{}</style><p>A &amp; B</p>\u200c\u00ad", "A & B"),
        (multi("alternative", "b", H, leaf("text/plain", "plain")), "plain"),
        (multi("mixed", "b", I, H), "h"),
        (multi("alternative", "b", leaf("text/plain", " \n"), H), "h"),
        ("Content-Type: text/html\n\nDear&zwnj;&nbsp;&#8203;reader&hellip;", "Dear reader…"),
        (I, ""),
        ("\n" + "x" * 300, "x" * 256),
        ("\n", ""),
    ],
)
def test_preview(message, shown):
    assert preview(crlf(message)) == shown


def test_a_preview_is_found_behind_a_long_style_sheet_and_cut_between_characters():
    style = "<style>" + "p {color: red}\n" * 5_000 + "</style>"
    assert preview(crlf(f"Content-Type: text/html\n\n{style}<p>Hello {'x ' * 100_000}")).startswith("Hello x x")
    style = "<style>" + "p {color: red}\n" * 50_000 + "</style>"
    assert preview(crlf(f"Content-Type: text/html\n\n{style}<p>Hello")) == ""
    assert preview(b"\r\n" + b"x" * 100_000) == "x" * 256
    umlauts = "\n".join(["ü" * 30] * 2_000)
    for pad in ("", "a"):
        assert "Ã" not in preview(crlf(f"\n{'>' * 16_000}\n{pad}{umlauts}"))


@settings(deadline=None)
@given(st.text("ab <>\n>-&;ü", max_size=600))
def test_a_preview_is_at_most_256_characters_on_a_line(text):
    shown = preview(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + text.encode())
    assert len(shown) <= 256
    assert "\n" not in shown


@pytest.mark.parametrize(
    "properties",
    [["nothing"], ["header:From:asDate"], ["header:"], ["From"], [""], ["partId"]],
)
def test_a_property_that_does_not_exist_is_refused(properties):
    with pytest.raises(SyntaxProblem):
        parse_wanted(properties)


@pytest.mark.parametrize("properties", [["nothing"], ["header:From:asDate"], ["subject"], ["header:"]])
def test_a_property_that_a_part_does_not_have_is_refused(properties):
    with pytest.raises(SyntaxProblem):
        parse_wanted([], properties)


def test_what_must_be_read_is_known_before():
    assert parse_wanted(METADATA).metadata == METADATA
    assert not parse_wanted(METADATA).needs_structure
    assert not parse_wanted(METADATA).needs_content
    assert parse_wanted(["id", "subject"]).needs_content
    assert parse_wanted(["headers"]).needs_content
    assert parse_wanted(["preview"]).needs_content


def test_the_defaults_are_those_of_the_standard():
    assert set(parse_wanted(DEFAULT_PROPERTIES).plain) == {
        *METADATA, "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody", "attachments",
    }  # fmt: skip
    assert len(DEFAULT_PROPERTIES) == 24
    found = read(MESSAGE, *PARSE_PROPERTIES)
    assert set(found) == set(PARSE_PROPERTIES)
    assert found["sentAt"] == "2018-07-10T11:03:11+10:00"
    assert found["replyTo"] is None
    assert list(found["textBody"][0]) == list(PART_DEFAULTS)


def test_a_message_in_a_digest_has_its_own_type():
    digest = crlf("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--\n")
    part = read(digest, "attachments", parts=["type", "partId", "size"])["attachments"]
    assert part == [{"type": "message/rfc822", "partId": "1", "size": 15}]


@pytest.mark.parametrize(
    ("octets", "encoding"),
    [
        (b"AAEC", b"base64"), (b"AAE=", b"base64"), (b"AA==\r\n", b"BASE64"), (b"AA", b"base64"), (b"A", b"base64"), (b"", b"base64"),
        (b"AA==AAEC", b"base64"), (b"A!A\r\nEC==", b"base64"), (b"=41=\r\nx", b"quoted-printable"), (b"abc", b"x-unknown"), (b"abc", b""),
    ],
)  # fmt: skip
def test_the_size_is_that_of_what_is_decoded(octets, encoding):
    assert transfer.decoded_size(octets, encoding) == len(transfer.decode(octets, encoding))


@settings(deadline=None)
@given(st.text("AZaz09+/=\r\n!").map(str.encode))
def test_any_base64_has_the_size_of_what_is_decoded(octets):
    assert transfer.decoded_size(octets, b"base64") == len(transfer.decode(octets, b"base64"))


ALL = [*DEFAULT_PROPERTIES, "bodyStructure", "headers", "header:X:asAddresses:all"]
ALL_PARTS = [*PART_DEFAULTS, "subParts", "headers", "header:Content-Type:asText"]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"\r\n", b"--b", b"--", b"Content-Type: ", b"multipart/mixed; boundary=b", b"multipart/alternative", b"text/html", b"text/plain",
             b"message/rfc822", b"Content-Disposition: attachment; filename=", b"\xff", b"; charset=utf-7", b"From: a@b", b" ", b"Content-ID: <",
             b"Content-Transfer-Encoding: base64", b"Content-Language: ,", b"Content-Location: \xff", b"<", b"+2AA-", b"; name*0*=x''%ff"]
        ),
        max_size=40,
    ).map(b"".join)
)  # fmt: skip
def test_any_octets_are_an_email_with_every_property(octets):
    found = read(octets, *ALL, parts=ALL_PARTS, all=True, most_octets=20)
    assert set(found) == set(ALL) - set(METADATA)
    tree = body_tree(scan(octets, limits=Limits()))
    leaves = {part.number for part in tree.leaves()}
    listed = body_lists(tree)
    assert leaves == {part.number for part in (*listed.text, *listed.html, *listed.attachments)}


def test_messages_of_others_are_read_whole(corpora):
    files = sorted(
        path for path in corpora.rglob("*") if path.is_file() and path.suffix in (".eml", ".msg", ".mbox", ".txt")
    )[:400]
    assert files
    for path in files:
        octets = path.read_bytes()[:300_000]
        ijson.decode(ijson.encode(read(octets, *ALL, parts=ALL_PARTS, all=True)))


PIECES = [
    "Content-Type: text/plain\n\nhello",
    "Content-Type: text/html; charset=utf-8\n\n<p>hello",
    "Content-Type: text/plain; name=a.txt\n\nhello",
    "Content-Type: text/html; NAME*=utf-8''a.html\n\nhello",
    "Content-Type: text/plain\nContent-Disposition: inline\n\nhello",
    "Content-Type: text/plain\nContent-Disposition: attachment\n\nhello",
    "Content-Type: text/calendar\n\nhello",
    "Content-Type: image/png\n\nhello",
    "Content-Type: message/rfc822\n\nSubject: x\n\nhello",
    multi("alternative", "in", leaf("text/plain", "a"), leaf("text/html", "b")),
    multi("related", "in", leaf("text/html", "a"), leaf("image/png", "b", "inline")),
    "Content-Type: multipart/mixed\n\nhello",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=4), st.sampled_from(["mixed", "alternative", "related", "digest", "x"])
)
def test_whether_there_are_files_is_the_same_without_taking_a_message_apart(pieces, subtype):
    for message in (multi(subtype, "out", *pieces), *pieces):
        found = read(crlf(message), "hasAttachment", "textBody")["hasAttachment"]
        assert read(crlf(message), "hasAttachment") == {"hasAttachment": found}


@pytest.mark.parametrize(
    ("message", "known", "shown"),
    [
        (b"\r\n" + b"word " * 400, 1_026, ("word " * 60)[:256].rstrip()),
        (b"\r\n" + b"word " * 400, 1_025, None),
        (b"Subject: x\r\n\r\nshort", 17, None),
        (b"Subject: x\r\n\r\nshort", 19, "short"),
        (b"\r\n" + b"x" * 20_000, 2_000, None),
        (b"\r\n" + b"x" * 20_000, 16_400, "x" * 256),
        (b"Content-Type: image/png\r\n\r\nAAAA", 0, ""),
    ],
)
def test_a_preview_of_a_beginning_is_that_of_the_whole_or_none(message, known, shown):
    part_lists = body_lists(body_tree(scan(message, limits=Limits())))
    assert preview_of(message[:known], part_lists) == shown
    assert shown is None or preview(message) == shown


def test_half_a_tag_where_reading_stops_is_not_shown():
    text = "Hello " * 40 + '<a href="https://example.net/' + "x" * 2_000 + '">there</a>'
    assert preview(crlf(f"Content-Type: text/html\n\n{text}")) == ("Hello " * 40 + "there").rstrip()
    text = "Hello " * 50 + "<p>" * 200 + '<a href="https://example.net/" title="x y z ' + "x " * 20_000
    assert "href" not in preview(crlf(f"Content-Type: text/html\n\n<p>{text}>"))


def test_characters_that_nobody_sees_are_no_text():
    for hidden in "\u034f\u200b\u00ad\ufeff\u2060\x07\x7f\u00a0\u3000":
        assert preview(f"Content-Type: text/plain; charset=utf-8\r\n\r\na{hidden}{hidden} b".encode()) == "a b"
        assert preview(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{hidden}".encode()) == ""
    assert preview("Content-Type: text/plain; charset=utf-8\r\n\r\nGrüße, 你好".encode()) == "Grüße, 你好"


def test_addresses_that_are_read_again_are_values_of_their_own():
    octets = b"From: ann@far.test\r\n\r\n"
    read(octets, "from")["from"][0]["name"] = "changed"
    assert read(octets, "from") == {"from": [{"name": None, "email": "ann@far.test"}]}
    many = b"To: " + b", ".join(b"n%d@far.test" % number for number in range(100)) + b"\r\n\r\n"
    assert len(read(many, "to")["to"]) == 100
