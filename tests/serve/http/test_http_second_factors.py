"""Codes by time and on paper: asked for behind the password, taken once, guessed never."""

import asyncio

import pytest

from office import Office, address
from pillarbox.model.errors import BadCredentials
from pillarbox.model.ids import SYSTEM_ACCOUNT
from serve.http.browser import LOGIN, PASSWORD, SECURE, Browser

STEP = "__Host-pillarbox-step"


async def half(browser: Browser, login: str = LOGIN) -> dict:
    """The password alone."""
    answer = await browser.password(login)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def code(browser: Browser, text: str) -> int:
    return (await browser.post("/auth/second-factor", {"code": text})).status_code


async def recovery(browser: Browser, text: str) -> int:
    return (await browser.post("/auth/second-factor", {"recoveryCode": text})).status_code


async def test_a_clock_counts_once_a_code_has_confirmed_it(browser: Browser, office: Office):
    await browser.sign_in()
    begun = (await browser.post("/auth/totp")).json()
    assert begun["uri"].startswith("otpauth://totp/")
    assert f"secret={begun['secret']}" in begun["uri"]
    assert (await browser.post("/auth/totp/confirm", {"code": "000000"})).status_code == 400
    await browser.sign_in()  # nothing has changed so far
    clock, codes = await browser.turn_on_codes()
    assert len(set(codes)) == 10
    assert (await browser.get("/auth")).json()["factors"] == {"code": True, "passkeys": 0, "recoveryCodes": 10}
    assert (await browser.post("/auth/totp")).status_code == 409
    assert (await browser.post("/auth/totp/confirm", {"code": clock.next_code()})).status_code == 409


async def test_a_confirmation_that_comes_too_late_is_none(browser: Browser, office: Office):
    await browser.sign_in()
    assert (await browser.post("/auth/totp/confirm", {"code": "000000"})).status_code == 404
    await browser.post("/auth/totp")
    office.clock.advance(901)
    await browser.sign_in()
    assert (await browser.post("/auth/totp/confirm", {"code": "000000"})).status_code == 404


async def test_with_a_clock_the_password_is_half_of_it(browser: Browser, other: Browser):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    assert await half(other) == {"signedIn": False, "wants": ["code", "recoveryCode"]}
    assert SECURE not in dict(other.http.cookies)
    assert await other.who() == 401
    assert await code(other, clock.next_code()) == 200
    assert await other.who() == 200
    assert STEP not in dict(other.http.cookies)
    assert (await other.get("/auth")).json()["session"]["means"] == "password and code"


async def test_the_cookie_between_the_steps_is_as_strict_as_the_session_s(browser: Browser, other: Browser):
    await browser.sign_in()
    await browser.turn_on_codes()
    (cookie,) = (await other.password()).headers.get_list("set-cookie")
    assert cookie.startswith(f"{STEP}=")
    assert cookie.endswith("; Path=/; Max-Age=300; HttpOnly; SameSite=Strict; Secure")


async def test_turning_codes_on_ends_every_other_session_and_renews_this_one(browser: Browser, other: Browser):
    await browser.sign_in()
    await other.sign_in()
    before = browser.cookie
    await browser.turn_on_codes()
    assert (await browser.who(), await other.who()) == (200, 401)
    browser.http.cookies.clear()
    assert (await browser.get("/me", Cookie=f"{SECURE}={before}")).status_code == 401


async def test_a_code_is_taken_once_and_none_older_is_taken_after_it(browser: Browser, other: Browser):
    """Replay (RFC 6238 §5.2); the code that confirmed counts too."""
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    used = clock.code()
    await half(other)
    assert await code(other, used) == 401
    newer = clock.code(later=1)
    assert await code(other, newer) == 200
    for again in (newer, used, clock.code(later=-1)):
        await half(browser)
        assert await code(browser, again) == 401
    await half(browser)
    clock.next_code()
    assert await code(browser, clock.next_code()) == 200


async def test_a_code_that_two_show_at_once_is_taken_once(browser: Browser, other: Browser):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    await half(browser)
    await half(other)
    fresh = clock.next_code()
    assert sorted(await asyncio.gather(code(browser, fresh), code(other, fresh))) == [200, 401]


async def test_a_clock_may_be_half_a_minute_off_and_no_more(browser: Browser, office: Office):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    office.clock.advance(600)
    for later, status in ((-2, 401), (2, 401), (-1, 200), (1, 200)):
        await half(browser)
        assert await code(browser, clock.code(later=later)) == status


@pytest.mark.parametrize("text", ["", "1", "12345", "1234567", "abcdef", "½½½½½½", "0" * 101, "-1", "\x00"])
async def test_what_is_no_code_is_refused(browser: Browser, text: str):
    await browser.sign_in()
    await browser.turn_on_codes()
    await half(browser)
    assert await code(browser, text) in (400, 401)
    assert await recovery(browser, text) in (400, 401)


async def test_the_second_step_is_for_the_browser_that_made_the_first(browser: Browser, other: Browser):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    await browser.post("/auth/sign-out")
    await half(browser)
    assert await code(other, clock.next_code()) == 401
    other.http.cookies.set(STEP, "A" * 43, domain="localhost.local", path="/")
    assert await code(other, clock.code()) == 401
    assert await code(browser, clock.code()) == 200


async def test_a_first_step_is_good_for_one_session_and_for_minutes(browser: Browser, other: Browser, office: Office):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    await half(browser)
    kept = dict(browser.http.cookies)[STEP]
    assert await code(browser, clock.next_code()) == 200
    other.http.cookies.set(STEP, kept, domain="localhost.local", path="/")
    assert await code(other, clock.next_code()) == 401
    await half(other)
    office.clock.advance(301)
    assert await code(other, clock.next_code()) == 401


async def test_a_first_step_does_not_outlast_the_password(browser: Browser, other: Browser, office: Office):
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    await half(other)
    await office.mail.accounts.set_password(address("alice"), "another horse entirely")
    assert await code(other, clock.next_code()) == 401
    assert await other.who() == 401


async def test_codes_cannot_be_guessed_not_from_many_addresses_either(browser: Browser, office: Office):
    """A few for each password, some for each peer, and as many for the account."""
    await browser.sign_in()
    clock, _ = await browser.turn_on_codes()
    alice = await office.mail.accounts.find(address("alice"))
    await half(browser)
    tries = [await code(browser, "000000") for _ in range(6)]
    assert tries == [401] * 6
    assert await code(browser, clock.next_code()) == 401, "the first step is used up"
    for _ in range(office.mail.limits.login_failures - 5):
        with pytest.raises(BadCredentials):
            await office.mail.second_factors.check_code(alice, "000000")
    await half(browser)
    assert await code(browser, clock.next_code()) == 429
    assert await recovery(browser, "aaaa-aaaa-aaaa-aaaa") == 429
    office.clock.advance(office.mail.limits.login_window_seconds + 1)
    await half(browser)
    assert await code(browser, clock.next_code()) == 200


async def test_many_guesses_at_once_are_counted_each(browser: Browser, office: Office):
    await browser.sign_in()
    await browser.turn_on_codes()
    alice = await office.mail.accounts.find(address("alice"))
    found = await asyncio.gather(
        *(office.mail.second_factors.check_code(alice, f"{n:06}") for n in range(50)), return_exceptions=True
    )
    kinds = [type(one).__name__ for one in found]
    assert kinds.count("BadCredentials") <= office.mail.limits.login_failures
    assert kinds.count("RateLimited") >= 50 - office.mail.limits.login_failures - 1


async def test_a_recovery_code_is_good_once_and_is_kept_as_a_hash(browser: Browser, other: Browser, office: Office):
    await browser.sign_in()
    _, codes = await browser.turn_on_codes()
    await half(other)
    assert await recovery(other, codes[0].upper().replace("-", " ")) == 200
    assert (await other.get("/auth")).json()["factors"]["recoveryCodes"] == 9
    await half(other)
    assert await recovery(other, codes[0]) == 401
    assert await recovery(other, codes[1]) == 200
    rows = repr(await office.database.all(SYSTEM_ACCOUNT, "select * from recovery_code"))
    assert not any(one in rows or one.replace("-", "") in rows for one in codes)


async def test_new_recovery_codes_replace_the_old(browser: Browser):
    await browser.sign_in()
    assert (await browser.post("/auth/recovery-codes")).status_code == 400
    _, old = await browser.turn_on_codes()
    new = (await browser.post("/auth/recovery-codes")).json()["recoveryCodes"]
    await half(browser)
    assert await recovery(browser, old[0]) == 401
    assert await recovery(browser, new[0]) == 200


async def test_the_recovery_code_of_another_account_opens_nothing(browser: Browser, other: Browser):
    await browser.sign_in()
    await browser.turn_on_codes()
    await other.sign_in("bob@uiowa.test")
    _, bobs = await other.turn_on_codes()
    await half(browser)
    assert await recovery(browser, bobs[0]) == 401


async def test_without_a_clock_the_password_is_enough_again(browser: Browser, office: Office):
    await browser.sign_in()
    await browser.turn_on_codes()
    assert (await browser.delete("/auth/totp")).status_code == 200
    assert (await browser.delete("/auth/totp")).status_code == 404
    assert (await browser.get("/auth")).json()["factors"] == {"code": False, "passkeys": 0, "recoveryCodes": 0}
    await browser.sign_in()


async def test_with_a_second_factor_the_password_alone_signs_in_no_program(browser: Browser, office: Office):
    """Neither over Basic nor in IMAP and SMTP; app passwords do, and nothing tells the right password from a wrong one."""
    accounts = office.mail.accounts
    await browser.sign_in()
    phone = (await browser.post("/auth/app-passwords", {"name": "phone"})).json()["password"]
    assert str((await accounts.sign_in(LOGIN, PASSWORD, peer="192.0.2.9:1")).address) == LOGIN
    await browser.turn_on_codes()
    texts = set()
    for password in (PASSWORD, "wrong"):
        with pytest.raises(BadCredentials) as found:
            await accounts.sign_in(LOGIN, password, peer="192.0.2.9:1")
        texts.add(found.value.text)
        assert (await browser.http.get("/me", auth=(LOGIN, password))).status_code == 401
    assert len(texts) == 1
    assert (await accounts.scram(LOGIN, "sha256", peer="192.0.2.9:1")).account is None
    assert str((await accounts.sign_in(LOGIN, phone, peer="192.0.2.9:1")).address) == LOGIN
    assert (await browser.http.get("/me", auth=(LOGIN, phone))).status_code == 200
    await browser.delete("/auth/totp")
    assert str((await accounts.sign_in(LOGIN, PASSWORD, peer="192.0.2.9:1")).address) == LOGIN


async def test_an_operator_can_take_the_factors_away(browser: Browser, office: Office):
    await browser.sign_in()
    await browser.turn_on_codes()
    await office.mail.second_factors.forget_all(await office.mail.accounts.find(address("alice")))
    assert await browser.who() == 401
    await browser.sign_in()
