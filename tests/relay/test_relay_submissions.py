"""Mail from mailboxes on its way: held until its time, named to other servers, never behind those that are slow."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from outbound import far_test, one_peer
from scripted_peer import PLAIN, Peer, peer

from office import DOMAIN, Office, address, client_facts
from pillarbox.core.contents.spool import Content
from pillarbox.core.sending.submission_check import Wanted, WantedEnvelope
from pillarbox.model.envelope import HoldRequest
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.submission import Delivered, EnvelopeAddress, Submission, SubmissionEnvelope, Undo
from pillarbox.relay.routing import RelaySettings, Routing
from pillarbox.relay.worker import Relay
from pillarbox.wire.memory import DeterministicRandom
from pillarbox.wire.tls import opportunistic_context

SECONDS = 20.0
MESSAGE = (
    b"From: alice@uiowa.test\r\nMessage-ID: <sent@uiowa.test>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n"
)
EHLO_WITH_DSN = b"250-mx.far.test\r\n250-PIPELINING\r\n250 DSN\r\n"


@pytest.fixture(autouse=True)
async def people(office: Office) -> None:
    await office.add("alice", "bob")


@contextlib.asynccontextmanager
async def relaying(office: Office, port: int, *, limits: Limits | None = None) -> AsyncIterator[None]:
    relay = Relay(
        office.mail.queue,
        office.mail.queued_delivery,
        Routing(office.resolver, RelaySettings(port=port), DeterministicRandom(), f"mail.{DOMAIN}"),
        hostname=f"mail.{DOMAIN}",
        limits=limits or Limits(),
        clock=office.clock,
        tls=opportunistic_context(),
    )
    work = asyncio.ensure_future(relay.run())
    try:
        yield
    finally:
        await relay.stop(SECONDS)
        await asyncio.wait_for(work, SECONDS)


async def submit(office: Office, *recipients: str, hold_seconds: int | None = None) -> Submission:
    alice = await office.account("alice")
    (identity,) = await office.mail.identities.all(alice)
    drafts = await office.mail.mailboxes.get(alice.id, ("Drafts",))
    placed = await office.mail.messages.append(
        alice.id, drafts.id, Content.of(MESSAGE), flags=FlagSet(), received=office.clock.now()
    )
    named = tuple(map(address, recipients))
    envelope = WantedEnvelope(
        SubmissionEnvelope(EnvelopeAddress(str(alice.address)), tuple(EnvelopeAddress(str(one)) for one in named)),
        alice.address,
        named,
        None if hold_seconds is None else HoldRequest(seconds=hold_seconds),
    )
    return await office.mail.submissions.submit(client_facts(alice), Wanted(identity.id, placed.message_id, envelope))


async def until_known(office: Office, submission: Submission, *fates: Delivered) -> Submission:
    alice = await office.account("alice")
    async with asyncio.timeout(SECONDS):
        while True:
            found = (await office.mail.submissions.get(alice.id))[submission.id]
            if tuple(one.delivered for one in found.recipients) == fates:
                return found
            await asyncio.sleep(0.001)


async def test_what_is_sent_arrives_at_once_here_and_elsewhere(office: Office):
    async with one_peer(office) as far, relaying(office, far.port):
        made = await submit(office, "bob", "ann@far.test")
        after = await until_known(office, made, Delivered.YES, Delivered.UNKNOWN)
        assert after.undo is Undo.FINAL
    assert len(await office.messages("bob")) == len(far.contents) == 1


async def test_what_is_held_goes_when_its_time_has_come(office: Office):
    async with one_peer(office) as far, relaying(office, far.port):
        held = await submit(office, "bob", "ann@far.test", hold_seconds=3_600)
        other = await submit(office, "bob")
        await until_known(office, other, Delivered.YES)
        await until_known(office, held, Delivered.QUEUED, Delivered.QUEUED)
        office.clock.advance(3_600)
        assert office.mail.queue.wake is not None
        office.mail.queue.wake()
        await until_known(office, held, Delivered.YES, Delivered.UNKNOWN)
    assert len(await office.messages("bob")) == 2 and len(far.contents) == 1


async def test_other_servers_are_told_what_reports_are_to_name(office: Office):
    """RFC 3461 §4.2, §4.4: where they know of it, and for what was sent from a mailbox."""
    await office.mail.directory.add_alias(address("team"), (address("eve@far.test"),))
    async with one_peer(office, EHLO=EHLO_WITH_DSN) as far, relaying(office, far.port):
        made = await submit(office, "ann@far.test", "team")
        (message,) = await office.mail.queue.list()
        await until_known(office, made, Delivered.UNKNOWN, Delivered.UNKNOWN)
    _, mail, ann, eve, *_ = far.commands
    assert mail.endswith(f" ENVID={message.trace_id}")
    assert ann == "RCPT TO:<ann@far.test> ORCPT=rfc822;ann@far.test"
    assert eve == f"RCPT TO:<eve@far.test> ORCPT=rfc822;team@{DOMAIN}"


class Slow(Peer):
    """Says nothing to the content until it may."""

    def __init__(self) -> None:
        super().__init__(PLAIN)
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def before_answer(self) -> None:
        self.is_asked.set()
        await self.may_answer.wait()


async def test_people_here_never_wait_for_servers_that_are_slow(office: Office):
    far_test(office, "127.0.0.1")
    async with peer(made=Slow()) as slow, relaying(office, slow.port, limits=Limits(relay_connections=1)):
        assert isinstance(slow, Slow)
        away = await submit(office, "ann@far.test")
        await asyncio.wait_for(slow.is_asked.wait(), SECONDS)
        here = await submit(office, "bob")
        await until_known(office, here, Delivered.YES)
        await until_known(office, away, Delivered.QUEUED)
        slow.may_answer.set()
        await until_known(office, away, Delivered.UNKNOWN)
