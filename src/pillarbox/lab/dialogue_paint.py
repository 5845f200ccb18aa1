"""A dialogue in colour, for a terminal: client and server told apart, phases as headings, notes at the side."""

from rich.console import Console
from rich.text import Text

from pillarbox.lab.dialogue_text import annotate
from pillarbox.model.passport import Dialogue, Speaker

STYLES = {Speaker.CLIENT: "cyan", Speaker.SERVER: "green", Speaker.EVENT: "dim italic"}
ARROWS = {Speaker.CLIENT: "C →", Speaker.SERVER: "S ←", Speaker.EVENT: "  ·"}


def paint(console: Console, dialogue: Dialogue, *, indent: str = "  ") -> None:
    """Print it."""
    head = Text(indent)
    head.append(f"{dialogue.protocol}  {dialogue.client} → {dialogue.server}", style="bold")
    if dialogue.tls:
        head.append(f"  {dialogue.tls}", style="magenta")
    console.print(head, soft_wrap=True)
    for line in annotate(dialogue):
        if line.phase:
            console.print(Text(f"{indent}── {line.phase} " + "─" * (46 - len(line.phase)), style="yellow"))
        text = Text(f"{indent}{ARROWS[line.speaker]} ", style=STYLES[line.speaker])
        text.append(line.text)
        if line.note:
            text.append(f"   {line.note}", style="dim")
        console.print(text, soft_wrap=True)
