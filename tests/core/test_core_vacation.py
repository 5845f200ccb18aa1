"""Answers of those who are away, from the letter's delivery to the answer's (RFC 8621 §8, RFC 3834, RFC 5230)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from queue_words import claim_one, failed, names

from office import DOMAIN, TEXT, Office, address, client_facts, open_office
from pillarbox.core.feed.states import Kind, Span, StateMoved
from pillarbox.core.flow.vacation import PERIOD
from pillarbox.model.account import Account
from pillarbox.model.delivery import Action
from pillarbox.model.errors import NotFound, OverQuota, TooLarge
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Step
from pillarbox.model.vacation import Vacation
from pillarbox.wire.memory import DeterministicRandom

AWAY = Vacation(is_enabled=True, text="Back on Monday.")


def letter(to: str = f"alice@{DOMAIN}", *, number: int = 1, fields: bytes = b"") -> bytes:
    return (
        b"From: ann@far.test\r\nTo: %b\r\nSubject: hello\r\nMessage-ID: <%d@far.test>\r\n%b\r\nGood morning.\r\n"
    ) % (to.encode(), number, fields)


async def away(office: Office, account: Account, vacation: Vacation = AWAY) -> None:
    await office.mail.vacations.change(account.id, lambda _: vacation)


async def queued(office: Office) -> list[bytes]:
    """What waits in the queue, whole."""
    found = []
    for message in await office.mail.queue.list():
        async with await office.mail.queue.content(message.id) as content:
            found.append(await content.read())
    return found


async def deliver_queue(office: Office) -> int:
    """Do what the relay's worker does, for recipients here; how many were delivered."""
    count = 0
    while messages := await office.mail.queue.claim():
        for message in messages:
            statuses = [await office.mail.queued_delivery.deliver(message, one) for one in message.recipients]
            count += sum(status.action is Action.DELIVERED for status in statuses)
            await office.mail.queue.record(message.id, statuses, None)
    return count


async def test_a_letter_is_delivered_and_answered(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    accepted = await office.take("ann@far.test", "alice", content=letter())
    assert len(await office.messages("alice")) == 1
    message = await claim_one(office)
    assert message.reverse_path is None and names(message) == ["ann@far.test"]
    (answer,) = await queued(office)
    for said in (
        b"From: alice@uiowa.test\r\n", b"To: ann@far.test\r\n", b"Subject: Auto: hello\r\n",
        b"In-Reply-To: <1@far.test>\r\n", b"References: <1@far.test>\r\n", b"Auto-Submitted: auto-replied\r\n",
        b"\r\n\r\nBack on Monday.\r\n",
    ):  # fmt: skip
        assert said in answer
    passport = await office.mail.passports.find(accepted.trace_id, account_id=alice.id)
    assert [entry.step for entry in passport] == [Step.ACCEPTED, Step.DELIVERED, Step.ANSWERED]
    assert passport[-1].facts["to"] == "ann@far.test"
    (first, second) = await office.mail.passports.find(passport[-1].facts["answer"], account_id=alice.id)
    assert (first.step, second.step) == (Step.ACCEPTED, Step.QUEUED)
    assert first.facts["answer_to"] == accepted.trace_id


async def test_an_answer_to_somebody_here_comes_back_through_the_queue(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    await away(office, alice)
    await office.take("bob", "alice", account=bob, content=letter())
    assert await deliver_queue(office) == 1
    (answer,) = await office.messages("bob")
    assert answer.startswith(b"Return-Path: <>\r\n") and b"Back on Monday." in answer


async def test_two_who_are_away_do_not_answer_each_other_for_ever(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    await away(office, alice)
    await away(office, bob)
    await office.take("bob", "alice", account=bob, content=letter())
    assert await deliver_queue(office) == 1
    assert await office.mail.queue.list() == []
    assert (len(await office.messages("alice")), len(await office.messages("bob"))) == (1, 1)


async def test_a_sender_is_answered_once_in_seven_days(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    for number in range(3):
        await office.take("ann@far.test", "alice", content=letter(number=number))
    await office.take("ANN@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 1
    await office.take("eve@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 2
    office.clock.advance(PERIOD.total_seconds() - 1)
    await office.take("ann@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 2
    office.clock.advance(1)
    await office.take("ann@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 3
    await office.take("ann@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 3


async def test_the_same_message_that_comes_twice_at_once_is_answered_once(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    await asyncio.gather(*(office.take("ann@far.test", "alice", content=letter()) for _ in range(5)))
    assert len(await office.messages("alice")) == 5
    assert len(await office.mail.queue.list()) == 1


@pytest.mark.parametrize(
    "other",
    [
        Vacation(True, text="Back on Tuesday."),
        Vacation(True, subject="Away", text="Back on Monday."),
        Vacation(True, text="Back on Monday.", html="<p>Back on Monday.</p>"),
        Vacation(True, html="Back on Monday."),
    ],
)
async def test_another_text_is_another_answer(office: Office, other: Vacation):
    """RFC 5230 §4.2."""
    (alice,) = await office.add("alice")
    for vacation in (AWAY, other, AWAY):
        await away(office, alice, vacation)
        await office.take("ann@far.test", "alice", content=letter())
    assert len(await office.mail.queue.list()) == 2


async def test_the_dates_say_when_letters_are_answered(office: Office):
    """RFC 8621 §8: on or after fromDate, before toDate."""
    (alice,) = await office.add("alice")
    now = office.clock.now()
    day = timedelta(days=1)
    await away(office, alice, Vacation(True, begins=now + day, ends=now + 2 * day))
    sent = []
    for step in (0, day.total_seconds(), day.total_seconds()):
        office.clock.advance(step)
        await office.take(f"ann{len(sent)}@far.test", "alice", content=letter())
        sent.append(len(await office.mail.queue.list()))
    assert sent == [0, 1, 1]


async def test_nobody_answers_who_is_not_away(office: Office):
    (alice, bob) = await office.add("alice", "bob")
    await away(office, bob)
    await away(office, alice)
    await away(office, alice, Vacation(is_enabled=False, text="Back on Monday."))
    await office.take("ann@far.test", "alice", content=letter())
    assert await office.mail.queue.list() == []
    assert not office.mail.vacations.is_away(alice.id)
    assert office.mail.vacations.is_away(bob.id)


@pytest.mark.parametrize(
    ("to", "named"),
    [
        (f"alice@{DOMAIN}", f"alice@{DOMAIN}"),
        (f"Alice <ALICE@{DOMAIN.upper()}>", f"ALICE@{DOMAIN}"),
        (f"bob@{DOMAIN}, alice+shop@{DOMAIN}", f"alice+shop@{DOMAIN}"),
        (f"info@{DOMAIN}", f"info@{DOMAIN}"),
        ("alice@elsewhere.test", None),
        (f"bob@{DOMAIN}", None),
        (f"nobody@{DOMAIN}", None),
        (f"team@{DOMAIN}", None),
        ("undisclosed-recipients:;", None),
        ("", None),
    ],
)
async def test_only_a_letter_that_names_its_reader_is_answered(office: Office, to: str, named: str | None):
    """RFC 5230 §4.5. An alias that leads to alice alone names her; one of several does not."""
    (alice, *_) = await office.add("alice", "bob")
    await office.mail.directory.add_alias(address("info"), (address("alice"),))
    await office.mail.directory.add_alias(address("team"), (address("alice"), address("bob")))
    await away(office, alice)
    await office.take("ann@far.test", "alice", content=letter(to))
    answers = await queued(office)
    assert len(answers) == (named is not None)
    assert named is None or f"From: {named}\r\n".encode() in answers[0]


async def test_who_keeps_a_copy_for_somebody_is_still_named_by_her_own_address(office: Office):
    (alice, *_) = await office.add("alice", "bob")
    await office.mail.directory.add_alias(address("alice"), (address("alice"), address("bob")))
    await away(office, alice)
    await office.take("ann@far.test", "alice+tag", content=letter(f"alice+tag@{DOMAIN}"))
    assert len(await office.mail.queue.list()) == 1


async def test_mail_that_an_alias_brings_is_answered_in_the_alias_s_name(office: Office):
    (alice,) = await office.add("alice")
    await office.mail.directory.add_alias(address("info"), (address("alice"),))
    await away(office, alice)
    await office.take("ann@far.test", "info", content=letter(f"info@{DOMAIN}"))
    (answer,) = await queued(office)
    assert b"\r\nFrom: info@uiowa.test\r\n" in answer


@pytest.mark.parametrize("sender", [None, "alice", "alice+note", "info", "mailer-daemon@far.test", "noreply@far.test"])
async def test_nobody_s_mail_and_one_s_own_is_not_answered(office: Office, sender: str | None):
    (alice,) = await office.add("alice")
    await office.mail.directory.add_alias(address("info"), (address("alice"),))
    await away(office, alice)
    await office.take_unchecked(client_facts(), sender, "alice", content=letter())
    assert len(await office.messages("alice")) == 1
    assert await office.mail.queue.list() == []


async def test_an_answer_to_an_alias_goes_where_it_leads(office: Office):
    (alice, *_) = await office.add("alice", "bob", "carol")
    await office.mail.directory.add_alias(address("team"), (address("bob"), address("carol")))
    await away(office, alice)
    await office.take("team", "alice", content=letter())
    assert await deliver_queue(office) == 2


async def test_a_report_is_not_answered(office: Office):
    """The sender of mail that fails hears of it, also while away, and the report ends there."""
    (alice,) = await office.add("alice")
    await away(office, alice)
    await office.take("alice", "ann@far.test", account=alice)
    await office.mail.queue.record((await claim_one(office)).id, [failed("ann@far.test")], None)
    assert len(await office.messages("alice")) == 1
    assert await office.mail.queue.list() == []


async def test_mail_that_waited_in_the_queue_is_answered_when_it_is_delivered(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(account_octets=5_000)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice, _) = await office.add("alice", "bob")
        await away(office, alice)
        await office.take("alice", "alice", account=alice, content=TEXT + b"x" * 900 + b"\r\n" * 1_800)
        await office.take_unchecked(client_facts(), "ann@far.test", "alice", "bob", content=letter())
        (waiting,) = await office.mail.queue.list()
        assert names(waiting) == [f"alice@{DOMAIN}"], "alice has no room, so it waits"
        inbox = await office.mail.mailboxes.get(alice.id, ("INBOX",))
        await office.mail.messages.empty(alice.id, inbox.id)
        message = await claim_one(office)
        for _ in range(2):  # as after a crash between delivery and record
            status = await office.mail.queued_delivery.deliver(message, message.recipients[0])
            assert status.action is Action.DELIVERED
        await office.mail.queue.record(message.id, [status], None)
        (answer,) = await office.mail.queue.list()
        assert names(answer) == ["ann@far.test"]


async def test_a_delivery_that_is_refused_answers_nothing(tmp_path: Path):
    """One transaction: no letter, no answer, and no note that there was one."""
    async with open_office(tmp_path / "data", limits=Limits(account_octets=1_000)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await away(office, alice)
        with pytest.raises(OverQuota):
            await office.take_unchecked(
                client_facts(), "ann@far.test", "alice", content=letter() + b"x" * 900 + b"\r\n" * 50
            )
        assert await office.mail.queue.list() == []
        await office.take("ann@far.test", "alice", content=letter())
        assert len(await office.mail.queue.list()) == 1


async def test_who_is_away_is_still_away_after_a_restart(tmp_path: Path):
    async with open_office(tmp_path / "data") as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await away(office, alice)
        await office.take("ann@far.test", "alice", content=letter())
    async with open_office(tmp_path / "data", random=DeterministicRandom(b"again")) as office:
        office.clock.advance(1)
        assert await office.mail.vacations.get(alice.id) == AWAY
        await office.take("ann@far.test", "alice", content=letter())
        await office.take("eve@far.test", "alice", content=letter())
        assert [names(message) for message in await office.mail.queue.list()] == [["ann@far.test"], ["eve@far.test"]]


async def test_only_so_many_senders_are_remembered_and_the_oldest_are_forgotten(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(vacation_senders=3)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await away(office, alice)
        for n in range(5):
            office.clock.advance(1)
            await office.take(f"ann{n}@far.test", "alice", content=letter())
        rows = await office.database.all(alice.id, "select sender_key from vacation_answer order by at")
        assert [key for (key,) in rows] == [f"ann{n}@far.test" for n in (2, 3, 4)]


async def test_housekeeping_forgets_answers_that_are_too_old_to_matter(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    await office.take("ann@far.test", "alice", content=letter())
    office.clock.advance(PERIOD.total_seconds())
    await office.mail.housekeeping.sweep()
    assert await office.database.value(alice.id, "select count(*) from vacation_answer") == 1
    office.clock.advance(1)
    await office.mail.housekeeping.sweep()
    assert await office.database.value(alice.id, "select count(*) from vacation_answer") == 0


async def test_an_account_that_goes_takes_its_answers_with_it(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    await office.take("ann@far.test", "alice", content=letter())
    await office.mail.accounts.remove(address("alice"))
    for table in ("vacation", "vacation_answer"):
        assert await office.database.value(alice.id, f"select count(*) from {table}") == 0


async def test_a_long_letter_is_answered_from_its_header_alone(office: Office):
    (alice,) = await office.add("alice")
    await away(office, alice)
    await office.take("ann@far.test", "alice", content=letter() + b"long\r\n" * 50_000)
    assert len(await office.mail.queue.list()) == 1


# --- what an account has set up --------------------------------------------------------------------------------------


async def test_a_change_is_one_step_of_the_account_s_feed(office: Office):
    (alice,) = await office.add("alice")
    vacations, states = office.mail.vacations, office.mail.states
    assert await vacations.get(alice.id) == Vacation()
    before = await states.get(alice.id, Kind.VACATION)
    await away(office, alice)
    after = await states.get(alice.id, Kind.VACATION)
    assert after > before
    assert await states.get(alice.id, Kind.EMAIL) < after
    await office.take("ann@far.test", "alice", content=letter())
    assert await states.get(alice.id, Kind.VACATION) == after


async def test_who_knows_an_older_state_changes_nothing(office: Office):
    (alice,) = await office.add("alice")
    state = await office.mail.states.get(alice.id, Kind.VACATION)
    tries = await asyncio.gather(
        *(
            office.mail.vacations.change(
                alice.id, lambda _, n=n: Vacation(True, text=str(n)), span=Span(Kind.VACATION, state)
            )
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert [type(made) for made in tries] == [Vacation, StateMoved, StateMoved, StateMoved]
    assert (await office.mail.vacations.get(alice.id)).text == "0"


async def test_what_cannot_be_is_not_set(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(vacation_octets=100)) as office:
        await office.mail.directory.add_domain(DOMAIN)
        (alice,) = await office.add("alice")
        await away(office, alice, Vacation(subject="ü" * 20, text="x" * 30, html="y" * 30))
        with pytest.raises(TooLarge):
            await away(office, alice, Vacation(subject="ü" * 20, text="x" * 30, html="y" * 31))

        def refuse(_: Vacation) -> Vacation:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await office.mail.vacations.change(alice.id, refuse)
        assert (await office.mail.vacations.get(alice.id)).html == "y" * 30
        await office.mail.accounts.remove(address("alice"))
        with pytest.raises(NotFound):
            await away(office, alice)
