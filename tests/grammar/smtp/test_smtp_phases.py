"""The phases of a conversation."""

from pillarbox.grammar.smtp.phases import CLOSURE, HANDSHAKE, TRANSFER, phase_after


def test_a_transfer_begins_with_mail_and_the_closure_with_quit():
    lines = ["EHLO far.test", "mail FROM:<a@far.test>", "RCPT TO:<b@far.test>", "DATA", "", "MAIL FROM:<>", "quit"]
    phase, found = HANDSHAKE, []
    for line in lines:
        phase = phase_after(phase, line)
        found.append(phase)
    assert found == [HANDSHAKE, *[TRANSFER] * 5, CLOSURE]
