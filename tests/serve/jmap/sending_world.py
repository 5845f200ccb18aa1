"""What a machine that sends at random acts on: one account, whose mail leaves by JMAP and SMTP and waits in a queue that
is worked off in virtual time; what comes back; and all that its clients are told of it."""

import asyncio
import base64
import shutil
import ssl
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from jmap_site import CORE, DOMAIN, MAIL, PASSWORD, Site, open_jmap
from object_copy import DataType, Json, ObjectCopy
from own_site import OWN, SUBMISSION, responses
from three_clients import ThreeClients
from two_protocols import Session

from memory_stage import MemoryClient
from office import address, open_office
from pillarbox.model.delivery import DeliveryStatus
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.queued import QueuedMessage
from pillarbox.serve.imap.session import ImapSession
from pillarbox.serve.jmap.quota import QUOTA
from pillarbox.serve.jmap.vacation import VACATION
from pillarbox.serve.smtp import profile
from pillarbox.serve.smtp.session import SmtpSession
from pillarbox.wire.memory import connect_in_memory
from queue_run import LATER, finish

ALICE = f"alice@{DOMAIN}"
ALIAS = f"sales@{DOMAIN}"
ROOM = 12_000
"""Octets that the account may use: some twenty messages."""
USING = (CORE, MAIL, SUBMISSION, QUOTA, VACATION, OWN)


async def ask(site: Site, name: str, **arguments: object) -> Json:
    """One method that succeeds: its arguments."""
    ((found, answer, _), *_) = await responses(site, (name, arguments), using=USING)
    assert found == name, answer
    return answer


def submission_queries(identity: str, drafts: Sequence[str]) -> tuple[Json, ...]:
    """Filters and sorts of each kind: on what never changes, and on what does."""
    not_pending = {"operator": "NOT", "conditions": [{"undoStatus": "pending"}]}
    return (
        {},
        {"sort": [{"property": "sentAt", "isAscending": False}]},
        {"filter": {"undoStatus": "pending"}, "sort": [{"property": "sentAt"}]},
        {"filter": {"undoStatus": "canceled"}},
        {"filter": not_pending, "sort": [{"property": "emailId"}, {"property": "sentAt", "isAscending": False}]},
        {"filter": {"identityIds": [identity]}, "sort": [{"property": "emailId", "isAscending": False}]},
        {"filter": {"emailIds": list(drafts[:1])}, "sort": [{"property": "sentAt"}]},
        {"filter": {"operator": "OR", "conditions": [{"emailIds": list(drafts[1:])}, {"undoStatus": "final"}]}},
        {"filter": {"after": "2026-11-24T11:00:00Z", "before": "2027-01-01T00:00:00Z"}},
    )


QUEUE_QUERIES: tuple[Json, ...] = (
    {},
    {"sort": [{"property": "nextAttempt"}, {"property": "size"}]},
    {"filter": {"state": "sending"}, "sort": [{"property": "queuedAt", "isAscending": False}]},
    {"filter": {"operator": "NOT", "conditions": [{"state": "sending"}]}, "sort": [{"property": "size"}]},
)
QUOTA_QUERIES: tuple[Json, ...] = (
    {},
    {"sort": [{"property": "used"}]},
    {"filter": {"name": "alice", "type": "Email"}, "sort": [{"property": "name", "isAscending": False}]},
    {"filter": {"operator": "NOT", "conditions": [{"scope": "account"}]}, "sort": [{"property": "used"}]},
)


class SendingWorld:
    """The servers, the account, and its clients."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-sending-"))
        self.stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.site: Site
        self.clients: ThreeClients
        self.drafts: list[str] = []
        self.claimed: list[QueuedMessage] = []

    # set-up

    async def open(self, drafts: Sequence[bytes]) -> None:
        limits = Limits(account_octets=ROOM)
        office = await self.stack.enter_async_context(open_office(self.folder / "data", limits=limits))
        self.site = await self.stack.enter_async_context(open_jmap(office))
        self.mail = office.mail
        await office.add("bob")
        await self.mail.directory.add_alias(address("sales"), (address("alice"),))
        self.drafts = [await self.site.put(content, "Drafts", flags=FlagSet.of("\\Draft")) for content in drafts]
        probe = ObjectCopy(self.site, [DataType("Identity")], USING)
        await probe.read()
        (identity,) = probe.objects["Identity"]
        types = (
            DataType("Identity"),
            DataType("EmailSubmission", submission_queries(identity, self.drafts)),
            DataType("VacationResponse", is_told=False),
            DataType("Quota", QUOTA_QUERIES, names_updated=True),
            DataType("QueuedMessage", QUEUE_QUERIES, moves_unseen=True),  # a lease that has ended may be taken again
        )
        self.clients = ThreeClients(self.site, types, USING)
        await self.clients.open()
        self.imap = await self._imap()

    async def close(self) -> None:
        await self.stack.aclose()
        shutil.rmtree(self.folder)

    # the other protocols

    def _spawn(self, work: Coroutine[Any, Any, Any], **_: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _imap(self) -> Session:
        client = Session()
        sink = ImapSession(self.mail, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._spawn)
        connect_in_memory(client, sink, client_address="127.0.0.1:40000", server_address="127.0.0.1:143")
        self.stack.callback(client.line.abort)
        await client.read_line()
        assert (await client.ask(f"LOGIN {ALICE} {{{len(PASSWORD)}+}}\r\n{PASSWORD}"))[-1].startswith(b"x OK")
        await client.ask("SELECT INBOX")
        return client

    async def send(self, recipients: Sequence[str], content: bytes, hold: int | None) -> None:
        """Alice's program sends by SMTP."""
        proof = base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()
        held = "" if hold is None else f" HOLDFOR={hold}"
        steps = ["EHLO [127.0.0.1]", f"AUTH PLAIN {proof}", f"MAIL FROM:<{ALICE}>{held}"]
        await self._smtp(profile.SUBMISSION, [*steps, *(f"RCPT TO:<{one}>" for one in recipients)], content)

    async def deliver(self, content: bytes, sender: str = "ann@far.test") -> None:
        """Somebody's server brings a message."""
        await self._smtp(profile.MX, ["EHLO far.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{ALICE}>"], content)

    async def _smtp(self, port: profile.Profile, steps: Sequence[str], content: bytes) -> None:
        """Until something is refused, which is said in so many words."""
        client = MemoryClient()
        sink = SmtpSession(self.mail, port, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._spawn)
        connect_in_memory(client, sink, client_address="127.0.0.1:40000", server_address="127.0.0.1:25")
        await client.read_line()
        for step in [*(text.encode() for text in steps), b"DATA", content + b"."]:
            client.line.write(step + b"\r\n")
            reply = await client.read_line()
            while reply is not None and reply[3:4] == b"-":
                reply = await client.read_line()
            assert reply is not None and not reply.startswith(b"451"), (step, reply)
            if reply[:1] not in b"23":
                break
        client.line.abort()

    # the queue

    async def claim(self, limit: int) -> None:
        self.claimed += await self.mail.queue.claim(limit)

    async def finish(self, number: int, answer: DeliveryStatus) -> None:
        """Whoever holds one says what came of it, perhaps late."""
        await finish(self.site.office, self.claimed.pop(number % len(self.claimed)), answer)

    async def work_off(self, answer: DeliveryStatus) -> None:
        """One round of all that is due."""
        for message in await self.mail.queue.claim():
            await finish(self.site.office, message, answer)

    async def put_off(self, number: int) -> None:
        """Nothing was tried of one that is held."""
        message = self.claimed.pop(number % len(self.claimed))
        await self.mail.queue.put_off(message, self.mail.clock.now() + timedelta(minutes=5), LATER)

    async def intervene(self, number: int, *, is_retried: bool) -> None:
        """The operator has one tried at once, or takes it out."""
        waiting = await self.mail.queue.list()
        id = waiting[number % len(waiting)].id
        await (self.mail.queue.retry(id) if is_retried else self.mail.queue.cancel(id))
