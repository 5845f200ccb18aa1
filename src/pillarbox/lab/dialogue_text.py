"""A dialogue as text that one can read: who speaks, which phase it is, what a code means.

SMTP has three phases: handshake, transfer, closure (the lecture's words); IMAP has the states of RFC 9051 §3, and a
line stands under the state in which it was said.
"""

from collections.abc import Iterator

import msgspec

from pillarbox.grammar.smtp.phases import HANDSHAKE, phase_after
from pillarbox.lab import explain
from pillarbox.model.passport import Dialogue, DialogueLine, Speaker

OCTETS_OF_CONTENT = "octets of content"


class Told(msgspec.Struct, frozen=True):
    """What a reader knows beside the dialogue: who the two are, and the content, where it may be shown."""

    client: str = ""
    server: str = ""
    content: bytes = b""


NOTHING = Told()


class AnnotatedLine(msgspec.Struct, frozen=True):
    """`phase` is set on the first line of each phase only."""

    phase: str
    speaker: Speaker
    text: str
    note: str


def annotate(dialogue: Dialogue, content: bytes = b"") -> Iterator[AnnotatedLine]:
    """Each line with its phase and a note; the lines of `content` in the place of their number, when it is given."""
    reading = _Smtp() if "SMTP" in dialogue.protocol.upper() else _Imap()
    phase = ""
    for line in dialogue.lines:
        now, note = reading.read(line)
        if content and line.speaker is Speaker.EVENT and line.text.endswith(OCTETS_OF_CONTENT):
            yield from _content_lines(content)
        else:
            yield AnnotatedLine(now if now != phase else "", line.speaker, line.text, note)
        phase = now


class _Smtp:
    """Follows the three phases."""

    def __init__(self) -> None:
        self._phase = HANDSHAKE
        self._verb = ""

    def read(self, line: DialogueLine) -> tuple[str, str]:
        """The phase of a line, and words on it."""
        if line.speaker is Speaker.CLIENT:
            self._verb = line.text[:4].upper()
            self._phase = phase_after(self._phase, line.text)
            return self._phase, explain.explain_command(line.text)
        if line.speaker is Speaker.EVENT:
            return self._phase, ""
        note = explain.explain_capability(line.text) if self._verb == "EHLO" else ""
        return self._phase, note or explain.explain_reply(line.text)


STATE_AFTER: dict[str, str] = {
    "LOGIN": "authenticated",
    "AUTHENTICATE": "authenticated",
    "SELECT": "selected",
    "EXAMINE": "selected",
    "CLOSE": "authenticated",
    "UNSELECT": "authenticated",
}


class _Imap:
    """Follows the states: a command that leads to another does so when its OK has been said."""

    def __init__(self) -> None:
        self._state = "not authenticated"
        self._tag = ""
        self._after = ""

    def read(self, line: DialogueLine) -> tuple[str, str]:
        """The state of a line, and words on it."""
        words = line.text.split(" ", 2)
        if line.speaker is Speaker.EVENT:
            return self._state, ""
        if line.speaker is Speaker.CLIENT:
            if len(words) > 1:
                self._tag, self._after = words[0], STATE_AFTER.get(words[1].upper(), "")
                if words[1].upper() == "LOGOUT":
                    self._state = "logout"
            return self._state, explain.explain_imap_command(line.text)
        said_in = self._state
        if words[0] == self._tag and self._after and words[1:2] == ["OK"]:
            self._state = self._after
        return said_in, explain.explain_imap_response(line.text)


def _content_lines(content: bytes) -> Iterator[AnnotatedLine]:
    """As they went over the wire: a dot doubled at the start of a line (RFC 5321 §4.5.2), one dot at the end."""
    note, then = "the message: its header,", "an empty line, then the body"
    for text in content.decode("utf-8", "replace").removesuffix("\r\n").split("\r\n"):
        if not text:
            note, then = then, ""
        yield AnnotatedLine("", Speaker.CLIENT, f".{text}" if text.startswith(".") else text, note)
        note = ""
    yield AnnotatedLine("", Speaker.CLIENT, ".", "a line of one dot: the end")


def heading(dialogue: Dialogue, told: Told) -> str:
    """Who speaks to whom, and where."""
    client, server = f"{told.client} {dialogue.client}".strip(), f"{told.server} {dialogue.server}".strip()
    return f"{dialogue.protocol}  {client} → {server}"


def plain_lines(dialogue: Dialogue, told: Told = NOTHING, *, indent: str = "  ") -> Iterator[str]:
    """The dialogue as plain text lines, for pipes and logs."""
    yield indent + heading(dialogue, told) + (f"  [{dialogue.tls}]" if dialogue.tls else "")
    for line in annotate(dialogue, told.content):
        if line.phase:
            yield f"{indent}── {line.phase} ──"
        note = f"    ({line.note})" if line.note else ""
        yield f"{indent}{line.speaker.value}: {line.text}{note}"
