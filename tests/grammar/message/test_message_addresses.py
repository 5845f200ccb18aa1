"""Lists of mailboxes (RFC 5322 §3.4, §4.4), identifiers (§3.6.4), trace fields (RFC 5321 §4.4); both ways."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import address_list, message_id, received
from pillarbox.grammar.message.address_list import EnvelopeAddress, Mailbox
from pillarbox.grammar.message.received import Received
from pillarbox.model.address import Address

NONE = EnvelopeAddress(None, None, None, None)


def raw(mailbox, host, name=None, route=None):
    return EnvelopeAddress(name, route, mailbox, host)


def group(name):
    return EnvelopeAddress(None, None, name, None)


RAW = [
    (b"a@b.c", [raw(b"a", b"b.c")]),
    (b"A B <a.x@b.c>, <d@e>", [raw(b"a.x", b"b.c", b"A B"), raw(b"d", b"e")]),
    (b'"A, B" <a@b>', [raw(b"a", b"b", b"A, B")]),
    (b'"A \\"B\\"" <a@b>', [raw(b"a", b"b", b'A "B"')]),
    (b'"a b"@c', [raw(b"a b", b"c")]),
    (b'"" <a@b>', [raw(b"a", b"b", b"")]),
    (b"a@[127.0.0.1]", [raw(b"a", b"[127.0.0.1]")]),
    (b"a@[never closed", [raw(b"a", b"[never closed")]),
    (b"J. Q. Public <a@b>", [raw(b"a", b"b", b"J. Q. Public")]),
    (b"a@b (A (nested) B)", [raw(b"a", b"b", b"A (nested) B")]),
    (b"A (c) B <a@b> (d)", [raw(b"a", b"b", b"A B")]),
    (b"a@b (esc\\) aped)", [raw(b"a", b"b", b"esc) aped")]),
    (b"a@b (never closed", [raw(b"a", b"b", b"never closed")]),
    (b"A <@x,@y:a@b>", [raw(b"a", b"b", b"A", b"@x,@y")]),
    (b"x@y <a@b>", [raw(b"a", b"b", b"x@y")]),
    (b"G: a@b, C <c@d>;, e@f", [group(b"G"), raw(b"a", b"b"), raw(b"c", b"d", b"C"), NONE, raw(b"e", b"f")]),
    (b"undisclosed-recipients:;", [group(b"undisclosed-recipients"), NONE]),
    (b"G: a@b", [group(b"G"), raw(b"a", b"b"), NONE]),
    (b"G: H: a@b;", [group(b"G"), raw(b"H:a", b"b"), NONE]),
    (b"a@b:c", [raw(b"a", b"b:c")]),
    (b"a@b;c@d", [raw(b"a", b"b"), raw(b"c", b"d")]),
    (b"a . b @ c . d", [raw(b"a.b", b"c.d")]),
    (b"a@b@c", [raw(b"a", b"b")]),
    (b"a@b.c d@e", [raw(b"a", b"b.c")]),
    (b'"@"@b', [raw(b"@", b"b")]),
    (b"nobody", [raw(b"nobody", b"MISSING_DOMAIN")]),
    (b"two words", [raw(b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"two words")]),
    (b"A <nobody>", [raw(b"nobody", b"MISSING_DOMAIN", b"A")]),
    (b"<>", [raw(b"MISSING_MAILBOX", b"MISSING_DOMAIN")]),
    (b"A <a@b", [raw(b"a", b"b", b"A")]),
    (b"A <a<x@b>", [raw(b"a<x", b"b", b"A")]),
    (b"A <a@b> <c@d>", [raw(b"a", b"b", b"A")]),
    (b"@b", [raw(b"MISSING_MAILBOX", b"b")]),
    (b"a\\@b", [raw(b"a\\", b"b")]),
    (b"", []),
    (b" , ,(c),", []),
]  # fmt: skip


@pytest.mark.parametrize(("value", "found"), RAW)
def test_addresses_as_people_write_them(value, found):
    assert address_list.parse_raw(value) == found
    assert address_list.parse_raw(b"x@y, " + value) == [raw(b"x", b"y"), *found]
    is_open = b"never" in value or value.count(b"<") != value.count(b">") or (b":" in value and b";" not in value)
    if not is_open:
        assert address_list.parse_raw(value + b", x@y") == [*found, raw(b"x", b"y")]


def test_addresses_are_decoded_and_groups_opened():
    value = b"=?utf-8?q?=C3=89?= <e@b>, G: x@y; \xc3\xa9@\xc3\xa9.example"
    assert address_list.parse(value) == [Mailbox("É", "e@b"), Mailbox("", "x@y"), Mailbox("", "é@é.example")]


def test_an_encoded_word_is_no_part_of_an_address():
    """RFC 2047 §5; decoded, it could bring a line end into a command or a header."""
    (found,) = address_list.parse(b"=?utf-8?q?a=0D=0A?=@b.c")
    assert found.address == "=?utf-8?q?a=0D=0A?=@b.c"
    assert address_list.parse(b"a@=?utf-8?q?b=0D=0A?=") == [Mailbox("", "a@=?utf-8?q?b=0D=0A?=")]
    assert address_list.address_of(Mailbox("", "a@=?utf-8?q?b=0D=0A?=")) is None


ADDRESSES = [
    ("a@B.example.", Address("a", "b.example")),
    ("a b@b", Address("a b", "b")),
    ("é@bücher.example", Address("é", "xn--bcher-kva.example")),
    ("a@[192.0.2.1]", Address("a", "[192.0.2.1]")),
    ("a@x@b", Address("a@x", "b")),
    ("nobody@MISSING_DOMAIN", None),
    ("MISSING_MAILBOX@b", None),
    ("@b", None),
    ("a", None),
    ("a\r\nb@c", None),
    ("a@b\r\nc", None),
    ("a@b c", None),
    ("a@..", None),
    ("a@" + "é" * 300, None),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_where_mail_could_be_sent(text, address):
    assert address_list.address_of(Mailbox("", text)) == address


FORMATTED = [
    (Mailbox("", "a@b"), "a@b"),
    (Mailbox("A B", "a@b"), "A B <a@b>"),
    (Mailbox("A, B", "a@b"), '"A, B" <a@b>'),
    (Mailbox('A "B" \\', "a@b"), '"A \\"B\\" \\\\" <a@b>'),
    (Mailbox("É", "a@b"), "=?utf-8?B?w4k=?= <a@b>"),
    (Mailbox("=?x", "a@b"), "=?utf-8?B?PT94?= <a@b>"),
    (Mailbox("", "a b@c"), '"a b"@c'),
    (Mailbox("", 'a"\\@c'), '"a\\"\\\\"@c'),
    (Mailbox("", "é@é.example"), "é@é.example"),
    (Mailbox("", "a@b\r\nBcc: x@y"), '"a@bBcc: x"@y'),
    (Mailbox("A\r\nBcc: x", "a@b"), "=?utf-8?B?QQ0KQmNjOiB4?= <a@b>"),
]


@pytest.mark.parametrize(("mailbox", "text"), FORMATTED)
def test_the_form_of_a_mailbox(mailbox, text):
    assert address_list.format_mailbox(mailbox) == text


MAILBOXES = st.builds(
    lambda name, local, domain: Mailbox(name.strip(), f"{local}@{domain}"),
    st.text(max_size=80),
    st.text('ab."\\ ,;:<>()[]@!é', min_size=1, max_size=12),
    st.sampled_from(["b.example", "x-y", "bücher.example"]),
)


@given(st.lists(MAILBOXES, max_size=4))
def test_any_mailboxes_survive(mailboxes):
    value = address_list.format_list(mailboxes).encode()
    wanted = [Mailbox(m.name, m.address) for m in mailboxes]
    assert address_list.parse(value.replace(b"\r\n", b"")) == wanted


@given(st.text('ab@<>,;:()"\\[]. \t=?\xe9', max_size=60).map(lambda t: t.encode("latin-1")))
def test_any_octets_are_addresses_that_can_be_written(value):
    for mailbox in address_list.parse(value):
        address_list.address_of(mailbox)
        assert "\n" not in address_list.format_mailbox(mailbox)


IDS = [
    (b"<a@b>", ["a@b"]),
    (b"<a@b> (comment) <c@d>\r\n <e@f>", ["a@b", "c@d", "e@f"]),
    (b"< a @ b >", ["a@b"]),
    (b"Your mail of today <a@b>", ["a@b"]),
    (b"<<a@b>>", ["a@b"]),
    (b"<>", []),
    (b"a@b", []),
    (b"<\xff@b>", ["�@b"]),
]


@pytest.mark.parametrize(("value", "ids"), IDS)
def test_identifiers(value, ids):
    assert message_id.parse_ids(value) == ids


@given(st.lists(st.text("ab@.", min_size=1, max_size=20), max_size=5))
def test_any_identifiers_survive(ids):
    assert message_id.parse_ids(message_id.format_ids(ids).encode()) == ids
    assert message_id.make("a", "b") == "a@b"


AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def test_trace_fields():
    plain = Received("client.example", "192.0.2.1", "mx.example", "ESMTP", "q1", AT)
    assert received.format_received(plain) == (
        b"Received: from client.example ([192.0.2.1])\r\n by mx.example with ESMTP id q1;\r\n"
        b" Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    )
    full = Received("(x)\r\n", "2001:db8::1", "mx.example", "ESMTPS", "q1", AT, Address("a b", "c.example"), "TLSv1.3")
    assert received.format_received(full) == (
        b"Received: from ?x??? ([IPv6:2001:db8::1])\r\n (using TLSv1.3)\r\n by mx.example with ESMTPS id q1\r\n"
        b' for <"a b"@c.example>;\r\n Tue, 24 Nov 2026 10:00:00 +0000\r\n'
    )
    alone = Received("mx.example", "", "mx.example", "ESMTP", "q1", AT)
    assert received.format_received(alone).startswith(b"Received: from mx.example\r\n by mx.example with ESMTP id q1;")
    assert b"from unknown (" in received.format_received(Received("", "192.0.2.1", "b", "SMTP", "q1", AT))
    assert received.format_return_path(None) == b"Return-Path: <>\r\n"
    assert received.format_return_path(Address("a", "b")) == b"Return-Path: <a@b>\r\n"


def test_hops_are_counted_at_the_start_of_lines():
    header = b"Received: a\r\nSubject: Received:\r\n Received: folded\r\nreceived : b\r\nX-Received: c\r\n"
    assert received.count_hops(header) == 2


@pytest.mark.parametrize(
    ("header", "at"),
    [
        (b"Received: by a; Tue, 24 Nov 2026 11:00:00 +0100\r\nReceived: by b; Tue, 24 Nov 2020 11:00:00 +0000\r\n", AT),
        (b"Subject: x\r\nreceived: by a (1; 2);\r\n Tue, 24 Nov 2026 10:00:00 +0000 (here; there)\r\n", AT),
        (b"Received: by a; some time\r\nReceived: by b; Tue, 24 Nov 2020 11:00:00 +0000\r\n", None),
        (b"Received: by a; Mon, 1 Jan 0001 00:00:00 +1000\r\n", None),
        (b"Received: by a\r\n", None),
        (b"Subject: x\r\n", None),
    ],
)
def test_when_a_message_was_received_last(header, at):
    assert received.received_at(header, 0, len(header)) == at
