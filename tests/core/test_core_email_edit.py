"""Messages changed as a whole beside IMAP's acts on their placements, against the same plain model; and what each act
of `core.email.email_edit` says of what cannot be.

The property test adds to the model's rows: keywords and mailboxes of messages set, messages destroyed, new ones in
several mailboxes at once.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from test_core_messages_model import FLAGS, MessagesAgreeWithAModel, together

from office import DOMAIN, Office, open_office
from pillarbox.core.contents.spool import Content
from pillarbox.core.email.email_edit import (
    EmailChange,
    EmailNow,
    InNoMailbox,
    NewEmail,
    NoSuchMailbox,
    TooManyMailboxes,
)
from pillarbox.core.feed.states import Kind, Span, StateMoved
from pillarbox.core.flow.outcomes import FlagAction, TooManyKeywords
from pillarbox.model.account import Account
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import MailboxId, MessageId
from pillarbox.model.keywords import DELETED, DRAFT, FLAGGED, SEEN, FlagSet
from pillarbox.model.limits import Limits

VISIBLE_FLAGS = st.builds(
    lambda bits, words: FlagSet(sum(bits), tuple(sorted(words))),
    st.sets(st.sampled_from([SEEN, DRAFT, FLAGGED])),
    st.sets(st.sampled_from(["work", "home"])),
)
BOXES = st.sets(st.integers(0, 2))
WHICH = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)


class WholeMessagesAgreeWithAModel(MessagesAgreeWithAModel):
    """The rules of §5.4 beside each other."""

    def _some(self, which: list[int]) -> list[MessageId]:
        """Messages, of which some may not show, or not be there any more."""
        known = sorted(self.sizes)
        return list(dict.fromkeys(MessageId(known[n % len(known)]) for n in which))

    def _boxes(self, numbers: set[int]) -> frozenset[MailboxId]:
        ids = sorted(self.boxes.values())
        return frozenset(ids[n] for n in numbers)

    def _places_of(self, message: int) -> list[tuple[int, int]]:
        return sorted(place for place, copy in self.copies.items() if copy.message == message)

    def _change(self, changes: Mapping[MessageId, EmailChange]) -> None:
        outcomes = self.run(self.office.mail.email_edits.change(self.account.id, changes, Span(Kind.EMAIL)))
        assert list(outcomes) == list(changes)
        for message, change in changes.items():
            shared = together(self._flags_of(message))
            if shared is None:
                assert isinstance(outcomes[message], NotFound)
                continue
            visible = [place for place in self._places_of(message) if not self.copies[place].flags.bits & DELETED]
            before = {mailbox for mailbox, _ in visible}
            after = set(before if change.mailbox_ids is None else change.mailbox_ids)
            after = (after | change.mailboxes_added) - change.mailboxes_removed
            if not after:
                assert isinstance(outcomes[message], InNoMailbox)
                continue
            flags = ((shared if change.flags is None else change.flags) | change.flags_added) - change.flags_removed
            assert outcomes[message] == EmailNow(flags, frozenset(after))
            self._rewrite(message, visible, after, flags, with_flags=change.is_of_flags)
        self._remember()

    def _rewrite(
        self, message: int, visible: list[tuple[int, int]], after: set[int], flags: FlagSet, *, with_flags: bool
    ) -> None:
        touched = None
        for place in visible:
            if place[0] not in after:
                del self.copies[place]
                touched = self._next(place[0])
            elif with_flags and self.copies[place].flags != flags:
                self.copies[place].flags = flags
                touched = self.copies[place].modseq = self._next(place[0])
        for mailbox in sorted(after - {mailbox for mailbox, _ in visible}):
            self._add(mailbox, message, flags)
            touched = self.modseq
        if touched is not None:
            self._settle({message: touched})

    @rule(which=WHICH, flags=VISIBLE_FLAGS)
    def set_keywords(self, which: list[int], flags: FlagSet) -> None:
        self._change(dict.fromkeys(self._some(which), EmailChange(flags=flags)))

    @rule(which=WHICH, added=VISIBLE_FLAGS, removed=VISIBLE_FLAGS)
    def patch_keywords(self, which: list[int], added: FlagSet, removed: FlagSet) -> None:
        self._change(dict.fromkeys(self._some(which), EmailChange(flags_added=added, flags_removed=removed)))

    @rule(which=WHICH, boxes=BOXES)
    def set_mailboxes(self, which: list[int], boxes: set[int]) -> None:
        self._change(dict.fromkeys(self._some(which), EmailChange(mailbox_ids=self._boxes(boxes))))

    @rule(which=WHICH, added=BOXES, removed=BOXES, flags=st.none() | VISIBLE_FLAGS)
    def patch_mailboxes(self, which: list[int], added: set[int], removed: set[int], flags: FlagSet | None) -> None:
        change = EmailChange(flags=flags, mailboxes_added=self._boxes(added), mailboxes_removed=self._boxes(removed))
        self._change(dict.fromkeys(self._some(which), change))

    @rule(which=WHICH)
    def destroy(self, which: list[int]) -> None:
        messages = self._some(which)
        outcomes = self.run(self.office.mail.email_edits.destroy(self.account.id, messages, Span(Kind.EMAIL)))
        for message in sorted(messages):
            if together(self._flags_of(message)) is None:
                assert isinstance(outcomes[message], NotFound)
                continue
            assert outcomes[message] is None
            for place in self._places_of(message):
                del self.copies[place]
                self._next(place[0])
            self._settle({message: self.modseq})
        self._remember()

    @rule(boxes=st.lists(BOXES, min_size=1, max_size=3), flags=VISIBLE_FLAGS)
    def add(self, boxes: list[set[int]], flags: FlagSet) -> None:
        content = Content.of(b"Subject: new\r\n\r\nThe same text.\r\n")
        described = self.run(self.office.mail.messages.describe(content))
        now = self.office.clock.now()
        new = [NewEmail(content, described, self._boxes(one), flags, now) for one in boxes]
        outcomes = self.run(self.office.mail.email_edits.add(self.account.id, new, Span(Kind.EMAIL)))
        made: list[tuple[int, list[int]]] = []
        for one, outcome in zip(new, outcomes, strict=True):
            if not one.mailbox_ids:
                assert isinstance(outcome, InNoMailbox)
                continue
            first, *others = sorted(one.mailbox_ids)
            self._add(first, None, flags)
            message = self.modseq
            assert not isinstance(outcome, Exception) and outcome.id == message
            self.sizes[message] = content.size_octets
            self._settle({message: message})
            made.append((message, others))
        for message, others in made:
            for mailbox in others:
                self._add(mailbox, message, flags)
                self._settle({message: self.modseq})
        self._remember()

    @rule(which=WHICH, flags=FLAGS)
    def held_to_an_old_state(self, which: list[int], flags: FlagSet) -> None:
        """Nothing is written."""
        span = Span(Kind.EMAIL, self.modseq + 1)
        with pytest.raises(StateMoved):
            self.run(self.office.mail.email_edits.destroy(self.account.id, self._some(which), span))
        assert span.after is None


TestWholeMessagesAgreeWithAModel = WholeMessagesAgreeWithAModel.TestCase
TestWholeMessagesAgreeWithAModel.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# --- what cannot be, and what many are -------------------------------------------------------------------------------


async def boxes_of(office: Office, account: Account, *names: str) -> list[MailboxId]:
    return [(await office.mail.mailboxes.get(account.id, (name,))).id for name in names]


async def put(office: Office, account: Account, *mailboxes: MailboxId, flags: FlagSet = FlagSet()) -> MessageId:
    """A new message in these mailboxes."""
    (added,) = await office.mail.email_edits.add(
        account.id, [await new(office, *mailboxes, flags=flags)], Span(Kind.EMAIL)
    )
    assert not isinstance(added, Exception), added
    return added.id


async def new(
    office: Office, *mailboxes: MailboxId, flags: FlagSet = FlagSet(), text: bytes = b"Subject: a\r\n\r\nhello\r\n"
) -> NewEmail:
    content = Content.of(text)
    described = await office.mail.messages.describe(content)
    return NewEmail(content, described, frozenset(mailboxes), flags, office.clock.now())


async def test_each_failure_is_its_own(tmp_path: Path):
    limits = Limits(account_octets=100, keywords=2, mailboxes_per_message=2)
    async with open_office(tmp_path / "data", limits=limits) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        one, two, three = await boxes_of(office, alice, "INBOX", "Archive", "Trash")
        span = Span(Kind.EMAIL)
        outcomes = await office.mail.email_edits.add(
            alice.id,
            [
                await new(office, one, MailboxId(999)),
                await new(office, one, two, flags=FlagSet.of("a")),
                await new(office, one, flags=FlagSet.of("a", "b", "c")),
                await new(office, one, two, three),
                await new(office, one, text=b"Subject: large\r\n\r\n" + b"x" * 90),
                await new(office, one, flags=FlagSet.of("b")),
                await new(office),
            ],
            span,
        )
        assert [type(one) for one in outcomes if isinstance(one, Exception)] == [
            NoSuchMailbox,
            TooManyKeywords,
            TooManyMailboxes,
            OverQuota,
            InNoMailbox,
        ]
        first, second = [one.id for one in outcomes if not isinstance(one, Exception)]
        assert (await office.mail.mailboxes.get_by_id(alice.id, one)).total == 2
        assert span.after == await office.mail.states.get(alice.id, Kind.EMAIL)
        changes = {
            first: EmailChange(mailboxes_added=frozenset((three,))),
            second: EmailChange(flags_added=FlagSet.of("c")),
            MessageId(998): EmailChange(flags=FlagSet()),
        }
        made = await office.mail.email_edits.change(alice.id, changes, span)
        assert [type(one) for one in made.values()] == [TooManyMailboxes, TooManyKeywords, NotFound]
        made = await office.mail.email_edits.change(
            alice.id, {first: EmailChange(mailbox_ids=frozenset((three, MailboxId(5_000))))}, span
        )
        assert isinstance(made[first], NoSuchMailbox)


async def test_many_messages_go_in_several_transactions(office: Office):
    (alice,) = await office.add("alice")
    one, two = await boxes_of(office, alice, "INBOX", "Archive")
    text = [await new(office, one, text=b"Subject: a\r\n\r\n%d\r\n" % n) for n in range(600)]
    span = Span(Kind.EMAIL)
    added = await office.mail.email_edits.add(alice.id, text, span)
    ids = [message.id for message in added if not isinstance(message, Exception)]
    assert len(ids) == 600
    assert (span.before, span.after) == (0, await office.mail.states.get(alice.id, Kind.EMAIL))
    change = EmailChange(mailbox_ids=frozenset((two,)), flags=FlagSet.of("\\Seen"))
    made = await office.mail.email_edits.change(alice.id, dict.fromkeys(ids, change), span)
    assert set(made.values()) == {EmailNow(FlagSet.of("\\Seen"), frozenset((two,)))}
    archive = await office.mail.mailboxes.get_by_id(alice.id, two)
    assert (archive.total, archive.unseen, archive.shown, archive.unread) == (600, 0, 600, 0)
    gone = await office.mail.email_edits.destroy(alice.id, ids, span)
    assert set(gone.values()) == {None}
    assert (await office.mail.mailboxes.get_by_id(alice.id, two)).total == 0
    assert (await office.mail.accounts.find(alice.address)).used_octets == 0


async def test_changes_of_two_at_once_both_count(office: Office):
    (alice,) = await office.add("alice")
    (inbox,) = await boxes_of(office, alice, "INBOX")
    message = await put(office, alice, inbox)
    words = [f"word{n}" for n in range(20)]
    await asyncio.gather(
        *(
            office.mail.email_edits.change(
                alice.id, {message: EmailChange(flags_added=FlagSet.of(word))}, Span(Kind.EMAIL)
            )
            for word in words
        )
    )
    facts, _ = await office.mail.emails.facts(alice.id, [message])
    assert set(facts[message].flags.keywords) == set(words)


async def test_a_span_is_held_to_a_state_until_it_has_written(office: Office):
    (alice,) = await office.add("alice")
    (inbox,) = await boxes_of(office, alice, "INBOX")
    message = await put(office, alice, inbox)
    edits, state = office.mail.email_edits, await office.mail.states.get(alice.id, Kind.EMAIL)
    span = Span(Kind.EMAIL, state)
    assert isinstance(
        (await edits.change(alice.id, {MessageId(9_999): EmailChange()}, span))[MessageId(9_999)], NotFound
    )
    assert (span.before, span.after) == (None, None)
    await edits.change(alice.id, {message: EmailChange(flags=FlagSet.of("a"))}, span)
    assert (span.before, span.after) == (state, state + 1)
    await edits.change(alice.id, {message: EmailChange(flags=FlagSet.of("b"))}, span)
    assert (span.before, span.after) == (state, state + 2)
    late = Span(Kind.EMAIL, state)
    with pytest.raises(StateMoved):
        await edits.change(alice.id, {message: EmailChange(flags=FlagSet.of("c"))}, late)
    await office.mail.messages.change_flags(alice.id, inbox, [1], FlagAction.SET, FlagSet.of("d"))
    await edits.change(alice.id, {message: EmailChange(flags=FlagSet.of("e"))}, span)
    assert (span.before, span.after) == (state + 3, state + 4), "what another did in between is not spanned"
