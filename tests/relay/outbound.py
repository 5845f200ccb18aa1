"""Mail of alice's for far.test, whose hosts are on loopback."""

import asyncio
import contextlib
from collections.abc import Sequence

from scripted_peer import peer

from office import DOMAIN, Office
from pillarbox.model.limits import Limits
from pillarbox.model.queued import QueuedRecipient, RecipientState
from pillarbox.relay.courier import Courier
from pillarbox.relay.routing import RelaySettings, Routing
from pillarbox.wire.memory import DeterministicRandom
from pillarbox.wire.tls import opportunistic_context

SECONDS = 30.0
QUICK = Limits(smtp_client_connect_seconds=5.0, smtp_client_command_seconds=5.0, smtp_client_data_end_seconds=5.0)


async def send(office: Office, *recipients: str, content: bytes | None = None) -> None:
    alice = await office.account("alice")
    words = {} if content is None else {"content": content}
    await office.take("alice", *recipients, account=alice, **words)


async def courier_of(office: Office, port: int) -> Courier:
    """For far.test, with all that is due."""
    courier = Courier(
        "far.test",
        office.mail.queue,
        Routing(office.resolver, RelaySettings(port=port), DeterministicRandom(), f"mail.{DOMAIN}"),
        hostname=f"mail.{DOMAIN}",
        limits=QUICK,
        clock=office.clock,
        tls=opportunistic_context(),
    )
    courier.waiting.extend(await office.mail.queue.claim())
    return courier


async def carry(office: Office, port: int) -> None:
    """All that is due, by one courier."""
    courier = await courier_of(office, port)
    async with asyncio.timeout(SECONDS):
        await courier.run()


def far_test(office: Office, *hosts: str) -> None:
    """far.test has these addresses as hosts, the most preferred first."""
    office.resolver.zones["far.test"] = {"MX": [(n, f"mx{n}.far.test") for n, _ in enumerate(hosts)]}
    for number, host in enumerate(hosts):
        office.resolver.zones[f"mx{number}.far.test"] = {"A": [host]}


async def waiting(office: Office) -> list[QueuedRecipient]:
    return [
        one
        for message in await office.mail.queue.list()
        for one in message.recipients
        if one.state is RecipientState.WAITING
    ]


@contextlib.asynccontextmanager
async def one_peer(office: Office, **changed: bytes | Sequence[bytes]):
    async with peer(**changed) as made:
        far_test(office, "127.0.0.1")
        yield made
