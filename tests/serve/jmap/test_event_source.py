"""The event source (RFC 8620 §7.3): states when something changes, pings, its end, and who reads slowly."""

import asyncio
import contextlib
import gc
from pathlib import Path

import httpx
import pytest
from event_stream import Events, listening
from jmap_site import PASSWORD, Site, open_jmap

from office import DOMAIN, address, open_office
from pillarbox.grammar.jmap.push import Event
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.push import event_source

MAIL_TYPES = {"Email", "EmailDelivery", "Mailbox", "Thread"}


async def deliver(site: Site, count: int = 1) -> None:
    for _ in range(count):
        await site.office.take("ann@far.test", "alice")


async def modseq(site: Site) -> str:
    return str(
        await site.office.database.value(site.account.id, "select modseq from account where id = $1", site.account.id)
    )


async def test_a_delivery_is_told_with_the_states_that_get_says(site: Site):
    async with listening(site) as events:
        assert events.response.headers["content-type"] == "text/event-stream"
        assert events.response.headers["cache-control"] == "no-store"
        await deliver(site)
        states = await events.states()
    assert set(states) >= MAIL_TYPES
    for name in ("Email", "Mailbox", "Thread"):
        assert states[name] == (await site.call(f"{name}/get", ids=[]))["state"], name


async def test_only_the_types_asked_for_are_told(site: Site):
    async with listening(site, "EmailDelivery,CalendarEvent") as events:
        await site.call("Mailbox/set", create={"a": {"name": "Work"}})
        await deliver(site)
        assert set(await events.states()) == {"EmailDelivery"}


async def test_each_event_has_the_place_in_time_that_one_can_come_back_with(site: Site):
    async with listening(site, "Email") as events:
        await deliver(site)
        event = await events.next()
    assert event.id is not None
    async with listening(site, "Email", headers={"Last-Event-ID": event.id}) as events:
        await deliver(site)
        assert int((await events.states())["Email"]) > int(event.id)
    async with listening(site, "Email", headers={"Last-Event-ID": event.id}) as events:
        missed = await events.states()
    assert missed == {"Email": (await site.call("Email/get", ids=[]))["state"]}


async def test_who_knows_all_is_told_nothing_at_first(site: Site):
    await deliver(site)
    async with listening(site, headers={"Last-Event-ID": await modseq(site)}, ping=1) as events:
        assert (await events.next()).name == "ping"


@pytest.mark.parametrize("last", ["", "x", "-1", "99999999", "1" * 30, "\u0663"])
async def test_a_place_in_time_that_nobody_gave_is_answered_with_all(site: Site, last: str):
    """A latin-1 header cannot hold the last of them: it comes as octets."""
    await deliver(site)
    headers = httpx.Headers([(b"Last-Event-ID", last.encode())])
    async with listening(site, "Email,Identity", headers=headers) as events:
        assert set(await events.states()) == {"Email", "Identity"}


async def test_after_a_state_it_is_closed_when_that_is_asked_for(site: Site):
    async with listening(site, closeafter="state") as events:
        await deliver(site)
        assert (await events.next()).name == "state"
        assert await events.end() == []
    assert (await site.http.get("/jmap/session")).status_code == 200


async def test_pings_come_while_nothing_happens_and_have_no_id(site: Site):
    async with listening(site, ping=1) as events:
        for _ in range(2):
            assert await events.next() == Event("ping", {"interval": 1})


async def test_without_pings_a_comment_shows_who_is_gone(site: Site, monkeypatch):
    monkeypatch.setattr(event_source, "SILENCE_SECONDS", 0.05)
    async with listening(site) as events:
        assert await events.next() == Event()


@pytest.mark.parametrize(("asked", "seconds"), [(0, 0), (1, 1), (30, 30), (300, 300), (100_000_000, 900)])
def test_the_interval_is_bounded_as_the_standard_allows(asked: int, seconds: int):
    query = httpx.QueryParams(types="*", closeafter="no", ping=str(asked))
    assert event_source.read_wish(query, None).ping_seconds == seconds


@pytest.mark.parametrize(
    "query",
    [
        "",
        "types=*&closeafter=no",
        "types=*&ping=0",
        "closeafter=no&ping=0",
        "types=&closeafter=no&ping=0",
        "types=*&closeafter=yes&ping=0",
        "types=*&closeafter=no&ping=-1",
        "types=*&closeafter=no&ping=1.5",
        "types=*&closeafter=no&ping=%D9%A3",
        "types=*&closeafter=no&ping=9999999999",
    ],
)
async def test_a_wish_that_is_none_is_refused(site: Site, query: str):
    answer = await site.http.get(f"/jmap/eventsource?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_has_not_signed_in_is_told_so(site: Site):
    async with httpx.AsyncClient(trust_env=False) as stranger:
        url = f"http://localhost:{site.port}/jmap/eventsource?types=*&closeafter=no&ping=0"
        assert (await stranger.get(url)).status_code == 401


async def test_a_head_request_is_answered_without_events(site: Site):
    answer = await site.http.head("/jmap/eventsource?types=*&closeafter=no&ping=0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


# --- ends ------------------------------------------------------------------------------------------------------------


async def test_a_new_password_ends_what_the_old_one_opened(site: Site):
    async with listening(site) as events:
        await site.mail.accounts.set_password(site.account.address, "another horse")
        assert await events.end() == []


async def test_the_end_of_a_token_ends_what_it_opened_and_nothing_else(site: Site):
    tokens = [await site.mail.tokens.add(site.account.address, name) for name in ("laptop", "phone")]
    async with contextlib.AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(listening(site, headers={"Authorization": f"Bearer {token}"}))
            for token in tokens
        ]
        await site.mail.tokens.remove(site.account.address, "laptop")
        assert await one.end() == []
        await deliver(site)
        assert "Email" in await two.states()


async def test_a_token_that_ends_by_itself_ends_what_it_opened(site: Site):
    from datetime import timedelta

    token = await site.mail.tokens.add(site.account.address, "guest", lasts=timedelta(seconds=0.05))
    async with listening(site, headers={"Authorization": f"Bearer {token}"}) as events:
        site.office.clock.advance(1)
        assert await events.end() == []


async def test_the_end_of_an_account_ends_it(site: Site):
    async with listening(site) as events:
        await site.mail.accounts.remove(site.account.address)
        assert await events.end() == []


async def test_the_end_of_the_server_ends_it_in_order(site: Site):
    """The response is finished, not cut."""
    async with listening(site) as events:
        site.mail.state_feed.end()
        assert await events.end() == []


async def test_a_client_that_goes_is_forgotten(site: Site):
    async with listening(site):
        assert site.mail.state_feed._watched
    async with asyncio.timeout(15):
        while site.mail.state_feed._watched or site.mail.credentials._listeners:
            await asyncio.sleep(0.001)
    assert site.office.database.signals._listeners == {}


# --- bounds ----------------------------------------------------------------------------------------------------------


async def test_an_account_has_so_many(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(push_listeners=2)) as office, open_jmap(office) as site:
        await office.mail.accounts.add(address("bob"), PASSWORD)
        async with listening(site), listening(site):
            query = "/jmap/eventsource?types=*&closeafter=no&ping=0"
            answer = await site.http.get(query)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
            async with site.http.stream("GET", query, auth=(f"bob@{DOMAIN}", PASSWORD)) as bobs:
                assert bobs.status_code == 200
        async with asyncio.timeout(15):
            while (await site.http.head(query)).status_code == 429:
                await asyncio.sleep(0.001)


async def test_who_reads_slowly_is_told_the_newest_and_nothing_is_queued(site: Site, monkeypatch):
    monkeypatch.setattr("pillarbox.core.feed.state_feed.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(event_source, "format_event", _padded(event_source.format_event))
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1_000)
    token = await site.mail.tokens.add(site.account.address, "slow")
    writer.write(
        b"GET /jmap/eventsource?types=Email&closeafter=no&ping=0 HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    async with listening(site, "Email") as quick:
        for _ in range(60):
            await deliver(site)
            await quick.next()
        last = await modseq(site)
    got = b""
    writer.transport.resume_reading()
    async with asyncio.timeout(30):
        while f'"{last}"'.encode() not in got:
            got += await reader.read(1 << 20)
    assert got.count(b"event: state") < 60
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def _padded(format_event):
    """Events so large that the sockets' buffers cannot hold many."""

    def padded(event: Event) -> bytes:
        return format_event(event) if event.data is None else b":" + b"x" * 500_000 + b"\n" + format_event(event)

    return padded


async def test_while_nothing_happens_one_listener_is_one_task(site: Site):
    gc.collect()
    before = len(asyncio.all_tasks())
    async with listening(site) as events:
        assert isinstance(events, Events)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before + 1


async def test_a_flood_of_deliveries_is_few_events_and_the_last_is_among_them(site: Site):
    async with listening(site, "Email") as events:
        await deliver(site, 100)
        last, count = await modseq(site), 0
        while True:
            count += 1
            if (await events.states())["Email"] == last:
                break
        assert count < 50
