"""Mailboxes (RFC 8621 §2)."""

import asyncio
from pathlib import Path

import pytest
from jmap_site import Site, open_jmap

from office import open_office
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.ids import Uid
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits

SEEN = FlagSet.of("\\Seen")
DELETED = FlagSet.of("\\Deleted")
USUAL = {"Inbox", "Drafts", "Sent", "Archive", "Junk", "Trash"}
COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]


def message(subject: str, identifier: str, reply_to: str = "") -> bytes:
    reply = f"In-Reply-To: <{reply_to}>\r\n" if reply_to else ""
    text = f"From: ann@far.test\r\nSubject: {subject}\r\nMessage-ID: <{identifier}>\r\n{reply}\r\nhello\r\n"
    return text.encode()


async def counts(site: Site, name: str) -> list[int]:
    found = (await site.mailboxes(*COUNTS))[name]
    return [found[count] for count in COUNTS]


async def create(site: Site, **mailbox: object) -> str:
    answer = await site.call("Mailbox/set", create={"k": mailbox})
    assert answer["notCreated"] is None, answer
    return answer["created"]["k"]["id"]


async def update(site: Site, mailbox_id: str, /, **patch: object) -> dict | None:
    """The SetError, or None."""
    answer = await site.call("Mailbox/set", update={mailbox_id: patch})
    return (answer["notUpdated"] or {}).get(mailbox_id)


async def changes_since(site: Site, state: str, **more: object) -> dict:
    return await site.call("Mailbox/changes", sinceState=state, **more)


async def state_of(site: Site) -> str:
    return (await site.call("Mailbox/get", ids=[]))["state"]


# --- get -------------------------------------------------------------------------------------------------------------


async def test_get_all_as_in_the_example_of_the_standard(site: Site):
    found = await site.mailboxes()
    assert set(found) == USUAL
    may = (
        "mayReadItems",
        "mayAddItems",
        "mayRemoveItems",
        "maySetSeen",
        "maySetKeywords",
        "mayCreateChild",
        "maySubmit",
    )
    inbox = found["Inbox"]
    assert inbox == {
        "id": inbox["id"],
        "name": "Inbox",
        "parentId": None,
        "role": "inbox",
        "sortOrder": 0,
        "totalEmails": 0,
        "unreadEmails": 0,
        "totalThreads": 0,
        "unreadThreads": 0,
        "myRights": dict.fromkeys(may, True) | {"mayRename": False, "mayDelete": False},
        "isSubscribed": True,
    }
    assert {name: one["role"] for name, one in found.items()} == {name: name.lower() for name in USUAL}
    assert found["Sent"]["myRights"]["mayRename"] and found["Sent"]["myRights"]["mayDelete"]


async def test_parents_of_those_that_imap_made(site: Site):
    await site.mail.mailboxes.create(site.account.id, ("Lists", "python", "dev"))
    await site.mail.mailboxes.delete(site.account.id, ("Lists",))
    found = await site.mailboxes()
    assert found["dev"]["parentId"] == found["python"]["id"]
    assert found["python"]["parentId"] == found["Lists"]["id"]
    assert found["Lists"]["parentId"] is None
    assert found["Lists"]["myRights"]["mayAddItems"] is False, "it only holds others"


async def test_counts(site: Site):
    await site.put(message("a", "1@x"))
    await site.put(message("a", "2@x", "1@x"), flags=SEEN)
    await site.put(message("b", "3@x"), flags=SEEN)
    await site.put(message("c", "4@x"), flags=FlagSet.of("\\Draft"))
    await site.put(message("d", "5@x"), flags=DELETED)
    assert await counts(site, "Inbox") == [4, 1, 3, 1]
    assert await counts(site, "Sent") == [0, 0, 0, 0]


async def test_unread_threads_are_those_that_show_something_unread_when_opened(site: Site):
    """The example of RFC 8621 §2: what is in the trash alone is in a thread of its own."""
    await site.put(message("a", "1@x"), flags=SEEN)
    await site.put(message("a", "2@x", "1@x"), "Trash")
    assert (await counts(site, "Trash"))[2:] == [1, 1]
    assert (await counts(site, "Inbox"))[2:] == [1, 0]
    await site.put(message("a", "3@x", "1@x"), "Archive")
    assert (await counts(site, "Archive"))[2:] == [1, 1]
    assert (await counts(site, "Inbox"))[2:] == [1, 1], "the unread message need not be in this mailbox"
    assert (await counts(site, "Trash"))[2:] == [1, 1]


async def test_a_message_in_two_mailboxes_is_read_in_both(site: Site):
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    await site.put(message("a", "1@x"))
    sent = await site.mail.mailboxes.get(site.account.id, ("Sent",))
    await site.mail.messages.copy(site.account.id, inbox, [1], sent.id)
    before = await state_of(site)
    assert (await counts(site, "Sent"))[:2] == [1, 1]
    await site.mail.messages.change_flags(site.account.id, inbox, [1], FlagAction.ADD, SEEN)
    await site.mail.messages.change_flags(site.account.id, sent.id, [1], FlagAction.ADD, SEEN)
    assert (await counts(site, "Sent"))[:2] == [1, 0]
    changed = await changes_since(site, before)
    assert set(changed["updated"]) == {f"m{inbox}", f"m{sent.id}"}


# --- changes ---------------------------------------------------------------------------------------------------------


async def test_changes_of_nothing(site: Site):
    state = await state_of(site)
    answer = await changes_since(site, state)
    assert (answer["newState"], answer["created"], answer["updated"], answer["destroyed"]) == (state, [], [], [])
    assert answer["updatedProperties"] is None


async def test_where_counts_alone_moved_they_are_named(site: Site):
    before = await state_of(site)
    inbox = await site.mailbox_id("Inbox")
    await site.put(message("a", "1@x"))
    answer = await site.calls(
        ("Mailbox/changes", {"sinceState": before}),
        (
            "Mailbox/get",
            {
                "#ids": {"resultOf": "c0", "name": "Mailbox/changes", "path": "/updated"},
                "#properties": {"resultOf": "c0", "name": "Mailbox/changes", "path": "/updatedProperties"},
            },
        ),
    )
    assert answer[0][1]["updatedProperties"] == COUNTS and answer[0][1]["updated"] == [inbox]
    assert answer[1][1]["list"] == [
        {"id": inbox, "totalEmails": 1, "unreadEmails": 1, "totalThreads": 1, "unreadThreads": 1}
    ]
    await update(site, await site.mailbox_id("Sent"), sortOrder=3)
    answer = await changes_since(site, before)
    assert answer["updatedProperties"] is None, "more than counts has changed"
    assert set(answer["updated"]) == {inbox, await site.mailbox_id("Sent")}


async def test_mailboxes_that_have_a_part_of_the_thread_count_anew(site: Site):
    archive = await site.mailbox_id("Archive")
    await site.put(message("a", "1@x"), "Archive", flags=SEEN)
    before = await state_of(site)
    await site.put(message("a", "2@x", "1@x"))
    assert set((await changes_since(site, before))["updated"]) == {archive, await site.mailbox_id("Inbox")}
    before = await state_of(site)
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    await site.mail.messages.change_flags(site.account.id, inbox, [Uid(1)], FlagAction.ADD, SEEN | DELETED)
    await site.mail.messages.expunge(site.account.id, inbox, None)
    assert archive in (await changes_since(site, before))["updated"]
    assert await counts(site, "Archive") == [1, 0, 1, 0]


async def test_created_updated_destroyed(site: Site):
    before = await state_of(site)
    kept, gone = await create(site, name="kept"), await create(site, name="gone")
    middle = await state_of(site)
    await update(site, kept, name="kept still")
    await site.call("Mailbox/set", destroy=[gone])
    answer = await changes_since(site, before)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([kept], [], [])
    answer = await changes_since(site, middle)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([], [kept], [gone])
    assert answer["newState"] == await state_of(site) and answer["hasMoreChanges"] is False


async def test_changes_in_steps_lead_to_the_present(site: Site):
    state = await state_of(site)
    known: set[str] = {one["id"] for one in (await site.mailboxes("id")).values()}
    made = [await create(site, name=f"n{number}") for number in range(6)]
    await site.call("Mailbox/set", destroy=[made[1], made[4]])
    await site.put(message("a", "1@x"))
    for _ in range(30):
        answer = await changes_since(site, state, maxChanges=2)
        told = [*answer["created"], *answer["updated"], *answer["destroyed"]]
        assert len(told) <= 2
        known = (known | set(answer["created"])) - set(answer["destroyed"])
        state = answer["newState"]
        if not answer["hasMoreChanges"]:
            break
    assert known == {one["id"] for one in (await site.mailboxes("id")).values()}
    assert state == await state_of(site)


async def test_what_imap_does_is_told(site: Site):
    account_id, mailboxes = site.account.id, site.mail.mailboxes
    await mailboxes.create(account_id, ("a", "b"))
    found = await site.mailboxes("id", "parentId")
    before = await state_of(site)
    await mailboxes.delete(account_id, ("a",))
    answer = await changes_since(site, before)
    now = await site.mailboxes("id", "parentId")
    assert answer["destroyed"] == [found["a"]["id"]] and answer["created"] == [now["a"]["id"]]
    assert answer["updated"] == [now["b"]["id"]], "its parent is another one"
    before = await state_of(site)
    await mailboxes.create(account_id, ("a",))
    answer = await changes_since(site, before)
    assert answer["destroyed"] == [now["a"]["id"]] and answer["updated"] == [now["b"]["id"]]
    before = await state_of(site)
    await mailboxes.unsubscribe(account_id, ("Sent",))
    assert (await changes_since(site, before))["updated"] == [await site.mailbox_id("Sent")]
    before = await state_of(site)
    await mailboxes.unsubscribe(account_id, ("Sent",))
    assert await state_of(site) == before


# --- query -----------------------------------------------------------------------------------------------------------


async def names(site: Site, **arguments: object) -> list[str]:
    answer = await site.call("Mailbox/query", **arguments)
    by_id = {one["id"]: name for name, one in (await site.mailboxes("id")).items()}
    return [by_id[id] for id in answer["ids"]]


BY_NAME = [{"property": "name"}]


async def tree(site: Site) -> dict[str, str]:
    """b (a (z), c), a2"""
    ids = {}
    for name, parent, order in (("b", None, 1), ("a", "b", 2), ("z", "a", 0), ("c", "b", 1), ("a2", None, 5)):
        ids[name] = await create(site, name=name, parentId=ids.get(parent), sortOrder=order)
    return ids


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"hasAnyRole": False}, ["a", "a2", "b", "c", "z"]),
        ({"role": "trash"}, ["Trash"]),
        ({"role": None, "name": "A"}, ["a", "a2"]),
        ({"name": "nothing"}, []),
        ({"parentId": None, "hasAnyRole": False}, ["a2", "b"]),
        ({"isSubscribed": False}, ["c"]),
        ({"operator": "NOT", "conditions": [{"hasAnyRole": True}, {"name": "a"}]}, ["b", "c", "z"]),
        ({"operator": "OR", "conditions": [{"role": "sent"}, {"role": "junk"}]}, ["Junk", "Sent"]),
        ({"operator": "AND", "conditions": [{"name": "a"}, {"name": "2"}]}, ["a2"]),
        ({"operator": "OR", "conditions": []}, []),
    ],
)
async def test_filters(site: Site, filter: dict, found: list[str]):
    ids = await tree(site)
    await update(site, ids["c"], isSubscribed=False)
    assert await names(site, filter=filter, sort=BY_NAME) == found


async def test_the_children_of_one(site: Site):
    ids = await tree(site)
    assert await names(site, filter={"parentId": ids["b"]}, sort=[{"property": "sortOrder"}]) == ["c", "a"]
    assert await names(site, filter={"parentId": "x"}) == []


async def test_sorts(site: Site):
    await tree(site)
    own = {"hasAnyRole": False}
    by_order = [{"property": "sortOrder", "isAscending": False}, {"property": "name"}]
    assert await names(site, filter=own, sort=by_order) == ["a2", "a", "b", "c", "z"]
    by_parent = [{"property": "parentId"}, {"property": "name"}]
    assert await names(site, filter=own, sort=by_parent) == ["a2", "b", "a", "c", "z"]
    assert await names(site, filter=own, sort=BY_NAME, sortAsTree=True) == ["a2", "b", "a", "z", "c"]
    by_order = [{"property": "sortOrder"}]
    assert await names(site, filter=own, sort=by_order, sortAsTree=True) == ["b", "c", "a", "z", "a2"]
    filter = {"operator": "NOT", "conditions": [{"hasAnyRole": True}, {"name": "b"}]}
    assert await names(site, filter=filter, sort=BY_NAME, filterAsTree=True) == ["a2"]
    assert await names(site, filter=filter, sort=BY_NAME) == ["a", "a2", "c", "z"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"filter": {"name": 1}}, "invalidArguments"),
        ({"filter": {"operator": "XOR", "conditions": []}}, "invalidArguments"),
        ({"filter": {"operator": "OR"}}, "invalidArguments"),
        ({"sort": [{"property": "colour"}]}, "unsupportedSort"),
        ({"sort": [{"property": "name", "collation": "i;basic"}]}, "unsupportedSort"),
        ({"sort": [{}]}, "invalidArguments"),
        ({"sort": ["name"]}, "invalidArguments"),
        ({"anchor": "m999"}, "anchorNotFound"),
    ],
)
async def test_a_query_that_cannot_be(site: Site, arguments: dict, error: str):
    assert (await site.fail("Mailbox/query", **arguments))["type"] == error


async def test_a_filter_may_not_be_too_deep(site: Site):
    filter: dict = {"name": "x"}
    for _ in range(60):
        filter = {"operator": "NOT", "conditions": [filter]}
    assert (await site.fail("Mailbox/query", filter=filter))["type"] == "unsupportedFilter"


@pytest.mark.parametrize("as_tree", [False, True])
async def test_query_changes(site: Site, as_tree: bool):
    await tree(site)
    wanted = {"filter": {"hasAnyRole": False}, "sort": BY_NAME, "sortAsTree": as_tree}
    before = await site.call("Mailbox/query", **wanted)
    await site.put(message("a", "1@x"))
    same = await site.call("Mailbox/queryChanges", sinceQueryState=before["queryState"], **wanted)
    assert (same["removed"], same["added"], same["newQueryState"]) == ([], [], before["queryState"])
    ids = {name: one["id"] for name, one in (await site.mailboxes("id")).items()}
    await update(site, ids["b"], name="y")
    await create(site, name="aa")
    await site.call("Mailbox/set", destroy=[ids["z"]])
    after = await site.call("Mailbox/query", **wanted)
    changes = await site.call("Mailbox/queryChanges", sinceQueryState=before["queryState"], **wanted)
    kept = [id for id in before["ids"] if id not in changes["removed"]]
    for item in changes["added"]:
        kept.insert(item["index"], item["id"])
    assert kept == after["ids"]
    assert changes["newQueryState"] == after["queryState"] != before["queryState"]
    assert (await site.fail("Mailbox/queryChanges", sinceQueryState="999999"))["type"] == "cannotCalculateChanges"


# --- set: create -----------------------------------------------------------------------------------------------------


async def test_create_tells_what_the_client_did_not_say(site: Site):
    answer = await site.call("Mailbox/set", create={"k": {"name": "Work", "sortOrder": 7}})
    made = answer["created"]["k"]
    assert made["isSubscribed"] is True and made["parentId"] is None and made["totalEmails"] == 0
    assert "name" not in made and "sortOrder" not in made
    found = (await site.mailboxes())["Work"]
    assert made == {name: value for name, value in found.items() if name not in ("name", "sortOrder")}
    assert (answer["oldState"], answer["newState"]) == (str(int(answer["newState"]) - 1), await state_of(site))


async def test_create_a_tree_in_any_order(site: Site):
    create = {
        "leaf": {"name": "leaf", "parentId": "#branch"},
        "branch": {"name": "branch", "parentId": "#root"},
        "root": {"name": "root", "isSubscribed": False},
    }
    answer = await site.call("Mailbox/set", create=create)
    assert answer["notCreated"] is None
    mailbox = await site.mail.mailboxes.get(site.account.id, ("root", "branch", "leaf"))
    assert f"m{mailbox.id}" == answer["created"]["leaf"]["id"]
    assert (await site.mailboxes())["root"]["isSubscribed"] is False


@pytest.mark.parametrize(
    ("mailbox", "properties"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "a/b"}, ["name"]),
        ({"name": "a\tb"}, ["name"]),
        ({"name": 1, "sortOrder": -1}, ["name", "sortOrder"]),
        ({"name": "x" * 2_000}, ["name"]),
        ({"name": "inbox"}, ["name"]),
        ({"name": "Sent"}, ["name"]),
        ({"name": "x", "parentId": "m999"}, ["parentId"]),
        ({"name": "x", "parentId": "x"}, ["parentId"]),
        ({"name": "x", "parentId": 1}, ["parentId"]),
        ({"name": "x", "parentId": "#nobody"}, ["parentId"]),
        ({"name": "x", "role": "sent"}, ["role"]),
        ({"name": "x", "role": "inbox"}, ["role"]),
        ({"name": "x", "role": "strange"}, ["role"]),
        ({"name": "x", "sortOrder": 2**31}, ["sortOrder"]),
        ({"name": "x", "sortOrder": 1.5}, ["sortOrder"]),
        ({"name": "x", "sortOrder": True}, ["sortOrder"]),
        ({"name": "x", "isSubscribed": None}, ["isSubscribed"]),
        ({"name": "x", "id": "m77"}, ["id"]),
        ({"name": "x", "totalEmails": 0}, ["totalEmails"]),
        ({"name": "x", "colour": "red", "myRights": {}}, ["colour", "myRights"]),
        ({"name": "", "colour": "red", "sortOrder": -1}, ["colour", "name", "sortOrder"]),
    ],
)
async def test_create_what_cannot_be(site: Site, mailbox: dict, properties: list[str]):
    answer = await site.call("Mailbox/set", create={"k": mailbox})
    assert answer["created"] is None
    assert answer["notCreated"]["k"]["type"] == "invalidProperties"
    assert sorted(answer["notCreated"]["k"]["properties"]) == properties
    assert set(await site.mailboxes("id")) == USUAL


async def test_so_many_mailboxes_and_no_more(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(mailboxes=7)) as office, open_jmap(office) as site:
        answer = await site.call("Mailbox/set", create={"a": {"name": "a"}, "b": {"name": "b"}})
        assert set(answer["created"]) == {"a"}
        assert answer["notCreated"]["b"]["type"] == "overQuota"


async def test_depth_is_told_and_kept(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(mailbox_depth=3)) as office, open_jmap(office) as site:
        session = (await site.http.get("/jmap/session")).json()
        (told,) = [
            row["maxMailboxDepth"]
            for row in session["accounts"][site.id]["accountCapabilities"].values()
            if "maxMailboxDepth" in row
        ]
        assert told == 3
        parent = None
        for name in "abc":
            parent = await create(site, name=name, parentId=parent)
        answer = await site.call("Mailbox/set", create={"k": {"name": "d", "parentId": parent}})
        assert answer["notCreated"]["k"]["type"] == "invalidProperties"


# --- set: update -----------------------------------------------------------------------------------------------------


async def test_update_each_property(site: Site):
    parent, id = await create(site, name="parent"), await create(site, name="child")
    patch = {"name": "renamed", "parentId": parent, "sortOrder": 9, "isSubscribed": False}
    assert await update(site, id, **patch) is None
    found = (await site.mailboxes())["renamed"]
    assert {name: found[name] for name in patch} == patch and found["id"] == id
    assert (await site.mail.mailboxes.get(site.account.id, ("parent", "renamed"))).id == int(id[1:])
    assert await update(site, id, parentId=None, sortOrder=None) is None
    found = (await site.mailboxes())["renamed"]
    assert (found["parentId"], found["sortOrder"], found["isSubscribed"]) == (None, 0, False)
    assert await update(site, id, isSubscribed=None) is None  # what it is when nobody says (RFC 8621 §2)
    assert (await site.mailboxes())["renamed"]["isSubscribed"] is True


async def test_the_whole_object_is_a_patch(site: Site):
    id = await create(site, name="x")
    await site.put(message("a", "1@x"), "x")
    whole = (await site.mailboxes())["x"]
    assert await update(site, id, **{**whole, "name": "y"}) is None
    assert (await site.mailboxes())["y"] == {**whole, "name": "y"}
    answer = await update(site, id, totalEmails=5)
    assert answer["properties"] == ["totalEmails"]


async def test_what_lies_below_moves_along_and_messages_stay(site: Site):
    ids = await tree(site)
    kept = await site.put(message("a", "1@x"), "b", "a", "z")
    assert await update(site, ids["a"], parentId=ids["a2"]) is None
    moved = await site.mail.mailboxes.get(site.account.id, ("a2", "a", "z"))
    assert f"m{moved.id}" == ids["z"]
    assert (await site.call("Email/get", ids=[kept], properties=["mailboxIds"]))["list"] == [
        {"id": kept, "mailboxIds": {ids["z"]: True}}
    ]


@pytest.mark.parametrize(
    ("patch", "type", "properties"),
    [
        ({"parentId": "self"}, "invalidProperties", ["parentId"]),
        ({"parentId": "z"}, "invalidProperties", ["parentId"]),
        ({"parentId": "m999"}, "invalidProperties", ["parentId"]),
        ({"name": "a2", "parentId": None}, "invalidProperties", ["name"]),
        ({"name": None}, "invalidProperties", ["name"]),
        ({"role": "trash"}, "invalidProperties", ["role"]),
        ({"role": "inbox"}, "invalidProperties", ["role"]),
        ({"id": "m1"}, "invalidProperties", ["id"]),
        ({"myRights/mayDelete": False}, "invalidProperties", ["myRights"]),
        ({"colour": "red"}, "invalidProperties", ["colour"]),
        ({"name/x": "red"}, "invalidPatch", None),
    ],
)
async def test_update_to_what_cannot_be(site: Site, patch: dict, type: str, properties: list[str] | None):
    ids = await tree(site)
    if patch.get("parentId") in ("self", "z"):
        patch = {"parentId": ids["a" if patch["parentId"] == "self" else "z"]}
    before = await site.mailboxes()
    error = await update(site, ids["a"], **patch)
    assert (error["type"], error.get("properties")) == (type, properties)
    assert await site.mailboxes() == before


async def test_the_inbox_stays(site: Site):
    inbox, parent = await site.mailbox_id("Inbox"), await create(site, name="x")
    for patch in ({"name": "y"}, {"parentId": parent}, {"role": None}, {"role": "archive"}):
        assert (await update(site, inbox, **patch))["type"] == "forbidden", patch
    assert await update(site, inbox, sortOrder=3, name="Inbox", isSubscribed=False) is None
    found = (await site.mailboxes())["Inbox"]
    assert (found["sortOrder"], found["role"], found["isSubscribed"]) == (3, "inbox", False)


async def test_an_update_of_what_there_is_not(site: Site):
    answer = await site.call("Mailbox/set", update={"m999": {"name": "x"}, "x": {"name": "x"}})
    assert {id: one["type"] for id, one in answer["notUpdated"].items()} == {"m999": "notFound", "x": "notFound"}


async def test_two_exchange_their_names(site: Site):
    a, b = await create(site, name="a"), await create(site, name="b")
    answer = await site.call("Mailbox/set", update={a: {"name": "b"}, b: {"name": "a"}})
    assert answer["updated"] == {a: None, b: None} and answer["notUpdated"] is None
    found = await site.mailboxes("id")
    assert (found["a"]["id"], found["b"]["id"]) == (b, a)


async def test_three_move_on_and_one_has_no_place(site: Site):
    ids = [await create(site, name=name) for name in "abcd"]
    names = {ids[0]: {"name": "b"}, ids[1]: {"name": "c"}, ids[2]: {"name": "e"}, ids[3]: {"name": "Sent"}}
    answer = await site.call("Mailbox/set", update=names)
    assert set(answer["updated"]) == set(ids[:3])
    assert answer["notUpdated"][ids[3]]["properties"] == ["name"]
    assert {name: one["id"] for name, one in (await site.mailboxes("id")).items() if name in "abcde"} == dict(
        zip("bced", ids, strict=True)
    )


async def test_a_role_goes_to_another(site: Site):
    sent, other = await site.mailbox_id("Sent"), await create(site, name="Outgoing")
    answer = await site.call("Mailbox/set", update={other: {"role": "sent"}, sent: {"role": None}})
    assert answer["notUpdated"] is None
    found = await site.mailboxes("role")
    assert (found["Outgoing"]["role"], found["Sent"]["role"]) == ("sent", None)


async def test_the_parent_is_made_in_the_same_call(site: Site):
    id = await create(site, name="x")
    answer = await site.call("Mailbox/set", create={"k": {"name": "new"}}, update={id: {"parentId": "#k"}})
    assert (await site.mailboxes())["x"]["parentId"] == answer["created"]["k"]["id"]


async def test_if_in_state(site: Site):
    state = await state_of(site)
    await site.call("Mailbox/set", ifInState=state, create={"k": {"name": "x"}})
    answer = await site.fail("Mailbox/set", ifInState=state, create={"k": {"name": "y"}})
    assert answer == {"type": "stateMismatch"}
    assert "y" not in await site.mailboxes("id")


@pytest.mark.parametrize("what", ["create", "update", "destroy"])
async def test_of_many_who_name_the_same_state_one_writes(site: Site, what: str):
    boxes = [await create(site, name=f"box {n}") for n in range(6)]
    state = await state_of(site)
    work = [
        {"create": {"k": {"name": f"new {n}"}}, "update": {box: {"sortOrder": 7}}, "destroy": [box]}
        for n, box in enumerate(boxes)
    ]
    calls = [["Mailbox/set", {"accountId": site.id, "ifInState": state, what: one[what]}, "c"] for one in work]
    answers = await asyncio.gather(*(site.post([call]) for call in calls))
    found = [answer.json()["methodResponses"][0] for answer in answers]
    assert sorted(name for name, _, _ in found) == ["Mailbox/set", *["error"] * 5]
    assert {answer["type"] for name, answer, _ in found if name == "error"} == {"stateMismatch"}
    assert await state_of(site) == str(int(state) + 1)


# --- set: destroy ----------------------------------------------------------------------------------------------------


async def destroy(site: Site, *ids: str, **more: object) -> dict:
    return await site.call("Mailbox/set", destroy=list(ids), **more)


async def test_destroy(site: Site):
    id = await create(site, name="x")
    assert (await destroy(site, id))["destroyed"] == [id]
    assert (await site.call("Mailbox/get", ids=[id]))["notFound"] == [id]
    answer = await destroy(site, id, "m999", "x", await site.mailbox_id("Inbox"))
    found = [answer["notDestroyed"][one]["type"] for one in (id, "m999", "x", await site.mailbox_id("Inbox"))]
    assert found == ["notFound", "notFound", "notFound", "forbidden"]


async def test_a_mailbox_with_children_is_destroyed_with_them_only(site: Site):
    ids = await tree(site)
    answer = await destroy(site, ids["b"], ids["a"])
    assert {id: one["type"] for id, one in answer["notDestroyed"].items()} == {
        ids["b"]: "mailboxHasChild",
        ids["a"]: "mailboxHasChild",
    }
    answer = await destroy(site, ids["b"], ids["a"], ids["z"], ids["c"])
    assert set(answer["destroyed"]) == {ids["b"], ids["a"], ids["z"], ids["c"]}


async def test_a_mailbox_with_mail_is_destroyed_if_told_so(site: Site):
    id = await create(site, name="x")
    only_here = await site.put(message("a", "1@x"), "x")
    there_too = await site.put(message("b", "2@x"), "x")
    sent = await site.mail.mailboxes.get(site.account.id, ("Sent",))
    await site.mail.messages.copy(site.account.id, int(id[1:]), [2], sent.id)
    answer = await destroy(site, id)
    assert answer["notDestroyed"][id]["type"] == "mailboxHasEmail"
    answer = await destroy(site, id, onDestroyRemoveEmails=True)
    assert answer["destroyed"] == [id] and answer["newState"] == await state_of(site)
    found = await site.call("Email/get", ids=[only_here, there_too], properties=["mailboxIds"])
    assert found["notFound"] == [only_here]
    assert found["list"] == [{"id": there_too, "mailboxIds": {f"m{sent.id}": True}}]


async def test_what_is_deleted_in_imap_keeps_no_mailbox(site: Site):
    id = await create(site, name="x")
    await site.put(message("a", "1@x"), "x", flags=DELETED)
    assert (await destroy(site, id))["destroyed"] == [id]
