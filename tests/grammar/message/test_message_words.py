"""Encoded words and charsets (RFC 2047, RFC 2046 §4.1.2); both ways."""

import codecs
import encodings.aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import charset, encoded_word, text

WORDS = [
    # RFC 2047 §8, its own examples.
    (b"=?ISO-8859-1?Q?a?=", "a"),
    (b"=?ISO-8859-1?Q?a?= b", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
    (b"=?ISO-8859-1?Q?a_b?=", "a b"),
    (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
    (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
     "If you can read this you understand the example."),
    (b"=?utf-8*en?Q?=C3=A9?=", "é"),  # RFC 2231 §5
    (b"=?utf-8?B?w6?= =?utf-8?B?k=?=", "�"),  # neither half is base64 of anything
    (b"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"),  # cut within a character: forbidden, and common
    (b"a=?utf-8?q?b?=c", "abc"),
    (b"=?utf-8?q?a b?=", "a b"),
    (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
    (b"=?utf-8?q?a", "=?utf-8?q?a"),
    (b"=?utf-8?b?A?=", ""),
    (b"=?utf-8?b??=", ""),
    (b"=?nonsense?q?=C3=A9?=", "é"),
    (b"=?utf-7?q?+2AA-?=", "�"),
    (b"\xc3\xa9 \xe9", "é �"),
    (b"\xc3\xa9", "é"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "decoded"), WORDS)
def test_encoded_words_are_decoded(value, decoded):
    assert text.header_text(value) == decoded


@given(st.text(max_size=120))
def test_any_text_survives(value):
    encoded = encoded_word.encode(value)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert encoded_word.decode(encoded.encode()) == value
    assert value.isascii() or all(len(word) <= 75 for word in encoded.split(" "))


@given(st.text("=?utf-8bq_ \t=C3A9*\xe9", max_size=60).map(lambda t: t.encode("latin-1")))
def test_any_octets_decode(value):
    encoded_word.decode(value).encode("utf-8")


CHARSETS = [
    (b"\x93hi\x94", "iso-8859-1", "“hi”"),
    (b"\x93hi\x94", "US-ASCII", "“hi”"),
    (b"\xc3\xa9", "us-ascii", "é"),
    (b"\xc3\xa9", '"utf8"', "é"),
    (b"\xc3\xff", "utf-8", "�\ufffd"),
    (b"\xc4\xe3\xba\xc3", "GB2312", "你好"),
    (b"\x83n", "shift_jis", "ハ"),
    (b"\xe9", "", "�"),
    (b"\xe9", "no-such-charset", "é"),
    (b"+AOk-", "unicode-1-1-utf-7", "é"),
    (b"+2AA-", "utf-7", "\ufffd"),
    (b"abc", "rot13", "abc"),
    (b"bcher-kva", "punycode", "bcher-kva"),
    (b"\\ud800\\q", "unicode_escape", "\\ud800\\q"),
    (b"a", "undefined", "a"),
]


@pytest.mark.parametrize(("octets", "name", "decoded"), CHARSETS)
def test_charsets_as_mail_names_them(octets, name, decoded):
    assert charset.decode(octets, name) == decoded


def test_names_of_charsets():
    assert charset.codec_name(" ISO-8859-15 ") == "iso8859-15"
    for name in ("base64", "idna", "punycode", "x" * 100_000, "a\0b", "\ud800"):
        assert charset.codec_name(name) is None


def test_the_memory_of_names_has_a_bound():
    for number in range(2_000):
        assert charset.codec_name(f"unknown-{number}") is None
    assert charset.codec_name("utf-8") == "utf-8"


ALL_CODECS = sorted({*encodings.aliases.aliases.values(), "punycode", "idna", "raw_unicode_escape", "unicode_escape"})


@given(st.binary(max_size=60))
def test_any_octets_in_any_charset_are_text_that_can_be_written(octets):
    for name in ALL_CODECS:
        try:
            codecs.lookup(name)
        except LookupError:
            continue
        charset.decode(octets, name).encode("utf-8")
