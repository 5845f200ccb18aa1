"""VacationResponse: one object in each account (RFC 8621 §8)."""

import asyncio

import pytest
from jmap_site import CORE, Site

from office import DOMAIN
from pillarbox.model.ids import SYSTEM_ACCOUNT

VACATION = "urn:ietf:params:jmap:vacationresponse"
OFF = {
    "id": "singleton", "isEnabled": False, "fromDate": None, "toDate": None, "subject": None, "textBody": None,
    "htmlBody": None,
}  # fmt: skip
LETTER = (
    b"From: ann@far.test\r\nTo: alice@uiowa.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nGood morning.\r\n"
)


async def call(site: Site, name: str, **arguments: object) -> tuple[str, dict]:
    answer = await site.post([[name, {"accountId": site.id, **arguments}, "c"]], using=(CORE, VACATION))
    ((found, value, _),) = answer.json()["methodResponses"]
    return found, value


async def get(site: Site, **arguments: object) -> dict:
    found, value = await call(site, "VacationResponse/get", **arguments)
    assert found == "VacationResponse/get", value
    return value


async def update(site: Site, **patch: object) -> dict:
    found, value = await call(site, "VacationResponse/set", update={"singleton": patch})
    assert found == "VacationResponse/set", value
    return value


async def queue(site: Site) -> list[bytes]:
    found = []
    for message in await site.mail.queue.list():
        async with await site.mail.queue.content(message.id) as content:
            found.append(await content.read())
    return found


async def test_the_session_has_the_capability_for_server_and_account(site: Site):
    session = (await site.http.get("/.well-known/jmap", follow_redirects=True)).json()
    assert session["capabilities"][VACATION] == {}
    assert session["accounts"][site.id]["accountCapabilities"][VACATION] == {}
    assert session["primaryAccounts"][VACATION] == site.id


async def test_its_methods_are_unknown_to_who_does_not_name_the_capability(site: Site):
    answer = await site.fail("VacationResponse/get")
    assert answer["type"] == "unknownMethod"


async def test_there_is_exactly_one_from_the_beginning(site: Site):
    for ids in (None, ["singleton"]):
        value = await get(site, ids=ids)
        assert value["list"] == [OFF] and value["notFound"] == []
    value = await get(site, ids=["singleton", "other"], properties=["isEnabled"])
    assert value["list"] == [{"id": "singleton", "isEnabled": False}]
    assert value["notFound"] == ["other"]
    assert (await call(site, "VacationResponse/get", properties=["nothing"]))[1]["type"] == "invalidArguments"


async def test_what_is_set_is_read_again(site: Site):
    before = (await get(site))["state"]
    wanted = {
        "isEnabled": True, "fromDate": "2026-11-24T10:00:00Z", "toDate": "2026-12-01T00:00:00Z",
        "subject": "Grüße", "textBody": "Bin weg.\n", "htmlBody": "<p>Bin weg.</p>",
    }  # fmt: skip
    value = await update(site, **wanted)
    assert value["updated"] == {"singleton": None} and value["notUpdated"] is None
    assert value["oldState"] == before != value["newState"]
    read = await get(site)
    assert read["list"] == [{"id": "singleton", **wanted}]
    assert read["state"] == value["newState"]
    await update(site, subject=None, toDate=None)
    (now,) = (await get(site))["list"]
    assert now == {"id": "singleton", **wanted, "subject": None, "toDate": None}


@pytest.mark.parametrize(
    ("patch", "properties"),
    [
        ({"isEnabled": "yes"}, ["isEnabled"]),
        ({"isEnabled": None}, ["isEnabled"]),
        ({"fromDate": "2026-11-24T10:00:00+01:00"}, ["fromDate"]),
        ({"toDate": "tomorrow", "subject": 1, "textBody": [], "htmlBody": "\0"}, ["toDate", "subject", "textBody", "htmlBody"]),
        ({"id": "other"}, ["id"]),
        ({"colour": "red"}, ["colour"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_told_by_its_properties(site: Site, patch: dict, properties: list[str]):
    value = await update(site, **patch)
    problem = value["notUpdated"]["singleton"]
    assert (problem["type"], problem["properties"]) == ("invalidProperties", properties)
    assert value["oldState"] == value["newState"]
    assert (await get(site))["list"] == [OFF]


async def test_texts_that_are_too_long_are_refused(site: Site):
    value = await update(site, textBody="x" * site.mail.limits.vacation_octets, subject="y")
    assert value["notUpdated"]["singleton"]["type"] == "tooLarge"
    assert (await update(site, textBody="x" * site.mail.limits.vacation_octets))["notUpdated"] is None


async def test_there_is_no_second_and_the_first_stays(site: Site):
    found, value = await call(
        site,
        "VacationResponse/set",
        create={"k": {"isEnabled": True}},
        update={"other": {"isEnabled": True}},
        destroy=["singleton", "another"],
    )
    assert found == "VacationResponse/set"
    assert value["notCreated"]["k"]["type"] == "singleton"
    assert value["notUpdated"]["other"]["type"] == "notFound"
    assert value["notDestroyed"]["singleton"]["type"] == "singleton"
    assert value["notDestroyed"]["another"]["type"] == "notFound"
    assert (await get(site))["list"] == [OFF]


async def test_who_knows_an_old_state_changes_nothing(site: Site):
    state = (await get(site))["state"]
    tries = await asyncio.gather(
        *(
            call(site, "VacationResponse/set", ifInState=state, update={"singleton": {"subject": str(n)}})
            for n in range(4)
        )
    )
    failed = [value["type"] for name, value in tries if name == "error"]
    assert failed == ["stateMismatch"] * 3
    assert (await call(site, "VacationResponse/set", ifInState="nonsense"))[1]["type"] == "stateMismatch"


async def test_patches_that_come_at_the_same_time_are_all_kept(site: Site):
    await asyncio.gather(
        update(site, subject="a"), update(site, textBody="b"), update(site, htmlBody="c"), update(site, isEnabled=True)
    )
    (now,) = (await get(site))["list"]
    assert now == {**OFF, "subject": "a", "textBody": "b", "htmlBody": "c", "isEnabled": True}


async def test_letters_are_answered_with_what_was_set(site: Site):
    await update(site, isEnabled=True, textBody="Bin weg.", htmlBody="<b>Bin weg.</b>")
    await site.office.take("ann@far.test", "alice", content=LETTER)
    (answer,) = await queue(site)
    assert b"multipart/alternative" in answer and b"Subject: Auto: hello\r\n" in answer
    await update(site, isEnabled=False)
    await site.office.take("eve@far.test", "alice", content=LETTER)
    assert len(await queue(site)) == 1
    assert await site.office.database.value(SYSTEM_ACCOUNT, "select count(*) from vacation_answer") == 1
    assert (await site.office.messages("alice"))[0].startswith(b"Return-Path: <ann@far.test>")
    assert DOMAIN in LETTER.decode()
