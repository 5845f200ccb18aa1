"""Tokens: what a program signs in with in place of a password, made for one program, ended by itself.

A token is 256 random bits and is shown once, when it is made; kept is its SHA-256, which is enough: nobody guesses such
a number, so there is nothing to slow down (that is what Argon2id is for). It opens all that its account may do. A
change of the password leaves tokens as they are: each is a credential of its own. The end of a token is durable before
it is said, and the next request that shows it is refused; what is open stays open, as with passwords.
"""

import base64
import hashlib
from datetime import datetime, timedelta

import structlog

from pillarbox.core.accounts import Accounts
from pillarbox.model.account import Account, Token
from pillarbox.model.address import Address
from pillarbox.model.errors import AlreadyExists, BadCredentials, Invalid, NotFound, Unavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.ports import Clock, Random
from pillarbox.store import tokens as rows
from pillarbox.store.base import Database
from pillarbox.store.tokens import FoundToken

SECRET_OCTETS = 32
NAME_LETTERS = 100
USE_NOTED_AFTER = timedelta(minutes=5)
"""The last use is written at most so often: a row a request would be the most written of all."""

log = structlog.get_logger("tokens")


class Tokens:
    """The tokens of all accounts."""

    def __init__(self, db: Database, accounts: Accounts, *, clock: Clock, random: Random) -> None:
        self._db = db
        self._accounts = accounts
        self._clock = clock
        self._random = random

    async def add(self, address: Address, name: str, *, lasts: timedelta | None = None) -> str:
        """A new token of an account; the answer is the only place where it stands. It ends by itself after `lasts`.

        Raises: NotFound, AlreadyExists (its name), Invalid.
        """
        if not name.strip() or len(name) > NAME_LETTERS or not name.isprintable():
            raise Invalid(f"a token's name is 1 to {NAME_LETTERS} letters that can be seen")
        account = await self._accounts.find(address)
        now = self._clock.now()
        try:
            expires = None if lasts is None else now + lasts
        except OverflowError:
            raise Invalid("no calendar goes that far") from None
        secret = base64.urlsafe_b64encode(self._random.octets(SECRET_OCTETS)).rstrip(b"=").decode()
        async with self._db.write(account.id) as tx:
            if not await rows.insert_token(tx, account.id, Token(name, now, expires), _hash(secret)):
                raise AlreadyExists(f"{address} has a token named {name} already")
        return secret

    async def list(self, address: Address) -> list[Token]:
        """All of an account, the oldest first; those too that have ended by themselves. Raises: NotFound."""
        account = await self._accounts.find(address)
        async with self._db.read(account.id) as tx:
            return await rows.list_tokens(tx, account.id)

    async def remove(self, address: Address, name: str) -> None:
        """End a token. Raises: NotFound."""
        account = await self._accounts.find(address)
        async with self._db.write(account.id) as tx:
            if not await rows.delete_token(tx, account.id, name):
                raise NotFound(f"{address} has no token named {name}")

    async def sign_in(self, secret: str) -> Account:
        """Whose token this is. Raises: BadCredentials, the same for one that ended and one that never was."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            found = await rows.find_token(tx, _hash(secret))
        now = self._clock.now()
        if found is None or (found.token.expires is not None and found.token.expires <= now):
            raise BadCredentials("no such token")
        await self._note_use(found, now)
        try:
            return await self._accounts.get(found.account_id)
        except NotFound:
            raise BadCredentials("no such token") from None

    async def _note_use(self, found: FoundToken, now: datetime) -> None:
        """Now and then; who cannot write can still read mail."""
        if found.token.used is not None and now - found.token.used < USE_NOTED_AFTER:
            return
        try:
            async with self._db.write(found.account_id) as tx:
                await rows.note_use(tx, found.account_id, found.token.name, now)
        except Unavailable as problem:
            log.warning("token.use_unnoted", account=found.account_id, status=problem.text)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
