"""An authenticator in software, which makes passkeys and signs with them as one in hardware does (WebAuthn §6.1, §6.5)."""

import base64
import hashlib
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """Has one passkey at most. What it says can be bent, by the names of what a browser or an attacker might change."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.id = os.urandom(32)
        self.count = 0
        self.handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict, **bent: object) -> dict:
        """What `navigator.credentials.create` gives."""
        self.handle = octets(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        said = (
            self._authenticator_data(str(bent.get("rp", options["rp"]["id"])), int(bent.get("flags", 0x45))) + attested
        )
        made = {"fmt": bent.get("fmt", "none"), "attStmt": bent.get("statement", {}), "authData": said}
        client = self._client_data("webauthn.create", options["challenge"], bent)
        return self._credential({"clientDataJSON": text(client), "attestationObject": text(encode_cbor(made))})

    def get(self, options: dict, **bent: object) -> dict:
        """What `navigator.credentials.get` gives."""
        self.count += int(bent.get("steps", 1))
        said = self._authenticator_data(str(bent.get("rp", options["rpId"])), int(bent.get("flags", 0x05)))
        client = self._client_data("webauthn.get", options["challenge"], bent)
        signature = self._key.sign(said + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": text(client),
                "authenticatorData": text(said),
                "signature": text(bytes(bent.get("signature", signature))),
                "userHandle": text(bytes(bent.get("handle", self.handle))),
            }
        )

    def _credential(self, response: dict) -> dict:
        return {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }

    def _authenticator_data(self, name: str, flags: int) -> bytes:
        return hashlib.sha256(name.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client_data(self, kind: str, challenge: str, bent: dict) -> bytes:
        return json.dumps(
            {
                "type": bent.get("type", kind),
                "challenge": bent.get("challenge", challenge),
                "origin": bent.get("origin", self.origin),
                "crossOrigin": False,
            }
        ).encode()
