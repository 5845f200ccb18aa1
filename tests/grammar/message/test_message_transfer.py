"""Content-transfer-encodings (RFC 2045 §6); both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import transfer

UU = b"intro\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\nafter\r\n"

DECODED = [
    (b"aGVsbG8=", b"base64", b"hello"),
    (b" aGV\r\nsb!G8 ", b" BASE64 ", b"hello"),
    (b"aGVsbG8=aGVsbG8=", b"base64", b"hellohello"),
    (b"aGVsbG8", b"base64", b"hello"),
    (b"aGVsbG8hA", b"base64", b"hello!"),
    (b"====", b"base64", b""),
    (b"", b"base64", b""),
    (b"a=C3=a9b", b"quoted-printable", "aéb".encode()),
    (b"a =\r\nb=\nc= \t\r\nd", b"quoted-printable", b"a bcd"),
    (b"a \t\r\nb  ", b"quoted-printable", b"a\r\nb"),
    (b"=XY=4", b"quoted-printable", b"=XY=4"),
    (b"end=", b"quoted-printable", b"end"),
    (UU, b"x-uuencode", b"Cat"),
    (UU, b"x-uue", b"Cat"),
    (b"begin 644 a\n#0V%T trailing\nend\n", b"uuencode", b"Cat"),
    (b"begin 644 a\n\n#0V%T\n", b"uuencode", b"Cat"),
    (b"begin 644 a\n\xff\xff\n#0V%T\n", b"uuencode", b"Cat"),
    (b"no begin 644 here\n", b"uuencode", b"no begin 644 here\n"),
    (b"=41", b"8bit", b"=41"),
    (b"=41", b"x-unknown", b"=41"),
    (b"=41", b"", b"=41"),
]


@pytest.mark.parametrize(("octets", "encoding", "decoded"), DECODED)
def test_what_was_encoded_is_decoded(octets, encoding, decoded):
    assert transfer.decode(octets, encoding) == decoded


@given(st.binary(max_size=300))
def test_any_octets_survive_base64(octets):
    encoded = transfer.encode_base64(octets)
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert transfer.decode(encoded, b"base64") == octets


@given(st.one_of(st.binary(max_size=300), st.text("é= \t\r\nx", max_size=200).map(str.encode)))
def test_any_octets_survive_quoted_printable(octets):
    encoded = transfer.encode_quoted_printable(octets)
    assert encoded.isascii()
    assert all(len(line) <= 76 and not line.endswith((b" ", b"\t")) for line in encoded.split(b"\r\n"))
    assert transfer.decode(encoded, b"quoted-printable") == octets


@given(st.binary(max_size=60), st.sampled_from([b"base64", b"quoted-printable", b"uuencode", b"x"]))
def test_any_octets_decode(octets, encoding):
    for content in (octets, b"begin 644 a\n" + octets):
        assert transfer.decoded_size(content, encoding) == len(transfer.decode(content, encoding))


@given(st.text("AQ= \n!", max_size=40).map(str.encode))
def test_the_decoded_size_is_known_without_decoding(octets):
    assert transfer.decoded_size(octets, b"Base64") == len(transfer.decode(octets, b"base64"))


def test_unknown_encodings_are_told():
    """RFC 2045 §6.4."""
    assert transfer.is_known(b"")
    assert transfer.is_known(b" Base64 ")
    assert not transfer.is_known(b"x-unknown")
