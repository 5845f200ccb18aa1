"""Several hosts, the DNS, and troubles of our own (RFC 5321 §5.1, RFC 7504 §2, RFC 7505 §4.1)."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from outbound import carry, courier_of, far_test, one_peer, send, waiting
from scripted_peer import CLOSE, peer, shared_port

from office import Office
from pillarbox.model.ids import SYSTEM_ACCOUNT


@pytest.fixture(autouse=True)
async def alice(office: Office) -> None:
    await office.add("alice")


# --- several hosts ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def two_peers(office: Office, first: dict[str, bytes], second: dict[str, bytes]):
    port = shared_port("127.0.0.2", "127.0.0.3")
    far_test(office, "127.0.0.2", "127.0.0.3")
    async with peer("127.0.0.2", port, **first) as one, peer("127.0.0.3", port, **second) as two:
        yield one, two


@pytest.mark.parametrize(
    "trouble",
    [
        {"greeting": b"421 4.3.2 busy\r\n"},
        {"greeting": b"554 5.3.2 no mail\r\n"},
        {"greeting": CLOSE},
        {"EHLO": b"421 4.3.2 busy\r\n"},
    ],
    ids=["busy", "no mail", "closes", "busy after EHLO"],
)
async def test_the_next_host_is_tried_where_the_first_has_trouble(office: Office, trouble: dict[str, bytes]):
    async with two_peers(office, trouble, {}) as (one, two):
        await send(office, "ann@far.test")
        await carry(office, one.port)
    assert await office.mail.queue.list() == []
    assert len(one.connections) == 1 and len(two.contents) == 1


async def test_the_next_host_is_tried_where_nobody_listens(office: Office):
    port = shared_port("127.0.0.2", "127.0.0.3")
    far_test(office, "127.0.0.2", "127.0.0.3")
    async with peer("127.0.0.3", port) as two:
        await send(office, "ann@far.test")
        await carry(office, port)
    assert await office.mail.queue.list() == [] and len(two.contents) == 1


async def test_the_less_preferred_host_is_left_alone_while_the_first_works(office: Office):
    async with two_peers(office, {}, {}) as (one, two):
        await send(office, "ann@far.test")
        await carry(office, one.port)
    assert len(one.contents) == 1 and two.connections == []


@pytest.mark.parametrize("order", [0, 1])
async def test_a_host_that_may_come_back_outweighs_one_that_takes_no_mail(office: Office, order: int):
    troubles = [{"greeting": b"554 5.3.2 no mail\r\n"}, {"greeting": b"421 4.3.2 busy\r\n"}]
    async with two_peers(office, troubles[order], troubles[1 - order]) as (one, _):
        await send(office, "ann@far.test")
        await carry(office, one.port)
    assert len(await waiting(office)) == 1
    assert await office.messages("alice") == []


async def test_a_domain_whose_hosts_all_take_no_mail_is_bounced(office: Office):
    """RFC 7504 §2."""
    no_mail = {"greeting": b"521 5.3.2 no mail\r\n"}
    async with two_peers(office, no_mail, no_mail) as (one, _):
        await send(office, "ann@far.test")
        await carry(office, one.port)
    assert await office.mail.queue.list() == []
    assert b"521 5.3.2 no mail" in (await office.messages("alice"))[0]


async def test_a_host_that_cannot_be_reached_delays_all_that_waits_for_it(office: Office):
    far_test(office, "127.0.0.1")
    for name in ("ann", "bea", "cid"):
        await send(office, f"{name}@far.test")
    await carry(office, shared_port("127.0.0.1"))
    assert [one.attempts for one in await waiting(office)] == [1, 1, 1]


# --- DNS -------------------------------------------------------------------------------------------------------------


async def test_a_null_mx_is_bounced(office: Office):
    """RFC 7505 §4.1: here for mail that was in the queue before the record came."""
    office.resolver.zones["far.test"] = {"A": ["127.0.0.1"]}
    await send(office, "ann@far.test")
    office.resolver.zones["far.test"] = {"MX": [(0, "")]}
    await carry(office, 9)
    assert await office.mail.queue.list() == []
    assert b"Status: 5.1.10" in (await office.messages("alice"))[0]


async def test_a_dns_that_does_not_answer_delays(office: Office):
    office.resolver.failing.add("far.test")
    await send(office, "ann@far.test")
    await carry(office, 9)
    (recipient,) = await waiting(office)
    assert recipient.attempts == 1 and "DNS does not answer" in recipient.last_reply


# --- our own trouble -------------------------------------------------------------------------------------------------


async def test_a_message_that_was_cancelled_meanwhile_is_passed_over(office: Office):
    async with one_peer(office) as far:
        await send(office, "ann@far.test")
        courier = await courier_of(office, far.port)
        await office.mail.queue.cancel(courier.waiting[0].id)
        await courier.run()
    assert far.contents == []


async def test_what_waited_until_its_lease_ended_is_left_to_who_claims_it_now(office: Office):
    async with one_peer(office) as far:
        await send(office, "ann@far.test")
        late = await courier_of(office, far.port)
        office.clock.advance(office.mail.queue.settings.lease_seconds)
        punctual = await courier_of(office, far.port)
        await asyncio.gather(late.run(), punctual.run())
    assert len(far.contents) == 1


async def test_a_content_that_cannot_be_read_is_a_delay_and_the_connection_is_not_used_again(
    office: Office, tmp_path: Path
):
    large = b"Subject: large\r\n\r\n" + b"x" * 200_000 + b"\r\n"
    async with one_peer(office) as far:
        await send(office, "ann@far.test", content=large)
        for path in (tmp_path / "data" / "blobs").rglob("*"):
            if path.is_file():
                path.unlink()
        office.clock.advance(1)
        await send(office, "bea@far.test")
        await carry(office, far.port)
    (recipient,) = await waiting(office)
    assert (str(recipient.address), recipient.attempts) == ("ann@far.test", 1)
    assert len(far.connections) == 2 and len(far.contents) == 1


async def test_what_was_sent_and_could_not_be_recorded_is_not_sent_again_at_once(office: Office):
    async with one_peer(office) as far:
        await send(office, "ann@far.test")
        async with office.database.write(SYSTEM_ACCOUNT) as tx:
            await tx.run(
                "create trigger no_room before delete on queue_message begin select raise(abort, 'no room'); end"
            )
        courier = await courier_of(office, far.port)
        with pytest.raises(RuntimeError, match="no room"):
            await courier.run()
        await courier.give_back()
        assert len(far.contents) == 1
        assert await office.mail.queue.claim() == []
        office.clock.advance(office.mail.queue.settings.lease_seconds)
        assert len(await office.mail.queue.claim()) == 1
