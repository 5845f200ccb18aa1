"""What the session promises can be had, to the last octet (RFC 8621 §1.3.1)."""

from pathlib import Path

from jmap_site import MAIL, Site, open_jmap

from office import open_office
from pillarbox.model.limits import Limits


async def told(site: Site) -> dict:
    """The account's part of the capability."""
    session = (await site.http.get("/jmap/session")).json()
    return session["accounts"][site.id]["accountCapabilities"][MAIL]


async def test_a_mailbox_name_may_be_as_long_as_the_session_says(site: Site):
    most = (await told(site))["maxSizeMailboxName"]
    made = await site.call("Mailbox/set", create={"k": {"name": "ü" * (most // 2)}, "n": {"name": "x" * (most + 1)}})
    assert list(made["created"]) == ["k"] and made["notCreated"]["n"]["properties"] == ["name"]
    assert (await site.call("Mailbox/set", create={"k": {"name": "x" * most}}))["notCreated"] is None


async def test_attachments_of_the_size_that_the_session_says_fit_in_one_email(tmp_path: Path):
    limits = Limits(message_octets=1_000_000, jmap_upload_octets=1_000_000)
    async with open_office(tmp_path, limits=limits) as office, open_jmap(office) as site:
        most = (await told(site))["maxSizeAttachmentsPerEmail"]
        assert most > 700_000
        blobs = []
        for size in (most // 2, most - most // 2):
            half = await site.http.post(f"/jmap/upload/{site.id}", content=(bytes(range(256)) * 4_000)[:size])
            blobs.append(half.json()["blobId"])
        email = {
            "mailboxIds": {await site.mailbox_id("Drafts"): True},
            "attachments": [{"blobId": blob, "type": "application/octet-stream"} for blob in blobs],
        }
        made = await site.call("Email/set", create={"k": email})
        assert made["notCreated"] is None
        assert made["created"]["k"]["size"] <= limits.message_octets


async def test_an_email_is_in_as_many_mailboxes_as_the_session_says(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(mailboxes_per_message=3)) as office, open_jmap(office) as site:
        assert (await told(site))["maxMailboxesPerEmail"] == 3
        ids = [one["id"] for one in (await site.mailboxes("id")).values()]
        emails = {f"k{count}": {"mailboxIds": dict.fromkeys(ids[:count], True)} for count in (3, 4)}
        made = await site.call("Email/set", create=emails)
        assert list(made["created"]) == ["k3"] and made["notCreated"]["k4"]["type"] == "tooManyMailboxes"
