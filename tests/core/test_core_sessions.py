"""Sessions of browsers and what waits for a second step: bounded, ended with what they came from, never begun too late."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from office import Office, address, open_office
from pillarbox.core.access.pending import KEPT_FOR_PEER, PENDING_SECONDS, Pending
from pillarbox.core.access.sessions import credential_of
from pillarbox.model.errors import BadCredentials, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.limits import Limits
from pillarbox.model.session import Begun, Browser, Means, Proof
from pillarbox.wire.memory import SettableClock

PASSWORD = "correct horse battery"
BROWSER = Browser("[2001:db8::1]:5000", "Testscape 4.0")


@pytest.fixture
async def alice(office: Office):
    """Her proof of a right password."""
    await office.mail.accounts.add(address("alice"), PASSWORD)
    await office.add("bob")
    return await office.mail.accounts.check_password("alice", PASSWORD, peer=BROWSER.peer)


async def test_a_session_says_whose_it_is_and_how_it_began(office: Office, alice: Proof):
    begun = await office.mail.sessions.begin(alice, BROWSER)
    signed = await office.mail.sessions.sign_in(begun.secret)
    assert (signed.account, signed.session) == (alice.account, begun.session)
    assert (begun.session.means, begun.session.peer) == (Means.PASSWORD, "2001:db8::1")


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "é", "\0", "x" * 100_000])
async def test_what_is_no_session_is_refused(office: Office, alice: Proof, secret: str):
    await office.mail.sessions.begin(alice, BROWSER)
    with pytest.raises(BadCredentials):
        await office.mail.sessions.sign_in(secret)


@pytest.mark.parametrize("agent", ["", "x" * 10_000, "a\0b\r\nc\x1b[31m", "ä\U0001f4ee"])
async def test_what_a_browser_says_of_itself_is_bounded_and_can_be_seen(office: Office, alice: Proof, agent: str):
    begun = await office.mail.sessions.begin(alice, Browser("192.0.2.1:1", agent))
    assert len(begun.session.agent) <= 200
    assert begun.session.agent.isprintable()
    assert (await office.mail.sessions.list(alice.account))[0].agent == begun.session.agent


async def test_one_session_too_many_ends_the_longest_unused(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(sessions=3)) as office:
        await office.mail.directory.add_domain("uiowa.test")
        await office.mail.accounts.add(address("alice"), PASSWORD)
        proof = await office.mail.accounts.check_password("alice", PASSWORD, peer="192.0.2.1:1")
        begun = []
        for _ in range(3):
            begun.append(await office.mail.sessions.begin(proof, BROWSER))
            office.clock.advance(600)
        await office.mail.sessions.sign_in(begun[0].secret)
        await office.mail.sessions.begin(proof, BROWSER)
        with pytest.raises(BadCredentials):
            await office.mail.sessions.sign_in(begun[1].secret)
        for one in (begun[0], begun[2]):
            await office.mail.sessions.sign_in(one.secret)
        for _ in range(10):  # at the same time to the microsecond
            newest = await office.mail.sessions.begin(proof, BROWSER)
            await office.mail.sessions.sign_in(newest.secret)
        assert len(await office.mail.sessions.list(proof.account)) == 3


async def test_sessions_outlast_a_restart(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain("uiowa.test")
        await office.mail.accounts.add(address("alice"), PASSWORD)
        proof = await office.mail.accounts.check_password("alice", PASSWORD, peer="192.0.2.1:1")
        secret = (await office.mail.sessions.begin(proof, BROWSER)).secret
    async with open_office(tmp_path / "data") as office:
        assert (await office.mail.sessions.sign_in(secret)).account.address == address("alice")


async def test_use_is_noted_now_and_then(office: Office, alice: Proof):
    begun = await office.mail.sessions.begin(alice, BROWSER)
    noted = []
    for _ in range(12):
        office.clock.advance(60)
        await office.mail.sessions.sign_in(begun.secret)
        noted.append((await office.mail.sessions.list(alice.account))[0].used)
    assert len(set(noted)) == 3
    assert office.clock.now() - noted[-1] < timedelta(minutes=5)


# a proof that holds no longer


async def test_a_sign_in_that_a_new_password_overtakes_begins_nothing(office: Office, alice: Proof):
    await office.mail.accounts.set_password(address("alice"), "another horse")
    with pytest.raises(BadCredentials):
        await office.mail.sessions.begin(alice, BROWSER)


async def test_a_sign_in_that_a_removal_overtakes_begins_nothing(office: Office, alice: Proof):
    await office.mail.accounts.remove(address("alice"))
    with pytest.raises(BadCredentials):
        await office.mail.sessions.begin(alice, BROWSER)
    assert await office.database.all(SYSTEM_ACCOUNT, "select id from session") == []


async def test_a_sign_in_that_a_second_factor_overtakes_begins_nothing(office: Office, alice: Proof):
    async with office.database.write(alice.account.id) as tx:
        await tx.run("update account set two_steps = 1 where id = $1", alice.account.id)
    with pytest.raises(BadCredentials):
        await office.mail.sessions.begin(alice, BROWSER)


async def test_a_passkey_that_is_gone_or_somebody_else_s_begins_nothing(office: Office, alice: Proof):
    for passkey in (None, b"", b"gone"):
        with pytest.raises(BadCredentials):
            await office.mail.sessions.begin(Proof(alice.account, Means.PASSKEY, passkey=passkey), BROWSER)


async def test_a_session_that_was_ended_meanwhile_is_not_renewed(office: Office, alice: Proof):
    begun = await office.mail.sessions.begin(alice, BROWSER)
    signed = await office.mail.sessions.sign_in(begun.secret)
    await office.mail.sessions.end(signed.account, signed.session.id)
    with pytest.raises(BadCredentials):
        await office.mail.sessions.renew(signed)
    for change in (office.mail.second_factors.begin_totp, office.mail.second_factors.renew_recovery_codes):
        with pytest.raises(BadCredentials):
            await change(signed)


async def test_the_session_of_another_account_is_not_ended(office: Office, alice: Proof):
    begun = await office.mail.sessions.begin(alice, BROWSER)
    bob = await office.mail.accounts.find(address("bob"))
    with pytest.raises(NotFound):
        await office.mail.sessions.end(bob, begun.session.id)
    await office.mail.sessions.end_others(bob, begun.session)
    await office.mail.sessions.sign_in(begun.secret)


# what belongs to a session


@pytest.mark.parametrize("end", ["end", "end_others", "set_password", "forget_all", "expire", "remove"])
async def test_whoever_waits_for_a_session_s_end_is_told(office: Office, alice: Proof, end: str):
    """However it ends: an event source or WebSocket that it has opened must not stay."""
    mail = office.mail
    begun, kept = [await mail.sessions.begin(alice, BROWSER) for _ in range(2)]
    told = []
    for one in (begun, kept):
        mail.credentials.listen(
            alice.account.id, credential_of(one.session).key, lambda one=one: told.append(one.session.id)
        )
    match end:
        case "end":
            await mail.sessions.end(alice.account, begun.session.id)
        case "end_others":
            await mail.sessions.end_others(alice.account, kept.session)
        case "set_password":
            await mail.accounts.set_password(address("alice"), "another horse", kept=kept.session.id)
        case "forget_all":
            await mail.second_factors.forget_all(alice.account)
        case "expire":
            office.clock.advance(mail.limits.session_idle_seconds - 10)
            await mail.sessions.sign_in(kept.secret)
            office.clock.advance(20)
            await mail.housekeeping.sweep()
        case "remove":
            await mail.accounts.remove(address("alice"))
    expected = {begun.session.id, kept.session.id} if end in ("forget_all", "remove") else {begun.session.id}
    assert set(told) == expected


async def test_sessions_whose_time_is_over_are_forgotten(office: Office, alice: Proof):
    for _ in range(5):
        await office.mail.sessions.begin(alice, BROWSER)
    office.clock.advance(office.mail.limits.session_idle_seconds)
    assert await office.mail.sessions.list(alice.account) == []
    await office.mail.housekeeping.sweep()
    assert await office.database.all(SYSTEM_ACCOUNT, "select id from session") == []


async def test_what_an_account_signs_in_with_goes_with_it(office: Office, alice: Proof):
    begun = await office.mail.sessions.begin(alice, BROWSER)
    signed = await office.mail.sessions.sign_in(begun.secret)
    await office.mail.second_factors.begin_totp(signed)
    async with office.database.write(alice.account.id) as tx:
        await tx.run("insert into recovery_code (account_id, hash) values ($1, $2)", alice.account.id, b"x")
        await tx.run(
            "insert into passkey (account_id, credential, handle, public_key, sign_count, name, created) "
            "values ($1, $2, $2, $2, 0, 'key', 0)",
            alice.account.id,
            b"x",
        )
    await office.mail.accounts.remove(address("alice"))
    for table in ("session", "totp", "recovery_code", "passkey"):
        assert await office.database.all(SYSTEM_ACCOUNT, f"select account_id from {table}") == []


# the first step of two


async def test_what_waits_is_bounded_for_each_peer_and_taken_once():
    clock = SettableClock()
    pending: Pending[int] = Pending(clock)
    pending.put("mine", 1, peer="192.0.2.1:1")
    for n in range(KEPT_FOR_PEER + 10):
        pending.put(f"theirs {n}", n, peer="[2001:db8::1]:1" if n % 2 else "[2001:db8::2]:1")
    assert pending.look("mine") == 1
    assert pending.look("theirs 9") is None
    assert pending.look("theirs 10") == 10
    assert (pending.take("mine"), pending.take("mine")) == (1, None)
    clock.advance(PENDING_SECONDS)
    assert pending.take("theirs 50") is None
    assert not pending._by_key
    assert not pending._by_peer


async def test_what_is_put_again_is_replaced():
    pending: Pending[int] = Pending(SettableClock())
    pending.put("a", 1, peer="192.0.2.1:1")
    pending.put("a", 2, peer="192.0.2.2:1")
    assert (pending.take("a"), pending.take("a")) == (2, None)


async def test_many_sign_ins_and_ends_at_once_leave_what_is_left(office: Office, alice: Proof):
    begun: list[Begun] = await asyncio.gather(*(office.mail.sessions.begin(alice, BROWSER) for _ in range(20)))
    assert len({one.secret for one in begun}) == len({one.session.id for one in begun}) == 20

    async def end(one: Begun) -> None:
        with contextlib.suppress(NotFound):
            await office.mail.sessions.end(alice.account, one.session.id)

    await asyncio.gather(
        *(end(one) for one in begun[:10]), office.mail.sessions.end_others(alice.account, begun[19].session)
    )
    assert [one.id for one in await office.mail.sessions.list(alice.account)] == [begun[19].session.id]
