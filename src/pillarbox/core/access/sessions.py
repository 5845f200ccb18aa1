"""Sessions of browsers: begun with proof of who one is, shown by a cookie, ended by their owner or by time.

A session's secret is 256 random bits, always made here, and kept as SHA-256: what a browser brings along is looked up
and never taken over, so nobody can be made to use an id that another knows. It is made anew whenever its owner shows
again who they are, or changes with what. What must never happen: a session that outlasts the password, the passkey or
the account that it was begun with; that is why the proof is looked at once more in the transaction that begins it.
"""

import base64
import hashlib
from datetime import datetime, timedelta

import msgspec
import structlog

from pillarbox.core.access.credentials import Credentials
from pillarbox.model.account import Account, Credential, CredentialKind
from pillarbox.model.errors import BadCredentials, NotAllowed, NotFound, Unavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.model.session import Begun, Browser, Means, Proof, Session, SignedIn
from pillarbox.store import second_factors as factor_rows
from pillarbox.store import sessions as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

SECRET_OCTETS = 32
ID_OCTETS = 8
AGENT_LETTERS = 200
USE_NOTED_AFTER = timedelta(minutes=5)
ENDED = "the session has ended; please sign in"
CHANGED = "something has changed meanwhile; please sign in again"

log = structlog.get_logger("sessions")


class SignInTooOld(NotAllowed):
    """What one signs in with is changed by those only who have just shown who they are."""


class Sessions:
    """The sessions of all accounts."""

    def __init__(self, db: Database, *, limits: Limits, clock: Clock, random: Random, credentials: Credentials) -> None:
        self._db = db
        self._clock = clock
        self._random = random
        self._credentials = credentials
        self._limits = limits
        self._longest = timedelta(seconds=limits.session_seconds)
        self._idle = timedelta(seconds=limits.session_idle_seconds)
        self._recent = timedelta(seconds=limits.recent_sign_in_seconds)
        self._noted_after = min(USE_NOTED_AFTER, self._idle / 4)

    async def begin(self, proof: Proof, browser: Browser) -> Begun:
        """A new session, if what was shown still holds; beyond the limit the longest unused ends.

        Raises: BadCredentials.
        """
        now = self._clock.now()
        account, secret = proof.account, new_secret(self._random)
        session = Session(
            id=self._random.octets(ID_OCTETS).hex(),
            means=proof.means,
            created=now,
            proved=now,
            used=now,
            expires=now + min(self._idle, self._longest),
            ends=now + self._longest,
            agent=_visible(browser.agent),
            peer=_host(browser.peer),
        )
        async with self._db.write(account.id) as tx:
            await _check(tx, proof)
            await rows.insert_session(tx, account.id, session, secret_hash(secret))
            for id in await rows.delete_oldest_sessions(tx, account.id, self._limits.sessions, session.id):
                await self._credentials.end(tx, account.id, credential_of_id(id).key)
        return Begun(account, session, secret)

    async def sign_in(self, secret: str) -> SignedIn:
        """Whose session this is. Raises: BadCredentials, the same for one that ended and one that never was."""
        now = self._clock.now()
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            found = await rows.find_session(tx, secret_hash(secret), micros(now))
        if found is None:
            raise BadCredentials(ENDED)
        await self._note_use(found, now)
        account = found.account
        if not account.quota_octets and self._limits.account_octets:
            account = msgspec.structs.replace(account, quota_octets=self._limits.account_octets)
        return SignedIn(account, found.session)

    async def _note_use(self, found: SignedIn, now: datetime) -> None:
        """Now and then; who cannot write can still read mail."""
        session = found.session
        if now - session.used < self._noted_after:
            return
        used = msgspec.structs.replace(session, used=now, expires=min(now + self._idle, session.ends))
        try:
            async with self._db.write(found.account.id) as tx:
                await rows.note_use(tx, found.account.id, used)
        except Unavailable as problem:
            log.warning("session.use_unnoted", account=found.account.id, status=problem.text)

    async def list(self, account: Account) -> list[Session]:
        """All that are good, the oldest first."""
        async with self._db.read(account.id) as tx:
            return await rows.list_sessions(tx, account.id, micros(self._clock.now()))

    async def end(self, account: Account, id: str) -> None:
        """End one. Raises: NotFound, also when it is somebody else's."""
        async with self._db.write(account.id) as tx:
            if not await rows.delete_session(tx, account.id, id):
                raise NotFound("no such session")
            await self._credentials.end(tx, account.id, credential_of_id(id).key)

    async def end_others(self, account: Account, kept: Session) -> None:
        """End all but one."""
        async with self._db.write(account.id) as tx:
            await self._credentials.end_sessions(tx, account.id, kept=kept.id)

    def require_recent(self, session: Session) -> None:
        """Raises: SignInTooOld when its owner should show again who they are."""
        if self._clock.now() - session.proved > self._recent:
            raise SignInTooOld("this needs a sign-in of the last minutes; please sign in again")

    async def renew(self, signed: SignedIn) -> Begun:
        """The same session with a new secret. Raises: BadCredentials when it has ended meanwhile."""
        async with self._db.write(signed.account.id) as tx:
            return await self.renew_in(tx, signed)

    async def renew_in(self, tx: Transaction, signed: SignedIn) -> Begun:
        """The same in a transaction that changes what the account signs in with; every other session ends."""
        secret = new_secret(self._random)
        if not await rows.rotate_session(tx, signed.account.id, signed.session.id, secret_hash(secret)):
            raise BadCredentials(ENDED)
        await self._credentials.end_sessions(tx, signed.account.id, kept=signed.session.id)
        return Begun(signed.account, signed.session, secret)

    async def require_in(self, tx: Transaction, signed: SignedIn) -> None:
        """Raises: BadCredentials when the session has ended meanwhile."""
        if not await rows.has_session(tx, signed.account.id, signed.session.id):
            raise BadCredentials(ENDED)

    async def forget_expired(self, most: int) -> int:
        """Delete some whose time is over, with what belongs to them; how many."""
        now = micros(self._clock.now())
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            if not await rows.has_expired_sessions(tx, now):
                return 0
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            gone = await rows.delete_expired_sessions(tx, now, most)
            for account_id, id in gone:
                await self._credentials.end(tx, account_id, credential_of_id(id).key)
        return len(gone)


async def _check(tx: Transaction, proof: Proof) -> None:
    """Whether what was shown is still right. Raises: BadCredentials."""
    account_id = proof.account.id
    found = await rows.password_hash(tx, account_id)
    if found is None:
        raise BadCredentials(CHANGED)
    password_hash, two_steps = found
    if proof.means is Means.PASSKEY:
        holds = await _has_passkey(tx, account_id, proof.passkey)
    else:
        is_enough = proof.means is not Means.PASSWORD or not two_steps
        holds = is_enough and password_hash is not None and password_hash == proof.password_hash
    if not holds:
        raise BadCredentials(CHANGED)


async def _has_passkey(tx: Transaction, account_id: AccountId, credential: bytes | None) -> bool:
    found = None if credential is None else await factor_rows.find_passkey(tx, credential)
    return found is not None and found[0] == account_id


def credential_of(session: Session) -> Credential:
    """What belongs to the session belongs to this."""
    return credential_of_id(session.id, session.ends)


def credential_of_id(id: str, expires: datetime | None = None) -> Credential:
    """The same by its id."""
    return Credential(CredentialKind.SESSION, id, expires)


def new_secret(random: Random) -> str:
    """256 bits."""
    return base64.urlsafe_b64encode(random.octets(SECRET_OCTETS)).rstrip(b"=").decode()


def secret_hash(secret: str) -> bytes:
    """What is kept of one."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _visible(text: str) -> str:
    return "".join(letter for letter in text[:AGENT_LETTERS] if letter.isprintable())


def _host(peer: str) -> str:
    """ "192.0.2.1" of "192.0.2.1:5000", "2001:db8::1" of "[2001:db8::1]:5000"."""
    host, colon, _ = peer.rpartition(":")
    return host.removeprefix("[").removesuffix("]") if colon else peer
