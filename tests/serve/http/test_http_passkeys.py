"""Passkeys: made and used with an authenticator that signs for real; and what an attacker would have it sign."""

import asyncio
import contextlib

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authenticator import Authenticator, octets, text
from office import Office, address
from pillarbox.core.access.passkeys import Place
from pillarbox.model.errors import BadCredentials, MailError
from pillarbox.model.session import Browser as Who
from serve.http.browser import LOGIN, SECURE, Browser

COOKIE = "__Host-pillarbox-passkey"


async def register(browser: Browser, key: Authenticator, name: str = "my key", **bent: object) -> httpx.Response:
    options = (await browser.post("/auth/passkeys/options")).json()
    return await browser.post("/auth/passkeys", {"name": name, "credential": key.create(options, **bent)})


async def sign(browser: Browser, key: Authenticator, **bent: object) -> httpx.Response:
    options = (await browser.post("/auth/passkey/options")).json()
    return await browser.post("/auth/passkey", {"credential": key.get(options, **bent)})


@pytest.fixture
async def key(browser: Browser) -> Authenticator:
    """Alice's, who is signed in with her password in `browser`."""
    made = Authenticator(browser.origin)
    await browser.sign_in()
    answer = await register(browser, made)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["recoveryCodes"]) == 10
    return made


async def test_a_passkey_signs_in_by_itself_and_names_no_account_before(browser: Browser, other: Browser, key):
    options = (await other.post("/auth/passkey/options")).json()
    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "required"
    assert options.get("allowCredentials", []) == []
    answer = await other.post("/auth/passkey", {"credential": key.get(options)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["account"] == LOGIN
    assert answer.json()["session"]["means"] == "passkey"
    assert await other.who() == 200
    assert COOKIE not in dict(other.http.cookies)


async def test_what_is_asked_of_an_authenticator_that_makes_one(browser: Browser, key):
    options = (await browser.post("/auth/passkeys/options")).json()
    assert options["rp"] == {"id": "localhost", "name": "localhost"}
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [octets(one["id"]) for one in options["excludeCredentials"]] == [key.id]
    assert octets(options["user"]["id"]) == key.handle
    assert b"alice" not in key.handle
    assert len(octets(options["challenge"])) == 32


async def test_with_a_passkey_the_password_is_half_of_it(browser: Browser, other: Browser, key, office: Office):
    assert (await other.password()).json() == {"signedIn": False, "wants": ["passkey", "recoveryCode"]}
    assert (await sign(other, key)).status_code == 200
    with pytest.raises(BadCredentials):
        await office.mail.accounts.sign_in("alice", "correct horse battery", peer="192.0.2.9:1")


async def test_a_challenge_is_good_once(other: Browser, key):
    options = (await other.post("/auth/passkey/options")).json()
    cookie = dict(other.http.cookies)[COOKIE]
    credential = key.get(options)
    assert (await other.post("/auth/passkey", {"credential": credential})).status_code == 200
    other.http.cookies.set(COOKIE, cookie, domain="localhost.local", path="/")
    assert (await other.post("/auth/passkey", {"credential": credential})).status_code == 401
    assert (await other.post("/auth/passkey", {"credential": key.get(options)})).status_code == 401


async def test_a_challenge_is_used_up_by_a_failure_too(other: Browser, key):
    options = (await other.post("/auth/passkey/options")).json()
    bad, good = key.get(options, signature=b"x"), key.get(options)
    assert (await other.post("/auth/passkey", {"credential": bad})).status_code == 401
    assert (await other.post("/auth/passkey", {"credential": good})).status_code == 401


async def test_a_challenge_is_for_the_browser_that_asked(browser: Browser, other: Browser, key):
    """Who relays what somebody else has signed has not the cookie that belongs to it."""
    options = (await browser.post("/auth/passkey/options")).json()
    await other.post("/auth/passkey/options")
    assert (await other.post("/auth/passkey", {"credential": key.get(options)})).status_code == 401
    other.http.cookies.clear()
    assert (await other.post("/auth/passkey", {"credential": key.get(options)})).status_code == 401
    assert (await browser.post("/auth/passkey", {"credential": key.get(options)})).status_code == 200


async def test_a_challenge_is_good_for_minutes(other: Browser, key, office: Office):
    options = (await other.post("/auth/passkey/options")).json()
    office.clock.advance(301)
    assert (await other.post("/auth/passkey", {"credential": key.get(options)})).status_code == 401


@pytest.mark.parametrize(
    "bent",
    [
        {"origin": "https://evil.test"},
        {"origin": "https://localhost.evil.test"},
        {"origin": "http://localhost"},
        {"rp": "evil.test"},
        {"type": "webauthn.create"},
        {"challenge": text(b"another challenge")},
        {"flags": 0x01},
        {"flags": 0x04},
        {"flags": 0x00},
        {"signature": b""},
        {"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"},
        {"handle": b""},
        {"handle": b"x" * 32},
        {"steps": 0},
        {"steps": -1},
    ],
)
async def test_what_is_signed_for_anything_else_is_refused(other: Browser, key, bent):
    """Another origin or name, another ceremony, no presence, no recognition, no signature, a count that stands still."""
    assert (await sign(other, key, steps=5)).status_code == 200
    await other.post("/auth/sign-out")
    assert (await sign(other, key, **bent)).status_code == 401
    assert await other.who() == 401


@pytest.mark.parametrize(
    "bent",
    [
        {"origin": "https://evil.test"},
        {"rp": "evil.test"},
        {"type": "webauthn.get"},
        {"challenge": text(b"another challenge")},
        {"flags": 0x41},
        {"flags": 0x44},
        {"flags": 0x05},
        {"fmt": "packed"},
        {"fmt": "tpm"},
        {"fmt": "android-safetynet"},
        {"fmt": "invented"},
        {"fmt": 7},
        {"statement": {"x5c": [b"no certificate"], "alg": -7, "sig": b""}, "fmt": "packed"},
    ],
)
async def test_what_was_made_for_anything_else_is_refused(browser: Browser, bent):
    await browser.sign_in()
    answer = await register(browser, Authenticator(browser.origin), **bent)
    assert answer.status_code == 400, answer.text
    assert (await browser.get("/auth/passkeys")).json() == {"list": []}


async def test_what_an_authenticator_makes_is_taken_once_and_in_the_session_that_asked(
    browser: Browser, other: Browser, office: Office
):
    await browser.sign_in()
    await other.sign_in("bob@uiowa.test")
    key = Authenticator(browser.origin)
    options = (await browser.post("/auth/passkeys/options")).json()
    body = {"name": "key", "credential": key.create(options)}
    assert (await other.post("/auth/passkeys", body)).status_code == 400
    assert (await browser.post("/auth/passkeys", body)).status_code == 200
    assert (await browser.post("/auth/passkeys", body)).status_code == 400
    assert (await register(browser, key)).status_code == 409, "the same key again"
    other_options = (await other.post("/auth/passkeys/options")).json()
    answer = await other.post("/auth/passkeys", {"name": "key", "credential": key.create(other_options)})
    assert answer.status_code == 409, "the key of another account"
    await browser.post("/auth/passkeys/options")
    office.clock.advance(301)
    assert (await browser.post("/auth/passkeys", body)).status_code == 400


async def test_passkeys_are_listed_and_removed_by_their_owner_alone(browser: Browser, other: Browser, key):
    (listed,) = (await browser.get("/auth/passkeys")).json()["list"]
    assert (listed["name"], listed["used"], octets(listed["id"])) == ("my key", None, key.id)
    await other.sign_in("bob@uiowa.test")
    assert (await other.delete(f"/auth/passkeys/{listed['id']}")).status_code == 404
    for nonsense in ("A", "!!!", "%00", "%ff"):
        assert (await browser.delete(f"/auth/passkeys/{nonsense}")).status_code == 404
    assert (await browser.delete(f"/auth/passkeys/{listed['id']}")).status_code == 200
    assert (await sign(other, key)).status_code == 401
    await browser.sign_in()  # the password is enough again


async def test_removing_a_passkey_ends_the_sessions_of_whoever_has_it(browser: Browser, other: Browser, key):
    assert (await sign(other, key)).status_code == 200
    assert (await browser.delete(f"/auth/passkeys/{text(key.id)}")).status_code == 200
    assert (await browser.who(), await other.who()) == (200, 401)


async def test_two_keys_of_one_owner_have_one_handle(browser: Browser, other: Browser, key):
    second = Authenticator(browser.origin)
    assert (await register(browser, second, "another")).json() == {}, "recovery codes are made once"
    assert second.handle == key.handle
    assert (await sign(other, second)).status_code == 200


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
async def test_a_passkey_s_name_can_be_seen(browser: Browser, name: str):
    await browser.sign_in()
    assert (await register(browser, Authenticator(browser.origin), name)).status_code == 400


async def test_passkeys_are_bounded(browser: Browser, key, office: Office):
    for n in range(office.mail.limits.passkeys - 1):
        assert (await register(browser, Authenticator(browser.origin), f"k{n}")).status_code == 200
    assert (await browser.post("/auth/passkeys/options")).status_code == 400


async def test_wrong_passkeys_count_for_their_peer(other: Browser, key, office: Office):
    for _ in range(office.mail.limits.login_failures):
        assert (await sign(other, key, signature=b"x")).status_code == 401
    options = await other.post("/auth/passkey/options")
    assert options.status_code == 429


async def test_passkeys_are_for_the_server_s_own_name(people, browser: Browser):
    """A page under another name would get keys that nobody can use here, or keys for a neighbour."""
    for host, peer, status in (
        ("mail.uiowa.test", "192.0.2.7", 200),
        ("mail.uiowa.test:8443", "192.0.2.7", 200),
        ("other.uiowa.test", "192.0.2.7", 400),
        ("192.0.2.1", "192.0.2.7", 400),
        ("localhost", "192.0.2.7", 400),
        ("localhost", "127.0.0.1", 200),
    ):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(people.application, client=(peer, 5000)), base_url=f"https://{host}"
        ) as ask:
            answer = await ask.post("/auth/passkey/options", json={}, headers={"Origin": f"https://{host}"})
            assert answer.status_code == status, host
            if status == 200:
                assert answer.json()["rpId"] == host.partition(":")[0]


async def test_a_challenge_costs_nobody_else_theirs(people, office: Office, other: Browser, key):
    """Who asks for many pushes out their own."""
    options = (await other.post("/auth/passkey/options")).json()
    place = Place("localhost", other.origin)
    for _ in range(300):
        office.mail.passkeys.begin_sign_in(place, peer="192.0.2.66:1")
    assert (await other.post("/auth/passkey", {"credential": key.get(options)})).status_code == 200


async def test_two_at_once_with_one_count_are_one(other: Browser, browser: Browser, key):
    """A key that was copied: the second use of a count is seen."""
    first, second = [(await one.post("/auth/passkey/options")).json() for one in (other, browser)]
    bodies = [{"credential": key.get(first)}, {"credential": key.get(second, steps=0)}]
    answers = await asyncio.gather(other.post("/auth/passkey", bodies[0]), browser.post("/auth/passkey", bodies[1]))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30) | st.binary(max_size=60).map(text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
async def asked(office: Office):
    """What a browser that has signed in, and one that has not, can hand to the services without HTTP between."""
    account = await office.mail.accounts.add(address("carol"), "a long password")
    begun = await office.mail.sign_in.password("carol", "a long password", Who("192.0.2.1:1", ""))
    place = Place("localhost", "https://localhost")
    signed = await office.mail.sessions.sign_in(begun.secret)
    key = Authenticator("https://localhost")
    options = await office.mail.passkeys.begin_registration(signed, place, peer="192.0.2.1:1")
    changed = await office.mail.passkeys.register(signed, "key", key.create(options))
    signed = await office.mail.sessions.sign_in(changed.begun.secret)
    assert signed.account.id == account.id
    return office.mail.passkeys, signed, place, key


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_whatever_comes_in_place_of_a_credential_is_refused_in_our_words(asked, data):
    passkeys, signed, place, key = asked
    secret, options = passkeys.begin_sign_in(place, peer="192.0.2.1:1")
    made = (
        key.get(options)
        if data.draw(st.booleans())
        else key.create({**options, "user": {"id": text(key.handle)}, "rp": {"id": "localhost"}})
    )
    where = data.draw(st.sampled_from(["id", "rawId", "type", "response", *made["response"]]))
    target = made if where in made else made["response"]
    target[where] = data.draw(json_values) if data.draw(st.booleans()) else data.draw(st.binary(max_size=80).map(text))
    with contextlib.suppress(MailError):
        await passkeys.check(secret, made)
    await passkeys.begin_registration(signed, place, peer="192.0.2.1:1")
    with contextlib.suppress(MailError):
        await passkeys.register(signed, "key", made)


async def test_the_cookie_of_a_session_is_renewed_when_a_passkey_is_made(browser: Browser):
    await browser.sign_in()
    before = browser.cookie
    await register(browser, Authenticator(browser.origin))
    assert browser.cookie != before
    browser.http.cookies.clear()
    assert (await browser.get("/me", Cookie=f"{SECURE}={before}")).status_code == 401
