"""The relay as a whole: claims, sends, sleeps and stops, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from scripted_peer import PLAIN, Peer, peer

from office import DOMAIN, Office, address
from pillarbox.model.limits import Limits
from pillarbox.model.queued import RecipientState
from pillarbox.relay.routing import RelaySettings, Routing
from pillarbox.relay.worker import Relay
from pillarbox.wire.memory import DeterministicRandom
from pillarbox.wire.tls import opportunistic_context

SECONDS = 20.0


@pytest.fixture(autouse=True)
async def alice(office: Office) -> None:
    await office.add("alice")


@contextlib.asynccontextmanager
async def relaying(office: Office, *, limits: Limits | None = None, **settings: object) -> AsyncIterator[Relay]:
    relay = Relay(
        office.mail.queue,
        office.mail.queued_delivery,
        Routing(office.resolver, RelaySettings(**settings), DeterministicRandom(), f"mail.{DOMAIN}"),
        hostname=f"mail.{DOMAIN}",
        limits=limits or Limits(),
        clock=office.clock,
        tls=opportunistic_context(),
    )
    work = asyncio.ensure_future(relay.run())
    try:
        yield relay
    finally:
        await relay.stop(SECONDS)
        await asyncio.wait_for(work, SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until it holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


async def until_empty(office: Office) -> None:
    async with asyncio.timeout(SECONDS):
        while await office.mail.queue.list():
            await asyncio.sleep(0.001)


async def send(office: Office, *recipients: str) -> None:
    await office.take("alice", *recipients, account=await office.account("alice"))


def mx(office: Office, *domains: str) -> None:
    for domain in domains:
        office.resolver.zones[domain] = {"A": ["127.0.0.1"]}


class Gated(Peer):
    """Holds its answer to the content back until `open` is set."""

    def __init__(self) -> None:
        super().__init__(PLAIN)
        self.open = asyncio.Event()
        self.held = 0

    async def before_answer(self) -> None:
        self.held += 1
        await self.open.wait()


async def test_mail_goes_out_as_soon_as_it_is_committed(office: Office):
    mx(office, "far.test", "other.test")
    async with peer() as far, relaying(office, port=far.port):
        await send(office, "ann@far.test", "eve@other.test")
        await until_empty(office)
    assert len(far.contents) == 2, "a transfer for each destination"
    assert sorted(command for command in far.commands if command.startswith("RCPT")) == [
        "RCPT TO:<ann@far.test>",
        "RCPT TO:<eve@other.test>",
    ]


async def test_recipients_of_all_domains_go_to_a_smarthost_in_one_transfer(office: Office):
    async with peer() as smart, relaying(office, smarthost=f"127.0.0.1:{smart.port}"):
        await send(office, "ann@far.test", "eve@other.test")
        await until_empty(office)
    assert len(smart.contents) == 1 and len(smart.connections) == 1


async def test_what_was_delayed_goes_out_when_it_is_due(office: Office):
    mx(office, "far.test")
    async with peer(MAIL=[b"450 4.2.1 later\r\n", PLAIN["MAIL"]]) as far, relaying(office, port=far.port) as relay:
        await send(office, "ann@far.test")
        await until(lambda: bool(far.commands) and not relay._couriers)
        assert far.contents == []
        office.clock.advance(330)
        assert office.mail.queue.wake is not None
        office.mail.queue.wake()
        await until_empty(office)
    assert len(far.contents) == 1


async def test_a_person_can_have_it_tried_at_once(office: Office):
    mx(office, "far.test")
    async with peer(MAIL=[b"450 4.2.1 later\r\n", PLAIN["MAIL"]]) as far, relaying(office, port=far.port) as relay:
        await send(office, "ann@far.test")
        await until(lambda: bool(far.commands) and not relay._couriers)
        (message,) = await office.mail.queue.list()
        await office.mail.queue.retry(message.id)
        await until_empty(office)
    assert len(far.contents) == 1


async def test_connections_to_one_destination_are_bounded(office: Office):
    mx(office, "far.test")
    limits = Limits(relay_connections_per_destination=3)
    for number in range(12):
        await send(office, f"ann{number}@far.test")
    far = Gated()
    async with peer(made=far), relaying(office, limits=limits, port=far.port) as relay:
        await until(lambda: far.held == 3)
        assert len(far.connections) == 3 and relay._running == 3
        far.open.set()
        await until_empty(office)
    assert len(far.contents) == 12 and len(far.connections) == 3


async def test_stop_lets_a_transfer_end_and_gives_back_the_rest(office: Office):
    mx(office, "far.test", "other.test")
    limits = Limits(relay_connections_per_destination=1)
    for number in range(4):
        await send(office, f"ann{number}@far.test", f"eve{number}@other.test")
    far = Gated()
    async with peer(made=far):
        async with relaying(office, limits=limits, port=far.port) as relay:
            await until(lambda: far.held == 2)
            stopping = asyncio.ensure_future(relay.stop(SECONDS))
            await until(lambda: not any(c.waiting for couriers in relay._couriers.values() for c in couriers))
            far.open.set()
            await stopping
        assert len(far.contents) == 2
        messages = await office.mail.queue.list()
        states = [one.state for message in messages for one in message.recipients]
        assert states == [RecipientState.WAITING] * 6
        assert len(await office.mail.queue.claim()) == 3, "due at once for who starts next"


async def test_stop_does_not_wait_for_ever_and_gives_back_what_was_at_work(office: Office):
    mx(office, "far.test")
    await send(office, "ann@far.test")
    far = Gated()
    async with peer(made=far):
        async with relaying(office, port=far.port) as relay:
            await until(lambda: far.held == 1)
            await relay.stop(0.01)
        (message,) = await office.mail.queue.list()
        assert message.recipients[0].state is RecipientState.WAITING
        far.open.set()


async def test_mail_in_the_queue_for_somebody_here_is_delivered_here(office: Office):
    await office.add("bob")
    await office.mail.directory.add_alias(address("team"), (address("alice"), address("bob")))
    async with peer(RCPT=b"550 5.1.1 nobody\r\n") as far:
        mx(office, "far.test")
        async with relaying(office, port=far.port):
            await office.take("team", "ann@far.test", account=await office.account("alice"))
            await until_empty(office)
    for name in ("alice", "bob"):
        (report,) = await office.messages(name)
        assert b"Not delivered to ann@far.test" in report


async def test_a_bounce_that_cannot_be_delivered_ends(office: Office):
    await office.mail.directory.add_alias(address("gone"), (address("ann@far.test"),))
    mx(office, "far.test", "other.test")
    async with peer(RCPT=b"550 5.1.1 nobody\r\n") as far, relaying(office, port=far.port):
        await office.take("eve@other.test", "gone")
        await until_empty(office)
    mails = [command for command in far.commands if command.startswith("MAIL")]
    assert [mail.partition(" SIZE")[0] for mail in mails] == ["MAIL FROM:<eve@other.test>", "MAIL FROM:<>"]
