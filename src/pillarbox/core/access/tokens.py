"""Tokens: what a program signs in with in place of a password, made for one program, ended by itself.

A token is 256 random bits and is shown once, when it is made; kept is its SHA-256, which is enough: nobody guesses such
a number, so there is nothing to slow down (that is what Argon2id is for). It opens all that its account may do, and is
good in place of the password where a program sends one (`core.access.accounts`): people know it as an app password. A
change of the password leaves tokens as they are: each is a credential of its own. The end of a token is durable before
it is said, and the next request that shows it is refused; what waits for changes over HTTP with it ends too.
"""

import base64
from datetime import timedelta

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.access.credentials import Credentials
from pillarbox.core.access.token_check import SECRET_OCTETS, TokenCheck, credential_of, credential_of_name, token_hash
from pillarbox.model.account import Account, Credential, Token
from pillarbox.model.address import Address
from pillarbox.model.errors import AlreadyExists, BadCredentials, Invalid, NotFound, TooMany
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.store import tokens as rows
from pillarbox.store.base import Database

NAME_LETTERS = 100


class Tokens:
    """The tokens of all accounts."""

    def __init__(
        self,
        db: Database,
        accounts: Accounts,
        *,
        limits: Limits,
        clock: Clock,
        random: Random,
        credentials: Credentials,
    ) -> None:
        self._db = db
        self._limits = limits
        self._accounts = accounts
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._check = TokenCheck(db, clock=clock)

    async def add(self, address: Address, name: str, *, lasts: timedelta | None = None) -> str:
        """A new token of an account; the answer is the only place where it stands. It ends by itself after `lasts`.

        Raises: NotFound, AlreadyExists (its name), Invalid, TooMany.
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
            if len(await rows.list_tokens(tx, account.id)) >= self._limits.tokens:
                raise TooMany(f"{address} has as many tokens as an account may have")
            if not await rows.insert_token(tx, account.id, Token(name, now, expires), token_hash(secret)):
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
            await self._credentials.end(tx, account.id, credential_of_name(name).key)

    async def sign_in(self, secret: str) -> Account:
        """Whose token this is. Raises: BadCredentials, the same for one that ended and one that never was."""
        return (await self.identify(secret))[0]

    async def identify(self, secret: str) -> tuple[Account, Credential]:
        """Whose token this is, and which. Raises: BadCredentials, as `sign_in`."""
        found = await self._check.find(secret)
        try:
            account = await self._accounts.get(found.account_id)
        except NotFound:
            raise BadCredentials("no such token") from None
        return account, credential_of(found.token)
