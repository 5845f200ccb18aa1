"""What a reader sees: decoded text of parts and headers, and what replies take from it (RFC 5322 §3.6.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import reply, text
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.message.structure import scan
from pillarbox.model.limits import Limits

HTML = [
    ("<p>a<br>b</p>", " a b "),
    ("a<script>x < y</script>b<STYLE>z</Style >c", "a b c"),
    ("a<!-- <b> -->b", "a b"),
    ("a<script>never closed <b>", "a "),
    ("a<!-- never closed", "a "),
    ("<html><head><title>t</title><body>b", "    b"),
    ("&lt;&amp;&#233;&#xE9;&eacute;&nbsp;&unknown;&#0;&#xD800;&#9999999;", "<&ééé &unknown;\ufffd\ufffd\ufffd"),
    ("a < b", "a < b"),
]


@pytest.mark.parametrize(("source", "shown"), HTML)
def test_of_html_what_is_shown(source, shown):
    assert text.shown_html(source) == shown


@given(st.text("<>!-/scriptyle&#x;0 ", max_size=60))
def test_any_html_shows_something(source):
    text.shown_html(source).encode()


LABELS = [
    ('a<img src="x" alt="b &amp; c">d', "a d\nb & c"),
    ("<p title=one>a</p><IMG\nALT = 'two' title=\"three\">", " a  \none\ntwo\nthree"),
    ('<!-- <img alt="x"> -->a<script>title="y"</script><b data-alt="z" alt="">b', " a  b"),
]


@pytest.mark.parametrize(("source", "sought"), LABELS)
def test_a_search_looks_at_labels_too_behind_all_else(source, sought):
    html, plain = (f"Content-Type: text/{kind}\r\n\r\n{source}".encode() for kind in ("html", "plain"))
    assert text.search_text(html, scan(html, limits=Limits())) == sought
    assert text.search_text(plain, scan(plain, limits=Limits())) == source


FOLDS = [("ABC", "abc"), ("Straße", "strasse"), ("ＡＢ", "ab"), ("ﬁ", "fi")]


@pytest.mark.parametrize(("one", "other"), FOLDS)
def test_texts_that_read_alike_are_folded_alike(one, other):
    assert text.fold(one) == other == text.fold(other)


MESSAGE = (
    "Subject: =?utf-8?q?=C3=A9?=\r\nX-Ünknown: ü\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    "--x\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "<b>=E9</b>\r\n--x\r\n\r\nplain é\r\n--x\r\nContent-Type: image/png\r\n\r\nx\r\n"
    "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninside\r\n--x--\r\n"
).encode()


def test_all_texts_of_a_message_messages_inside_too():
    root = scan(MESSAGE, limits=Limits())
    assert [text.part_text(MESSAGE, part) for part in text.text_parts(root)] == [" é ", "plain é", "inside"]
    assert text.all_header_text(MESSAGE, text.headers_of(root)).split("\n") == [
        "Subject: é",
        "X-Ünknown: ü",
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Type: text/html; charset=iso-8859-1",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Type: image/png",
        "Content-Type: message/rfc822",
        "Subject: in",
    ]


def test_plain_text_is_shown_before_html():
    assert text.main_text(MESSAGE, scan(MESSAGE, limits=Limits())) == ("plain é", False)
    html = b"Content-Type: text/html\r\n\r\n<p>a"
    assert text.main_text(html, scan(html, limits=Limits())) == (" a", True)
    picture = b"Content-Type: image/png\r\n\r\nx"
    assert text.main_text(picture, scan(picture, limits=Limits())) == ("", False)


SUBJECTS = [
    ("Hello", "Hello"),
    ("Re: Hello", "Hello"),
    (" RE : Aw: fwd:Re[2]: Hello ", "Hello"),
    ("Regards: x", "Regards: x"),
    ("Re:", ""),
    ("", ""),
]


@pytest.mark.parametrize(("subject", "base"), SUBJECTS)
def test_prefixes_do_not_pile_up(subject, base):
    assert reply.base_subject(subject) == base
    assert reply.reply_subject(subject) == f"Re: {base}"
    assert reply.forward_subject(subject) == f"Fwd: {base}"


def origin(content):
    return reply.read_origin(content, scan(content, limits=Limits()))


FULL = (
    b"From: A <a@x>\r\nReply-To: r@x\r\nTo: me@x, B <b@x>\r\nCc: c@x, B@X\r\nSubject: =?utf-8?q?=C3=A9?=\r\nDate: today\r\n"
    b"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\nIn-Reply-To: <2@x>\r\n\r\nline\r\n> quoted\r\n\r\nend\r\n\r\n"
)


def test_what_is_taken_from_the_message_that_is_answered():
    found = origin(FULL)
    assert (found.subject, found.date, found.message_id) == ("é", "today", "3@x")
    assert found.references == ("1@x", "2@x", "3@x")
    assert found.text == "line\r\n> quoted\r\n\r\nend\r\n\r\n"
    assert origin(b"\r\n").references == ()


@pytest.mark.parametrize(
    ("before", "references"),
    [(b"In-Reply-To: <1@x>\r\n", ("1@x", "3@x")), (b"In-Reply-To: <1@x> <2@x>\r\n", ("3@x",)), (b"", ("3@x",))],
)
def test_references_without_references(before, references):
    assert origin(before + b"Message-ID: <3@x>\r\n\r\n").references == references


def test_recipients_of_an_answer():
    found = origin(FULL)
    assert reply.reply_recipients(found, "me@x", to_all=False) == ((Mailbox("", "r@x"),), ())
    assert reply.reply_recipients(found, "Me@x", to_all=True) == (
        (Mailbox("", "r@x"),),
        (Mailbox("B", "b@x"), Mailbox("", "c@x")),
    )
    plain = origin(b"From: A <a@x>\r\n\r\n")
    assert reply.reply_recipients(plain, "me@x", to_all=True) == ((Mailbox("A", "a@x"),), ())


def test_the_text_before_is_quoted():
    assert reply.quote(origin(FULL)) == "On today, A wrote:\n> line\n>> quoted\n>\n> end\n"
    assert reply.quote(origin(b"\r\n")).startswith("On , somebody wrote:\n")
    assert reply.quote(origin(b"From: a@x\r\n\r\nb")) == "On , a@x wrote:\n> b\n"
