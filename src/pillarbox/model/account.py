"""Accounts, domains and aliases: who has mail here (RFC 5321 §4.5.1 for postmaster)."""

from datetime import datetime

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
