"""Who sends a push message: a signed token beside it, so that the push service knows one sender from another (RFC 8292).

Authorization: vapid t=<header>.<claims>.<signature>, k=<the public key>
"""

import json
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pillarbox.grammar.push.encryption import encode_base64url, public_octets
from pillarbox.model.url import HttpsUrl

LASTS = timedelta(hours=12)
"""Of one token; RFC 8292 §2 allows a day."""
_HEADER = encode_base64url(b'{"typ":"JWT","alg":"ES256"}')


class Sender(msgspec.Struct, frozen=True):
    """Who we are to push services: a key of P-256, and a mailto: or https: URI for people."""

    key: ec.EllipticCurvePrivateKey
    contact: str


def authorization(sender: Sender, url: HttpsUrl, *, now: datetime) -> str:
    """The field's value, for the service that `url` is at."""
    claims = {"aud": f"https://{url.authority}", "exp": int((now + LASTS).timestamp()), "sub": sender.contact}
    signed = f"{_HEADER}.{encode_base64url(json.dumps(claims, separators=(',', ':')).encode())}"
    r, s = decode_dss_signature(sender.key.sign(signed.encode("ascii"), ec.ECDSA(SHA256())))
    signature = encode_base64url(r.to_bytes(32) + s.to_bytes(32))
    return f"vapid t={signed}.{signature}, k={public_key(sender)}"


def public_key(sender: Sender) -> str:
    """What clients subscribe with: applicationServerKey (RFC 9749 §3)."""
    return encode_base64url(public_octets(sender.key))
