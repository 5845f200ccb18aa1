"""Email/query, Email/queryChanges, SearchSnippet/get, Email/parse (RFC 8621 §4.4, §4.5, §4.9, §5)."""

import base64
import random

import pytest
from jmap_site import Site

from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.grammar.message.words import Needle
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.jmap.email.snippet import excerpt, marked

SEEN = FlagSet.of("\\Seen")
NEWEST = [{"property": "receivedAt", "isAscending": False}]
OLDEST = [{"property": "receivedAt"}]


def mail(subject: str, text: str = "Good morning.", *, sender: str = "ann", number: str = "", to: str = "") -> bytes:
    fields = [f"From: {sender}@far.test", "To: alice@uiowa.test", f"Subject: {subject}"]
    fields += [f"Message-ID: <{number}@far.test>"] if number else []
    fields += [f"In-Reply-To: <{to}@far.test>"] if to else []
    fields += ["Content-Type: text/plain; charset=utf-8"]
    return ("\r\n".join(fields) + f"\r\n\r\n{text}\r\n").encode()


async def put(site: Site, content: bytes, *path: str, flags: FlagSet = FlagSet()) -> str:
    """A message, a minute after the one before."""
    site.office.clock.advance(60)
    return await site.put(content, *path, flags=flags)


async def ids(site: Site, filter: dict | None = None, sort: list | None = None, **more: object) -> list[str]:
    return (await site.call("Email/query", filter=filter, sort=sort or OLDEST, **more))["ids"]


# --- query -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def post(site: Site) -> dict[str, str]:
    """Some messages by their subjects."""
    found = {}
    for subject, where, flags, sender in (
        ("breakfast", "INBOX", SEEN, "ann"),
        ("lunch", "INBOX", FlagSet.of("\\Flagged"), "zoe"),
        ("dinner", "Archive", FlagSet(), "Bob"),
        ("spam", "Junk", FlagSet(), "mallory"),
    ):
        found[subject] = await put(site, mail(subject, "x" * len(found) * 100, sender=sender), where, flags=flags)
    return found


async def test_without_a_filter_all_that_show(site: Site, post: dict[str, str]):
    await put(site, mail("gone"), flags=FlagSet.of("\\Deleted"))
    answer = await site.call("Email/query", sort=OLDEST, calculateTotal=True)
    assert answer["ids"] == list(post.values()) and answer["total"] == 4
    assert answer["canCalculateChanges"] is True
    assert answer["queryState"] == (await site.call("Email/get", ids=[]))["state"]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"inMailbox": "Inbox"}, ["breakfast", "lunch"]),
        ({"inMailboxOtherThan": ["Junk", "Archive"]}, ["breakfast", "lunch"]),
        ({"hasKeyword": "$SEEN"}, ["breakfast"]),
        ({"notKeyword": "$seen", "inMailbox": "Inbox"}, ["lunch"]),
        ({"from": "bob"}, ["dinner"]),
        ({"subject": "LUNCH"}, ["lunch"]),
        ({"minSize": 350}, ["spam"]),
        ({"hasAttachment": True}, []),
        ({"before": "2026-11-24T10:02:00Z"}, ["breakfast"]),
        ({"after": "2026-11-24T10:03:00Z"}, ["dinner", "spam"]),
        ({"header": ["Subject", "inn"]}, ["dinner"]),
        ({"text": "xxx dinner"}, ["dinner"]),
        ({"body": "nowhere"}, []),
        ({"operator": "NOT", "conditions": [{"from": "ann"}, {"from": "zoe"}]}, ["dinner", "spam"]),
        ({"operator": "OR", "conditions": [{"hasKeyword": "$flagged"}, {"subject": "spam"}]}, ["lunch", "spam"]),
        ({"inMailbox": "m999"}, []),
    ],
)
async def test_filters(site: Site, post: dict[str, str], filter: dict, found: list[str]):
    by_name = {name: one["id"] for name, one in (await site.mailboxes("id")).items()}
    if "inMailbox" in filter:
        filter = {**filter, "inMailbox": by_name.get(filter["inMailbox"], filter["inMailbox"])}
    if "inMailboxOtherThan" in filter:
        filter = {"inMailboxOtherThan": [by_name[name] for name in filter["inMailboxOtherThan"]]}
    first = site.office.clock.now().replace(microsecond=0)
    assert first.strftime("%H:%M") == "10:04", "the moments in the table are those of the messages"
    assert await ids(site, filter) == [post[name] for name in found]
    await site.mail.indexing.catch_up()
    assert await ids(site, filter) == [post[name] for name in found]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        (NEWEST, ["spam", "dinner", "lunch", "breakfast"]),
        ([{"property": "subject"}], ["breakfast", "dinner", "lunch", "spam"]),
        ([{"property": "size", "isAscending": False}], ["spam", "dinner", "lunch", "breakfast"]),
        ([{"property": "from", "collation": "i;unicode-casemap"}], ["breakfast", "dinner", "spam", "lunch"]),
        (
            [{"property": "hasKeyword", "keyword": "$flagged", "isAscending": False}, *OLDEST],
            ["lunch", "breakfast", "dinner", "spam"],
        ),
    ],
)
async def test_sorts(site: Site, post: dict[str, str], sort: list, found: list[str]):
    assert await ids(site, None, sort) == [post[name] for name in found]


async def test_windows(site: Site, post: dict[str, str]):
    all_of_them = list(post.values())
    assert await ids(site, position=1, limit=2) == all_of_them[1:3]
    assert await ids(site, anchor=post["dinner"], anchorOffset=-1, limit=2) == all_of_them[1:3]
    assert (await site.fail("Email/query", anchor="e999"))["type"] == "anchorNotFound"
    assert (await site.fail("Email/query", anchor="m1"))["type"] == "anchorNotFound"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"filter": {"inMailbox": 1}}, "invalidArguments"),
        ({"filter": {"before": "yesterday"}}, "invalidArguments"),
        ({"filter": {"operator": "XOR", "conditions": []}}, "invalidArguments"),
        ({"sort": [{"property": "colour"}]}, "unsupportedSort"),
        ({"sort": [{"property": "subject", "collation": "i;basic"}]}, "unsupportedSort"),
        ({"sort": [{"property": "hasKeyword"}]}, "invalidArguments"),
        ({"sort": ["subject"]}, "invalidArguments"),
        ({"collapseThreads": 1}, "invalidArguments"),
        ({"sortAsTree": True}, "invalidArguments"),
    ],
)
async def test_a_query_that_cannot_be(site: Site, arguments: dict, error: str):
    assert (await site.fail("Email/query", **arguments))["type"] == error
    if "sortAsTree" not in arguments:
        assert (await site.fail("Email/queryChanges", sinceQueryState="0", **arguments))["type"] == error


async def test_one_of_each_thread(site: Site):
    one = await put(site, mail("talk", number="1"))
    await put(site, mail("other", number="2"))
    three = await put(site, mail("Re: talk", number="3", to="1"))
    assert len(await ids(site)) == 3
    assert await ids(site, None, NEWEST, collapseThreads=True) == [three, (await ids(site))[1]]
    assert (await ids(site, None, OLDEST, collapseThreads=True))[0] == one
    total = (await site.call("Email/query", collapseThreads=True, calculateTotal=True))["total"]
    assert total == 2


async def test_keywords_of_threads(site: Site):
    one = await put(site, mail("talk", number="1"), flags=SEEN)
    two = await put(site, mail("Re: talk", number="2", to="1"))
    three = await put(site, mail("other", number="3"), flags=SEEN)
    assert await ids(site, {"allInThreadHaveKeyword": "$seen"}) == [three]
    assert await ids(site, {"someInThreadHaveKeyword": "$seen"}) == [one, two, three]
    assert await ids(site, {"noneInThreadHaveKeyword": "$seen"}) == []
    sort = [{"property": "allInThreadHaveKeyword", "keyword": "$seen", "isAscending": False}, *OLDEST]
    assert await ids(site, None, sort) == [three, one, two]


@pytest.mark.parametrize("collapse", [False, True], ids=["emails", "threads"])
async def test_a_mailbox_newest_first_is_the_same_from_the_index_and_by_looking_at_all(site: Site, collapse: bool):
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    for number in range(1, 1_101):
        content = mail("talk", number=str(number), to=str(number - 1) if number % 4 else "")
        await site.put(content, flags=FlagSet.of("\\Deleted") if number % 10 == 0 else FlagSet())
        if number % 3 == 0:
            site.office.clock.advance(1)
    await site.mail.messages.copy(site.account.id, inbox, [1, 500, 1_099], inbox)
    plain = {"inMailbox": f"m{inbox}"}
    looked_at = {"operator": "AND", "conditions": [plain, {"notKeyword": "strange"}]}
    for window in (
        {},
        {"limit": 50},
        {"position": 40, "limit": 20},
        {"position": 5_000, "limit": 20},
        {"limit": 0},
        {"position": -30},
        {"position": -30, "limit": 7},
        {"limit": 2_000},
    ):
        for more in ({}, {"calculateTotal": True}):
            wanted = {"sort": NEWEST, "collapseThreads": collapse, **window, **more}
            by_index = await site.call("Email/query", filter=plain, **wanted)
            assert by_index == await site.call("Email/query", filter=looked_at, **wanted)
    anchor = by_index["ids"][700 if not collapse else 200]
    wanted = {"sort": NEWEST, "collapseThreads": collapse, "anchor": anchor, "anchorOffset": -3, "limit": 5}
    by_index = await site.call("Email/query", filter=plain, **wanted)
    assert len(by_index["ids"]) == 5 and by_index["ids"][3] == anchor


# --- queryChanges ----------------------------------------------------------------------------------------------------


def spliced(before: list[str], changes: dict) -> list[str]:
    found = [id for id in before if id not in changes["removed"]]
    for item in changes["added"]:
        found.insert(item["index"], item["id"])
    return found


@pytest.mark.parametrize("collapse", [False, True], ids=["emails", "threads"])
@pytest.mark.parametrize(
    ("filter", "sort"),
    [
        (None, NEWEST),
        ({"inMailbox": "Inbox"}, NEWEST),
        ({"hasKeyword": "$seen"}, OLDEST),
        ({"someInThreadHaveKeyword": "$seen"}, [{"property": "subject"}, *OLDEST]),
        ({"subject": "talk"}, [{"property": "someInThreadHaveKeyword", "keyword": "$seen"}, *NEWEST]),
        ({"from": "ann"}, OLDEST),
    ],
)
async def test_a_copy_of_the_result_is_brought_up_to_date(site: Site, filter: dict | None, sort: list, collapse: bool):
    """Whatever has happened: arrivals, flags, moves, removals."""
    chance = random.Random(f"{filter}{sort}{collapse}")
    account_id, mailboxes = site.account.id, site.mail.mailboxes
    inbox = await mailboxes.inbox(account_id)
    archive = (await mailboxes.get(account_id, ("Archive",))).id
    filter = {"inMailbox": f"m{inbox}"} if filter and "inMailbox" in filter else filter
    wanted = {"filter": filter, "sort": sort, "collapseThreads": collapse}
    sent = 0

    async def happen() -> None:
        nonlocal sent
        place = chance.choice((inbox, archive))
        uids = await site.office.uids(account_id, place)
        kind = chance.choice(("arrive", "arrive", "flag", "unflag", "move", "remove", "hide"))
        if kind == "arrive" or not uids:
            sent += 1
            to = str(chance.randint(1, sent)) if chance.random() < 0.6 else ""
            content = mail(
                chance.choice(("talk", "Re: talk", "word")),
                number=str(sent),
                to=to,
                sender=chance.choice(("ann", "bob")),
            )
            await put(site, content, chance.choice(("INBOX", "Archive")), flags=chance.choice((SEEN, FlagSet())))
            return
        uid = [chance.choice(uids)]
        messages = site.mail.messages
        if kind == "move":
            await messages.move(account_id, place, uid, archive if place == inbox else inbox)
        elif kind == "remove":
            await messages.change_flags(account_id, place, uid, FlagAction.ADD, FlagSet.of("\\Deleted"))
            await messages.expunge(account_id, place, uid)
        elif kind == "hide":
            action = chance.choice((FlagAction.ADD, FlagAction.REMOVE))
            await messages.change_flags(account_id, place, uid, action, FlagSet.of("\\Deleted"))
        else:
            action = FlagAction.ADD if kind == "flag" else FlagAction.REMOVE
            await messages.change_flags(account_id, place, uid, action, SEEN)

    for _ in range(12):
        await happen()
    before = await site.call("Email/query", **wanted)
    for _ in range(15):
        for _ in range(chance.randint(1, 4)):
            await happen()
        after = await site.call("Email/query", **wanted)
        changes = await site.call(
            "Email/queryChanges", sinceQueryState=before["queryState"], calculateTotal=True, **wanted
        )
        assert spliced(before["ids"], changes) == after["ids"]
        assert changes["newQueryState"] == after["queryState"] and changes["total"] == len(after["ids"])
        before = after


async def test_query_changes_of_what_never_moves_tell_what_came_and_went_alone(site: Site):
    one, two = await put(site, mail("a")), await put(site, mail("b"))
    wanted = {"filter": {"from": "ann"}, "sort": NEWEST}
    state = (await site.call("Email/query", **wanted))["queryState"]
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    await site.mail.messages.change_flags(site.account.id, inbox, [1], FlagAction.ADD, SEEN)
    three = await put(site, mail("c"))
    changes = await site.call("Email/queryChanges", sinceQueryState=state, upToId=two, **wanted)
    assert (changes["removed"], changes["added"]) == ([], [{"id": three, "index": 0}])
    changes = await site.call(
        "Email/queryChanges", sinceQueryState=state, upToId=one, filter={"from": "ann"}, sort=OLDEST
    )
    assert changes["added"] == [], "what is new lies behind the last that the client has"


async def test_query_changes_since_a_state_that_is_none(site: Site):
    for state in ("999999", "x"):
        for wanted in ({}, {"filter": {"hasKeyword": "$seen"}}):
            answer = await site.fail("Email/queryChanges", sinceQueryState=state, **wanted)
            assert answer["type"] == "cannotCalculateChanges"


# --- snippets --------------------------------------------------------------------------------------------------------


async def snippet(site: Site, id: str, filter: dict | None) -> tuple[str | None, str | None]:
    (found,) = (await site.call("SearchSnippet/get", emailIds=[id], filter=filter))["list"]
    assert found["emailId"] == id and set(found) == {"emailId", "subject", "preview"}
    return found["subject"], found["preview"]


async def test_snippets(site: Site):
    id = await put(site, mail("The Foosball <competition>", "This year the foosball competition & the rest"))
    assert await snippet(site, id, {"text": "foo"}) == (
        "The <mark>Foo</mark>sball &lt;competition&gt;",
        "This year the <mark>foo</mark>sball competition &amp; the rest",
    )
    assert await snippet(site, id, {"subject": "ball"}) == (None, None), "a word that is looked for begins one"
    assert await snippet(site, id, {"subject": "compet"}) == ("The Foosball &lt;<mark>compet</mark>ition&gt;", None)
    assert await snippet(site, id, {"subject": "'compet'"}) == (None, None), "a phrase is of whole words"
    assert (await snippet(site, id, {"body": "'the rest'"}))[1].endswith("&amp; <mark>the rest</mark>")
    assert await snippet(site, id, {"from": "foo"}) == (None, None)
    assert await snippet(site, id, None) == (None, None)
    none = {"operator": "NOT", "conditions": [{"text": "foo"}]}
    assert await snippet(site, id, none) == (None, None)
    both = {"operator": "AND", "conditions": [{"subject": "the"}, {"operator": "OR", "conditions": [{"body": "year"}]}]}
    assert await snippet(site, id, both) == (
        "<mark>The</mark> Foosball &lt;competition&gt;",
        "This <mark>year</mark> the foosball competition &amp; the rest",
    )


async def test_a_snippet_of_html_and_of_another_charset(site: Site):
    text = base64.encodebytes("<p>Viele <b>Grüße</b> &amp; mehr</p><script>gruesse</script>".encode("latin-1"))
    head = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    id = await put(site, head + b"Content-Transfer-Encoding: base64\r\n\r\n" + text)
    assert await snippet(site, id, {"text": "GRÜSSE"}) == ("<mark>Grüße</mark>", "Viele <mark>Grüße</mark> &amp; mehr")


async def test_snippets_of_what_there_is_not(site: Site):
    id = await put(site, mail("a"))
    answer = await site.call("SearchSnippet/get", emailIds=["e999", id, "x"], filter={"text": "a"})
    assert answer["notFound"] == ["e999", "x"] and [one["emailId"] for one in answer["list"]] == [id]
    assert (await site.call("SearchSnippet/get", emailIds=[id]))["notFound"] is None
    assert (await site.fail("SearchSnippet/get", emailIds=[id] * 1_001))["type"] == "requestTooLarge"
    assert (await site.fail("SearchSnippet/get", emailIds=[id], filter={"x": 1}))["type"] == "unsupportedFilter"
    assert (await site.fail("SearchSnippet/get", emailIds=[id], filter={"text": 1}))["type"] == "invalidArguments"


@pytest.mark.parametrize("letter", ["x", "&", "ü", "\N{GRINNING FACE}", "<"])
@pytest.mark.parametrize("before", [0, 10, 300])
def test_an_excerpt_is_never_too_large_and_never_cut_in_the_middle(letter: str, before: int):
    text = "word " * before + letter * 300 + " end"
    for word in (letter, "word", letter * 300):
        found = excerpt(text, [Needle(word)])
        if found is not None:
            assert len(found.encode()) <= 255
            assert found.count("<mark>") == found.count("</mark>") > 0
            assert "<mark></mark>" not in found
            bare = found.replace("<mark>", "").replace("</mark>", "")
            assert "<" not in bare and bare.count("&") == bare.count(";")


def test_marks():
    def mark(text: str, *words: str) -> str | None:
        return marked(text, [Needle(word) for word in words])

    assert mark("bca bc", "bc") == "<mark>bc</mark>a <mark>bc</mark>"
    assert mark("abcabc", "bc") is None
    assert mark("abc", "x") is None and mark("abc") is None
    assert mark("ßtraße, ﬁne", "ss", "fine") == "<mark>ß</mark>traße, <mark>ﬁne</mark>"
    assert mark("Xb", "x", "xb") == "<mark>Xb</mark>"
    assert mark("a.b", ".") == "a<mark>.</mark>b"
    assert mark("会議の予定", "の予") == "会議<mark>の予</mark>定"


# --- parse -----------------------------------------------------------------------------------------------------------

INNER = mail("inside", "the inner text", number="inner")
OUTER = (
    b'Subject: outer\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n'
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n--b--\r\n"
)


async def test_an_attached_message_is_parsed(site: Site):
    id = await put(site, OUTER)
    blob_id = f"B{id[1:]}_2"
    answer = await site.call("Email/parse", blobIds=[blob_id], fetchAllBodyValues=True)
    parsed = answer["parsed"][blob_id]
    assert (parsed["subject"], parsed["messageId"]) == ("inside", ["inner@far.test"])
    assert parsed["bodyValues"]["1"]["value"] == "the inner text\n"
    assert "id" not in parsed and answer["notParsable"] is None and answer["notFound"] is None
    (part,) = parsed["textBody"]
    found = await site.http.get(f"/jmap/download/{site.id}/{part['blobId']}/x")
    assert found.content == b"the inner text\r\n"


async def test_an_upload_is_parsed(site: Site):
    for octets in (INNER, INNER + b"x" * 1_000_000):
        answer = await site.http.post(f"/jmap/upload/{site.id}", content=octets)
        blob_id = answer.json()["blobId"]
        properties = [
            "id",
            "blobId",
            "threadId",
            "mailboxIds",
            "keywords",
            "receivedAt",
            "size",
            "header:Subject:asText",
        ]
        parsed = (await site.call("Email/parse", blobIds=[blob_id], properties=properties))["parsed"]
        nothing = dict.fromkeys(("id", "threadId", "mailboxIds", "keywords", "receivedAt"))
        assert parsed == {
            blob_id: {**nothing, "blobId": blob_id, "size": len(octets), "header:Subject:asText": "inside"}
        }


async def test_what_cannot_be_parsed(site: Site):
    picture = (await site.http.post(f"/jmap/upload/{site.id}", content=b"\x89PNG\r\n\x1a\n" + bytes(500))).json()[
        "blobId"
    ]
    answer = await site.call("Email/parse", blobIds=[picture, "B999", "x", picture])
    assert answer["notParsable"] == [picture] and answer["notFound"] == ["B999", "x"] and answer["parsed"] is None
    answer = await site.fail("Email/parse", blobIds=[picture], properties=["header:From:asDate"])
    assert answer["type"] == "invalidArguments"
    assert (await site.fail("Email/parse", blobIds=["x"] * 1_001))["type"] == "requestTooLarge"
