"""Which part of a result a client is given, in each of the ways that it is found (RFC 8620 §5.5)."""

import pytest
from jmap_site import Site

NEWEST = [{"property": "receivedAt", "isAscending": False}]
MESSAGES = 7
# position, anchor (by its place in the result), anchorOffset, limit; the position of the answer, and its size
WINDOWS = [
    ({}, 0, 7),
    ({"position": 2}, 2, 5),
    ({"position": 5, "limit": 5}, 5, 2),
    ({"position": 7}, 7, 0),
    ({"position": 50, "limit": 2}, 50, 0),
    ({"position": -2}, 5, 2),
    ({"position": -2, "limit": 1}, 5, 1),
    ({"position": -50}, 0, 7),
    ({"limit": 0}, 0, 0),
    ({"position": 3, "limit": None}, 3, 4),
    ({"anchor": 3}, 3, 4),
    ({"anchor": 3, "anchorOffset": -2, "limit": 3}, 1, 3),
    ({"anchor": 3, "anchorOffset": -50, "limit": 1}, 0, 1),
    ({"anchor": 3, "anchorOffset": 50}, 53, 0),
    ({"anchor": 3, "position": 5, "limit": 1}, 3, 1),
    ({"anchor": None, "anchorOffset": 4, "limit": 1}, 0, 1),
]


@pytest.mark.parametrize("collapse", [False, True])
@pytest.mark.parametrize("condition", ["none", "mailbox", "text"])
async def test_each_window_is_cut_from_the_same_result(site: Site, condition: str, collapse: bool):
    for number in range(MESSAGES):
        await site.put(f"From: a@far.test\r\nSubject: n{number}\r\n\r\nhello\r\n".encode())
    filters = {"none": None, "mailbox": {"inMailbox": await site.mailbox_id("Inbox")}, "text": {"body": "hello"}}
    asked = {"filter": filters[condition], "sort": NEWEST, "collapseThreads": collapse}
    ids = (await site.call("Email/query", **asked))["ids"]
    assert len(ids) == MESSAGES
    for window, position, size in WINDOWS:
        given = {**window, "anchor": ids[window["anchor"]]} if window.get("anchor") is not None else window
        for total in (False, True):
            answer = await site.call("Email/query", **asked, **given, calculateTotal=total)
            assert (answer["position"], answer["ids"]) == (position, ids[position : position + size]), window
            assert answer.get("total") == (MESSAGES if total else None) and "limit" not in answer
    for anchor in ("e999", "no-email"):
        assert (await site.fail("Email/query", **asked, anchor=anchor))["type"] == "anchorNotFound"
    assert (await site.fail("Email/query", **asked, limit=-1))["type"] == "invalidArguments"


@pytest.mark.parametrize("collapse", [False, True])
@pytest.mark.parametrize("limit", [None, 0, 1])
async def test_a_mailbox_that_there_is_not_has_nothing_in_it(site: Site, limit: int | None, collapse: bool):
    await site.put(b"From: a@far.test\r\n\r\nhello\r\n")
    answer = await site.call(
        "Email/query",
        filter={"inMailbox": "m999"},
        sort=NEWEST,
        limit=limit,
        calculateTotal=True,
        collapseThreads=collapse,
    )
    assert (answer["ids"], answer["total"]) == ([], 0)
