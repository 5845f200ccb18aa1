"""Applied to what a client had, changes give what is there: messages, threads, mailboxes (RFC 8620 §5.2)."""

import random
from pathlib import Path
from typing import Any

import pytest

from office import DOMAIN, Office, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.core.feed.states import Kind, StateTooOld
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.ids import AccountId, MessageId, ThreadId
from pillarbox.model.keywords import FlagSet

STEPS = 60
FLAGS = [FlagSet.of("\\Seen"), FlagSet.of("\\Deleted"), FlagSet.of("\\Flagged", "work")]


class Known:
    """What a client knows of one kind of thing: value by id, and the state that it is in."""

    def __init__(self, ask: Any, read: Any, *, is_bounded: bool = True) -> None:
        self._ask = ask
        self.is_bounded = is_bounded
        self._read = read
        self.state = 0
        self.things: dict[int, Any] = {}

    async def catch_up(self, chance: random.Random) -> None:
        while True:
            most = chance.choice([None, 1, 2, 50])
            changed = await self._ask(self.state, most)
            assert most is None or len({*changed.created, *changed.updated, *changed.destroyed}) <= (
                most if self.is_bounded else 50
            )
            assert not {*changed.created} & {*changed.destroyed}
            for key in changed.destroyed:
                self.things.pop(key, None)
            fetched = await self._read([*changed.created, *changed.updated])
            self.things.update(fetched)
            for key in {*changed.created, *changed.updated} - set(fetched):
                self.things.pop(key, None)  # gone since; a later step says so
            assert changed.state >= self.state
            self.state = changed.state
            if not changed.has_more:
                return


class Act:
    """Somebody at random."""

    def __init__(self, office: Office, account_id: AccountId, chance: random.Random) -> None:
        self.mail = office.mail
        self.office = office
        self.account_id = account_id
        self.chance = chance

    async def step(self) -> None:
        boxes = [m for m in await self.mail.mailboxes.list(self.account_id) if m.selectable]
        box, other = self.chance.choice(boxes), self.chance.choice(boxes)
        uids = await self.office.uids(self.account_id, box.id)
        some = sorted(self.chance.sample(uids, min(len(uids), self.chance.randint(1, 3))))
        match self.chance.randrange(8):
            case 0 | 1 | 2:
                number = self.chance.randrange(6)
                octets = f"Message-ID: <{self.chance.randrange(30)}@x>\r\nIn-Reply-To: <{number}@x>\r\nSubject: a\r\n\r\nhi\r\n"
                flags = self.chance.choice([FlagSet(), *FLAGS])
                await self.mail.messages.append(
                    self.account_id, box.id, Content.of(octets.encode()), flags=flags, received=self.office.clock.now()
                )
            case 3:
                action, flags = self.chance.choice(list(FlagAction)), self.chance.choice(FLAGS)
                await self.mail.messages.change_flags(self.account_id, box.id, some, action, flags)
            case 4:
                await self.mail.messages.copy(self.account_id, box.id, some, other.id)
            case 5:
                await self.mail.messages.move(self.account_id, box.id, some, other.id)
            case 6:
                await self.mail.messages.expunge(self.account_id, box.id, None)
            case 7:
                name = (f"box{self.chance.randrange(3)}",)
                if any(mailbox.path == name for mailbox in boxes):
                    await self.mail.mailboxes.delete(self.account_id, name)
                else:
                    await self.mail.mailboxes.create(self.account_id, name)


@pytest.mark.parametrize("seed", range(6))
async def test_changes_lead_to_what_a_fresh_look_shows(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        mail, act = office.mail, Act(office, alice.id, chance)

        async def emails(ids: list[int]) -> dict[int, Any]:
            found = (await mail.emails.facts(alice.id, [MessageId(key) for key in ids]))[0]
            return {key: (f.thread_id, f.mailbox_ids, f.flags) for key, f in found.items()}

        async def threads(ids: list[int]) -> dict[int, Any]:
            return (await mail.emails.threads(alice.id, [ThreadId(key) for key in ids]))[0]

        async def mailboxes(ids: list[int]) -> dict[int, Any]:
            return {m.id: (m.path, m.total, m.unseen) for m in await mail.mailboxes.list(alice.id) if m.id in ids}

        changes = mail.email_changes
        known = {
            Kind.EMAIL: Known(lambda since, most: changes.emails(alice.id, since, most), emails),
            "threads": Known(lambda since, most: changes.threads(alice.id, since, most), threads),
            Kind.MAILBOX: Known(
                lambda since, _: mail.mailbox_changes.since(alice.id, since, 50), mailboxes, is_bounded=False
            ),
        }
        for _ in range(STEPS):
            await act.step()
            if chance.random() < 0.5:
                continue
            for one in known.values():
                await one.catch_up(chance)
            rows = await office.database.all(
                alice.id, "select id, thread_id from message where account_id = $1 and shown is not null", alice.id
            )
            assert known[Kind.EMAIL].things == await emails([row[0] for row in rows])
            assert known["threads"].things == await threads([row[1] for row in rows])
            boxes = await mail.mailboxes.list(alice.id)
            assert known[Kind.MAILBOX].things == await mailboxes([m.id for m in boxes])
            assert known[Kind.EMAIL].state == await mail.states.get(alice.id, Kind.EMAIL)
            assert known[Kind.MAILBOX].state == await mail.states.get(alice.id, Kind.MAILBOX)


async def test_states_that_cannot_be_gone_on_from_are_refused(office: Office):
    (alice,) = await office.add("alice")
    await office.take("ann@far.test", "alice")
    changes = office.mail.email_changes
    state = await office.mail.states.get(alice.id, Kind.EMAIL)
    assert (await changes.emails(alice.id, state, None)).created == ()
    for since in (state + 1, -1):
        with pytest.raises(StateTooOld):
            await changes.emails(alice.id, since, None)
        with pytest.raises(StateTooOld):
            await changes.threads(alice.id, since, None)
        with pytest.raises(StateTooOld):
            await office.mail.mailbox_changes.since(alice.id, since, 50)


async def test_counts_alone_are_told_as_such(office: Office):
    (alice,) = await office.add("alice")
    changes = office.mail.mailbox_changes
    state = await office.mail.states.get(alice.id, Kind.MAILBOX)
    await office.take("ann@far.test", "alice")
    changed = await changes.since(alice.id, state, 50)
    assert len(changed.updated) == 1 and changed.counts_only
    await office.mail.mailboxes.rename(alice.id, ("Archive",), ("Store",))
    assert not (await changes.since(alice.id, state, 50)).counts_only
