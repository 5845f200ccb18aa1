"""MDN/send and MDN/parse over HTTP (RFC 9007, RFC 8098)."""

import asyncio

import pytest
from jmap_site import CORE, MAIL, Site

from office import DOMAIN, address, client_facts
from pillarbox.core.sending.receipts import ORIGINAL_OCTETS
from pillarbox.core.sending.submission_check import Wanted
from pillarbox.grammar.jmap.mdn import PROPERTIES
from pillarbox.model.ids import MessageId
from pillarbox.model.keywords import FlagSet

MDN = "urn:ietf:params:jmap:mdn"
MANUAL = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
AUTOMATIC = {"actionMode": "automatic-action", "sendingMode": "mdn-sent-automatically", "type": "displayed"}
ASKS = (
    b"From: ann@far.test\r\nTo: alice@uiowa.test\r\nSubject: World domination\r\nMessage-ID: <1@far.test>\r\n"
    b"Disposition-Notification-To: Ann <ann@far.test>\r\n\r\nGood morning.\r\n"
)


async def run(site: Site, name: str, *, using: tuple[str, ...] = (CORE, MAIL, MDN), **arguments: object) -> list[list]:
    answer = await site.post([[name, {"accountId": site.id, **arguments}, "c"]], using=using)
    assert answer.status_code == 200, answer.text
    return answer.json()["methodResponses"]


async def identity_id(site: Site) -> str:
    await site.mail.identities.all(site.account)
    (identity,) = await site.mail.identities.all(site.account)
    return f"i{identity.id}"


async def send(site: Site, *ids: str, patch: dict | None = None, **more: object) -> list[list]:
    """One receipt for each, k0, k1 …; the keyword is set unless `patch` says otherwise."""
    value = {"disposition": MANUAL, **more}
    return await run(
        site,
        "MDN/send",
        identityId=await identity_id(site),
        send={f"k{n}": {"forEmailId": id, **value} for n, id in enumerate(ids)},
        onSuccessUpdateEmail={f"#k{n}": patch or {"keywords/$mdnsent": True} for n in range(len(ids))},
    )


async def problem(site: Site, *ids: str, **more: object) -> dict:
    """The SetError of the only one."""
    ((name, answer, _),) = await send(site, *ids, **more)
    assert name == "MDN/send" and answer["sent"] is None, answer
    return answer["notSent"]["k0"]


async def queued(site: Site) -> list[tuple[list[str], bytes]]:
    found = []
    for message in await site.mail.queue.list():
        assert message.reverse_path is None
        async with await site.mail.queue.content(message.id) as content:
            found.append(([str(one.address) for one in message.recipients], await content.read()))
    return found


async def keywords(site: Site, id: str) -> dict:
    ((_, answer, _),) = await run(site, "Email/get", ids=[id], properties=["keywords"])
    return answer["list"][0]["keywords"]


async def test_the_session_has_the_capability(site: Site):
    session = (await site.http.get("/.well-known/jmap", follow_redirects=True)).json()
    assert session["capabilities"][MDN] == session["accounts"][site.id]["accountCapabilities"][MDN] == {}


async def test_both_capabilities_are_needed_to_send(site: Site):
    for using in ((CORE, MAIL), (CORE, MDN)):
        ((name, answer, _),) = await run(site, "MDN/send", using=using, identityId="i1", send={})
        assert (name, answer["type"]) == ("error", "unknownMethod")


async def test_a_receipt_is_sent_and_the_email_says_so(site: Site):
    """RFC 9007 §3.1."""
    id = await site.put(ASKS)
    responses = await send(
        site,
        id,
        subject="Read receipt for: World domination",
        textBody="It has been displayed.",
        reportingUA="joes-pc.cs.example.com; Foomail 97.1",
        extensionFields={"EXTENSION-EXAMPLE": "example.com"},
        patch={"keywords/$mdnsent": True, "keywords/$seen": True},
    )
    (name, answer, _), (follows, change, _) = responses
    assert (name, follows) == ("MDN/send", "Email/set")
    assert answer["notSent"] is None
    told = answer["sent"]["k0"]
    assert told["finalRecipient"] == f"rfc822; alice@{DOMAIN}"
    assert told["originalMessageId"] == "<1@far.test>"
    assert "subject" not in told and told["includeOriginalMessage"] is False
    assert id in change["updated"]
    assert await keywords(site, id) == {"$mdnsent": True, "$seen": True}
    ((recipients, receipt),) = await queued(site)
    assert recipients == ["ann@far.test"]
    for said in (
        b"From: alice@uiowa.test\r\n", b"To: ann@far.test\r\n", b"Subject: Read receipt for: World domination\r\n",
        b"report-type=disposition-notification", b"Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\n",
        b"Final-Recipient: rfc822; alice@uiowa.test\r\n", b"Original-Message-ID: <1@far.test>\r\n",
        b"Disposition: manual-action/MDN-sent-manually; displayed\r\n", b"EXTENSION-EXAMPLE: example.com\r\n",
    ):  # fmt: skip
        assert said in receipt, said
    assert b"Disposition-Notification-To" not in receipt
    assert b"Good morning" not in receipt


async def test_a_message_has_one_receipt(site: Site):
    id = await site.put(ASKS)
    await send(site, id)
    assert (await problem(site, id))["type"] == "mdnAlreadySent"
    other = await site.put(ASKS, flags=FlagSet.of("$MDNSent"))
    assert (await problem(site, other))["type"] == "mdnAlreadySent"
    third = await site.put(ASKS)
    answers = await asyncio.gather(*(send(site, third) for _ in range(4)))
    assert sum(answer[0][1]["sent"] is not None for answer in answers) == 1
    fourth = await site.put(ASKS)
    (_, answer, _), *_ = await send(site, fourth, fourth)
    assert list(answer["sent"]) == ["k0"] and answer["notSent"]["k1"]["type"] == "mdnAlreadySent"
    assert len(await queued(site)) == 3


async def test_the_keyword_is_set_with_the_receipt_whatever_follows(site: Site):
    """What the client wants changed besides may fail; a receipt is not sent again for that."""
    id = await site.put(ASKS)
    _, (name, change, _) = await send(site, id, patch={"keywords/$mdnsent": True, "mailboxIds/m999": True})
    assert name == "Email/set" and id in change["notUpdated"]
    assert await keywords(site, id) == {"$mdnsent": True}


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (ASKS.replace(b"Disposition-Notification-To: Ann <ann@far.test>\r\n", b""), "notFound"),
        (ASKS.replace(b"Ann <ann@far.test>", b"nobody"), "notFound"),
        (
            b"Disposition-Notification-To: ann@far.test\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nx\r\n"
            b"--x\r\nContent-Type: message/disposition-notification\r\n\r\n\r\n--x--\r\n",
            "forbidden",
        ),
    ],
)
async def test_a_message_that_wants_no_receipt_or_is_one_gets_none(site: Site, content: bytes, type: str):
    id = await site.put(content)
    assert (await problem(site, id))["type"] == type
    assert await queued(site) == [] and await keywords(site, id) == {}


@pytest.mark.parametrize("id", ["e999", "m1", "nonsense", "#k9"])
async def test_an_email_that_is_not_there(site: Site, id: str):
    assert (await problem(site, id))["type"] == "notFound"


async def test_nothing_is_sent_unasked_where_others_would_get_it(site: Site):
    """RFC 8098 §2.1: Disposition-Notification-To must be the Return-Path."""
    other = await site.put(ASKS)
    assert (await problem(site, other, disposition=AUTOMATIC))["type"] == "forbidden"
    await site.office.take("ann@far.test", "alice", content=ASKS)
    await site.office.take("eve@far.test", "alice", content=ASKS)
    ((_, answer, _),) = await run(site, "Email/query", sort=[{"property": "receivedAt", "isAscending": True}])
    (_, first, second) = sorted(answer["ids"], key=lambda id: int(id[1:]))
    assert (await problem(site, second, disposition=AUTOMATIC))["type"] == "forbidden"
    (_, answer, _), _ = await send(site, first, disposition=AUTOMATIC)
    assert answer["sent"]
    (_, answer, _), _ = await send(site, second)
    assert answer["sent"], "its reader was asked"


async def test_the_final_recipient_may_be_an_alias_and_nobody_else(site: Site):
    await site.mail.directory.add_alias(address("support"), (address("alice"),))
    await site.mail.accounts.add(address("bob"), None)
    id = await site.put(ASKS)
    for who in (f"bob@{DOMAIN}", "rfc822; eve@far.test"):
        assert (await problem(site, id, finalRecipient=who))["type"] == "forbiddenFrom"
    wrong = await problem(site, id, finalRecipient="nobody", colour="red")
    assert (wrong["type"], wrong["properties"]) == ("invalidProperties", ["colour", "finalRecipient"])
    (_, answer, _), _ = await send(site, id, finalRecipient=f"rfc822; support@{DOMAIN}")
    assert "finalRecipient" not in answer["sent"]["k0"]
    ((_, receipt),) = await queued(site)
    assert b"Final-Recipient: rfc822; support@uiowa.test\r\n" in receipt


async def test_the_original_goes_back_where_it_is_wanted_and_not_too_large(site: Site):
    id = await site.put(ASKS)
    large = await site.put(ASKS + b"x" * 70 + b"\r\n" + b"line\r\n" * (ORIGINAL_OCTETS // 6))
    assert (await problem(site, large, includeOriginalMessage=True))["type"] == "tooLarge"
    middle = await site.put(ASKS + b"line\r\n" * 50_000)
    await send(site, id, middle, includeOriginalMessage=True)
    ((_, small), (_, longer)) = await queued(site)
    assert ASKS in small and b"Content-Type: message/rfc822\r\n" in small
    assert longer.count(b"line\r\n") == 50_000
    (_, answer, _), _ = await send(site, large)
    assert answer["sent"]


async def test_what_was_the_original_recipient_is_told(site: Site):
    """RFC 8098 §3.2.3."""
    id = await site.put(b"Original-Recipient: rfc822;team@far.test\r\n" + ASKS)
    (_, answer, _), _ = await send(site, id)
    assert answer["sent"]["k0"]["originalRecipient"] == "rfc822; team@far.test"


async def test_the_whole_call_is_refused_where_the_keyword_would_not_be_set(site: Site):
    id = await site.put(ASKS)
    identity = await identity_id(site)
    value = {"forEmailId": id, "disposition": MANUAL}
    for patches in (
        None, {}, {"#k": {"keywords/$seen": True}}, {"#k": {"keywords/$mdnsent": None}}, {"#k": {"keywords": {}}},
        {"#k": {"keywords/$mdnsent": True}, "#other": {"keywords/$mdnsent": True}}, {id: {"keywords/$mdnsent": True}},
    ):  # fmt: skip
        ((name, answer, _),) = await run(
            site, "MDN/send", identityId=identity, send={"k": value}, onSuccessUpdateEmail=patches
        )
        assert (name, answer["type"]) == ("error", "invalidArguments"), patches
    assert await queued(site) == []
    (_, answer, _), _ = await run(
        site, "MDN/send", identityId=identity, send={"k": value},
        onSuccessUpdateEmail={"#k": {"keywords": {"$mdnsent": True}}},
    )  # fmt: skip
    assert answer["sent"]


async def test_an_account_or_an_identity_that_is_not_there(site: Site):
    """RFC 9007 §2.1: invalidArguments."""
    for arguments in (
        {"accountId": "a999", "identityId": "i1"},
        {"identityId": "i999"},
        {"identityId": "e1"},
        {"identityId": "i1", "send": {"not an id": {}}},
        {"identityId": "i1", "send": {"k": 1}},
        {"send": {}},
    ):
        ((name, answer, _),) = await run(site, "MDN/send", **{"send": {}, **arguments})
        assert (name, answer["type"]) == ("error", "invalidArguments"), arguments
    ((name, answer, _),) = await run(site, "MDN/parse", accountId="a999", blobIds=[])
    assert (name, answer["type"]) == ("error", "invalidArguments")


async def test_an_email_may_be_made_in_the_same_request(site: Site):
    """RFC 8620 §5.3: `#` and a creation id, as everywhere."""
    inbox = await site.mailbox_id("Inbox")
    identity = await identity_id(site)
    answer = await site.post(
        [
            [
                "Email/set",
                {
                    "accountId": site.id,
                    "create": {
                        "mine": {
                            "mailboxIds": {inbox: True},
                            "header:Disposition-Notification-To:asText": "ann@far.test",
                            "subject": "x",
                        }
                    },
                },
                "1",
            ],
            [
                "MDN/send",
                {
                    "accountId": site.id,
                    "identityId": identity,
                    "send": {"k": {"forEmailId": "#mine", "disposition": MANUAL}},
                    "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": True}},
                },
                "2",
            ],
        ],
        using=(CORE, MAIL, MDN),
    )
    (_, made, _), (_, sent, _), (name, change, _) = answer.json()["methodResponses"]
    assert sent["sent"]["k"] and name == "Email/set"
    assert list(change["updated"]) == [made["created"]["mine"]["id"]]


# --- MDN/parse -------------------------------------------------------------------------------------------------------

RECEIPT = (
    b"From: ann@far.test\r\nTo: alice@uiowa.test\r\nSubject: Read\r\n"
    b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n\r\n"
    b"--x\r\n\r\nIt has been displayed.\r\n--x\r\nContent-Type: message/disposition-notification\r\n\r\n"
    b"Final-Recipient: rfc822;ann@far.test\r\nOriginal-Message-ID: <mine@uiowa.test>\r\n"
    b"Disposition: Manual-Action/MDN-sent-manually; Displayed\r\n\r\n--x--\r\n"
)


async def test_blobs_are_read_as_receipts(site: Site):
    """RFC 9007 §3.3."""
    id = await site.put(RECEIPT)
    other = await site.put(ASKS)
    ((name, answer, _),) = await run(
        site, "MDN/parse", blobIds=[f"B{id[1:]}", f"B{other[1:]}", "B999", "nonsense", f"B{id[1:]}"], using=(CORE, MDN)
    )
    assert name == "MDN/parse"
    assert answer["notParsable"] == [f"B{other[1:]}"] and answer["notFound"] == ["B999", "nonsense"]
    assert answer["parsed"] == {
        f"B{id[1:]}": {
            "forEmailId": None, "subject": "Read", "textBody": "It has been displayed.",
            "includeOriginalMessage": False, "reportingUA": None, "disposition": MANUAL, "mdnGateway": None,
            "originalRecipient": None, "finalRecipient": "rfc822; ann@far.test",
            "originalMessageId": "<mine@uiowa.test>", "error": None, "extensionFields": None,
        }
    }  # fmt: skip


async def test_nothing_to_read_is_no_failure(site: Site):
    ((_, answer, _),) = await run(site, "MDN/parse", blobIds=[])
    assert answer == {"accountId": site.id, "parsed": None, "notParsable": None, "notFound": None}


async def test_a_receipt_that_was_sent_here_is_read_as_what_was_sent(site: Site):
    bob = await site.mail.accounts.add(address("bob"), None)
    asks = ASKS.replace(b"ann@far.test", f"bob@{DOMAIN}".encode())
    await send(site, await site.put(asks), textBody="Grüße", reportingUA="Mail 1")
    (message,) = await site.mail.queue.claim()
    status = await site.mail.queued_delivery.deliver(message, message.recipients[0])
    await site.mail.queue.record(message.id, [status], None)
    ((_, receipt),) = await site.office.contents(bob.id, "INBOX")
    upload = (await site.http.post(f"/jmap/upload/{site.id}", content=receipt)).json()
    ((_, answer, _),) = await run(site, "MDN/parse", blobIds=[upload["blobId"]])
    parsed = answer["parsed"][upload["blobId"]]
    assert (parsed["textBody"].strip(), parsed["reportingUA"]) == ("Grüße", "Mail 1")
    assert parsed["disposition"] == MANUAL and parsed["originalMessageId"] == "<1@far.test>"


async def test_a_receipt_names_the_email_that_was_submitted(site: Site):
    """RFC 9007 §2.2, forEmailId."""
    await identity_id(site)
    (identity,) = await site.mail.identities.all(site.account)
    asks = (
        b"From: alice@uiowa.test\r\nTo: ann@far.test\r\nMessage-ID: <mine@uiowa.test>\r\n"
        b"Disposition-Notification-To: alice@uiowa.test\r\n\r\nRead me.\r\n"
    )
    sent = await site.put(asks, "Sent")
    await site.mail.submissions.submit(client_facts(site.account), Wanted(identity.id, MessageId(int(sent[1:]))))
    receipt = await site.put(RECEIPT)
    ((_, answer, _),) = await run(site, "MDN/parse", blobIds=[f"B{receipt[1:]}"])
    assert answer["parsed"][f"B{receipt[1:]}"]["forEmailId"] == sent


ODD = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "ü\0\N{GRINNING FACE}",
    "\r\nBcc: x",
    "a" * 2_000,
    [],
    ["x"],
    {},
    {"x": 1},
    "e1",
]


@pytest.mark.parametrize("name", [*PROPERTIES, "keywords"])
async def test_odd_values_are_answered_in_the_words_of_the_standard(site: Site, name: str):
    id = await site.put(ASKS)
    for value in ODD:
        if name == "keywords":
            responses = await send(site, id, patch={"keywords/$mdnsent": True, "keywords/x": value})
        else:
            responses = await send(site, id, **{name: value}) if name != "forEmailId" else await run(
                site, "MDN/send", identityId=await identity_id(site), send={"k": {"forEmailId": value, "disposition": MANUAL}},
                onSuccessUpdateEmail={"#k": {"keywords/$mdnsent": True}},
            )  # fmt: skip
        assert "serverFail" not in str(responses), value
