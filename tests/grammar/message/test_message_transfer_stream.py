"""Content-transfer-encodings undone piece by piece (RFC 2045 §6.7, §6.8): the same as of the whole, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message import transfer
from pillarbox.grammar.message.transfer_stream import decoder

ENCODINGS = [b"base64", b"quoted-printable", b"Quoted-Printable ", b"x-uuencode", b"7bit", b"", b"strange"]
PIECES = {
    b"base64": st.lists(st.sampled_from([b"QUJD", b"Q", b"UU", b"=", b"==", b"\r\n", b" ", b"+/", b"!", b"\xff"])),
    b"quoted-printable": st.lists(
        st.sampled_from(
            [b"=", b"=4", b"=41", b"1", b"4", b"\r\n", b"\n", b"\r", b" ", b"\t", b"=\r\n", b"= \r\n", b"x", b"\xe9"]
        )
    ),
}


def decode_cut(octets: bytes, encoding: bytes, cuts: list[int]) -> bytes:
    """With the octets handed in up to each cut."""
    one = decoder(encoding)
    places = sorted({0, *(cut % (len(octets) + 1) for cut in cuts), len(octets)})
    found = [one.feed(octets[low:high]) for low, high in pairwise(places)]
    return b"".join([*found, one.end()])


@pytest.mark.parametrize("encoding", PIECES)
@given(data=st.data(), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_pieces_together_are_the_whole(encoding: bytes, data: st.DataObject, cuts: list[int]):
    octets = b"".join(data.draw(PIECES[encoding]))
    assert decode_cut(octets, encoding, cuts) == transfer.decode(octets, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(octets=st.binary(max_size=100))
def test_byte_by_byte_is_the_whole(encoding: bytes, octets: bytes):
    assert decode_cut(octets, encoding, list(range(len(octets)))) == transfer.decode(octets, encoding)


def test_uuencode_is_decoded_at_the_end():
    octets = b"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n"
    assert decode_cut(octets, b"uuencode", [3, 10]) == b"Cat"


def test_what_is_held_back_is_bounded():
    one = decoder(b"quoted-printable")
    for _ in range(20):
        one.feed(b" " * 65_536)
    assert len(one.end()) <= 262_144


def test_a_long_base64_comes_out_as_it_goes_in():
    octets = transfer.encode_base64(bytes(range(256)) * 400)
    one = decoder(b"base64")
    first = one.feed(octets[:50_000])
    assert len(first) > 35_000
    assert first + one.feed(octets[50_000:]) + one.end() == bytes(range(256)) * 400
