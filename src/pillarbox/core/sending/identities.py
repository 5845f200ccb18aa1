"""Identities: whom an account may write as, and what its programs put into new mail then (RFC 8621 §6).

Each account has one of its own address, made when somebody first looks, which stays. Others are of addresses that the
account may send from: its own, and aliases that lead to it (`Accounts.may_send_as`). Whether it still may is asked
again whenever something is sent: an alias may have gone since.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.feed.object_changes import note_change
from pillarbox.core.feed.states import Kind, Span, state_in
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import AlreadyExists, NotAllowed, NotFound, TooLarge, TooMany
from pillarbox.model.identity import Identity, IdentityId, IdentityText, NamedAddress
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.store import changes as change_rows
from pillarbox.store import identities as rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

NAME_OCTETS = 1_000
ADDRESSES_MOST = 100
"""In Reply-To, and in Bcc."""


class AddressForbidden(NotAllowed):
    """The account may not send from this address."""


class Identities:
    """The identities of all accounts."""

    def __init__(self, db: Database, accounts: Accounts, *, limits: Limits, clock: Clock) -> None:
        self._db = db
        self._accounts = accounts
        self._limits = limits
        self._clock = clock

    async def state(self, account: Account) -> int:
        """How far identities have come. Raises: NotFound (account)."""
        await self._make_own(account)
        async with self._db.read(account.id) as tx:
            return await state_in(tx, account.id, Kind.IDENTITY)

    async def all(self, account: Account) -> list[Identity]:
        """Oldest first. Raises: NotFound (account)."""
        await self._make_own(account)
        async with self._db.read(account.id) as tx:
            return await rows.list_identities(tx, account.id)

    async def _make_own(self, account: Account) -> None:
        """Make that of the account's own address, if there is none."""
        async with self._db.read(account.id) as tx:
            if await rows.has_own(tx, account.id):
                return
        with contextlib.suppress(AlreadyExists):
            async with self._db.write(account.id) as tx:
                modseq = await change_rows.take_modseqs(tx, account.id, 1)
                if await rows.has_own(tx, account.id):
                    raise AlreadyExists("somebody else was faster")
                await self._insert(tx, account.id, Identity(IdentityId(modseq), account.address, is_own=True))

    async def _insert(self, tx: Transaction, account_id: AccountId, identity: Identity) -> None:
        await self._note(tx, account_id, identity.id, ChangeKind.IDENTITY_CREATED, identity.id)
        await rows.insert_identity(tx, account_id, identity)

    async def _note(
        self, tx: Transaction, account_id: AccountId, modseq: int, kind: ChangeKind, identity_id: IdentityId
    ) -> None:
        await note_change(tx, account_id, modseq, kind, identity_id, micros(self._clock.now()))

    async def find(self, account_id: AccountId, identity_id: IdentityId) -> Identity:
        """Raises: NotFound."""
        async with self._db.read(account_id) as tx:
            return await _found(tx, account_id, identity_id)

    async def add(
        self, account: Account, address: Address, text: IdentityText, *, span: Span | None = None
    ) -> Identity:
        """A new one. Several may have one address.

        Raises: AddressForbidden, TooMany, TooLarge, Invalid; StateMoved.
        """
        if not await self._accounts.may_send_as(account, address):
            raise AddressForbidden(f"{account.address} may not send as {address}")
        self._check_size(text)
        async with self._db.write(account.id) as tx, _step(span, tx, account.id):
            modseq = await change_rows.take_modseqs(tx, account.id, 1)
            if len(await rows.list_identities(tx, account.id)) >= self._limits.identities:
                raise TooMany(f"at most {self._limits.identities} identities")
            identity = Identity(IdentityId(modseq), address, text)
            await self._insert(tx, account.id, identity)
        return identity

    async def change(
        self,
        account_id: AccountId,
        identity_id: IdentityId,
        edit: Callable[[Identity], IdentityText],
        *,
        span: Span | None = None,
    ) -> None:
        """Put what `edit` makes of it in its place; whatever `edit` raises changes nothing, and the same is no change.

        Raises: NotFound, TooLarge, Invalid; StateMoved.
        """
        async with self._db.write(account_id) as tx, _step(span, tx, account_id):
            await change_rows.take_modseqs(tx, account_id, 0)  # the account is ours from here on
            before = await _found(tx, account_id, identity_id)
            text = edit(before)
            self._check_size(text)
            if text == before.text:
                return
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            await self._note(tx, account_id, modseq, ChangeKind.IDENTITY_UPDATED, identity_id)
            await rows.update_identity(tx, account_id, identity_id, text)

    async def remove(self, account_id: AccountId, identity_id: IdentityId, *, span: Span | None = None) -> None:
        """Raises: NotFound; NotAllowed for that of the account's own address; StateMoved."""
        async with self._db.write(account_id) as tx, _step(span, tx, account_id):
            modseq = await change_rows.take_modseqs(tx, account_id, 1)
            if (await _found(tx, account_id, identity_id)).is_own:
                raise NotAllowed("the identity of the account's own address stays")
            await self._note(tx, account_id, modseq, ChangeKind.IDENTITY_DESTROYED, identity_id)
            await rows.delete_identity(tx, account_id, identity_id)

    def _check_size(self, text: IdentityText) -> None:
        if any(_octets(words) > self._limits.signature_octets for words in (text.text_signature, text.html_signature)):
            raise TooLarge(f"a signature has at most {self._limits.signature_octets} octets")
        addresses: tuple[NamedAddress, ...] = (*(text.reply_to or ()), *(text.bcc or ()))
        names = (text.name, *(one.name or "" for one in addresses), *(one.address for one in addresses))
        if any(_octets(name) > NAME_OCTETS for name in names):
            raise TooLarge(f"a name or an address has at most {NAME_OCTETS} octets")
        if max(len(text.reply_to or ()), len(text.bcc or ())) > ADDRESSES_MOST:
            raise TooLarge(f"at most {ADDRESSES_MOST} addresses")


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


async def _found(tx: Transaction, account_id: AccountId, identity_id: IdentityId) -> Identity:
    identity = await rows.find_identity(tx, account_id, identity_id)
    if identity is None:
        raise NotFound("no such identity")
    return identity


def _step(span: Span | None, tx: Transaction, account_id: AccountId) -> AbstractAsyncContextManager[None]:
    return (span or Span(Kind.IDENTITY)).step(tx, account_id)
