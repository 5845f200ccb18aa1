"""What nobody needs any more goes, and nothing else: contents, files, changes, passports."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from office import DOMAIN, TEXT, Office, address, client_facts, open_office
from pillarbox.core.feed.states import Kind, StateTooOld
from pillarbox.core.housekeeping import FIRST_SECONDS, PASS_SECONDS
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import BlobId
from pillarbox.model.limits import Limits
from pillarbox.store.disk import Disk

DAY = 86_400.0
GRACE = 7 * DAY + 1
LARGE = TEXT + b"".join(b"line %06d\r\n" % n for n in range(20_000))
WAIT_SECONDS = 20
INLINE = "select count(*) from content"
HOLDERS = "select count(*) from blob_ref"


class SlowDisk(Disk):
    """Removes a file when it is told to, or fails to."""

    def __init__(self) -> None:
        self.is_removing = threading.Event()
        self.may_remove = threading.Event()
        self.may_remove.set()
        self.trouble: OSError | None = None

    def remove(self, path: Path) -> None:
        self.is_removing.set()
        assert self.may_remove.wait(WAIT_SECONDS)
        if self.trouble is not None:
            raise self.trouble
        super().remove(path)


@asynccontextmanager
async def house(folder: Path, disk: Disk | None = None, limits: Limits | None = None) -> AsyncIterator[Office]:
    async with open_office(folder, disk=disk, limits=limits) as office:
        await office.mail.directory.add_domain(DOMAIN)
        yield office


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def expunge(office: Office, name: str) -> None:
    account = await office.account(name)
    inbox = await office.mail.mailboxes.get(account.id, ("INBOX",))
    await office.mail.messages.empty(account.id, inbox.id)


async def count(office: Office, sql: str) -> int:
    return int(await office.database.value(0, sql))


async def in_thread(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, WAIT_SECONDS)


async def is_done_early(task: "asyncio.Task[object]") -> bool:
    """Whether it ends although it should wait: a while is long enough to be seen, if it does not."""
    done, _ = await asyncio.wait([task], timeout=0.3)
    return bool(done)


# --- contents --------------------------------------------------------------------------------------------------------


async def test_a_deleted_message_s_content_stays_for_the_grace_and_then_goes(tmp_path: Path):
    async with house(tmp_path) as office:
        await office.add("alice")
        for content in (TEXT, LARGE):
            await office.take("ann@far.test", "alice", content=content)
        await expunge(office, "alice")
        office.clock.advance(GRACE - 2)
        await office.mail.housekeeping.sweep()
        assert await count(office, INLINE) == 1 and len(files(tmp_path)) == 1
        office.clock.advance(2)
        await office.mail.housekeeping.sweep()
        assert await count(office, INLINE) == await count(office, HOLDERS) == 0
        assert files(tmp_path) == []


async def test_a_content_stays_while_anybody_refers_to_it(tmp_path: Path):
    async with house(tmp_path) as office:
        await office.add("alice", "bob")
        for content in (TEXT, LARGE):
            await office.take("ann@far.test", "alice", "bob", content=content)
            await office.take("ann@far.test", "alice", content=content)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        await office.mail.housekeeping.sweep()
        assert len(files(tmp_path)) == 1
        assert [one.endswith(content) for one, content in zip(await office.messages("bob"), (TEXT, LARGE), strict=True)]
        await expunge(office, "bob")
        office.clock.advance(GRACE)
        await office.mail.housekeeping.sweep()
        assert files(tmp_path) == [] and await count(office, INLINE) == 0


async def test_more_than_one_transaction_s_worth_goes_in_one_pass(office: Office):
    await office.add("alice")
    for number in range(450):
        await office.take("ann@far.test", "alice", content=TEXT + b"%d\r\n" % number)
    await expunge(office, "alice")
    office.clock.advance(GRACE)
    await office.mail.housekeeping.sweep()
    assert await count(office, INLINE) == await count(office, HOLDERS) == 0


async def test_an_upload_goes_a_day_and_a_grace_after_it_came_unless_it_is_renewed(tmp_path: Path):
    async with house(tmp_path) as office:
        (alice,) = await office.add("alice")

        async def upload() -> BlobId:
            spool = office.mail.uploads.begin()
            spool.write(LARGE)
            with await spool.finish() as content:
                return (await office.mail.uploads.keep(alice.id, content)).blob

        blob = await upload()
        office.clock.advance(7 * DAY)
        await upload()
        office.clock.advance(DAY + 1)
        await office.mail.housekeeping.sweep()
        assert len(files(tmp_path)) == 1
        office.clock.advance(GRACE)
        await office.mail.housekeeping.sweep()
        assert files(tmp_path) == []
        with pytest.raises(NotFound):
            await office.mail.uploads.open(alice.id, blob)


async def test_the_contents_of_an_account_that_was_removed_go(tmp_path: Path):
    async with house(tmp_path) as office:
        await office.add("alice", "bob")
        for content in (TEXT, LARGE):
            await office.take("ann@far.test", "alice", content=content)
        await office.take("ann@far.test", "bob")
        await office.mail.accounts.remove(address("alice"))
        office.clock.advance(GRACE)
        await office.mail.housekeeping.sweep()
        assert files(tmp_path) == [] and await count(office, INLINE) == 1
        assert len(await office.messages("bob")) == 1


# --- files, which no transaction covers ------------------------------------------------------------------------------


async def test_mail_that_comes_while_its_content_is_removed_is_whole(tmp_path: Path):
    disk = SlowDisk()
    async with house(tmp_path, disk) as office:
        await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        disk.may_remove.clear()
        disk.is_removing.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(office.mail.housekeeping.sweep())
            await in_thread(disk.is_removing)
            arrival = tasks.create_task(office.take("ann@far.test", "alice", content=LARGE))
            assert not await is_done_early(arrival)
            disk.may_remove.set()
        (message,) = await office.messages("alice")
        assert message.endswith(LARGE)
        await office.mail.housekeeping.sweep()
        assert len(files(tmp_path)) == 1


async def test_a_content_on_its_way_in_puts_its_removal_off(tmp_path: Path):
    async with house(tmp_path) as office:
        (alice,) = await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        spool = office.mail.uploads.begin()
        spool.write(LARGE)
        with await spool.finish() as content:
            await office.mail.housekeeping.sweep()
            assert len(files(tmp_path)) == 1
            await office.mail.uploads.keep(alice.id, content)
        await office.mail.housekeeping.sweep()
        async with await office.mail.uploads.open(alice.id, content.blob) as kept:
            assert await kept.read() == LARGE


async def test_a_refused_delivery_leaves_no_file_beyond_the_next_pass(tmp_path: Path):
    async with house(tmp_path, limits=Limits(account_octets=100_000)) as office:
        await office.add("alice")
        with suppress(OverQuota):
            await office.take_unchecked(client_facts(), "ann@far.test", "alice", content=LARGE)
        await office.mail.housekeeping.sweep()
        assert files(tmp_path) == []


async def test_a_removal_that_fails_is_tried_again(tmp_path: Path):
    disk = SlowDisk()
    async with house(tmp_path, disk) as office:
        await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        disk.trouble = OSError(5, "no")
        await office.mail.housekeeping.sweep()
        assert await count(office, HOLDERS) == 0 and len(files(tmp_path)) == 1
        disk.trouble = None
        await office.mail.housekeeping.sweep()
        assert files(tmp_path) == []


async def test_a_removal_that_is_cancelled_lets_the_same_octets_in_when_the_file_has_gone(tmp_path: Path):
    disk = SlowDisk()
    async with house(tmp_path, disk) as office:
        await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        disk.may_remove.clear()
        disk.is_removing.clear()
        sweep = asyncio.create_task(office.mail.housekeeping.sweep())
        await in_thread(disk.is_removing)
        sweep.cancel()
        with suppress(asyncio.CancelledError):
            await sweep
        arrival = asyncio.create_task(office.take("ann@far.test", "alice", content=LARGE))
        assert not await is_done_early(arrival)
        disk.may_remove.set()
        await arrival
        (message,) = await office.messages("alice")
        assert message.endswith(LARGE)


async def test_files_that_a_crash_left_go_after_a_start_once_they_are_old(tmp_path: Path):
    async with house(tmp_path) as office:
        await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
    async with open_office(tmp_path) as office:
        old, young = lost_files(tmp_path)
        moment = office.clock.now().timestamp()
        for path in files(tmp_path):
            os.utime(path, (moment - GRACE, moment - GRACE))
        os.utime(young, (moment, moment))
        assert await office.mail.housekeeping.look_for_lost_files()
        assert not old.exists() and young.exists()
        (message,) = await office.messages("alice")
        assert message.endswith(LARGE)


def lost_files(folder: Path) -> tuple[Path, Path]:
    """Two contents that no row names."""
    made = []
    for octets in (b"old", b"young"):
        name = hashlib.sha256(octets).hexdigest()
        path = folder / "blobs" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(octets)
        made.append(path)
    return made[0], made[1]


# --- changes and passports -------------------------------------------------------------------------------------------


async def test_changes_are_forgotten_from_the_oldest_on_and_the_floor_says_so(office: Office):
    (alice,) = await office.add("alice")
    await office.take("ann@far.test", "alice")
    office.clock.advance(31 * DAY)
    before = (await office.mail.email_changes.emails(alice.id, 1, None)).state
    await office.take("ann@far.test", "alice")
    await office.mail.housekeeping.sweep()
    with pytest.raises(StateTooOld):
        await office.mail.email_changes.emails(alice.id, before - 1, None)
    changed = await office.mail.email_changes.emails(alice.id, before, None)
    assert len(changed.created) == 1
    left = "the new one, and the newest of messages and of mailboxes that were forgotten"
    assert await count(office, "select count(*) from change where account_id > 0") == 3, left


async def test_an_account_s_changes_are_forgotten_however_many_there_are(office: Office):
    (alice, _) = await office.add("alice", "bob")
    for _ in range(250):
        await office.take("ann@far.test", "alice")
    office.clock.advance(31 * DAY)
    await office.mail.housekeeping.sweep()
    left = "the newest of messages and of mailboxes of one, of mailboxes of the other"
    for _ in range(2):
        assert await count(office, "select count(*) from change") == 3, left
        await office.mail.housekeeping.sweep()
    inbox = await office.mail.mailboxes.get(alice.id, ("INBOX",))
    assert await office.mail.messages.removed_since(alice.id, inbox.id, 1) is None


async def test_who_had_come_as_far_has_missed_nothing_when_changes_are_forgotten(office: Office):
    mail = office.mail
    (alice,) = await office.add("alice")
    await office.take("ann@far.test", "alice")
    states = {kind: await mail.states.get(alice.id, kind) for kind in Kind}
    for _ in range(3):
        office.clock.advance(31 * DAY)
        await mail.vacations.change(alice.id, lambda now: msgspec.structs.replace(now, is_enabled=not now.is_enabled))
        await mail.housekeeping.sweep()
    moved = {kind for kind in Kind if await mail.states.get(alice.id, kind) != states[kind]}
    assert moved == {Kind.VACATION}
    assert (await mail.email_changes.emails(alice.id, states[Kind.EMAIL], None)).created == ()
    assert await mail.mailbox_changes.own_since(alice.id, await mail.mailbox_changes.own_state(alice.id)) == set()
    with pytest.raises(StateTooOld):
        await mail.email_changes.emails(alice.id, states[Kind.EMAIL] - 1, None)
    with pytest.raises(StateTooOld):
        await mail.object_changes.since(alice.id, Kind.VACATION, states[Kind.VACATION])


async def test_passports_are_forgotten_entry_by_entry(office: Office):
    (alice,) = await office.add("alice")
    await office.take("alice", "ann@far.test", "alice", account=alice)
    entries = "select count(*) from passport_entry"
    known = await count(office, entries)
    office.clock.advance(89 * DAY)
    await office.take("ann@far.test", "alice")
    await office.mail.housekeeping.sweep()
    added = await count(office, entries) - known
    assert added > 0
    office.clock.advance(2 * DAY)
    await office.mail.housekeeping.sweep()
    assert await count(office, entries) == added


# --- when ------------------------------------------------------------------------------------------------------------


async def test_a_pass_is_made_soon_after_the_start_and_every_ten_minutes(office: Office):
    await office.add("alice")
    chores = asyncio.create_task(office.mail.housekeeping.run())
    await asyncio.sleep(0)
    try:
        for seconds in (FIRST_SECONDS, PASS_SECONDS):
            await office.take("ann@far.test", "alice")
            await expunge(office, "alice")
            released = "update blob_ref set released = released - 1000000 * $1 where released is not null"
            async with office.database.write(0) as tx:
                await tx.run(released, int(GRACE))
            office.clock.advance(seconds - 1)
            await office.add(f"bob{seconds}")
            assert await count(office, HOLDERS) == 1
            office.clock.advance(1)
            async with asyncio.timeout(WAIT_SECONDS):
                while await count(office, HOLDERS):
                    await asyncio.sleep(0)
            await office.add(f"carol{seconds}")
    finally:
        chores.cancel()


async def test_a_store_that_does_not_answer_ends_no_pass_and_loses_nothing(tmp_path: Path):
    async with house(tmp_path) as office:
        await office.add("alice")
        await office.take("ann@far.test", "alice", content=LARGE)
        await expunge(office, "alice")
        office.clock.advance(GRACE)
        for path in files(tmp_path):
            os.utime(path, (0, 0))
        await office.database.close()
        await office.mail.housekeeping.sweep()
        assert not await office.mail.housekeeping.look_for_lost_files()
