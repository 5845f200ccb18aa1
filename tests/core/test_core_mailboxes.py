"""Mailboxes: names, special uses, subscriptions (RFC 9051 §6.3.4 to §6.3.9, RFC 6154 §3)."""

import asyncio
from pathlib import Path

import pytest

from office import DOMAIN, TEXT, Office, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.model.account import Account
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import AlreadyExists, Conflict, Invalid, NotAllowed, NotFound, TooMany
from pillarbox.model.ids import AccountId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.mailbox import NEW_ACCOUNT_MAILBOXES, MailboxRole

USUAL = {(name,) for name, _ in NEW_ACCOUNT_MAILBOXES}


@pytest.fixture
async def alice(office: Office) -> Account:
    (account,) = await office.add("alice")
    return account


async def paths(office: Office, account: Account) -> set[tuple[str, ...]]:
    return {mailbox.path for mailbox in await office.mail.mailboxes.list(account.id)} - USUAL


async def put(office: Office, account_id: AccountId, *path: str, word: str = "word") -> int:
    mailbox = await office.mail.mailboxes.get(account_id, path)
    content = Content.of(b"Subject: " + word.encode() + b"\r\n\r\n" + TEXT)
    placed = await office.mail.messages.append(
        account_id, mailbox.id, content, flags=FlagSet(), received=office.clock.now()
    )
    return placed.uid


async def changes(office: Office, account: Account) -> list[tuple[ChangeKind, int]]:
    rows = await office.database.all(
        account.id, "select kind, mailbox_id from change where account_id = $1 order by modseq", account.id
    )
    return [(ChangeKind(kind), mailbox_id) for kind, mailbox_id in rows]


# --- create ----------------------------------------------------------------------------------------------------------


async def test_create_makes_missing_parents(office: Office, alice: Account):
    made = await office.mail.mailboxes.create(alice.id, ("Lists", "python", "dev"))
    assert await paths(office, alice) == {("Lists",), ("Lists", "python"), ("Lists", "python", "dev")}
    assert made.uidnext == 1 and made.total == 0
    assert (await changes(office, alice))[-1] == (ChangeKind.MAILBOX_CREATED, made.id)


async def test_a_name_is_given_once_and_inbox_in_any_case(office: Office, alice: Account):
    await office.mail.mailboxes.create(alice.id, ("Lists",))
    for path in (("Lists",), ("INBOX",), ("inbox",), ("InBox",)):
        with pytest.raises(AlreadyExists):
            await office.mail.mailboxes.create(alice.id, path)
    await office.mail.mailboxes.create(alice.id, ("lists",))
    below = await office.mail.mailboxes.create(alice.id, ("inbox", "work"))
    assert below.path == ("INBOX", "work")


@pytest.mark.parametrize("name", ["", "a\tb", "a\x00b", "a\x1fb", "a\x7fb", "a\x85b", "a\ud800b", "x" * 1_001])
async def test_names_that_no_mailbox_may_bear_are_refused(office: Office, alice: Account, name: str):
    with pytest.raises(Invalid):
        await office.mail.mailboxes.create(alice.id, (name,))
    with pytest.raises(Invalid):
        await office.mail.mailboxes.create(alice.id, ("Lists", name))
    assert await paths(office, alice) == set(), "no parent is left of what failed"


async def test_depth_and_number_of_mailboxes_are_bounded(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(mailbox_depth=3, mailboxes=9)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        with pytest.raises(Invalid):
            await office.mail.mailboxes.create(alice.id, ("a", "b", "c", "d"))
        await office.mail.mailboxes.create(alice.id, ("a", "b"))
        with pytest.raises(TooMany):
            await office.mail.mailboxes.create(alice.id, ("x", "y"))
        assert await paths(office, alice) == {("a",), ("a", "b")}


async def test_a_special_use_belongs_to_one_mailbox(office: Office, alice: Account):
    with pytest.raises(Conflict):
        await office.mail.mailboxes.create(alice.id, ("Papierkorb",), MailboxRole.TRASH)
    await office.mail.mailboxes.delete(alice.id, ("Trash",))
    made = await office.mail.mailboxes.create(alice.id, ("Papierkorb",), MailboxRole.TRASH)
    assert made.role is MailboxRole.TRASH


# --- delete ----------------------------------------------------------------------------------------------------------


async def test_delete_removes_the_messages_and_gives_their_room_back(office: Office, alice: Account):
    await office.mail.mailboxes.create(alice.id, ("Lists",))
    for number in range(3):
        await put(office, alice.id, "Lists", word=str(number))
    assert (await office.account("alice")).used_octets > 0
    await office.mail.mailboxes.delete(alice.id, ("Lists",))
    assert await paths(office, alice) == set()
    assert (await office.account("alice")).used_octets == 0
    assert await office.database.value(alice.id, "select count(*) from message where account_id = $1", alice.id) == 0


async def test_a_name_that_is_used_again_has_a_larger_uidvalidity(office: Office, alice: Account):
    seen = []
    for _ in range(3):
        made = await office.mail.mailboxes.create(alice.id, ("Lists",))
        seen.append(made.uidvalidity)
        await put(office, alice.id, "Lists")
        await office.mail.mailboxes.delete(alice.id, ("Lists",))
    assert seen == sorted(set(seen))


async def test_a_mailbox_with_others_below_stays_as_a_name_that_only_holds_them(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    await mailboxes.create(alice.id, ("Lists", "python"))
    await put(office, alice.id, "Lists")
    await put(office, alice.id, "Lists", "python")
    await mailboxes.delete(alice.id, ("Lists",))
    shell = await mailboxes.get(alice.id, ("Lists",))
    assert not shell.selectable and shell.total == 0
    assert (await mailboxes.get(alice.id, ("Lists", "python"))).total == 1
    with pytest.raises(NotAllowed):
        await mailboxes.delete(alice.id, ("Lists",))
    with pytest.raises(NotFound):
        await put(office, alice.id, "Lists")
    again = await mailboxes.create(alice.id, ("Lists",))
    assert again.selectable and again.total == 0
    assert await put(office, alice.id, "Lists") == 1


async def test_inbox_cannot_be_deleted_and_what_is_not_there_neither(office: Office, alice: Account):
    with pytest.raises(NotAllowed):
        await office.mail.mailboxes.delete(alice.id, ("inbox",))
    with pytest.raises(NotFound):
        await office.mail.mailboxes.delete(alice.id, ("Nothing",))


async def test_a_deletion_that_a_crash_cut_off_is_ended_at_the_next_start(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        made = await office.mail.mailboxes.create(alice.id, ("Lists",))
        await put(office, alice.id, "Lists")
        deletion = asyncio.ensure_future(office.mail.mailboxes.delete(alice.id, ("Lists",)))
        while ("Lists",) in await paths(office, alice):
            await asyncio.sleep(0)
        deletion.cancel()
        await asyncio.gather(deletion, return_exceptions=True)
        assert await office.uids(alice.id, made.id) == [1]
    async with open_office(tmp_path / "data") as office:
        assert await office.uids(alice.id, made.id) == []
        assert await office.database.value(alice.id, "select count(*) from mailbox where id = $1", made.id) == 0


async def test_a_message_that_lies_in_another_mailbox_too_outlives_the_deletion(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    lists = await mailboxes.create(alice.id, ("Lists",))
    uid = await put(office, alice.id, "Lists")
    archive = await mailboxes.get(alice.id, ("Archive",))
    await office.mail.messages.copy(alice.id, lists.id, [uid], archive.id)
    used = (await office.account("alice")).used_octets
    await mailboxes.delete(alice.id, ("Lists",))
    assert len(await office.messages("alice", "Archive")) == 1
    assert (await office.account("alice")).used_octets == used


# --- rename ----------------------------------------------------------------------------------------------------------


async def test_rename_moves_all_that_lies_below_and_makes_missing_parents(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    before = await mailboxes.create(alice.id, ("Lists", "python", "dev"))
    await mailboxes.create(alice.id, ("Lists2",))
    await put(office, alice.id, "Lists", "python", "dev")
    await mailboxes.rename(alice.id, ("Lists",), ("Old", "post"))
    assert await paths(office, alice) == {
        ("Old",), ("Old", "post"), ("Old", "post", "python"), ("Old", "post", "python", "dev"), ("Lists2",)
    }  # fmt: skip
    after = await mailboxes.get(alice.id, ("Old", "post", "python", "dev"))
    assert (after.id, after.uidvalidity, after.total) == (before.id, before.uidvalidity, 1)


async def test_rename_takes_no_name_that_is_used_and_none_below_itself(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    await mailboxes.create(alice.id, ("Lists", "python"))
    for new, problem in ((("Trash",), AlreadyExists), (("inbox",), AlreadyExists), (("Lists", "python", "x"), Invalid),
                         (("Lists",), Invalid), (("a\tb",), Invalid)):  # fmt: skip
        with pytest.raises(problem):
            await mailboxes.rename(alice.id, ("Lists",), new)
    with pytest.raises(NotFound):
        await mailboxes.rename(alice.id, ("Nothing",), ("New",))
    assert await paths(office, alice) == {("Lists",), ("Lists", "python")}


async def test_a_rename_that_would_make_a_child_too_deep_changes_nothing(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(mailbox_depth=3)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await office.mail.mailboxes.create(alice.id, ("a", "b"))
        with pytest.raises(Invalid):
            await office.mail.mailboxes.rename(alice.id, ("a",), ("x", "y", "z"))
        assert await paths(office, alice) == {("a",), ("a", "b")}


async def test_renaming_inbox_moves_its_messages_and_leaves_it_and_what_lies_below(office: Office, alice: Account):
    """RFC 9051 §6.3.6."""
    mailboxes = office.mail.mailboxes
    await mailboxes.create(alice.id, ("INBOX", "work"))
    for word in ("one", "two"):
        await put(office, alice.id, "INBOX", word=word)
    inbox = await mailboxes.get(alice.id, ("INBOX",))
    await mailboxes.rename(alice.id, ("inbox",), ("Old",))
    after = await mailboxes.get(alice.id, ("INBOX",))
    assert (after.id, after.uidvalidity, after.total, after.role) == (inbox.id, inbox.uidvalidity, 0, MailboxRole.INBOX)
    assert after.uidnext == inbox.uidnext
    assert [b"one" in octets or b"two" in octets for octets in await office.messages("alice", "Old")] == [True, True]
    assert await paths(office, alice) == {("Old",), ("INBOX", "work")}
    await office.take("ann@far.test", "alice")
    assert len(await office.messages("alice")) == 1


async def test_a_mailbox_keeps_its_special_use_under_another_name(office: Office, alice: Account):
    await office.mail.mailboxes.rename(alice.id, ("Trash",), ("Papierkorb",))
    assert (await office.mail.mailboxes.get(alice.id, ("Papierkorb",))).role is MailboxRole.TRASH


# --- subscriptions ---------------------------------------------------------------------------------------------------


async def test_subscriptions_are_names_and_outlive_their_mailboxes(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    await mailboxes.subscribe(alice.id, ("Lists",))
    assert ("Lists",) in await mailboxes.subscriptions(alice.id)
    made = await mailboxes.create(alice.id, ("Lists",))
    assert made.subscribed
    await mailboxes.delete(alice.id, ("Lists",))
    assert ("Lists",) in await mailboxes.subscriptions(alice.id)
    await mailboxes.unsubscribe(alice.id, ("Lists",))
    await mailboxes.unsubscribe(alice.id, ("Lists",))
    assert ("Lists",) not in await mailboxes.subscriptions(alice.id)


async def test_a_rename_leaves_the_subscription_with_the_name(office: Office, alice: Account):
    mailboxes = office.mail.mailboxes
    await mailboxes.create(alice.id, ("One",))
    await mailboxes.create(alice.id, ("Two",))
    await mailboxes.subscribe(alice.id, ("One",))
    await mailboxes.subscribe(alice.id, ("Three",))
    await mailboxes.rename(alice.id, ("One",), ("Four",))
    assert not (await mailboxes.get(alice.id, ("Four",))).subscribed
    await mailboxes.rename(alice.id, ("Two",), ("Three",))
    assert (await mailboxes.get(alice.id, ("Three",))).subscribed
    found = set(await mailboxes.subscriptions(alice.id)) - USUAL
    assert found == {("One",), ("Three",)}


async def test_inbox_is_found_in_any_case(office: Office, alice: Account):
    inbox = await office.mail.mailboxes.inbox(alice.id)
    assert (await office.mail.mailboxes.get(alice.id, ("iNbOx",))).id == inbox
    with pytest.raises(NotFound):
        await office.mail.mailboxes.get(alice.id, ("trash",))
