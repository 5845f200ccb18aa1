"""The examples of RFC 9425 §5, with one quota in place of two, and its push (§6)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from event_stream import listening
from jmap_site import CORE, MAIL, Site, open_jmap

from office import open_office
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits

QUOTA = "urn:ietf:params:jmap:quota"
LIMIT = 100_000
MESSAGE = b"From: ann@far.test\r\nSubject: hello\r\n\r\nGood morning.\r\n"


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Site]:
    """A site where every account has a quota."""
    async with open_office(tmp_path, limits=Limits(account_octets=LIMIT)) as office, open_jmap(office) as opened:
        yield opened


async def calls(site: Site, *made: tuple[str, dict]) -> list[dict]:
    named = [[name, {"accountId": site.id, **arguments}, str(n)] for n, (name, arguments) in enumerate(made)]
    answer = await site.post(named, using=(CORE, MAIL, QUOTA))
    return [found for _, found, _ in answer.json()["methodResponses"]]


async def test_section_5_all_quotas_and_then_what_changed(limited: Site):
    await limited.put(MESSAGE)
    (found,) = await calls(limited, ("Quota/get", {"ids": None}))
    assert found == {
        "accountId": limited.id,
        "state": found["state"],
        "list": [
            {
                "id": "octets",
                "resourceType": "octets",
                "used": len(MESSAGE),
                "warnLimit": None,
                "softLimit": None,
                "hardLimit": LIMIT,
                "scope": "account",
                "name": "alice@uiowa.test",
                "description": None,
                "types": ["Email"],
            }
        ],
        "notFound": [],
    }
    await limited.put(MESSAGE)
    changes, now = await calls(
        limited,
        ("Quota/changes", {"sinceState": found["state"], "maxChanges": 20}),
        (
            "Quota/get",
            {
                "#ids": {"resultOf": "0", "name": "Quota/changes", "path": "/updated"},
                "#properties": {"resultOf": "0", "name": "Quota/changes", "path": "/updatedProperties"},
            },
        ),
    )
    assert changes == {
        "accountId": limited.id,
        "oldState": found["state"],
        "newState": now["state"],
        "hasMoreChanges": False,
        "updatedProperties": ["used"],
        "created": [],
        "updated": ["octets"],
        "destroyed": [],
    }
    assert now == {
        "accountId": limited.id,
        "state": changes["newState"],
        "list": [{"id": "octets", "used": 2 * len(MESSAGE)}],
        "notFound": [],
    }


async def test_section_6_a_quota_that_fills_is_told(limited: Site):
    async with listening(limited, "Quota") as events:
        await limited.put(MESSAGE)
        states = await events.states()
        (found,) = await calls(limited, ("Quota/get", {"ids": None}))
        assert states == {"Quota": found["state"]}
        inbox = await limited.mail.mailboxes.inbox(limited.account.id)
        await limited.mail.messages.change_flags(limited.account.id, inbox, [1], FlagAction.ADD, FlagSet.of("\\Seen"))
        await limited.mail.mailboxes.create(limited.account.id, ("Work",))
        await limited.mail.messages.empty(limited.account.id, inbox)
        states = await events.states()
        (found,) = await calls(limited, ("Quota/get", {"ids": None}))
        assert states == {"Quota": found["state"]}


async def test_who_was_away_is_told_of_the_quota_as_it_is(limited: Site):
    await limited.put(MESSAGE)
    (found,) = await calls(limited, ("Quota/get", {"ids": None}))
    async with listening(limited, "Quota", headers={"Last-Event-ID": "x"}) as events:
        assert await events.states() == {"Quota": found["state"]}


async def test_without_a_limit_there_is_no_quota_to_tell_of(site: Site):
    async with listening(site) as events:
        await site.put(MESSAGE)
        assert "Quota" not in await events.states()
