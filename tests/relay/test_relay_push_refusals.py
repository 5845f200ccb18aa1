"""What a push service refuses: a code is not sent there again (RFC 9749 §6), news are tried later (RFC 8620 §7.2)."""

import pytest

from office import Office
from pillarbox.model.account import PASSWORD
from pillarbox.model.push import PushStage
from push_receiver import pushing, until
from web_server import reply


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "413 Payload Too Large"])
async def test_a_code_that_is_refused_is_not_sent_again(office: Office, status: str):
    (alice,) = await office.add("alice")
    subscriptions = office.mail.push_subscriptions

    async def stages() -> list[PushStage]:
        return [one.stage for one in await subscriptions.of_account(alice.id)]

    async def is_over() -> bool:
        return await stages() == [PushStage.ASKED]

    async with pushing(office) as (device, pusher):
        device.service.replies = [reply(status)]
        first = await subscriptions.add(
            alice.id, PASSWORD, device="d1", url=device.url, keys=device.keys, types=None, expires=None
        )
        assert (await device.next())["pushSubscriptionId"] == f"p{first.id}"
        await until(is_over)
        office.clock.advance(3_600)
        pusher.wake()
        second = await subscriptions.add(
            alice.id, PASSWORD, device="d2", url=device.url, keys=device.keys, types=None, expires=None
        )
        assert (await device.next())["pushSubscriptionId"] == f"p{second.id}", "and nothing more to the first"
        assert device.service.count == 2


async def test_news_that_are_refused_are_tried_later(office: Office):
    (alice,) = await office.add("alice")
    subscriptions = office.mail.push_subscriptions

    async def has_failed() -> bool:
        return [one.attempts for one in await subscriptions.of_account(alice.id)] == [1]

    async with pushing(office) as (device, pusher):
        made = await subscriptions.add(
            alice.id, PASSWORD, device="d1", url=device.url, keys=device.keys, types=None, expires=None
        )
        code = (await device.next())["verificationCode"]
        await subscriptions.change(alice.id, PASSWORD, made.id, code=code, expires=None, types=None)
        device.service.replies = [reply("403 Forbidden")]
        await office.take("ann@far.test", "alice")
        await device.next()
        await until(has_failed)
        office.clock.advance(11)
        pusher.wake()
        assert "Email" in (await device.next())["changed"][f"a{alice.id}"]
