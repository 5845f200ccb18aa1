"""What is kept of a password, and how one is checked: Argon2id hashes and SCRAM verifiers, never the password.

Argon2id (RFC 9106 §4) costs tens of milliseconds and tens of megabytes, so it runs in a small pool of threads, and
who comes when too many wait is told to come later. Nothing here knows accounts or reads the store.
"""

import asyncio
import base64
import hashlib
import hmac
import stringprep
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pillarbox.model.errors import Invalid, RateLimited
from pillarbox.model.ports import Random
from pillarbox.store.accounts import Secrets

SCRAM_ITERATIONS = 10_000
"""RFC 7677 §4 asks for 4,096 at least."""
WAITING_A_THREAD = 50

Answer = TypeVar("Answer")


class ScramVerifier(msgspec.Struct, frozen=True):
    """What a SCRAM exchange needs of the server's side (RFC 5802 §3)."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def text(self) -> str:
        """`iterations:salt:StoredKey:ServerKey`, base64."""
        octets = (self.salt, self.stored_key, self.server_key)
        return ":".join((str(self.iterations), *(base64.b64encode(one).decode() for one in octets)))

    @classmethod
    def parse(cls, text: str) -> "ScramVerifier":
        """The value of a stored text."""
        iterations, *octets = text.split(":")
        salt, stored_key, server_key = map(base64.b64decode, octets)
        return cls(int(iterations), salt, stored_key, server_key)


def scram_verifier(hash_name: str, password: str, salt: bytes, *, iterations: int = SCRAM_ITERATIONS) -> ScramVerifier:
    """RFC 5802 §3, for "sha1" or "sha256".

    Raises: Invalid when the password cannot be prepared.
    """
    salted = hashlib.pbkdf2_hmac(hash_name, saslprep(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    return ScramVerifier(
        iterations, salt, hashlib.new(hash_name, client_key).digest(), hmac.digest(salted, b"Server Key", hash_name)
    )


_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """A password as it is compared (RFC 4013 §2). Unassigned code points are let through, as in a query.

    Raises: Invalid for what RFC 4013 §2.3 prohibits, and for mixed directions (RFC 3454 §6).
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(letter) else letter for letter in text if not stringprep.in_table_b1(letter)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(table(letter) for letter in prepared for table in _PROHIBITED):
        raise Invalid("the password holds characters that no password may hold")
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise Invalid("the password mixes directions of writing")
    return prepared


class Passwords:
    """Hashes and checks passwords, off the loop. `close` it."""

    def __init__(self, random: Random, *, threads: int, hasher: PasswordHasher | None = None) -> None:
        self._random = random
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="pillarbox-passwords")
        self._most_waiting = threads * WAITING_A_THREAD
        self._waiting = 0
        self._nobodys: str | None = None

    async def secrets(self, password: str) -> Secrets:
        """What is to be stored. Raises: Invalid (empty, or not to be prepared), RateLimited."""
        if not password:
            raise Invalid("the password is empty")
        prepared = saslprep(password)
        salts = self._random.octets(16), self._random.octets(16)

        def make() -> Secrets:
            return Secrets(
                self._hasher.hash(prepared),
                scram_verifier("sha1", prepared, salts[0]).text(),
                scram_verifier("sha256", prepared, salts[1]).text(),
            )

        return await self._run(make)

    async def is_right(self, stored_hash: str | None, password: str) -> bool:
        """Whether the password is that of the hash. Without a hash the answer is no, after the same work.

        Raises: RateLimited when too many wait.
        """
        try:
            prepared = saslprep(password)
        except Invalid:
            prepared = password
        return await self._run(lambda: self._verify(stored_hash, prepared))

    def _verify(self, stored_hash: str | None, password: str) -> bool:
        if stored_hash is None:
            if self._nobodys is None:  # making a hash is as much work as checking one
                self._nobodys = self._hasher.hash(self._random.octets(24).hex())
            else:
                self._compare(self._nobodys, password)
            return False
        return self._compare(stored_hash, password)

    def _compare(self, stored_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= self._most_waiting:
            raise RateLimited("too many people sign in at once; try again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown(wait=True, cancel_futures=True)
