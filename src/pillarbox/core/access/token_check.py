"""Whether a text is a token, and whose: for programs that show it by itself, and for those that send it as a password.

What must never happen: that a token is told from no token by anything but its SHA-256, or taken once its time is over.
"""

import hashlib
import re
from datetime import datetime, timedelta

import structlog

from pillarbox.model.account import Credential, CredentialKind, Token
from pillarbox.model.errors import BadCredentials, Unavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.ports import Clock
from pillarbox.store import tokens as rows
from pillarbox.store.base import Database
from pillarbox.store.tokens import FoundToken

SECRET_OCTETS = 32
USE_NOTED_AFTER = timedelta(minutes=5)
"""The last use is written at most so often: a row a request would be the most written of all."""
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")

log = structlog.get_logger("tokens")


class TokenCheck:
    """Looks tokens up."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def find(self, secret: str) -> FoundToken:
        """Whose token this is. Raises: BadCredentials, the same for one that ended and one that never was."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            found = await rows.find_token(tx, token_hash(secret))
        now = self._clock.now()
        if found is None or (found.token.expires is not None and found.token.expires <= now):
            raise BadCredentials("no such token")
        await self._note_use(found, now)
        return found

    async def find_password(self, password: str) -> FoundToken | None:
        """The same of what somebody sent as a password; None when it is none, most often without a look."""
        if _SHAPE.fullmatch(password) is None:
            return None
        try:
            return await self.find(password)
        except BadCredentials:
            return None

    async def _note_use(self, found: FoundToken, now: datetime) -> None:
        """Now and then; who cannot write can still read mail."""
        if found.token.used is not None and now - found.token.used < USE_NOTED_AFTER:
            return
        try:
            async with self._db.write(found.account_id) as tx:
                await rows.note_use(tx, found.account_id, found.token.name, now)
        except Unavailable as problem:
            log.warning("token.use_unnoted", account=found.account_id, status=problem.text)


def token_hash(secret: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def credential_of(token: Token) -> Credential:
    """What belongs to the token belongs to this."""
    return Credential(CredentialKind.TOKEN, token.name, token.expires)


def credential_of_name(name: str) -> Credential:
    """The same by its name."""
    return Credential(CredentialKind.TOKEN, name)
