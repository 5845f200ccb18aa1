"""Options that many commands share, said once."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pillarbox.model.errors import Invalid

DataOption = Annotated[
    Path, typer.Option("--data", metavar="DIR", envvar="PILLARBOX_DATA", help="The server's data folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]


def read_password(*, from_stdin: bool, again: bool = True) -> str:
    """By prompt on a terminal, or one line of standard input.

    Raises: Invalid when it is empty or there is nowhere to ask.
    """
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=again, err=True)
    else:
        raise Invalid("no terminal to ask for the password: use --password-stdin")
    if not password:
        raise Invalid("the password is empty")
    return password
