"""How somebody with a browser signs in: a password, then another factor if there is one; or a passkey, which is both.

Failures count for the peer as they do in SMTP and IMAP. What must never happen: an answer, or a time that it takes,
that tells a name which exists from one that does not; a second step for anybody but the browser that made the first.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from pillarbox.core.access.accounts import WRONG, Accounts
from pillarbox.core.access.passkeys import Passkeys
from pillarbox.core.access.pending import Pending
from pillarbox.core.access.second_factors import WRONG_CODE, SecondFactors
from pillarbox.core.access.sessions import Sessions, new_secret
from pillarbox.model.account import Account
from pillarbox.model.errors import BadCredentials, Invalid, NotAllowed
from pillarbox.model.ports import Clock, Random
from pillarbox.model.session import Begun, Browser, Factor, Means, Proof, SignedIn

TRIES = 5
"""Codes for one right password."""
PASSWORD_LETTERS = (8, 1_024)
"""NIST SP 800-63B asks for 8 at least."""


class Wanted(msgspec.Struct, frozen=True):
    """The password was right, and one of these is wanted too; the browser keeps the secret for that."""

    secret: str
    choice: tuple[Factor, ...]


class _Half(msgspec.Struct):
    """A right password that waits for a code."""

    proof: Proof
    tries_left: int = TRIES


class SignIn:
    """For all accounts."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        factors: SecondFactors,
        passkeys: Passkeys,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._factors = factors
        self._passkeys = passkeys
        self._random = random
        self._halves: Pending[_Half] = Pending(clock)

    async def password(self, login: str, password: str, browser: Browser) -> Begun | Wanted:
        """The first step, which is the only one where there is no other factor. Raises: BadCredentials, RateLimited."""
        if "\0" in login:
            raise BadCredentials(WRONG)
        proof = await self._accounts.check_password(login, password, peer=browser.peer)
        factors = await self._factors.of(proof.account)
        if not factors.are_wanted:
            return await self._sessions.begin(proof, browser)
        secret = new_secret(self._random)
        self._halves.put(secret, _Half(proof), peer=browser.peer)
        return Wanted(secret, factors.choice)

    async def code(self, secret: str, code: str, browser: Browser) -> Begun:
        """The second step, with the code that a clock shows. Raises: BadCredentials, RateLimited."""
        return await self._second(secret, code, browser, self._factors.check_code, Means.PASSWORD_AND_CODE)

    async def recovery_code(self, secret: str, code: str, browser: Browser) -> Begun:
        """The second step, with a code of those on paper. Raises: BadCredentials, RateLimited."""
        check = self._factors.check_recovery_code
        return await self._second(secret, code, browser, check, Means.PASSWORD_AND_RECOVERY_CODE)

    async def _second(
        self, secret: str, code: str, browser: Browser, check: Callable[[Account, str], Awaitable[None]], means: Means
    ) -> Begun:
        self._accounts.check_peer(browser.peer)
        half = self._halves.look(secret)
        if half is None or half.tries_left == 0:
            raise BadCredentials("please begin with the password")
        half.tries_left -= 1
        try:
            await check(half.proof.account, code)
        except BadCredentials:
            self._accounts.report_failure(browser.peer)
            raise
        if self._halves.take(secret) is None:
            raise BadCredentials(WRONG_CODE)
        return await self._sessions.begin(msgspec.structs.replace(half.proof, means=means), browser)

    async def passkey(self, secret: str, credential: Mapping[str, Any], browser: Browser) -> Begun:
        """The only step. Raises: BadCredentials, RateLimited."""
        self._accounts.check_peer(browser.peer)
        try:
            proof = await self._passkeys.check(secret, credential)
        except BadCredentials:
            self._accounts.report_failure(browser.peer)
            raise
        return await self._sessions.begin(proof, browser)

    async def change_password(self, signed: SignedIn, current: str, new: str, *, peer: str) -> Begun:
        """A new password; all other sessions end, and this one has a new secret.

        Raises: SignInTooOld, Invalid, NotAllowed (the current one is wrong), RateLimited.
        """
        self._sessions.require_recent(signed.session)
        if not PASSWORD_LETTERS[0] <= len(new) <= PASSWORD_LETTERS[1]:
            raise Invalid("a password has {} letters at least, and {} at most".format(*PASSWORD_LETTERS))
        address = signed.account.address
        try:
            await self._accounts.check_password(str(address), current, peer=peer)
        except BadCredentials:
            raise NotAllowed("the current password is wrong") from None
        await self._accounts.set_password(address, new, kept=signed.session.id)
        return await self._sessions.renew(signed)
