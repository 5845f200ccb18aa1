"""What commands print: tables for people, plain lines off a terminal, one JSON document with `--json`.

Off a terminal there is no colour, no wrapping and no markup: fields are parted by tabs.
"""

import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_json(value: Any) -> None:
    """One document, then a newline."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_line(text: str) -> None:
    """One line of result, as it is."""
    sys.stdout.write(text + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """A table on a terminal; tab-separated rows without a heading elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            print_line("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    if not rows:
        print_line(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_problem(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write("pillarbox: " + " ".join(text.split()) + "\n")
