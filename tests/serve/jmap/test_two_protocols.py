"""JMAP, IMAP and SMTP on one account, at random: nobody is told anything that is not so, and everybody hears of all.

After each step: what a JMAP client made of Email/changes, Thread/changes and Mailbox/changes is what it would get
anew; what it made of queryChanges is what it would find; two IMAP sessions, each with a mailbox open, agree with one
that opens it now. A second JMAP client asks now and then only, and for little at once.

Standards: RFC 8620 §5.2, §5.3, §5.6; RFC 8621 §2 to §4; RFC 9051 §5.2, §7.
"""

import asyncio
import shutil
import ssl
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from jmap_site import DOMAIN, PASSWORD, Site, open_jmap
from machine import SHORT, Machine
from two_protocols import Copy, Follower, Session, applied

from memory_stage import MemoryClient
from office import open_office
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.keywords import FlagSet
from pillarbox.serve.imap.session import ImapSession
from pillarbox.serve.smtp.profile import MX
from pillarbox.serve.smtp.session import SmtpSession
from pillarbox.wire.memory import connect_in_memory

BOXES = ("Box", "Box/Sub", "Other", "Other/Sub/Deep", "Old")
PLACES = ("INBOX", "Archive", "Trash", "Box", "Box/Sub", "Other")
RENAMED = ("Archive", "INBOX", *BOXES)
KEYWORDS = ("$seen", "$flagged", "$draft", "$forwarded", "work")
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "work")
DATES = (None, "2020-01-01T00:00:00Z", "2026-11-24T10:00:05Z")

PLACE = st.sampled_from(PLACES)
NUMBERS = st.lists(st.integers(0, 9), min_size=1, max_size=3)
FLAG_LIST = st.lists(st.sampled_from(FLAGS), max_size=3, unique=True)
KEYWORD_LIST = st.lists(st.sampled_from(KEYWORDS), max_size=3, unique=True)
ONE_KEYWORD = st.sampled_from(KEYWORDS)
TEXTS = st.builds(
    lambda subject, sender, name, parent, size: (
        f"From: {sender}@far.test\r\nTo: alice\r\nSubject: {subject}\r\nMessage-ID: <{name}@far.test>\r\n"
        + (f"In-Reply-To: <{parent}@far.test>\r\n" if parent else "")
        + f"\r\n{'word ' * size}\r\n"
    ).encode(),
    st.sampled_from(["one", "Re: one", "two"]),
    st.sampled_from(["ann", "Bob"]),
    st.integers(1, 4),
    st.none() | st.integers(1, 4),
    st.integers(0, 3),
)


def email_queries(inbox: str, archive: str, trash: str) -> list[dict]:
    """Filters and sorts of each kind, threads collapsed and not."""
    newest = [{"property": "receivedAt", "isAscending": False}]
    flagged = {"property": "hasKeyword", "keyword": "$flagged", "isAscending": False}
    return [
        {"filter": {"inMailbox": inbox}, "sort": newest},
        {"filter": {"inMailbox": inbox}, "sort": newest, "collapseThreads": True},
        {"filter": {"inMailbox": archive}, "sort": [{"property": "receivedAt"}], "collapseThreads": True},
        {"filter": {"hasKeyword": "$flagged"}, "sort": [{"property": "subject"}, *newest]},
        {"filter": {"notKeyword": "$seen"}, "sort": [flagged, {"property": "size"}], "collapseThreads": True},
        {"filter": {"inMailboxOtherThan": [trash, inbox]}, "sort": [{"property": "from"}]},
        {"filter": {"someInThreadHaveKeyword": "$flagged"}, "sort": newest, "collapseThreads": True},
        {"filter": {"allInThreadHaveKeyword": "$seen"}, "sort": [{"property": "sentAt"}]},
        {"filter": {"noneInThreadHaveKeyword": "work", "inMailbox": inbox}, "sort": [flagged]},
        {"sort": [{"property": "someInThreadHaveKeyword", "keyword": "$flagged"}], "collapseThreads": True},
        {"sort": [{"property": "allInThreadHaveKeyword", "keyword": "$seen", "isAscending": False}]},
        {"filter": {"subject": "one", "minSize": 100}, "sort": [{"property": "sentAt", "isAscending": False}]},
        {
            "filter": {
                "operator": "OR",
                "conditions": [{"inMailbox": archive}, {"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}]}],
            },
            "sort": [{"property": "size", "isAscending": False}],
        },
    ]


MAILBOX_QUERIES: list[dict] = [
    {"sort": [{"property": "name"}]},
    {"sort": [{"property": "sortOrder"}, {"property": "name", "isAscending": False}], "sortAsTree": True},
    {"filter": {"hasAnyRole": False}, "sort": [{"property": "name"}], "sortAsTree": True, "filterAsTree": True},
    {"filter": {"isSubscribed": True}, "sort": [{"property": "parentId"}]},
    {"filter": {"parentId": None}, "sort": [{"property": "sortOrder"}]},
]


class World:
    """The servers, the account, and all clients of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-two-"))
        self.stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sessions: list[MemoryClient] = []
        self.site: Site
        self.now: Copy
        self.late: Copy
        self.followers: list[Follower] = []

    async def open(self) -> None:
        office = await self.stack.enter_async_context(open_office(self.folder / "data"))
        self.site = await self.stack.enter_async_context(open_jmap(office))
        self.inbox, self.archive, self.trash = [
            await self.site.mailbox_id(name) for name in ("Inbox", "Archive", "Trash")
        ]
        self.now, self.late = self.copy(), self.copy(most=4)
        await self.now.read()
        await self.late.read()
        self.actor = await self.session()
        for name in ("INBOX", "Archive"):
            self.followers.append(Follower(await self.session()))
            await self.followers[-1].select(name)

    def copy(self, most: int | None = None) -> Copy:
        queries = email_queries(self.inbox, self.archive, self.trash)
        return Copy(self.site, queries, MAILBOX_QUERIES, most)

    def _spawn(self, work: Coroutine[Any, Any, Any], **_: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def session(self) -> Session:
        """An IMAP client that has signed in."""
        client = Session()
        sink = ImapSession(self.site.mail, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._spawn)
        connect_in_memory(client, sink, client_address="127.0.0.1:40000", server_address="127.0.0.1:143")
        self._sessions.append(client)
        await client.read_line()
        assert (await client.ask(f"LOGIN alice@{DOMAIN} {{{len(PASSWORD)}+}}\r\n{PASSWORD}"))[-1].startswith(b"x OK")
        return client

    async def deliver(self, content: bytes) -> None:
        """A message comes by SMTP."""
        client = MemoryClient()
        sink = SmtpSession(self.site.mail, MX, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._spawn)
        connect_in_memory(client, sink, client_address="127.0.0.1:40000", server_address="127.0.0.1:25")
        await client.read_line()
        steps = ["HELO far.test", "MAIL FROM:<ann@far.test>", f"RCPT TO:<alice@{DOMAIN}>", "DATA"]
        for step in [*(text.encode() for text in steps), content + b"."]:
            client.line.write(step + b"\r\n")
            reply = await client.read_line()
            assert reply is not None and reply[:1] in b"23", (step, reply)
        client.line.abort()

    async def upload(self, content: bytes) -> str:
        answer = await self.site.http.post(f"/jmap/upload/{self.site.id}", content=content)
        return answer.json()["blobId"]

    def emails(self, numbers: list[int]) -> list[str]:
        """Some that the first JMAP client knows."""
        known = sorted(self.now.emails)
        return list(dict.fromkeys(known[n % len(known)] for n in numbers)) if known else []

    def mailbox(self, name: str) -> str:
        """The id of a mailbox by its path; that of Inbox when there is none."""
        by_path = {self.path(id): id for id in self.now.mailboxes}
        return by_path.get("Inbox" if name == "INBOX" else name, self.inbox)

    def path(self, id: str) -> str:
        box = self.now.mailboxes[id]
        return box["name"] if box["parentId"] is None else f"{self.path(box['parentId'])}/{box['name']}"

    async def set(self, type: str, **arguments: object) -> dict:
        """Foo/set; a bug is no answer."""
        answer = await self.site.call(f"{type}/set", **arguments)
        for name in ("notCreated", "notUpdated", "notDestroyed"):
            for problem in (answer[name] or {}).values():
                assert problem["type"] != "serverFail", answer
        return answer

    async def act(self, follower: int, command: str, numbers: list[int]) -> None:
        """A command of one who has a mailbox open; `%s` stands for numbers of messages."""
        who = self.followers[follower]
        count = len(who.rows)
        if count:
            chosen = ",".join(str(n % count + 1) for n in numbers)
            await who.ask(command.replace("%s", chosen))

    async def check(self) -> None:
        """Everybody hears of all, and it is so."""
        fresh = self.copy()
        await fresh.read()
        await self.now.follow()
        self.now.assert_equals(fresh)
        looker = await self.session()
        for follower, id in zip(self.followers, (self.inbox, self.archive), strict=True):
            await follower.settle()
            await looker.examine("/".join(await self._imap_path(id)))
            assert follower.rows == await looker.messages()
        await looker.ask("LOGOUT")

    async def _imap_path(self, id: str) -> tuple[str, ...]:
        boxes = await self.site.mail.mailboxes.list(self.site.account.id)
        return next(box.path for box in boxes if f"m{box.id}" == id)

    async def check_late(self) -> None:
        """The second client has caught up."""
        fresh = self.copy()
        await fresh.read()
        await self.late.follow()
        self.late.assert_equals(fresh)

    async def close(self) -> None:
        for client in self._sessions:
            client.line.abort()
        await self.stack.aclose()
        shutil.rmtree(self.folder)


class TwoProtocols(Machine):
    """What anybody may do."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(first=st.lists(TEXTS, min_size=2, max_size=4))
    def open(self, first: list[bytes]) -> None:
        self.run(self.world.open())
        for content in first:
            self.deliver(content)
        self.is_open = True

    # --- SMTP and IMAP -----------------------------------------------------------------------------------------------

    @rule(content=TEXTS)
    def deliver(self, content: bytes) -> None:
        self.run(self.world.deliver(content))

    @rule(place=PLACE, flags=FLAG_LIST, content=TEXTS, is_old=st.booleans())
    def append(self, place: str, flags: list[str], content: bytes, is_old: bool) -> None:
        date = '"01-Jan-2021 00:00:00 +0000" ' if is_old else ""
        head = f'APPEND "{place}" ({" ".join(flags)}) {date}{{{len(content)}+}}\r\n'.encode()
        self.run(self.world.actor.ask(head + content))

    @rule(who=st.integers(0, 1), numbers=NUMBERS, sign=st.sampled_from(["", "+", "-"]), flags=FLAG_LIST)
    def store(self, who: int, numbers: list[int], sign: str, flags: list[str]) -> None:
        self.run(self.world.act(who, f"STORE %s {sign}FLAGS ({' '.join(flags)})", numbers))

    @rule(who=st.integers(0, 1), numbers=NUMBERS, place=PLACE, command=st.sampled_from(["COPY", "MOVE"]))
    def copy_or_move(self, who: int, numbers: list[int], place: str, command: str) -> None:
        self.run(self.world.act(who, f'{command} %s "{place}"', numbers))

    @rule(who=st.integers(0, 1))
    def expunge(self, who: int) -> None:
        self.run(self.world.followers[who].ask("EXPUNGE"))

    @rule(name=st.sampled_from(BOXES), command=st.sampled_from(["CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE"]))
    def mailbox_by_imap(self, name: str, command: str) -> None:
        if command != "DELETE" or self.world.mailbox(name) != self.world.archive:
            self.run(self.world.actor.ask(f'{command} "{name}"'))

    @rule(name=st.sampled_from(RENAMED), to=st.sampled_from(RENAMED))
    def rename(self, name: str, to: str) -> None:
        self.run(self.world.actor.ask(f'RENAME "{name}" "{to}"'))

    # --- JMAP --------------------------------------------------------------------------------------------------------

    @rule(numbers=NUMBERS, keywords=KEYWORD_LIST, place=st.none() | PLACE)
    def set_whole(self, numbers: list[int], keywords: list[str], place: str | None) -> None:
        patch: dict[str, object] = {"keywords": dict.fromkeys(keywords, True)}
        if place is not None:
            patch["mailboxIds"] = {self.world.mailbox(place): True}
        self.run(self.world.set("Email", update=dict.fromkeys(self.world.emails(numbers), patch)))

    @rule(numbers=NUMBERS, keyword=ONE_KEYWORD, is_on=st.booleans())
    def set_keyword(self, numbers: list[int], keyword: str, is_on: bool) -> None:
        patch = {f"keywords/{keyword}": True if is_on else None}
        self.run(self.world.set("Email", update=dict.fromkeys(self.world.emails(numbers), patch)))

    @rule(numbers=NUMBERS, come=PLACE, go=PLACE, keyword=st.none() | ONE_KEYWORD)
    def set_mailboxes(self, numbers: list[int], come: str, go: str, keyword: str | None) -> None:
        patch: dict[str, object] = {f"mailboxIds/{self.world.mailbox(come)}": True}
        patch[f"mailboxIds/{self.world.mailbox(go)}"] = None
        if keyword is not None:
            patch[f"keywords/{keyword}"] = True
        self.run(self.world.set("Email", update=dict.fromkeys(self.world.emails(numbers), patch)))

    @rule(numbers=NUMBERS)
    def destroy(self, numbers: list[int]) -> None:
        self.run(self.world.set("Email", destroy=self.world.emails(numbers)))

    @rule(places=st.lists(PLACE, min_size=1, max_size=3), keywords=KEYWORD_LIST, date=st.sampled_from(DATES))
    def create(self, places: list[str], keywords: list[str], date: str | None) -> None:
        mailbox_ids = {self.world.mailbox(place): True for place in places}
        email = {"mailboxIds": mailbox_ids, "keywords": dict.fromkeys(keywords, True), "subject": "one"}
        if date is not None:
            email |= {"receivedAt": date, "messageId": ["1@far.test"]}
        self.run(self.world.set("Email", create={"k": email}))

    @rule(content=TEXTS, places=st.lists(PLACE, min_size=1, max_size=2), keywords=KEYWORD_LIST)
    def import_(self, content: bytes, places: list[str], keywords: list[str]) -> None:
        async def work() -> None:
            blob_id = await self.world.upload(content)
            mailbox_ids = {self.world.mailbox(place): True for place in places}
            email = {"blobId": blob_id, "mailboxIds": mailbox_ids, "keywords": dict.fromkeys(keywords, True)}
            answer = await self.world.site.call("Email/import", emails={"a": email, "b": email})
            known = self.world.now.mailboxes
            may_add = all(known[id]["myRights"]["mayAddItems"] for id in mailbox_ids)  # not where IMAP may not select
            assert (answer["notCreated"] is None) == may_add

        self.run(work())

    @rule(name=st.sampled_from(["Box", "Sub", "Other"]), parent=st.none() | st.sampled_from(BOXES))
    def create_mailbox(self, name: str, parent: str | None) -> None:
        parent_id = None if parent is None else self.world.mailbox(parent)
        self.run(self.world.set("Mailbox", create={"k": {"name": name, "parentId": parent_id}}))

    @rule(
        which=st.sampled_from(RENAMED[2:]),
        change=st.sampled_from(
            [{"name": "Sub"}, {"name": "Other"}, {"isSubscribed": True}, {"isSubscribed": False}, {"sortOrder": 5}]
        ),
        parent=st.none() | st.sampled_from(("top", *BOXES)),
    )
    def change_mailbox(self, which: str, change: dict, parent: str | None) -> None:
        if parent is not None:
            change = {**change, "parentId": None if parent == "top" else self.world.mailbox(parent)}
        self.run(self.world.set("Mailbox", update={self.world.mailbox(which): change}))

    @rule(names=st.lists(st.sampled_from(BOXES), min_size=1, max_size=2), with_emails=st.booleans())
    def destroy_mailboxes(self, names: list[str], with_emails: bool) -> None:
        ids = {self.world.mailbox(name) for name in names} - {self.world.archive}
        self.run(self.world.set("Mailbox", destroy=sorted(ids), onDestroyRemoveEmails=with_emails))


TestTwoProtocols = TwoProtocols.TestCase
TestTwoProtocols.settings = SHORT


# --- what the machine has found --------------------------------------------------------------------------------------


async def test_a_message_that_was_hidden_for_a_while_is_in_a_result_once(site: Site):
    """Its client did not ask while it was `\\Deleted`, and has it still."""
    query = {"filter": {"subject": "one"}, "sort": [{"property": "sentAt"}]}
    id = await site.put(b"Subject: one\r\n\r\nhello\r\n")
    found = await site.call("Email/query", **query)
    inbox = await site.mail.mailboxes.inbox(site.account.id)
    for action in (FlagAction.ADD, FlagAction.REMOVE):
        await site.mail.messages.change_flags(site.account.id, inbox, [1], action, FlagSet.of("\\Deleted"))
    changes = await site.call("Email/queryChanges", **query, sinceQueryState=found["queryState"])
    assert applied(found["ids"], changes) == [id]
