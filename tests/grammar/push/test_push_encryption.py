"""Texts for one receiver (RFC 8291, RFC 8188), and who sends them (RFC 8292)."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.push import encryption, vapid
from pillarbox.grammar.push.encryption import Fresh, decode_base64url, encode_base64url
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.push import PushKeys
from pillarbox.model.url import parse_https

# RFC 8291 Appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
SENDER = decode_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
RECEIVER = decode_base64url("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
RECEIVER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = decode_base64url("DGv6ra1nlYgDCS1FRnbzlw")
BODY = decode_base64url(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def key_of(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar), ec.SECP256R1())


def seed_of(scalar: bytes) -> bytes:
    """Octets that stand for this very key."""
    return (int.from_bytes(scalar) - 1).to_bytes(encryption.SEED_OCTETS)


KEYS = encryption.parse_keys(RECEIVER_PUBLIC, AUTH)


def test_the_example_of_the_standard_both_ways():
    assert encryption.encrypt(TEXT, KEYS, Fresh(seed_of(SENDER), SALT)) == BODY
    assert encryption.decrypt(BODY, key_of(RECEIVER), KEYS.auth) == TEXT
    assert encryption.public_octets(key_of(RECEIVER)) == KEYS.p256dh


@given(
    st.binary(max_size=encryption.TEXT_OCTETS), st.binary(min_size=48, max_size=48), st.binary(min_size=16, max_size=16)
)
def test_what_is_encrypted_is_read_by_its_receiver(text, seed, salt):
    body = encryption.encrypt(text, KEYS, Fresh(seed, salt))
    assert len(body) <= encryption.RECORD_OCTETS
    assert encryption.decrypt(body, key_of(RECEIVER), KEYS.auth) == text


def test_nobody_else_reads_it():
    other = key_of(SENDER)
    for receiver, auth in ((other, KEYS.auth), (key_of(RECEIVER), bytes(16))):
        with pytest.raises(SyntaxProblem):
            encryption.decrypt(BODY, receiver, auth)


def test_a_text_that_no_push_service_takes_is_refused():
    with pytest.raises(SyntaxProblem):
        encryption.encrypt(bytes(3_994), KEYS, Fresh(bytes(48), bytes(16)))


def changed(place: int, value: int) -> bytes:
    return BODY[:place] + bytes((value,)) + BODY[place + 1 :]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BODY[:86],
        BODY[: 86 + 16],
        BODY[:-1],
        changed(0, BODY[0] ^ 1),
        changed(18, 0),  # a record size of 0
        changed(20, 64),
        changed(21, 2),  # a compressed point
        changed(30, BODY[30] ^ 1),  # not on the curve
        changed(len(BODY) - 1, BODY[-1] ^ 1),
    ],
)
def test_what_is_no_message_is_a_syntax_problem(body):
    with pytest.raises(SyntaxProblem):
        encryption.decrypt(body, key_of(RECEIVER), KEYS.auth)


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_are_a_syntax_problem(body):
    with pytest.raises(SyntaxProblem):
        encryption.decrypt(body, key_of(RECEIVER), KEYS.auth)


def sealed(padded: bytes) -> bytes:
    """A body whose record holds just that."""
    sender = key_of(SENDER)
    public = encryption.public_octets(sender)
    shared = sender.exchange(ec.ECDH(), key_of(RECEIVER).public_key())
    key, nonce = encryption._derive(shared, KEYS, public, SALT)
    return SALT + (4_096).to_bytes(4) + b"\x41" + public + AESGCM(key).encrypt(nonce, padded, None)


def test_padding_is_taken_away():
    """RFC 8188 §2: zeros behind the delimiter."""
    assert encryption.decrypt(sealed(TEXT + b"\x02\0\0\0"), key_of(RECEIVER), KEYS.auth) == TEXT


@pytest.mark.parametrize("padded", [b"text\x01", b"\0\0", b"text"])
def test_a_record_that_is_not_the_last_is_refused(padded):
    with pytest.raises(SyntaxProblem):
        encryption.decrypt(sealed(padded), key_of(RECEIVER), KEYS.auth)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        (RECEIVER_PUBLIC, "BTBZMqHH6r4Tts7J_aSI"),
        (RECEIVER_PUBLIC, ""),
        (RECEIVER_PUBLIC, "x"),
        (RECEIVER_PUBLIC, "BTBZMqHH6r4Tts7J/aSIgg"),
        ("", AUTH),
        (RECEIVER_PUBLIC[:-4], AUTH),
        ("B" + "A" * 86, AUTH),
        ("AAAA", AUTH),
        ("é", AUTH),
    ],
)
def test_keys_that_are_none_are_refused(p256dh, auth):
    with pytest.raises(SyntaxProblem):
        encryption.parse_keys(p256dh, auth)


def test_keys_may_be_padded():
    assert encryption.parse_keys(RECEIVER_PUBLIC + "=", AUTH + "==") == KEYS
    assert isinstance(KEYS, PushKeys)


@given(st.binary(max_size=100))
def test_base64url_both_ways(octets):
    assert decode_base64url(encode_base64url(octets)) == octets


def test_every_seed_is_a_key():
    for seed in (bytes(48), b"\xff" * 48, encryption._ORDER.to_bytes(48), (encryption._ORDER - 1).to_bytes(48)):
        assert encryption.private_key(seed)


def test_a_sender_says_who_it_is_in_a_token_that_it_signs():
    """RFC 8292 §2, §3: ES256 over header and claims."""
    key = key_of(SENDER)
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    sender = vapid.Sender(key, "mailto:postmaster@uiowa.test")
    value = vapid.authorization(sender, parse_https("https://push.example.net:8443/x"), now=now)
    scheme, _, rest = value.partition(" ")
    token, k = (part.partition("=")[2] for part in rest.split(", "))
    assert scheme == "vapid"
    assert decode_base64url(k) == encryption.public_octets(key)
    assert k == vapid.public_key(sender)
    header, claims, signature = token.split(".")
    assert json.loads(decode_base64url(header)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(decode_base64url(claims)) == {
        "aud": "https://push.example.net:8443",
        "exp": int((now + timedelta(hours=12)).timestamp()),
        "sub": "mailto:postmaster@uiowa.test",
    }
    raw = base64.urlsafe_b64decode(signature + "==")
    assert len(raw) == 64
    dss = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.public_key().verify(dss, f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))
