"""Passkeys: an authenticator signs a challenge, for this server's name alone, after it has recognised its owner.

That is two factors in one and cannot be relayed by a false page, so it is enough by itself. The authenticator knows the
account: no name is asked for, and nothing tells which accounts have passkeys. A challenge is 256 random bits, good for
minutes, for the browser that asked for it, and once. Of attestations nothing is asked.

Standards: Web Authentication Level 3 §7.1 (registration), §7.2 (authentication), §14.6.1 (user handles).
"""

import struct
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from pillarbox.core.access.pending import Pending
from pillarbox.core.access.second_factors import Changed, SecondFactors
from pillarbox.core.access.sessions import Sessions, new_secret
from pillarbox.model.account import Account
from pillarbox.model.errors import AlreadyExists, BadCredentials, Invalid, NotFound, TooMany
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.model.session import Means, Passkey, Proof, SignedIn
from pillarbox.store import accounts as account_rows
from pillarbox.store import second_factors as rows
from pillarbox.store.base import Database
from pillarbox.store.moment import micros

CHALLENGE_OCTETS = 32
HANDLE_OCTETS = 32
CREDENTIAL_OCTETS = 1_023
NAME_LETTERS = 100
WRONG_PASSKEY = "this passkey is not known here"
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)
"""What the library lets through for octets that are none of a passkey's, beside its own errors."""

log = structlog.get_logger("passkeys")


class Place(msgspec.Struct, frozen=True):
    """Where the browser is: the name that passkeys are made for, and the origin of the page."""

    name: str
    origin: str


class Challenge(msgspec.Struct, frozen=True):
    """What was asked, of whom; `handle` of those who register."""

    octets: bytes
    place: Place
    handle: bytes = b""


class Passkeys:
    """Of all accounts."""

    def __init__(
        self,
        db: Database,
        factors: SecondFactors,
        sessions: Sessions,
        *,
        limits: Limits,
        clock: Clock,
        random: Random,
    ) -> None:
        self._db = db
        self._factors = factors
        self._sessions = sessions
        self._limits = limits
        self._clock = clock
        self._random = random
        self._asked: Pending[Challenge] = Pending(clock)
        self._registering: Pending[Challenge] = Pending(clock)

    async def list(self, account: Account) -> list[Passkey]:
        """All of an account, the oldest first."""
        async with self._db.read(account.id) as tx:
            return await rows.list_passkeys(tx, account.id)

    async def remove(self, signed: SignedIn, credential: bytes) -> Changed:
        """No longer good. Raises: SignInTooOld, NotFound, BadCredentials."""
        self._sessions.require_recent(signed.session)
        async with self._db.write(signed.account.id) as tx:
            if not await rows.delete_passkey(tx, signed.account.id, credential):
                raise NotFound("no such passkey")
            return await self._factors.note_change(tx, signed)

    # a new one

    async def begin_registration(self, signed: SignedIn, place: Place, *, peer: str) -> dict[str, Any]:
        """What the browser hands to its authenticator. Raises: SignInTooOld, TooMany."""
        from webauthn import generate_registration_options
        from webauthn.helpers import options_to_json_dict, structs

        self._sessions.require_recent(signed.session)
        there = await self.list(signed.account)
        if len(there) >= self._limits.passkeys:
            raise TooMany("there are as many passkeys as an account may have")
        handle = there[0].handle if there else self._random.octets(HANDLE_OCTETS)
        challenge = Challenge(self._random.octets(CHALLENGE_OCTETS), place, handle)
        self._registering.put(_key(signed), challenge, peer=peer)
        options = generate_registration_options(
            rp_id=place.name,
            rp_name=place.name,
            user_name=str(signed.account.address),
            user_id=handle,
            challenge=challenge.octets,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential) for one in there],
        )
        return options_to_json_dict(options)

    async def register(self, signed: SignedIn, name: str, credential: Mapping[str, Any]) -> Changed:
        """Take what the authenticator made. Raises: SignInTooOld, Invalid, AlreadyExists, TooMany, BadCredentials."""
        self._sessions.require_recent(signed.session)
        if not name.strip() or len(name) > NAME_LETTERS or not name.isprintable():
            raise Invalid(f"a passkey's name is 1 to {NAME_LETTERS} letters that can be seen")
        challenge = self._registering.take(_key(signed))
        if challenge is None:
            raise Invalid("no passkey is being made; begin again")
        passkey = self._made(challenge, name, credential)
        async with self._db.write(signed.account.id) as tx:
            if len(await rows.list_passkeys(tx, signed.account.id)) >= self._limits.passkeys:
                raise TooMany("there are as many passkeys as an account may have")
            if not await rows.insert_passkey(tx, signed.account.id, passkey):
                raise AlreadyExists("this passkey is registered already")
            return await self._factors.note_change(tx, signed)

    def _made(self, challenge: Challenge, name: str, credential: Mapping[str, Any]) -> Passkey:
        """Raises: Invalid."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge.octets,
                expected_rp_id=challenge.place.name,
                expected_origin=challenge.place.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, *UNREADABLE) as problem:
            log.info("passkey.refused", status=type(problem).__name__)
            raise Invalid("the authenticator's answer cannot be taken") from None
        if len(made.credential_id) > CREDENTIAL_OCTETS:
            raise Invalid("the authenticator's answer cannot be taken")
        return Passkey(
            credential=made.credential_id,
            handle=challenge.handle,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name,
            created=self._clock.now(),
        )

    # signing in

    def begin_sign_in(self, place: Place, *, peer: str) -> tuple[str, dict[str, Any]]:
        """A secret for the browser that asks, and what it hands to its authenticator: the same for everybody."""
        from webauthn import generate_authentication_options
        from webauthn.helpers import options_to_json_dict, structs

        challenge = Challenge(self._random.octets(CHALLENGE_OCTETS), place)
        secret = new_secret(self._random)
        self._asked.put(secret, challenge, peer=peer)
        options = generate_authentication_options(
            rp_id=place.name,
            challenge=challenge.octets,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return secret, options_to_json_dict(options)

    async def check(self, secret: str, credential: Mapping[str, Any]) -> Proof:
        """Who has signed. The challenge is used up, whatever comes of it. Raises: BadCredentials."""
        challenge = self._asked.take(secret)
        id, handle = _octets(credential.get("id")), _handle(credential)
        if challenge is None or id is None:
            raise BadCredentials(WRONG_PASSKEY)
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            found = await rows.find_passkey(tx, id)
            account = None if found is None else await account_rows.find_by_id(tx, found[0])
        if found is None or account is None or handle != found[1].handle:
            raise BadCredentials(WRONG_PASSKEY)
        sign_count = self._signed(challenge, found[1], credential)
        async with self._db.write(account.id) as tx:
            again = await rows.find_passkey(tx, id)
            if again is None or again[1].sign_count != found[1].sign_count:
                raise BadCredentials(WRONG_PASSKEY)  # somebody else used it, or removed it, at the same time
            await rows.note_passkey_use(tx, account.id, id, sign_count=sign_count, now=micros(self._clock.now()))
        return Proof(account, Means.PASSKEY, passkey=id)

    def _signed(self, challenge: Challenge, passkey: Passkey, credential: Mapping[str, Any]) -> int:
        """How often it says it has signed. Raises: BadCredentials."""
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            found = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge.octets,
                expected_rp_id=challenge.place.name,
                expected_origin=challenge.place.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, *UNREADABLE) as problem:
            log.info("passkey.refused", status=type(problem).__name__)
            raise BadCredentials(WRONG_PASSKEY) from None
        return found.new_sign_count


def _key(signed: SignedIn) -> str:
    return f"{signed.account.id} {signed.session.id}"


def _handle(credential: Mapping[str, Any]) -> bytes | None:
    """Who the authenticator says its owner is; one that keeps passkeys always does (§7.2, step 6)."""
    response = credential.get("response")
    return _octets(response.get("userHandle")) if isinstance(response, dict) else None


def _octets(text: object) -> bytes | None:
    """Of base64url without padding."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(text) if isinstance(text, str) else None
    except ValueError:
        return None
