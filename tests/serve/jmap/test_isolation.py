"""Nobody reaches what is another's, nor learns whether it is there: every method, every argument, every URL.

An answer to mallory with an id of alice's is the answer to an id that never was, word for word, and afterwards not an octet
of alice's account is another. The table of methods itself is what is gone through: one that is new and has no row in
`isolation_probes` fails here.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from isolation_probes import NO_IDS, TABLE, Probe
from two_accounts import WORD, Ids, Person, Two, blinded, filled, names_in, open_two

from pillarbox.grammar.jmap.ids import is_id
from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.methods import METHODS

NAMES = [method.name for method in METHODS]
TYPES = list(dict.fromkeys(name.partition("/")[0] for name in NAMES))
BY_NAME = {method.name: method for method in METHODS}

shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """One for all that leaves alice's account as it is, which is looked at each time."""
    async with open_two(tmp_path_factory.mktemp("two") / "data") as opened:
        yield opened


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Two]:
    """One for a test in which alice changes something."""
    async with open_two(tmp_path / "data") as opened:
        yield opened


def arguments_of(method: Method) -> set[str]:
    """What it takes."""
    if method.arguments is None:
        return set()
    return {field.encode_name for field in msgspec.structs.fields(method.arguments)}


def with_account(method: Method, arguments: dict[str, Any], account: str = "%me") -> dict[str, Any]:
    return {"accountId": account, **arguments} if "accountId" in arguments_of(method) else arguments


def plainly(method: str, arguments: dict[str, Any], ids: Ids) -> tuple[list[list], Ids | None]:
    """The ids themselves."""
    return [[method, filled(arguments, ids), "c"]], None


def by_creation_id(method: str, arguments: dict[str, Any], ids: Ids) -> tuple[list[list], Ids | None]:
    """`#name`, as if this request had made it (RFC 8620 §3.3); what is no id stays as it is."""
    created = {name: ids[name] for name in names_in(arguments) if is_id(ids[name])}
    references = {name: f"#{name}" for name in created}
    return [[method, filled(arguments, {**ids, **references}), "c"]], created


def by_reference(method: str, arguments: dict[str, Any], ids: Ids) -> tuple[list[list], Ids | None]:
    """Each argument taken out of an earlier response (RFC 8620 §3.7)."""
    given = filled(arguments, ids)
    references = {f"#{name}": {"resultOf": "e", "name": "Core/echo", "path": f"/{name}"} for name in given}
    return [["Core/echo", given, "e"], [method, references, "c"]], None


WAYS = (plainly, by_creation_id, by_reference)


async def answer_to(person: Person, way, method: str, arguments: dict[str, Any], ids: Ids) -> str:
    """What comes back, without what was asked with."""
    calls, created = way(method, arguments, ids)
    answer = await person.ask(*calls, created=created)
    text = blinded(json.dumps(answer), {name: ids[name] for name in names_in(arguments) if not name.startswith("my_")})
    assert "serverFail" not in text, text
    return text


def test_every_method_has_a_row_and_every_argument_is_asked_with_an_id():
    assert set(TABLE) == set(NAMES)
    for method in METHODS:
        asked = {name for probe in TABLE[method.name] for name, value in probe.arguments.items() if names_in(value)}
        missing = arguments_of(method) - asked - NO_IDS - {"accountId"}
        assert not missing, f"{method.name}: no probe puts an id of another into {missing}"
        unknown = {name for probe in TABLE[method.name] for name in probe.arguments} - arguments_of(method)
        assert not unknown or method.arguments is None, f"{method.name} has no argument {unknown}"


@shared
@pytest.mark.parametrize("name", NAMES)
async def test_an_id_of_another_s_is_answered_as_one_that_never_was(two: Two, name: str):
    method = BY_NAME[name]
    hers, nobodys = await two.ids(two.mallory, name.partition("/")[0])
    before = await two.dump(two.alice.account)
    for probe in TABLE[name]:
        arguments = with_account(method, probe.arguments)
        for way in WAYS:
            found, empty = [await answer_to(two.mallory, way, name, arguments, ids) for ids in (hers, nobodys)]
            assert found == empty, (way.__name__, arguments)
            assert WORD not in found or name == "Core/echo", (way.__name__, arguments)
    assert await two.dump(two.alice.account) == before


@shared
@pytest.mark.parametrize("name", [name for name in NAMES if "accountId" in arguments_of(BY_NAME[name])])
async def test_her_account_is_answered_as_one_that_never_was(two: Two, name: str):
    """With her ids and with mallory's own: the account is looked at before anything else."""
    method = BY_NAME[name]
    hers, nobodys = await two.ids(two.mallory, name.partition("/")[0])
    before = await two.dump(two.alice.account)
    for probe in TABLE[name]:
        arguments = with_account(method, probe.arguments, "%account")
        for ids in (hers, nobodys):
            text = json.dumps(await two.mallory.ask([name, filled(arguments, ids), "c"]))
            ((said, problem, _),) = json.loads(text)["methodResponses"]
            assert said == "error"
            assert problem["type"] in ("accountNotFound", "fromAccountNotFound", "invalidArguments")
        found, empty = [await answer_to(two.mallory, plainly, name, arguments, ids) for ids in (hers, nobodys)]
        assert found == empty
    assert await two.dump(two.alice.account) == before


@pytest.mark.parametrize("type", TYPES)
async def test_what_is_asked_for_is_there_for_its_owner(fresh: Two, type: str):
    """Were it not, the tests above would say nothing: alice is answered otherwise for what she has."""
    names = [name for name in NAMES if name.startswith(f"{type}/")]
    for name in sorted(names, key=lambda name: name.endswith("/set")):  # which ends with destructions
        for probe in TABLE[name]:
            await check_seen(fresh, BY_NAME[name], probe)


async def check_seen(fresh: Two, method: Method, probe: Probe) -> None:
    if not probe.is_seen:
        return
    hers, nobodys = await fresh.ids(fresh.alice, method.name.partition("/")[0])
    arguments = with_account(method, probe.arguments)
    empty, found = [await answer_to(fresh.alice, plainly, method.name, arguments, ids) for ids in (nobodys, hers)]
    assert found != empty, (method.name, probe.arguments)
