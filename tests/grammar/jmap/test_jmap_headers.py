"""Header fields in their forms (RFC 8621 §4.1.2, §4.1.3): names, reading, writing, and what no field may have."""

import unicodedata
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap.header_forms import Form, read_value
from pillarbox.grammar.jmap.header_values import write_value
from pillarbox.grammar.jmap.headers import (
    CONVENIENCE,
    HeaderFields,
    HeaderProperty,
    is_permitted,
    parse_property,
    read_properties,
)
from pillarbox.model.errors import SyntaxProblem

ADDRESSES = (
    b'"  James Smythe" <james@example.com>, Friends:\r\n'
    b"  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n"
    b"  <john@example.com>;"
)


def fields(octets: bytes) -> HeaderFields:
    return HeaderFields(octets, 0, len(octets))


def address(name, email):
    return {"name": name, "email": email}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("header:subject", HeaderProperty("subject")),
        ("header:Subject:asRaw", HeaderProperty("Subject")),
        ("header:Resent-To:asAddresses:all", HeaderProperty("Resent-To", Form.ADDRESSES, True)),
        ("header:List-POST:asURLs", HeaderProperty("List-POST", Form.URLS)),
        ("header:X-Any:asGroupedAddresses", HeaderProperty("X-Any", Form.GROUPED_ADDRESSES)),
        ("header:Date:asDate", HeaderProperty("Date", Form.DATE)),
        ("header:References:asMessageIds", HeaderProperty("References", Form.MESSAGE_IDS)),
        ("header:List-Id:asText", HeaderProperty("List-Id", Form.TEXT)),
        ("header:!~:all", HeaderProperty("!~", Form.RAW, True)),
        ("header:asText", HeaderProperty("asText")),
    ],
)
def test_property_names(text, value):
    assert parse_property(text) == value
    assert parse_property(text).key == value.name.lower()


@pytest.mark.parametrize(
    "text",
    [
        "", "header:", "header", "subject", "header::asText", "header:a b", "header:é", "header:Subject:", "header:X:all:asText",
        "header:X:astext", "header:X:asFoo", "header:X:as", "header:X:ALL", "header:X:all:all", "Header:X", "header:X\n",
        "header:From:asDate", "header:from:asText", "header:Subject:asAddresses", "header:Date:asText", "header:List-Post:asText",
        "header:Received:asText", "header:Return-Path:asAddresses", "header:Message-ID:asAddresses", "header:To:asURLs",
    ],
)  # fmt: skip
def test_names_and_forms_that_are_refused(text):
    with pytest.raises(SyntaxProblem):
        parse_property(text)


def test_a_field_that_nobody_defined_may_have_every_form_and_every_field_is_had_raw():
    assert all(is_permitted("X-Other", form) for form in Form)
    assert all(is_permitted(name, Form.RAW) for name in ("From", "Received", "Date", "X"))
    for name, wanted in CONVENIENCE.items():
        assert is_permitted(wanted.name, wanted.form), name


def test_the_last_instance_counts_and_all_of_them_stand_in_order():
    header = fields(b"To: a@x\r\nSubject: 1\r\nTO: b@x\r\nEmpty:\r\n\r\n")
    assert header.read(parse_property("header:to")) == " b@x"
    assert header.read(parse_property("header:To:all")) == [" a@x", " b@x"]
    assert header.read(parse_property("header:to:asAddresses:all")) == [[address(None, "a@x")], [address(None, "b@x")]]
    assert header.read(parse_property("header:Cc")) is None
    assert header.read(parse_property("header:Cc:all")) == []
    assert header.read(parse_property("header:Empty")) == ""
    assert header.all() == [
        {"name": "To", "value": " a@x"},
        {"name": "Subject", "value": " 1"},
        {"name": "TO", "value": " b@x"},
        {"name": "Empty", "value": ""},
    ]


def test_values_stand_under_the_name_that_was_asked_for():
    wanted = [("header:SUBJECT:asText", parse_property("header:SUBJECT:asText")), ("subject", CONVENIENCE["subject"])]
    assert read_properties(fields(b"Subject: a\r\n\r\n"), wanted) == {"header:SUBJECT:asText": "a", "subject": "a"}


def test_a_line_that_is_no_field_is_passed_over():
    header = fields(b"From alice Mon Sep 17 00:00:00\r\nno colon here\r\nna\xffme: x\r\n: y\r\nA : b\r\n\r\n")
    assert header.all() == [{"name": "A", "value": " b"}]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" x\r\n y", " x\r\n y"),
        (b" caf\xc3\xa9 \xff\xfe", " café \ufffd\ufffd"),
        (b"a\0b", "ab"),
        (b" =?utf-8?q?x?=", " =?utf-8?q?x?="),
    ],
)
def test_raw(raw, value):
    assert read_value(raw, Form.RAW) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"  Hello\r\n  World ", "Hello World"),
        (b" =?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström"),
        (b" =?UTF-8?B?4pyT?=\r\n =?UTF-8?B?4pyT?= end", "✓✓ end"),
        (b" a =?utf-8?q?b?= =?utf-8?q?c?= d", "a bc d"),
        (b" =?utf-8?B?4p==?= =?utf-8?B?nJM=?=", "✓"),
        (b" =?utf-8*en?q?b?=", "b"),
        (b" e\xcc\x81", "é"),
        (b" =?utf-8?q?e=CC=81?=", "é"),
        (b" x\0y", "xy"),
        (b" =?utf-8?q?a=00b=0D=0A=1F=C2=85c?= \0z", "abc z"),
        # RFC 8621 §4.1.2.2: what breaks the rules of place and white space is not decoded.
        (b" a=?utf-8?q?b?=", "a=?utf-8?q?b?="),
        (b" =?utf-8?q?b?=c", "=?utf-8?q?b?=c"),
        (b" =?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        (b" =?no-such-charset?q?b?= =?utf-8?q?c?=", "=?no-such-charset?q?b?= c"),
        (b" =?utf-8?x?b?=", "=?utf-8?x?b?="),
        (b" =?utf-8?q?=FF?=", "\ufffd"),
        (b"", ""),
    ],
)
def test_text(raw, value):
    assert read_value(raw, Form.TEXT) == value


def test_the_addresses_of_rfc_8621_4_1_2_3():
    james, jane = address("James Smythe", "james@example.com"), address(None, "jane@example.com")
    john = address("John Smîth", "john@example.com")
    assert read_value(ADDRESSES, Form.ADDRESSES) == [james, jane, john]
    assert read_value(ADDRESSES, Form.GROUPED_ADDRESSES) == [
        {"name": None, "addresses": [james]},
        {"name": "Friends", "addresses": [jane, john]},
    ]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" a@x (The Name)", [address("The Name", "a@x")]),
        (b" foo", [address(None, "foo")]),
        (b" Joe <>", [address("Joe", "")]),
        (b" Joe Bloggs", [address("Joe Bloggs", "")]),
        (b' "john doe"@x', [address(None, '"john doe"@x')]),
        (b' "a\\"b" <"q\\\\\\"r"@x>', [address('a"b', '"q\\\\\\"r"@x')]),
        (b' "" <a@x>', [address(None, "a@x")]),
        (b" gr\xc3\xbc\xc3\x9f <\xc3\xbc@\xc3\xb6.example>", [address("grüß", "ü@ö.example")]),
        (b" =?utf-8?q?a=2C_b?= <a@x>, c@y", [address("a, b", "a@x"), address(None, "c@y")]),
        (b" ,,", []),
        (b" Empty:;", []),
    ],
)
def test_addresses_as_far_as_they_go(raw, value):
    assert read_value(raw, Form.ADDRESSES) == value


def test_groups_and_what_stands_between_them():
    raw = b" A:; b@x, c@x, D: d@x, e@x; f@x, G:"
    assert read_value(raw, Form.GROUPED_ADDRESSES) == [
        {"name": "A", "addresses": []},
        {"name": None, "addresses": [address(None, "b@x"), address(None, "c@x")]},
        {"name": "D", "addresses": [address(None, "d@x"), address(None, "e@x")]},
        {"name": None, "addresses": [address(None, "f@x")]},
        {"name": "G", "addresses": []},
    ]


@pytest.mark.parametrize(
    ("form", "raw", "value"),
    [
        (Form.MESSAGE_IDS, b" <a@x>\r\n <b@y> (<c@z>)", ["a@x", "b@y"]),
        (Form.MESSAGE_IDS, b" none", None),
        (Form.DATE, b" Tue, 10 Jul 2018 11:03:11 +1000 (AEST)", "2018-07-10T11:03:11+10:00"),
        (Form.DATE, b" Tue, 10 Jul 2018 11:03:11 GMT", "2018-07-10T11:03:11Z"),
        (Form.DATE, b" yesterday", None),
        (Form.URLS, b" <mailto:partytime@lists.example.com>", ["mailto:partytime@lists.example.com"]),
        # RFC 2369 §3
        (
            Form.URLS,
            b" <ftp://ftp.host.com/list.txt> (FTP),\r\n <mailto:list@host.com?subject=help>",
            ["ftp://ftp.host.com/list.txt", "mailto:list@host.com?subject=help"],
        ),
        (Form.URLS, b" (Use <http://no.example> (not \\) this) or) <http://x/\r\n a(b)>", ["http://x/a(b)"]),
        (Form.URLS, b" (<http://(x)>) <http://y>", ["http://y"]),
        (Form.URLS, b" NO (posting not allowed on this list)", None),
        (Form.URLS, b" ) < > <b>", ["b"]),
    ],
)
def test_ids_dates_and_urls(form, raw, value):
    assert read_value(raw, form) == value


WRITTEN = [
    (Form.RAW, "x\r\n y", "x\r\n y"),
    (Form.RAW, "", ""),
    (Form.TEXT, "World domination", " World domination"),
    (Form.TEXT, "", " "),
    (Form.TEXT, "grün", " =?utf-8?B?Z3LDvG4=?="),
    (Form.DATE, "2018-07-10T11:03:11+10:00", " Tue, 10 Jul 2018 11:03:11 +1000"),
    (Form.MESSAGE_IDS, ["a@x", "b@y"], " <a@x>\r\n <b@y>"),
    (Form.URLS, ["http://x", "mailto:a@b"], " <http://x>,\r\n <mailto:a@b>"),
    (Form.ADDRESSES, [address("Joe Bloggs", "joe@example.com")], " Joe Bloggs <joe@example.com>"),
    (Form.ADDRESSES, [address(None, "a@x"), address("B, C", "b@x")], ' a@x,\r\n "B, C" <b@x>'),
    (Form.ADDRESSES, [address("Grün", "a@x")], " =?utf-8?B?R3LDvG4=?= <a@x>"),
    (Form.ADDRESSES, [address(None, "half")], " half"),
    (Form.ADDRESSES, [address("Joe", "")], " Joe <>"),
    (Form.ADDRESSES, [address(None, '"john doe"@x.example')], ' "john doe"@x.example'),
    (Form.GROUPED_ADDRESSES, [{"name": "A", "addresses": [address(None, "a@x"), address(None, "b@x")]}], " A: a@x,\r\n b@x;"),
    (
        Form.GROUPED_ADDRESSES,
        [{"name": None, "addresses": [address(None, "a@x")]}, {"name": "B.", "addresses": []}],
        ' a@x,\r\n "B.": ;',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value", "written"), WRITTEN)
def test_forms_both_ways(form, value, written):
    assert write_value("X", value, form) == written
    assert read_value(written.encode(), form) == value


@pytest.mark.parametrize("form", Form)
def test_null_and_nothing_are_no_field(form):
    assert write_value("X", None, form) is None
    assert write_value("X", [], form) is None


@pytest.mark.parametrize(
    ("form", "value"),
    [
        *((form, value) for form in Form for value in (5, True, {"a": 1}, 1.5)),
        *((form, "x") for form in Form if form not in (Form.RAW, Form.TEXT)),
        (Form.RAW, ["x"]),
        (Form.RAW, "x\r\nBcc: y"),
        (Form.RAW, "x\ny"),
        (Form.RAW, "x\ry"),
        (Form.RAW, "x\0"),
        (Form.RAW, "x\r\n"),
        (Form.RAW, "x\r\n \r\n y"),
        (Form.RAW, "x\r\n "),
        (Form.RAW, "x" * 1_000),
        (Form.TEXT, ["x"]),
        (Form.TEXT, "x" * 100_001),
        (Form.ADDRESSES, [{"name": "x" * 5_001, "email": "a@x"}]),
        (Form.DATE, "2018"),
        (Form.MESSAGE_IDS, ["<a@x>"]),
        (Form.MESSAGE_IDS, ["a b"]),
        (Form.MESSAGE_IDS, ["a\r\nBcc: x"]),
        (Form.MESSAGE_IDS, [""]),
        (Form.MESSAGE_IDS, [1]),
        (Form.URLS, ["http://x>, <y"]),
        (Form.URLS, ["http://x\n"]),
        (Form.ADDRESSES, ["a@x"]),
        (Form.ADDRESSES, [{"name": "x"}]),
        (Form.ADDRESSES, [{"email": "a@x", "name": 1}]),
        (Form.ADDRESSES, [{"email": "a@x", "more": 1}]),
        (Form.ADDRESSES, [{"email": "a@x\r\nBcc: b@x"}]),
        (Form.ADDRESSES, [{"email": "a" * 900}]),
        (Form.GROUPED_ADDRESSES, [address(None, "a@x")]),
        (Form.GROUPED_ADDRESSES, [{"name": 1, "addresses": []}]),
        (Form.GROUPED_ADDRESSES, [{"name": "x", "addresses": [1]}]),
    ],
)
def test_what_is_no_value_of_a_form_is_refused(form, value):
    with pytest.raises(SyntaxProblem):
        write_value("X", value, form)


def test_what_is_no_address_stays_one_address():
    written = write_value("To", [address("A", "x, y@z <b@c>")], Form.ADDRESSES)
    assert written is not None
    assert read_value(written.encode(), Form.ADDRESSES) == [address("A", '"x, y@z <b@c>"')]


def test_a_name_without_letters_is_none():
    assert write_value("To", [address(" \r\n ", "a@x")], Form.ADDRESSES) == " a@x"
    assert write_value("To", [{"name": "", "addresses": []}], Form.GROUPED_ADDRESSES) == ' "": ;'


def lines_of(name, written):
    return f"{name}:{written}\r\n\r\n".encode("utf-8", "replace")


@pytest.mark.parametrize(
    "text", ["a" * 5_000, " " * 500, "a" + " " * 500 + "b", "word " * 300, "x\r\nBcc: y", "=?utf-8?q?x?=", "ü" * 900]
)
def test_long_and_odd_texts_stay_one_field_of_short_lines(text):
    for form, value in ((Form.TEXT, text), (Form.ADDRESSES, [address(text, "a@x")])):
        octets = lines_of("Subject", write_value("Subject", value, form))
        assert [field["name"] for field in fields(octets).all()] == ["Subject"]
        assert all(len(line) <= 250 and (line.strip() or not line) for line in octets.split(b"\r\n"))


PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), max_size=150)


@settings(deadline=None)
@given(PRINTABLE)
def test_any_text_round_trips(text):
    written = write_value("Subject", text, Form.TEXT)
    read = fields(lines_of("Subject", written)).read(HeaderProperty("Subject", Form.TEXT))
    assert read == unicodedata.normalize("NFC", text)


@settings(deadline=None)
@given(PRINTABLE)
def test_any_name_round_trips_but_for_white_space(name):
    written = write_value("To", [address(name, "a@x.example")], Form.ADDRESSES)
    read = fields(lines_of("To", written)).read(HeaderProperty("To", Form.ADDRESSES))
    assert read == [address(unicodedata.normalize("NFC", " ".join(name.split())) or None, "a@x.example")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "email", "addresses"]), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.sampled_from(Form), JSON | st.text(st.sampled_from('a\r\n \t\0<>@,;:"\\=?')))
def test_any_value_is_one_field_or_refused(form, value):
    try:
        written = write_value("X-Field", value, form)
    except SyntaxProblem:
        return
    if written is not None:
        found = fields(lines_of("X-Field", written)).all()
        assert [field["name"] for field in found] == ["X-Field"]


@settings(deadline=None)
@given(st.sampled_from(Form), st.binary() | st.text('=?utf-8qQbB?=<>()",;:@\\ \r\n\0ab').map(str.encode))
def test_any_octets_are_read(form, raw):
    read_value(raw, form)


@pytest.mark.parametrize(
    "raw",
    [
        b"(" * 100_000,
        b"<" * 100_000,
        b" " * 100_000,
        b"=?" * 50_000,
        b"=?utf-8?q?" * 10_000,
        b"<a " * 30_000,
        b"a\r\n " * 30_000,
        b'"' * 99_999,
        b"\\" * 99_999,
    ],
)
def test_long_values_take_no_square_of_their_length(raw):
    start = process_time()
    for form in Form:
        read_value(raw, form)
    assert process_time() - start < 4
