"""Who listens is told which kinds of things have changed, once for all that came meanwhile (RFC 8620 §7.1)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from office import TEXT, Office, address, open_office
from pillarbox.core.feed.state_feed import PAUSE_SECONDS, StateNews
from pillarbox.core.feed.states import FAMILIES, Kind
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.keywords import SEEN, FlagSet
from pillarbox.store import changes as change_rows

PATIENCE_SECONDS = 15.0


class Heard:
    """What one listener was told."""

    def __init__(self) -> None:
        self.news: list[StateNews | None] = []
        self._came = asyncio.Event()

    def __call__(self, news: StateNews | None) -> None:
        self.news.append(news)
        self._came.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._came.clear()
                await self._came.wait()

    @property
    def modseq(self) -> int:
        return next((one.modseq for one in reversed(self.news) if one is not None), 0)


@pytest.fixture
async def alice(office: Office) -> AccountId:
    return (await office.add("alice"))[0].id


async def modseq_of(office: Office, account_id: AccountId) -> int:
    return await office.database.value(account_id, "select modseq from account where id = $1", account_id)


async def mark_seen(office: Office, account_id: AccountId) -> None:
    inbox = await office.mail.mailboxes.get(account_id, ("INBOX",))
    uids = await office.uids(account_id, inbox.id)
    await office.mail.messages.change_flags(account_id, inbox.id, uids, FlagAction.ADD, FlagSet(SEEN))


async def test_a_delivery_is_told_with_the_states_that_a_get_would_say(office: Office, alice):
    heard = Heard()
    listening = await office.mail.state_feed.listen(alice, heard)
    await office.take("ann@far.test", "alice")
    await heard.until(lambda: bool(heard.news))
    (news,) = heard.news
    assert news is not None
    assert set(news.states) == {kind for kind in Kind if kind.value[0] <= 1 <= kind.value[1]}
    for kind, state in news.states.items():
        assert state == await office.mail.states.get(alice, kind)
    assert news.delivered == news.modseq == await modseq_of(office, alice) > listening.modseq
    listening.end()


async def test_flags_are_no_delivery(office: Office, alice):
    """RFC 8621 §1.5."""
    await office.take("ann@far.test", "alice")
    heard = Heard()
    await office.mail.state_feed.listen(alice, heard)
    await mark_seen(office, alice)
    await heard.until(lambda: bool(heard.news))
    assert heard.news[0] is not None
    assert Kind.EMAIL in heard.news[0].states
    assert heard.news[0].delivered is None


async def test_a_mailbox_alone_changes_no_messages(office: Office, alice):
    heard = Heard()
    await office.mail.state_feed.listen(alice, heard)
    await office.mail.mailboxes.create(alice, ("Work",))
    await heard.until(lambda: bool(heard.news))
    assert heard.news[0] is not None
    assert Kind.MAILBOX in heard.news[0].states
    assert Kind.EMAIL not in heard.news[0].states


async def test_all_that_comes_while_the_feed_rests_is_told_as_one(office: Office, alice):
    heard, other = Heard(), Heard()
    for one in (heard, other):
        await office.mail.state_feed.listen(alice, one)
    started = asyncio.get_running_loop().time()
    for _ in range(50):
        await office.take("ann@far.test", "alice")
    last = await modseq_of(office, alice)
    await heard.until(lambda: heard.modseq == last)
    took = asyncio.get_running_loop().time() - started
    assert len(heard.news) <= 2 + took / PAUSE_SECONDS
    assert other.news == heard.news


async def test_others_and_those_who_have_left_are_not_told(office: Office, alice):
    (bob,) = await office.add("bob")
    mine, bobs, left = Heard(), Heard(), Heard()
    await office.mail.state_feed.listen(alice, mine)
    await office.mail.state_feed.listen(bob.id, bobs)
    (await office.mail.state_feed.listen(alice, left)).end()
    await office.take("ann@far.test", "alice")
    await mine.until(lambda: bool(mine.news))
    assert (bobs.news, left.news) == ([], [])


async def test_nobody_listens_and_nothing_is_kept(office: Office, alice):
    feed = office.mail.state_feed
    listening = await feed.listen(alice, Heard())
    listening.end()
    listening.end()
    assert feed._watched == {}
    assert office.database.signals._listeners == {}


async def test_who_was_away_is_told_what_changed_since(office: Office, alice):
    before = await modseq_of(office, alice)
    await office.take("ann@far.test", "alice")
    between = await modseq_of(office, alice)
    await mark_seen(office, alice)
    since = office.mail.state_feed.since
    assert (await since(alice, before)).delivered == between
    assert (await since(alice, between)).delivered is None
    assert Kind.EMAIL in (await since(alice, between)).states
    now = await modseq_of(office, alice)
    assert await since(alice, now) == StateNews(now, {})


@pytest.mark.parametrize("where", ["below the floor", "in the future", "far behind"])
async def test_who_was_away_too_long_is_told_of_all(office: Office, alice, where: str, monkeypatch):
    since = await modseq_of(office, alice)
    await office.take("ann@far.test", "alice")
    now = await modseq_of(office, alice)
    if where == "below the floor":
        async with office.database.write(alice) as tx:
            await change_rows.forget_changes(tx, alice, 2**60, 1_000, FAMILIES)
    elif where == "in the future":
        since = now + 1
    else:
        monkeypatch.setattr("pillarbox.core.feed.state_feed.FAR_BEHIND", 0)
    news = await office.mail.state_feed.since(alice, since)
    assert set(news.states) == set(Kind)
    assert news.states[Kind.EMAIL] == await office.mail.states.get(alice, Kind.EMAIL)
    assert (news.modseq, news.delivered) == (now, now)


async def test_an_account_that_is_not_there_is_not_listened_to(office: Office):
    with pytest.raises(NotFound):
        await office.mail.state_feed.listen(AccountId(99), Heard())
    assert office.mail.state_feed._watched == {}


async def test_the_end_is_told_once(tmp_path: Path):
    heard = Heard()
    async with open_office(tmp_path) as office:
        await office.mail.directory.add_domain(address("alice").domain)
        (account,) = await office.add("alice")
        await office.mail.state_feed.listen(account.id, heard)
        office.mail.state_feed.end()
        with pytest.raises(NotFound):
            await office.mail.state_feed.listen(account.id, Heard())
    assert heard.news == [None]


async def test_what_is_not_committed_is_not_told(office: Office, alice):
    heard = Heard()
    await office.mail.state_feed.listen(alice, heard)
    with pytest.raises(ZeroDivisionError):
        async with office.database.write(alice) as tx:
            await change_rows.take_modseqs(tx, alice, 1)
            raise ZeroDivisionError
    await office.take("ann@far.test", "alice", content=TEXT)
    await heard.until(lambda: bool(heard.news))
    assert len(heard.news) == 1
