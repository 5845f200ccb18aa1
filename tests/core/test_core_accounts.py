"""Accounts, aliases and the way of each address (RFC 5321 §3.4, §4.5.1; RFC 5233 §1)."""

import asyncio
from pathlib import Path

import pytest

from office import DOMAIN, OTHER_DOMAIN, Office, address, client_facts, open_office
from pillarbox.core.flow.directory import Forward, Local, Remote
from pillarbox.model.address import Address
from pillarbox.model.errors import AlreadyExists, BadCredentials, Conflict, Invalid, MailError, NotFound, RateLimited
from pillarbox.model.limits import Limits
from pillarbox.model.mailbox import MailboxRole

PEER = "192.0.2.7:5000"
PASSWORD = "correct horse"
TABLES = (
    "mailbox", "message", "message_line", "placement", "change", "content", "keyword", "subscription", "passport_entry"
)  # fmt: skip


async def rows_of(office: Office, account_id: int) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        counts[table] = await office.database.value(
            account_id, f"select count(*) from {table} where account_id = $1", account_id
        )
    return counts


# --- add and sign in -------------------------------------------------------------------------------------------------


async def test_a_new_account_has_the_usual_mailboxes_each_with_its_use(office: Office):
    (alice,) = await office.add("alice")
    found = {mailbox.path: mailbox for mailbox in await office.mail.mailboxes.list(alice.id)}
    assert {path: mailbox.role for path, mailbox in found.items()} == {
        ("INBOX",): MailboxRole.INBOX,
        ("Drafts",): MailboxRole.DRAFTS,
        ("Sent",): MailboxRole.SENT,
        ("Archive",): MailboxRole.ARCHIVE,
        ("Junk",): MailboxRole.JUNK,
        ("Trash",): MailboxRole.TRASH,
    }
    assert all(mailbox.subscribed and mailbox.total == 0 for mailbox in found.values())
    assert len({mailbox.uidvalidity for mailbox in found.values()}) == 6


async def test_an_address_has_one_account_in_any_case(office: Office):
    await office.add("alice")
    with pytest.raises(AlreadyExists):
        await office.add("Alice")
    assert [str(account.address) for account in await office.mail.accounts.list()] == [f"alice@{DOMAIN}"]


async def test_accounts_are_made_in_domains_of_this_server_only(office: Office):
    with pytest.raises(NotFound):
        await office.add("alice@far.test")
    with pytest.raises(Invalid):
        await office.mail.accounts.add(address(f"@{DOMAIN}"), None)


async def test_a_name_without_a_domain_signs_in_where_only_one_account_has_it(office: Office):
    alice = await office.mail.accounts.add(address("alice"), PASSWORD)
    assert (await office.mail.accounts.sign_in("ALICE", PASSWORD, peer=PEER)).id == alice.id
    await office.add(f"alice@{OTHER_DOMAIN}")
    with pytest.raises(BadCredentials):
        await office.mail.accounts.sign_in("alice", PASSWORD, peer=PEER)
    assert (await office.mail.accounts.sign_in(f"alice@{DOMAIN}", PASSWORD, peer=PEER)).id == alice.id


async def test_a_changed_password_ends_what_was_remembered_of_the_old_one(office: Office):
    accounts = office.mail.accounts
    await accounts.add(address("alice"), PASSWORD)
    await accounts.sign_in("alice", PASSWORD, peer=PEER)
    await accounts.set_password(address("alice"), "another one")
    with pytest.raises(BadCredentials):
        await accounts.sign_in("alice", PASSWORD, peer=PEER)
    await accounts.sign_in("alice", "another one", peer=PEER)
    await accounts.set_password(address("alice"), None)
    with pytest.raises(BadCredentials):
        await accounts.sign_in("alice", "another one", peer=PEER)


async def test_unknown_names_and_wrong_passwords_are_answered_alike(office: Office):
    await office.mail.accounts.add(address("alice"), PASSWORD)
    await office.add("carol")
    said = set()
    for name in ("alice", "nobody", "carol", "nobody@far.test", "@", "a@b@c"):
        with pytest.raises(BadCredentials) as caught:
            await office.mail.accounts.sign_in(name, "wrong", peer=PEER)
        said.add(str(caught.value))
    assert len(said) == 1


async def test_failures_are_counted_by_peer_until_their_window_has_passed(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(login_failures=3, login_window_seconds=600)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        await office.mail.accounts.add(address("alice"), PASSWORD)
        for _ in range(3):
            with pytest.raises(BadCredentials):
                await office.mail.accounts.sign_in("alice", "wrong", peer=PEER)
        with pytest.raises(RateLimited):
            await office.mail.accounts.sign_in("alice", PASSWORD, peer=PEER)
        await office.mail.accounts.sign_in("alice", PASSWORD, peer="192.0.2.8:5000")
        office.clock.advance(600)
        await office.mail.accounts.sign_in("alice", PASSWORD, peer=PEER)


async def test_a_scram_exchange_for_an_unknown_name_shows_the_same_salt_each_time(office: Office):
    first, second = [await office.mail.accounts.scram("nobody", "sha256", peer=PEER) for _ in range(2)]
    other = await office.mail.accounts.scram("somebody", "sha256", peer=PEER)
    assert first.account is None
    assert first.verifier.salt == second.verifier.salt != other.verifier.salt


# --- remove ----------------------------------------------------------------------------------------------------------


async def test_a_removed_account_leaves_no_row_and_its_name_is_free(office: Office):
    (alice, _) = await office.add("alice", "bob")
    for _ in range(3):
        await office.take("ann@far.test", "alice", "bob")
    await office.mail.accounts.remove(address("alice"))
    assert set((await rows_of(office, alice.id)).values()) == {0}
    assert len(await office.messages("bob")) == 3
    with pytest.raises(NotFound):
        await office.take("ann@far.test", "alice")
    (again,) = await office.add("alice")
    assert again.id != alice.id
    assert await office.messages("alice") == []


async def test_mail_that_arrives_while_its_account_is_removed_is_refused_or_goes_with_it(office: Office):
    (alice,) = await office.add("alice")
    for _ in range(20):
        await office.take("ann@far.test", "alice")
    arriving = [asyncio.ensure_future(office.take("ann@far.test", "alice")) for _ in range(20)]
    await office.mail.accounts.remove(address("alice"))
    for outcome in await asyncio.gather(*arriving, return_exceptions=True):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, MailError)
    await office.mail.accounts.finish_removals()
    assert set((await rows_of(office, alice.id)).values()) == {0}
    assert await office.database.value(alice.id, "select count(*) from account where id = $1", alice.id) == 0


async def test_a_recipient_whose_account_goes_after_rcpt_is_reported_while_the_others_have_their_mail(office: Office):
    (alice, bob, _) = await office.add("alice", "bob", "carol")
    await office.mail.accounts.remove(alice.address)
    await office.take_unchecked(client_facts(bob), "bob", "alice", "carol")
    assert len(await office.messages("carol")) == 1
    (queued,) = await office.mail.queue.claim()
    assert [str(one.address) for one in queued.recipients] == [f"alice@{DOMAIN}"]
    status = await office.mail.queued_delivery.deliver(queued, queued.recipients[0])
    assert status.status == "5.1.1"
    await office.mail.queue.record(queued.id, [status], None)
    (report,) = await office.messages("bob")
    assert b"Not delivered to alice@" in report


async def test_a_removal_that_a_crash_cut_off_is_ended_at_the_next_start(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await office.take("ann@far.test", "alice")
        removal = asyncio.ensure_future(office.mail.accounts.remove(address("alice")))
        while await office.database.value(alice.id, "select domain from account where id = $1", alice.id):
            await asyncio.sleep(0)
        removal.cancel()
        await asyncio.gather(removal, return_exceptions=True)
        assert sum((await rows_of(office, alice.id)).values()) > 0
    async with open_office(tmp_path / "data") as office:
        assert set((await rows_of(office, alice.id)).values()) == {0}


# --- aliases ---------------------------------------------------------------------------------------------------------


async def alias(office: Office, name: str, *targets: str) -> None:
    await office.mail.directory.add_alias(address(name), tuple(map(address, targets)))


async def test_an_alias_leads_to_all_of_its_targets_through_other_aliases(office: Office):
    await office.add("alice", "bob")
    await alias(office, "team", "alice", "others")
    await alias(office, "others", "bob", "ann@far.test")
    route = await office.mail.directory.route(address("team"))
    assert route == Forward((address("alice"), address("bob"), address("ann@far.test")))


async def test_aliases_in_a_circle_lead_to_the_accounts_among_them(office: Office):
    await office.add("alice")
    await alias(office, "one", "two", "alice")
    await alias(office, "two", "three")
    await alias(office, "three", "one")
    for name in ("one", "two", "three"):
        assert await office.mail.directory.route(address(name)) == Local(
            (await office.account("alice")).id, address("alice")
        )


async def test_aliases_in_a_circle_without_an_account_lead_nowhere(office: Office):
    await alias(office, "one", "two")
    await alias(office, "two", "one")
    await alias(office, "self", "self")
    for name in ("one", "two", "self"):
        with pytest.raises(NotFound):
            await office.mail.directory.route(address(name))


async def test_aliases_are_followed_to_a_bounded_depth(office: Office):
    await office.add("alice")
    depth = Limits().alias_depth
    await alias(office, "name0", "alice")
    for number in range(1, depth + 2):
        await alias(office, f"name{number}", f"name{number - 1}")
    assert isinstance(await office.mail.directory.route(address(f"name{depth - 1}")), Local)
    with pytest.raises(NotFound):
        await office.mail.directory.route(address(f"name{depth + 1}"))


async def test_an_account_under_an_alias_of_its_name_has_mail_only_if_it_is_among_the_targets(office: Office):
    await office.add("alice", "bob")
    await alias(office, "alice", "bob")
    await office.take("ann@far.test", "alice")
    assert (len(await office.messages("alice")), len(await office.messages("bob"))) == (0, 1)
    await alias(office, "alice", "alice", "bob")
    await office.take("ann@far.test", "alice")
    assert (len(await office.messages("alice")), len(await office.messages("bob"))) == (1, 2)
    await office.mail.directory.remove_alias(address("alice"))
    await office.take("ann@far.test", "alice")
    assert (len(await office.messages("alice")), len(await office.messages("bob"))) == (2, 2)


async def test_a_removed_account_leaves_the_aliases_that_led_to_it(office: Office):
    await office.add("alice", "bob")
    await alias(office, "team", "alice", "bob")
    await office.mail.accounts.remove(address("alice"))
    route = await office.mail.directory.route(address("team"))
    assert isinstance(route, Local) and route.address == address("bob")


async def test_an_alias_that_leads_away_alone_is_remote(office: Office):
    await alias(office, "gone", "ann@far.test")
    assert await office.mail.directory.route(address("gone")) == Forward((address("ann@far.test"),))
    assert await office.mail.directory.route(address("ann@far.test")) == Remote(address("ann@far.test"))


async def test_a_tag_leads_to_its_user_unless_it_has_a_way_of_its_own(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    assert await office.mail.directory.route(address("Alice+lists")) == Local(alice.id, alice.address)
    await alias(office, "alice+lists", "bob")
    assert await office.mail.directory.route(address("alice+lists")) == Local(bob.id, bob.address)


async def test_people_send_as_themselves_their_tags_and_aliases_that_lead_to_them(office: Office):
    (alice, _) = await office.add("alice", "bob")
    await alias(office, "team", "alice", "bob")
    may = office.mail.accounts.may_send_as
    for name in ("alice", "ALICE", "alice+tag", "team"):
        assert await may(alice, address(name)), name
    for name in ("bob", "nobody", "alice@far.test", f"alice@{OTHER_DOMAIN}"):
        assert not await may(alice, address(name)), name


# --- postmaster and domains ------------------------------------------------------------------------------------------


async def test_postmaster_of_each_domain_is_its_first_account_until_it_is_aliased(office: Office):
    with pytest.raises(NotFound):
        await office.mail.directory.route(address("postmaster"))
    (alice, _, dora) = await office.add("alice", "bob", f"dora@{OTHER_DOMAIN}")
    route = office.mail.directory.route
    for name in ("postmaster", "PostMaster"):
        assert await route(address(name)) == Local(alice.id, alice.address)
    assert await route(address(f"postmaster@{OTHER_DOMAIN}")) == Local(dora.id, dora.address)
    await alias(office, "postmaster", "bob")
    found = await route(address("postmaster"))
    assert isinstance(found, Local) and found.address == address("bob")
    assert await route(address(f"postmaster@{OTHER_DOMAIN}")) == Local(dora.id, dora.address)


async def test_postmaster_of_a_domain_without_accounts_is_the_first_account_of_all(office: Office):
    (alice,) = await office.add("alice")
    assert await office.mail.directory.route(address(f"postmaster@{OTHER_DOMAIN}")) == Local(alice.id, alice.address)


async def test_postmaster_needs_no_domain(office: Office):
    """RFC 5321 §4.5.1: RCPT TO:<Postmaster>."""
    (alice,) = await office.add("alice")
    assert await office.mail.directory.route(Address("Postmaster", "")) == Local(alice.id, alice.address)
    with pytest.raises(NotFound):
        await office.mail.directory.route(Address("alice", ""))


async def test_a_domain_that_bears_accounts_or_aliases_stays(office: Office):
    await office.add("alice")
    await alias(office, f"team@{OTHER_DOMAIN}", "alice")
    for domain in (DOMAIN, OTHER_DOMAIN):
        with pytest.raises(Conflict):
            await office.mail.directory.remove_domain(domain)
    await office.mail.directory.remove_alias(address(f"team@{OTHER_DOMAIN}"))
    await office.mail.directory.remove_domain(OTHER_DOMAIN)
    assert await office.mail.directory.list_domains() == [DOMAIN]
    assert isinstance(await office.mail.directory.route(address(f"team@{OTHER_DOMAIN}")), Remote)


async def test_a_domain_is_known_in_any_case_and_script(office: Office):
    await office.mail.directory.add_domain("Bücher.TEST.")
    directory = office.mail.directory
    assert directory.is_local_domain("xn--bcher-kva.test") and directory.is_local_domain("BÜCHER.test")
    with pytest.raises(AlreadyExists):
        await directory.add_domain("xn--bcher-kva.test")
    for name in ("", "a..b", "x" * 64 + ".test"):
        with pytest.raises(Invalid):
            await directory.add_domain(name)
