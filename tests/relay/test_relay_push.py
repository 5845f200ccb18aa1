"""The worker that tells push subscriptions: codes, news, patience, ends; to a push service over TLS on loopback."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from office import Office, address
from pillarbox.model.account import PASSWORD, Account, Credential, CredentialKind
from pillarbox.model.limits import Limits
from pillarbox.model.push import PushStage, PushSubscription
from pillarbox.relay.push import Pusher
from push_receiver import Device, pushing, until
from web_server import reply


@pytest.fixture
async def alice(office: Office) -> Account:
    return (await office.add("alice"))[0]


@pytest.fixture
async def told(office: Office, alice: Account) -> AsyncIterator[tuple[Device, Pusher]]:
    async with pushing(office) as opened:
        yield opened


async def subscribe(office: Office, alice: Account, to: Device, **options: object) -> PushSubscription:
    given = {"device": "d1", "url": to.url, "keys": to.keys, "types": None, "expires": None, **options}
    return await office.mail.push_subscriptions.add(alice.id, PASSWORD, **given)


async def verify(office: Office, alice: Account, device: Device, **options: object) -> PushSubscription:
    """One whose code has come back."""
    made = await subscribe(office, alice, device, **options)
    code = (await device.next())["verificationCode"]
    return await office.mail.push_subscriptions.change(
        alice.id, PASSWORD, made.id, code=code, expires=None, types=made.types
    )


async def deliver(office: Office) -> None:
    await office.take("ann@far.test", "alice")


async def there(office: Office, alice: Account) -> list[PushSubscription]:
    return await office.mail.push_subscriptions.of_account(alice.id)


async def test_a_new_subscription_is_sent_its_code_and_nothing_else(office: Office, alice, told):
    device, _ = told
    made = await subscribe(office, alice, device)
    asked = await device.service.next()
    assert device.read(asked) == {
        "@type": "PushVerification",
        "pushSubscriptionId": f"p{made.id}",
        "verificationCode": made.code,
    }
    assert (asked.method, asked.target) == ("POST", "/device/1")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["content-encoding"] == "aes128gcm"
    assert asked.headers["ttl"] == "3600"
    assert asked.headers["authorization"].startswith("vapid t=")
    await until(lambda: asked_for(office, alice))
    await deliver(office)
    other = await subscribe(office, alice, device, device="d2")
    assert (await device.next())["pushSubscriptionId"] == f"p{other.id}", "and not a StateChange to the first"


async def asked_for(office: Office, alice: Account) -> bool:
    return all(one.stage is PushStage.ASKED for one in await there(office, alice))


async def test_a_verified_one_is_told_of_what_changes(office: Office, alice, told):
    device, _ = told
    await verify(office, alice, device)
    await deliver(office)
    asked = await device.service.next()
    change = device.read(asked)
    assert change["@type"] == "StateChange"
    assert {"Email", "EmailDelivery", "Mailbox", "Thread"} <= set(change["changed"][f"a{alice.id}"])
    assert (asked.headers["urgency"], asked.headers["ttl"]) == ("normal", "604800")


async def test_only_the_types_asked_for_are_told(office: Office, alice, told):
    device, _ = told
    await verify(office, alice, device, types=["EmailDelivery"])
    await office.mail.mailboxes.create(alice.id, ("Work",))
    await deliver(office)
    assert set((await device.next())["changed"][f"a{alice.id}"]) == {"EmailDelivery"}


async def test_without_keys_the_text_is_not_encrypted(office: Office, alice, told):
    device, _ = told
    await verify(office, alice, device, keys=None)
    await deliver(office)
    asked = await device.service.next()
    assert "content-encoding" not in asked.headers
    assert asked.body.startswith(b'{"@type":"StateChange"')


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_service_that_says_gone_is_asked_no_more(office: Office, alice, told, status: str):
    device, _ = told
    await verify(office, alice, device)
    device.service.usual = reply(status)
    await deliver(office)
    await device.service.next()
    await until(lambda: is_empty(office, alice))


async def is_empty(office: Office, alice: Account) -> bool:
    return not await there(office, alice)


@pytest.mark.parametrize(
    ("octets", "least_seconds"),
    [
        (reply("500 Oh"), 10),
        (reply("302 Found", "Location: https://127.0.0.1/"), 10),
        (reply("429 Too Many Requests", "Retry-After: 120"), 120),
        (reply("503 Busy", "Retry-After: x"), 10),
        (b"no http", 10),
    ],
)
async def test_what_fails_is_tried_again_later_and_not_earlier(
    office: Office, alice, told, octets: bytes, least_seconds: int
):
    device, pusher = told
    await verify(office, alice, device)
    device.service.replies = [octets]
    await deliver(office)
    await device.service.next()
    await until(lambda: has_failed(office, alice))
    office.clock.advance(least_seconds - 1)
    pusher.wake()
    (one,) = await there(office, alice)
    assert one.next_attempt is not None
    assert one.next_attempt > office.clock.now()
    office.clock.advance(2)
    pusher.wake()
    assert "Email" in (await device.next())["changed"][f"a{alice.id}"]
    await until(lambda: is_at_rest(office, alice))


async def has_failed(office: Office, alice: Account) -> bool:
    return [one.attempts for one in await there(office, alice)] == [1]


async def is_at_rest(office: Office, alice: Account) -> bool:
    return [one.attempts for one in await there(office, alice)] == [0]


async def test_a_code_is_not_tried_for_ever(office: Office, alice, told):
    device, pusher = told
    device.service.usual = reply("500 Oh")
    await subscribe(office, alice, device)
    for _ in range(3):
        await device.service.next()
        count = device.service.count
        await until(lambda count=count: has_attempts(office, alice, count))
        office.clock.advance(400)
        pusher.wake()
    await until(lambda: is_empty(office, alice))
    assert device.service.count == 3


async def has_attempts(office: Office, alice: Account, count: int) -> bool:
    return [one.attempts for one in await there(office, alice)] in ([count], [])


async def test_what_comes_between_two_texts_is_one_text(office: Office, alice):
    async with pushing(office, limits=Limits(push_interval_seconds=60)) as (device, pusher):
        await verify(office, alice, device)
        await deliver(office)
        first = (await device.next())["changed"][f"a{alice.id}"]
        for _ in range(5):
            await deliver(office)
        await until(lambda: is_waiting(office, alice))
        count = device.service.count
        office.clock.advance(61)
        pusher.wake()
        second = (await device.next())["changed"][f"a{alice.id}"]
        assert device.service.count == count + 1
        assert int(second["Email"]) >= int(first["Email"]) + 5


async def is_waiting(office: Office, alice: Account) -> bool:
    return all(one.next_attempt is not None for one in await there(office, alice))


async def test_a_host_that_is_not_public_is_never_spoken_to(office: Office, alice, told):
    device, _ = told
    await subscribe(office, alice, device, url=f"https://127.0.0.1:{device.service.port}/")
    await until(lambda: is_empty(office, alice))
    assert device.service.connections == 0


async def test_a_subscription_ends_with_its_time(office: Office, alice, told):
    device, pusher = told
    made = await verify(office, alice, device)
    assert made.expires == office.clock.now() + timedelta(days=7)
    office.clock.advance(7 * 86_400)
    await deliver(office)
    pusher.wake()
    await until(lambda: has_no_rows(office))
    assert device.service.count == 1


async def has_no_rows(office: Office) -> bool:
    return await office.database.value(0, "select count(*) from push_subscription") == 0


async def test_a_new_password_ends_what_the_old_one_made(office: Office, alice, told):
    device, _ = told
    await verify(office, alice, device)
    await office.mail.accounts.set_password(address("alice"), "another horse")
    assert await has_no_rows(office)


async def test_the_end_of_a_token_ends_what_it_made(office: Office, alice):
    await office.mail.tokens.add(address("alice"), "phone")
    token = Credential(CredentialKind.TOKEN, "phone")
    for credential in (token, PASSWORD):
        await office.mail.push_subscriptions.add(
            alice.id, credential, device="d", url="https://push.test/", keys=None, types=None, expires=None
        )
    await office.mail.tokens.remove(address("alice"), "phone")
    assert [one.credential for one in await there(office, alice)] == ["password:"]


async def test_the_end_of_an_account_ends_all(office: Office, alice, told):
    device, _ = told
    await verify(office, alice, device)
    await office.mail.accounts.remove(address("alice"))
    assert await has_no_rows(office)
    await until(lambda: not office.mail.state_feed._watched)


async def test_what_happened_while_nobody_ran_is_told_at_the_start(office: Office, alice):
    async with pushing(office) as (device, _):
        await verify(office, alice, device)
    await deliver(office)
    async with pushing(office) as (device, pusher):
        await until(lambda: has_failed(office, alice))  # that service is no more; the new one is where it was
        async with office.database.write(alice.id) as tx:
            await tx.run("update push_subscription set url = $1, p256dh = $2", device.url, device.keys.p256dh)
        office.clock.advance(11)
        pusher.wake()
        assert "Email" in (await device.next())["changed"][f"a{alice.id}"]


async def test_connections_are_bounded(office: Office, alice):
    async with pushing(office, limits=Limits(push_connections=1, push_interval_seconds=0)) as (device, _):
        names = [f"d{number}" for number in range(5)]
        for name in names:
            await subscribe(office, alice, device, device=name)
        heard = {(await device.next())["pushSubscriptionId"] for _ in names}
        assert len(heard) == 5


async def test_a_slow_service_holds_up_no_other(office: Office, alice, told):
    device, _ = told
    device.service.replies = [None]
    await subscribe(office, alice, device, device="slow")
    await device.service.next()
    await verify(office, alice, device)
    await deliver(office)
    assert (await device.next())["@type"] == "StateChange"


async def test_what_it_does_not_want_to_hear_of_is_told_to_nobody_and_not_looked_over_for_ever(
    office: Office, alice, told, monkeypatch
):
    monkeypatch.setattr("pillarbox.relay.push.LOOKED_OVER", 2)
    device, _ = told
    made = await verify(office, alice, device, types=["ContactCard"])
    for _ in range(4):
        await deliver(office)
    await until(lambda: is_past(office, alice, made.told))
    assert device.service.count == 1


async def is_past(office: Office, alice: Account, modseq: int) -> bool:
    return [one.told > modseq for one in await there(office, alice)] == [True]
