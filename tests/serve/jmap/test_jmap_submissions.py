"""EmailSubmission (RFC 8621 §7) over real HTTP: sending, holding, taking back, what became of it."""

from datetime import timedelta

import httpx
import pytest
from jmap_site import CORE, MAIL, PASSWORD, Site, open_jmap

from office import DOMAIN, address, open_office
from pillarbox.core.sending.submissions import SubmissionSettings
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from queue_run import LATER, NOBODY, finish, run_queue

SUBMISSION = "urn:ietf:params:jmap:submission"
ALICE = f"alice@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
DRAFT = (
    b"From: Alice <alice@uiowa.test>\r\nTo: Bob <bob@uiowa.test>\r\nCc: ann@far.test\r\nBcc: eve@other.test\r\n"
    b"Subject: hello\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <draft@uiowa.test>\r\n\r\nGood morning.\r\n"
)


@pytest.fixture
async def desk(site: Site) -> Site:
    """Alice's, and bob has an account too."""
    await site.office.add("bob")
    return site


async def calls(site: Site, *made: tuple[str, dict], using: tuple[str, ...] = (CORE, MAIL, SUBMISSION)) -> list[list]:
    numbered = [[name, {"accountId": site.id, **given}, f"c{n}"] for n, (name, given) in enumerate(made)]
    answer = await site.post(numbered, using=using)
    assert answer.status_code == 200, answer.text
    return answer.json()["methodResponses"]


async def call(site: Site, name: str, **arguments: object) -> dict:
    (found, *_) = await calls(site, (name, arguments))
    assert found[0] == name, found
    return found[1]


async def identity_id(site: Site) -> str:
    return (await call(site, "Identity/get", ids=None))["list"][0]["id"]


async def draft(site: Site, content: bytes = DRAFT) -> str:
    return await site.put(content, "Drafts", flags=FlagSet.of("\\Seen", "\\Draft"))


async def submit(site: Site, content: bytes = DRAFT, **more: object) -> dict:
    """One that succeeds: the object as it is then."""
    made = {"identityId": await identity_id(site), "emailId": await draft(site, content), **more}
    answer = await call(site, "EmailSubmission/set", create={"k1": made})
    assert answer["notCreated"] is None, answer["notCreated"]
    return await get(site, answer["created"]["k1"]["id"])


async def refuse(site: Site, content: bytes = DRAFT, **more: object) -> dict:
    """One that does not: the SetError. Nothing waits then."""
    made = {"identityId": await identity_id(site), "emailId": await draft(site, content), **more}
    answer = await call(site, "EmailSubmission/set", create={"k1": made})
    assert answer["created"] is None
    assert await site.mail.queue.list() == []
    return answer["notCreated"]["k1"]


async def get(site: Site, id: str) -> dict:
    (found,) = (await call(site, "EmailSubmission/get", ids=[id]))["list"]
    return found


def envelope(*recipients: str, mail_from: str = ALICE, **parameters: str | None) -> dict:
    return {
        "mailFrom": {"email": mail_from, "parameters": parameters or None},
        "rcptTo": [{"email": one, "parameters": None} for one in recipients],
    }


def delivered(submission: dict) -> dict[str, str]:
    return {email: status["delivered"] for email, status in submission["deliveryStatus"].items()}


# --- sending ---------------------------------------------------------------------------------------------------------


async def test_a_message_goes_to_all_that_its_header_names_without_its_bcc(desk: Site):
    made = await submit(desk)
    assert made["envelope"] == envelope(BOB, "ann@far.test", "eve@other.test")
    assert made["undoStatus"] == "pending" and made["sendAt"] == "2026-11-24T10:00:00Z"
    assert delivered(made) == dict.fromkeys((BOB, "ann@far.test", "eve@other.test"), "queued")
    (queued,) = await desk.mail.queue.list()
    async with await desk.mail.queue.content(queued.id) as content:
        octets = await content.read()
    assert b"bcc" not in octets.lower() and b"eve" not in octets
    assert b"\r\nCc: ann@far.test\r\n" in octets
    await run_queue(desk.office)
    (letter,) = await desk.office.messages("bob")
    assert letter.startswith(b"Return-Path: <alice@uiowa.test>\r\nReceived: from mail.uiowa.test\r\n")
    assert letter.endswith(b"\r\n\r\nGood morning.\r\n") and b"eve" not in letter
    sent = await get(desk, made["id"])
    assert sent["undoStatus"] == "final"
    assert sent["deliveryStatus"][BOB] == {
        "smtpReply": "250 2.1.5 delivered here",
        "delivered": "yes",
        "displayed": "unknown",
    }
    assert sent["deliveryStatus"]["ann@far.test"] == {
        "smtpReply": "250 2.0.0 taken",
        "delivered": "unknown",
        "displayed": "unknown",
    }
    assert await desk.mail.queue.list() == []


async def test_the_example_of_the_standard_sends_and_files_the_draft(desk: Site):
    """RFC 8621 §7.5.1: two responses, one method call id."""
    email = await draft(desk)
    drafts, sent = await desk.mailbox_id("Drafts"), await desk.mailbox_id("Sent")
    arguments = {
        "create": {
            "k1490": {"identityId": await identity_id(desk), "emailId": email, "envelope": envelope("jane@example.com")}
        },
        "onSuccessUpdateEmail": {
            "#k1490": {f"mailboxIds/{drafts}": None, f"mailboxIds/{sent}": True, "keywords/$draft": None}
        },
    }
    first, second = await calls(desk, ("EmailSubmission/set", arguments))
    assert (first[0], first[2]) == ("EmailSubmission/set", "c0")
    assert (second[0], second[2]) == ("Email/set", "c0")
    assert set(first[1]["created"]["k1490"]) == {
        "id", "threadId", "sendAt", "undoStatus", "deliveryStatus", "dsnBlobIds", "mdnBlobIds",
    }  # fmt: skip
    assert second[1]["updated"] == {email: None}
    (found,) = (await desk.call("Email/get", ids=[email], properties=["mailboxIds", "keywords"]))["list"]
    assert found["mailboxIds"] == {sent: True} and found["keywords"] == {"$seen": True}


async def test_an_email_may_be_destroyed_on_success_and_is_sent_all_the_same(desk: Site):
    email = await draft(desk)
    made = {"identityId": await identity_id(desk), "emailId": email}
    first, second = await calls(
        desk, ("EmailSubmission/set", {"create": {"k1": made}, "onSuccessDestroyEmail": ["#k1"]})
    )
    assert second[1]["destroyed"] == [email]
    await run_queue(desk.office)
    assert len(await desk.office.messages("bob")) == 1
    assert (await get(desk, first[1]["created"]["k1"]["id"]))["emailId"] == email


async def test_nothing_follows_what_did_not_succeed(desk: Site):
    email = await draft(desk)
    made = {"identityId": "i999", "emailId": email}
    answers = await calls(desk, ("EmailSubmission/set", {"create": {"k1": made}, "onSuccessDestroyEmail": ["#k1"]}))
    assert [answer[0] for answer in answers] == ["EmailSubmission/set"]


async def test_an_email_that_is_made_in_the_same_request_can_be_sent(desk: Site):
    drafts = await desk.mailbox_id("Drafts")
    email = {
        "mailboxIds": {drafts: True},
        "from": [{"email": ALICE}],
        "to": [{"email": BOB}],
        "subject": "now",
        "textBody": [{"partId": "1", "type": "text/plain"}],
        "bodyValues": {"1": {"value": "Good day."}},
    }
    made = {"identityId": await identity_id(desk), "emailId": "#e"}
    answers = await calls(
        desk, ("Email/set", {"create": {"e": email}}), ("EmailSubmission/set", {"create": {"k": made}})
    )
    assert answers[1][1]["notCreated"] is None
    await run_queue(desk.office)
    (letter,) = await desk.office.messages("bob")
    assert b"Subject: now\r\n" in letter and b"Good day." in letter


async def test_an_alias_is_followed_and_its_status_is_the_worst_of_those_it_leads_to(desk: Site):
    await desk.mail.directory.add_alias(address("team"), (address("bob"), address("ann@far.test")))
    made = await submit(desk, envelope=envelope(f"team@{DOMAIN}", BOB))
    (message,) = await desk.mail.queue.claim()
    await finish(desk.office, message, LATER)
    waiting = await get(desk, made["id"])
    assert delivered(waiting) == {f"team@{DOMAIN}": "queued", BOB: "yes"}
    assert waiting["deliveryStatus"][f"team@{DOMAIN}"]["smtpReply"] == "450 4.2.1 later"
    assert len(await desk.office.messages("bob")) == 1
    desk.office.clock.advance(400)
    await run_queue(desk.office, NOBODY)
    failed = await get(desk, made["id"])
    assert failed["deliveryStatus"][f"team@{DOMAIN}"]["delivered"] == "no"
    assert failed["deliveryStatus"][f"team@{DOMAIN}"]["smtpReply"] == "550 5.1.1 nobody"


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_found_is_named(desk: Site):
    email, identity = await draft(desk), await identity_id(desk)
    answer = await call(
        desk,
        "EmailSubmission/set",
        create={
            "a": {"identityId": "i999", "emailId": email},
            "b": {"identityId": identity, "emailId": "e999"},
            "c": {"identityId": identity},
            "d": {"identityId": identity, "emailId": email, "sendAt": "2026-11-24T10:00:00Z"},
        },
    )
    errors = {key: (error["type"], error["properties"]) for key, error in answer["notCreated"].items()}
    assert errors == {
        "a": ("invalidProperties", ["identityId"]),
        "b": ("invalidProperties", ["emailId"]),
        "c": ("invalidProperties", ["emailId"]),
        "d": ("invalidProperties", ["sendAt"]),
    }


async def test_recipients_must_be_there_right_and_not_too_many(tmp_path):
    async with open_office(tmp_path / "data", limits=Limits(smtp_recipients=2)) as office, open_jmap(office) as site:
        await office.add("bob")
        assert (await refuse(site, envelope=envelope()))["type"] == "noRecipients"
        many = await refuse(site, envelope=envelope(BOB, "a@far.test", "b@far.test"))
        assert (many["type"], many["maxRecipients"]) == ("tooManyRecipients", 2)
        wrong = await refuse(site, envelope=envelope("not an address", f"nobody@{DOMAIN}"))
        assert wrong["type"] == "invalidRecipients"
        assert wrong["invalidRecipients"] == ["not an address", f"nobody@{DOMAIN}"]
        derived = await refuse(site, b"From: alice@uiowa.test\r\n\r\nx\r\n")
        assert derived["type"] == "noRecipients"


async def test_nobody_sends_as_somebody_else(desk: Site):
    error = await refuse(desk, DRAFT.replace(b"From: Alice <alice@", b"From: Bob <bob@"))
    assert error["type"] == "forbiddenFrom"
    error = await refuse(desk, b"Sender: bob@uiowa.test\r\n" + DRAFT)
    assert error["type"] == "forbiddenFrom"
    error = await refuse(desk, envelope=envelope(BOB, mail_from=BOB))
    assert error["type"] == "forbiddenMailFrom"
    error = await refuse(desk, envelope=envelope(BOB, mail_from="no address"))
    assert error["type"] == "forbiddenMailFrom"


async def test_from_must_be_the_identitys(desk: Site):
    """RFC 8621 §9.6."""
    await desk.mail.directory.add_alias(address("office"), (address("alice"),))
    answer = await call(desk, "Identity/set", create={"k": {"email": f"office@{DOMAIN}"}})
    made = {"identityId": answer["created"]["k"]["id"], "emailId": await draft(desk)}
    answer = await call(desk, "EmailSubmission/set", create={"k": made})
    assert answer["notCreated"]["k"]["type"] == "forbiddenFrom"
    as_office = DRAFT.replace(b"From: Alice <alice@", b"From: Alice <office@")
    made["emailId"] = await draft(desk, as_office)
    answer = await call(desk, "EmailSubmission/set", create={"k": made})
    assert (await get(desk, answer["created"]["k"]["id"]))["envelope"]["mailFrom"]["email"] == f"office@{DOMAIN}"
    await desk.mail.directory.remove_alias(address("office"))
    answer = await call(desk, "EmailSubmission/set", create={"k": made})
    assert answer["notCreated"]["k"]["type"] == "forbiddenFrom", "the alias has gone since"


async def test_what_is_no_message_to_send_is_invalid_and_says_where(desk: Site):
    for content, properties in (
        (b"To: bob@uiowa.test\r\n\r\nx\r\n", ["from"]),
        (b"From: alice@uiowa.test\r\nFrom: alice@uiowa.test\r\nTo: bob@uiowa.test\r\n\r\nx\r\n", ["from"]),
        (b"From: alice@uiowa.test, alice+x@uiowa.test\r\nTo: bob@uiowa.test\r\n\r\nx\r\n", ["from"]),
        (DRAFT + b"\0\r\n", []),
    ):
        error = await refuse(desk, content)
        assert (error["type"], error["properties"]) == ("invalidEmail", properties)


async def test_what_is_too_large_to_send_says_how_large_it_may_be(tmp_path):
    async with open_office(tmp_path / "data", limits=Limits(message_octets=1_000)) as office, open_jmap(office) as site:
        await office.add("bob")
        error = await refuse(site, DRAFT + b"x" * 1_000 + b"\r\n")
        assert (error["type"], error["maxSize"]) == ("tooLarge", 1_000)


async def test_parameters_that_are_not_offered_are_refused(desk: Site):
    for parameters in ({"RET": "HDRS"}, {"ENVID": "x"}, {"BODY": "BINARYMIME"}, {"FOO": None}, {"SIZE": "x"}):
        error = await refuse(desk, envelope=envelope(BOB, **parameters))
        assert (error["type"], error["properties"]) == ("invalidProperties", ["envelope"])
    await submit(desk, envelope=envelope(BOB, SIZE="100", BODY="8BITMIME", SMTPUTF8=None))


# --- holding and taking back -----------------------------------------------------------------------------------------


async def test_what_is_held_reaches_nobody_before_its_time_and_all_then(desk: Site):
    made = await submit(desk, envelope=envelope(BOB, "ann@far.test", HOLDFOR="3600"))
    assert made["sendAt"] == "2026-11-24T11:00:00Z" and made["undoStatus"] == "pending"
    desk.office.clock.advance(3_599)
    assert await run_queue(desk.office) == []
    assert await desk.office.messages("bob") == []
    desk.office.clock.advance(1)
    await run_queue(desk.office)
    assert len(await desk.office.messages("bob")) == 1
    assert delivered(await get(desk, made["id"])) == {BOB: "yes", "ann@far.test": "unknown"}


async def test_hold_until_a_moment_and_the_bounds_of_it(desk: Site):
    until = await submit(desk, envelope=envelope(BOB, HOLDUNTIL="2026-11-25T08:00:00+01:00"))
    assert until["sendAt"] == "2026-11-25T07:00:00Z"
    await desk.mail.submissions.cancel(desk.account.id, int(until["id"][1:]))
    for parameters in ({"HOLDFOR": "31536001"}, {"HOLDUNTIL": "2026-11-24T10:00:00Z"}, {"HOLDFOR": "soon"}):
        error = await refuse(desk, envelope=envelope(BOB, **parameters))
        assert (error["type"], error["properties"]) == ("invalidProperties", ["envelope"])


async def test_what_is_pending_can_be_taken_back_and_reaches_nobody(desk: Site):
    made = await submit(desk, envelope=envelope(BOB, "ann@far.test", HOLDFOR="60"))
    for is_first in (True, False):
        answer = await call(desk, "EmailSubmission/set", update={made["id"]: {"undoStatus": "canceled"}})
        now = {"deliveryStatus": (await get(desk, made["id"]))["deliveryStatus"]}
        assert answer["updated"] == {made["id"]: now if is_first else None}
    assert await desk.mail.queue.list() == []
    desk.office.clock.advance(61)
    assert await run_queue(desk.office) == []
    after = await get(desk, made["id"])
    assert after["undoStatus"] == "canceled" and set(delivered(after).values()) == {"no"}
    assert await desk.office.messages("bob") == []


async def test_what_a_worker_has_cannot_be_taken_back(desk: Site):
    made = await submit(desk, envelope=envelope(BOB))
    (message,) = await desk.mail.queue.claim()
    answer = await call(desk, "EmailSubmission/set", update={made["id"]: {"undoStatus": "canceled"}})
    assert answer["notUpdated"][made["id"]]["type"] == "cannotUnsend"
    await desk.mail.queue.release(message)
    answer = await call(desk, "EmailSubmission/set", update={made["id"]: {"undoStatus": "canceled"}})
    assert answer["notUpdated"][made["id"]]["type"] == "cannotUnsend", "it may have been sent, and not recorded"
    await run_queue(desk.office)
    assert len(await desk.office.messages("bob")) == 1


async def test_nothing_but_undo_status_can_be_changed_and_to_nothing_but_canceled(desk: Site):
    made = await submit(desk, envelope=envelope(BOB, HOLDFOR="60"))
    for patch in ({"undoStatus": "final"}, {"undoStatus": None}, {"emailId": "e1"}, {"sendAt": None}):
        answer = await call(desk, "EmailSubmission/set", update={made["id"]: patch})
        assert answer["notUpdated"][made["id"]]["type"] == "invalidProperties"
    same = {"undoStatus": "pending", "emailId": made["emailId"]}
    answer = await call(desk, "EmailSubmission/set", update={made["id"]: same})
    assert answer["updated"] == {made["id"]: None}


async def test_a_window_for_second_thoughts_can_be_had_for_all(tmp_path):
    async with (
        open_office(tmp_path / "data", submission=SubmissionSettings(undo_seconds=10)) as office,
        open_jmap(office) as site,
    ):
        await office.add("bob")
        made = await submit(site, envelope=envelope(BOB))
        assert made["sendAt"] == "2026-11-24T10:00:00Z", "it is the time of creation where no hold was asked for"
        assert await run_queue(office) == []
        office.clock.advance(10)
        await run_queue(office)
        assert len(await office.messages("bob")) == 1


async def test_only_so_many_may_be_held(tmp_path):
    async with open_office(tmp_path / "data", limits=Limits(held_messages=1)) as office, open_jmap(office) as site:
        await office.add("bob")
        await submit(site, envelope=envelope(BOB, HOLDFOR="60"))
        made = {"identityId": await identity_id(site), "emailId": await draft(site)}
        held = {**made, "envelope": envelope(BOB, HOLDFOR="60")}
        answer = await call(site, "EmailSubmission/set", create={"k1": held})
        assert answer["notCreated"]["k1"]["type"] == "forbiddenToSend"
        office.clock.advance(60)
        assert (await call(site, "EmailSubmission/set", create={"k1": held}))["notCreated"] is None


# --- what becomes of the record --------------------------------------------------------------------------------------


async def test_destroying_a_submission_does_not_stop_it(desk: Site):
    made = await submit(desk, envelope=envelope(BOB, HOLDFOR="60"))
    answer = await call(desk, "EmailSubmission/set", destroy=[made["id"], "s999"])
    assert answer["destroyed"] == [made["id"]] and answer["notDestroyed"]["s999"]["type"] == "notFound"
    desk.office.clock.advance(60)
    await run_queue(desk.office)
    assert len(await desk.office.messages("bob")) == 1
    assert (await call(desk, "EmailSubmission/get", ids=None))["list"] == []


async def test_changes_are_told(desk: Site):
    start = (await call(desk, "EmailSubmission/get", ids=[]))["state"]
    made = await submit(desk, envelope=envelope("ann@far.test", HOLDFOR="60"))
    gone = await submit(desk, envelope=envelope("ann@far.test", HOLDFOR="60"))
    middle = (await call(desk, "EmailSubmission/get", ids=[]))["state"]
    changed = await call(desk, "EmailSubmission/changes", sinceState=start)
    assert changed["created"] == [made["id"], gone["id"]] and changed["newState"] == middle
    step = await call(desk, "EmailSubmission/changes", sinceState=start, maxChanges=1)
    assert step["created"] == [made["id"]] and step["hasMoreChanges"]
    desk.office.clock.advance(60)
    await run_queue(desk.office, LATER)
    await call(desk, "EmailSubmission/set", destroy=[gone["id"]])
    changed = await call(desk, "EmailSubmission/changes", sinceState=middle)
    assert (changed["created"], changed["updated"], changed["destroyed"]) == ([], [made["id"]], [gone["id"]])
    (answer,) = await calls(desk, ("EmailSubmission/changes", {"sinceState": "999999"}))
    assert answer[1]["type"] == "cannotCalculateChanges"


async def test_if_in_state_is_held_to(desk: Site):
    made = {"identityId": await identity_id(desk), "emailId": await draft(desk)}
    state = (await call(desk, "EmailSubmission/get", ids=[]))["state"]
    answer = await call(desk, "EmailSubmission/set", ifInState=state, create={"a": made, "b": made})
    assert set(answer["created"]) == {"a", "b"}
    (answer,) = await calls(desk, ("EmailSubmission/set", {"ifInState": state, "create": {"c": made}}))
    assert answer[1]["type"] == "stateMismatch"


async def test_queries_filter_sort_and_follow_changes(desk: Site):
    one = await submit(desk, envelope=envelope(BOB, HOLDFOR="3600"))
    desk.office.clock.advance(1)
    two = await submit(desk, DRAFT.replace(b"hello", b"other"), envelope=envelope(BOB, HOLDFOR="60"))

    async def ids(**given: object) -> list[str]:
        return (await call(desk, "EmailSubmission/query", **given))["ids"]

    both = [one["id"], two["id"]]
    assert await ids() == both
    assert await ids(sort=[{"property": "sentAt"}]) == both[::-1]
    assert await ids(sort=[{"property": "emailId", "isAscending": False}]) == both[::-1]
    assert await ids(sort=[{"property": "threadId"}]) == both
    assert await ids(filter={"emailIds": [two["emailId"], "x"]}) == [two["id"]]
    assert await ids(filter={"threadIds": [one["threadId"]]}) == [one["id"]]
    assert await ids(filter={"identityIds": ["i999"]}) == []
    assert await ids(filter={"before": one["sendAt"]}) == [two["id"]]
    assert await ids(filter={"after": one["sendAt"]}) == [one["id"]]
    assert await ids(filter={"operator": "NOT", "conditions": [{"undoStatus": "pending"}]}) == []
    for given, problem in (
        ({"filter": {"foo": 1}}, "unsupportedFilter"),
        ({"filter": {"undoStatus": "maybe"}}, "invalidArguments"),
        ({"sort": [{"property": "size"}]}, "unsupportedSort"),
    ):
        (answer,) = await calls(desk, ("EmailSubmission/query", given))
        assert answer[1]["type"] == problem

    pending = {"filter": {"undoStatus": "pending"}}
    before = (await call(desk, "EmailSubmission/query", **pending))["queryState"]
    await call(desk, "EmailSubmission/set", update={two["id"]: {"undoStatus": "canceled"}})
    changed = await call(desk, "EmailSubmission/queryChanges", sinceQueryState=before, **pending)
    assert changed["removed"] == [two["id"]] and changed["added"] == []
    changed = await call(desk, "EmailSubmission/queryChanges", sinceQueryState=before)
    assert changed["removed"] == [] and changed["added"] == []


# --- isolation -------------------------------------------------------------------------------------------------------


async def test_what_is_anothers_is_not_there(desk: Site):
    """Ids are numbers of each account's own: those that both have name different things."""
    for _ in range(10):
        await desk.put(DRAFT)
    made = await submit(desk, envelope=envelope(BOB, HOLDFOR="60"))
    theirs = await identity_id(desk)
    await desk.mail.accounts.add(address("carol"), PASSWORD)
    carol = await desk.office.account("carol")
    async with httpx.AsyncClient(
        base_url=str(desk.http.base_url), auth=(f"carol@{DOMAIN}", PASSWORD), trust_env=False
    ) as http:
        other = Site(desk.office, carol, http, desk.port)
        own = await identity_id(other)
        assert own != theirs
        assert (await call(other, "EmailSubmission/get", ids=[made["id"]]))["notFound"] == [made["id"]]
        assert (await call(other, "Identity/get", ids=[theirs]))["notFound"] == [theirs]
        email = await other.put(DRAFT, "Drafts")
        answer = await call(
            other,
            "EmailSubmission/set",
            create={
                "a": {"identityId": theirs, "emailId": email},
                "b": {"identityId": own, "emailId": made["emailId"]},
            },
            update={made["id"]: {"undoStatus": "canceled"}},
            destroy=[made["id"]],
        )
        assert answer["notCreated"]["a"]["properties"] == ["identityId"]
        assert answer["notCreated"]["b"]["properties"] == ["emailId"]
        assert answer["notDestroyed"][made["id"]]["type"] == "notFound"
        answer = await call(other, "EmailSubmission/set", update={made["id"]: {"undoStatus": "canceled"}})
        assert answer["notUpdated"][made["id"]]["type"] == "notFound"
        answer = await call(other, "Identity/set", update={theirs: {"name": "x"}}, destroy=[theirs])
        assert answer["notDestroyed"][theirs]["type"] == "notFound"
    assert (await get(desk, made["id"]))["undoStatus"] == "pending"


async def test_without_the_capability_there_is_no_such_method(desk: Site):
    (answer,) = await calls(desk, ("EmailSubmission/get", {"ids": None}), using=(CORE, MAIL))
    assert answer[1]["type"] == "unknownMethod"


async def test_the_session_says_what_submission_can_do(desk: Site):
    session = (await desk.http.get("/.well-known/jmap", follow_redirects=True)).json()
    said = session["accounts"][desk.id]["accountCapabilities"][SUBMISSION]
    assert said["maxDelayedSend"] == int(timedelta(days=365).total_seconds())
    assert "FUTURERELEASE" in said["submissionExtensions"] and "DSN" not in said["submissionExtensions"]
