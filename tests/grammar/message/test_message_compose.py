"""Messages that are made here: what is built is found again by the scanner (RFC 5322 §3, RFC 2045, RFC 2183)."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import address_list, compose, header, message_id, parameters, text, transfer
from pillarbox.grammar.message.address_list import Mailbox
from pillarbox.grammar.message.compose import Attachment, Draft
from pillarbox.grammar.message.structure import scan
from pillarbox.model.limits import Limits

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ALICE, BOB = Mailbox("Alice", "alice@uiowa.edu"), Mailbox("", "bob@illinois.edu")


def draft(**changes):
    facts = {
        "sender": ALICE, "to": (BOB,), "subject": "Hello", "text": "Hi", "at": AT, "message_id": "1@uiowa.edu",
        "boundary": "bound",
    }  # fmt: skip
    return Draft(**{**facts, **changes})


def test_a_plain_message():
    assert compose.compose(draft()) == (
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nFrom: Alice <alice@uiowa.edu>\r\nTo: bob@illinois.edu\r\n"
        b"Subject: Hello\r\nMessage-ID: <1@uiowa.edu>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHi\r\n"
    )


def test_fields_of_an_answer_and_of_a_draft_kept_for_oneself():
    answer = draft(to=(), cc=(BOB,), bcc=(ALICE,), in_reply_to="0@x", references=("00@x", "0@x"))
    octets = compose.compose(answer)
    assert b"\r\nCc: bob@illinois.edu\r\n" in octets
    assert b"\r\nIn-Reply-To: <0@x>\r\nReferences: <00@x>\r\n <0@x>\r\n" in octets
    assert b"Bcc" not in octets
    assert b"\r\nTo:" not in octets
    assert b"\r\nBcc: Alice <alice@uiowa.edu>\r\n" in compose.compose(answer, with_bcc=True)


def test_attachments_follow_the_text():
    picture = Attachment("Größe ä.png", "image/png", bytes(range(256)))
    odd = Attachment("x", "no type\r\nX: y", b"")
    inner = Attachment("", "message/rfc822", b"Subject: in\r\n\r\nbody\r\n")
    octets = compose.compose(draft(attachments=(picture, odd, inner)))
    root = scan(octets, limits=Limits())
    first, second, third, fourth = root.children
    assert text.part_text(octets, first) == "Hi\r\n"
    assert transfer.decode(octets[second.body : second.end], second.encoding) == bytes(range(256))
    assert parameters.find(second.disposition_parameters, b"filename") == "Größe ä.png"
    assert (third.type, third.subtype, third.size_octets) == (b"application", b"octet-stream", 0)
    assert octets[fourth.body : fourth.end] == inner.octets
    assert (fourth.inner.envelope[1], fourth.encoding) == (b"in", b"")


def test_a_message_inside_keeps_its_eight_bits():
    """RFC 2046 §5.2.1: nothing but 7bit, 8bit and binary may stand around a message."""
    inner = Attachment("", "Message/RFC822", "Subject: é\r\n\r\né\r\n".encode())
    octets = compose.compose(draft(attachments=(inner,)))
    part = scan(octets, limits=Limits()).children[1]
    assert (part.encoding, octets[part.body : part.end]) == (b"8bit", inner.octets)


def test_long_names_and_subjects_are_folded():
    many = tuple(Mailbox("Ä" * 400, f"a{number}@b.example") for number in range(5))
    octets = compose.compose(draft(to=many, subject="wörd " * 300))
    head = octets[: header.header_end(octets, 0, len(octets))]
    assert max(map(len, head.split(b"\r\n"))) <= 100
    assert tuple(address_list.parse(header.first(head, 0, len(head), b"to"))) == many
    assert text.header_text(header.first(head, 0, len(head), b"subject")) == "wörd " * 300


def test_text_that_is_not_plain_is_quoted_printable():
    for words in ("é", "a\0b", "x" * 200):
        octets = compose.compose(draft(text=words))
        part = scan(octets, limits=Limits())
        assert part.encoding == b"quoted-printable"
        assert text.part_text(octets, part) == words + "\r\n"
    empty = compose.compose(draft(text=""))
    assert text.part_text(empty, scan(empty, limits=Limits())) == ""


@given(st.text(max_size=300), st.text(max_size=120), st.text(max_size=60), st.booleans())
def test_any_text_survives(words, subject, name, attached):
    attachments = (Attachment(name, "text/x", words.encode()),) if attached else ()
    octets = compose.compose(
        draft(text=words, subject=subject, to=(Mailbox(name.strip(), "a@b"),), attachments=attachments)
    )
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    root = scan(octets, limits=Limits())
    wanted = re.sub("\r\n|\r|\n", "\r\n", words)
    if wanted and not wanted.endswith("\r\n"):
        wanted += "\r\n"
    shown = root.children[0] if attached else root
    assert text.part_text(octets, shown) == wanted
    assert text.header_text(root.envelope[1]).split() == subject.split()
    assert address_list.parse(root.envelope[5]) == [Mailbox(name.strip(), "a@b")]
    assert message_id.parse_ids(root.envelope[9]) == ["1@uiowa.edu"]
    if attached:
        part = root.children[1]
        assert transfer.decode(octets[part.body : part.end], part.encoding) == words.encode()
