"""What tests with a real browser share: one certificate, one Chromium, one server."""

import base64
import hashlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from chromium import Chromium, Window, launched
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from elsewhere import Elsewhere
from playwright.async_api import BrowserContext

from servers import Pillarbox, running
from web_server import web_server

NAMES = ("mail.uiowa.test", "evil.uiowa.test", "evil.test", "127.0.0.1")
LOGIN = "alice@uiowa.test"


class Certificate:
    """One for every host of these tests, and the authority behind it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert(*NAMES)
        self.authority, self.chain, self.key = (folder / name for name in ("authority.pem", "chain.pem", "key.pem"))
        authority.cert_pem.write_to_path(self.authority)
        issued.cert_chain_pems[0].write_to_path(self.chain)
        issued.private_key_pem.write_to_path(self.key)

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    @property
    def key_hash(self) -> str:
        """SHA-256 of the public key, in base64: by it Chromium takes the certificate for a good one."""
        key = x509.load_pem_x509_certificate(self.chain.read_bytes()).public_key()
        octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def program() -> str:
    """Where Chromium is."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("PILLARBOX_NO_SKIP"):
            pytest.fail("needs chromium")
        pytest.skip("needs chromium")
    return found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium(program: str, certificate: Certificate) -> AsyncIterator[Chromium]:
    """The one browser of this process."""
    async with launched(program, certificate.key_hash) as opened:
        yield opened


@pytest.fixture(scope="package")
def server(program: str, certificate: Certificate, tmp_path_factory) -> Iterator[Pillarbox]:
    """A running Pillarbox with alice and bob, which may fetch pictures from this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate.authority))
        with running(
            tmp_path_factory.mktemp("browser") / "data",
            tls__certificate=certificate.chain,
            tls__key=certificate.key,
            images__allowed_hosts='["127.0.0.1"]',
            limits__login_failures=1_000,
        ) as started:
            yield started


@pytest.fixture(scope="package")
def origin(server: Pillarbox) -> str:
    """Of our pages."""
    return f"https://{server.hostname}:{server.port('https')}"


@pytest_asyncio.fixture(loop_scope="session")
async def window(chromium: Chromium, origin: str) -> AsyncIterator[Window]:
    """A page of ours where nobody has signed in."""
    async with chromium.window(origin) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def other(chromium: Chromium, origin: str) -> AsyncIterator[Window]:
    """One in another browser."""
    async with chromium.window(origin) as opened:
        yield opened


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def alice(chromium: Chromium, origin: str) -> AsyncIterator[Window]:
    """A page of ours where alice has signed in; no test ends her session."""
    async with chromium.window(origin) as opened:
        await opened.sign_in(LOGIN)
        yield opened


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hers(chromium: Chromium, alice: Window) -> AsyncIterator[BrowserContext]:
    """Her browser, where pages are forbidden what browsers forbid."""
    async with chromium.context(storage_state=await alice.context.storage_state()) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(certificate: Certificate) -> AsyncIterator[Elsewhere]:
    """A web server of somebody else's."""
    async with web_server(certificate.server()) as opened:
        yield Elsewhere(opened)
