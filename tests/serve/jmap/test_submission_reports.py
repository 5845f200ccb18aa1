"""Reports that came back, as an EmailSubmission shows them: `deliveryStatus`, `dsnBlobIds`, `mdnBlobIds` (RFC 8621 §7)."""

from jmap_site import CORE, MAIL, Site

from office import DOMAIN
from queue_run import run_queue

SUBMISSION = "urn:ietf:params:jmap:submission"
DRAFT = (
    f"From: alice@{DOMAIN}\r\nTo: ann@far.test\r\nSubject: hello\r\nMessage-ID: <sent@{DOMAIN}>\r\n\r\nGood morning.\r\n"
).encode()
STATUS = (
    b"Reporting-MTA: dns; far.test\r\n\r\nFinal-Recipient: rfc822; ann@far.test\r\nAction: delivered\r\nStatus: 2.1.5\r\n"
    b"Diagnostic-Code: smtp; 250 2.1.5 in the box\r\n"
)
RECEIPT = b"Final-Recipient: rfc822; ann@far.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"


def report(kind: bytes, part: bytes, fields: bytes) -> bytes:
    return (
        b"From: mailer@far.test\r\nTo: alice@uiowa.test\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=%b; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\nContent-Type: message/%b\r\n\r\n%b\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <sent@uiowa.test>\r\n\r\n--b--\r\n"
    ) % (kind, part, fields)


async def call(site: Site, name: str, **arguments: object) -> dict:
    answer = await site.post([[name, {"accountId": site.id, **arguments}, "c"]], using=(CORE, MAIL, SUBMISSION))
    ((found, made, _),) = answer.json()["methodResponses"]
    assert found == name, made
    return made


async def test_what_came_back_is_shown_and_can_be_had(site: Site):
    identity = (await call(site, "Identity/get"))["list"][0]["id"]
    made = {"identityId": identity, "emailId": await site.put(DRAFT, "Sent")}
    answer = await call(site, "EmailSubmission/set", create={"k": made})
    id = answer["created"]["k"]["id"]

    async def now(*properties: str) -> dict:
        (found,) = (await call(site, "EmailSubmission/get", ids=[id], properties=list(properties)))["list"]
        return found

    assert await now("dsnBlobIds", "mdnBlobIds") == {"id": id, "dsnBlobIds": [], "mdnBlobIds": []}
    await run_queue(site.office)
    before = (await call(site, "EmailSubmission/get", ids=[]))["state"]
    delivered = report(b"delivery-status", b"delivery-status", STATUS)
    displayed = report(b"disposition-notification", b"disposition-notification", RECEIPT)
    await site.office.take(None, "alice", content=delivered)
    assert (await now("deliveryStatus"))["deliveryStatus"]["ann@far.test"] == {
        "smtpReply": "250 2.1.5 in the box",
        "delivered": "yes",
        "displayed": "unknown",
    }
    await site.office.take(None, "alice", content=displayed)
    after = await now("deliveryStatus", "dsnBlobIds", "mdnBlobIds")
    assert after["deliveryStatus"]["ann@far.test"]["displayed"] == "yes"
    for name, content in (("dsnBlobIds", delivered), ("mdnBlobIds", displayed)):
        (blob_id,) = after[name]
        answer = await site.http.get(f"/jmap/download/{site.id}/{blob_id}/x")
        assert answer.content.endswith(content), "the whole message, as it came"
    changed = await call(site, "EmailSubmission/changes", sinceState=before)
    assert changed["updated"] == [id]
