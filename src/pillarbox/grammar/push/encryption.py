"""Encrypts a text for one receiver, so that the push service between cannot read it (RFC 8291, RFC 8188); both ways.

    body   = salt (16) · record size (4) · 65 · the sender's public key (65) · one record
    record = AEAD_AES_128_GCM(text · 2)

The sender's key is made for one text alone and thrown away; so is the salt.
"""

import base64
import binascii
import hashlib
import hmac
import re

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.push import PushKeys

CODING = "aes128gcm"
"""The content coding's name."""
RECORD_OCTETS = 4_096
"""What every push service takes (RFC 8030 §7.2), and so the largest body."""
TEXT_OCTETS = 3_993
"""The longest text (RFC 8291 §4)."""
SEED_OCTETS = 48
SALT_OCTETS = 16
POINT_OCTETS = 65
SECRET_OCTETS = 16

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: private keys are the numbers from 1 to below it."""
_HEADER_OCTETS = SALT_OCTETS + 4 + 1 + POINT_OCTETS
_TAG_OCTETS = 16
_LAST_RECORD = b"\x02"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


class Fresh(msgspec.Struct, frozen=True):
    """What must be new for each text: 48 and 16 unguessable octets."""

    seed: bytes
    salt: bytes


def private_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """The key that random octets stand for. There are more of them than the key has, so that no key is likelier."""
    return ec.derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, ec.SECP256R1())


def public_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Its public half, as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode_base64url(octets: bytes) -> str:
    """Without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """With or without padding. Raises: SyntaxProblem."""
    if _BASE64URL.fullmatch(text) is None:
        raise SyntaxProblem("base64url")
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise SyntaxProblem("base64url") from None


def parse_keys(p256dh: str, auth: str) -> PushKeys:
    """The keys of a receiver. Raises: SyntaxProblem, also when the point is not on the curve."""
    keys = PushKeys(decode_base64url(p256dh), decode_base64url(auth))
    if len(keys.auth) != SECRET_OCTETS:
        raise SyntaxProblem("a secret of 16 octets")
    _point(keys.p256dh)
    return keys


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    try:
        if len(octets) == POINT_OCTETS:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
    except ValueError:
        pass
    raise SyntaxProblem("an uncompressed point of P-256")


def encrypt(text: bytes, keys: PushKeys, fresh: Fresh) -> bytes:
    """The body of a message that only the owner of `keys` can read; `text` has at most `TEXT_OCTETS`."""
    if len(text) > TEXT_OCTETS:
        raise SyntaxProblem(f"at most {TEXT_OCTETS} octets")
    sender = private_key(fresh.seed)
    sender_public = public_octets(sender)
    shared = sender.exchange(ec.ECDH(), _point(keys.p256dh))
    key, nonce = _derive(shared, keys, sender_public, fresh.salt)
    header = fresh.salt + RECORD_OCTETS.to_bytes(4) + bytes((POINT_OCTETS,)) + sender_public
    return header + AESGCM(key).encrypt(nonce, text + _LAST_RECORD, None)


def decrypt(body: bytes, receiver: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """The text, for its receiver. Raises: SyntaxProblem for anything but one whole record of ours."""
    record = body[_HEADER_OCTETS:]
    if body[SALT_OCTETS + 4 : SALT_OCTETS + 5] != bytes((POINT_OCTETS,)) or len(record) <= _TAG_OCTETS:
        raise SyntaxProblem("a header with a key, and a record")
    if len(record) > int.from_bytes(body[SALT_OCTETS : SALT_OCTETS + 4]):
        raise SyntaxProblem("one record (RFC 8291 §4)")
    sender_public = body[SALT_OCTETS + 5 : _HEADER_OCTETS]
    shared = receiver.exchange(ec.ECDH(), _point(sender_public))
    keys = PushKeys(public_octets(receiver), auth)
    key, nonce = _derive(shared, keys, sender_public, body[:SALT_OCTETS])
    try:
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
    except InvalidTag:
        raise SyntaxProblem("a record for this key") from None
    if not padded.endswith(_LAST_RECORD):
        raise SyntaxProblem("the end of the last record")
    return padded[:-1]


def _derive(shared: bytes, keys: PushKeys, sender_public: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Content encryption key and nonce (RFC 8291 §3.4)."""
    combined = hmac.digest(keys.auth, shared, hashlib.sha256)
    info = b"WebPush: info\0" + keys.p256dh + sender_public
    material = hmac.digest(combined, info + b"\x01", hashlib.sha256)
    secret = hmac.digest(salt, material, hashlib.sha256)
    key = hmac.digest(secret, b"Content-Encoding: aes128gcm\0\x01", hashlib.sha256)[:16]
    return key, hmac.digest(secret, b"Content-Encoding: nonce\0\x01", hashlib.sha256)[:12]
