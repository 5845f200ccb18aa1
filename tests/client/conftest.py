"""Every test runs on both loops; certificates come from an authority of the tests' own."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
import uvloop

from pillarbox.wire.tls import server_context


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item):
    """uvloop is the loop; plain asyncio must work as well."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("certificate")
    issued = trustme.CA().issue_cert("mail.uiowa.test")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return server_context(folder / "certificate.pem", folder / "key.pem")
