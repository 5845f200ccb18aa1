"""Identity (RFC 8621 §6) over real HTTP."""

import asyncio

from jmap_site import CORE, Site

from office import DOMAIN, Office, address
from pillarbox.model.limits import Limits

SUBMISSION = "urn:ietf:params:jmap:submission"
ALICE = f"alice@{DOMAIN}"


async def call(site: Site, name: str, **arguments: object) -> dict:
    answer = await site.post([[name, {"accountId": site.id, **arguments}, "c"]], using=(CORE, SUBMISSION))
    (found,) = answer.json()["methodResponses"]
    assert found[0] == name, found
    return found[1]


async def all_of(site: Site) -> list[dict]:
    return (await call(site, "Identity/get", ids=None))["list"]


async def test_there_is_one_of_the_accounts_own_address_which_stays(site: Site):
    first, second = await asyncio.gather(all_of(site), all_of(site))
    assert first == second
    (own,) = first
    assert own == {
        "id": own["id"],
        "name": "",
        "email": ALICE,
        "replyTo": None,
        "bcc": None,
        "textSignature": "",
        "htmlSignature": "",
        "mayDelete": False,
    }
    answer = await call(site, "Identity/set", destroy=[own["id"]])
    assert answer["notDestroyed"][own["id"]]["type"] == "forbidden"


async def test_an_identity_is_made_changed_and_destroyed(site: Site):
    await site.mail.directory.add_alias(address("office"), (address("alice"),))
    before = (await call(site, "Identity/get", ids=[]))["state"]
    given = {
        "name": "The Office",
        "email": f"office@{DOMAIN}",
        "bcc": [{"name": None, "email": f"archive@{DOMAIN}"}],
        "textSignature": "-- \nThe Office",
    }
    answer = await call(site, "Identity/set", create={"k": given})
    made = answer["created"]["k"]
    assert set(made) == {"id", "replyTo", "htmlSignature", "mayDelete"} and made["mayDelete"] is True
    assert answer["oldState"] == before
    answer = await call(site, "Identity/set", update={made["id"]: {"name": "Us", "bcc": None, "email": given["email"]}})
    assert answer["updated"] == {made["id"]: None}
    (found,) = (await call(site, "Identity/get", ids=[made["id"]]))["list"]
    assert (found["name"], found["bcc"], found["textSignature"]) == ("Us", None, "-- \nThe Office")
    changed = await call(site, "Identity/changes", sinceState=before)
    assert changed["created"] == [made["id"]] and changed["updated"] == []
    middle = changed["newState"]
    answer = await call(site, "Identity/set", destroy=[made["id"]])
    assert answer["destroyed"] == [made["id"]]
    assert (await call(site, "Identity/changes", sinceState=middle))["destroyed"] == [made["id"]]
    assert (await call(site, "Identity/changes", sinceState=before))["created"] == []


async def test_nobody_has_an_identity_of_an_address_that_is_not_theirs(site: Site):
    await site.office.add("bob")
    create = {
        "bob": {"email": f"bob@{DOMAIN}"},
        "far": {"email": "ann@far.test"},
        "any": {"email": f"*@{DOMAIN}"},
        "tag": {"email": f"alice+news@{DOMAIN}"},
    }
    answer = await call(site, "Identity/set", create=create)
    assert {key: error["type"] for key, error in answer["notCreated"].items()} == dict.fromkeys(
        ("bob", "far", "any"), "forbiddenFrom"
    )
    assert set(answer["created"]) == {"tag"}


async def test_what_is_wrong_is_named(site: Site):
    create = {
        "a": {"email": "nobody"},
        "b": {"email": ALICE, "name": 1, "bcc": "x"},
        "c": {"email": ALICE, "mayDelete": True, "colour": "red"},
        "d": {},
    }
    answer = await call(site, "Identity/set", create=create)
    assert {key: (error["type"], error["properties"]) for key, error in answer["notCreated"].items()} == {
        "a": ("invalidProperties", ["email"]),
        "b": ("invalidProperties", ["name", "bcc"]),
        "c": ("invalidProperties", ["mayDelete", "colour"]),
        "d": ("invalidProperties", ["email"]),
    }
    (own,) = await all_of(site)
    for patch, properties in (({"email": f"b@{DOMAIN}"}, ["email"]), ({"textSignature": None, "name": []}, ["name"])):
        answer = await call(site, "Identity/set", update={own["id"]: patch})
        assert answer["notUpdated"][own["id"]]["properties"] == properties
    answer = await call(site, "Identity/set", update={"i999": {"name": "x"}}, destroy=["i998", "x"])
    assert answer["notUpdated"]["i999"]["type"] == "notFound"
    assert {error["type"] for error in answer["notDestroyed"].values()} == {"notFound"}


async def test_identities_have_bounds(site: Site):
    limits = Limits()
    many = [{"email": f"a{number}@far.test", "name": None} for number in range(101)]
    create = {
        "text": {"email": ALICE, "textSignature": "x" * (limits.signature_octets + 1)},
        "name": {"email": ALICE, "name": "x" * 1_001},
        "many": {"email": ALICE, "replyTo": many},
    }
    answer = await call(site, "Identity/set", create=create)
    assert {error["type"] for error in answer["notCreated"].values()} == {"tooLarge"}
    create = {f"k{number}": {"email": ALICE} for number in range(limits.identities)}
    answer = await call(site, "Identity/set", create=create)
    assert [error["type"] for error in answer["notCreated"].values()] == ["overQuota"]
    assert len(await all_of(site)) == limits.identities


async def test_if_in_state_is_held_to(site: Site):
    (own,) = await all_of(site)
    state = (await call(site, "Identity/get", ids=[]))["state"]
    await call(site, "Identity/set", ifInState=state, update={own["id"]: {"name": "Alice"}})
    answer = await site.post(
        [["Identity/set", {"accountId": site.id, "ifInState": state, "update": {own["id"]: {"name": "A"}}}, "c"]],
        using=(CORE, SUBMISSION),
    )
    assert answer.json()["methodResponses"][0][1]["type"] == "stateMismatch"
    assert (await all_of(site))[0]["name"] == "Alice"


async def test_an_account_that_goes_takes_its_identities_with_it(office: Office):
    (alice,) = await office.add("alice")
    await office.mail.identities.all(alice)
    await office.mail.accounts.remove(alice.address)
    assert await office.database.value(alice.id, "select count(*) from identity") == 0
