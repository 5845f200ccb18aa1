"""Every test runs on both loops; certificates come from an authority of the tests' own."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
import uvloop

from pillarbox.wire.tls import server_context
from wire.witness import HOSTNAME


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item):
    """uvloop is the loop; plain asyncio must work as well."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate_files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    issued = authority.issue_cert(HOSTNAME)
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture(scope="session")
def server_tls(certificate_files: tuple[Path, Path]) -> ssl.SSLContext:
    return server_context(*certificate_files)


@pytest.fixture(scope="session")
def trusting_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A client that knows the authority and looks at the name."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
