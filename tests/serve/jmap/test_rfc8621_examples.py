"""The examples of RFC 8621, section by section: what it prints is asked, and answered as it prints it.

Ids, states and sizes are ours; an answer may have arguments that the example leaves out, as they are null there
(RFC 8620 §3.5). The examples of §6.4 and §7.5.1 that need more than mail are with their types.
"""

import base64

import pytest
from jmap_site import CORE, MAIL, Site

from office import DOMAIN, address
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.keywords import FlagSet

SUBMISSION = "urn:ietf:params:jmap:submission"
SEEN = FlagSet.of("\\Seen")
COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]
NEWEST = [{"isAscending": False, "property": "receivedAt"}]


def reference(of: int, name: str, path: str) -> dict:
    return {"resultOf": f"c{of}", "name": name, "path": path}


def letter(subject: str, number: int, to: int | None = None, *, text: str = "words", sender: str = "jdoe") -> bytes:
    reply = f"In-Reply-To: <{to}@example.com>\r\n" if to is not None else ""
    return (
        f"From: Jane Doe <{sender}@example.com>\r\nSubject: {subject}\r\nMessage-ID: <{number}@example.com>\r\n"
        f"{reply}\r\n{text}\r\n"
    ).encode()


async def test_section_2_6_what_changed_in_mailboxes(site: Site):
    inbox = await site.mailbox_id("Inbox")
    await site.put(letter("a", 1))
    all_of_them = await site.call("Mailbox/get", ids=None)
    assert set(all_of_them) == {"accountId", "state", "list", "notFound"} and all_of_them["notFound"] == []
    before = all_of_them["state"]
    number = await site.mail.mailboxes.inbox(site.account.id)
    await site.mail.messages.change_flags(site.account.id, number, [1], FlagAction.ADD, SEEN)
    (_, changes, _), (_, created, _), (_, updated, _) = await site.calls(
        ("Mailbox/changes", {"sinceState": before}),
        ("Mailbox/get", {"#ids": reference(0, "Mailbox/changes", "/created")}),
        (
            "Mailbox/get",
            {
                "#ids": reference(0, "Mailbox/changes", "/updated"),
                "#properties": reference(0, "Mailbox/changes", "/updatedProperties"),
            },
        ),
    )
    now = changes["newState"]
    assert changes == {
        "accountId": site.id,
        "oldState": before,
        "newState": now,
        "hasMoreChanges": False,
        "updatedProperties": COUNTS,
        "created": [],
        "updated": [inbox],
        "destroyed": [],
    }
    assert created == {"accountId": site.id, "state": now, "list": [], "notFound": []}
    counts = {"totalEmails": 1, "unreadEmails": 0, "totalThreads": 1, "unreadThreads": 0}
    assert updated == {"accountId": site.id, "state": now, "list": [{"id": inbox, **counts}], "notFound": []}


async def test_section_2_6_one_is_renamed_and_another_may_not_be_destroyed(site: Site):
    made = await site.call("Mailbox/set", create={"k": {"name": "Important mail"}})
    id, inbox = made["created"]["k"]["id"], await site.mailbox_id("Inbox")
    answer = await site.call(
        "Mailbox/set", ifInState=made["newState"], update={id: {"name": "Maybe important mail"}}, destroy=[inbox]
    )
    problem = answer["notDestroyed"][inbox]
    assert answer == {
        "accountId": site.id,
        "oldState": made["newState"],
        "newState": answer["newState"],
        "created": None,
        "updated": {id: None},
        "destroyed": None,
        "notCreated": None,
        "notUpdated": None,
        "notDestroyed": {inbox: {"type": "forbidden", "description": problem["description"]}},
    }
    assert (await site.mailboxes("id"))["Maybe important mail"]["id"] == id


async def test_section_3_1_1_threads(site: Site):
    first = await site.put(letter("talk", 1))
    site.office.clock.advance(60)
    second = await site.put(letter("Re: talk", 2, 1))
    alone = await site.put(letter("other", 3))
    emails = (await site.call("Email/get", ids=[first, alone], properties=["threadId"]))["list"]
    ids = [one["threadId"] for one in emails]
    answer = await site.call("Thread/get", ids=ids)
    assert answer == {
        "accountId": site.id,
        "state": answer["state"],
        "list": [{"id": ids[0], "emailIds": [first, second]}, {"id": ids[1], "emailIds": [alone]}],
        "notFound": [],
    }


async def test_section_4_2_1_an_email_with_its_html(site: Site):
    html = "<html><body><p>Hello " + "and good day " * 100 + "</p></body></html>"
    footer = "-- Sent by your friendly mailing list"
    id = await site.put(
        b"From: Joe Bloggs <joe@example.com>\r\nSubject: Dinner on Thursday?\r\n"
        b"List-Post: <mailto:partytime@lists.example.com>\r\n"
        b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\nContent-Type: text/html\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(html.encode()) + b"\r\n"
        b"--m\r\nContent-Type: text/plain\r\n\r\n" + footer.encode() + b"\r\n--m--\r\n"
    )
    wanted = ["threadId", "mailboxIds", "from", "subject", "receivedAt", "header:List-POST:asURLs", "htmlBody"]
    answer = await site.call(
        "Email/get",
        ids=["e999", id],
        properties=[*wanted, "bodyValues"],
        bodyProperties=["partId", "blobId", "size", "type"],
        fetchHTMLBodyValues=True,
        maxBodyValueBytes=256,
    )
    (email,) = answer["list"]
    cut = email["bodyValues"]["1"]["value"]
    assert len(cut) <= 256 and html.startswith(cut)
    assert answer == {
        "accountId": site.id,
        "state": answer["state"],
        "list": [
            {
                "id": id,
                "threadId": email["threadId"],
                "mailboxIds": {await site.mailbox_id("Inbox"): True},
                "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
                "subject": "Dinner on Thursday?",
                "receivedAt": "2026-11-24T10:00:00Z",
                "header:List-POST:asURLs": ["mailto:partytime@lists.example.com"],
                "htmlBody": [
                    {"partId": "1", "blobId": f"B{id[1:]}_1", "size": len(html), "type": "text/html"},
                    {"partId": "2", "blobId": f"B{id[1:]}_2", "size": len(footer), "type": "text/plain"},
                ],
                "bodyValues": {
                    "1": {"isEncodingProblem": False, "isTruncated": True, "value": cut},
                    "2": {"isEncodingProblem": False, "isTruncated": False, "value": footer},
                },
            }
        ],
        "notFound": ["e999"],
    }


# --- §4.10: a client from its first look at the inbox to its first draft ---------------------------------------------


async def fill(site: Site) -> list[str]:
    """Five Emails in three Threads, the newest last."""
    ids = []
    for number, (subject, to, flags) in enumerate(
        [("one", None, ""), ("two", None, ""), ("Re: one", 0, ""), ("Re: two", 1, ""), ("The Big Reveal", None, "x")]
    ):
        site.office.clock.advance(60)
        content = letter(subject, number, to, text="As you may be aware, we are required to prepare a presentation")
        ids.append(await site.put(content, flags=FlagSet.of("\\Seen", "\\Flagged") if flags else FlagSet()))
    return ids


async def test_section_4_10_the_first_screen_of_the_inbox(site: Site):
    ids = await fill(site)
    inbox = await site.mailbox_id("Inbox")
    shown = ["threadId", "mailboxIds", "keywords", "hasAttachment", "from", "subject", "receivedAt", "size", "preview"]
    (_, found, _), (_, firsts, _), (_, threads, _), (_, emails, _) = await site.calls(
        (
            "Email/query",
            {
                "filter": {"inMailbox": inbox},
                "sort": NEWEST,
                "collapseThreads": True,
                "position": 0,
                "limit": 30,
                "calculateTotal": True,
            },
        ),
        ("Email/get", {"#ids": reference(0, "Email/query", "/ids"), "properties": ["threadId"]}),
        ("Thread/get", {"#ids": reference(1, "Email/get", "/list/*/threadId")}),
        ("Email/get", {"#ids": reference(2, "Thread/get", "/list/*/emailIds"), "properties": shown}),
    )
    assert found == {
        "accountId": site.id,
        "queryState": found["queryState"],
        "canCalculateChanges": True,
        "position": 0,
        "total": 3,
        "ids": [ids[4], ids[3], ids[2]],
    }
    assert [one["id"] for one in firsts["list"]] == found["ids"] and firsts["notFound"] == []
    assert [one["emailIds"] for one in threads["list"]] == [[ids[4]], [ids[1], ids[3]], [ids[0], ids[2]]]
    assert threads["notFound"] == emails["notFound"] == []
    assert [one["id"] for one in emails["list"]] == [ids[4], ids[1], ids[3], ids[0], ids[2]]
    assert emails["list"][0] == {
        "id": ids[4],
        "threadId": firsts["list"][0]["threadId"],
        "mailboxIds": {inbox: True},
        "keywords": {"$seen": True, "$flagged": True},
        "hasAttachment": False,
        "from": [{"email": "jdoe@example.com", "name": "Jane Doe"}],
        "subject": "The Big Reveal",
        "receivedAt": "2026-11-24T10:05:00Z",
        "size": emails["list"][0]["size"],
        "preview": "As you may be aware, we are required to prepare a presentation",
    }


async def test_section_4_10_what_happened_meanwhile(site: Site):
    ids = await fill(site)
    wanted = {"filter": {"inMailbox": await site.mailbox_id("Inbox")}, "sort": NEWEST, "collapseThreads": True}
    before = await site.call("Email/query", **wanted)
    state = before["queryState"]
    unread = await site.call("Email/set", update={ids[4]: {"keywords/$seen": None}})
    assert unread["oldState"] == state and unread["updated"] == {ids[4]: None}
    await site.call("Email/set", destroy=[ids[1], ids[3]])
    site.office.clock.advance(60)
    new = await site.put(letter("news", 9))
    (_, changes, _), (_, moved, _) = await site.calls(
        ("Email/changes", {"sinceState": state, "maxChanges": 50}),
        (
            "Email/queryChanges",
            {**wanted, "sinceQueryState": state, "upToId": ids[2], "maxChanges": 25, "calculateTotal": True},
        ),
    )
    assert changes == {
        "accountId": site.id,
        "oldState": state,
        "newState": changes["newState"],
        "hasMoreChanges": False,
        "created": [new],
        "updated": [ids[4]],
        "destroyed": changes["destroyed"],
    }
    assert sorted(changes["destroyed"]) == sorted([ids[1], ids[3]])
    assert set(moved) == {"accountId", "oldQueryState", "newQueryState", "removed", "added", "total"}
    assert (moved["oldQueryState"], moved["newQueryState"], moved["total"]) == (state, changes["newState"], 3)
    left = [id for id in before["ids"] if id not in moved["removed"]]
    for item in moved["added"]:
        left.insert(item["index"], item["id"])
    assert left == [new, ids[4], ids[2]], "the client's copy is the present result"
    assert {"id": new, "index": 0} in moved["added"] and ids[3] in moved["removed"]


PLAN = "I have the most brilliant plan.  Let me tell you all about it.  What we do is, we"
JOE = [{"name": "Joe Bloggs", "email": "joe@example.com"}]


@pytest.mark.parametrize("language", ["en", " en"])
async def test_section_4_10_a_draft_and_the_next(site: Site, language: str):
    """The example gives the raw value without the space behind the colon, which is then not there: the same field."""
    drafts = await site.mailbox_id("Drafts")
    common = {"mailboxIds": {drafts: True}, "keywords": {"$seen": True, "$draft": True}, "from": JOE}
    plain = {"type": "text/plain", "partId": "bd48", "header:Content-Language": language}
    first = {
        **common,
        "subject": "World domination",
        "receivedAt": "2018-07-10T01:03:11Z",
        "sentAt": "2018-07-10T11:03:11+10:00",
        "bodyStructure": plain,
        "bodyValues": {"bd48": {"value": PLAN, "isTruncated": False}},
    }
    answer = await site.call("Email/set", create={"k192": first})
    made = answer["created"]["k192"]
    assert set(made) == {"id", "blobId", "threadId", "size"}
    content = (await site.http.get(f"/jmap/download/{site.id}/{made['blobId']}/x")).content
    assert len(content) == made["size"]
    head = content.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    for line in (
        "Date: Tue, 10 Jul 2018 11:03:11 +1000",
        "Subject: World domination",
        f"Content-Language:{language}",
        "MIME-Version: 1.0",
    ):
        assert line in head
    (email,) = (await site.call("Email/get", ids=[made["id"]], bodyProperties=["language"]))["list"]
    assert email["textBody"] == [{"language": ["en"]}]
    html = f"<!DOCTYPE html><html><head><title></title></head><body><div>{PLAN}</div></body></html>"
    second = {
        **common,
        "to": [{"name": "John", "email": "john@example.com"}],
        "subject": "World domination",
        "receivedAt": "2018-07-10T01:05:08Z",
        "sentAt": "2018-07-10T11:05:08+10:00",
        "bodyStructure": {
            "type": "multipart/alternative",
            "subParts": [{"partId": "a49d", "type": "text/html", "header:Content-Language": language}, plain],
        },
        "bodyValues": {"bd48": {"value": PLAN, "isTruncated": False}, "a49d": {"value": html, "isTruncated": False}},
    }
    answer = await site.call("Email/set", create={"k1546": second}, destroy=[made["id"]])
    assert answer["destroyed"] == [made["id"]] and answer["notCreated"] is answer["notDestroyed"] is None
    id = answer["created"]["k1546"]["id"]
    (email,) = (await site.call("Email/get", ids=[id], fetchAllBodyValues=True))["list"]
    assert (email["subject"], email["to"]) == ("World domination", second["to"])
    assert sorted(one["value"] for one in email["bodyValues"].values()) == sorted([PLAN, html])


async def test_section_4_10_a_draft_cannot_go_to_another_account(site: Site):
    """Nobody here sees two."""
    id = await site.put(letter("World domination", 1), "Drafts")
    (bob,) = await site.office.add("bob")
    answer = await site.fail(
        "Email/copy",
        fromAccountId=site.id,
        accountId=f"a{bob.id}",
        create={"k45": {"id": id, "mailboxIds": {"m1": True}}},
        onSuccessDestroyOriginal=True,
    )
    assert answer == {"type": "accountNotFound"}
    assert (await site.call("Email/get", ids=[id]))["notFound"] == []


async def test_section_4_9_parts_of_what_is_parsed_are_chosen_and_cut(site: Site):
    """As with Email/get (§4.2)."""
    inner = (
        b'Subject: inside\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
        b"--a\r\nContent-Type: text/plain\r\n\r\nGood morning, all of you.\r\n"
        b"--a\r\nContent-Type: text/html\r\n\r\n<p>Good morning</p>\r\n--a--\r\n"
    )
    blob_id = (await site.http.post(f"/jmap/upload/{site.id}", content=inner)).json()["blobId"]
    wanted = {"blobIds": [blob_id], "properties": ["textBody", "bodyValues"], "bodyProperties": ["partId", "type"]}
    for which, parts in (("Text", ["1"]), ("HTML", ["2"]), ("All", ["1", "2"])):
        answer = await site.call("Email/parse", **wanted, **{f"fetch{which}BodyValues": True})
        email = answer["parsed"][blob_id]
        assert email["textBody"] == [{"partId": "1", "type": "text/plain"}]
        assert sorted(email["bodyValues"]) == parts, which
    answer = await site.call("Email/parse", **wanted, fetchTextBodyValues=True, maxBodyValueBytes=4)
    value = answer["parsed"][blob_id]["bodyValues"]["1"]
    assert value == {"value": "Good", "isEncodingProblem": False, "isTruncated": True}


async def test_section_5_2_search_snippets(site: Site):
    sender = await site.put(letter("hello", 1, sender="foo"))
    subject = await site.put(
        letter("The Foosball competition", 2, text="Next year the foosball competition will be held in the Stadium")
    )
    body = await site.put(letter("methods", 3, text="the Foo/bar method results often returns <1 widget rather than"))
    found = (await site.call("Email/query", filter={"text": "foo"}))["ids"]
    assert set(found) == {sender, subject, body}
    answer = await site.call("SearchSnippet/get", filter={"text": "foo"}, emailIds=[sender, subject, body])
    assert answer == {
        "accountId": site.id,
        "list": [
            {"emailId": sender, "subject": None, "preview": None},
            {
                "emailId": subject,
                "subject": "The <mark>Foo</mark>sball competition",
                "preview": "Next year the <mark>foo</mark>sball competition will be held in the Stadium",
            },
            {
                "emailId": body,
                "subject": None,
                "preview": "the <mark>Foo</mark>/bar method results often returns &lt;1 widget rather than",
            },
        ],
        "notFound": None,
    }


async def test_section_6_4_identities(site: Site):
    """All of the example but the address of a whole domain, which is nobody's here."""
    await site.mail.directory.add_alias(address("joe"), (address("alice"),))
    given = {
        "name": "Joe Bloggs",
        "email": f"joe@{DOMAIN}",
        "replyTo": None,
        "bcc": [{"name": None, "email": "joe+archive@example.com"}],
        "textSignature": "-- \nJoe Bloggs\nMaster of Email",
        "htmlSignature": "<div><b>Joe Bloggs</b></div><div>Master of Email</div>",
    }
    answer = await site.post(
        [
            ["Identity/set", {"accountId": site.id, "create": {"k": given}}, "0"],
            ["Identity/get", {"accountId": site.id}, "1"],
        ],
        using=[CORE, MAIL, SUBMISSION],
    )
    (_, made, _), (_, found, _) = answer.json()["methodResponses"]
    assert set(found) == {"accountId", "state", "list", "notFound"} and found["notFound"] == []
    assert found["list"][-1] == {"id": made["created"]["k"]["id"], **given, "mayDelete": True}
    assert [one["mayDelete"] for one in found["list"]] == [False, True]
