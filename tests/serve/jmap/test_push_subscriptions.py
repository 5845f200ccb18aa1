"""PushSubscription/get and /set (RFC 8620 §7.2), and the whole way of a push: made, verified, told, ended."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from jmap_site import CORE, Site, open_jmap

from office import open_office
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.push.encryption import decode_base64url
from pillarbox.model.limits import Limits
from push_receiver import pushing

URL = "https://push.example.com/push/?device=X8980fc&client=12c6d086"
KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}


@contextlib.asynccontextmanager
async def signed_in(site: Site, name: str, **options: object) -> AsyncIterator[Site]:
    """The same account with a token of this name."""
    token = await site.mail.tokens.add(site.account.address, name, **options)
    async with httpx.AsyncClient(
        base_url=site.http.base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        yield Site(site.office, site.account, http, site.port)


async def ask(site: Site, name: str, **arguments: object) -> dict:
    """One method that succeeds; these take no account (RFC 8620 §7.2.1)."""
    answer = await site.post([[f"PushSubscription/{name}", arguments, "c"]], using=[CORE])
    ((found, made, _),) = answer.json()["methodResponses"]
    assert found == f"PushSubscription/{name}", made
    return made


async def fail(site: Site, name: str, **arguments: object) -> str:
    ((found, made, _),) = (await site.post([[f"PushSubscription/{name}", arguments, "c"]])).json()["methodResponses"]
    assert found == "error", made
    return made["type"]


async def create(site: Site, **properties: object) -> dict:
    given = {"deviceClientId": "a889-ffea-910", "url": URL, "types": None, **properties}
    made = await ask(site, "set", create={"4f29": given})
    assert made["notCreated"] is None, made
    return made["created"]["4f29"]


async def not_created(site: Site, **properties: object) -> dict:
    given = {"deviceClientId": "a889-ffea-910", "url": URL, **properties}
    return (await ask(site, "set", create={"a": given}))["notCreated"]["a"]


# --- the example of RFC 8620 §7.2.3, with a device that answers ------------------------------------------------------


async def test_the_whole_way(site: Site):
    now = site.office.clock.now
    async with pushing(site.office) as (device, _):
        assert await ask(site, "get", ids=None) == {"list": [], "notFound": []}
        made = await create(site, url=device.url, keys=device.keys_json)
        assert made == {
            "id": made["id"],
            "verificationCode": None,
            "expires": format_utc(now() + timedelta(days=7)),
        }
        verification = await device.next()
        assert verification["@type"] == "PushVerification"
        assert verification["pushSubscriptionId"] == made["id"]
        (shown,) = (await ask(site, "get"))["list"]
        assert shown["verificationCode"] is None

        code = verification["verificationCode"]
        answer = await ask(site, "set", update={made["id"]: {"verificationCode": code}})
        assert answer["updated"] == {made["id"]: None}
        await site.office.take("ann@far.test", "alice")
        change = await device.next()
        assert change["changed"][site.id]["Email"] == (await site.call("Email/get", ids=[]))["state"]

        site.office.clock.advance(2 * 86_400)
        asked = {"expires": format_utc(now() + timedelta(days=40))}
        answer = await ask(site, "set", update={made["id"]: asked})
        assert answer["updated"] == {made["id"]: {"expires": format_utc(now() + timedelta(days=7))}}
        assert (await ask(site, "get", ids=[made["id"], "p1"])) == {
            "list": [
                {
                    "id": made["id"],
                    "deviceClientId": "a889-ffea-910",
                    "verificationCode": code,
                    "expires": format_utc(now() + timedelta(days=7)),
                    "types": None,
                }
            ],
            "notFound": ["p1"],
        }
        assert (await ask(site, "set", destroy=[made["id"]]))["destroyed"] == [made["id"]]
        assert (await ask(site, "get"))["list"] == []


async def test_what_is_left_out_is_told_back(site: Site):
    made = (await ask(site, "set", create={"a": {"deviceClientId": "d", "url": URL}}))["created"]["a"]
    assert made["keys"] is None and made["types"] is None
    given = format_utc(site.office.clock.now() + timedelta(hours=1))
    assert (await create(site, expires=given, keys=KEYS, types=["Email"], deviceClientId="e"))["expires"] == given


# --- what may be read and written ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["url", "keys"])
async def test_url_and_keys_are_never_told(site: Site, name: str):
    await create(site, keys=KEYS)
    assert await fail(site, "get", properties=["id", name]) == "forbidden"
    (shown,) = (await ask(site, "get"))["list"]
    assert name not in shown


async def test_there_are_no_accounts_and_no_states(site: Site):
    assert await fail(site, "get", accountId=site.id) == "invalidArguments"
    assert await fail(site, "set", accountId=site.id) == "invalidArguments"
    assert await fail(site, "set", ifInState="1") == "invalidArguments"
    assert await fail(site, "get", properties=["nothing"]) == "invalidArguments"
    assert await fail(site, "set", create={"not an id": {}}) == "invalidArguments"


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"deviceClientId": ""}, ["deviceClientId"]),
        ({"deviceClientId": 1}, ["deviceClientId"]),
        ({"deviceClientId": "x" * 256}, ["deviceClientId"]),
        ({"url": "http://push.example.com/"}, ["url"]),
        ({"url": "https://user@push.example.com/"}, ["url"]),
        ({"url": "https://0x7f.1/"}, ["url"]),
        ({"url": None}, ["url"]),
        ({"keys": {}}, ["keys"]),
        ({"keys": {**KEYS, "more": ""}}, ["keys"]),
        ({"keys": {**KEYS, "auth": "AAAA"}}, ["keys"]),
        ({"keys": {**KEYS, "p256dh": "AAAA"}}, ["keys"]),
        ({"verificationCode": "x"}, ["verificationCode"]),
        ({"expires": "2018-07-31"}, ["expires"]),
        ({"expires": "2018-07-31T00:13:21Z"}, ["expires"]),
        ({"types": "Email"}, ["types"]),
        ({"types": [1]}, ["types"]),
        ({"types": [""]}, ["types"]),
        ({"types": ["x"] * 101}, ["types"]),
        ({"types": ["a\x1fb"]}, ["types"]),
        ({"id": "p1"}, ["id"]),
        ({"other": 1}, ["other"]),
    ],
)
async def test_what_makes_no_sense_is_not_created(site: Site, properties: dict, named: list[str]):
    error = await not_created(site, **properties)
    assert (error["type"], error["properties"]) == ("invalidProperties", named)


@pytest.mark.parametrize(
    ("patch", "type"),
    [
        ({"verificationCode": "wrong"}, "invalidProperties"),
        ({"verificationCode": 1}, "invalidProperties"),
        ({"url": "https://other.example.com/"}, "invalidProperties"),
        ({"keys": KEYS}, "invalidProperties"),
        ({"deviceClientId": "other"}, "invalidProperties"),
        ({"id": "p1"}, "invalidProperties"),
        ({"expires": "yesterday"}, "invalidProperties"),
        ({"expires": "2018-07-31T00:13:21Z"}, "invalidProperties"),
        ({"types": [1]}, "invalidProperties"),
        ({"types/0": "Email"}, "invalidPatch"),
    ],
)
async def test_what_cannot_be_changed_is_not(site: Site, patch: dict, type: str):
    made = await create(site)
    answer = await ask(site, "set", update={made["id"]: patch})
    assert answer["notUpdated"][made["id"]]["type"] == type
    (shown,) = (await ask(site, "get"))["list"]
    assert (shown["verificationCode"], shown["types"], shown["expires"]) == (None, None, made["expires"])


async def test_types_can_be_changed(site: Site):
    made = await create(site)
    await ask(site, "set", update={made["id"]: {"types": ["Email", "CalendarEvent"]}})
    (shown,) = (await ask(site, "get", properties=["types"]))["list"]
    assert shown == {"id": made["id"], "types": ["Email", "CalendarEvent"]}
    await ask(site, "set", update={made["id"]: {"types": None, "expires": None}})
    (shown,) = (await ask(site, "get", properties=["types"]))["list"]
    assert shown["types"] is None


async def test_one_call_may_make_change_and_destroy(site: Site):
    first = await create(site)
    given = {"deviceClientId": "d", "url": URL}
    answer = await ask(
        site,
        "set",
        create={"a": given},
        update={"#a": {"types": []}, first["id"]: {"types": []}, "p9": {}, "x": {}},
        destroy=[first["id"], "p9", "x"],
    )
    assert list(answer["updated"]) == [answer["created"]["a"]["id"]]
    assert {id: error["type"] for id, error in answer["notUpdated"].items()} == {
        first["id"]: "willDestroy",
        "p9": "willDestroy",
        "x": "willDestroy",
    }
    assert answer["destroyed"] == [first["id"]]
    assert {error["type"] for error in answer["notDestroyed"].values()} == {"notFound"}


# --- whose ------------------------------------------------------------------------------------------------------------


async def test_only_who_made_it_sees_it(site: Site):
    mine = await create(site)
    async with signed_in(site, "laptop") as laptop, signed_in(site, "phone") as phone:
        its = await create(laptop)
        assert [one["id"] for one in (await ask(site, "get"))["list"]] == [mine["id"]]
        assert [one["id"] for one in (await ask(laptop, "get"))["list"]] == [its["id"]]
        assert (await ask(phone, "get", ids=[mine["id"], its["id"]]))["notFound"] == [mine["id"], its["id"]]
        answer = await ask(phone, "set", update={mine["id"]: {"types": []}}, destroy=[its["id"]])
        assert answer["notUpdated"][mine["id"]]["type"] == "notFound"
        assert answer["notDestroyed"][its["id"]]["type"] == "notFound"


async def test_it_does_not_outlive_a_token_that_ends_by_itself(site: Site):
    """RFC 8620 §7.2: what the client says is not bounded further, but by that."""
    now = site.office.clock.now()
    async with signed_in(site, "month", lasts=timedelta(days=30)) as month:
        assert (await create(month))["expires"] == format_utc(now + timedelta(days=30))
        asked = format_utc(now + timedelta(days=20))
        assert (await create(month, expires=asked))["expires"] == asked
        late = format_utc(now + timedelta(days=40))
        assert (await create(month, expires=late))["expires"] == format_utc(now + timedelta(days=30))


# --- bounds -----------------------------------------------------------------------------------------------------------


async def test_an_account_has_so_many_and_makes_so_many_an_hour(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(push_subscriptions=2)) as office, open_jmap(office) as site:
        made = [await create(site, deviceClientId=f"d{number}") for number in range(2)]
        assert (await not_created(site))["type"] == "rateLimit"
        office.clock.advance(3_601)
        newer = await create(site, deviceClientId="d2")
        ids = {one["id"] for one in (await ask(site, "get"))["list"]}
        assert newer["id"] in ids and len(ids) == 2, "the oldest that was never verified has gone"
        assert len(ids & {one["id"] for one in made}) == 1


async def test_verified_ones_do_not_make_room(tmp_path: Path):
    limits = Limits(push_subscriptions=1, push_interval_seconds=0)
    async with open_office(tmp_path, limits=limits) as office, open_jmap(office) as site:
        async with pushing(office) as (device, _):
            made = await create(site, url=device.url)
            code = (await device.next())["verificationCode"]
            await ask(site, "set", update={made["id"]: {"verificationCode": code}})
            office.clock.advance(3_601)
            assert (await not_created(site))["type"] == "overQuota"


async def test_the_code_cannot_be_guessed(site: Site):
    """RFC 8620 §7.2.2."""
    async with pushing(site.office) as (device, _):
        await create(site, url=device.url)
        assert len(decode_base64url((await device.next())["verificationCode"])) == 24


async def test_the_session_has_the_key_that_browsers_subscribe_with(site: Site):
    """RFC 9749 §3."""
    session = (await site.http.get("/jmap/session")).json()
    key = session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"]
    assert len(decode_base64url(key)) == 65
    before = site.mail.push_subscriptions.seed
    await site.mail.push_subscriptions.start()
    assert site.mail.push_subscriptions.seed == before
