"""QueuedMessage: what an account has sent that still waits, told as it moves; tried again, taken out."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from event_stream import listening
from jmap_site import Site
from own_site import SUBMISSION, as_bob, ask, fail

from office import TEXT, address
from pillarbox.model.envelope import Hold
from pillarbox.model.keywords import FlagSet
from queue_run import LATER, NOBODY, finish, run_queue

DRAFT = (
    b"From: alice@uiowa.test\r\nTo: ann@far.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <draft@uiowa.test>\r\n\r\nGood morning.\r\n"
)


async def send(site: Site, *recipients: str) -> str:
    """Over SMTP, signed in: the id of the QueuedMessage."""
    before = set((await ask(site, "QueuedMessage/query"))["ids"])
    await site.office.take("alice", *recipients, account=site.account)
    (made,) = set((await ask(site, "QueuedMessage/query"))["ids"]) - before
    return made


async def submit(site: Site, **envelope: object) -> tuple[str, str]:
    """Over JMAP: (EmailSubmission, QueuedMessage)."""
    email = await site.put(DRAFT, "Drafts", flags=FlagSet.of("\\Draft"))
    identity = (await ask(site, "Identity/get", ids=None))["list"][0]["id"]
    made = {"identityId": identity, "emailId": email, **envelope}
    answer = await ask(site, "EmailSubmission/set", create={"k": made})
    submission = answer["created"]["k"]["id"]
    return submission, (await ask(site, "QueuedMessage/query", filter={"emailSubmissionIds": [submission]}))["ids"][0]


def held(seconds: int) -> dict:
    return {
        "mailFrom": {"email": "alice@uiowa.test", "parameters": {"HOLDFOR": str(seconds)}},
        "rcptTo": [{"email": "ann@far.test", "parameters": None}],
    }


async def get(site: Site, id: str) -> dict:
    (found,) = (await ask(site, "QueuedMessage/get", ids=[id]))["list"]
    return found


async def state(site: Site) -> str:
    return (await ask(site, "QueuedMessage/get", ids=[]))["state"]


async def changes(site: Site, since: str) -> dict[str, list[str]]:
    answer = await ask(site, "QueuedMessage/changes", sinceState=since)
    return {name: answer[name] for name in ("created", "updated", "destroyed") if answer[name]}


# --- what is there ---------------------------------------------------------------------------------------------------


async def test_mail_sent_over_smtp_is_there_with_all_that_is_known_of_it(site: Site):
    id = await send(site, "ann@far.test", "eve@other.test")
    (message,) = await site.mail.queue.list()
    recipient = {"state": "waiting", "attempts": 0, "nextAttempt": "2026-11-24T10:00:00Z", "lastReply": None}
    assert await get(site, id) == {
        "id": id,
        "emailSubmissionId": None,
        "traceId": message.trace_id,
        "messageId": "one@far.test",
        "subject": "hello",
        "mailFrom": "alice@uiowa.test",
        "size": message.size_octets,
        "queuedAt": "2026-11-24T10:00:00Z",
        "expiresAt": "2026-11-29T10:00:00Z",
        "heldUntil": None,
        "state": "waiting",
        "nextAttempt": "2026-11-24T10:00:00Z",
        "recipients": [{"email": "ann@far.test", **recipient}, {"email": "eve@other.test", **recipient}],
        "retry": False,
    }


async def test_mail_of_a_mailbox_names_its_submission_and_its_subject_can_be_read(site: Site):
    submission, id = await submit(site)
    found = await get(site, id)
    assert (found["emailSubmissionId"], found["subject"]) == (submission, "Grüße")
    assert found["messageId"] == "draft@uiowa.test"


async def test_what_is_held_says_until_when(site: Site):
    _, id = await submit(site, envelope=held(3_600))
    assert (await get(site, id))["heldUntil"] == "2026-11-24T11:00:00Z"
    assert (await get(site, id))["nextAttempt"] == "2026-11-24T11:00:00Z"


async def test_who_a_message_has_reached_and_who_not(site: Site):
    id = await send(site, "ann@far.test", "eve@other.test")
    (message,) = await site.mail.queue.claim()
    assert (await get(site, id))["state"] == "sending"
    assert (await get(site, id))["nextAttempt"] is None
    await site.mail.queue.record(message.id, [type(LATER)(message.recipients[0].address, *_words(LATER))], None)
    await site.mail.queue.record(message.id, [type(LATER)(message.recipients[1].address, *_words(NOBODY))], None)
    found = await get(site, id)
    ann, eve = found["recipients"]
    assert found["state"] == "waiting"
    assert (ann["state"], ann["attempts"], ann["lastReply"]) == ("waiting", 1, "450 4.2.1 later")
    assert ann["nextAttempt"] == found["nextAttempt"] > "2026-11-24T10:04"
    assert (eve["state"], eve["nextAttempt"], eve["lastReply"]) == ("failed", None, "550 5.1.1 nobody")


def _words(status):
    return status.action, status.status, status.diagnostic, status.remote_host


async def test_recipients_are_those_that_were_written(site: Site):
    await site.mail.directory.add_alias(address("team"), (address("ann@far.test"),))
    id = await send(site, "team")
    (message,) = await site.mail.queue.claim()
    status = type(NOBODY)(message.recipients[0].address, *_words(LATER)[:2], "450 <ann@far.test>: later", "mx.far.test")
    await site.mail.queue.record(message.id, [status], None)
    (found,) = (await get(site, id))["recipients"]
    assert (found["email"], found["lastReply"]) == ("team@uiowa.test", "450 <…>: later")


async def test_a_subject_is_one_line_and_no_longer_than_it_may_be(site: Site):
    content = b"Subject: a\x00b\r\n  c " + b"x" * 900 + b"\r\n\r\n"
    await site.office.take("alice", "ann@far.test", content=content, account=site.account)
    (found,) = (await ask(site, "QueuedMessage/get", ids=None))["list"]
    assert found["subject"].startswith("ab c xxx") and len(found["subject"]) == 500


# --- how it moves ----------------------------------------------------------------------------------------------------


async def test_every_step_is_one_change(site: Site):
    before = await state(site)
    id = await send(site, "ann@far.test")
    assert await changes(site, before) == {"created": [id]}
    steps = []
    for _ in range(2):
        (message,) = await site.mail.queue.claim()
        steps.append(await state(site))
        await finish(site.office, message, LATER)
        steps.append(await state(site))
        site.office.clock.advance(700)
    for since, later in itertools.pairwise(steps):
        assert since != later
        assert await changes(site, since) == {"updated": [id]}
    last = await state(site)
    await run_queue(site.office)
    assert await changes(site, last) == {"destroyed": [id]}
    assert await changes(site, before) == {}
    assert (await ask(site, "QueuedMessage/get", ids=[id]))["notFound"] == [id]


async def test_what_a_worker_gives_back_or_puts_off_is_told(site: Site):
    id = await send(site, "ann@far.test")
    (message,) = await site.mail.queue.claim()
    since = await state(site)
    await site.mail.queue.release(message)
    assert await changes(site, since) == {"updated": [id]}
    (message,) = await site.mail.queue.claim()
    since = await state(site)
    await site.mail.queue.put_off(message, site.office.clock.now() + timedelta(minutes=3), LATER)
    assert await changes(site, since) == {"updated": [id]}
    assert (await get(site, id))["nextAttempt"] == "2026-11-24T10:03:00Z"
    site.office.clock.advance(200)
    await site.mail.queue.claim()
    since = await state(site)
    assert await site.mail.queue.release_own() == 1
    assert await changes(site, since) == {"updated": [id]}
    assert (await get(site, id))["state"] == "waiting"


async def test_what_an_operator_does_is_told_too(site: Site):
    id = await send(site, "ann@far.test")
    (message,) = await site.mail.queue.list()
    since = await state(site)
    site.office.clock.advance(1)
    await site.mail.queue.retry(message.id)
    assert await changes(site, since) == {"updated": [id]}
    await site.mail.queue.cancel(message.id)
    assert await changes(site, since) == {"destroyed": [id]}


async def test_an_event_source_tells_of_it_live(site: Site):
    async with listening(site, "QueuedMessage") as events:
        id = await send(site, "ann@far.test")
        assert (await events.states())["QueuedMessage"] == await state(site)
        (message,) = await site.mail.queue.claim()
        await finish(site.office, message, LATER)
        async with asyncio.timeout(15):
            while (told := (await events.states())["QueuedMessage"]) != await state(site):
                assert int(told) < int(await state(site))
    assert (await get(site, id))["recipients"][0]["attempts"] == 1


async def test_mail_in_nobody_s_name_moves_nobody(site: Site):
    before = await state(site)
    await site.mail.directory.add_alias(address("out"), (address("ann@far.test"),))
    await site.office.take("stranger@far.test", "out")
    await run_queue(site.office)
    assert await state(site) == before


async def test_the_queue_goes_on_for_an_account_that_is_removed(site: Site):
    async with as_bob(site) as bob:
        await site.office.take("bob", "ann@far.test", account=bob.account)
        await site.mail.accounts.remove(address("bob"))
        (message,) = await run_queue(site.office)
        assert message.number is not None
        assert await site.mail.queue.list() == []


# --- finding ---------------------------------------------------------------------------------------------------------


async def test_queries_filter_and_sort(site: Site):
    first = await send(site, "ann@far.test")
    submission, second = await submit(site)
    await site.mail.queue.claim(1)
    site.office.clock.advance(60)
    third = await send(site, "eve@other.test")

    async def found(**arguments: object) -> list[str]:
        return (await ask(site, "QueuedMessage/query", **arguments))["ids"]

    assert await found() == [first, second, third]
    assert await found(filter={"state": "sending"}) == [first]
    assert await found(filter={"state": "waiting"}) == [second, third]
    assert await found(filter={"emailSubmissionIds": [submission]}) == [second]
    assert await found(filter={"after": "2026-11-24T10:01:00Z"}) == [third]
    assert await found(sort=[{"property": "queuedAt", "isAscending": False}]) == [third, first, second]
    assert await found(sort=[{"property": "nextAttempt"}]) == [first, second, third]
    assert (await fail(site, "QueuedMessage/query", filter={"subject": "x"}))["type"] == "unsupportedFilter"
    assert (await fail(site, "QueuedMessage/query", sort=[{"property": "subject"}]))["type"] == "unsupportedSort"


async def test_a_result_is_brought_up_to_date(site: Site):
    first = await send(site, "ann@far.test")
    waiting = await ask(site, "QueuedMessage/query", filter={"state": "waiting"})
    all_of_it = await ask(site, "QueuedMessage/query")
    await site.mail.queue.claim()
    second = await send(site, "eve@other.test")
    answer = await ask(
        site, "QueuedMessage/queryChanges", filter={"state": "waiting"}, sinceQueryState=waiting["queryState"]
    )
    assert (answer["removed"], answer["added"]) == ([first], [{"id": second, "index": 0}])
    answer = await ask(site, "QueuedMessage/queryChanges", sinceQueryState=all_of_it["queryState"])
    assert (answer["removed"], answer["added"]) == ([], [{"id": second, "index": 1}])
    assert (await fail(site, "QueuedMessage/queryChanges", sinceQueryState="99999"))["type"] == "cannotCalculateChanges"
    assert (await fail(site, "QueuedMessage/changes", sinceState="x"))["type"] == "cannotCalculateChanges"


# --- trying again ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def delayed(site: Site) -> AsyncIterator[str]:
    """A message that its host did not take yet."""
    id = await send(site, "ann@far.test")
    await finish(site.office, (await site.mail.queue.claim())[0], LATER)
    assert await site.mail.queue.claim() == []
    yield id


async def test_a_retry_makes_it_due_and_says_what_is_different(site: Site, delayed: str):
    since = await state(site)
    site.office.clock.advance(10)
    answer = await ask(site, "QueuedMessage/set", update={delayed: {"retry": True}})
    changed = answer["updated"][delayed]
    assert set(changed) == {"retry", "nextAttempt", "recipients"}
    assert (changed["retry"], changed["nextAttempt"]) == (False, "2026-11-24T10:00:10Z")
    assert (answer["oldState"], answer["newState"]) == (since, await state(site))
    assert await changes(site, since) == {"updated": [delayed]}
    assert len(await site.mail.queue.claim()) == 1


async def test_nobody_makes_this_server_knock_without_end(site: Site, delayed: str):
    async def retry() -> dict | None:
        return (await ask(site, "QueuedMessage/set", update={delayed: {"retry": True}}))["notUpdated"]

    assert await retry() is None
    refused = await retry()
    assert refused is not None and refused[delayed]["type"] == "rateLimit"
    site.office.clock.advance(60)
    assert await retry() is None


async def test_what_is_held_is_not_hurried(site: Site):
    _, id = await submit(site, envelope=held(3_600))
    answer = await ask(site, "QueuedMessage/set", update={id: {"retry": True}})
    assert answer["notUpdated"][id]["type"] == "forbidden"
    assert await site.mail.queue.claim() == []


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ({"retry": "yes"}, "invalidProperties"),
        ({"subject": "other"}, "invalidProperties"),
        ({"recipients/0/state": "sent"}, "invalidPatch"),
        ({"x": 1}, "invalidProperties"),
    ],
)
async def test_nothing_else_can_be_changed(site: Site, delayed: str, patch: dict, kind: str):
    before = await state(site)
    answer = await ask(site, "QueuedMessage/set", update={delayed: patch})
    assert answer["notUpdated"][delayed]["type"] == kind
    assert await state(site) == before


async def test_what_asks_for_nothing_does_nothing(site: Site, delayed: str):
    before = await state(site)
    for patch in ({}, {"retry": False}, {"retry": None}, {"id": delayed, "state": "waiting"}):
        assert (await ask(site, "QueuedMessage/set", update={delayed: patch}))["updated"] == {delayed: None}
    assert await state(site) == before


async def test_nothing_comes_into_the_queue_this_way(site: Site):
    answer = await ask(site, "QueuedMessage/set", create={"k": {"subject": "x"}})
    assert answer["notCreated"]["k"]["type"] == "forbidden"


# --- taking out ------------------------------------------------------------------------------------------------------


async def test_what_is_destroyed_is_sent_to_nobody_and_the_passport_says_so(site: Site, delayed: str):
    answer = await ask(site, "QueuedMessage/set", destroy=[delayed])
    assert answer["destroyed"] == [delayed]
    assert await site.mail.queue.list() == []
    (found,) = (await ask(site, "Passport/get", ids=["<one@far.test>"]))["list"]
    assert found["entries"][-1]["step"] == "cancelled"
    assert found["entries"][-1]["facts"] == {"recipients": "ann@far.test"}
    again = await ask(site, "QueuedMessage/set", destroy=[delayed, "q0", "x"])
    assert {id: error["type"] for id, error in again["notDestroyed"].items()} == dict.fromkeys(
        (delayed, "q0", "x"), "notFound"
    )


async def test_a_submission_that_waits_is_canceled_with_it(site: Site):
    submission, id = await submit(site)
    await ask(site, "QueuedMessage/set", destroy=[id])
    (found,) = (await ask(site, "EmailSubmission/get", ids=[submission]))["list"]
    assert found["undoStatus"] == "canceled"
    assert found["deliveryStatus"]["ann@far.test"]["smtpReply"] == "554 5.0.0 taken back by its sender"


async def test_a_submission_that_is_under_way_knows_who_does_not_get_it(site: Site):
    submission, id = await submit(site)
    await finish(site.office, (await site.mail.queue.claim())[0], LATER)
    await ask(site, "QueuedMessage/set", destroy=[id])
    (found,) = (await ask(site, "EmailSubmission/get", ids=[submission]))["list"]
    assert found["undoStatus"] == "final"
    assert found["deliveryStatus"]["ann@far.test"]["delivered"] == "no"


async def test_a_submission_that_is_canceled_leaves_the_queue(site: Site):
    submission, id = await submit(site)
    since = await state(site)
    await ask(site, "EmailSubmission/set", update={submission: {"undoStatus": "canceled"}})
    assert await changes(site, since) == {"destroyed": [id]}


async def test_a_state_that_is_not_the_present_one_changes_nothing(site: Site, delayed: str):
    old = await state(site)
    other = await send(site, "eve@other.test")
    for arguments in ({"destroy": [delayed]}, {"update": {other: {"retry": True}}}):
        assert (await fail(site, "QueuedMessage/set", ifInState=old, **arguments))["type"] == "stateMismatch"
    assert len(await site.mail.queue.list()) == 2
    assert (await ask(site, "QueuedMessage/set", ifInState=await state(site), destroy=[other]))["destroyed"] == [other]


# --- isolation -------------------------------------------------------------------------------------------------------


async def test_nothing_of_it_is_anybody_else_s(site: Site, delayed: str):
    async with as_bob(site) as bob:
        before = await state(bob)
        assert (await ask(bob, "QueuedMessage/get", ids=None))["list"] == []
        assert (await ask(bob, "QueuedMessage/get", ids=[delayed]))["notFound"] == [delayed]
        assert (await ask(bob, "QueuedMessage/query"))["ids"] == []
        answer = await ask(bob, "QueuedMessage/set", update={delayed: {"retry": True}})
        assert answer["notUpdated"][delayed]["type"] == "notFound"
        answer = await ask(bob, "QueuedMessage/set", destroy=[delayed])
        assert answer["notDestroyed"][delayed]["type"] == "notFound"
        assert await state(bob) == before
        for name in ("get", "changes", "query", "queryChanges", "set"):
            more = {"changes": {"sinceState": "0"}, "queryChanges": {"sinceQueryState": "0"}}.get(name, {})
            assert (await fail(bob, f"QueuedMessage/{name}", accountId=site.id, **more))["type"] == "accountNotFound"
        async with listening(bob, "QueuedMessage", ping=1) as events:
            await send(site, "eve@other.test")
            assert (await events.next()).name == "ping"
    assert len(await site.mail.queue.list()) == 2


async def test_two_accounts_may_have_the_same_number(site: Site):
    async with as_bob(site) as bob:
        mine = await send(site, "ann@far.test")
        await site.office.take("bob", "ann@far.test", account=bob.account)
        (his,) = (await ask(bob, "QueuedMessage/query"))["ids"]
        assert (await get(site, mine))["mailFrom"] == "alice@uiowa.test"
        assert (await get(bob, his))["mailFrom"] == "bob@uiowa.test"
        await ask(bob, "QueuedMessage/set", destroy=[his])
        assert (await get(site, mine))["state"] == "waiting"


async def test_mail_that_was_queued_with_a_hold_over_smtp_is_there(site: Site):
    """The same queue, whichever way it came."""
    from office import client_facts
    from pillarbox.model.envelope import Envelope, Recipient
    from pillarbox.model.passport import Dialogue

    until = site.office.clock.now() + timedelta(hours=1)
    envelope = Envelope(address("alice"), (Recipient(address("ann@far.test")),), hold=Hold(until))
    incoming = site.mail.intake.begin(client_facts(site.account), envelope, site.mail.intake.new_trace())
    incoming.write(TEXT)
    await incoming.finish(Dialogue("SMTP", "", "", until, ()))
    (found,) = (await ask(site, "QueuedMessage/get", ids=None))["list"]
    assert found["heldUntil"] == "2026-11-24T11:00:00Z"


async def test_the_methods_need_the_capability(site: Site):
    answer = await site.post([["QueuedMessage/get", {"accountId": site.id}, "0"]], using=[SUBMISSION])
    assert answer.json()["methodResponses"][0][1]["type"] == "unknownMethod"
