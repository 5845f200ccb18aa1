"""The standard methods on a type of our own: the Todo of the standard's examples (RFC 8620 §5.7)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jmap_site import open_jmap
from todo_site import PROPERTIES, Todos, TodoSite

from office import open_office
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.standard.set import in_order


@pytest.fixture
async def todo(tmp_path: Path) -> AsyncIterator[TodoSite]:
    todos = Todos()
    async with open_office(tmp_path, limits=Limits(jmap_objects=5)) as office:
        async with open_jmap(office, methods=todos.methods()) as site:
            yield TodoSite(site, todos)


# --- get -------------------------------------------------------------------------------------------------------------


async def test_get_answers_in_the_order_asked_each_once(todo: TodoSite):
    first, second = todo.todos.add("one"), todo.todos.add("two")
    answer = await todo.call("Todo/get", ids=[second, "t99", first, second, "t99"], properties=["title"])
    assert answer == {
        "accountId": todo.id,
        "state": "2",
        "list": [{"id": second, "title": "two"}, {"id": first, "title": "one"}],
        "notFound": ["t99"],
    }
    assert (await todo.call("Todo/get", ids=[]))["list"] == []
    assert [set(one) for one in (await todo.call("Todo/get"))["list"]] == [set(PROPERTIES)] * 2


async def test_get_refuses_what_there_is_not_and_what_is_too_much(todo: TodoSite):
    assert (await todo.fail("Todo/get", properties=["colour"]))["type"] == "invalidArguments"
    assert (await todo.fail("Todo/get", ids=["t1"] * 6))["type"] == "requestTooLarge"
    for _ in range(6):
        todo.todos.add("x")
    assert (await todo.fail("Todo/get", ids=None))["type"] == "requestTooLarge"


# --- changes ---------------------------------------------------------------------------------------------------------


async def test_changes(todo: TodoSite):
    for title in "abc":
        todo.todos.add(title)
    await todo.call("Todo/set", create={"k": {"title": "d"}}, update={"t1": {"title": "A"}}, destroy=["t2"])
    answer = await todo.call("Todo/changes", sinceState="3", maxChanges=50)
    assert answer == {
        "accountId": todo.id,
        "oldState": "3",
        "newState": "6",
        "hasMoreChanges": False,
        "created": ["t4"],
        "updated": ["t1"],
        "destroyed": ["t2"],
    }


@pytest.mark.parametrize("state", ["", "x", "-1", "01", "1.5", "1", "9", "1" * 30, "٣"])
async def test_changes_since_a_state_that_is_none(todo: TodoSite, state: str):
    for title in "abc":
        todo.todos.add(title)
    assert (await todo.fail("Todo/changes", sinceState=state))["type"] == "cannotCalculateChanges"


@pytest.mark.parametrize("most", [0, -1, 1.5, "1", True])
async def test_changes_of_no_number(todo: TodoSite, most: object):
    assert (await todo.fail("Todo/changes", sinceState="0", maxChanges=most))["type"] == "invalidArguments"


# --- set: the examples of RFC 8620 §5.7 ------------------------------------------------------------------------------


MUSIC = ("music", "beethoven", "mozart", "liszt", "rachmaninov")


async def test_set_with_the_whole_object_and_with_a_patch_is_the_same(todo: TodoSite):
    whole, minimal = todo.todos.add("Practise Piano", *MUSIC), todo.todos.add("Practise Piano", *MUSIC)
    keywords = dict.fromkeys(("music", "beethoven", "chopin", "liszt", "rachmaninov"), True)
    update = {
        whole: {"id": whole, "title": "Practise Piano", "keywords": keywords, "neuralNetworkTimeEstimation": 3600},
        minimal: {"keywords/chopin": True, "keywords/mozart": None},
    }
    answer = await todo.call("Todo/set", ifInState="2", update=update)
    told = {"neuralNetworkTimeEstimation": 5400}
    assert answer == {
        "accountId": todo.id,
        "oldState": "2",
        "newState": "4",
        "created": None,
        "updated": {whole: told, minimal: told},
        "destroyed": None,
        "notCreated": None,
        "notUpdated": None,
        "notDestroyed": None,
    }
    assert [one["keywords"] for one in todo.todos.objects.values()] == [keywords] * 2


async def test_a_creation_id_stands_for_what_was_made(todo: TodoSite):
    piano = todo.todos.add("Practise Piano", *MUSIC)
    answer = await todo.call(
        "Todo/set", create={"k15": {"title": "Warm up with scales"}}, update={piano: {"subTodoIds": ["#k15"]}}
    )
    made = answer["created"]["k15"]["id"]
    assert answer["updated"] == {piano: None}
    assert todo.todos.objects[1]["subTodoIds"] == [made]


async def test_creations_are_made_in_the_order_of_their_references(todo: TodoSite):
    create = {
        "a": {"title": "a", "subTodoIds": ["#b", "#c"]},
        "b": {"title": "b", "subTodoIds": ["#c"]},
        "c": {"title": "c"},
        "x": {"title": "x", "subTodoIds": ["#y"]},
        "y": {"title": "y", "subTodoIds": ["#x"]},
    }
    answer = await todo.call("Todo/set", create=create)
    ids = {name: one["id"] for name, one in answer["created"].items()}
    assert set(ids) == {"a", "b", "c"}
    assert todo.todos.objects[int(ids["a"][1:])]["subTodoIds"] == [ids["b"], ids["c"]]
    circle = {"type": "invalidProperties", "properties": ["subTodoIds"]}
    assert answer["notCreated"] == {"x": circle, "y": circle}


async def test_a_new_object_is_changed_and_destroyed_by_its_creation_id(todo: TodoSite):
    answer = await todo.call(
        "Todo/set", create={"a": {"title": "a"}, "b": {"title": "b"}}, update={"#a": {"title": "A"}}, destroy=["#b"]
    )
    assert answer["updated"] == {answer["created"]["a"]["id"]: None}
    assert answer["destroyed"] == [answer["created"]["b"]["id"]]


async def test_what_fails_fails_alone(todo: TodoSite):
    kept = todo.todos.add("kept")
    answer = await todo.call(
        "Todo/set",
        create={"full": {"title": "full"}, "bug": {"title": "bug"}, "good": {"title": "good"}},
        update={"t99": {"title": "x"}, kept: {"title": "changed"}},
    )
    assert set(answer["created"]) == {"good"} and answer["updated"] == {kept: None}
    assert answer["notCreated"]["full"] == {"type": "overQuota", "description": "no room"}
    assert answer["notCreated"]["bug"]["type"] == "serverFail"
    assert "secret" not in answer["notCreated"]["bug"]["description"]
    assert answer["notUpdated"] == {"t99": {"type": "notFound", "description": "no such Todo"}}
    answer = await todo.call("Todo/set", destroy=[kept, "t99", kept])
    assert answer["destroyed"] == [kept] and set(answer["notDestroyed"]) == {"t99"}


async def test_an_object_that_is_destroyed_is_not_updated(todo: TodoSite):
    doomed = todo.todos.add("doomed")
    answer = await todo.call("Todo/set", update={doomed: {"title": "x"}}, destroy=[doomed])
    assert answer["notUpdated"] == {doomed: {"type": "willDestroy"}}
    assert answer["destroyed"] == [doomed]


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ({"keywords/a/b": True}, {"type": "invalidPatch"}),
        ({"keywords": {}, "keywords/a": True}, {"type": "invalidPatch"}),
        ({"id": "t2"}, {"type": "invalidProperties", "properties": ["id"]}),
        ({"neuralNetworkTimeEstimation": 1, "id": None}, {"properties": ["id", "neuralNetworkTimeEstimation"]}),
        ({"colour": "red"}, {"type": "invalidProperties", "properties": ["colour"]}),
    ],
)
async def test_a_patch_that_cannot_be(todo: TodoSite, patch: dict, error: dict):
    id = todo.todos.add("one", "a")
    answer = await todo.call("Todo/set", update={id: patch})
    found = answer["notUpdated"][id]
    assert {name: sorted(found[name]) if name == "properties" else found[name] for name in error} == error
    assert todo.todos.log == [1]


async def test_null_gives_a_property_its_default(todo: TodoSite):
    id = todo.todos.add("one", "a")
    await todo.call("Todo/set", update={id: {"keywords": None}})
    assert todo.todos.objects[1]["keywords"] == {}


async def test_set_only_in_the_state_that_the_client_knows(todo: TodoSite):
    assert (await todo.fail("Todo/set", ifInState="7", create={"k": {"title": "x"}})) == {"type": "stateMismatch"}
    assert todo.todos.objects == {}
    await todo.call("Todo/set", ifInState="0", create={"k": {"title": "x"}})


async def test_set_of_too_many_or_with_bad_ids(todo: TodoSite):
    create = {f"k{number}": {"title": "x"} for number in range(4)}
    assert (await todo.fail("Todo/set", create=create, destroy=["t1", "t2"]))["type"] == "requestTooLarge"
    assert (await todo.fail("Todo/set", create={"no id!": {"title": "x"}}))["type"] == "invalidArguments"
    assert (await todo.fail("Todo/set", update={"t1": []}))["type"] == "invalidArguments"
    assert todo.todos.objects == {}


def test_a_long_chain_of_creations_is_put_in_order():
    chain = {f"k{n}": {"parent": f"#k{n + 1}"} for n in range(1_000)}
    assert in_order(chain, ["parent"]) == [f"k{n}" for n in reversed(range(1_000))]


# --- query -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "position", "titles"),
    [
        ({}, 0, "abcdefghij"),
        ({"position": 3, "limit": 2}, 3, "de"),
        ({"position": -3}, 7, "hij"),
        ({"position": -99, "limit": 1}, 0, "a"),
        ({"position": 10}, 10, ""),
        ({"position": 99}, 99, ""),
        ({"limit": 0}, 0, ""),
        ({"anchor": "t4"}, 3, "defghij"),
        ({"anchor": "t4", "anchorOffset": -2, "limit": 3}, 1, "bcd"),
        ({"anchor": "t4", "anchorOffset": -9, "limit": 1}, 0, "a"),
        ({"anchor": "t4", "anchorOffset": 2, "position": 8, "limit": 1}, 5, "f"),
        ({"anchorOffset": 5, "limit": 1}, 0, "a"),
    ],
)
async def test_the_window_of_a_query(todo: TodoSite, window: dict, position: int, titles: str):
    for title in "abcdefghij":
        todo.todos.add(title)
    answer = await todo.call("Todo/query", **window)
    assert answer["position"] == position
    assert "".join(todo.todos.objects[int(id[1:])]["title"] for id in answer["ids"]) == titles
    assert answer["queryState"] == "10" and answer["canCalculateChanges"] is True
    assert "total" not in answer and "limit" not in answer
    assert (await todo.call("Todo/query", calculateTotal=True, **window))["total"] == 10


async def test_a_query_that_cannot_be(todo: TodoSite):
    todo.todos.add("a")
    for anchor in ("t9", "x", ""):
        assert (await todo.fail("Todo/query", anchor=anchor))["type"] == "anchorNotFound"
    for wrong in ({"limit": -1}, {"filter": []}, {"sort": {}}, {"position": "1"}, {"calculateTotal": 1}):
        assert (await todo.fail("Todo/query", **wrong))["type"] == "invalidArguments"


def spliced(ids: list, changes: dict) -> list:
    """A client's copy of a result, brought up to date (RFC 8620 §5.6)."""
    ids = [id for id in ids if id not in changes["removed"]]
    for item in changes["added"]:
        ids.insert(item["index"], item["id"])
    return ids


async def test_query_changes_lead_to_the_present_result(todo: TodoSite):
    wanted = {"filter": {"hasKeyword": "music"}, "sort": [{"property": "title"}]}
    for title, keyword in (("m", "music"), ("b", "music"), ("x", "video"), ("z", "music")):
        todo.todos.add(title, keyword)
    before = await todo.call("Todo/query", **wanted)
    await todo.call(
        "Todo/set",
        create={"k": {"title": "c", "keywords": {"music": True}}},
        update={"t1": {"title": "zz"}, "t3": {"keywords/music": True}, "t4": {"keywords/music": None}},
        destroy=["t2"],
    )
    after = await todo.call("Todo/query", **wanted)
    changes = await todo.call("Todo/queryChanges", sinceQueryState=before["queryState"], calculateTotal=True, **wanted)
    assert changes["oldQueryState"] == "4" and changes["newQueryState"] == after["queryState"]
    assert spliced(before["ids"], changes) == after["ids"] == ["t5", "t3", "t1"]
    assert changes["total"] == 3
    assert "t5" not in changes["removed"], "what is new was in no result before"
    count = len(changes["removed"]) + len(changes["added"])
    await todo.call("Todo/queryChanges", sinceQueryState="4", maxChanges=count, **wanted)
    too_few = await todo.fail("Todo/queryChanges", sinceQueryState="4", maxChanges=count - 1, **wanted)
    assert too_few["type"] == "tooManyChanges"


async def test_nothing_is_told_beyond_what_the_client_holds_where_nothing_moves(todo: TodoSite):
    for title in "bdf":
        todo.todos.add(title)
    for title in "ace":
        todo.todos.add(title)
    answer = await todo.call("Todo/queryChanges", sinceQueryState="3", upToId="t2")
    assert answer["added"] == [{"id": "t4", "index": 0}, {"id": "t5", "index": 2}]
    answer = await todo.call("Todo/queryChanges", sinceQueryState="3", upToId="t99")
    assert len(answer["added"]) == 3


async def test_query_changes_since_a_state_that_is_none(todo: TodoSite):
    for state in ("7", "x", ""):
        answer = await todo.fail("Todo/queryChanges", sinceQueryState=state)
        assert answer["type"] == "cannotCalculateChanges"


# --- copy ------------------------------------------------------------------------------------------------------------


async def test_copy_between_accounts_that_are_not_one_s_own(todo: TodoSite):
    (bob,) = await todo.office.add("bob")
    create = {"k5122": {"id": "t1"}}
    answer = await todo.fail("Todo/copy", fromAccountId=f"a{bob.id}", create=create)
    assert answer == {"type": "fromAccountNotFound"}
    answer = await todo.fail("Todo/copy", fromAccountId=todo.id, accountId=f"a{bob.id}", create=create)
    assert answer == {"type": "accountNotFound"}
    answer = await todo.fail("Todo/copy", fromAccountId=todo.id, create=create)
    assert answer["type"] == "invalidArguments"


async def test_methods_run_beside_each_other(todo: TodoSite):
    answers = await asyncio.gather(*(todo.call("Todo/set", create={"k": {"title": "x"}}) for _ in range(5)))
    assert len({answer["created"]["k"]["id"] for answer in answers}) == 5
