"""Who has mail here: domains, aliases, and the way of each address (RFC 5321 §3.4, RFC 5233 for `user+tag`).

Domains and routes are kept in memory and dropped with every change that goes through this object; one process writes,
so they are true. `start` must have run before anything is asked. Nothing here delivers.
"""

import msgspec

from pillarbox.model.account import Alias
from pillarbox.model.address import Address, domain_key
from pillarbox.model.errors import AlreadyExists, Conflict, Invalid, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.store import accounts as account_rows
from pillarbox.store import directory as directory_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

ROUTES_KEPT = 10_000
POSTMASTER = "postmaster"


class Local(msgspec.Struct, frozen=True):
    """Into this account; `address` is the account's own."""

    account_id: AccountId
    address: Address


class Forward(msgspec.Struct, frozen=True):
    """An alias: to each of these, here or elsewhere; aliases among them are followed already, none stands twice."""

    targets: tuple[Address, ...]


class Remote(msgspec.Struct, frozen=True):
    """The domain is not ours."""

    address: Address


Route = Local | Forward | Remote


class Directory:
    """The domains and aliases of this system."""

    def __init__(self, db: Database, *, limits: Limits, clock: Clock) -> None:
        self._db = db
        self._limits = limits
        self._clock = clock
        self._domains: frozenset[str] = frozenset()
        self._routes: dict[str, Route] = {}

    async def start(self) -> None:
        """Read the domains into memory."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            self._domains = frozenset(await directory_rows.list_domains(tx))
        self._routes.clear()

    def forget_routes(self) -> None:
        """Accounts or aliases have changed: ask the store again."""
        self._routes.clear()

    # domains

    def is_local_domain(self, domain: str) -> bool:
        """Whether mail for this domain ends here; any case, U-labels or A-labels."""
        if domain in self._domains:
            return True
        try:
            return domain_key(domain) in self._domains
        except (ValueError, UnicodeError):
            return False

    async def add_domain(self, name: str) -> None:
        """Raises: AlreadyExists, Invalid."""
        key = _domain(name)
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            if not await directory_rows.insert_domain(tx, key, now=micros(self._clock.now())):
                raise AlreadyExists(f"{key} is a domain of this server already")
            tx.after_commit(lambda: self._know(self._domains | {key}))

    async def list_domains(self) -> list[str]:
        """All names, in order."""
        return sorted(self._domains)

    async def remove_domain(self, name: str) -> None:
        """Raises: NotFound; Conflict while accounts or aliases bear it."""
        key = _domain(name)
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            if await directory_rows.is_domain_used(tx, key):
                raise Conflict(f"{key} has accounts or aliases")
            if not await directory_rows.delete_domain(tx, key):
                raise NotFound(f"{key} is no domain of this server")
            tx.after_commit(lambda: self._know(self._domains - {key}))

    def _know(self, domains: frozenset[str]) -> None:
        self._domains = domains
        self._routes.clear()

    # aliases

    async def add_alias(self, address: Address, targets: tuple[Address, ...]) -> None:
        """Let mail for `address` go to all of `targets`, in place of what it was. An account of the same address gets
        the mail only if it is among them.

        Raises: NotFound (not our domain), Invalid (no targets).
        """
        if not self.is_local_domain(address.domain):
            raise NotFound(f"{address.domain} is no domain of this server")
        if not targets:
            raise Invalid("an alias needs a target")
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            await directory_rows.put_alias(tx, Alias(address, tuple(dict.fromkeys(targets))))
            tx.after_commit(self.forget_routes)

    async def list_aliases(self) -> list[Alias]:
        """All, in order of their addresses."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            return await directory_rows.list_aliases(tx)

    async def remove_alias(self, address: Address) -> None:
        """Raises: NotFound."""
        async with self._db.write(SYSTEM_ACCOUNT) as tx:
            if not await directory_rows.delete_alias(tx, address.key):
                raise NotFound(f"{address} is no alias")
            tx.after_commit(self.forget_routes)

    # routes

    async def route(self, address: Address) -> Route:
        """Where mail for an address goes.

        `postmaster` without a domain, and in each of our domains, has a way as soon as there is any account
        (RFC 5321 §4.5.1).

        Raises: NotFound for an unknown user of a domain of ours.
        """
        if not address.domain and address.local.casefold() != POSTMASTER:
            raise NotFound("no such user here")
        if address.domain and not self.is_local_domain(address.domain):
            return Remote(address)
        key = address.key
        found = self._routes.get(key)
        if found is None:
            async with self._db.read(SYSTEM_ACCOUNT) as tx:
                found = await self._resolve(tx, address)
            if found is None:
                raise NotFound("no such user here")
            if len(self._routes) >= ROUTES_KEPT:
                self._routes.clear()
            self._routes[key] = found
        return found

    async def route_in(self, tx: Transaction, address: Address) -> Route:
        """The same within a transaction that is open. Raises: NotFound."""
        if address.domain and not self.is_local_domain(address.domain):
            return Remote(address)
        found = self._routes.get(address.key) or await self._resolve(tx, address)
        if found is None:
            raise NotFound("no such user here")
        return found

    async def own(self, address: Address) -> Local | None:
        """The account of this very address, whatever alias stands before it."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            account = await account_rows.find_by_key(tx, address.key)
        return None if account is None else Local(account[0].id, account[0].address)

    async def _resolve(self, tx: Transaction, address: Address) -> Route | None:
        found: dict[Address, Local | None] = {}
        named = await self._follow(tx, address, found, {address.key}, 0)
        if not found:
            return None
        (first, local), *rest = found.items()
        if not rest and local is not None:
            return local
        if not rest and not named:
            return Remote(first)
        return Forward(tuple(found))

    async def _follow(
        self, tx: Transaction, address: Address, found: dict[Address, Local | None], seen: set[str], depth: int
    ) -> bool:
        """Add to `found` where an address leads; whether it is an alias."""
        if address.domain and not self.is_local_domain(address.domain):
            found.setdefault(address, None)
            return False
        for candidate in _candidates(address, sorted(self._domains)):
            targets = await directory_rows.alias_targets(tx, candidate.key)
            if targets and depth < self._limits.alias_depth:
                for target in targets:
                    if target.key == candidate.key:
                        await self._account(tx, candidate, found)
                    elif target.key not in seen:
                        seen.add(target.key)
                        await self._follow(tx, target, found, seen, depth + 1)
                return True
            if await self._account(tx, candidate, found):
                return False
        if address.local.casefold() == POSTMASTER:
            first = await account_rows.first_account(tx, address.domain) if address.domain else None
            first = first or await account_rows.first_account(tx)
            if first is not None:
                found.setdefault(first.address, Local(first.id, first.address))
        return False

    async def _account(self, tx: Transaction, address: Address, found: dict[Address, Local | None]) -> bool:
        account = await account_rows.find_by_key(tx, address.key)
        if account is None:
            return False
        found.setdefault(account[0].address, Local(account[0].id, account[0].address))
        return True

    async def leads_to(self, address: Address, account_address: Address) -> bool:
        """Whether mail for an address of ours reaches this account, by itself, a tag, or an alias."""
        try:
            route = await self.route(address)
        except NotFound:
            return False
        match route:
            case Local(address=own):
                return own == account_address
            case Forward(targets=targets):
                return account_address in targets
            case Remote():
                return False


def _candidates(address: Address, domains: list[str]) -> list[Address]:
    """The address itself, then without its tag (RFC 5233 §1); in each domain where it names none."""
    locals_ = [address.local]
    user, plus, _ = address.local.partition("+")
    if plus and user:
        locals_.append(user)
    return [Address(local, domain) for local in locals_ for domain in ([address.domain] if address.domain else domains)]


def _domain(name: str) -> str:
    try:
        return domain_key(name)
    except (ValueError, UnicodeError):
        raise Invalid(f"{name} is no domain name") from None
