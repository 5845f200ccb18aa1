"""Emails as they are read (RFC 8621 §4.1 to §4.3), and their threads (§3)."""

import base64
import json
from pathlib import Path

import pytest
from jmap_site import Site, open_jmap

from office import open_office
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.jmap.email import DEFAULT_PROPERTIES
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits

SEEN = FlagSet.of("\\Seen")
DELETED = FlagSet.of("\\Deleted")

PICTURE = b"\x89PNG" + bytes(range(256)) * 10
TREE = (
    b"Received: from a.far.test\r\n\tby b.far.test; Tue, 24 Nov 2026 09:59:58 +0000\r\n"
    b"From: =?utf-8?q?Ann_Gr=C3=BCn?= <ann@far.test>\r\n"
    b'To: "Bob, the builder" <bob@uiowa.test>, alice@uiowa.test\r\n'
    b"Cc: Friends: eve@far.test, dan@far.test;\r\n"
    b"Subject: =?utf-8?b?R3LDvMOfZQ==?= from\r\n far away\r\n"
    b"Date: Tue, 24 Nov 2026 11:00:00 +0100\r\n"
    b"Message-ID: <one@far.test>\r\nIn-Reply-To: <zero@far.test>\r\nReferences: <root@far.test> <zero@far.test>\r\n"
    b"List-Post: <mailto:list@far.test>\r\nX-Twice: first\r\nX-Twice: second\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m"\r\n\r\n'
    b'--m\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
    b"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGood morning, \xc3\xa4ll of you.\r\n"
    b"--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>Good <b>morning</b>, =C3=A4ll of you.</p>\r\n--a--\r\n"
    b'--m\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="p.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\nContent-ID: <p@far.test>\r\n\r\n"
    + base64.encodebytes(PICTURE)
    + b"\r\n--m--\r\n"
)
PLAIN = (
    b"From: ann@far.test\r\nTo: alice@uiowa.test\r\nSubject: hello\r\nMessage-ID: <p@far.test>\r\n\r\nGood morning.\r\n"
)


async def get(site: Site, id: str, *properties: str, **more: object) -> dict:
    wanted = {"properties": list(properties)} if properties else {}
    (email,) = (await site.call("Email/get", ids=[id], **wanted, **more))["list"]
    return email


# --- metadata --------------------------------------------------------------------------------------------------------


async def test_metadata(site: Site):
    flags = FlagSet.of("\\Seen", "\\Flagged", "$Forwarded", "Work")
    id = await site.put(PLAIN, flags=flags)
    email = await get(site, id, "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
    assert email == {
        "id": id,
        "blobId": "B" + id[1:],
        "threadId": email["threadId"],
        "mailboxIds": {await site.mailbox_id("Inbox"): True},
        "keywords": {"$seen": True, "$flagged": True, "$forwarded": True, "work": True},
        "size": len(PLAIN),
        "receivedAt": site.office.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    answer = await site.http.get(f"/jmap/download/{site.id}/{email['blobId']}/x")
    assert answer.content == PLAIN


async def test_the_default_properties(site: Site):
    email = await get(site, await site.put(TREE))
    assert set(email) == set(DEFAULT_PROPERTIES)
    assert email["bodyValues"] == {}, "no values were asked for"


async def test_what_is_deleted_in_imap_is_not_there(site: Site):
    kept, hidden = await site.put(PLAIN), await site.put(PLAIN, flags=DELETED)
    answer = await site.call("Email/get", ids=[hidden, kept, "e999", "x", hidden], properties=[])
    assert answer["list"] == [{"id": kept}] and answer["notFound"] == [hidden, "e999", "x"]


async def test_all_emails_at_once_are_too_many(site: Site):
    assert (await site.fail("Email/get", ids=None))["type"] == "requestTooLarge"
    assert (await site.fail("Email/get", ids=["e1"] * 1_001))["type"] == "requestTooLarge"


@pytest.mark.parametrize(
    "arguments",
    [
        {"properties": ["colour"]},
        {"properties": ["header:From:asDate"]},
        {"properties": ["header:"]},
        {"properties": ["header:X:asStrange"]},
        {"bodyProperties": ["colour"]},
        {"maxBodyValueBytes": -1},
        {"fetchTextBodyValues": 1},
        {"fetchHtmlBodyValues": True},
        {"strange": 1},
    ],
)
async def test_get_what_cannot_be(site: Site, arguments: dict):
    assert (await site.fail("Email/get", ids=["e1"], **arguments))["type"] == "invalidArguments"


# --- header fields ---------------------------------------------------------------------------------------------------

FIELDS = {
    "messageId": ["one@far.test"],
    "inReplyTo": ["zero@far.test"],
    "references": ["root@far.test", "zero@far.test"],
    "sender": None,
    "from": [{"name": "Ann Grün", "email": "ann@far.test"}],
    "to": [{"name": "Bob, the builder", "email": "bob@uiowa.test"}, {"name": None, "email": "alice@uiowa.test"}],
    "cc": [{"name": None, "email": "eve@far.test"}, {"name": None, "email": "dan@far.test"}],
    "bcc": None,
    "replyTo": None,
    "subject": "Grüße from far away",
    "sentAt": "2026-11-24T11:00:00+01:00",
}


async def test_convenience_properties(site: Site):
    id = await site.put(TREE)
    assert await get(site, id, *FIELDS) == {"id": id, **FIELDS}


async def test_each_property_is_the_same_alone_and_with_all_others(site: Site):
    """Alone it may come from what was kept at delivery, with the others from the octets."""
    for content in (TREE, PLAIN, b"no header at all", b"Subject:\r\nTo: \r\nDate: never\r\n\r\n"):
        id = await site.put(content)
        together = await get(site, id, *DEFAULT_PROPERTIES, "headers")
        for name in (*FIELDS, "hasAttachment", "preview", "textBody"):
            assert (await get(site, id, name))[name] == together[name], name


async def test_of_a_field_that_stands_there_twice_the_last_counts(site: Site):
    id = await site.put(
        b"From: a@far.test\r\nTo: b@far.test\r\nSubject: 1\r\nTo: c@far.test, d@far.test\r\nSubject: 2\r\n\r\n"
    )
    expected = [{"name": None, "email": "c@far.test"}, {"name": None, "email": "d@far.test"}]
    assert (await get(site, id, "to"))["to"] == expected
    assert await get(site, id, "to", "subject", "preview") == {"id": id, "to": expected, "subject": "2", "preview": ""}


async def test_fields_in_their_forms(site: Site):
    id = await site.put(TREE)
    wanted = {
        "header:subject": " =?utf-8?b?R3LDvMOfZQ==?= from\r\n far away",
        "header:SUBJECT:asText": "Grüße from far away",
        "header:From:asAddresses": FIELDS["from"],
        "header:Cc:asGroupedAddresses": [
            {
                "name": "Friends",
                "addresses": [{"name": None, "email": "eve@far.test"}, {"name": None, "email": "dan@far.test"}],
            }
        ],
        "header:References:asMessageIds": FIELDS["references"],
        "header:Date:asDate": FIELDS["sentAt"],
        "header:List-Post:asURLs": ["mailto:list@far.test"],
        "header:X-Twice": " second",
        "header:X-Twice:asText:all": ["first", "second"],
        "header:From:asAddresses:all": [FIELDS["from"]],
        "header:X-Never": None,
        "header:X-Never:all": [],
    }
    assert await get(site, id, *wanted) == {"id": id, **wanted}
    for name, value in wanted.items():
        assert await get(site, id, name) == {"id": id, name: value}


async def test_all_header_fields_in_their_order(site: Site):
    id = await site.put(TREE)
    headers = (await get(site, id, "headers"))["headers"]
    assert [one["name"] for one in headers][:3] == ["Received", "From", "To"]
    assert headers[0]["value"] == " from a.far.test\r\n\tby b.far.test; Tue, 24 Nov 2026 09:59:58 +0000"


# --- bodies ----------------------------------------------------------------------------------------------------------


async def test_the_lists_of_parts(site: Site):
    id = await site.put(TREE)
    email = await get(site, id, "textBody", "htmlBody", "attachments", "hasAttachment", "preview")
    assert [part["partId"] for part in email["textBody"]] == ["1.1"]
    assert [part["type"] for part in email["htmlBody"]] == ["text/html"]
    assert email["attachments"] == [
        {
            "partId": "2",
            "blobId": f"B{id[1:]}_2",
            "size": len(PICTURE),
            "name": "p.png",
            "type": "image/png",
            "charset": None,
            "disposition": "attachment",
            "cid": "p@far.test",
            "language": None,
            "location": None,
        }
    ]
    assert email["hasAttachment"] is True and email["preview"] == "Good morning, äll of you."
    answer = await site.http.get(f"/jmap/download/{site.id}/{email['attachments'][0]['blobId']}/p.png")
    assert answer.content == PICTURE


async def test_the_structure_with_properties_of_choice(site: Site):
    id = await site.put(TREE)
    structure = (
        await get(site, id, "bodyStructure", bodyProperties=["partId", "type", "subParts", "header:Content-ID"])
    )["bodyStructure"]
    assert structure["type"] == "multipart/mixed" and structure["partId"] is None
    inner, picture = structure["subParts"]
    assert [part["partId"] for part in inner["subParts"]] == ["1.1", "1.2"]
    assert picture == {"partId": "2", "type": "image/png", "subParts": None, "header:Content-ID": " <p@far.test>"}


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ({"fetchTextBodyValues": True}, {"1.1"}),
        ({"fetchHTMLBodyValues": True}, {"1.2"}),
        ({"fetchAllBodyValues": True}, {"1.1", "1.2"}),
        ({}, set()),
    ],
)
async def test_body_values(site: Site, asked: dict, parts: set[str]):
    id = await site.put(TREE)
    values = (await get(site, id, "bodyValues", **asked))["bodyValues"]
    assert set(values) == parts
    if "1.1" in values:
        expected = {"value": "Good morning, äll of you.", "isEncodingProblem": False, "isTruncated": False}
        assert values["1.1"] == expected


async def test_body_values_are_cut(site: Site):
    id = await site.put(TREE)
    values = (await get(site, id, "bodyValues", fetchAllBodyValues=True, maxBodyValueBytes=15))["bodyValues"]
    assert values["1.1"] == {"value": "Good morning, ", "isEncodingProblem": False, "isTruncated": True}
    assert values["1.2"]["value"] == "<p>Good <b>morn"


async def test_a_large_message(site: Site):
    text = b"Good morning.\r\n" + b"line of text\r\n" * 60_000
    content = TREE.replace(b"Good morning, \xc3\xa4ll of you.\r\n", text, 1)
    id = await site.put(content)
    email = await get(site, id, fetchTextBodyValues=True)
    assert email["bodyValues"]["1.1"]["value"] == text[:-2].decode().replace("\r\n", "\n")
    assert email["size"] == len(content) and email["attachments"][0]["size"] == len(PICTURE)
    assert (await get(site, id, "preview", "from"))["preview"].startswith("Good morning. line of text")
    assert await get(site, id, *FIELDS) == {"id": id, **FIELDS}


async def test_what_would_be_too_much_is_refused(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(message_octets=100_000_000)) as office, open_jmap(office) as site:
        ids = [await site.put(PLAIN + b"x" * 30_000_000) for _ in range(3)]
        answer = await site.calls(
            ("Email/get", {"ids": ids, "properties": ["bodyValues"], "fetchTextBodyValues": True}),
            (
                "Email/get",
                {"ids": ids, "properties": ["bodyValues"], "fetchTextBodyValues": True, "maxBodyValueBytes": 9},
            ),
        )
        assert answer[0][1]["type"] == "requestTooLarge"
        answer = await site.call(
            "Email/get", ids=ids, properties=["bodyValues"], fetchTextBodyValues=True, maxBodyValueBytes=9
        )
        assert [one["bodyValues"]["1"]["isTruncated"] for one in answer["list"]] == [True] * 3


# --- threads ---------------------------------------------------------------------------------------------------------


def reply(number: int, to: int | None = None, subject: str = "a talk") -> bytes:
    field = f"In-Reply-To: <{to}@far.test>\r\n" if to is not None else ""
    return f"From: ann@far.test\r\nSubject: {subject}\r\nMessage-ID: <{number}@far.test>\r\n{field}\r\nx\r\n".encode()


async def test_a_thread_has_its_emails_oldest_first(site: Site):
    first = await site.put(reply(1))
    site.office.clock.advance(60)
    other = await site.put(reply(9, subject="another talk"))
    second = await site.put(reply(2, 1, "Re: a talk"), "Archive")
    thread, alone = (await get(site, first, "threadId"))["threadId"], (await get(site, other, "threadId"))["threadId"]
    assert (await get(site, second, "threadId"))["threadId"] == thread != alone
    answer = await site.call("Thread/get", ids=[thread, "t999", alone, "x"])
    assert answer["list"] == [{"id": thread, "emailIds": [first, second]}, {"id": alone, "emailIds": [other]}]
    assert answer["notFound"] == ["t999", "x"]
    assert answer["state"] == (await site.call("Email/get", ids=[]))["state"]
    answer = await site.call("Thread/get", ids=[thread], properties=["id"])
    assert answer["list"] == [{"id": thread}]
    assert (await site.fail("Thread/get", ids=None))["type"] == "requestTooLarge"
    assert (await site.fail("Thread/get", ids=[], properties=["subject"]))["type"] == "invalidArguments"


async def test_changes_of_threads(site: Site):
    state = (await site.call("Thread/get", ids=[]))["state"]
    first = await site.put(reply(1))
    thread = (await get(site, first, "threadId"))["threadId"]
    answer = await site.call("Thread/changes", sinceState=state)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([thread], [], [])
    state = answer["newState"]
    await site.put(reply(2, 1))
    answer = await site.call("Thread/changes", sinceState=state)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([], [thread], [])
    state = answer["newState"]
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    await site.mail.messages.empty(site.account.id, inbox)
    answer = await site.call("Thread/changes", sinceState=state)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([], [], [thread])
    assert (await site.fail("Thread/changes", sinceState="99999"))["type"] == "cannotCalculateChanges"


# --- changes ---------------------------------------------------------------------------------------------------------


async def test_changes_of_emails(site: Site):
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    state = (await site.call("Email/get", ids=[]))["state"]
    a, b = await site.put(PLAIN), await site.put(PLAIN)
    answer = await site.call("Email/changes", sinceState=state)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([a, b], [], [])
    assert answer["oldState"] == state and answer["hasMoreChanges"] is False
    state = answer["newState"]
    assert state == (await site.call("Email/get", ids=[]))["state"]
    await site.mail.messages.change_flags(site.account.id, inbox, [1], FlagAction.ADD, SEEN)
    await site.mail.messages.change_flags(site.account.id, inbox, [2], FlagAction.ADD, DELETED)
    c = await site.put(PLAIN)
    answer = await site.call("Email/changes", sinceState=state)
    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([c], [a], [b])
    await site.mail.messages.change_flags(site.account.id, inbox, [2], FlagAction.REMOVE, DELETED)
    answer = await site.call("Email/changes", sinceState=answer["newState"])
    assert answer["created"] == [b], "it shows again"


async def test_changes_in_steps(site: Site):
    state = (await site.call("Email/get", ids=[]))["state"]
    ids = [await site.put(PLAIN) for _ in range(5)]
    told: list[str] = []
    while True:
        answer = await site.call("Email/changes", sinceState=state, maxChanges=2)
        assert len(answer["created"]) <= 2
        told += answer["created"]
        state = answer["newState"]
        if not answer["hasMoreChanges"]:
            break
    assert told == ids
    assert (await site.fail("Email/changes", sinceState="99999"))["type"] == "cannotCalculateChanges"
    assert (await site.fail("Email/changes", sinceState=state, maxChanges=0))["type"] == "invalidArguments"


# --- the chain of the standard ---------------------------------------------------------------------------------------


async def test_the_first_threads_of_the_inbox_in_one_request(site: Site):
    """The example of RFC 8620 §3.7."""
    ids = []
    for number, to in ((1, None), (2, None), (3, 1), (4, 2), (5, None)):
        ids.append(await site.put(reply(number, to, f"talk {to or number}")))
        site.office.clock.advance(60)
    inbox = await site.mailbox_id("Inbox")
    ref = lambda of, name, path: {"resultOf": of, "name": name, "path": path}  # noqa: E731
    sort = [{"property": "receivedAt", "isAscending": False}]
    query = {"filter": {"inMailbox": inbox}, "sort": sort, "collapseThreads": True, "limit": 10, "calculateTotal": True}
    answer = await site.calls(
        ("Email/query", {**query, "position": 0}),
        ("Email/get", {"#ids": ref("c0", "Email/query", "/ids"), "properties": ["threadId"]}),
        ("Thread/get", {"#ids": ref("c1", "Email/get", "/list/*/threadId")}),
        (
            "Email/get",
            {"#ids": ref("c2", "Thread/get", "/list/*/emailIds"), "properties": ["from", "receivedAt", "subject"]},
        ),
    )
    assert [name for name, _, _ in answer] == ["Email/query", "Email/get", "Thread/get", "Email/get"], json.dumps(
        answer
    )
    assert answer[0][1]["ids"] == [ids[4], ids[3], ids[2]] and answer[0][1]["total"] == 3
    assert [thread["emailIds"] for thread in answer[2][1]["list"]] == [[ids[4]], [ids[1], ids[3]], [ids[0], ids[2]]]
    assert [email["id"] for email in answer[3][1]["list"]] == [ids[4], ids[1], ids[3], ids[0], ids[2]]
    assert {"id", "from", "receivedAt", "subject"} == set(answer[3][1]["list"][0])
