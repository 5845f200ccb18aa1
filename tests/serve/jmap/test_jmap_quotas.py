"""Quota/get, /changes, /query, /queryChanges (RFC 9425)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jmap_site import CORE, MAIL, Site, open_jmap

from office import open_office
from pillarbox.model.limits import Limits

QUOTA = "urn:ietf:params:jmap:quota"
LIMIT = 100_000
MESSAGE = b"From: ann@far.test\r\nSubject: hello\r\n\r\nGood morning.\r\n"
OBJECT = {
    "id": "octets",
    "resourceType": "octets",
    "used": 0,
    "hardLimit": LIMIT,
    "scope": "account",
    "name": "alice@uiowa.test",
    "types": ["Email"],
    "warnLimit": None,
    "softLimit": None,
    "description": None,
}


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Site]:
    """A site where every account has a quota."""
    async with open_office(tmp_path, limits=Limits(account_octets=LIMIT)) as office, open_jmap(office) as opened:
        yield opened


async def ask(site: Site, name: str, *, using: tuple[str, ...] = (CORE, MAIL, QUOTA), **arguments: object) -> dict:
    answer = await site.post([[name, {"accountId": site.id, **arguments}, "0"]], using=using)
    assert answer.status_code == 200, answer.text
    return answer.json()["methodResponses"][0][1]


async def set_limit(site: Site, octets: int) -> None:
    """As an operator would."""
    async with site.office.database.write(site.account.id) as tx:
        await tx.run("update account set quota_octets = $2 where id = $1", site.account.id, octets)


async def test_the_quota_of_an_account(limited: Site):
    answer = await ask(limited, "Quota/get", ids=None)
    assert answer["list"] == [OBJECT]
    await limited.put(MESSAGE)
    later = await ask(limited, "Quota/get", ids=["octets", "other"], properties=["used"])
    assert later["list"] == [{"id": "octets", "used": len(MESSAGE)}]
    assert later["notFound"] == ["other"]
    assert later["state"] != answer["state"]
    session = (await limited.http.get("/jmap/session")).json()
    assert session["capabilities"][QUOTA] == {}
    assert session["accounts"][limited.id]["accountCapabilities"][QUOTA] == {}


async def test_without_a_limit_there_is_no_quota(site: Site):
    assert (await ask(site, "Quota/get", ids=None))["list"] == []
    assert (await ask(site, "Quota/query"))["ids"] == []
    await set_limit(site, 5_000)
    (found,) = (await ask(site, "Quota/get", ids=None))["list"]
    assert found["hardLimit"] == 5_000


async def test_who_does_not_know_mail_is_told_of_no_quota_of_it(limited: Site):
    using = (CORE, QUOTA)
    assert (await ask(limited, "Quota/get", ids=None, using=using))["list"] == []
    assert (await ask(limited, "Quota/query", using=using))["ids"] == []
    assert (await ask(limited, "Quota/get", using=(CORE, MAIL)))["type"] == "unknownMethod"


async def test_equal_states_mean_equal_objects(limited: Site):
    first = await ask(limited, "Quota/get", ids=None)
    inbox = await limited.mail.mailboxes.get(limited.account.id, ("INBOX",))
    await limited.put(MESSAGE)
    second = await ask(limited, "Quota/get", ids=None)
    await limited.mail.mailboxes.create(limited.account.id, ("x",))
    assert (await ask(limited, "Quota/get", ids=None)) == second
    await limited.mail.messages.empty(limited.account.id, inbox.id)
    assert (await ask(limited, "Quota/get", ids=None)) == first


async def test_changes_say_when_only_the_use_is_different(limited: Site):
    since = (await ask(limited, "Quota/get", ids=None))["state"]
    nothing = await ask(limited, "Quota/changes", sinceState=since)
    assert (nothing["updated"], nothing["updatedProperties"], nothing["newState"]) == ([], None, since)
    await limited.put(MESSAGE)
    answer = await ask(limited, "Quota/changes", sinceState=since, maxChanges=20)
    assert answer == {
        "accountId": limited.id,
        "oldState": since,
        "newState": (await ask(limited, "Quota/get", ids=None))["state"],
        "hasMoreChanges": False,
        "created": [],
        "updated": ["octets"],
        "destroyed": [],
        "updatedProperties": ["used"],
    }
    await set_limit(limited, 5_000)
    answer = await ask(limited, "Quota/changes", sinceState=since)
    assert (answer["updated"], answer["updatedProperties"]) == (["octets"], None)


async def test_a_limit_that_comes_or_goes_makes_or_destroys_the_object(site: Site):
    none = (await ask(site, "Quota/get", ids=None))["state"]
    await set_limit(site, 5_000)
    some = (await ask(site, "Quota/get", ids=None))["state"]
    assert (await ask(site, "Quota/changes", sinceState=none))["created"] == ["octets"]
    await set_limit(site, 0)
    assert (await ask(site, "Quota/changes", sinceState=some))["destroyed"] == ["octets"]
    assert (await ask(site, "Quota/changes", sinceState=none))["destroyed"] == []


@pytest.mark.parametrize("state", ["", "5", "a-b", "01-2", "1-2-3", "-1-2"])
async def test_a_state_that_is_none_of_ours(limited: Site, state: str):
    assert (await ask(limited, "Quota/changes", sinceState=state))["type"] == "cannotCalculateChanges"
    assert (await ask(limited, "Quota/queryChanges", sinceQueryState=state))["type"] == "cannotCalculateChanges"


@pytest.mark.parametrize(
    ("filter", "fits"),
    [
        (None, True),
        ({}, True),
        ({"name": "ALICE"}, True),
        ({"name": "bob"}, False),
        ({"scope": "account"}, True),
        ({"scope": "domain"}, False),
        ({"resourceType": "octets", "type": "Email"}, True),
        ({"resourceType": "count"}, False),
        ({"type": "Calendar"}, False),
        ({"operator": "NOT", "conditions": [{"type": "Calendar"}]}, True),
        ({"operator": "OR", "conditions": [{"type": "Calendar"}, {"type": "Email"}]}, True),
        ({"operator": "AND", "conditions": [{"type": "Calendar"}, {"type": "Email"}]}, False),
    ],
)
async def test_queries(limited: Site, filter: dict | None, fits: bool):
    sort = [{"property": "name"}, {"property": "used", "isAscending": False}]
    answer = await ask(limited, "Quota/query", filter=filter, sort=sort, calculateTotal=True)
    assert (answer["ids"], answer["total"]) == ((["octets"], 1) if fits else ([], 0))
    assert answer["canCalculateChanges"] is True


async def test_what_queries_refuse(limited: Site):
    deep: dict = {}
    for _ in range(60):
        deep = {"operator": "NOT", "conditions": [deep]}
    for arguments, kind in (
        ({"filter": {"used": 5}}, "unsupportedFilter"),
        ({"filter": {"name": 5}}, "invalidArguments"),
        ({"filter": {"operator": "XOR", "conditions": []}}, "invalidArguments"),
        ({"filter": deep}, "unsupportedFilter"),
        ({"sort": [{"property": "scope"}]}, "unsupportedSort"),
        ({"sort": [5]}, "invalidArguments"),
        ({"anchor": "other"}, "anchorNotFound"),
    ):
        assert (await ask(limited, "Quota/query", **arguments))["type"] == kind, arguments
    assert (await ask(limited, "Quota/query", anchor="octets"))["ids"] == ["octets"]


async def test_query_changes(limited: Site):
    since = (await ask(limited, "Quota/query"))["queryState"]
    await limited.put(MESSAGE)
    by_use = [{"property": "used"}]
    plain = await ask(limited, "Quota/queryChanges", sinceQueryState=since, calculateTotal=True)
    assert (plain["removed"], plain["added"], plain["total"]) == ([], [], 1)
    moved = await ask(limited, "Quota/queryChanges", sinceQueryState=since, sort=by_use)
    assert (moved["removed"], moved["added"]) == (["octets"], [{"id": "octets", "index": 0}])
    answer = await ask(limited, "Quota/queryChanges", sinceQueryState=since, sort=by_use, maxChanges=1)
    assert answer["type"] == "tooManyChanges"
    gone = await ask(limited, "Quota/queryChanges", sinceQueryState="5-0")
    assert (gone["removed"], gone["added"]) == ([], [{"id": "octets", "index": 0}])
