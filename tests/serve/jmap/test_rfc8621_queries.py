"""Every condition and every order of Email/query, on real messages (RFC 8621 §4.4.1, §4.4.2)."""

import pytest
from jmap_site import Site

from pillarbox.grammar.jmap.comparators import SORT_KEYS
from pillarbox.grammar.jmap.email_filter import _CONDITIONS as CONDITIONS
from pillarbox.model.keywords import FlagSet

PLAIN = (
    b"From: Ann <ann@far.test>\r\nTo: Zoe <zoe@far.test>\r\nCc: carl@far.test\r\nBcc: bea@far.test\r\nSubject: Plans\r\n"
    b"Date: Tue, 3 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@far.test>\r\nX-Thing: yes\r\n\r\nabout the garden\r\n"
)
ATTACHED = (
    b"From: Bob <bob@far.test>\r\nTo: Yves <yves@far.test>\r\nSubject: Re: Plans\r\nDate: Sun, 1 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <2@far.test>\r\nIn-Reply-To: <1@far.test>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee the picture\r\n'
    b"--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=p.png\r\n\r\nxxxx\r\n--b--\r\n"
)
OTHER = (
    b"From: Cyd <cyd@far.test>\r\nTo: Xenia <xenia@far.test>\r\nSubject: Bread\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <3@far.test>\r\n\r\nflour " + b"x" * 900 + b"\r\n"
)

FOUND: dict[str, tuple[object, str]] = {
    "inMailbox": ("Archive", "attached"),
    "inMailboxOtherThan": (["Inbox"], "attached"),
    "before": ("2026-11-24T10:02:00Z", "plain"),
    "after": ("2026-11-24T10:02:00Z", "attached other"),
    "minSize": (900, "other"),
    "maxSize": (900, "plain attached"),
    "allInThreadHaveKeyword": ("$seen", "other"),
    "someInThreadHaveKeyword": ("$flagged", "plain attached"),
    "noneInThreadHaveKeyword": ("$flagged", "other"),
    "hasKeyword": ("$seen", "plain other"),
    "notKeyword": ("$seen", "attached"),
    "hasAttachment": (True, "attached"),
    "text": ("picture", "attached"),
    "from": ("ann", "plain"),
    "to": ("yves", "attached"),
    "cc": ("carl", "plain"),
    "bcc": ("bea", "plain"),
    "subject": ("bread", "other"),
    "body": ("garden", "plain"),
    "header": (["X-Thing", "yes"], "plain"),
}
"""What each condition, alone, finds of the three."""

ORDERS = {
    "receivedAt": ("plain attached other", "other attached plain"),
    "sentAt": ("attached other plain", "plain other attached"),
    "size": ("plain attached other", "other attached plain"),
    "from": ("plain attached other", "other attached plain"),
    "to": ("other attached plain", "plain attached other"),
    "subject": ("other plain attached", "plain attached other"),
    "hasKeyword": ("attached plain other", "plain other attached"),
    "someInThreadHaveKeyword": ("other plain attached", "plain attached other"),
    "allInThreadHaveKeyword": ("plain attached other", "other plain attached"),
}
"""Ascending and descending; by `$seen` or, for some in a thread, by `$flagged`. What is equal stands oldest first."""


@pytest.fixture
async def post(site: Site) -> dict[str, str]:
    """Two of one thread, and another, a minute after each other: their ids by name."""
    found = {}
    for name, content, mailbox, flags in (
        ("plain", PLAIN, "INBOX", ("\\Seen", "\\Flagged")),
        ("attached", ATTACHED, "Archive", ()),
        ("other", OTHER, "INBOX", ("\\Seen",)),
    ):
        site.office.clock.advance(60)
        found[name] = await site.put(content, mailbox, flags=FlagSet.of(*flags))
    return found


async def ask(site: Site, post: dict[str, str], filter: dict | None, sort: list[dict]) -> str:
    """The names of what is found."""
    names = {id: name for name, id in post.items()}
    answer = await site.call("Email/query", filter=filter, sort=[*sort, {"property": "receivedAt"}])
    return " ".join(names[id] for id in answer["ids"])


async def test_section_4_4_1_each_condition_finds_what_it_says(site: Site, post: dict[str, str]):
    assert set(FOUND) == set(CONDITIONS)
    assert await ask(site, post, {}, []) == "plain attached other", "no condition at all finds all"
    ids = {name: one["id"] for name, one in (await site.mailboxes("id")).items()}
    for _ in range(2):
        for name, (value, expected) in FOUND.items():
            if name.startswith("inMailbox"):
                value = ids[value] if isinstance(value, str) else [ids[one] for one in value]
            assert await ask(site, post, {name: value}, []) == expected, name
        await site.mail.indexing.catch_up()  # and once more with the index


async def test_section_4_4_1_conditions_in_one_object_must_all_hold(site: Site, post: dict[str, str]):
    assert await ask(site, post, {"hasKeyword": "$seen", "maxSize": 900}, []) == "plain"
    assert await ask(site, post, {"hasKeyword": "$seen", "from": "bob"}, []) == ""


async def test_section_4_4_2_each_property_sorts_both_ways(site: Site, post: dict[str, str]):
    assert set(ORDERS) == set(SORT_KEYS)
    for name, (ascending, descending) in ORDERS.items():
        keyword = "$flagged" if name.startswith("someInThread") else "$seen"
        key = {"property": name, **({"keyword": keyword} if "Keyword" in name else {})}
        assert await ask(site, post, None, [key]) == ascending, name
        assert await ask(site, post, None, [{**key, "isAscending": False}]) == descending, name


async def test_section_4_4_2_the_example_of_three_keys(site: Site, post: dict[str, str]):
    sort = [
        {"property": "someInThreadHaveKeyword", "keyword": "$flagged", "isAscending": False},
        {"property": "subject", "collation": "i;ascii-casemap"},
        {"property": "receivedAt", "isAscending": False},
    ]
    assert await ask(site, post, None, sort) == "attached plain other", (
        "threads with a flag, then by subject, newest first"
    )
