"""The examples of RFC 8620, section by section: what it prints is asked, and answered as it prints it.

Ids and states are ours; an answer may have arguments that the example leaves out, as they are null there (§3.5).
"""

from pathlib import Path

import msgspec
from event_stream import listening
from jmap_site import CORE, MAIL, Site, open_jmap
from todo_site import Todos

from office import open_office
from pillarbox.serve.jmap.method import Call, Json, Method, Problem
from pillarbox.serve.jmap.standard import query
from pillarbox.serve.jmap.standard.query import Found, Moved, Querying, query_methods


class Anything(msgspec.Struct):
    """Whatever the example sends."""

    arg1: str = ""
    arg2: str = ""


def says(answer: dict, expected: dict) -> None:
    """Every argument that the example prints is there; what it leaves out is null."""
    assert {name: answer[name] for name in expected} == expected
    assert {answer[name] for name in answer.keys() - expected.keys()} <= {None}, answer


async def test_section_2_1_the_session(site: Site):
    session = (await site.http.get("/.well-known/jmap", follow_redirects=True)).json()
    assert set(session) == {
        "capabilities", "accounts", "primaryAccounts", "username", "apiUrl", "downloadUrl", "uploadUrl",
        "eventSourceUrl", "state",
    }  # fmt: skip
    assert set(session["capabilities"][CORE]) == {
        "maxSizeUpload", "maxConcurrentUpload", "maxSizeRequest", "maxConcurrentRequests", "maxCallsInRequest",
        "maxObjectsInGet", "maxObjectsInSet", "collationAlgorithms",
    }  # fmt: skip
    account = session["accounts"][site.id]
    assert set(account) == {"name", "isPersonal", "isReadOnly", "accountCapabilities"}
    assert {"maxMailboxesPerEmail", "maxMailboxDepth"} <= set(account["accountCapabilities"][MAIL])


async def test_sections_3_3_1_and_3_4_1_request_and_response(tmp_path: Path):
    async def method1(call: Call, arguments: Anything) -> Json:
        assert (arguments.arg1, arguments.arg2) == ("arg1data", "arg2data")
        return {"arg1": 3, "arg2": "foo"}

    async def method2(call: Call, arguments: Anything) -> list[tuple[str, Json]]:
        return [
            ("method2", {"isBlah": True}),
            ("anotherResponseFromMethod2", {"data": 10, "yetmoredata": "Hello"}),
        ]

    methods = [Method(name, CORE, Anything, handler) for name, handler in (("method1", method1), ("method2", method2))]
    async with open_office(tmp_path) as office, open_jmap(office, methods=methods) as site:
        answer = await site.post(
            [
                ["method1", {"arg1": "arg1data", "arg2": "arg2data"}, "c1"],
                ["method2", {"arg1": "arg1data"}, "c2"],
                ["method3", {}, "c3"],
            ]
        )
        state = (await site.http.get("/jmap/session")).json()["state"]
        assert answer.json() == {
            "methodResponses": [
                ["method1", {"arg1": 3, "arg2": "foo"}, "c1"],
                ["method2", {"isBlah": True}, "c2"],
                ["anotherResponseFromMethod2", {"data": 10, "yetmoredata": "Hello"}, "c2"],
                ["error", {"type": "unknownMethod"}, "c3"],
            ],
            "sessionState": state,
        }


async def test_section_3_6_1_1_problem_details(site: Site):
    answer = await site.post([], using=[CORE, "https://example.com/apis/foobar"])
    found = answer.json()
    assert (found["type"], found["status"]) == ("urn:ietf:params:jmap:error:unknownCapability", 400)
    assert "https://example.com/apis/foobar" in found["detail"]
    too_large = b'{"using":[],"methodCalls":[]' + b" " * site.mail.limits.jmap_request_octets + b"}"
    answer = await site.http.post("/jmap/api", content=too_large, headers={"Content-Type": "application/json"})
    found = answer.json()
    assert (found["type"], found["limit"]) == ("urn:ietf:params:jmap:error:limit", "maxSizeRequest")
    assert found["status"] == answer.status_code == 413, "HTTP has a word of its own for it"
    assert found["detail"]


async def test_section_5_7_todos_are_found_changed_and_followed(tmp_path: Path):
    todos = Todos()
    async with open_office(tmp_path) as office, open_jmap(office, methods=todos.methods()) as site:
        piano = todos.add("Practise Piano", "music", "beethoven", "mozart", "liszt", "rachmaninov")
        video = todos.add("Watch Daft Punk music video", "music", "video", "trance")
        todos.add("Buy milk")
        found_by = {
            "filter": {"operator": "OR", "conditions": [{"hasKeyword": "music"}, {"hasKeyword": "video"}]},
            "sort": [{"property": "title"}],
        }
        reference = {"resultOf": "c0", "name": "Todo/query", "path": "/ids"}
        (_, result, _), (_, objects, _) = await site.calls(
            ("Todo/query", {**found_by, "position": 0, "limit": 10}), ("Todo/get", {"#ids": reference})
        )
        query_state, state = result["queryState"], objects["state"]
        says(
            result,
            {
                "accountId": site.id,
                "queryState": query_state,
                "canCalculateChanges": True,
                "position": 0,
                "ids": [piano, video],
            },
        )
        assert objects["notFound"] == []
        assert objects["list"][0] == {
            "id": piano,
            "title": "Practise Piano",
            "keywords": dict.fromkeys(("music", "beethoven", "mozart", "liszt", "rachmaninov"), True),
            "neuralNetworkTimeEstimation": 3600,
            "subTodoIds": None,
        }

        patch = {"keywords/chopin": True, "keywords/mozart": None}
        answer = await site.call("Todo/set", ifInState=state, update={piano: patch})
        said = {"oldState": state, "newState": answer["newState"]}
        says(answer, {"accountId": site.id, **said, "updated": {piano: {"neuralNetworkTimeEstimation": 5400}}})

        answer = await site.call(
            "Todo/set", create={"k15": {"title": "Warm up with scales"}}, update={piano: {"subTodoIds": ["#k15"]}}
        )
        scales = answer["created"]["k15"]["id"]
        assert (await site.call("Todo/get", ids=[piano]))["list"][0]["subTodoIds"] == [scales]

        state = answer["newState"]
        query_state = (await site.call("Todo/query", **found_by))["queryState"]
        await site.call("Todo/set", destroy=[video])  # by another user
        (_, changes, _), (_, moved, _) = await site.calls(
            ("Todo/changes", {"sinceState": state, "maxChanges": 50}),
            ("Todo/queryChanges", {**found_by, "sinceQueryState": query_state, "maxChanges": 50}),
        )
        assert changes == {
            "accountId": site.id,
            "oldState": state,
            "newState": changes["newState"],
            "hasMoreChanges": False,
            "created": [],
            "updated": [],
            "destroyed": [video],
        }
        assert moved == {
            "accountId": site.id,
            "oldQueryState": query_state,
            "newQueryState": moved["newQueryState"],
            "removed": [video],
            "added": [],
        }
        assert changes["newState"] != state and moved["newQueryState"] != query_state

        copy = {"create": {"k5122": {"id": piano}}, "onSuccessDestroyOriginal": True}
        answer = await site.fail("Todo/copy", fromAccountId=site.id, accountId="a999", **copy)
        assert answer == {"type": "accountNotFound"}, "nobody here has a second account to copy to"


async def test_section_5_5_a_limit_of_ours_is_told(tmp_path: Path):
    async def find(call: Call, arguments: object) -> Found:
        return Found(range(query.MOST_IDS + 1), "1")

    async def moved(call: Call, arguments: object, since: int) -> Moved | None:
        raise Problem("cannotCalculateChanges")

    methods = query_methods("Foo", CORE, Querying(find, moved, lambda number: f"f{number}", lambda text: int(text[1:])))
    async with open_office(tmp_path) as office, open_jmap(office, methods=methods) as site:
        for given in ({}, {"limit": query.MOST_IDS + 1}):
            answer = await site.call("Foo/query", calculateTotal=True, **given)
            assert len(answer["ids"]) == answer["limit"] == query.MOST_IDS == answer["total"] - 1
        assert "limit" not in await site.call("Foo/query", limit=query.MOST_IDS)


async def test_section_6_up_and_down_by_the_templates_of_the_session(site: Site):
    session = (await site.http.get("/jmap/session")).json()
    upload = session["uploadUrl"].replace("{accountId}", site.id)
    answer = await site.http.post(upload, content=b"some octets", headers={"Content-Type": "text/plain"})
    blob = answer.json()
    assert blob == {"accountId": site.id, "blobId": blob["blobId"], "type": "text/plain", "size": 11}
    url = session["downloadUrl"]
    values = {"accountId": site.id, "blobId": blob["blobId"], "type": "text%2Fplain", "name": "some%20name.txt"}
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", value)
    answer = await site.http.get(url)
    assert answer.content == b"some octets"
    assert answer.headers["content-type"].startswith("text/plain")
    assert "some name.txt" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, immutable, max-age=31536000"


async def test_section_7_1_1_a_state_change(site: Site):
    async with listening(site, "Email,EmailDelivery,CalendarEvent") as events:
        await site.office.take("ann@far.test", "alice")
        event = await events.next()
    assert event.name == "state" and event.data is not None
    states = event.data["changed"][site.id]
    assert event.data == {
        "@type": "StateChange",
        "changed": {site.id: {"Email": states["Email"], "EmailDelivery": states["EmailDelivery"]}},
    }
    assert states["Email"] == (await site.call("Email/get", ids=[]))["state"]
