"""Passport/get: one's own half of a journey, by what one has; nothing of anybody else."""

import pytest
from jmap_site import Site
from own_site import as_bob, ask, fail, responses

from office import PEER, TEXT, address
from pillarbox.model.ids import QueueId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.passport import Dialogue, DialogueLine, Speaker
from queue_run import LATER, finish, run_queue

NAME = "<one@far.test>"
DRAFT = (
    b"From: alice@uiowa.test\r\nTo: ann@far.test\r\nSubject: hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <draft@uiowa.test>\r\n\r\nGood morning.\r\n"
)


async def passport(site: Site, id: str, **more: object) -> dict:
    answer = await ask(site, "Passport/get", ids=[id], **more)
    assert answer["notFound"] == []
    (found,) = answer["list"]
    assert found["id"] == id
    return found


async def unknown(site: Site, *ids: str) -> None:
    answer = await ask(site, "Passport/get", ids=list(ids))
    assert (answer["list"], answer["notFound"]) == ([], list(ids))


def steps(found: dict) -> list[str]:
    return [entry["step"] for entry in found["entries"]]


async def first_email(site: Site, mailbox: str = "Inbox") -> str:
    found = await ask(site, "Email/query", filter={"inMailbox": await site.mailbox_id(mailbox)})
    return found["ids"][0]


async def submit(site: Site) -> tuple[str, str]:
    """(Email, EmailSubmission)."""
    email = await site.put(DRAFT, "Drafts", flags=FlagSet.of("\\Draft"))
    identity = (await ask(site, "Identity/get", ids=None))["list"][0]["id"]
    answer = await ask(site, "EmailSubmission/set", create={"k": {"identityId": identity, "emailId": email}})
    return email, answer["created"]["k"]["id"]


async def test_mail_that_came_by_its_email_id_and_by_its_message_id(site: Site):
    accepted = await site.office.take("ann@far.test", "alice")
    found = await passport(site, await first_email(site))
    first, second = found["entries"]
    assert found["isCut"] is False
    assert first == {
        "traceId": accepted.trace_id,
        "step": "accepted",
        "at": "2026-11-24T10:00:00Z",
        "facts": {
            "from": "ann@far.test", "to": "alice@uiowa.test", "peer": PEER, "helo": "far.test", "protocol": "ESMTP",
            "size": str(len(TEXT)),
        },
        "dialogue": {
            "protocol": "SMTP", "client": PEER, "server": "192.0.2.2:25", "startedAt": "2026-11-24T10:00:00Z",
            "tls": None, "lines": [],
        },
    }  # fmt: skip
    assert second == {
        "traceId": accepted.trace_id,
        "step": "delivered",
        "at": "2026-11-24T10:00:00Z",
        "facts": {"recipient": "alice@uiowa.test", "mailbox": "INBOX", "uid": "1"},
        "dialogue": None,
    }
    for name in (NAME, "one@far.test"):
        assert (await passport(site, name))["entries"] == found["entries"]


async def test_mail_that_was_sent_by_submission_queue_and_message_id_with_its_dialogue(site: Site):
    email, submission = await submit(site)
    (message,) = await site.mail.queue.claim()
    lines = (
        DialogueLine(Speaker.SERVER, "220 mx.far.test ESMTP", 0.0),
        DialogueLine(Speaker.CLIENT, "EHLO mail.uiowa.test", 0.001),
        DialogueLine(Speaker.EVENT, "TLS: TLSv1.3", 0.002),
        DialogueLine(Speaker.CLIENT, "MAIL FROM:<alice@uiowa.test>", 0.003),
        DialogueLine(Speaker.SERVER, "450 4.2.1 later", 0.004),
        DialogueLine(Speaker.CLIENT, "QUIT", 0.005),
    )
    said = Dialogue("SMTP", "192.0.2.2:40000", "192.0.2.9:25", site.office.clock.now(), lines, "TLSv1.3")
    await site.mail.queue.record(
        message.id,
        [type(LATER)(message.recipients[0].address, LATER.action, LATER.status, LATER.diagnostic, "mx.far.test")],
        said,
    )
    (queued,) = (await ask(site, "QueuedMessage/query"))["ids"]
    found = await passport(site, submission)
    assert steps(found) == ["accepted", "queued", "attempted"]
    attempted = found["entries"][2]
    assert attempted["facts"] == {
        "recipient": "ann@far.test", "result": "delayed", "status": "4.2.1", "remote": "mx.far.test",
        "reply": "450 4.2.1 later",
    }  # fmt: skip
    shown = [
        (line["speaker"], line["phase"], line["text"], line["atSeconds"]) for line in attempted["dialogue"]["lines"]
    ]
    assert shown == [
        ("server", "handshake", "220 mx.far.test ESMTP", 0.0),
        ("client", "handshake", "EHLO mail.uiowa.test", 0.001),
        ("event", "handshake", "TLS: TLSv1.3", 0.002),
        ("client", "transfer", "MAIL FROM:<alice@uiowa.test>", 0.003),
        ("server", "transfer", "450 4.2.1 later", 0.004),
        ("client", "closure", "QUIT", 0.005),
    ]
    assert attempted["dialogue"]["tls"] == "TLSv1.3"
    for id in (queued, "<draft@uiowa.test>", email):
        assert (await passport(site, id))["entries"] == found["entries"], id


async def test_the_copy_of_what_was_sent_leads_to_its_journey_and_other_mail_that_did_not_come_to_none(site: Site):
    await submit(site)
    sent = await site.put(DRAFT, "Sent")
    assert steps(await passport(site, sent)) == ["accepted", "queued"]
    other = await site.put(b"Subject: no name\r\n\r\nx\r\n")
    assert (await passport(site, other))["entries"] == []


async def test_a_creation_id_of_the_same_request_can_be_asked_for(site: Site):
    email = await site.put(DRAFT, "Drafts")
    identity = (await ask(site, "Identity/get", ids=None))["list"][0]["id"]
    made = await responses(
        site,
        ("EmailSubmission/set", {"create": {"k": {"identityId": identity, "emailId": email}}}),
        ("Passport/get", {"ids": ["#k"]}),
    )
    (found,) = made[-1][1]["list"]
    assert steps(found) == ["accepted", "queued"]


async def test_dialogues_may_be_left_out(site: Site):
    await site.office.take("ann@far.test", "alice")
    found = await passport(site, NAME, dialogues=False)
    assert all("dialogue" not in entry for entry in found["entries"])


# --- isolation -------------------------------------------------------------------------------------------------------


async def test_each_sees_the_half_that_is_theirs(site: Site):
    async with as_bob(site) as bob:
        await site.office.take("alice", "bob", "eve@other.test", account=site.account)
        hers = await passport(site, NAME)
        his = await passport(bob, NAME)
        assert sorted(steps(hers)) == ["accepted", "queued"]
        assert steps(his) == ["accepted", "delivered"]
        assert "eve" not in str(his) and "192.0.2.1" not in str(his) and "account" not in his["entries"][0]["facts"]
        assert his["entries"][0]["dialogue"] is None and hers["entries"][0]["dialogue"] is not None


async def test_things_of_others_are_not_found(site: Site):
    async with as_bob(site) as bob:
        await site.office.take("ann@far.test", "alice")
        email, submission = await submit(site)
        (queued,) = (await ask(site, "QueuedMessage/query"))["ids"]
        (message,) = await site.mail.queue.list()
        await unknown(bob, email, await first_email(site), submission, queued, NAME, "<draft@uiowa.test>")
        await unknown(bob, message.trace_id, str(message.id), f"<{message.trace_id}>")
        await unknown(site, message.trace_id, str(message.id))
        assert (await fail(bob, "Passport/get", ids=[email], accountId=site.id))["type"] == "accountNotFound"


async def test_the_operator_s_half_is_nobody_else_s(site: Site):
    """Two recipients from outside: the dialogue names both, so it is neither's."""
    async with as_bob(site) as bob:
        await site.office.take("ann@far.test", "alice", "bob")
        for one, other in ((site, "bob"), (bob, "alice")):
            found = await passport(one, NAME)
            assert steps(found) == ["accepted", "delivered"]
            assert other not in str(found)
            assert all(entry["dialogue"] is None for entry in found["entries"])


async def test_what_is_in_the_queue_in_nobody_s_name_is_nobody_s(site: Site):
    await site.mail.directory.add_alias(address("alice.far"), (address("alice@far.test"),))
    await site.office.take("ann@far.test", "alice.far")
    (message,) = await site.mail.queue.list()
    assert message.number is None
    assert (await ask(site, "QueuedMessage/get", ids=None))["list"] == []
    await unknown(site, NAME, "q0", "q1", f"q{message.id}")


async def test_many_journeys_of_one_message_id_do_not_hide_one_s_own(site: Site):
    """A letter to a list of people here: each has a journey of their own under one name."""
    async with as_bob(site) as bob:
        for _ in range(25):
            await site.office.take("ann@far.test", "bob")
        await site.office.take("ann@far.test", "alice")
        assert steps(await passport(site, NAME)) == ["accepted", "delivered"]
        his = await passport(bob, NAME)
        assert len({entry["traceId"] for entry in his["entries"]}) == 20


async def test_an_alias_is_not_followed_before_the_eyes_of_who_writes_to_it(site: Site):
    await site.mail.directory.add_alias(address("team"), (address("ann@far.test"), address("eve@far.test")))
    await site.office.take("alice", "team", account=site.account)
    await run_queue(site.office)
    found = await passport(site, NAME)
    assert steps(found) == ["accepted", "queued", "attempted", "attempted"]
    assert "ann@" not in str(found) and "eve@" not in str(found) and "mx.far.test" not in str(found)
    operator = await site.mail.passports.find("one@far.test")
    assert "ann@far.test" in str(operator)


# --- any input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id",
    ["", "e0", "e01", "e999", "s1", "q1", "x1", "e", "E1", "m1", "<>", "@", "\0@", "e1\n", "é@" * 600, "<a@b", "%@%"],
)
async def test_what_is_no_name_of_anything_is_not_found(site: Site, id: str):
    await unknown(site, id)


async def test_wrong_arguments(site: Site):
    for wrong in ({}, {"ids": None}, {"ids": "e1"}, {"ids": [1]}, {"ids": [], "x": 1}, {"ids": [], "dialogues": 1}):
        assert (await fail(site, "Passport/get", **wrong))["type"] == "invalidArguments"
    assert (await fail(site, "Passport/get", ids=[f"e{n}" for n in range(101)]))["type"] == "requestTooLarge"


async def test_who_does_not_name_the_capability_has_no_such_method(site: Site):
    assert (await site.fail("Passport/get", ids=[]))["type"] == "unknownMethod"


async def test_a_message_that_was_destroyed_has_no_passport_by_its_id(site: Site):
    await site.office.take("ann@far.test", "alice")
    email = await first_email(site)
    await ask(site, "Email/set", destroy=[email])
    await unknown(site, email)


async def test_a_queue_id_is_told_nowhere(site: Site):
    """It counts the mail of all; a message is known to its owner by a number of their own."""
    await submit(site)
    (message,) = await site.mail.queue.list()
    await finish(site.office, (await site.mail.queue.claim())[0], LATER)
    found = [await passport(site, "<draft@uiowa.test>"), await ask(site, "QueuedMessage/get", ids=None)]
    assert str(message.id) not in str(found)
    assert QueueId(message.id) != message.number
