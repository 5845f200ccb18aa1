"""Messages and placements against a plain model: any row of APPEND, COPY, MOVE, STORE and EXPUNGE leaves what a server
with independent copies would show, and all that is derived from placements agrees with them.

Checked after each step: the placements with flags and mod-sequences; the aggregate of each message; the counts of each
mailbox, computed again from rows; the account's room; the columns of the mailboxes that a session has open. Checked at
the end, from each moment that was: the feed of changes since then leads to the present.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from office import DOMAIN, Office, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.core.flow.outcomes import FlagAction
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import NotFound
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import DELETED, DRAFT, FLAGGED, SEEN, FlagSet
from pillarbox.store.flag_columns import flag_set

NAMES = ("INBOX", "Archive", "Trash")
FLAGS = st.builds(
    lambda bits, words: FlagSet(sum(bits), tuple(sorted(words))),
    st.sets(st.sampled_from([SEEN, DELETED, DRAFT, FLAGGED, 1 << 8])),
    st.sets(st.sampled_from(["work", "home"])),
)
MAILBOX = st.sampled_from(NAMES)
WHICH = st.lists(st.integers(0, 7), min_size=1, max_size=4)

Place = tuple[int, int]
"""Mailbox and UID."""


class Copy:
    """One placement of the model: an independent copy of a message."""

    def __init__(self, message: int, flags: FlagSet, modseq: int) -> None:
        self.message = message
        self.flags = flags
        self.modseq = modseq


def as_rows(copies: dict[Place, Copy]) -> dict[Place, tuple[int, FlagSet, int]]:
    return {place: (copy.message, copy.flags, copy.modseq) for place, copy in copies.items()}


def together(flags: Sequence[FlagSet]) -> FlagSet | None:
    """Rule 6 as its words say it."""
    visible = [one for one in flags if not one.bits & DELETED]
    if not visible:
        return None
    bits = 0
    for one in visible:
        bits |= one.bits & ~SEEN
    if all(one.bits & SEEN for one in visible):
        bits |= SEEN
    return FlagSet(bits, tuple(sorted({word for one in visible for word in one.keywords})))


class MessagesAgreeWithAModel(RuleBasedStateMachine):
    """The model is a dictionary of copies, three counters of UIDs and one of mod-sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-model-"))
        self.stack = contextlib.AsyncExitStack()
        self.copies: dict[Place, Copy] = {}
        self.uidnext: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.shown: dict[int, int | None] = {}
        self.history: list[tuple[int, dict[Place, tuple[int, FlagSet, int]]]] = []

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(first=st.lists(FLAGS, min_size=3, max_size=6))
    def open(self, first: list[FlagSet]) -> None:
        self.run(self._open())
        for number, flags in enumerate(first):
            self._append(NAMES[number % 2], flags, "one")

    async def _open(self) -> None:
        self.office: Office = await self.stack.enter_async_context(open_office(self.folder))
        await self.office.mail.directory.add_domain(DOMAIN)
        (self.account,) = await self.office.add("alice")
        self.boxes = {name: (await self.office.mail.mailboxes.get(self.account.id, (name,))).id for name in NAMES}
        self.views = [
            await self.office.mail.open_mailboxes.open(self.account.id, self.boxes[name], claim_recent=False)
            for name in NAMES[:2]
        ]
        for mailbox in self.boxes.values():
            self.uidnext[mailbox] = 1
            self.last[mailbox] = (await self.office.mail.mailboxes.get_by_id(self.account.id, mailbox)).modseq
        self.modseq = await self._value("select modseq from account where id = $1")
        self._remember()

    async def _value(self, sql: str) -> Any:
        return await self.office.database.value(self.account.id, sql, self.account.id)

    async def _all(self, sql: str) -> list[Any]:
        return await self.office.database.all(self.account.id, sql, self.account.id)

    def teardown(self) -> None:
        try:
            if self.history:
                self.run(self._check_history())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    # --- the model's own steps -----------------------------------------------------------------------------------

    def _next(self, mailbox: int) -> int:
        self.modseq += 1
        self.last[mailbox] = self.modseq
        return self.modseq

    def _add(self, mailbox: int, message: int | None, flags: FlagSet) -> int:
        uid, modseq = self.uidnext[mailbox], self._next(mailbox)
        self.uidnext[mailbox] += 1
        self.copies[mailbox, uid] = Copy(modseq if message is None else message, flags, modseq)
        return uid

    def _settle(self, touched: dict[int, int]) -> None:
        """What becomes of the messages that an act has touched, each last with this mod-sequence (rule 6)."""
        for message, modseq in touched.items():
            visible = together(self._flags_of(message)) is not None
            self.shown[message] = (self.shown.get(message) or modseq) if visible else None

    def _flags_of(self, message: int) -> list[FlagSet]:
        return [copy.flags for copy in self.copies.values() if copy.message == message]

    def _remember(self) -> None:
        self.history.append((self.modseq, as_rows(self.copies)))

    def _pick(self, name: str, which: list[int]) -> tuple[int, list[int]]:
        """A mailbox, and some UIDs of it, rising; one that never was among them when `which` asks for much."""
        mailbox = self.boxes[name]
        there = sorted(uid for box, uid in self.copies if box == mailbox)
        found = {there[n % len(there)] for n in which if there} | {n + 1_000 for n in which if n == 7}
        return mailbox, sorted(found)

    def _there(self, mailbox: int, uids: Sequence[int]) -> list[int]:
        return [uid for uid in uids if (mailbox, uid) in self.copies]

    # --- rules ---------------------------------------------------------------------------------------------------

    @rule(name=MAILBOX, flags=FLAGS, word=st.sampled_from(["one", "two"]))
    def append_one(self, name: str, flags: FlagSet, word: str) -> None:
        self._append(name, flags, word)

    def _append(self, name: str, flags: FlagSet, word: str) -> None:
        content = Content.of(f"Subject: {word}\r\n\r\nThe same text.\r\n".encode())
        mailbox = self.boxes[name]
        placed = self.run(
            self.office.mail.messages.append(
                self.account.id, mailbox, content, flags=flags, received=self.office.clock.now()
            )
        )
        uid = self._add(mailbox, None, flags)
        message = self.copies[mailbox, uid].message
        assert (placed.uid, placed.modseq, placed.message_id) == (uid, message, message)
        self.sizes[message] = content.size_octets
        self._settle({message: message})
        self._remember()

    @rule(source=MAILBOX, into=MAILBOX, which=WHICH)
    def copy(self, source: str, into: str, which: list[int]) -> None:
        mailbox, uids = self._pick(source, which)
        copied = self.run(self.office.mail.messages.copy(self.account.id, mailbox, uids, self.boxes[into]))
        pairs, touched = [], {}
        for uid in self._there(mailbox, uids):
            original = self.copies[mailbox, uid]
            pairs.append((uid, self._add(self.boxes[into], original.message, original.flags)))
            touched[original.message] = self.modseq
        self._settle(touched)
        assert list(copied.pairs) == pairs
        self._remember()

    @rule(source=MAILBOX, into=MAILBOX, which=WHICH)
    def move(self, source: str, into: str, which: list[int]) -> None:
        mailbox, uids = self._pick(source, which)
        moved = self.run(self.office.mail.messages.move(self.account.id, mailbox, uids, self.boxes[into]))
        pairs, touched = [], {}
        for uid in self._there(mailbox, uids):
            original = self.copies.pop((mailbox, uid))
            self._next(mailbox)
            pairs.append((uid, self._add(self.boxes[into], original.message, original.flags)))
            touched[original.message] = self.modseq
        self._settle(touched)
        assert list(moved.pairs) == pairs
        self._remember()

    @rule(
        name=MAILBOX, which=WHICH, action=st.sampled_from(FlagAction), flags=FLAGS, back=st.none() | st.integers(0, 9)
    )
    def store(self, name: str, which: list[int], action: FlagAction, flags: FlagSet, back: int | None) -> None:
        mailbox, uids = self._pick(name, which)
        since = None if back is None else max(0, self.modseq - back)
        outcome = self.run(
            self.office.mail.messages.change_flags(self.account.id, mailbox, uids, action, flags, unchanged_since=since)
        )
        changed, refused, touched = [], [], {}
        for uid in self._there(mailbox, uids):
            copy = self.copies[mailbox, uid]
            if since is not None and copy.modseq > since:
                refused.append(uid)
                continue
            after = {FlagAction.SET: flags, FlagAction.ADD: copy.flags | flags, FlagAction.REMOVE: copy.flags - flags}
            if after[action] != copy.flags:
                copy.flags, copy.modseq = after[action], self._next(mailbox)
                touched[copy.message] = copy.modseq
            changed.append((uid, copy.flags, copy.modseq))
        self._settle(touched)
        assert list(outcome.changed) == changed
        assert list(outcome.refused) == refused
        self._remember()

    @rule(name=MAILBOX, which=st.none() | WHICH)
    def expunge(self, name: str, which: list[int] | None) -> None:
        mailbox, uids = self._pick(name, which or [])
        expunged = self.run(
            self.office.mail.messages.expunge(self.account.id, mailbox, None if which is None else uids)
        )
        if which is None:
            uids = sorted(uid for box, uid in self.copies if box == mailbox)
        gone = [uid for uid in self._there(mailbox, uids) if self.copies[mailbox, uid].flags.bits & DELETED]
        touched = {}
        for uid in gone:
            message = self.copies.pop((mailbox, uid)).message
            touched[message] = self._next(mailbox)
        self._settle(touched)
        assert list(expunged.uids) == gone
        self._remember()

    @rule(name=MAILBOX, which=WHICH)
    def copy_to_nowhere(self, name: str, which: list[int]) -> None:
        """What fails leaves nothing, not even a mod-sequence that was taken."""
        mailbox, uids = self._pick(name, which)
        if self._there(mailbox, uids):
            with pytest.raises(NotFound):
                self.run(self.office.mail.messages.copy(self.account.id, mailbox, uids, MailboxId(999_999)))
            with pytest.raises(NotFound):
                self.run(self.office.mail.messages.move(self.account.id, mailbox, uids, MailboxId(999_999)))

    # --- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def rows_agree(self) -> None:
        if self.history:
            self.run(self._check_rows())

    async def _check_rows(self) -> None:
        rows = await self._all(
            "select mailbox_id, uid, message_id, flags, keywords, modseq from placement where account_id = $1"
        )
        assert {(m, u): (i, flag_set(b, k), q) for m, u, i, b, k, q in rows} == as_rows(self.copies)
        await self._check_messages()
        await self._check_mailboxes()
        used, modseq = (await self._all("select used_octets, modseq from account where id = $1"))[0]
        assert modseq == self.modseq
        alive = {copy.message for copy in self.copies.values()}
        assert used == sum(self.sizes[message] for message in alive)
        for view in self.views:
            mailbox = view.mailbox
            columns = zip(mailbox.listing.uids, mailbox.listing.flags, mailbox.listing.modseqs, strict=True)
            assert [(uid, mailbox.flag_sets[number], modseq) for uid, number, modseq in columns] == [
                (place[1], copy.flags, copy.modseq)
                for place, copy in sorted(self.copies.items())
                if place[0] == mailbox.mailbox_id
            ]

    async def _check_messages(self) -> None:
        rows = await self._all("select id, flags, keywords, shown, placements from message where account_id = $1")
        found = {i: (flag_set(b, k), shown, count) for i, b, k, shown, count in rows}
        places = Counter(copy.message for copy in self.copies.values())
        assert found == {
            message: (together(self._flags_of(message)) or FlagSet(), self.shown[message], count)
            for message, count in places.items()
        }
        for table, column in (("message_line", "message_id"), ("blob_ref", "holder")):
            held = await self._all(
                f"select {column} from {table} where account_id = $1"
                + (" and kind = 1 and released is null" if table == "blob_ref" else "")
            )
            assert {message for (message,) in held} == set(places)

    async def _check_mailboxes(self) -> None:
        """Rule 11: the counts that are kept equal those that are computed."""
        rows = await self._all(
            "select id, uidnext, modseq, total, unseen, deleted, size_octets, jmap_total, jmap_unread "
            "from mailbox where account_id = $1"
        )
        for mailbox, uidnext, modseq, *counts in rows:
            if mailbox not in self.uidnext:
                continue
            inside = [copy for place, copy in self.copies.items() if place[0] == mailbox]
            visible = {copy.message for copy in inside if not copy.flags.bits & DELETED}
            unread = [m for m in visible if not (together(self._flags_of(m)) or FlagSet()).bits & (SEEN | DRAFT)]
            assert (uidnext, modseq) == (self.uidnext[mailbox], self.last[mailbox])
            assert counts == [
                len(inside),
                sum(not copy.flags.bits & SEEN for copy in inside),
                sum(bool(copy.flags.bits & DELETED) for copy in inside),
                sum(self.sizes[copy.message] for copy in inside),
                len(visible),
                len(unread),
            ]

    # --- the feed ------------------------------------------------------------------------------------------------

    async def _check_history(self) -> None:
        rows = await self._all(
            "select modseq, kind, mailbox_id, uid, message_id, flags_before, keywords_before from change "
            "where account_id = $1 order by modseq"
        )
        assert [row[0] for row in rows] == list(range(1, self.modseq + 1)), "a hole in the feed"
        messages = dict(await self._all("select id, shown from message where account_id = $1"))
        now = as_rows(self.copies)
        for since, then in self.history:
            later = [row for row in rows if row[0] > since]
            self._replay(then, later, now)
            self._check_changed_messages(since, then, later, now, messages)

    @staticmethod
    def _replay(then: dict[Place, Any], later: list[Any], now: dict[Place, Any]) -> None:
        """IMAP's question (rule 10): what came, went and changed since; and back again, by the state before."""
        uids = {place: row[0] for place, row in then.items()}
        told: dict[Place, int] = {}
        first_before: dict[Place, FlagSet] = {}
        for modseq, kind, mailbox, uid, message, bits, words in later:
            place = (mailbox, uid)
            told[place] = modseq
            if kind == ChangeKind.PLACED:
                assert place not in uids, "a UID was given twice"
                uids[place] = message
                continue
            if place in then and place not in first_before:
                first_before[place] = flag_set(bits, words)
            if kind == ChangeKind.REMOVED:
                assert uids.pop(place) == message
        assert uids == {place: row[0] for place, row in now.items()}
        for place, (_, flags, modseq) in now.items():
            if place in told:
                assert modseq == told[place]
            else:
                assert then[place][1] == flags
        for place, before in first_before.items():
            assert before == then[place][1]

    @staticmethod
    def _check_changed_messages(
        since: int, then: dict[Place, Any], later: list[Any], now: dict[Place, Any], messages: dict[int, int | None]
    ) -> None:
        """JMAP's question (rule 9, RFC 8620 §5.2)."""
        created, updated, destroyed = set(), set(), set()
        for message in {row[4] for row in later}:
            shown = messages.get(message)
            if shown is not None:
                (created if shown > since else updated).add(message)
            elif message <= since:
                destroyed.add(message)
        before, after = _as_jmap(then), _as_jmap(now)
        assert set(after) - set(before) <= created <= set(after)
        assert set(before) - set(after) <= destroyed and not destroyed & set(after)
        assert {m for m in set(before) & set(after) if before[m] != after[m]} <= created | updated


def _as_jmap(rows: dict[Place, Any]) -> dict[int, tuple[frozenset[int], FlagSet]]:
    """What JMAP shows: the mailboxes and keywords of each message that is not hidden."""
    found = {}
    for message in {row[0] for row in rows.values()}:
        flags = together([row[1] for row in rows.values() if row[0] == message])
        if flags is not None:
            boxes = {place[0] for place, row in rows.items() if row[0] == message and not row[1].bits & DELETED}
            found[message] = (frozenset(boxes), flags)
    return found


TestMessagesAgreeWithAModel = MessagesAgreeWithAModel.TestCase
TestMessagesAgreeWithAModel.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
