"""Accounts, domains and aliases: who has mail here (RFC 5321 §4.5.1 for postmaster)."""

from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.model.address import Address
from pillarbox.model.ids import AccountId


class Account(msgspec.Struct, frozen=True):
    """One owner of mailboxes. `quota_octets` 0 means none."""

    id: AccountId
    address: Address
    quota_octets: int
    used_octets: int


class Alias(msgspec.Struct, frozen=True):
    """Mail for `address` goes to every one of `targets`, here or elsewhere."""

    address: Address
    targets: tuple[Address, ...]


class Token(msgspec.Struct, frozen=True):
    """What a program signs in with in place of a password, under the name that its owner gave it; never the secret.

    `expires` None is never, `used` (give or take some minutes) None is not yet.
    """

    name: str
    created: datetime
    expires: datetime | None = None
    used: datetime | None = None


class CredentialKind(Enum):
    """With what one signs in."""

    PASSWORD = "password"
    TOKEN = "token"
    SESSION = "session"


class Credential(msgspec.Struct, frozen=True):
    """What somebody has signed in with; never the secret. What belongs to it ends with it.

    `name` tells those of one kind and account apart, "" is the password's; `expires` None: not by itself.
    """

    kind: CredentialKind
    name: str = ""
    expires: datetime | None = None

    @property
    def key(self) -> str:
        """The same for the same credential of an account, whenever it is shown."""
        return f"{self.kind.value}:{self.name}"


PASSWORD = Credential(CredentialKind.PASSWORD)
