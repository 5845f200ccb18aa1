"""What an account has beside its password: codes by time, codes for when all else is lost, passkeys (`core.access.passkeys`).

As soon as there is one, the password alone opens nothing, in no protocol: programs use tokens. A code is taken once: the
step of the last one is kept, and no code of that step or an older one is good again (RFC 6238 §5.2). Six digits can be
guessed, so failures are counted by account too, beside the peer's (RFC 4226 §7.3): whoever is counted there has the
password already, so nobody else can shut an owner out.

Every change of factors ends all other sessions of the account, and what the password opened; and it gives the session
that made it a new secret.
"""

import base64
import hashlib
from typing import NoReturn

import msgspec
import pyotp

from pillarbox.core.access.credentials import Credentials
from pillarbox.core.access.sessions import Sessions
from pillarbox.core.access.throttle import Throttle
from pillarbox.model.account import PASSWORD, Account
from pillarbox.model.errors import AlreadyExists, BadCredentials, Invalid, NotFound, RateLimited
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.model.session import Begun, Factors, SignedIn
from pillarbox.store import second_factors as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

TOTP_SECRET_OCTETS = 20
"""As long as HMAC-SHA-1's (RFC 4226 §4)."""
STEP_SECONDS = 30
STEPS_BESIDE = 1
"""How far a clock may be off, either way (RFC 6238 §5.2)."""
CONFIRM_SECONDS = 900
RECOVERY_CODES = 10
RECOVERY_OCTETS = 10
"""80 bits: so many that a fast hash hides them."""
WRONG_CODE = "wrong code"


class NewTotp(msgspec.Struct, frozen=True):
    """A secret for somebody's clock: base32, and as a URI for a QR code. It counts once a code has confirmed it."""

    secret: str
    uri: str


class Changed(msgspec.Struct, frozen=True):
    """After a change of factors: the session with its new secret, and recovery codes, shown this once, if new ones were
    made."""

    begun: Begun
    recovery_codes: tuple[str, ...] = ()


class SecondFactors:
    """Of all accounts."""

    def __init__(
        self,
        db: Database,
        sessions: Sessions,
        *,
        limits: Limits,
        clock: Clock,
        random: Random,
        credentials: Credentials,
        issuer: str,
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._clock = clock
        self._random = random
        self._credentials = credentials
        self._issuer = issuer
        self._throttle = Throttle(clock, failures=limits.login_failures, window_seconds=limits.login_window_seconds)

    async def of(self, account: Account) -> Factors:
        """What there is."""
        async with self._db.read(account.id) as tx:
            return await rows.factors(tx, account.id)

    async def forget_all(self, account: Account) -> None:
        """Leave the password alone, for somebody who has lost everything else: an operator's decision. Sessions end."""
        async with self._db.write(account.id) as tx:
            await rows.forget_factors(tx, account.id)
            await self._credentials.end_sessions(tx, account.id)

    async def note_change(self, tx: Transaction, signed: SignedIn) -> Changed:
        """After any change of factors, in its transaction. Raises: BadCredentials when the session has ended."""
        account_id = signed.account.id
        found = await rows.note_factors(tx, account_id)
        codes: tuple[str, ...] = ()
        if not found.are_wanted:
            await rows.replace_recovery_codes(tx, account_id, ())
        else:
            await self._credentials.end(tx, account_id, PASSWORD.key)
            if not found.recovery_codes:
                codes = await self._make_codes(tx, account_id)
        return Changed(await self._sessions.renew_in(tx, signed), codes)

    # codes by time

    async def begin_totp(self, signed: SignedIn) -> NewTotp:
        """A secret, in place of one that was never confirmed. Raises: SignInTooOld, AlreadyExists, BadCredentials."""
        self._sessions.require_recent(signed.session)
        secret = self._random.octets(TOTP_SECRET_OCTETS)
        async with self._db.write(signed.account.id) as tx:
            await self._sessions.require_in(tx, signed)
            if not await rows.begin_totp(tx, signed.account.id, secret, micros(self._clock.now())):
                raise AlreadyExists("there is a clock already; remove it first")
        clock = _totp(secret)
        return NewTotp(clock.secret, clock.provisioning_uri(name=str(signed.account.address), issuer_name=self._issuer))

    async def confirm_totp(self, signed: SignedIn, code: str) -> Changed:
        """From now on codes are asked for. Raises: SignInTooOld, NotFound, AlreadyExists, Invalid, BadCredentials."""
        self._sessions.require_recent(signed.session)
        account_id, now = signed.account.id, micros(self._clock.now())
        async with self._db.write(account_id) as tx:
            found = await rows.find_totp(tx, account_id)
            if found is not None and found.is_confirmed:
                raise AlreadyExists("the clock is confirmed already")
            if found is None or now - found.begun > CONFIRM_SECONDS * 1_000_000:
                raise NotFound("no clock waits to be confirmed; begin again")
            step = self._step(found, code)
            if step is None:
                raise Invalid(WRONG_CODE)
            await rows.confirm_totp(tx, account_id, now)
            await rows.take_step(tx, account_id, step)
            return await self.note_change(tx, signed)

    async def remove_totp(self, signed: SignedIn) -> Changed:
        """No more codes by time. Raises: SignInTooOld, NotFound, BadCredentials."""
        self._sessions.require_recent(signed.session)
        async with self._db.write(signed.account.id) as tx:
            if not await rows.delete_totp(tx, signed.account.id):
                raise NotFound("there is no clock")
            return await self.note_change(tx, signed)

    async def check_code(self, account: Account, code: str) -> None:
        """Take a code, once. Raises: BadCredentials, RateLimited."""
        async with self._db.write(account.id) as tx:
            self._check_throttle(account.id)
            found = await rows.find_totp(tx, account.id)
            step = self._step(found, code) if found is not None and found.is_confirmed else None
            if step is None:
                self._fail(account.id)
            await rows.take_step(tx, account.id, step)

    def _step(self, found: rows.TotpRow, code: str) -> int | None:
        """Of which step newer than the last one this is the code. All are compared, so that time tells nothing."""
        clock, now = _totp(found.secret), int(self._clock.now().timestamp()) // STEP_SECONDS
        matching = None
        for step in range(now - STEPS_BESIDE, now + STEPS_BESIDE + 1):
            is_right = pyotp.utils.strings_equal(clock.generate_otp(step), code)
            if is_right and step > found.last_step:
                matching = step
        return matching

    # codes for when all else is lost

    async def renew_recovery_codes(self, signed: SignedIn) -> tuple[str, ...]:
        """New ones; the old ones are good no longer.

        Raises: SignInTooOld, Invalid (no factor is there), BadCredentials (the session has ended).
        """
        self._sessions.require_recent(signed.session)
        async with self._db.write(signed.account.id) as tx:
            await self._sessions.require_in(tx, signed)
            if not (await rows.factors(tx, signed.account.id)).are_wanted:
                raise Invalid("recovery codes stand in for another factor, and there is none")
            return await self._make_codes(tx, signed.account.id)

    async def check_recovery_code(self, account: Account, code: str) -> None:
        """Use one up. Raises: BadCredentials, RateLimited."""
        async with self._db.write(account.id) as tx:
            self._check_throttle(account.id)
            if not await rows.take_recovery_code(tx, account.id, _recovery_hash(code)):
                self._fail(account.id)

    async def _make_codes(self, tx: Transaction, account_id: AccountId) -> tuple[str, ...]:
        codes = tuple(_recovery_code(self._random.octets(RECOVERY_OCTETS)) for _ in range(RECOVERY_CODES))
        await rows.replace_recovery_codes(tx, account_id, map(_recovery_hash, codes))
        return codes

    # who guesses: asked and told within the transaction, which others wait for, so that many at once are counted too

    def _check_throttle(self, account_id: AccountId) -> None:
        try:
            self._throttle.check(f"account {account_id}")
        except RateLimited:
            raise RateLimited("too many wrong codes; try again later") from None

    def _fail(self, account_id: AccountId) -> NoReturn:
        self._throttle.fail(f"account {account_id}")
        raise BadCredentials(WRONG_CODE)


def _totp(secret: bytes) -> pyotp.TOTP:
    """RFC 6238 §4 as every telephone has it: SHA-1, six digits, 30 seconds."""
    return pyotp.TOTP(base64.b32encode(secret).decode(), interval=STEP_SECONDS)


def _recovery_code(octets: bytes) -> str:
    """ "abcd-efgh-ijkl-mnop"."""
    text = base64.b32encode(octets).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_hash(code: str) -> bytes:
    """Blanks, hyphens and case are not part of it."""
    text = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
