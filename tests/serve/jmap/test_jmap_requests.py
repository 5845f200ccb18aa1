"""Requests: what can be run, what cannot, and the calls in it (RFC 8620 §3, §4)."""

import asyncio
import json
from pathlib import Path

import httpx
import msgspec
import pytest
from jmap_site import CORE, MAIL, Site, open_jmap

from office import open_office
from pillarbox.model.errors import MailError, NotAllowed
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.method import Call, Json, Method, Problem
from pillarbox.serve.jmap.replies import NAMES, method_error, set_error

ECHO = ["Core/echo", {"hello": True, "high": 5}, "b3ff"]


async def test_echo_is_the_example_of_the_standard(site: Site):
    answer = await site.post([ECHO])
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["methodResponses"] == [ECHO]


async def test_without_an_account_nothing_is_answered(site: Site):
    asked = [("GET", "/.well-known/jmap"), ("GET", "/jmap/session"), ("POST", "/jmap/api")]
    asked += [("POST", f"/jmap/upload/{site.id}"), ("GET", f"/jmap/download/{site.id}/B1/x")]
    for method, path in asked:
        async with httpx.AsyncClient(trust_env=False) as stranger:
            answer = await stranger.request(method, f"http://localhost:{site.port}{path}")
        assert answer.status_code == 401, path
        assert "Basic" in answer.headers["www-authenticate"]
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "notJSON"),
        (b"{", "notJSON"),
        (b'{"using":[],"using":[],"methodCalls":[]}', "notJSON"),
        (b'{"using":["\xff"],"methodCalls":[]}', "notJSON"),
        (b"[]", "notRequest"),
        (b'{"using":[]}', "notRequest"),
        (b'{"using":[],"methodCalls":[["a",{}]]}', "notRequest"),
        (b'{"using":[],"methodCalls":[["a",[],"c"]]}', "notRequest"),
        (b'{"using":["https://example.com/apis/foobar"],"methodCalls":[]}', "unknownCapability"),
    ],
)
async def test_a_request_that_cannot_be_run_is_refused_as_a_whole(site: Site, body: bytes, kind: str):
    answer = await site.http.post("/jmap/api", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:ietf:params:jmap:error:{kind}"
    assert answer.json()["status"] == 400


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/jsonp"])
async def test_a_request_of_another_type_is_no_json(site: Site, content_type: str):
    body = json.dumps({"using": [CORE], "methodCalls": [ECHO]}).encode()
    answer = await site.http.post("/jmap/api", content=body, headers={"Content-Type": content_type})
    assert answer.json()["type"] == "urn:ietf:params:jmap:error:notJSON"
    as_json = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await site.http.post("/jmap/api", content=body, headers=as_json)).status_code == 200


async def test_the_limits_that_the_session_tells_are_kept(tmp_path: Path):
    limits = Limits(jmap_request_octets=2_000, jmap_calls=3)
    async with open_office(tmp_path, limits=limits) as office, open_jmap(office) as site:
        assert (await site.post([ECHO] * 3)).status_code == 200
        answer = await site.post([ECHO] * 4)
        assert (answer.status_code, answer.json()["limit"]) == (400, "maxCallsInRequest")
        answer = await site.post([["Core/echo", {"x": "y" * 2_000}, "c"]])
        assert (answer.status_code, answer.json()["limit"]) == (413, "maxSizeRequest")
        assert answer.json()["type"] == "urn:ietf:params:jmap:error:limit"


class Nothing(msgspec.Struct):
    """No arguments."""


def method(name: str, handler) -> Method:
    return Method(name, CORE, Nothing, handler)


async def test_an_account_has_so_many_requests_at_once(tmp_path: Path):
    running, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def wait(call: Call, arguments: Nothing) -> Json:
        running.release()
        await go_on.wait()
        return {}

    limits = Limits(jmap_concurrent_requests=2)
    methods = [method("Test/wait", wait)]
    async with open_office(tmp_path, limits=limits) as office, open_jmap(office, methods=methods) as site:
        waiting = [asyncio.create_task(site.post([["Test/wait", {}, "c"]])) for _ in range(2)]
        for _ in waiting:
            await running.acquire()
        answer = await site.post([])
        assert (answer.status_code, answer.json()["limit"]) == (429, "maxConcurrentRequests")
        go_on.set()
        assert [(await task).status_code for task in waiting] == [200, 200]
        assert (await site.post([])).status_code == 200


async def test_a_failing_call_fails_alone_and_in_its_place(tmp_path: Path):
    async def bug(call: Call, arguments: Nothing) -> Json:
        raise ZeroDivisionError("a secret of the inside")

    async def refuse(call: Call, arguments: Nothing) -> Json:
        raise NotAllowed("not you")

    async def problem(call: Call, arguments: Nothing) -> Json:
        raise Problem("tooManyChanges", "so many", least=7)

    async def two(call: Call, arguments: Nothing) -> list[tuple[str, Json]]:
        return [("Test/two", {"n": 1}), ("Test/more", {"n": 2})]

    async def one(call: Call, arguments: Nothing) -> Json:
        return {"n": 0}

    names = {"Test/bug": bug, "Test/refuse": refuse, "Test/problem": problem, "Test/two": two, "Test/one": one}
    methods = [method(name, handler) for name, handler in names.items()]
    async with open_office(tmp_path) as office, open_jmap(office, methods=methods) as site:
        answer = (await site.post([[name, {}, name[5:]] for name in names])).json()
        assert "secret" not in json.dumps(answer)
        assert answer["methodResponses"] == [
            [
                "error",
                {"type": "serverFail", "description": "something went wrong in the server; its log tells more"},
                "bug",
            ],
            ["error", {"type": "forbidden", "description": "not you"}, "refuse"],
            ["error", {"type": "tooManyChanges", "description": "so many", "least": 7}, "problem"],
            ["Test/two", {"n": 1}, "two"],
            ["Test/more", {"n": 2}, "two"],
            ["Test/one", {"n": 0}, "one"],
        ]


async def test_an_unknown_method_and_one_whose_capability_is_not_used(site: Site):
    answer = await site.post([["Foo/get", {}, "c1"], ["Mailbox/get", {"accountId": site.id}, "c2"], ECHO], using=[CORE])
    unknown = {"type": "unknownMethod"}
    assert answer.json()["methodResponses"] == [["error", unknown, "c1"], ["error", unknown, "c2"], ECHO]


@pytest.mark.parametrize(
    "arguments",
    [
        {"ids": None},
        {"accountId": 1},
        {"accountId": None},
        {"accountId": "a", "ids": "m1"},
        {"accountId": "a", "ids": [1]},
        {"accountId": "a", "properties": [None]},
        {"accountId": "a", "unknown": 1},
        {"accountId": "a", "account_id": "a"},
        {"accountId": "a", "#ids": {"resultOf": "x", "name": "y", "path": "/z"}, "ids": []},
    ],
)
async def test_wrong_arguments_are_said_to_be_wrong(site: Site, arguments: dict):
    if arguments.get("accountId") == "a":
        arguments = {**arguments, "accountId": site.id}
    answer = (await site.post([["Mailbox/get", arguments, "c"], ECHO])).json()["methodResponses"]
    assert answer[0][0] == "error" and answer[0][1]["type"] == "invalidArguments", answer
    assert answer[0][1]["description"]
    assert answer[1] == ECHO


async def test_the_account_of_somebody_else_is_not_found(site: Site):
    (other,) = await site.office.add("bob")
    for account_id in (f"a{other.id}", "a999", "alice", ""):
        assert (await site.fail("Mailbox/get", accountId=account_id)) == {"type": "accountNotFound"}


async def test_results_are_referred_to(site: Site):
    answer = await site.calls(
        ("Mailbox/query", {"filter": {"hasAnyRole": True}, "sort": [{"property": "name"}]}),
        ("Mailbox/get", {"#ids": {"resultOf": "c0", "name": "Mailbox/query", "path": "/ids"}, "properties": ["name"]}),
        ("Core/echo", {"#names": {"resultOf": "c1", "name": "Mailbox/get", "path": "/list/*/name"}}),
        ("Mailbox/get", {"#ids": {"resultOf": "c0", "name": "Mailbox/query", "path": "/nothing"}}),
        ("Mailbox/get", {"#ids": {"resultOf": "c0", "name": "Email/query", "path": "/ids"}}),
        ("Mailbox/get", {"#ids": {"resultOf": "c9", "name": "Mailbox/query", "path": "/ids"}}),
    )
    assert answer[2][1]["names"] == ["Archive", "Drafts", "Inbox", "Junk", "Sent", "Trash"]
    assert [name for name, _, _ in answer[3:]] == ["error"] * 3
    assert {one["type"] for _, one, _ in answer[3:]} == {"invalidResultReference"}


async def test_created_ids_are_told_to_who_gives_some(site: Site):
    create = ["Mailbox/set", {"accountId": site.id, "create": {"k1": {"name": "Work"}}}, "c0"]
    assert "createdIds" not in (await site.post([ECHO])).json()
    answer = (await site.post([create], createdIds={"k0": "m1"})).json()
    made = answer["methodResponses"][0][1]["created"]["k1"]["id"]
    assert answer["createdIds"] == {"k0": "m1", "k1": made}
    child = ["Mailbox/set", {"accountId": site.id, "create": {"k2": {"name": "Old", "parentId": "#k1"}}}, "c0"]
    answer = (await site.post([child], createdIds=answer["createdIds"])).json()
    assert answer["methodResponses"][0][1]["notCreated"] is None
    assert (await site.mailboxes())["Old"]["parentId"] == made


async def test_the_session_state_stands_in_every_response(site: Site):
    session = (await site.http.get("/jmap/session")).json()
    assert (await site.post([], using=[])).json() == {"methodResponses": [], "sessionState": session["state"]}
    await site.put(b"Subject: more octets are used now\r\n\r\nx")
    assert (await site.post([], using=[])).json()["sessionState"] == session["state"]


# --- the table of errors ---------------------------------------------------------------------------------------------


def classes(kind: type[MailError] = MailError) -> list[type[MailError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in classes(below))]


def test_every_class_of_error_has_a_row_of_its_own_or_is_private_to_a_package():
    missing = [kind for kind in classes() if kind not in NAMES and kind.__module__ == "pillarbox.model.errors"]
    assert missing == []


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_is_answered_by_name(kind: type[MailError]):
    error = MailError.__new__(kind)
    error.text, error.expected = "what it is", "another thing"
    assert method_error(error, method="x")["type"] in {row[0] for row in NAMES.values()}
    assert set_error(error, method="x")["type"] in {row[1] for row in NAMES.values()}


def test_of_the_temporary_ones_a_client_is_told_that_they_are():
    for kind in classes():
        if kind.temporary and kind.__name__ in (
            "Unavailable",
            "InsufficientStorage",
            "StorageUnavailable",
            "StorageBroken",
        ):
            assert NAMES[kind] == ("serverUnavailable", "serverUnavailable")


# --- the session object ----------------------------------------------------------------------------------------------


async def test_the_session_object(site: Site):
    answer = await site.http.get("/.well-known/jmap")
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
    session = answer.json()
    assert session == (await site.http.get("/jmap/session")).json()
    assert session["username"] == "alice@uiowa.test"
    account = session["accounts"][site.id]
    assert MAIL in session["primaryAccounts"]
    assert session["primaryAccounts"] == dict.fromkeys(account["accountCapabilities"], site.id)
    assert (account["name"], account["isPersonal"], account["isReadOnly"]) == ("alice@uiowa.test", True, False)
    assert CORE not in account["accountCapabilities"]
    assert session["capabilities"][MAIL] == {}
    core = session["capabilities"][CORE]
    least = {
        "maxSizeUpload": 50_000_000,
        "maxConcurrentUpload": 4,
        "maxSizeRequest": 10_000_000,
        "maxConcurrentRequests": 4,
    }
    least |= {"maxCallsInRequest": 16, "maxObjectsInGet": 500, "maxObjectsInSet": 500}
    assert all(core[name] >= number for name, number in least.items()), "what the standard suggests"
    assert "i;unicode-casemap" in core["collationAlgorithms"]
    mail = account["accountCapabilities"][MAIL]
    assert mail["maxSizeMailboxName"] >= 100 and mail["mayCreateTopLevelMailbox"] is True
    assert "receivedAt" in mail["emailQuerySortOptions"]


async def test_urls_are_absolute_below_the_host_that_was_asked(site: Site):
    session = (await site.http.get("/jmap/session", headers={"Host": "mail.example.net:1234"})).json()
    base = "http://mail.example.net:1234/jmap/"
    assert session["apiUrl"] == base + "api"
    for name, variables in [
        ("downloadUrl", ["accountId", "blobId", "type", "name"]),
        ("uploadUrl", ["accountId"]),
        ("eventSourceUrl", ["types", "closeafter", "ping"]),
    ]:
        assert session[name].startswith(base)
        assert all(f"{{{variable}}}" in session[name] for variable in variables)
    assert session["state"] != (await site.http.get("/jmap/session")).json()["state"], "another object, another state"
