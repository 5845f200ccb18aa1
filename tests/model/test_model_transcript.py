"""A conversation is recorded in bounds, and told as lines (`model.transcript`)."""

from datetime import UTC, datetime

from pillarbox.model.passport import Speaker
from pillarbox.model.transcript import LINE_OCTETS, LINES_MOST, Transcript


class Metronome:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic(self):
        self.seconds += 1
        return self.seconds

    async def sleep(self, seconds):
        self.seconds += seconds


def recorded(count=0):
    transcript = Transcript("SMTP", Metronome())
    for number in range(count):
        transcript.add(Speaker.CLIENT, b"line %d\r\n" % number)
    return transcript


def test_lines_are_told_with_who_spoke_and_when():
    transcript = recorded()
    transcript.client, transcript.server, transcript.tls = "192.0.2.1:4000", "192.0.2.2:25", "TLSv1.3"
    transcript.add(Speaker.SERVER, b"250-one\r\n250 two\r\n")
    transcript.add(Speaker.CLIENT, "QUIT")
    transcript.event("connection closed")
    transcript.add(Speaker.CLIENT, b"\xff")
    dialogue = transcript.dialogue()
    assert [(line.speaker.value, line.text, line.at_seconds) for line in dialogue.lines] == [
        ("S", "250-one", 1.0),
        ("S", "250 two", 1.0),
        ("C", "QUIT", 2.0),
        ("-", "connection closed", 3.0),
        ("C", "\N{REPLACEMENT CHARACTER}", 4.0),
    ]
    assert (dialogue.protocol, dialogue.client, dialogue.server) == ("SMTP", "192.0.2.1:4000", "192.0.2.2:25")
    assert (dialogue.started, dialogue.tls) == (datetime(2026, 11, 24, tzinfo=UTC), "TLSv1.3")


def test_when_there_are_too_many_lines_the_middle_goes():
    transcript = recorded(LINES_MOST + 1)
    assert len(transcript) <= LINES_MOST
    lines = [line.text for line in transcript.lines()]
    assert lines[: LINES_MOST // 4] == [f"line {number}" for number in range(LINES_MOST // 4)]
    assert lines[-1] == f"line {LINES_MOST}"
    for number in range(10 * LINES_MOST):
        transcript.add(Speaker.CLIENT, str(number))
    assert len(transcript) <= LINES_MOST
    assert transcript.lines(0, 1)[0].text == "line 0"


def test_a_line_has_a_bound():
    transcript = recorded()
    transcript.add(Speaker.CLIENT, b"x" * (LINE_OCTETS + 1))
    assert [len(line.text) for line in transcript.lines()] == [LINE_OCTETS]


def test_a_transfer_that_is_over_is_cut_out():
    transcript = recorded(5)
    assert [line.text for line in transcript.dialogue(1, 3).lines] == ["line 1", "line 2"]
    transcript.cut(1, 3)
    assert [line.text for line in transcript.lines()] == ["line 0", "line 3", "line 4"]
