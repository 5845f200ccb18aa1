"""Every method, and every argument of it in which an id may stand: how mallory asks for what is alice's.

`%email` is hers, or in the second round nobody's; `%my_email` is of who asks. A probe that is `seen` answers alice herself
otherwise for what she has than for what nobody has: so it does ask for the thing. `unseen` are those for which that cannot
be: the id is none of that type, or the method looks at something else first.

An argument that is named nowhere here, and not in `NO_IDS`, fails the test, as does a method without a row.
"""

from typing import Any

import msgspec


class Probe(msgspec.Struct, frozen=True):
    """Arguments; `accountId` is added."""

    arguments: dict[str, Any]
    is_seen: bool


def seen(**arguments: Any) -> Probe:
    return Probe(arguments, True)


def unseen(**arguments: Any) -> Probe:
    return Probe(arguments, False)


def each(argument: str, *names: str) -> list[Probe]:
    """One id at a time."""
    return [seen(**{argument: [f"%{name}"]}) for name in names]


NO_IDS = frozenset(
    (
        "properties", "bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues",
        "maxBodyValueBytes", "sort", "position", "anchorOffset", "limit", "calculateTotal", "collapseThreads",
        "sortAsTree", "filterAsTree", "maxChanges", "offset", "length", "typeNames", "onDestroyRemoveEmails",
        "onDestroyRemoveContents", "onSuccessDestroyOriginal", "dialogues",
    )
)  # fmt: skip
"""Arguments that name nothing."""

MESSAGES = ("blob", "large_blob", "upload", "large_upload")
PARTS = ("part", "upload_part")
PICTURES = ("picture", "card_picture")
BLOBS = (*MESSAGES, *PARTS, *PICTURES)
MINE = {"%my_mailbox": True}
NEWEST = [{"property": "receivedAt", "isAscending": False}]
MANUAL = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
SENT = {"keywords/$mdnsent": True}
ENVELOPE = {"mailFrom": {"email": "%my_address"}, "rcptTo": [{"email": "eve@other.test"}]}
CHANGES = [seen(sinceState="%state")]
IN_STATE = seen(ifInState="%state")


def queries(anchor: str, *filters: dict[str, Any]) -> dict[str, list[Probe]]:
    """Of /query and /queryChanges."""
    anchors = [seen(anchor=anchor), seen(anchor=anchor, anchorOffset=-1, limit=1)]
    since = [seen(sinceQueryState="%state"), unseen(sinceQueryState="%my_state", upToId=anchor)]
    return {
        "query": [*anchors, *(seen(filter=one) for one in filters)],
        "queryChanges": [*since, *(unseen(sinceQueryState="%my_state", filter=one) for one in filters)],
    }


def copies(id: str) -> list[Probe]:
    """Of /copy: whoever has one account alone copies nothing."""
    return [
        seen(fromAccountId="%account", create={}),
        unseen(fromAccountId="%account", create={"k": {"id": id}}),
        unseen(fromAccountId="%me", create={"k": {"id": id}}),
        unseen(fromAccountId="%me", create={}, ifFromInState="%state", ifInState="%state"),
        unseen(fromAccountId="%account", create={}, destroyFromIfInState="%state"),
    ]


MAILBOX = queries(
    "%mailbox",
    {"parentId": "%mailbox"},
    {"name": "%word"},
    {"operator": "AND", "conditions": [{"parentId": "%mailbox"}, {"hasAnyRole": False}]},
)
EMAIL = queries(
    "%email",
    {"inMailbox": "%mailbox"},
    {"inMailboxOtherThan": ["%mailbox"]},
    {"operator": "OR", "conditions": [{"inMailbox": "%mailbox"}, {"from": "%word"}]},
    {"header": ["Message-ID", "%message_id"]},
    {"text": "%word"},
    {"subject": "%word"},
    {"body": "%word"},
    {"to": "%address"},
)
SUBMISSION = queries(
    "%submission", {"identityIds": ["%identity"]}, {"emailIds": ["%draft"]}, {"threadIds": ["%draft_thread"]}
)
CARD = queries(
    "%card", {"inAddressBook": "%book"}, {"uid": "%card_uid"}, {"hasMember": "%member_uid"}, {"text": "%word"},
    {"operator": "OR", "conditions": [{"inAddressBook": "%book"}]},
)  # fmt: skip
QUEUED = queries("%queued", {"emailSubmissionIds": ["%submission"]})

TABLE: dict[str, list[Probe]] = {
    "Core/echo": [unseen(id="%email")],
    "Blob/copy": [
        seen(fromAccountId="%account", blobIds=[]),
        *(seen(fromAccountId="%me", blobIds=[f"%{name}"]) for name in BLOBS),
    ],
    "Blob/upload": [
        *(seen(create={"k": {"data": [{"blobId": f"%{name}"}]}}) for name in BLOBS),
        seen(create={"k": {"data": [{"data:asText": "a"}, {"blobId": "%blob", "offset": 5, "length": 3}]}}),
    ],
    "Blob/get": [
        *each("ids", *BLOBS),
        seen(ids=["%blob"], properties=["digest:sha-256", "size"]),
        seen(ids=["%large_blob"], properties=["data:asBase64"], offset=90_000, length=5),
        seen(ids=["%my_blob", "%blob"]),
    ],
    "Blob/lookup": [
        *(seen(ids=[f"%{name}"], typeNames=["Mailbox", "Thread", "Email"]) for name in ("blob", "part", "large_blob")),
        *(unseen(ids=[f"%{name}"], typeNames=["Email"]) for name in ("upload", "upload_part", *PICTURES)),
    ],
    "Quota/get": [unseen(ids=["%email"]), unseen(ids=["%account"])],
    "Quota/changes": CHANGES,
    "Quota/query": [seen(filter={"name": "%address"}), unseen(anchor="%email")],
    "Quota/queryChanges": [
        seen(sinceQueryState="%state", sort=[{"property": "used"}]),
        unseen(sinceQueryState="%my_state", filter={"name": "%address"}, upToId="%email"),
    ],
    "Mailbox/get": [*each("ids", "mailbox", "child"), seen(ids=["%my_mailbox", "%mailbox"])],
    "Mailbox/changes": CHANGES,
    "Mailbox/query": MAILBOX["query"],
    "Mailbox/queryChanges": MAILBOX["queryChanges"],
    "Mailbox/set": [
        IN_STATE,
        seen(create={"k": {"name": "new", "parentId": "%mailbox"}}),
        seen(update={"%my_mailbox": {"parentId": "%child"}}),
        seen(update={"%child": {"name": "stolen"}}),
        seen(update={"%child": {"parentId": "%my_mailbox"}}),
        unseen(update={"%child": {"totalThreads": 1}}),
        seen(update={"%child": {"isSubscribed": False}, "%my_child": {"parentId": "%child"}}),
        seen(destroy=["%mailbox"]),
        seen(destroy=["%child"], onDestroyRemoveEmails=True),
    ],
    "Thread/get": each("ids", "thread"),
    "Thread/changes": CHANGES,
    "Email/get": [
        *each("ids", "email", "large", "draft"),
        seen(ids=["%email"], properties=["preview", "bodyValues"], fetchAllBodyValues=True),
        seen(ids=["%my_email", "%email"], properties=["id"]),
    ],
    "Email/changes": CHANGES,
    "Email/query": [
        *EMAIL["query"],
        seen(filter={"inMailbox": "%mailbox"}, sort=NEWEST, limit=5, calculateTotal=True),
        seen(filter={"inMailbox": "%mailbox"}, sort=NEWEST, limit=1, calculateTotal=True, collapseThreads=True),
        seen(filter={"inMailbox": "%my_mailbox"}, sort=NEWEST, anchor="%email"),
    ],
    "Email/queryChanges": EMAIL["queryChanges"],
    "Email/set": [
        IN_STATE,
        seen(create={"k": {"mailboxIds": {"%mailbox": True}, "subject": "x"}}),
        *(seen(create={"k": {"mailboxIds": MINE, "attachments": [{"blobId": f"%{name}"}]}}) for name in BLOBS),
        seen(create={"k": {"mailboxIds": MINE, "bodyStructure": {"blobId": "%part", "type": "text/plain"}}}),
        seen(update={"%email": {"keywords/stolen": True}}),
        seen(update={"%email": {"keywords": {}}}),
        seen(update={"%email": {"mailboxIds/%my_mailbox": True}}),
        seen(update={"%email": {"subject": "another"}}),
        seen(update={"%my_email": {"mailboxIds/%mailbox": True}}),
        unseen(update={"%my_email": {"mailboxIds/%mailbox": None}}),
        seen(update={"%my_email": {"mailboxIds": {"%mailbox": True}}}),
        unseen(update={"%my_email": {"blobId": "%blob"}}),
        unseen(update={"%my_email": {"threadId": "%thread"}}),
        seen(destroy=["%email"]),
        seen(destroy=["%large", "%draft"]),
    ],
    "Email/import": [
        *(seen(emails={"k": {"blobId": f"%{name}", "mailboxIds": MINE}}) for name in BLOBS),
        seen(emails={"k": {"blobId": "%my_blob", "mailboxIds": {"%mailbox": True}}}),
        unseen(emails={"k": {"blobId": "%blob", "mailboxIds": {"%mailbox": True}}}),
        seen(emails={}, ifInState="%state"),
    ],
    "Email/copy": copies("%email"),
    "Email/parse": each("blobIds", *BLOBS),
    "SearchSnippet/get": [
        *each("emailIds", "email", "large"),
        seen(emailIds=["%my_email", "%email"], filter={"text": "%word"}),
        unseen(emailIds=["%my_email"], filter={"inMailbox": "%mailbox"}),
    ],
    "Identity/get": each("ids", "identity"),
    "Identity/changes": CHANGES,
    "Identity/set": [
        IN_STATE,
        seen(create={"k": {"email": "%address"}}),
        seen(update={"%identity": {"name": "stolen"}}),
        unseen(update={"%my_identity": {"email": "%address"}}),
        seen(destroy=["%identity"]),
    ],
    "EmailSubmission/get": each("ids", "submission"),
    "EmailSubmission/changes": CHANGES,
    "EmailSubmission/query": SUBMISSION["query"],
    "EmailSubmission/queryChanges": SUBMISSION["queryChanges"],
    "EmailSubmission/set": [
        IN_STATE,
        seen(create={"k": {"identityId": "%identity", "emailId": "%my_draft", "envelope": ENVELOPE}}),
        seen(create={"k": {"identityId": "%my_identity", "emailId": "%draft", "envelope": ENVELOPE}}),
        unseen(create={"k": {"identityId": "%identity", "emailId": "%my_submission"}}),
        seen(
            create={
                "k": {
                    "identityId": "%my_identity",
                    "emailId": "%my_draft",
                    "envelope": {"mailFrom": {"email": "%address"}, "rcptTo": [{"email": "eve@other.test"}]},
                }
            }
        ),
        unseen(onSuccessUpdateEmail={"%submission": {"keywords/stolen": True}}),
        unseen(onSuccessDestroyEmail=["%submission"]),
        seen(update={"%submission": {"undoStatus": "canceled"}}, onSuccessDestroyEmail=["%submission"]),
        seen(destroy=["%submission"], onSuccessUpdateEmail={"%submission": {"keywords/stolen": True}}),
    ],
    "VacationResponse/get": [unseen(ids=["%email"])],
    "VacationResponse/set": [
        IN_STATE,
        unseen(create={"%email": {"isEnabled": True}}),
        unseen(update={"%email": {"isEnabled": True}}),
        unseen(destroy=["%email"]),
    ],
    "PushSubscription/get": each("ids", "push"),
    "PushSubscription/set": [
        unseen(create={"k": {"deviceClientId": "%push", "url": "http://far.test/", "verificationCode": "%push_code"}}),
        seen(update={"%push": {"types": None}}),
        seen(update={"%push": {"verificationCode": "%push_code"}}),
        unseen(update={"%my_push": {"verificationCode": "%push_code"}}),
        seen(destroy=["%push"]),
    ],
    "MDN/send": [
        unseen(identityId="%my_identity", send={}, onSuccessUpdateEmail={"%email": SENT}),
        seen(
            identityId="%identity",
            send={"k": {"forEmailId": "%my_email", "disposition": MANUAL}},
            onSuccessUpdateEmail={"#k": SENT},
        ),
        seen(
            identityId="%my_identity",
            send={"k": {"forEmailId": "%email", "disposition": MANUAL}},
            onSuccessUpdateEmail={"#k": SENT},
        ),
    ],
    "MDN/parse": each("blobIds", *BLOBS),
    "AddressBook/get": each("ids", "book"),
    "AddressBook/changes": CHANGES,
    "AddressBook/set": [
        IN_STATE,
        unseen(create={"k": {"name": "shared", "shareWith": {"%account": {"mayRead": True}}}}),
        unseen(update={"%my_book": {"shareWith": {"%account": {"mayRead": True}}}}),
        seen(update={"%book": {"name": "stolen"}}),
        seen(onSuccessSetIsDefault="%book"),
        seen(destroy=["%book"], onDestroyRemoveContents=False),
        seen(destroy=["%book"], onDestroyRemoveContents=True),
    ],
    "ContactCard/get": each("ids", "card", "group"),
    "ContactCard/changes": CHANGES,
    "ContactCard/query": CARD["query"],
    "ContactCard/queryChanges": CARD["queryChanges"],
    "ContactCard/set": [
        IN_STATE,
        seen(create={"k": {"@type": "Card", "version": "1.0", "uid": "urn:new", "addressBookIds": {"%book": True}}}),
        *(
            seen(
                create={
                    "k": {
                        "@type": "Card",
                        "version": "1.0",
                        "media": {"m": {"@type": "Media", "kind": "logo", "blobId": f"%{name}"}},
                    }
                }
            )
            for name in BLOBS
        ),
        seen(update={"%card": {"kind": "org"}}),
        seen(update={"%my_card": {"addressBookIds/%book": True}}),
        seen(update={"%my_card": {"addressBookIds": {"%book": True}}}),
        seen(update={"%my_card": {"media": {"m": {"@type": "Media", "kind": "photo", "blobId": "%card_picture"}}}}),
        seen(update={"%my_card": {"media/p": {"@type": "Media", "kind": "photo", "blobId": "%picture"}}}),
        unseen(update={"%my_card": {"id": "%card"}}),
        seen(destroy=["%card"]),
    ],
    "ContactCard/copy": copies("%card"),
    "Passport/get": [*each("ids", "email", "submission", "queued", "message_id"), seen(ids=["%my_email", "%draft"])],
    "QueuedMessage/get": each("ids", "queued"),
    "QueuedMessage/changes": CHANGES,
    "QueuedMessage/query": QUEUED["query"],
    "QueuedMessage/queryChanges": QUEUED["queryChanges"],
    "QueuedMessage/set": [
        IN_STATE,
        unseen(create={"k": {"emailSubmissionId": "%submission"}}),
        seen(update={"%queued": {"retry": False}}),
        unseen(update={"%my_queued": {"emailSubmissionId": "%submission"}}),
        seen(destroy=["%queued"]),
    ],
    "RemoteImage/get": [unseen(ids=["%blob"]), unseen(ids=["%email"])],
}
