"""A dialogue as text that one can read: who speaks, which phase it is, what a code means.

SMTP has three phases: handshake, transfer, closure (the lecture's words); IMAP has the states of RFC 9051 §3.
"""

from collections.abc import Iterator

import msgspec

from pillarbox.lab.explain import explain_command, explain_reply
from pillarbox.model.passport import Dialogue, DialogueLine, Speaker


class AnnotatedLine(msgspec.Struct, frozen=True):
    """`phase` is set on the first line of each phase only."""

    phase: str
    speaker: Speaker
    text: str
    note: str


def annotate(dialogue: Dialogue) -> Iterator[AnnotatedLine]:
    """Each line with its phase and a note."""
    phase = ""
    is_smtp = "SMTP" in dialogue.protocol.upper()
    for line in dialogue.lines:
        now = _smtp_phase(phase, line) if is_smtp else _imap_phase(phase, line)
        note = ""
        if is_smtp:
            note = explain_reply(line.text) if line.speaker is Speaker.SERVER else ""
            note = explain_command(line.text) if line.speaker is Speaker.CLIENT else note
        yield AnnotatedLine(now if now != phase else "", line.speaker, line.text, note)
        phase = now


def _smtp_phase(phase: str, line: DialogueLine) -> str:
    verb = line.text[:4].upper() if line.speaker is Speaker.CLIENT else ""
    if verb == "QUIT":
        return "closure"
    if verb == "MAIL":
        return "transfer"
    return phase or "handshake"


IMAP_STATES = {
    "LOGIN": "authenticating",
    "AUTHENTICATE": "authenticating",
    "SELECT": "selected",
    "EXAMINE": "selected",
    "LOGOUT": "logout",
}


def _imap_phase(phase: str, line: DialogueLine) -> str:
    words = line.text.split(" ", 2)
    if line.speaker is Speaker.CLIENT and len(words) > 1:
        return IMAP_STATES.get(words[1].upper(), phase or "not authenticated")
    return phase or "not authenticated"


def plain_lines(dialogue: Dialogue, *, indent: str = "  ") -> Iterator[str]:
    """The dialogue as plain text lines, for pipes and logs."""
    yield f"{indent}{dialogue.protocol} {dialogue.client} → {dialogue.server}" + (
        f"  [{dialogue.tls}]" if dialogue.tls else ""
    )
    for line in annotate(dialogue):
        if line.phase:
            yield f"{indent}── {line.phase} ──"
        note = f"    ({line.note})" if line.note else ""
        yield f"{indent}{line.speaker.value}: {line.text}{note}"
