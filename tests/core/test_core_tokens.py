"""Tokens: made once, kept as a hash, good until removed or ended, noted when used now and then."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from office import Office, address, open_office
from pillarbox.model.errors import AlreadyExists, BadCredentials, Invalid, NotFound
from pillarbox.model.ids import SYSTEM_ACCOUNT

ALICE = address("alice")


@pytest.fixture
async def tokens(office: Office):
    await office.add("alice", "bob")
    return office.mail.tokens


async def test_a_token_is_256_random_bits_and_only_its_hash_is_kept(office: Office, tokens):
    first, second = await tokens.add(ALICE, "laptop"), await tokens.add(ALICE, "phone")
    assert first != second
    assert len(base64.urlsafe_b64decode(first + "=")) == 32
    rows = await office.database.all(SYSTEM_ACCOUNT, "select name, hash from token order by name")
    assert rows == [
        ("laptop", hashlib.sha256(first.encode()).digest()),
        ("phone", hashlib.sha256(second.encode()).digest()),
    ]


async def test_a_token_says_whose_it_is(tokens):
    mine, bobs = await tokens.add(ALICE, "laptop"), await tokens.add(address("bob"), "laptop")
    assert (await tokens.sign_in(mine)).address == ALICE
    assert (await tokens.sign_in(bobs)).address == address("bob")


@pytest.mark.parametrize("text", ["", "x", "x" * 43, "é", "\0", "x" * 100_000])
async def test_what_is_no_token_is_refused(tokens, text):
    await tokens.add(ALICE, "laptop")
    with pytest.raises(BadCredentials):
        await tokens.sign_in(text)


async def test_a_name_is_one_token_s_and_another_account_s_too(tokens):
    await tokens.add(ALICE, "laptop")
    with pytest.raises(AlreadyExists):
        await tokens.add(ALICE, "laptop")
    await tokens.add(address("bob"), "laptop")


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\tb", "a\0b"])
async def test_a_name_can_be_seen(tokens, name):
    with pytest.raises(Invalid):
        await tokens.add(ALICE, name)


async def test_who_has_no_account_has_no_tokens(tokens):
    for attempt in (
        tokens.add(address("eve"), "laptop"),
        tokens.list(address("eve")),
        tokens.remove(address("eve"), "x"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_token_ends_at_its_time_and_is_still_listed(office: Office, tokens):
    secret = await tokens.add(ALICE, "laptop", lasts=timedelta(days=2))
    office.clock.advance(2 * 86_400 - 1)
    await tokens.sign_in(secret)
    office.clock.advance(1)
    with pytest.raises(BadCredentials):
        await tokens.sign_in(secret)
    (token,) = await tokens.list(ALICE)
    assert token.expires == office.clock.now()
    with pytest.raises(Invalid):
        await tokens.add(ALICE, "for ever", lasts=timedelta(days=9_999_999))


async def test_a_removed_token_is_refused_at_once_and_others_stay(tokens):
    first, second = await tokens.add(ALICE, "laptop"), await tokens.add(ALICE, "phone")
    await tokens.remove(ALICE, "laptop")
    with pytest.raises(BadCredentials):
        await tokens.sign_in(first)
    await tokens.sign_in(second)
    with pytest.raises(NotFound):
        await tokens.remove(ALICE, "laptop")
    assert [token.name for token in await tokens.list(ALICE)] == ["phone"]


async def test_the_last_use_is_noted_every_five_minutes_at_most(office: Office, tokens):
    secret = await tokens.add(ALICE, "laptop")
    assert (await tokens.list(ALICE))[0].used is None
    first = office.clock.now()
    await tokens.sign_in(secret)
    office.clock.advance(299)
    await tokens.sign_in(secret)
    assert (await tokens.list(ALICE))[0].used == first
    office.clock.advance(1)
    await tokens.sign_in(secret)
    assert (await tokens.list(ALICE))[0].used == office.clock.now()


async def test_a_new_password_leaves_tokens_as_they_are(office: Office, tokens):
    secret = await tokens.add(ALICE, "laptop")
    await office.mail.accounts.set_password(ALICE, "another one")
    assert (await tokens.sign_in(secret)).address == ALICE


async def test_tokens_go_with_their_account(office: Office, tokens):
    secret = await tokens.add(ALICE, "laptop")
    bobs = await tokens.add(address("bob"), "laptop")
    await office.mail.accounts.remove(ALICE)
    with pytest.raises(BadCredentials):
        await tokens.sign_in(secret)
    await office.add("alice")
    assert await tokens.list(ALICE) == []
    with pytest.raises(BadCredentials):
        await tokens.sign_in(secret)
    await tokens.sign_in(bobs)


async def test_tokens_outlast_a_restart(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain("uiowa.test")
        await office.add("alice")
        secret = await office.mail.tokens.add(ALICE, "laptop")
    async with open_office(tmp_path / "data") as office:
        assert (await office.mail.tokens.sign_in(secret)).address == ALICE
