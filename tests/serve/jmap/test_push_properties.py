"""What is wrong with a PushSubscription is told by name, all of it (RFC 8620 §5.3, §7.2)."""

import pytest
from jmap_site import CORE, Site

GOOD = {"deviceClientId": "phone", "url": "https://push.far.test/x"}
OVER = "2000-01-01T00:00:00Z"


async def change(site: Site, **arguments: object) -> dict:
    answer = await site.post([["PushSubscription/set", arguments, "c"]], using=[CORE])
    return answer.json()["methodResponses"][0][1]


@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({}, ["deviceClientId", "url"]),
        ({"url": 5, "types": 5, "expires": 5, "keys": {}}, ["deviceClientId", "expires", "keys", "types", "url"]),
        ({**GOOD, "verificationCode": "early", "colour": "red"}, ["colour", "verificationCode"]),
        ({**GOOD, "id": "p1"}, ["id"]),
        ({**GOOD, "url": "http://push.far.test/x"}, ["url"]),
        ({**GOOD, "expires": OVER}, ["expires"]),
        ({**GOOD, "types": ["Email"] * 101}, ["types"]),
        ({**GOOD, "deviceClientId": "x" * 10_000}, ["deviceClientId"]),
    ],
)
async def test_a_creation_is_told_all_that_is_wrong(site: Site, given: dict, properties: list[str]):
    problem = (await change(site, create={"k": given}))["notCreated"]["k"]
    assert (problem["type"], sorted(problem["properties"])) == ("invalidProperties", properties)


@pytest.mark.parametrize(
    ("patch", "property"),
    [
        ({"expires": OVER}, "expires"),
        ({"expires": 5}, "expires"),
        ({"types": [""]}, "types"),
        ({"verificationCode": "guessed"}, "verificationCode"),
        ({"verificationCode": 5}, "verificationCode"),
        ({"deviceClientId": "other"}, "deviceClientId"),
        ({"url": "https://push.far.test/y"}, "url"),
    ],
)
async def test_a_change_is_told_what_is_wrong(site: Site, patch: dict, property: str):
    id = (await change(site, create={"k": GOOD}))["created"]["k"]["id"]
    problem = (await change(site, update={id: patch}))["notUpdated"][id]
    assert (problem["type"], problem["properties"]) == ("invalidProperties", [property])
