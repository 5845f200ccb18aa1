"""What every method answers to what is wrong, whichever data type it is of (RFC 8620 §3.6.2, §5).

The methods are those of the table; one that is added is held to the same.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import msgspec
import pytest
from event_stream import listening
from jmap_site import CORE, MAIL, Site, open_jmap

from office import DOMAIN, open_office
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.methods import METHODS
from pillarbox.serve.jmap.push.types import DELIVERY, QUOTA, TYPES

MOST = 5
LIMITS = Limits(jmap_objects=MOST, account_octets=1_000_000)
NEEDED: dict[str, object] = {
    "blobIds": [],
    "create": {},
    "emailIds": [],
    "emails": {},
    "identityId": "i1",
    "ids": [],
    "send": {},
    "sinceQueryState": "0",
    "sinceState": "0",
    "typeNames": [],
}
"""Of each argument that has no default, a value that asks for nothing."""
WRONG = 1.5
"""No argument is of this type."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One where a call may be about few objects."""
    async with open_office(tmp_path, limits=LIMITS) as office, open_jmap(office) as opened:
        yield opened


def fields_of(method: Method) -> dict[str, msgspec.structs.FieldInfo]:
    """The arguments that it takes, by their names in JSON."""
    assert method.arguments is not None
    return {field.encode_name: field for field in msgspec.structs.fields(method.arguments)}


def needed(site: Site, method: Method) -> dict[str, object]:
    """Arguments that are right."""
    fields = [field for field in fields_of(method).values() if field.required]
    values = {**NEEDED, "accountId": site.id, "fromAccountId": site.id}
    return {field.encode_name: values[field.encode_name] for field in fields}


def with_arguments(*names: str, but: Iterable[str] = ()) -> list[Method]:
    """The methods that take all of these."""
    return [
        method
        for method in METHODS
        if method.arguments is not None and set(names) <= set(fields_of(method)) and method.name not in but
    ]


def named(end: str) -> list[Method]:
    found = [method for method in METHODS if method.name.endswith(end)]
    assert found
    return found


async def ask(site: Site, method: Method, **arguments: object) -> tuple[str, dict]:
    """Name and arguments of the first response."""
    using = sorted({CORE, MAIL, method.capability})
    answer = await site.post([[method.name, {**needed(site, method), **arguments}, "c"]], using=using)
    assert answer.status_code == 200, answer.text
    name, found, _ = answer.json()["methodResponses"][0]
    return name, found


async def error(site: Site, method: Method, **arguments: object) -> str:
    """The type of the error that it must answer."""
    name, found = await ask(site, method, **arguments)
    assert name == "error", (method.name, arguments, found)
    return found["type"]


async def test_it_is_unknown_to_who_does_not_name_its_capability(site: Site):
    for method in METHODS:
        answer = await site.post([[method.name, {}, "c"]], using=[])
        assert answer.json()["methodResponses"] == [["error", {"type": "unknownMethod"}, "c"]], method.name


async def test_an_account_that_is_not_there_is_not_found(site: Site):
    """RFC 9007 §2.1 says invalidArguments."""
    for method in with_arguments("accountId"):
        expected = "invalidArguments" if method.name.startswith("MDN/") else "accountNotFound"
        assert await error(site, method, accountId="a999") == expected, method.name


async def test_an_account_to_copy_from_that_is_not_there_is_not_found(site: Site):
    for method in with_arguments("fromAccountId"):
        assert await error(site, method, fromAccountId="a999") == "fromAccountNotFound", method.name


async def test_a_missing_a_strange_and_a_wrong_argument_are_invalid(site: Site):
    for method in with_arguments():
        for name, field in fields_of(method).items():
            assert await error(site, method, **{name: WRONG}) == "invalidArguments", (method.name, name)
            if field.required:
                left = {key: value for key, value in needed(site, method).items() if key != name}
                answer = await site.post([[method.name, left, "c"]], using=sorted({CORE, MAIL, method.capability}))
                (found, said, _), *_ = answer.json()["methodResponses"]
                assert (found, said["type"]) == ("error", "invalidArguments"), (method.name, name)
        assert await error(site, method, colour="red") == "invalidArguments", method.name


async def test_null_and_nothing_are_the_default(site: Site):
    """RFC 8620 §3.5."""
    for method in with_arguments():
        for name, field in fields_of(method).items():
            if not field.required and field.default is None:
                assert await ask(site, method, **{name: None}) == await ask(site, method), (method.name, name)


async def test_more_objects_than_may_be_are_too_many(site: Site):
    many = [f"x{number}" for number in range(MOST + 1)]
    for name in ("ids", "blobIds", "emailIds", "destroy"):
        for method in with_arguments(name, but=["RemoteImage/get"]):
            assert await error(site, method, **{name: many}) == "requestTooLarge", (method.name, name)
    for name in ("create", "update", "emails", "send"):
        for method in with_arguments(name):
            if "fromAccountId" not in fields_of(method):
                made = await error(site, method, **{name: {key: {} for key in many}})
                assert made == "requestTooLarge", (method.name, name)


async def test_a_property_that_there_is_not_is_an_invalid_argument(site: Site):
    for method in with_arguments("properties"):
        assert await error(site, method, properties=["no such/property"]) == "invalidArguments", method.name


async def test_what_is_not_there_is_told_by_its_id(site: Site):
    for method in named("/get"):
        if "ids" in fields_of(method) and method.name != "RemoteImage/get":
            name, found = await ask(site, method, ids=["nothing", "nothing"])
            assert (name, found["list"], found["notFound"]) == (method.name, [], ["nothing"]), method.name


async def test_changes_since_a_state_that_never_was_cannot_be_calculated(site: Site):
    for name in ("sinceState", "sinceQueryState"):
        for method in with_arguments(name):
            for state in ("", "x", "-1", "999999999"):
                assert await error(site, method, **{name: state}) == "cannotCalculateChanges", (method.name, state)


async def test_no_more_than_nothing_is_no_number_of_changes(site: Site):
    """RFC 8620 §5.2."""
    for method in named("/changes"):
        assert await error(site, method, maxChanges=0) == "invalidArguments", method.name


async def change_all(site: Site) -> None:
    """Something of every type changes."""
    methods = {method.name: method for method in METHODS}
    draft = await site.put(b"From: alice@%b\r\nTo: ann@far.test\r\n\r\nx\r\n" % DOMAIN.encode(), "Drafts")
    _, identities = await ask(site, methods["Identity/get"])
    identity = identities["list"][0]["id"]
    for name, change in (
        ("Mailbox", {"create": {"k": {"name": "new"}}}),
        ("AddressBook", {"create": {"k": {"name": "new"}}}),
        ("ContactCard", {"create": {"k": {"name": {"full": "New"}}}}),
        ("Identity", {"update": {identity: {"name": "Alice"}}}),
        ("VacationResponse", {"update": {"singleton": {"isEnabled": True}}}),
        ("EmailSubmission", {"create": {"k": {"identityId": identity, "emailId": draft}}}),
    ):
        _, made = await ask(site, methods[f"{name}/set"], **change)
        assert made["created"] or made["updated"], made


async def test_more_changes_of_a_result_than_are_wanted_are_too_many(site: Site):
    """RFC 8620 §5.6."""
    methods = {method.name: method for method in METHODS}
    queries = [(methods[one.name.removesuffix("Changes")], one) for one in named("/queryChanges")]
    before = [(await ask(site, query))[1]["queryState"] for query, _ in queries]
    await change_all(site)
    for (_, changes), state in zip(queries, before, strict=True):
        sort = [{"property": "used"}] if changes.name.startswith("Quota/") else []
        made = await error(site, changes, sinceQueryState=state, maxChanges=0, sort=sort)
        assert made == "tooManyChanges", changes.name


async def test_every_type_that_has_changes_is_told_of_with_the_state_that_get_says(site: Site):
    """RFC 8620 §7.1. Only of a new message is there no object, but a state (RFC 8621 §1.5)."""
    states: dict[str, str] = {}
    async with listening(site) as events:
        await change_all(site)
        await site.office.take("ann@far.test", "alice")
        while set(states) != {*TYPES, DELIVERY, QUOTA}:
            states |= await events.states()
        present = {
            one.name.removesuffix("/get"): (await ask(site, one, ids=[]))[1].get("state") for one in named("/get")
        }
        while any(present[name] != state for name, state in states.items() if name != DELIVERY):
            states |= await events.states()
    told = {name.removesuffix("/changes") for name in (one.name for one in named("/changes"))} | {"VacationResponse"}
    assert set(states) == told | {DELIVERY}


async def test_what_cannot_be_asked_for_is_told_apart(site: Site):
    for query in [*named("/query"), *named("/queryChanges")]:
        for given, expected in (
            ({"filter": {"noSuchCondition": 1}}, "unsupportedFilter"),
            ({"filter": {"operator": "XOR", "conditions": []}}, "invalidArguments"),
            ({"filter": {"operator": "AND"}}, "invalidArguments"),
            ({"sort": [{"property": "noSuchProperty"}]}, "unsupportedSort"),
            ({"sort": [{"isAscending": True}]}, "invalidArguments"),
            ({"sort": ["id"]}, "invalidArguments"),
        ):
            state = {"sinceQueryState": await query_state(site, query)} if query.name.endswith("Changes") else {}
            assert await error(site, query, **given, **state) == expected, (query.name, given)


async def query_state(site: Site, changes: Method) -> str:
    """The present one."""
    (query,) = [method for method in METHODS if method.name == changes.name.removesuffix("Changes")]
    return (await ask(site, query))[1]["queryState"]


async def test_an_anchor_that_is_not_in_the_result_is_not_found(site: Site):
    for query in named("/query"):
        assert await error(site, query, anchor="nothing") == "anchorNotFound", query.name


async def test_a_state_that_the_client_wrongly_believes_in_is_a_mismatch(site: Site):
    for method in with_arguments("ifInState"):
        if "fromAccountId" not in fields_of(method):
            assert await error(site, method, ifInState="nonsense") == "stateMismatch", method.name


async def test_a_creation_id_must_be_an_id(site: Site):
    """RFC 8620 §1.2."""
    for name in ("create", "emails", "send"):
        for method in with_arguments(name):
            if "fromAccountId" not in fields_of(method):
                assert await error(site, method, **{name: {"no id!": {}}}) == "invalidArguments", method.name


async def test_what_is_not_there_is_neither_changed_nor_destroyed(site: Site):
    for method in named("/set"):
        name, found = await ask(site, method, update={"nothing": {}}, destroy=["nowhere"])
        assert name == method.name, found
        assert found["notUpdated"]["nothing"]["type"] == "notFound", method.name
        assert found["notDestroyed"]["nowhere"]["type"] == "notFound", method.name
        assert (found["updated"], found["destroyed"]) == (None, None)


async def test_what_is_to_be_destroyed_is_not_changed(site: Site):
    for method in named("/set"):
        _, found = await ask(site, method, update={"x1": {}}, destroy=["x1"])
        assert found["notUpdated"]["x1"]["type"] == "willDestroy", method.name


async def test_a_property_that_nobody_knows_is_invalid_and_named(site: Site):
    """RFC 8620 §5.3. A card may have what we do not know, as long as its name is not like one that is registered."""
    answers = {"VacationResponse/set": "singleton", "QueuedMessage/set": "forbidden"}
    for method in named("/set"):
        _, found = await ask(site, method, create={"k": {"colour": "red"}})
        if method.name == "ContactCard/set":
            assert found["created"], found
            continue
        problem = found["notCreated"]["k"]
        assert problem["type"] == answers.get(method.name, "invalidProperties"), method.name
        assert method.name in answers or "colour" in problem["properties"], method.name
