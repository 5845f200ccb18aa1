"""What the owner of a passport sees of it, and what only the operator does."""

import pytest
from msgspec.structs import replace

from office import STARTED, address
from pillarbox.core.passport.passport_view import SHOWN, STRUCK_OUT, shown, strike_behind
from pillarbox.model.ids import AccountId, TraceId
from pillarbox.model.passport import Dialogue, DialogueLine, PassportEntry, Speaker, Step

ALICE = address("alice")
BOB = address("bob")
QUEUED = {"queue_id": "7", "recipients": "ann@far.test, eve@far.test", "named": "ann@far.test, team@uiowa.test"}


def entry(step: Step, dialogue: Dialogue | None = None, **facts: str) -> PassportEntry:
    return PassportEntry(TraceId("t"), AccountId(1), STARTED, step, facts, dialogue)


def dialogue(*lines: str) -> Dialogue:
    """Each line begins with who says it."""
    said = tuple(DialogueLine(Speaker(line[0]), line[3:], 0.0) for line in lines)
    return Dialogue("SMTP", "192.0.2.1:40000", "192.0.2.2:25", STARTED, said)


def texts(found: PassportEntry) -> list[str]:
    assert found.dialogue is not None
    return [line.text for line in found.dialogue.lines]


def test_facts_that_no_list_has_are_not_shown():
    assert set(SHOWN) == set(Step)
    (found,) = shown([entry(Step.DELIVERED, mailbox="INBOX", uid="1", secret="x", queue_id="8")], BOB)
    assert found.facts == {"mailbox": "INBOX", "uid": "1"}
    (found,) = shown([entry(Step.ATTEMPTED, recipient="ann@far.test", remote="", reply="")], ALICE)
    assert found.facts == {"recipient": "ann@far.test"}


def test_somebody_here_does_not_tell_where_and_as_whom_they_have_signed_in():
    facts = {
        "from": "alice@uiowa.test", "peer": "192.0.2.7:5000", "helo": "laptop", "protocol": "ESMTPSA", "tls": "TLSv1.3",
        "account": "a.secret@uiowa.test", "octets": "70",
    }  # fmt: skip
    accepted = entry(Step.ACCEPTED, dialogue("C: EHLO laptop"), **facts)
    (his,) = shown([accepted], BOB)
    assert his.facts == {"from": "alice@uiowa.test", "protocol": "ESMTPSA", "octets": "70"}
    assert his.dialogue is None
    (hers,) = shown([accepted], address("a.secret"))
    assert hers == accepted


def test_a_stranger_tells_where_mail_came_from():
    accepted = entry(
        Step.ACCEPTED, peer="198.51.100.7:25", helo="mx.far.test", **{"from": "ann@far.test", "to": str(BOB)}
    )
    assert shown([accepted], BOB) == [accepted]


def test_other_recipients_that_a_stranger_tried_are_struck_out():
    said = dialogue(
        "C: MAIL FROM:<Ann@far.test> SIZE=70",
        "C: RCPT TO:<carol@uiowa.test>",
        "S: 452 4.2.2 <Carol@uiowa.test>: mailbox full",
        "C: RCPT TO:<Bob@uiowa.test>",
        "S: 250 2.1.5 fine",
    )
    accepted = entry(Step.ACCEPTED, said, to="bob@uiowa.test", **{"from": "ann@far.test"})
    (found,) = shown([accepted], BOB)
    assert texts(found) == [
        "MAIL FROM:<Ann@far.test> SIZE=70",
        f"RCPT TO:<{STRUCK_OUT}>",
        f"452 4.2.2 <{STRUCK_OUT}>: mailbox full",
        "RCPT TO:<Bob@uiowa.test>",
        "250 2.1.5 fine",
    ]


def test_who_has_sent_sees_all_that_they_have_tried():
    said = dialogue("C: RCPT TO:<carol@uiowa.test>", "S: 550 5.1.1 nobody")
    accepted = entry(Step.ACCEPTED, said, account=str(ALICE), to="bob@uiowa.test")
    assert shown([accepted], ALICE) == [accepted]


def test_where_an_alias_leads_is_not_told_to_whom_writes_to_it():
    entries = [
        entry(Step.QUEUED, **QUEUED),
        entry(Step.ATTEMPTED, dialogue("C: RCPT TO:<ann@far.test>", "C: RCPT TO:<Eve@far.test>"), recipient="ann@far.test",
              remote="mx.far.test", reply="250 fine"),
        entry(Step.ATTEMPTED, dialogue("C: RCPT TO:<ann@far.test>"), recipient="ann@far.test", remote="mx.far.test"),
        entry(Step.ATTEMPTED, recipient="eve@far.test", remote="mx.far.test", reply="550 <EVE@far.test>: nobody"),
        entry(Step.BOUNCED, to=str(ALICE), recipients="eve@far.test"),
        entry(Step.CANCELLED, recipients="eve@far.test, ann@far.test"),
    ]  # fmt: skip
    found = shown(entries, ALICE)
    assert "eve" not in str(found).lower()
    queued, both, alone, behind, bounced, cancelled = found
    assert queued.facts == {"recipients": "ann@far.test, team@uiowa.test"}
    assert both == replace(entries[1], dialogue=None)
    assert alone == entries[2]
    assert behind.facts == {"recipient": "team@uiowa.test", "reply": f"550 <{STRUCK_OUT}>: nobody"}
    assert bounced.facts == {"to": str(ALICE), "recipients": "team@uiowa.test"}
    assert cancelled.facts == {"recipients": "team@uiowa.test, ann@far.test"}


def test_two_behind_one_alias_are_one():
    facts = {"recipients": "ann@far.test, eve@far.test", "named": "team@uiowa.test, team@uiowa.test"}
    (found,) = shown([entry(Step.QUEUED, **facts)], ALICE)
    assert found.facts == {"recipients": "team@uiowa.test"}


def test_an_address_with_a_comma_hides_more_rather_than_less():
    facts = {"recipients": "a, b@far.test, ann@far.test", "named": "team@uiowa.test, ann@far.test"}
    (found,) = shown([entry(Step.QUEUED, **facts)], ALICE)
    assert "far.test" not in found.facts["recipients"].replace("ann@far.test", "")


@pytest.mark.parametrize(
    ("written", "text", "seen"),
    [
        (None, "550 <eve@far.test>", "550 <eve@far.test>"),
        (address("team"), "550 <Eve@Far.test> nobody", f"550 <{STRUCK_OUT}> nobody"),
        (address("team"), "", ""),
    ],
)
def test_what_a_host_said_of_an_address_behind_an_alias(written, text: str, seen: str):
    assert strike_behind(address("eve@far.test"), written, text) == seen
