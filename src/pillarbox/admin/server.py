"""`pillarbox init` and `pillarbox serve`: make a server, run it."""

from pathlib import Path
from typing import Annotated

import typer

from pillarbox.admin.output import print_line
from pillarbox.app.initialise import initialise
from pillarbox.app.server import run_server

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The server's data folder.")]


def init(
    folder: FolderArgument,
    hostname: Annotated[str, typer.Option("--hostname", metavar="H", help="The name this server greets with.")],
    domains: Annotated[list[str], typer.Option("--domain", metavar="D", help="A domain to take mail for; may recur.")],
    listen: Annotated[str, typer.Option("--listen", metavar="IP", help="Address to listen on.")] = "127.0.0.1",
    port_base: Annotated[int, typer.Option("--port-base", metavar="N", help="Added to every port (25, 143 …).")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting of pillarbox.toml; may recur."),
    ] = None,
) -> None:
    """Make a data folder: pillarbox.toml, an empty store and a self-signed certificate."""
    initialise(
        folder,
        hostname=hostname,
        domains=domains,
        listen=listen,
        port_base=port_base,
        settings=settings or [],
    )
    print_line(
        f"{folder} is ready: `pillarbox account add USER@{domains[0]} --data {folder}`, then `pillarbox serve {folder}`"
    )


def serve(folder: FolderArgument) -> None:
    """Run the server in the foreground, until SIGTERM or Ctrl-C."""
    run_server(folder)
