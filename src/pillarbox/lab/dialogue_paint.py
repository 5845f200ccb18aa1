"""A dialogue in colour, for a terminal: client and server told apart, phases as headings, notes in a column."""

import textwrap

from rich.console import Console
from rich.text import Text

from pillarbox.lab.dialogue_text import NOTHING, AnnotatedLine, Told, annotate, heading
from pillarbox.model.passport import Dialogue, Speaker

STYLES = {Speaker.CLIENT: "cyan", Speaker.SERVER: "green", Speaker.EVENT: "magenta"}
ARROWS = {Speaker.CLIENT: "C →", Speaker.SERVER: "S ←", Speaker.EVENT: "  ·"}
INDENT = "  "
HANGING = 6
NOTE_COLUMN = 56
WIDTH_MOST = 110


def paint(console: Console, dialogue: Dialogue, told: Told = NOTHING) -> None:
    """Print it."""
    width = min(console.width, WIDTH_MOST)
    for text in textwrap.wrap(heading(dialogue, told), width - len(INDENT)):
        console.print(Text(INDENT + text, style="bold"), soft_wrap=True)
    for line in annotate(dialogue, told.content):
        if line.phase:
            console.print(Text(f"{INDENT}── {line.phase} ".ljust(NOTE_COLUMN - 2, "─"), style="yellow"))
        for painted in _lines(line, width):
            console.print(painted, soft_wrap=True)


def _lines(line: AnnotatedLine, width: int) -> list[Text]:
    """What is too long goes on below its own beginning; the note stands in its column, below where there is no room."""
    style = STYLES[line.speaker]
    pieces = [line.text]
    if len(line.text) > width - HANGING:
        pieces = textwrap.wrap(line.text, width - HANGING, break_on_hyphens=False)
    painted = [Text(" " * HANGING).append(piece, style=style) for piece in pieces]
    painted[0] = Text(f"{INDENT}{ARROWS[line.speaker]} ", style=f"bold {style}").append(pieces[0], style="not bold")
    if line.note:
        if max(painted[-1].cell_len + 3, NOTE_COLUMN) + len(line.note) > width:
            painted.append(Text())
        column = NOTE_COLUMN if NOTE_COLUMN + len(line.note) <= width else HANGING
        gap = max(3 if painted[-1] else 0, column - painted[-1].cell_len)
        painted[-1].append(" " * gap + line.note, style="not bold italic dim default")
    return painted
