"""A post office for tests: all services on real SQLite in a folder, with a clock that stands still and a DNS of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from pillarbox.core.contents.remote_images import ImageSettings
from pillarbox.core.flow.arrival import Accepted, ClientFacts
from pillarbox.core.flow.queue_put import QueueSettings
from pillarbox.core.mail import Mail
from pillarbox.core.sending.submissions import SubmissionSettings
from pillarbox.grammar.message.structure import scan
from pillarbox.grammar.reports.dsn import find_status_part, parse_fields
from pillarbox.model.account import Account
from pillarbox.model.address import Address
from pillarbox.model.envelope import Envelope, Recipient
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue
from pillarbox.model.ports import Random
from pillarbox.store.blobs_files import FileBlobs
from pillarbox.store.disk import Disk
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.wire.memory import DeterministicRandom, MemoryResolver, SettableClock

DOMAIN = "uiowa.test"
OTHER_DOMAIN = "illinois.test"
PEER = "192.0.2.1:40000"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""The same function with less work: hundreds of tests sign in. Whole servers have the real one."""
TEXT = b"From: ann@far.test\r\nTo: you\r\nSubject: hello\r\nMessage-ID: <one@far.test>\r\n\r\nGood morning.\r\n"
STARTED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def address(text: str) -> Address:
    local, at, domain = text.rpartition("@")
    return Address(local, domain) if at else Address(domain, DOMAIN)


def client_facts(account: Account | None = None) -> ClientFacts:
    """Somebody who has signed in, or a stranger."""
    protocol = "ESMTP" if account is None else "ESMTPSA"
    return ClientFacts(peer=PEER, peer_ip="192.0.2.1", helo="far.test", protocol=protocol, account=account)


class Office:
    """The services, and short ways to use them."""

    def __init__(self, database: SqliteDatabase, mail: Mail, clock: SettableClock, resolver: MemoryResolver) -> None:
        self.database = database
        self.mail = mail
        self.clock = clock
        self.resolver = resolver

    async def add(self, *names: str) -> list[Account]:
        """Accounts without a password, each after the other."""
        return [await self.mail.accounts.add(address(name), None) for name in names]

    async def account(self, name: str) -> Account:
        return await self.mail.accounts.find(address(name))

    async def take(
        self, sender: str | None, *recipients: str, content: bytes = TEXT, account: Account | None = None
    ) -> Accepted:
        """A message comes by SMTP: recipients are checked one by one, then its content comes; from `account`, or from
        outside."""
        client = client_facts(account)
        for recipient in recipients:
            await self.mail.intake.check_recipient(client, address(recipient))
        return await self.take_unchecked(client, sender, *recipients, content=content)

    async def take_unchecked(
        self, client: ClientFacts, sender: str | None, *recipients: str, content: bytes = TEXT
    ) -> Accepted:
        """The second half of `take`."""
        envelope = Envelope(
            None if sender is None else address(sender), tuple(Recipient(address(name)) for name in recipients)
        )
        incoming = self.mail.intake.begin(client, envelope, self.mail.intake.new_trace())
        incoming.write(content)
        return await incoming.finish(Dialogue("SMTP", PEER, "192.0.2.2:25", STARTED, ()))

    async def messages(self, name: str, *path: str) -> list[bytes]:
        """The whole text of all that lies in a mailbox, oldest first."""
        account_id = (await self.account(name)).id
        return [octets for _, octets in await self.contents(account_id, *(path or ("INBOX",)))]

    async def contents(self, account_id: AccountId, *path: str) -> list[tuple[int, bytes]]:
        """(UID, octets) of all that lies in a mailbox."""
        mailbox = await self.mail.mailboxes.get(account_id, path)
        found = []
        for uid in await self.uids(account_id, mailbox.id):
            async with await self.mail.messages.content(account_id, mailbox.id, uid) as content:
                found.append((uid, await content.read()))
        return found

    async def uids(self, account_id: AccountId, mailbox_id: MailboxId) -> list[int]:
        rows = await self.database.all(
            account_id,
            "select uid from placement where account_id = $1 and mailbox_id = $2 order by uid",
            account_id,
            mailbox_id,
        )
        return [uid for (uid,) in rows]


@asynccontextmanager
async def open_office(
    folder: Path,
    *,
    node: str = "one",
    limits: Limits | None = None,
    settings: QueueSettings | None = None,
    clock: SettableClock | None = None,
    random: Random | None = None,
    resolver: MemoryResolver | None = None,
    disk: Disk | None = None,
    submission: SubmissionSettings | None = None,
    images: ImageSettings | None = None,
    start: bool = True,
) -> AsyncIterator[Office]:
    """The services on a folder; opened again, they find what was there. Without `start` as a crash left it."""
    folder.mkdir(parents=True, exist_ok=True)
    database, blobs = SqliteDatabase(folder / "mail.db", strict=True), FileBlobs(folder / "blobs", disk=disk)
    clock, resolver = clock or SettableClock(), resolver or MemoryResolver({})
    try:
        await database.migrate()
        mail = Mail(
            database,
            blobs,
            hostname=f"mail.{DOMAIN}",
            node=node,
            limits=limits or Limits(),
            clock=clock,
            random=random or DeterministicRandom(folder.name.encode()),
            queue_settings=settings or QueueSettings(),
            resolver=resolver,
            submission=submission,
            images=images,
            hasher=CHEAP,
        )
        if start:
            await mail.start()
        try:
            yield Office(database, mail, clock, resolver)
        finally:
            await mail.close()
    finally:
        await database.close()
        blobs.close()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """One for each test: uiowa.test and illinois.test are its domains."""
    async with open_office(tmp_path / "data") as opened:
        await opened.mail.directory.add_domain(DOMAIN)
        await opened.mail.directory.add_domain(OTHER_DOMAIN)
        yield opened


@pytest.fixture
async def sent(office: Office) -> Office:
    """An office where alice has sent a message to ann@far.test and eve@other.test."""
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", "eve@other.test", account=alice)
    return office


# --- reports ---------------------------------------------------------------------------------------------------------


def report_fields(message: bytes) -> list[dict[str, str]]:
    """The groups of the delivery-status part of a report (RFC 3464 §2.1), read back from the whole message."""
    part = find_status_part(scan(message, limits=Limits()))
    assert part is not None, "no delivery-status part"
    return parse_fields(message, part)
