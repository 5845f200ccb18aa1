"""`pillarbox passport`: the journey of one message on this server, with the dialogues."""

import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from pillarbox.admin.ask import ask
from pillarbox.admin.options import DataOption, JsonOption
from pillarbox.admin.output import print_json, print_line
from pillarbox.lab.dialogue_paint import paint
from pillarbox.lab.dialogue_text import plain_lines
from pillarbox.model.passport import Dialogue


def show_passport(
    name: Annotated[str, typer.Argument(metavar="MESSAGE-ID-OR-QUEUE-ID", help="Also a trace id.")],
    data: DataOption,
    json: JsonOption = False,
) -> None:
    """Where is my mail? Every step that a message took on this server."""
    entries = ask(data, "passport.show", name=name)
    if json:
        return print_json(entries)
    console = Console() if sys.stdout.isatty() else None
    for entry in entries:
        _print_entry(entry, console)
    return None


def _print_entry(entry: dict[str, Any], console: Console | None) -> None:
    facts = "  ".join(f"{key}={value}" for key, value in entry["facts"].items() if value)
    line = f"{entry['at']}  {entry['step']:<10} {facts}"
    if console is None:
        print_line(line)
    else:
        console.print(line, style="bold", markup=False, highlight=False)
    if entry["dialogue"] is None:
        return
    dialogue = msgspec.convert(entry["dialogue"], Dialogue)
    if console is None:
        for text in plain_lines(dialogue):
            print_line(text)
    else:
        paint(console, dialogue)
