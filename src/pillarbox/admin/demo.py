"""`pillarbox demo`: watch a mail travel."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console

from pillarbox.lab.demo import run_demo


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the play; status 0 if every step worked.")] = False,
) -> None:
    """Two mail servers, a DNS and two people on this machine: watch a mail travel."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
    asyncio.run(run_demo(console, once=once))
