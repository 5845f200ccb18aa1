"""Every test runs on both loops."""

import asyncio
import ssl

import pytest
import trustme
import uvloop

from serve.http.browser import open_browser, open_people


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item):
    """uvloop is the loop; plain asyncio must work as well."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def people(office, server_tls):
    """A site over TLS where alice and bob have accounts."""
    async with open_people(office, server_tls) as site:
        yield site


@pytest.fixture
async def browser(people, office, client_tls):
    """One that has not signed in."""
    async with open_browser(people, office, client_tls) as opened:
        yield opened


@pytest.fixture
async def other(people, office, client_tls):
    """Another one."""
    async with open_browser(people, office, client_tls) as opened:
        yield opened
