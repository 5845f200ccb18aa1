"""Dialogues as people read them: phases, states, a few words on each line."""

from datetime import UTC, datetime

import pytest

from pillarbox.lab.dialogue_text import Told, annotate, plain_lines
from pillarbox.lab.explain import REPLY_CODES
from pillarbox.model.passport import Dialogue, DialogueLine, Speaker


def dialogue(protocol: str, *lines: str) -> Dialogue:
    """`C: …`, `S: …` and `-: …`, as they would be printed."""
    made = tuple(DialogueLine(Speaker(line[0]), line[3:], 0.0) for line in lines)
    return Dialogue(protocol, "192.0.2.1:5000", "192.0.2.2:25", datetime(2026, 1, 1, tzinfo=UTC), made)


def read(protocol: str, *lines: str) -> list[tuple[str, str]]:
    return [(line.phase, line.note) for line in annotate(dialogue(protocol, *lines))]


def test_a_connection_that_carries_two_mails_has_one_transfer():
    said = [
        "S: 220 x",
        "C: EHLO y",
        "C: MAIL FROM:<>",
        "S: 250 ok",
        "C: RSET",
        "C: MAIL FROM:<>",
        "C: QUIT",
        "S: 221 x",
    ]
    assert [phase for phase, _ in read("SMTP", *said)] == ["handshake", "", "transfer", "", "", "", "closure", ""]


def test_a_capability_is_explained_in_the_answer_to_ehlo_only():
    notes = [
        note
        for _, note in read("SMTP", "C: EHLO y", "S: 250-x greets y", "S: 250 SIZE 10", "C: NOOP", "S: 250 SIZE 10")
    ]
    assert notes[1:3] == ["", "the largest message it takes, in octets"]
    assert notes[4] == "done"


def test_the_lines_of_a_long_reply_are_explained_once():
    assert [note for _, note in read("SMTP", "S: 550-no such", "S: 550 user")] == ["", REPLY_CODES[550].words]


def test_an_imap_line_stands_under_the_state_in_which_it_was_said():
    said = ["S: * OK x", "C: a1 LOGIN x ****", "S: a1 NO wrong", "C: a2 LOGIN x ****", "S: a2 OK in", "C: a3 SELECT INBOX",
            "S: * 3 EXISTS", "S: a3 OK done", "C: a4 UNSELECT", "S: a4 OK done", "C: a5 LOGOUT", "S: * BYE x"]  # fmt: skip
    phases = [phase for phase, _ in read("IMAP", *said)]
    assert phases == ["not authenticated", "", "", "", "", "authenticated", "", "", "selected", "", "logout", ""]
    assert read("IMAP", *said)[6][1] == "so many messages are in it"


@pytest.mark.parametrize(
    ("line", "note"),
    [("C: a UID FETCH 1 (FLAGS)", "give me messages"), ("C: a", ""), ("S: + go", "go on"), ("S: a BAD what", "not understood"),
     ("S: * OK [UIDNEXT 4] x", "the UID that comes next"), ("S: ", ""), ("-: TLS", "")],
)  # fmt: skip
def test_words_on_an_imap_line(line, note):
    assert read("IMAP", line)[0][1] == note


def test_content_takes_the_place_of_its_number_with_dots_doubled():
    told = Told("a", "b", b"Subject: x\r\n\r\n.one\r\n")
    lines = list(plain_lines(dialogue("SMTP", "C: DATA", "S: 354 go", "-: … 20 octets of content", "S: 250 ok"), told))
    assert lines[0] == "  SMTP  a 192.0.2.1:5000 → b 192.0.2.2:25"
    assert lines[4:] == [
        "  C: Subject: x    (the message: its header,)",
        "  C:     (an empty line, then the body)",
        "  C: ..one",
        "  C: .    (a line of one dot: the end)",
        "  S: 250 ok    (done)",
    ]


def test_every_code_of_the_lecture_has_its_words():
    lecture = {211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 432, 450, 451, 452, 454, 455, 500, 501, 502, 503, 504,
               521, 523, 530, 534, 535, 550, 551, 552, 553, 554, 555, 556}  # fmt: skip
    assert lecture - set(REPLY_CODES) == set()
