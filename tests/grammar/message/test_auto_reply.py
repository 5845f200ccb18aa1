"""Answers of those who are away: what is built is found again by the scanner (RFC 3834 §3, RFC 5230 §5)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import auto_reply, header, text
from pillarbox.grammar.message.auto_reply import REFERENCES_MOST, AutoReply, format_auto_reply, plain_of_html
from pillarbox.grammar.message.message_id import parse_ids
from pillarbox.grammar.message.part import Part
from pillarbox.grammar.message.structure import scan
from pillarbox.model.address import Address
from pillarbox.model.limits import Limits

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ALICE, BOB = Address("alice", "uiowa.test"), Address("bob", "far.test")


def made(**changes: object) -> tuple[bytes, Part]:
    facts: dict = {"sender": ALICE, "to": BOB, "at": AT, "message_id": "2@uiowa.test", "boundary": "bound"}
    octets = format_auto_reply(AutoReply(**{**facts, **changes}))
    assert b"\n" not in octets.replace(b"\r\n", b"") and b"\r" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    return octets, scan(octets, limits=Limits())


def field(octets: bytes, root: Part, name: bytes) -> str | None:
    found = header.first(octets, root.start, root.body, name)
    return None if found is None else text.header_text(found)


def test_a_plain_answer():
    octets, _ = made(text="Back on Monday.\n", asked=b"hello", in_reply_to="1@far.test", references=("0@far.test",))
    assert octets == (
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nFrom: alice@uiowa.test\r\nTo: bob@far.test\r\n"
        b"Subject: Auto: hello\r\nMessage-ID: <2@uiowa.test>\r\nIn-Reply-To: <1@far.test>\r\n"
        b"References: <0@far.test>\r\n <1@far.test>\r\nAuto-Submitted: auto-replied\r\n"
        b"X-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nBack on Monday.\r\n"
    )


@pytest.mark.parametrize(
    ("subject", "asked", "expected"),
    [
        (None, b"hello", "Auto: hello"),
        (None, b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Auto: Grüße"),
        (None, b"", "Automatic reply"),
        (None, b" \t ", "Automatic reply"),
        ("Away until Monday", b"hello", "Away until Monday"),
        ("", b"hello", ""),
        ("a\r\nBcc: x@y.test", b"", "a Bcc: x@y.test"),
        ("x" * 1_000, b"", "x" * 300),
        ("ö" * 1_000, b"", "ö" * 300),
    ],
)
def test_the_subject_is_the_owner_s_or_that_of_the_letter(subject: str | None, asked: bytes, expected: str):
    octets, root = made(subject=subject, asked=asked)
    assert field(octets, root, b"subject") == expected
    assert header.first(octets, root.start, root.body, b"bcc") is None


def test_both_texts_are_alternatives_and_plain_comes_first():
    octets, root = made(text="Grüße", html="<p>Grüße</p>")
    assert (root.type, root.subtype) == (b"multipart", b"alternative")
    assert [part.subtype for part in root.children] == [b"plain", b"html"]
    assert text.part_text(octets, root.children[0]) == "Grüße\r\n"
    assert text.part_text(octets, root.children[1]).strip() == "Grüße"


def test_html_alone_has_a_plain_text_made_of_it():
    """RFC 8621 §8, textBody."""
    octets, root = made(html="<style>p{}</style><p>I am\n away.</p><ul><li>Ask Bob &amp; Co<li>or wait</ul>Bye<br>A.")
    assert [part.subtype for part in root.children] == [b"plain", b"html"]
    assert text.part_text(octets, root.children[0]) == "I am away.\r\nAsk Bob & Co or wait Bye\r\nA.\r\n"


def test_without_a_text_it_says_the_least():
    octets, root = made()
    assert text.part_text(octets, root).startswith("I am away")
    octets, root = made(text="")
    assert text.part_text(octets, root) == "\r\n"


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("short\nlines", b"7bit"), ("x" * 200, b"quoted-printable"), ("Grüße aus der Ferne an alle", b"quoted-printable"),
     ("到下周一我都不在", b"base64")],
)  # fmt: skip
def test_a_text_is_as_readable_as_it_can_be(words: str, encoding: bytes):
    octets, root = made(text=words)
    assert root.encoding == encoding
    assert text.part_text(octets, root).replace("\r\n", "\n") == words + "\n"


def test_a_letter_without_an_identifier_has_no_thread():
    octets, root = made(references=("0@far.test",))
    assert field(octets, root, b"in-reply-to") is field(octets, root, b"references") is None


@pytest.mark.parametrize("odd", ["é@x", "a b@x", "a<b@x", "", "x" * 500])
def test_identifiers_that_no_header_can_hold_are_left_out(odd: str):
    octets, root = made(in_reply_to="1@x", references=("0@x", odd, "1@x"))
    assert parse_ids((field(octets, root, b"references") or "").encode()) == ["0@x", "1@x"]
    octets, root = made(in_reply_to=odd)
    assert field(octets, root, b"in-reply-to") is None


def test_of_many_references_the_first_and_the_newest_stay():
    octets, root = made(in_reply_to="last@x", references=tuple(f"{n}@x" for n in range(500)))
    ids = parse_ids((field(octets, root, b"references") or "").encode())
    assert len(ids) == REFERENCES_MOST
    assert (ids[0], ids[1], ids[-2], ids[-1]) == ("0@x", f"{502 - REFERENCES_MOST}@x", "499@x", "last@x")


def test_odd_addresses_are_quoted():
    octets, root = made(to=Address('a "b"', "far.test"), sender=Address("josé", "uiowa.test"))
    assert root.envelope[5] == b'"a \\"b\\""@far.test'
    assert root.envelope[2] == "josé@uiowa.test".encode()
    assert not octets.isascii()


@given(
    st.text(max_size=300), st.one_of(st.none(), st.text(max_size=300)), st.binary(max_size=100), st.text(max_size=20)
)
def test_whatever_it_is_made_of_is_text_not_structure(subject: str, html: str | None, asked: bytes, identifier: str):
    octets, root = made(subject=subject, text=subject, html=html, asked=asked, in_reply_to=identifier)
    assert field(octets, root, b"auto-submitted") == "auto-replied"
    assert len(root.children) == (0 if html is None else 2)
    names = [one.name for one in header.fields(octets, root.start, root.body)]
    assert len(names) == len(set(names))
    octets, _ = made(asked=asked)


def test_words_of_html():
    assert plain_of_html("a<br/>b<hr>c</tr>d") == "a\nb c\nd\n"
    assert plain_of_html("") == "\n"
    assert auto_reply.PREFIX == "Auto: "
