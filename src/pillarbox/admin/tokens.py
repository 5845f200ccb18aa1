"""`pillarbox token`: what programs sign in with in place of a password."""

from typing import Annotated

import typer

from pillarbox.admin.accounts import AddressArgument
from pillarbox.admin.ask import ask
from pillarbox.admin.options import DataOption, JsonOption
from pillarbox.admin.output import print_json, print_line, print_table

token = typer.Typer(help="What programs sign in with in place of a password.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which program or device it is for.")]


@token.command("add")
def add_token(
    address: AddressArgument,
    name: NameArgument,
    data: DataOption,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="It ends by itself after so long.")
    ] = None,
) -> None:
    """Make a token and print it, this once."""
    print_line(ask(data, "token.add", address=address, name=name, days=days)["token"])


@token.command("list")
def list_tokens(address: AddressArgument, data: DataOption, json: JsonOption = False) -> None:
    """List the tokens of an account."""
    found = ask(data, "token.list", address=address)
    if json:
        return print_json(found)
    rows = [(row["name"], row["created"], row["expires"] or "never", row["used"] or "not yet") for row in found]
    return print_table(("name", "made", "ends", "last used"), rows, empty="no tokens")


@token.command("remove")
def remove_token(address: AddressArgument, name: NameArgument, data: DataOption) -> None:
    """End a token."""
    ask(data, "token.remove", address=address, name=name)
    print_line(f"{name} is no longer good")
