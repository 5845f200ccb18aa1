"""Identities: whom an account writes as, and what its programs put into new mail then (RFC 8621 §6)."""

from typing import NewType

import msgspec

from pillarbox.model.address import Address

IdentityId = NewType("IdentityId", int)
"""The account's mod-sequence when it was made; within its account."""


class NamedAddress(msgspec.Struct, frozen=True):
    """An address with a display name, as its owner wrote both; mail need not go there ever."""

    name: str | None
    address: str


class IdentityText(msgspec.Struct, frozen=True):
    """What its owner may change. `reply_to` and `bcc` None: programs put no such field into new mail."""

    name: str = ""
    reply_to: tuple[NamedAddress, ...] | None = None
    bcc: tuple[NamedAddress, ...] | None = None
    text_signature: str = ""
    html_signature: str = ""


class Identity(msgspec.Struct, frozen=True):
    """One identity. `is_own`: of the account's own address, made by this server; it cannot be removed."""

    id: IdentityId
    address: Address
    text: IdentityText = IdentityText()
    is_own: bool = False
