"""Emails made, changed and destroyed (RFC 8621 §4.6, §4.7)."""

import asyncio
import json
import random
import re
from pathlib import Path

import pytest
from jmap_site import CORE, MAIL, PASSWORD, Site, open_jmap

from office import address, open_office
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.core.mailbox.view import View
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits

SEEN = FlagSet.of("\\Seen")
DELETED = FlagSet.of("\\Deleted")
PLAN = "I have the most brilliant plan.  Let me tell you all about it.  What we do is, we"
TEXT = b"From: ann@far.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nGood morning.\r\n"


async def get(site: Site, id: str, *properties: str, **more: object) -> dict:
    wanted = {"properties": list(properties)} if properties else {}
    answer = await site.call("Email/get", ids=[id], **wanted, **more)
    assert answer["list"], f"{id} is not there"
    return answer["list"][0]


async def where(site: Site, id: str) -> tuple[set[str], set[str]]:
    """Names of its mailboxes, and its keywords."""
    names = {one["id"]: name for name, one in (await site.mailboxes("id")).items()}
    email = await get(site, id, "mailboxIds", "keywords")
    return {names[mailbox_id] for mailbox_id in email["mailboxIds"]}, set(email["keywords"])


async def state_of(site: Site) -> str:
    return (await site.call("Email/get", ids=[]))["state"]


async def create(site: Site, **email: object) -> dict:
    """What is said of the new Email; in Drafts unless said."""
    given = {"mailboxIds": {await site.mailbox_id("Drafts"): True}, **email}
    answer = await site.call("Email/set", create={"k": given})
    assert answer["notCreated"] is None, answer
    return answer["created"]["k"]


async def refused(site: Site, **email: object) -> dict:
    """Why it cannot be made."""
    before = await state_of(site)
    given = {"mailboxIds": {await site.mailbox_id("Drafts"): True}, **email}
    answer = await site.call("Email/set", create={"k": given})
    assert answer["created"] is None and answer["newState"] == before, answer
    return answer["notCreated"]["k"]


async def update(site: Site, id: str, patch: dict) -> dict | None:
    """The SetError, or None."""
    answer = await site.call("Email/set", update={id: patch})
    assert (answer["updated"] is None) is (answer["notUpdated"] is not None)
    return (answer["notUpdated"] or {}).get(id)


async def octets(site: Site, blob_id: str) -> bytes:
    answer = await site.http.get(f"/jmap/download/{site.id}/{blob_id}/x")
    assert answer.status_code == 200
    return answer.content


async def upload(site: Site, content: bytes) -> str:
    answer = await site.http.post(f"/jmap/upload/{site.id}", content=content)
    return answer.json()["blobId"]


async def open_view(site: Site, name: str) -> View:
    """A session of IMAP that has the mailbox open."""
    mailbox = await site.mail.mailboxes.get(site.account.id, (name,))
    return await site.mail.open_mailboxes.open(site.account.id, mailbox.id, claim_recent=False)


# --- creation --------------------------------------------------------------------------------------------------------


async def test_a_draft_as_in_the_example_of_the_standard(site: Site):
    drafts = await site.mailbox_id("Drafts")
    before = await state_of(site)
    answer = await site.call(
        "Email/set",
        create={
            "k192": {
                "mailboxIds": {drafts: True},
                "keywords": {"$seen": True, "$draft": True},
                "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
                "subject": "World domination",
                "receivedAt": "2018-07-10T01:03:11Z",
                "sentAt": "2018-07-10T11:03:11+10:00",
                "bodyStructure": {"type": "text/plain", "partId": "bd48", "header:Content-Language": " en"},
                "bodyValues": {"bd48": {"value": PLAN, "isTruncated": False}},
            }
        },
    )
    assert answer["oldState"] == before and answer["newState"] == await state_of(site) != before
    made = answer["created"]["k192"]
    assert set(made) == {"id", "blobId", "threadId", "size"} and answer["notCreated"] is None
    content = await octets(site, made["blobId"])
    assert len(content) == made["size"]
    head, _, body = content.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
    assert fields[b"Date"] == b"Tue, 10 Jul 2018 11:03:11 +1000"
    assert fields[b"From"] in (b'"Joe Bloggs" <joe@example.com>', b"Joe Bloggs <joe@example.com>")
    assert fields[b"Subject"] == b"World domination" and fields[b"Content-Language"] == b"en"
    assert re.fullmatch(rb"<[a-z2-7]{16}@mail\.uiowa\.test>", fields[b"Message-ID"])
    assert b"brilliant" in body
    email = await get(site, made["id"], "mailboxIds", "keywords", "receivedAt", "subject", "threadId", "size")
    assert email == {
        "id": made["id"],
        "mailboxIds": {drafts: True},
        "keywords": {"$seen": True, "$draft": True},
        "receivedAt": "2018-07-10T01:03:11Z",
        "subject": "World domination",
        "threadId": made["threadId"],
        "size": made["size"],
    }


async def test_a_draft_is_replaced_as_in_the_example_of_the_standard(site: Site):
    """The new one is in the same thread, as it says the same Message-ID; the old one goes when the new one is there."""
    first = await create(site, subject="World domination", messageId=["plan@uiowa.test"])
    drafts = await site.mailbox_id("Drafts")
    answer = await site.call(
        "Email/set",
        create={
            "k1546": {
                "mailboxIds": {drafts: True},
                "keywords": {"$seen": True, "$draft": True},
                "to": [{"name": "John", "email": "john@example.com"}],
                "subject": "World domination",
                "messageId": ["plan@uiowa.test"],
                "bodyStructure": {
                    "type": "multipart/alternative",
                    "subParts": [
                        {"partId": "a49d", "type": "text/html", "header:Content-Language": " en"},
                        {"partId": "bd48", "type": "text/plain", "header:Content-Language": " en"},
                    ],
                },
                "bodyValues": {"bd48": {"value": PLAN}, "a49d": {"value": f"<p>{PLAN}</p>", "isTruncated": False}},
            }
        },
        destroy=[first["id"]],
    )
    made = answer["created"]["k1546"]
    assert answer["destroyed"] == [first["id"]] and made["threadId"] == first["threadId"]
    assert (await site.mailboxes("totalEmails"))["Drafts"]["totalEmails"] == 1
    email = await get(site, made["id"], "textBody", "bodyValues", fetchAllBodyValues=True)
    assert sorted(one["value"].strip() for one in email["bodyValues"].values()) == sorted([PLAN, f"<p>{PLAN}</p>"])


async def test_what_the_client_leaves_out_is_told(site: Site):
    made = await create(site, subject="x", keywords={"$Draft": True})
    assert made["receivedAt"] == "2026-11-24T10:00:00Z" and "keywords" not in made
    made = await create(site, subject="x", receivedAt="2020-01-01T00:00:00Z")
    assert made["keywords"] == {} and "receivedAt" not in made


async def test_an_email_of_nothing_but_its_mailbox(site: Site):
    made = await create(site)
    email = await get(site, made["id"], "subject", "sentAt", "messageId", "preview")
    assert email["sentAt"] == "2026-11-24T10:00:00Z" and len(email["messageId"]) == 1 and email["subject"] is None


async def test_in_several_mailboxes_at_once(site: Site):
    ids = [await site.mailbox_id(name) for name in ("Inbox", "Archive", "Sent")]
    views = [await open_view(site, name) for name in ("INBOX", "Archive", "Drafts")]
    made = await create(site, mailboxIds=dict.fromkeys(ids, True), keywords={"$flagged": True, "Work": True})
    assert await where(site, made["id"]) == ({"Inbox", "Archive", "Sent"}, {"$flagged", "work"})
    assert [view.take_updates(expunges=True).exists for view in views] == [1, 1, None]
    assert views[0].flags_of(1) == FlagSet.of("\\Flagged", "work")
    counts = await site.mailboxes("totalEmails", "unreadEmails")
    assert [counts[name]["unreadEmails"] for name in ("Inbox", "Archive", "Sent", "Drafts")] == [1, 1, 1, 0]
    for view in views:
        view.close()


async def test_a_mailbox_that_was_created_in_the_same_request(site: Site):
    responses = await site.calls(
        ("Mailbox/set", {"create": {"box": {"name": "Plans"}}}),
        ("Email/set", {"create": {"k": {"mailboxIds": {"#box": True}, "subject": "x"}}}),
        ("Email/set", {"update": {"#k": {"keywords/$seen": True}}}),
        ("Email/set", {"destroy": ["#k"]}),
    )
    id = responses[1][1]["created"]["k"]["id"]
    assert responses[2][1]["updated"] == {id: None}
    assert responses[3][1]["destroyed"] == [id]


async def test_attachments_are_uploads_messages_and_parts_of_them(site: Site):
    picture = bytes(range(256)) * 300
    uploaded = await upload(site, picture)
    first = await create(
        site,
        subject="first",
        attachments=[{"blobId": uploaded, "type": "image/png", "name": "p.png", "disposition": "attachment"}],
        textBody=[{"partId": "t", "type": "text/plain"}],
        bodyValues={"t": {"value": "See the picture."}},
    )
    (part,) = (await get(site, first["id"], "attachments"))["attachments"]
    assert part["name"] == "p.png" and await octets(site, part["blobId"]) == picture
    second = await create(
        site,
        subject="second",
        attachments=[
            {"blobId": part["blobId"], "type": "image/png", "name": "again.png"},
            {"blobId": first["blobId"], "type": "message/rfc822"},
        ],
    )
    parts = (await get(site, second["id"], "attachments"))["attachments"]
    assert [await octets(site, one["blobId"]) for one in parts] == [picture, await octets(site, first["blobId"])]


async def test_a_large_email_is_kept_as_a_file_and_read_back(site: Site):
    big = bytes(range(256)) * 1000
    made = await create(site, attachments=[{"blobId": await upload(site, big), "type": "application/x"}])
    (part,) = (await get(site, made["id"], "attachments"))["attachments"]
    assert await octets(site, part["blobId"]) == big


async def test_blobs_that_are_not_there_are_all_named(site: Site):
    known = await upload(site, b"known")
    missing = ["Bnothing", "B999", "U" + "0" * 64]
    problem = await refused(site, attachments=[{"blobId": one, "type": "a/b"} for one in (*missing, known)])
    assert problem["type"] == "blobNotFound" and problem["notFound"] == missing


@pytest.mark.parametrize(
    ("email", "wrong"),
    [
        ({"mailboxIds": {}}, ["mailboxIds"]),
        ({"mailboxIds": None}, ["mailboxIds"]),
        ({"mailboxIds": ["m1"]}, ["mailboxIds"]),
        ({"mailboxIds": {"m1": False}}, ["mailboxIds"]),
        ({"mailboxIds": {"#nobody": True}}, ["mailboxIds"]),
        ({"mailboxIds": {"m999": True}}, ["mailboxIds"]),
        ({"keywords": {"a b": True}}, ["keywords"]),
        ({"keywords": {"$seen": 1}}, ["keywords"]),
        ({"keywords": ["$seen"]}, ["keywords"]),
        ({"receivedAt": "yesterday"}, ["receivedAt"]),
        ({"receivedAt": "2018-07-10T01:03:11+01:00"}, ["receivedAt"]),
        ({"id": "e1"}, ["id"]),
        ({"threadId": "t1", "size": 3, "blobId": "B1"}, ["threadId", "size", "blobId"]),
        ({"headers": []}, ["headers"]),
        ({"header:Content-Type": " text/html"}, ["header:Content-Type"]),
        ({"from": [{"email": "a@b"}], "header:from": " a@b"}, ["from", "header:from"]),
        ({"textBody": [{"partId": "t", "type": "text/html"}], "bodyValues": {"t": {"value": ""}}}, ["textBody/0/type"]),
        ({"textBody": [{"partId": "t", "type": "text/plain"}]}, ["textBody/0/partId"]),
        ({"receivedAt": 1, "keywords": 1, "subject": 1}, ["keywords", "receivedAt", "subject"]),
    ],
)
async def test_what_cannot_be_is_refused_with_all_properties_that_are_wrong(site: Site, email: dict, wrong: list[str]):
    problem = await refused(site, **email)
    assert (problem["type"], problem["properties"]) == ("invalidProperties", wrong)


async def test_one_that_fails_does_not_hold_up_the_others(site: Site):
    drafts = await site.mailbox_id("Drafts")
    answer = await site.call(
        "Email/set",
        create={
            "good": {"mailboxIds": {drafts: True}, "subject": "good"},
            "bad": {"mailboxIds": {"m999": True}},
            "worse": {"mailboxIds": {drafts: True}, "size": 1},
            "fine": {"mailboxIds": {drafts: True}, "subject": "fine"},
        },
    )
    assert set(answer["created"]) == {"good", "fine"} and set(answer["notCreated"]) == {"bad", "worse"}
    assert (await site.mailboxes("totalEmails"))["Drafts"]["totalEmails"] == 2


async def test_limits(tmp_path: Path):
    limits = Limits(account_octets=3_000, message_octets=2_000, keywords=2, mailboxes_per_message=2)
    async with open_office(tmp_path / "data", limits=limits) as office, open_jmap(office) as site:
        session = (await site.http.get("/jmap/session")).json()
        assert session["accounts"][site.id]["accountCapabilities"][MAIL]["maxMailboxesPerEmail"] == 2
        ids = [await site.mailbox_id(name) for name in ("Inbox", "Archive", "Sent")]
        text = {"textBody": [{"partId": "t", "type": "text/plain"}], "bodyValues": {"t": {"value": "word " * 300}}}
        assert (await refused(site, mailboxIds=dict.fromkeys(ids, True)))["type"] == "tooManyMailboxes"
        assert (await refused(site, keywords=dict.fromkeys("abc", True)))["type"] == "tooManyKeywords"
        texts = {"bodyValues": {"t": {"value": "word " * 500}}}
        assert (await refused(site, **{**text, **texts}))["type"] == "tooLarge"
        part = {"partId": "t", "type": "text/plain"}
        nested = {"bodyStructure": {"type": "multipart/mixed", "subParts": [part] * 900}}
        value = {"bodyValues": {"t": {"value": "x" * 100_000}}}
        assert (await refused(site, **nested, **value))["type"] == "tooLarge", "before it is written"
        id = (await create(site, **text, mailboxIds=dict.fromkeys(ids[:2], True), keywords={"a": True}))["id"]
        assert (await refused(site, **text))["type"] == "overQuota"
        problem = await update(site, id, {"mailboxIds/" + ids[2]: True})
        assert problem is not None and problem["type"] == "tooManyMailboxes"
        assert await update(site, id, {f"mailboxIds/{ids[2]}": True, f"mailboxIds/{ids[0]}": None}) is None
        problem = await update(site, id, {"keywords/b": True, "keywords/c": True})
        assert problem is not None and problem["type"] == "tooManyKeywords"
        assert await update(site, id, {"keywords/b": True}) is None
        assert await where(site, id) == ({"Archive", "Sent"}, {"a", "b"})


async def test_a_creation_id_must_be_an_id(site: Site):
    problem = await site.fail("Email/set", create={"a b": {}})
    assert problem["type"] == "invalidArguments"


# --- keywords --------------------------------------------------------------------------------------------------------


async def test_marked_unread_as_in_the_example_of_the_standard(site: Site):
    id = await site.put(TEXT, flags=FlagSet.of("\\Seen", "\\Flagged"))
    before = await state_of(site)
    answer = await site.call("Email/set", update={id: {"keywords/$seen": None}})
    assert answer == {
        "accountId": site.id,
        "oldState": before,
        "newState": str(int(before) + 1),
        "created": None,
        "updated": {id: None},
        "destroyed": None,
        "notCreated": None,
        "notUpdated": None,
        "notDestroyed": None,
    }
    assert await where(site, id) == ({"Inbox"}, {"$flagged"})


async def test_keywords_are_set_whole_or_one_by_one(site: Site):
    id = await site.put(TEXT, flags=FlagSet.of("\\Seen", "work"))
    assert await update(site, id, {"keywords": {"$flagged": True, "$forwarded": True}}) is None
    assert await where(site, id) == ({"Inbox"}, {"$flagged", "$forwarded"})
    assert (
        await update(site, id, {"keywords/$answered": True, "keywords/a~1b": True, "keywords/$flagged": None}) is None
    )
    assert await where(site, id) == ({"Inbox"}, {"$answered", "a/b", "$forwarded"})
    assert await update(site, id, {"keywords/nothing": None, "keywords/no keyword": None}) is None
    assert await update(site, id, {"keywords": None}) is None
    assert await where(site, id) == ({"Inbox"}, set())


async def test_keywords_in_other_letters_are_told_as_they_are_kept(site: Site):
    id = await site.put(TEXT)
    answer = await site.call("Email/set", update={id: {"keywords/Work": True, "keywords/$Seen": True}})
    assert answer["updated"] == {id: {"keywords": {"work": True, "$seen": True}}}


async def test_all_copies_that_show_get_the_same_keywords(site: Site):
    id = await site.put(TEXT, flags=SEEN)
    inbox, archive = [await site.mail.mailboxes.get(site.account.id, (name,)) for name in ("INBOX", "Archive")]
    await site.mail.messages.copy(site.account.id, inbox.id, [1], archive.id)
    await site.mail.messages.copy(site.account.id, inbox.id, [1], archive.id)
    await site.mail.messages.change_flags(site.account.id, archive.id, [1], FlagAction.SET, FlagSet.of("\\Flagged"))
    await site.mail.messages.change_flags(site.account.id, archive.id, [2], FlagAction.SET, DELETED)
    views = [await open_view(site, name) for name in ("INBOX", "Archive")]
    assert await where(site, id) == ({"Inbox", "Archive"}, {"$flagged"}), "seen in one of two"
    assert await update(site, id, {"keywords/$seen": True}) is None
    both = FlagSet.of("\\Seen", "\\Flagged")
    assert [[one[1:3] for one in view.take_updates(expunges=True).changed] for view in views] == [[(1, both)]] * 2
    assert views[1].flags_of(2) == DELETED, "it does not show"
    for view in views:
        view.close()


async def test_two_who_set_different_keywords_at_once_both_do(site: Site):
    id = await site.put(TEXT)
    names = ["$seen", "$flagged", "$answered", *(f"word{n}" for n in range(5))]
    await asyncio.gather(*(update(site, id, {f"keywords/{name}": True}) for name in names))
    assert await where(site, id) == ({"Inbox"}, set(names))


@pytest.mark.parametrize(
    ("patch", "type", "wrong"),
    [
        ({"keywords": ["$seen"]}, "invalidProperties", ["keywords"]),
        ({"keywords": {"$seen": False}}, "invalidProperties", ["keywords"]),
        ({"keywords/$seen": False}, "invalidProperties", ["keywords"]),
        ({"keywords/a b": True}, "invalidProperties", ["keywords"]),
        ({"keywords/$recent": True}, "invalidProperties", ["keywords"]),
        ({"keywords/a/b": True}, "invalidPatch", None),
        ({"keywords": {}, "keywords/$seen": True}, "invalidPatch", None),
        ({"keywords/~2": True}, "invalidPatch", None),
        ({"mailboxIds": None}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": {}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds/m999": True}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds/e1": True}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds/#nobody": True}, "invalidProperties", ["mailboxIds"]),
        ({"subject": "other", "keywords/$seen": True}, "invalidProperties", ["subject"]),
        ({"from/0/name": "other"}, "invalidPatch", None),
        ({"receivedAt": "2020-01-01T00:00:00Z", "size": None}, "invalidProperties", ["receivedAt", "size"]),
        ({"colour": "red", "size": 1, "mailboxIds": 3}, "invalidProperties", ["colour", "size", "mailboxIds"]),
    ],
)
async def test_patches_that_cannot_be(site: Site, patch: dict, type: str, wrong: list[str] | None):
    id = await site.put(TEXT)
    before = await state_of(site)
    problem = await update(site, id, patch)
    assert problem is not None and (problem["type"], problem.get("properties")) == (type, wrong)
    assert await state_of(site) == before


async def test_an_email_as_it_was_read_is_a_patch_too(site: Site):
    """RFC 8620 §5.3: an entire object is also a valid PatchObject."""
    made = await create(
        site,
        subject="x",
        textBody=[{"partId": "t", "type": "text/plain"}],
        bodyValues={"t": {"value": "hello"}},
        attachments=[{"blobId": await upload(site, b"abc"), "type": "a/b"}],
    )
    email = await get(site, made["id"], fetchTextBodyValues=True)
    assert await update(site, made["id"], {**email, "keywords": {"$seen": True}}) is None
    assert await where(site, made["id"]) == ({"Drafts"}, {"$seen"})
    problem = await update(site, made["id"], {**email, "textBody": [], "bodyValues": {"1": {"value": "other"}}})
    assert problem is not None and set(problem["properties"]) == {"textBody", "bodyValues"}


# --- mailboxes -------------------------------------------------------------------------------------------------------


async def test_moved_to_the_trash_and_back(site: Site):
    id = await site.put(TEXT, flags=SEEN)
    inbox, trash, archive = [await site.mailbox_id(name) for name in ("Inbox", "Trash", "Archive")]
    views = [await open_view(site, name) for name in ("INBOX", "Trash")]
    assert await update(site, id, {"mailboxIds": {trash: True}}) is None
    assert await where(site, id) == ({"Trash"}, {"$seen"})
    gone, come = [view.take_updates(expunges=True) for view in views]
    assert (gone.expunged, come.exists) == ((1,), 1) and views[1].flags_of(1) == SEEN
    assert await update(site, id, {f"mailboxIds/{archive}": True, f"mailboxIds/{inbox}": True}) is None
    assert await where(site, id) == ({"Trash", "Inbox", "Archive"}, {"$seen"})
    assert (
        await update(site, id, {f"mailboxIds/{trash}": None, "mailboxIds/m999": None, "mailboxIds/x y": None}) is None
    )
    assert await where(site, id) == ({"Inbox", "Archive"}, {"$seen"})
    for view in views:
        view.close()


async def test_the_last_mailbox_cannot_be_taken_away(site: Site):
    id = await site.put(TEXT)
    inbox = await site.mailbox_id("Inbox")
    problem = await update(site, id, {f"mailboxIds/{inbox}": None})
    assert problem is not None and (problem["type"], problem["properties"]) == ("invalidProperties", ["mailboxIds"])
    assert await where(site, id) == ({"Inbox"}, set())


async def test_a_name_that_only_holds_others_takes_no_email(site: Site):
    id = await site.put(TEXT)
    await site.mail.mailboxes.create(site.account.id, ("Lists", "python"))
    await site.mail.mailboxes.delete(site.account.id, ("Lists",))
    lists = await site.mailbox_id("Lists")
    problem = await update(site, id, {f"mailboxIds/{lists}": True})
    assert problem is not None and problem["properties"] == ["mailboxIds"]


async def test_keywords_and_mailboxes_change_together_or_not_at_all(site: Site):
    id = await site.put(TEXT)
    archive = await site.mailbox_id("Archive")
    problem = await update(site, id, {"keywords/$seen": True, "mailboxIds": {"m999": True}})
    assert problem is not None
    assert await where(site, id) == ({"Inbox"}, set())
    assert await update(site, id, {"keywords/$seen": True, "mailboxIds": {archive: True}}) is None
    assert await where(site, id) == ({"Archive"}, {"$seen"})


async def test_a_deleted_copy_is_not_in_the_mailbox(site: Site):
    """It stays for IMAP's clients to expunge; the Email comes to the mailbox with a copy of its own."""
    id = await site.put(TEXT)
    inbox, archive = [await site.mail.mailboxes.get(site.account.id, (name,)) for name in ("INBOX", "Archive")]
    await site.mail.messages.copy(site.account.id, inbox.id, [1], archive.id)
    await site.mail.messages.change_flags(site.account.id, inbox.id, [1], FlagAction.ADD, DELETED)
    assert await where(site, id) == ({"Archive"}, set())
    assert await update(site, id, {f"mailboxIds/m{inbox.id}": True}) is None
    assert await where(site, id) == ({"Archive", "Inbox"}, set())
    assert await site.office.uids(site.account.id, inbox.id) == [1, 2]
    assert await update(site, id, {"mailboxIds": {f"m{archive.id}": True}}) is None
    assert await site.office.uids(site.account.id, inbox.id) == [1]


async def test_many_in_one_call(site: Site):
    """More than one transaction holds; those that are not there fail alone."""
    inbox, archive = await site.mailbox_id("Inbox"), await site.mailbox_id("Archive")
    ids = [await site.put(TEXT) for _ in range(3)]
    for _ in range(8):
        await site.mail.messages.copy(
            site.account.id, MailboxId(int(inbox[1:])), [1, 2, 3], MailboxId(int(archive[1:]))
        )
    patch = {"keywords/$seen": True, "mailboxIds": {archive: True}}
    answer = await site.call("Email/set", update=dict.fromkeys((*ids, "e998", "m1", "nothing"), patch))
    assert set(answer["updated"]) == set(ids)
    assert {id: one["type"] for id, one in answer["notUpdated"].items()} == dict.fromkeys(
        ("e998", "m1", "nothing"), "notFound"
    )
    for id in ids:
        assert await where(site, id) == ({"Archive"}, {"$seen"})


# --- destruction -----------------------------------------------------------------------------------------------------


async def test_destroyed_from_all_mailboxes(site: Site):
    id = await site.put(TEXT)
    inbox, archive = [await site.mail.mailboxes.get(site.account.id, (name,)) for name in ("INBOX", "Archive")]
    for _ in range(2):
        await site.mail.messages.copy(site.account.id, inbox.id, [1], archive.id)
    await site.mail.messages.change_flags(site.account.id, archive.id, [2], FlagAction.ADD, DELETED)
    view = await open_view(site, "Archive")
    hidden = await site.put(TEXT, flags=DELETED)
    before = await state_of(site)
    answer = await site.call("Email/set", destroy=[id, "e999", "x", id, hidden])
    assert answer["destroyed"] == [id]
    assert {one: problem["type"] for one, problem in answer["notDestroyed"].items()} == dict.fromkeys(
        ("e999", "x", hidden), "notFound"
    )
    assert (await site.call("Email/get", ids=[id]))["notFound"] == [id]
    assert await site.office.uids(site.account.id, archive.id) == []
    assert view.take_updates(expunges=True).expunged == (2, 1)
    assert (await site.call("Email/changes", sinceState=before))["destroyed"] == [id]
    view.close()


async def test_what_is_destroyed_is_not_updated(site: Site):
    id = await site.put(TEXT)
    answer = await site.call("Email/set", update={id: {"keywords/$seen": True}}, destroy=[id])
    assert answer["notUpdated"][id]["type"] == "willDestroy" and answer["destroyed"] == [id]


# --- states ----------------------------------------------------------------------------------------------------------


async def test_if_in_state(site: Site):
    id = await site.put(TEXT)
    state = await state_of(site)
    await site.call("Email/set", ifInState=state, update={id: {"keywords/$seen": True}})
    for wrong in (state, "", "x", "9" * 5000, "٣"):
        problem = await site.fail("Email/set", ifInState=wrong, update={id: {"keywords/$seen": None}})
        assert problem["type"] == "stateMismatch"
    assert await where(site, id) == ({"Inbox"}, {"$seen"})


@pytest.mark.parametrize("what", ["create", "update", "destroy"])
async def test_of_many_who_name_the_same_state_one_writes(site: Site, what: str):
    id = await site.put(TEXT)
    drafts = await site.mailbox_id("Drafts")
    work = {"create": {"k": {"mailboxIds": {drafts: True}}}, "update": {id: {"keywords": {"w": True}}}, "destroy": [id]}
    before = await state_of(site)
    call = ["Email/set", {"accountId": site.id, "ifInState": before, what: work[what]}, "c"]
    answers = await asyncio.gather(*(site.post([call]) for _ in range(6)))
    names = [answer.json()["methodResponses"][0][0] for answer in answers]
    assert sorted(names) == ["Email/set", *["error"] * 5]
    assert await state_of(site) == str(int(before) + 1)


async def test_the_states_of_an_answer_have_nothing_of_others_between_them(site: Site):
    """Whoever goes on from newState has missed nothing: what was done between the two is what it did itself."""
    ids = [await site.put(TEXT) for _ in range(4)]
    mine = [{ids[n % 2]: {"keywords/$seen": True if n % 4 < 2 else None}} for n in range(12)]
    inbox = await site.mail.mailboxes.inbox(site.account.id)

    async def others() -> None:
        for n in range(40):
            action = FlagAction.REMOVE if n % 2 else FlagAction.ADD
            await site.mail.messages.change_flags(site.account.id, inbox, [3, 4], action, FlagSet.of("$junk"))

    busy = asyncio.ensure_future(others())
    for patch in mine:
        answer = await site.call("Email/set", update=patch)
        assert int(answer["newState"]) - int(answer["oldState"]) <= 1
    await busy


# --- copy ------------------------------------------------------------------------------------------------------------


async def test_copy_needs_two_accounts(site: Site):
    id = await site.put(TEXT)
    other = await site.mail.accounts.add(address("bob"), PASSWORD)
    copies = {"k": {"id": id, "mailboxIds": {"m1": True}}}
    problem = await site.fail("Email/copy", fromAccountId=f"a{other.id}", create=copies)
    assert problem["type"] == "fromAccountNotFound"
    problem = await site.fail("Email/copy", fromAccountId=site.id, accountId=f"a{other.id}", create=copies)
    assert problem["type"] == "accountNotFound"
    problem = await site.fail("Email/copy", fromAccountId=site.id, create=copies)
    assert problem["type"] == "invalidArguments"


async def test_without_its_capability_it_is_unknown(site: Site):
    answer = await site.post([["Email/set", {"accountId": site.id}, "c"]], using=[CORE])
    assert answer.json()["methodResponses"][0][1]["type"] == "unknownMethod"


async def test_it_stays_after_a_restart(tmp_path: Path):
    async with open_office(tmp_path / "data") as office, open_jmap(office) as site:
        made = await create(site, subject="kept", attachments=[{"blobId": await upload(site, b"x" * 100_000)}])
        content = await octets(site, made["blobId"])
    async with open_office(tmp_path / "data") as office:
        assert await office.messages("alice", "Drafts") == [content]


async def test_refused_contents_leave_nothing_behind(tmp_path: Path):
    limits = Limits(account_octets=400_000)
    async with open_office(tmp_path / "data", limits=limits) as office, open_jmap(office) as site:
        blob_id = await upload(site, bytes(range(256)) * 1_200)
        problem = await refused(site, attachments=[{"blobId": blob_id}])
        assert problem["type"] == "overQuota"
        assert len(office.mail.spools.transit.take_doubtful()) == 1
        assert not await office.messages("alice", "Drafts")


# --- any input -------------------------------------------------------------------------------------------------------


async def test_odd_emails_and_patches(site: Site):
    """Whatever stands in them, each is made, or refused by an error of the standard."""
    chance = random.Random(8621)
    id = await site.put(TEXT)
    inbox, blob_id = await site.mailbox_id("Inbox"), await upload(site, b"abc")
    known: list[object] = [
        None,
        True,
        False,
        0,
        -1,
        10**20,
        1.5,
        "",
        "x",
        "t",
        "ü\0\N{GRINNING FACE}",
        "a" * 300,
        "a\r\nb: c",
        [],
        {},
    ]
    known += [
        {inbox: True},
        {"$seen": True},
        {"#k1": True},
        blob_id,
        "B" + id[1:],
        f"B{id[1:]}_1",
        "2026-11-24T10:00:00Z",
    ]
    known += [
        {"t": {"value": "hé\r\nllo"}},
        [{"email": "a@b", "name": "ü, x"}],
        ["1@x"],
        "text/html",
        "multipart/mixed",
    ]
    known += [[{"partId": "t", "type": "text/plain"}], [{"blobId": blob_id, "type": "a/b"}], "message/rfc822"]
    names = ["mailboxIds", "keywords", "receivedAt", "subject", "from", "to", "messageId", "sentAt", "bodyValues"]
    names += [
        "bodyStructure",
        "textBody",
        "htmlBody",
        "attachments",
        "header:X-A",
        "header:X-B:asText:all",
        "id",
        "size",
    ]
    names += [
        "partId",
        "blobId",
        "type",
        "charset",
        "subParts",
        "cid",
        "name",
        "language",
        "disposition",
        "header:To:asDate",
    ]
    paths = [
        *names,
        "keywords/$seen",
        f"mailboxIds/{inbox}",
        "mailboxIds/#k2",
        "keywords/a/b",
        "from/0",
        "~2",
        "/",
        "header:",
    ]

    def odd(depth: int = 0) -> object:
        if depth > 3 or chance.random() < 0.6:
            return chance.choice(known)
        if chance.random() < 0.3:
            return [odd(depth + 1) for _ in range(chance.randint(0, 3))]
        return {name: odd(depth + 1) for name in chance.sample(names, chance.randint(0, 4))}

    for _ in range(20):
        create = {f"k{n}": {name: odd() for name in chance.sample(names, chance.randint(0, 5))} for n in range(20)}
        for email in create.values():
            if chance.random() < 0.9:
                email["mailboxIds"] = {inbox: True}
        patch = {name: odd() for name in chance.sample(paths, chance.randint(1, 3))}
        emails = {"i": {"blobId": blob_id, **patch}}
        responses = await site.calls(
            ("Email/set", {"create": create, "update": {id: patch}}), ("Email/import", {"emails": emails})
        )
        for name, answer, _ in responses:
            assert name != "error", answer
            assert "serverFail" not in json.dumps(answer), (create, patch, answer)
