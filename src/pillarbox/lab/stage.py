"""The stage of the demo: a name server and two complete mail servers on this machine, found only through it.

    127.0.0.1   the DNS          127.0.0.2   mail.uiowa.edu          127.0.0.3   mail.illinois.edu

The servers are processes of their own (`pillarbox serve`), in this process group; nothing of theirs is shared.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from pillarbox.app.config import PORT_OFFSETS
from pillarbox.app.initialise import initialise_store
from pillarbox.lab.dns import LabDns
from pillarbox.model.address import Address
from pillarbox.model.errors import Unavailable

READY_SECONDS = 20.0
STOP_SECONDS = 8.0
BASES = range(20_000, 60_000, 1_000)


class Person(msgspec.Struct, frozen=True):
    """Somebody with a mailbox."""

    name: str
    address: Address
    password: str


class Site(msgspec.Struct, frozen=True):
    """One server: where it listens, where its data is."""

    domain: str
    hostname: str
    listen: str
    port_base: int
    folder: Path
    person: Person

    def port(self, name: str) -> int:
        """Of a listener."""
        return self.port_base + PORT_OFFSETS[name]


class Stage(msgspec.Struct, frozen=True):
    """All of it, up and running."""

    dns: LabDns
    questions: list[tuple[str, str, str]]
    uiowa: Site
    illinois: Site


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Build and start; at the end all processes are stopped and all files removed. Raises: Unavailable."""
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-demo-"))
    questions: list[tuple[str, str, str]] = []
    dns = LabDns({}, asked=lambda *question: questions.append(question))
    try:
        base = free_base(("127.0.0.2", "127.0.0.3"))
        uiowa = _site(folder, "uiowa.edu", "127.0.0.2", base, "Alice", "alice")
        illinois = _site(folder, "illinois.edu", "127.0.0.3", base, "Bob", "bob")
        await dns.open("127.0.0.1")
        for site in (uiowa, illinois):
            dns.zones[site.domain] = {"MX": [f"10 {site.hostname}."]}
            dns.zones[site.hostname] = {"A": [site.listen]}
        await asyncio.gather(*(_make(site, dns.address) for site in (uiowa, illinois)))
        async with contextlib.AsyncExitStack() as stack:
            started = await asyncio.gather(*map(_start, (uiowa, illinois)), return_exceptions=True)
            for process in started:
                if not isinstance(process, BaseException):
                    stack.push_async_callback(_stop, process)
            for problem in started:
                if isinstance(problem, BaseException):
                    raise problem
            yield Stage(dns, questions, uiowa, illinois)
    finally:
        dns.close()
        shutil.rmtree(folder, ignore_errors=True)


def free_base(hosts: tuple[str, ...]) -> int:
    """A port base of which every port is free on all these addresses. Raises: Unavailable."""
    for base in BASES:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for host in hosts:
                for offset in PORT_OFFSETS.values():
                    probe = stack.enter_context(socket.socket())
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, base + offset))
            return base
    raise Unavailable("no free range of ports on 127.0.0.2 and 127.0.0.3")


def _site(folder: Path, domain: str, listen: str, base: int, name: str, local: str) -> Site:
    person = Person(name, Address(local, domain), secrets.token_hex(4))
    return Site(domain, f"mail.{domain}", listen, base, folder / domain, person)


async def _make(site: Site, nameserver: str) -> None:
    """`init` and `account add`, in this process."""
    await initialise_store(
        site.folder,
        hostname=site.hostname,
        domains=[site.domain],
        listen=site.listen,
        port_base=site.port_base,
        settings=[
            f'dns.nameservers=["{nameserver}"]',
            f"relay.port={site.port('mx')}",
            "relay.retry_seconds=1",
            'log.level="warning"',
        ],
        accounts=[(site.person.address, site.person.password)],
    )


async def _start(site: Site) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pillarbox", "serve", str(site.folder),
        stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line.startswith(b"ready"):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise Unavailable(f"the server {site.hostname} did not start")
    return process


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
