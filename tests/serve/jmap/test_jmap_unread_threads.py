"""Counts of threads and what becomes of them with the trash (RFC 8621 §2, §2.2)."""

from jmap_site import Site

COUNTS = ("totalThreads", "unreadThreads")


async def thread(site: Site) -> tuple[str, str]:
    """Two unread Emails of one thread, both in the inbox."""
    first = await site.put(b"From: a@far.test\r\nSubject: s\r\nMessage-ID: <0@far.test>\r\n\r\none\r\n")
    reply = b"From: b@far.test\r\nSubject: Re: s\r\nReferences: <0@far.test>\r\n\r\ntwo\r\n"
    return first, await site.put(reply)


async def counts(site: Site, *names: str) -> list[tuple[int, int]]:
    """Threads, and unread ones, of each."""
    found = await site.mailboxes(*COUNTS)
    return [(found[name]["totalThreads"], found[name]["unreadThreads"]) for name in names]


async def test_what_is_in_the_trash_alone_makes_nothing_unread_elsewhere(site: Site):
    first, second = await thread(site)
    trash, archive = await site.mailbox_id("Trash"), await site.mailbox_id("Archive")
    await site.call("Email/set", update={first: {"keywords/$seen": True}, second: {"mailboxIds": {trash: True}}})
    assert await counts(site, "Inbox", "Trash") == [(1, 0), (1, 1)]
    # In another mailbox too, it is seen by who opens the thread from the inbox.
    await site.call("Email/set", update={second: {f"mailboxIds/{archive}": True}})
    assert await counts(site, "Inbox", "Trash", "Archive") == [(1, 1), (1, 1), (1, 1)]
    # What is not in the trash makes nothing unread there.
    await site.call("Email/set", update={first: {"keywords": {}}, second: {"keywords/$seen": True}})
    assert await counts(site, "Inbox", "Trash", "Archive") == [(1, 1), (1, 0), (1, 1)]


async def test_a_draft_is_not_unread(site: Site):
    first, second = await thread(site)
    await site.call("Email/set", update={first: {"keywords/$draft": True}, second: {"keywords/$seen": True}})
    assert await counts(site, "Inbox") == [(1, 0)]


async def test_with_another_trash_all_counts_may_be_others_and_that_is_told(site: Site):
    first, second = await thread(site)
    trash, inbox = await site.mailbox_id("Trash"), await site.mailbox_id("Inbox")
    await site.call("Email/set", update={first: {"keywords/$seen": True}, second: {"mailboxIds": {trash: True}}})
    for role, unread in ((None, 1), ("trash", 0)):
        state = (await site.call("Mailbox/get", ids=[]))["state"]
        await site.call("Mailbox/set", update={trash: {"role": role}})
        assert await counts(site, "Inbox") == [(1, unread)]
        changes = await site.call("Mailbox/changes", sinceState=state)
        assert {inbox, trash} <= set(changes["updated"])
        assert changes["updatedProperties"] is None


async def test_a_mailbox_that_is_changed_otherwise_takes_no_other_along(site: Site):
    trash = await site.mailbox_id("Trash")
    state = (await site.call("Mailbox/get", ids=[]))["state"]
    await site.call("Mailbox/set", update={trash: {"name": "Bin"}})
    assert (await site.call("Mailbox/changes", sinceState=state))["updated"] == [trash]
