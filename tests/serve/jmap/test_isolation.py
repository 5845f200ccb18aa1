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
from pillarbox.serve.jmap.replies import BUG

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


def is_own(name: str) -> bool:
    """Whether it is of who asks."""
    return name == "me" or name.startswith("my_")


def with_account(method: Method, arguments: dict[str, Any], account: str = "%me") -> dict[str, Any]:
    return {"accountId": account, **arguments} if "accountId" in arguments_of(method) else arguments


def plainly(method: str, arguments: dict[str, Any], ids: Ids, call_id: str) -> list[list]:
    """The ids themselves."""
    return [[method, filled(arguments, ids), call_id]]


def by_creation_id(method: str, arguments: dict[str, Any], ids: Ids, call_id: str) -> list[list]:
    """`#name`, as if this request had made it (RFC 8620 §3.3); what is no id stays as it is."""
    references = {name: f"#{name}" for name in names_in(arguments) if is_id(ids[name])}
    return [[method, filled(arguments, {**ids, **references}), call_id]]


def by_reference(method: str, arguments: dict[str, Any], ids: Ids, call_id: str) -> list[list]:
    """Each argument taken out of an earlier response (RFC 8620 §3.7)."""
    given, echo = filled(arguments, ids), f"echo{call_id}"
    references = {f"#{name}": {"resultOf": echo, "name": "Core/echo", "path": f"/{name}"} for name in given}
    return [["Core/echo", given, echo], [method, references, call_id]]


WAYS = (plainly, by_creation_id, by_reference)


async def answers_to(person: Person, way, method: str, asked: list[dict[str, Any]], ids: Ids) -> list[str]:
    """What comes back for each of these arguments, without what was asked with; all are sent as one request."""
    calls = [call for number, arguments in enumerate(asked) for call in way(method, arguments, ids, f"c{number}")]
    names = names_in(asked)
    created = {name: ids[name] for name in names if is_id(ids[name])} if way is by_creation_id else None
    answer = await person.ask(*calls, created=created)
    secret = {name: ids[name] for name in names if not is_own(name)}
    texts: dict[str, str] = {}
    for name, response, call_id in answer.pop("methodResponses"):
        text = json.dumps([name, response])
        assert BUG not in text
        texts[call_id] = texts.get(call_id, "") + blinded(text, secret)
    return [*texts.values(), blinded(json.dumps(answer), secret)]


def test_every_method_has_a_row_and_every_argument_is_asked_with_an_id():
    assert set(TABLE) == set(NAMES)
    for method in METHODS:
        given = [(name, value) for probe in TABLE[method.name] for name, value in probe.arguments.items()]
        asked = {name for name, value in given if not all(map(is_own, names_in(value)))}
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
    asked = [with_account(method, probe.arguments) for probe in TABLE[name]]
    for way in WAYS:
        found, never = [await answers_to(two.mallory, way, name, asked, ids) for ids in (hers, nobodys)]
        assert found == never, way.__name__
        assert not any(WORD in text for text in found), way.__name__
    assert await two.dump(two.alice.account) == before


@shared
@pytest.mark.parametrize("name", [name for name in NAMES if "accountId" in arguments_of(BY_NAME[name])])
async def test_her_account_is_answered_as_one_that_never_was(two: Two, name: str):
    """With her ids and with mallory's own: the account is looked at before anything else."""
    method = BY_NAME[name]
    hers, nobodys = await two.ids(two.mallory, name.partition("/")[0])
    before = await two.dump(two.alice.account)
    asked = [with_account(method, probe.arguments, "%account") for probe in TABLE[name]]
    found, never = [await answers_to(two.mallory, plainly, name, asked, ids) for ids in (hers, nobodys)]
    assert found == never
    for text in found[:-1]:
        said, problem = json.loads(text)
        assert said == "error"
        assert problem["type"] in ("accountNotFound", "fromAccountNotFound", "invalidArguments")
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
    asked = [with_account(method, probe.arguments)]
    never, found = [await answers_to(fresh.alice, plainly, method.name, asked, ids) for ids in (nobodys, hers)]
    assert found != never, (method.name, probe.arguments)
