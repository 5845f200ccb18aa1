"""SCRAM verifiers (RFC 5802 §3): what a server keeps so that it can check a login without knowing the password.

SaltedPassword := Hi(Normalize(password), salt, i)
ClientKey      := HMAC(SaltedPassword, "Client Key")
StoredKey      := H(ClientKey)
ServerKey      := HMAC(SaltedPassword, "Server Key")
"""

import base64
import hashlib
import hmac
import stringprep
import unicodedata

import msgspec

from pillarbox.model.errors import SyntaxProblem

ITERATIONS = {"sha1": 10_000, "sha256": 10_000}
"""RFC 7677 §4 asks for 4096 at least; twice that, and more, costs 5 ms when a password is set."""


class Verifier(msgspec.Struct, frozen=True):
    """`hash_name` is "sha1" (SCRAM-SHA-1) or "sha256" (SCRAM-SHA-256, RFC 7677 §3)."""

    hash_name: str
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes


def normalise(password: str) -> bytes:
    """SASLprep where it matters (RFC 4013 §2.1, §2.2): spaces made plain, what is mapped to nothing gone, NFKC.

    Nothing is prohibited, and unassigned code points are let pass: it is the owner's password.
    """
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    return unicodedata.normalize("NFKC", mapped).encode("utf-8")


def make_verifier(password: str, hash_name: str, salt: bytes) -> Verifier:
    """The verifier of a password; takes some milliseconds of CPU."""
    iterations = ITERATIONS[hash_name]
    salted = hashlib.pbkdf2_hmac(hash_name, normalise(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored_key = hashlib.new(hash_name, client_key).digest()
    return Verifier(hash_name, iterations, salt, stored_key, hmac.digest(salted, b"Server Key", hash_name))


def format_verifier(verifier: Verifier) -> str:
    """`iterations:salt:StoredKey:ServerKey`, the last three in base64."""
    octets = (verifier.salt, verifier.stored_key, verifier.server_key)
    return ":".join([str(verifier.iterations), *(base64.b64encode(o).decode() for o in octets)])


def parse_verifier(text: str, hash_name: str) -> Verifier:
    """What `format_verifier` wrote. Raises: SyntaxProblem."""
    pieces = text.split(":")
    if len(pieces) != 4 or not pieces[0].isdecimal():
        raise SyntaxProblem("iterations:salt:StoredKey:ServerKey")
    try:
        iterations = int(pieces[0])
        salt, stored_key, server_key = (base64.b64decode(piece, validate=True) for piece in pieces[1:])
    except ValueError:  # binascii.Error is one
        raise SyntaxProblem("a number and base64") from None
    return Verifier(hash_name, iterations, salt, stored_key, server_key)
