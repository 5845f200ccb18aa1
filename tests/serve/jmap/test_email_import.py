"""Messages that were uploaded become Emails (RFC 8621 §4.8)."""

from pathlib import Path

import pytest
from jmap_site import Site, open_jmap

from office import open_office
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits

TEXT = b"From: ann@far.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n\r\nGood morning.\r\n"
HOPS = (
    b"Received: from b.test by c.test; (a comment; here)\r\n Tue, 24 Nov 2026 11:30:00 +0100 (CET)\r\n"
    b"Received: from a.test by b.test; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
)


async def upload(site: Site, content: bytes) -> str:
    answer = await site.http.post(f"/jmap/upload/{site.id}", content=content)
    return answer.json()["blobId"]


async def import_(site: Site, content: bytes, **more: object) -> dict:
    """What is said of the new Email; in Inbox unless said."""
    given = {"blobId": await upload(site, content), "mailboxIds": {await site.mailbox_id("Inbox"): True}, **more}
    answer = await site.call("Email/import", emails={"k": given})
    assert answer["notCreated"] is None, answer
    return answer["created"]["k"]


async def refused(site: Site, **email: object) -> dict:
    """Why it cannot be imported; the present state is the old one."""
    before = await state_of(site)
    given = {"mailboxIds": {await site.mailbox_id("Inbox"): True}, **email}
    answer = await site.call("Email/import", emails={"k": given})
    assert answer["created"] is None and answer["newState"] == answer["oldState"] == before, answer
    return answer["notCreated"]["k"]


async def get(site: Site, id: str, *properties: str) -> dict:
    return (await site.call("Email/get", ids=[id], properties=list(properties)))["list"][0]


async def state_of(site: Site) -> str:
    return (await site.call("Email/get", ids=[]))["state"]


async def octets(site: Site, blob_id: str) -> bytes:
    return (await site.http.get(f"/jmap/download/{site.id}/{blob_id}/x")).content


async def test_an_upload_becomes_an_email(site: Site):
    before = await state_of(site)
    inbox, archive = await site.mailbox_id("Inbox"), await site.mailbox_id("Archive")
    blob_id = await upload(site, TEXT)
    answer = await site.call(
        "Email/import",
        ifInState=before,
        emails={
            "k": {
                "blobId": blob_id,
                "mailboxIds": {inbox: True, archive: True},
                "keywords": {"$seen": True, "Work": True},
                "receivedAt": "2018-07-10T01:03:11Z",
            }
        },
    )
    made = answer["created"]["k"]
    assert answer == {
        "accountId": site.id,
        "oldState": before,
        "newState": await state_of(site),
        "created": {"k": {"id": made["id"], "blobId": made["blobId"], "threadId": made["threadId"], "size": len(TEXT)}},
        "notCreated": None,
    }
    assert await get(site, made["id"], "mailboxIds", "keywords", "receivedAt", "subject") == {
        "id": made["id"],
        "mailboxIds": {inbox: True, archive: True},
        "keywords": {"$seen": True, "work": True},
        "receivedAt": "2018-07-10T01:03:11Z",
        "subject": "hello",
    }
    assert await octets(site, made["blobId"]) == TEXT


@pytest.mark.parametrize(
    ("head", "received"),
    [
        (HOPS, "2026-11-24T10:30:00Z"),
        (b"", "2026-11-24T10:00:00Z"),
        (b"Received: from somewhere, some time\r\n", "2026-11-24T10:00:00Z"),
        (b"Received: by a.test; Mon, 1 Jan 0001 00:00:00 +1000\r\n", "2026-11-24T10:00:00Z"),
    ],
)
async def test_the_default_date_is_that_of_the_last_hop_or_now(site: Site, head: bytes, received: str):
    made = await import_(site, head + TEXT)
    assert (await get(site, made["id"], "receivedAt"))["receivedAt"] == received


async def test_the_same_message_twice_makes_two_emails(site: Site):
    first, second = await import_(site, TEXT), await import_(site, TEXT)
    assert first["id"] != second["id"] and first["threadId"] == second["threadId"]
    await site.call("Email/set", update={first["id"]: {"keywords/$seen": True}})
    assert (await get(site, second["id"], "keywords"))["keywords"] == {}


async def test_large_ones_and_internationalized_ones(site: Site):
    content = "Subject: Grüße\r\nFrom: ännchen@fär.test\r\n\r\n".encode() + b"x" * 200_000 + b"\r\n"
    made = await import_(site, content)
    assert await octets(site, made["blobId"]) == content
    email = await get(site, made["id"], "subject", "from")
    assert email["subject"] == "Grüße" and email["from"] == [{"name": None, "email": "ännchen@fär.test"}]


async def test_other_blobs_can_be_imported_too(site: Site):
    """A message that is there, or one that is attached to it."""
    whole = (
        b'Subject: forwarded\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m"\r\n\r\n'
        b"--m\r\nContent-Type: message/rfc822\r\n\r\n" + TEXT + b"\r\n--m--\r\n"
    )
    id = await site.put(whole)
    again = await import_(site, TEXT, blobId="B" + id[1:])
    assert await octets(site, again["blobId"]) == whole
    inner = await import_(site, TEXT, blobId=f"B{id[1:]}_1")
    assert (await get(site, inner["id"], "subject"))["subject"] == "hello"
    uploaded = await upload(site, whole)
    inner = await import_(site, TEXT, blobId=f"{uploaded}_1")
    assert (await get(site, inner["id"], "subject"))["subject"] == "hello"


async def test_many_at_once_each_for_itself(site: Site):
    inbox = await site.mailbox_id("Inbox")
    where = {"mailboxIds": {inbox: True}}
    large = b"Subject: large\r\n\r\n" + b"y" * 70_000
    emails: dict[str, dict] = {f"k{n}": {"blobId": await upload(site, TEXT + b"%d" % n), **where} for n in range(60)}
    emails |= {f"l{n}": {"blobId": await upload(site, large + b"%d" % n), **where} for n in range(6)}
    emails["bad"] = {"blobId": "B999", **where}
    view = await site.mail.open_mailboxes.open(
        site.account.id, await site.mail.mailboxes.inbox(site.account.id), claim_recent=False
    )
    answer = await site.call("Email/import", emails=emails)
    assert len(answer["created"]) == 66 and set(answer["notCreated"]) == {"bad"}
    assert view.take_updates(expunges=True).exists == 66
    view.close()


@pytest.mark.parametrize(
    ("email", "wrong"),
    [
        ({}, ["blobId"]),
        ({"blobId": 1}, ["blobId"]),
        ({"blobId": "B999"}, ["blobId"]),
        ({"blobId": "U" + "0" * 64}, ["blobId"]),
        ({"blobId": "nonsense"}, ["blobId"]),
        ({"blobId": "known", "mailboxIds": {}}, ["mailboxIds"]),
        ({"blobId": "known", "mailboxIds": {"m999": True}}, ["mailboxIds"]),
        ({"blobId": "known", "keywords": {"$seen": "yes"}}, ["keywords"]),
        ({"blobId": "known", "receivedAt": "2018-07-10"}, ["receivedAt"]),
        ({"blobId": 1, "mailboxIds": None, "subject": "x"}, ["mailboxIds", "subject", "blobId"]),
    ],
)
async def test_what_cannot_be_is_refused(site: Site, email: dict, wrong: list[str]):
    if email.get("blobId") == "known":
        email = {**email, "blobId": await upload(site, TEXT)}
    problem = await refused(site, **email)
    assert (problem["type"], problem["properties"]) == ("invalidProperties", wrong)


@pytest.mark.parametrize("content", [b"", b"\r\n\r\nno header\r\n", b"\x00\x01\x02", b"just words\r\n\r\nmore\r\n"])
async def test_what_has_no_header_is_no_message(site: Site, content: bytes):
    problem = await refused(site, blobId=await upload(site, content))
    assert problem["type"] == "invalidEmail"


async def test_limits(tmp_path: Path):
    limits = Limits(account_octets=300_000, message_octets=100_000, keywords=1, mailboxes_per_message=1)
    async with open_office(tmp_path / "data", limits=limits) as office, open_jmap(office) as site:
        known = await upload(site, TEXT)
        ids = [await site.mailbox_id(name) for name in ("Inbox", "Sent")]
        assert (await refused(site, blobId=known, mailboxIds=dict.fromkeys(ids, True)))["type"] == "tooManyMailboxes"
        assert (await refused(site, blobId=known, keywords={"a": True, "b": True}))["type"] == "tooManyKeywords"
        assert (await refused(site, blobId=await upload(site, TEXT + b"z" * 100_000)))["type"] == "tooLarge"
        id = await site.put(b"Subject: a\r\n\r\n" + b"x" * 98_000, flags=FlagSet.of("a"))
        await site.put(b"Subject: a\r\n\r\n" + b"x" * 150_000)
        assert (await refused(site, blobId="B" + id[1:]))["type"] == "overQuota"
        office.mail.spools.transit.take_doubtful()
        assert (await site.call("Email/import", emails={}))["created"] is None


async def test_if_in_state(site: Site):
    state = await state_of(site)
    email = {"blobId": await upload(site, TEXT), "mailboxIds": {await site.mailbox_id("Inbox"): True}}
    await site.call("Email/import", ifInState=state, emails={"k": email})
    assert (await site.fail("Email/import", ifInState=state, emails={"k": email}))["type"] == "stateMismatch"
    assert (await site.fail("Email/import", emails={"a b": email}))["type"] == "invalidArguments"
    assert (await site.mailboxes("totalEmails"))["Inbox"]["totalEmails"] == 1


async def test_a_new_email_can_be_referred_to_in_the_same_request(site: Site):
    email = {"blobId": await upload(site, TEXT), "mailboxIds": {"#box": True}}
    responses = await site.calls(
        ("Mailbox/set", {"create": {"box": {"name": "Old mail"}}}),
        ("Email/import", {"emails": {"k": email}}),
        ("Email/set", {"update": {"#k": {"keywords/$seen": True}}}),
    )
    assert list(responses[2][1]["updated"]) == [responses[1][1]["created"]["k"]["id"]]
