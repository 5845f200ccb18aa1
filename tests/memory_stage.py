"""What dialogues of every protocol are played on: a real core on SQLite, a clock that stands still, clients in memory."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pillarbox.core.flow.queue_put import QueueSettings
from pillarbox.core.mail import Mail
from pillarbox.model.address import Address
from pillarbox.model.limits import Limits
from pillarbox.store.blobs_files import FileBlobs
from pillarbox.store.disk import Disk
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.wire.memory import DeterministicRandom, MemoryLine, MemoryResolver, SettableClock

PASSWORD = "secret"
DOMAIN = "uiowa.test"
SECONDS = 10.0
"""What a test waits for comes within this time, or it fails."""


@asynccontextmanager
async def open_mail(
    folder: Path, limits: Limits | None = None, *, vfs: str | None = None, disk: Disk | None = None
) -> AsyncIterator[Mail]:
    """The services on a data folder; the clock stands still."""
    database, blobs = SqliteDatabase(folder / "mail.db", vfs=vfs), FileBlobs(folder / "blobs", disk=disk)
    try:
        await database.migrate()
        mail = Mail(
            database,
            blobs,
            hostname="mail.uiowa.test",
            node="one",
            limits=limits or Limits(),
            clock=SettableClock(),
            random=DeterministicRandom(),
            queue_settings=QueueSettings(),
            resolver=MemoryResolver({}),
        )
        await mail.start()
        try:
            yield mail
        finally:
            await mail.close()
    finally:
        await database.close()
        blobs.close()


async def make_accounts(folder: Path) -> None:
    """alice and bob of uiowa.test."""
    folder.mkdir(parents=True, exist_ok=True)
    async with open_mail(folder) as mail:
        await mail.directory.add_domain(DOMAIN)
        for name in ("alice", "bob"):
            await mail.accounts.add(Address(name, DOMAIN), PASSWORD)


async def fresh_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with alice and bob: a copy of one that is made once."""
    made = tmp_path_factory.getbasetemp() / "accounts"
    if not made.exists():
        await make_accounts(made)
    folder = tmp_path_factory.mktemp("stage") / "data"
    shutil.copytree(made, folder)
    return folder


class MemoryClient:
    """The other end of a memory line: a sink that keeps what comes."""

    def __init__(self) -> None:
        self.line: MemoryLine
        self.octets = bytearray()
        self.is_closed = False
        self._news = asyncio.Event()

    def connected(self, connection: MemoryLine) -> None:
        self.line = connection

    def received(self, data: bytes) -> None:
        self.octets += data
        self._news.set()

    def idle(self) -> None: ...

    def shutdown(self) -> None: ...

    def closed(self) -> None:
        self.is_closed = True
        self._news.set()

    async def wait_news(self) -> None:
        """Until something comes, or the connection ends."""
        self._news.clear()
        async with asyncio.timeout(SECONDS):
            await self._news.wait()

    async def read_line(self) -> bytes | None:
        """The next line without its end; None when the connection has ended."""
        while (end := self.octets.find(b"\r\n")) < 0:
            if self.is_closed:
                return None
            await self.wait_news()
        line = bytes(self.octets[:end])
        del self.octets[: end + 2]
        return line
