"""The order of texts (RFC 5051), and what SORT and THREAD read of fields (RFC 5256)."""

import pytest

from pillarbox.grammar.message.collation import collation_key
from pillarbox.grammar.message.message_id import without_quotes
from pillarbox.grammar.message.subject import base_subject, read_subject


@pytest.mark.parametrize(
    ("one", "other"),
    [("Straße", "straße"), ("ÉTÉ", "été"), ("ǆ", "Ǆ"), ("\u212b", "å"), ("e\u0301", "É"), ("ω", "Ω"), ("", "")],
)
def test_texts_that_are_one(one: str, other: str):
    assert collation_key(one) == collation_key(other)


def test_the_order_is_that_of_capitals():
    texts = ["zebra", "_x", "Äpfel", "Apfel", "[x", "", "éa", "Ea", "ea b", "1", "Ω"]
    assert sorted(texts, key=collation_key) == ["", "1", "Apfel", "Äpfel", "Ea", "ea b", "éa", "zebra", "[x", "_x", "Ω"]


def test_one_letter_stays_one_letter():
    assert collation_key("ß") == "ß"
    assert len(collation_key("ŉ" * 3)) == 6  # taken apart, not turned into capitals of two letters


@pytest.mark.parametrize(
    ("identifier", "plain"),
    [
        ('"01KF8JCEOCBS0045PS"@xxx.yyy.com', "01KF8JCEOCBS0045PS@xxx.yyy.com"),
        (r'"a\"b\\"@x', 'a"b\\@x'),
        ("a@x", "a@x"),
        ('a"b@x', 'a"b@x'),
        ('""@x', "@x"),
    ],
)
def test_an_identifier_is_the_same_with_and_without_quotes(identifier: str, plain: str):
    assert without_quotes(identifier) == plain


@pytest.mark.parametrize(
    ("value", "base", "is_reply"),
    [
        (b"trip", "trip", False),
        (b"[list] trip", "trip", False),
        (b"Re: trip", "trip", True),
        (b"[list] RE[2]: trip", "trip", True),
        (b"fw: trip", "trip", True),
        (b"Fwd: trip", "trip", True),
        (b"trip (fwd)", "trip", True),
        (b"[fwd: trip]", "trip", True),
        (b"[fwd: [list] trip (fwd)]", "trip", True),
        (b"  trip \t ", "trip", False),
        (b"Re:", "", True),
        (b"", "", False),
        (b"[list]", "[list]", False),
        (b"retrip: x", "retrip: x", False),
        (b"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "gr\u00fc\u00dfe", True),
    ],
)
def test_a_subject_and_whether_it_is_that_of_a_reply(value: bytes, base: str, is_reply: bool):
    assert read_subject(value) == (base, is_reply)
    assert base_subject(value) == base
