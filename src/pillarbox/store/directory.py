"""Rows of `domain` and `alias`: which names are ours, and where mail for them goes."""

from pillarbox.model.account import Alias
from pillarbox.model.address import Address
from pillarbox.store.base import Transaction


async def insert_domain(tx: Transaction, name: str, *, now: int) -> bool:
    """A new domain of ours; False when it was one."""
    found = await tx.value(
        "insert into domain (name, created) values ($1, $2) on conflict (name) do nothing returning name", name, now
    )
    return found is not None


async def delete_domain(tx: Transaction, name: str) -> bool:
    """No longer ours; False when it was not."""
    return await tx.value("delete from domain where name = $1 returning name", name) is not None


async def list_domains(tx: Transaction) -> list[str]:
    """All names, in order."""
    found: list[str] = []
    async for rows in tx.batches("select name from domain order by name"):
        found += [name for (name,) in rows]
    return found


async def is_domain_used(tx: Transaction, name: str) -> bool:
    """Whether accounts or aliases bear it."""
    account = await tx.value("select id from account where domain = $1 limit 1", name)
    alias = await tx.value("select number from alias where domain = $1 limit 1", name)
    return account is not None or alias is not None


async def put_alias(tx: Transaction, alias: Alias) -> None:
    """Write an alias in place of what it was."""
    await tx.run("delete from alias where address_key = $1", alias.address.key)
    await tx.run_many(
        "insert into alias (address_key, number, local, domain, target_local, target_domain) "
        "values ($1, $2, $3, $4, $5, $6)",
        [
            (alias.address.key, n, alias.address.local, alias.address.domain, target.local, target.domain)
            for n, target in enumerate(alias.targets)
        ],
    )


async def delete_alias(tx: Transaction, key: str) -> bool:
    """Remove an alias; False when there was none."""
    return bool(await tx.all("delete from alias where address_key = $1 returning number", key))


async def alias_targets(tx: Transaction, key: str) -> tuple[Address, ...]:
    """Where mail for an address's key goes; empty when it is no alias."""
    rows = await tx.all("select target_local, target_domain from alias where address_key = $1 order by number", key)
    return tuple(Address(local, domain) for local, domain in rows)


async def list_aliases(tx: Transaction) -> list[Alias]:
    """All, in order of their addresses."""
    targets: dict[Address, list[Address]] = {}
    async for rows in tx.batches(
        "select local, domain, target_local, target_domain from alias order by domain, address_key, number"
    ):
        for local, domain, target_local, target_domain in rows:
            targets.setdefault(Address(local, domain), []).append(Address(target_local, target_domain))
    return [Alias(address, tuple(found)) for address, found in targets.items()]


async def forget_targets(tx: Transaction, address: Address) -> None:
    """Take an address out of every alias: its account is gone."""
    await tx.run("delete from alias where target_local = $1 and target_domain = $2", address.local, address.domain)
