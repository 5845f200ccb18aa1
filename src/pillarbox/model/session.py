"""Sessions of browsers, and what one shows to get one."""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.account import Account


class Means(Enum):
    """How somebody has shown who they are."""

    PASSWORD = "password"
    PASSWORD_AND_CODE = "password and code"
    PASSWORD_AND_RECOVERY_CODE = "password and recovery code"
    PASSKEY = "passkey"


class Factor(Enum):
    """What is asked for where the password is not enough; a passkey is enough by itself."""

    CODE = "code"
    RECOVERY_CODE = "recovery code"
    PASSKEY = "passkey"


class Browser(msgspec.Struct, frozen=True):
    """Whom a session is made for: "ip:port", and what the browser says it is."""

    peer: str
    agent: str


class Session(msgspec.Struct, frozen=True):
    """One browser that has signed in; never the secret in its cookie. `id` opens nothing.

    `used` is right give or take some minutes, and so is `expires`, which use puts off, until `ends`.
    """

    id: str
    means: Means
    created: datetime
    proved: datetime
    used: datetime
    expires: datetime
    ends: datetime
    agent: str
    peer: str


class SignedIn(msgspec.Struct, frozen=True):
    """A session that a browser has shown, and whose it is."""

    account: Account
    session: Session


class Begun(msgspec.Struct, frozen=True):
    """A session with a new secret, which stands here alone."""

    account: Account
    session: Session
    secret: str


class Proof(msgspec.Struct, frozen=True):
    """What somebody has shown, for `core.access.sessions` to believe while it still holds: the hash of the password as it was
    when it was compared, or the id of the passkey."""

    account: Account
    means: Means
    password_hash: str | None = None
    passkey: bytes | None = None


class Passkey(msgspec.Struct, frozen=True):
    """One that an account has; `credential` is its id, `public_key` is COSE, `handle` the account's name
    for authenticators."""

    credential: bytes
    handle: bytes
    public_key: bytes
    sign_count: int
    name: str
    created: datetime
    used: datetime | None = None


class Factors(msgspec.Struct, frozen=True):
    """What an account has beside its password."""

    code: bool
    passkeys: int
    recovery_codes: int

    @property
    def are_wanted(self) -> bool:
        """Whether the password alone opens nothing."""
        return self.code or self.passkeys > 0

    @property
    def choice(self) -> tuple[Factor, ...]:
        """What may be shown beside the password."""
        offered = (
            (Factor.CODE, self.code),
            (Factor.PASSKEY, self.passkeys > 0),
            (Factor.RECOVERY_CODE, self.recovery_codes > 0),
        )
        return tuple(factor for factor, is_there in offered if is_there)
