"""`pillarbox init`: a data folder with its configuration, an empty store and a certificate; all of it or nothing."""

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pillarbox.app.certificates import make_certificate
from pillarbox.app.config import FILE, convert
from pillarbox.app.config_text import new_document, write
from pillarbox.app.server import open_mail
from pillarbox.model.address import Address
from pillarbox.model.errors import AlreadyExists


def initialise(folder: Path, **choices: Any) -> None:
    """As `initialise_store`, for those who run no loop."""
    asyncio.run(initialise_store(folder, **choices))


async def initialise_store(
    folder: Path,
    *,
    hostname: str,
    domains: list[str],
    listen: str,
    port_base: int,
    settings: list[str],
    accounts: Sequence[tuple[Address, str]] = (),
) -> None:
    """Make the folder. Raises: AlreadyExists, ConfigurationError (before anything is written)."""
    if (folder / FILE).exists():
        raise AlreadyExists(f"{folder} holds a {FILE} already")
    document = new_document(hostname=hostname, domains=domains, listen=listen, port_base=port_base, settings=settings)
    configuration = convert(document, FILE)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    certificate, key = folder / configuration.tls.certificate, folder / configuration.tls.key
    if not certificate.exists():
        make_certificate(certificate, key, [hostname, *domains, "localhost"], _addresses(listen))
    async with open_mail(folder, configuration) as mail:
        have = set(await mail.directory.list_domains())
        for domain in configuration.server.domains:
            if domain.lower() not in have:
                await mail.directory.add_domain(domain)
        for address, password in accounts:
            await mail.accounts.add(address, password)
    # The configuration comes last: a folder with one is complete.
    path = folder / FILE
    path.write_text(write(document), "utf-8")
    path.chmod(0o600)


def _addresses(listen: str) -> list[str]:
    address = ipaddress.ip_address(listen)
    return ["127.0.0.1"] if address.is_unspecified else [str(address), "127.0.0.1"]
