"""`pillarbox contacts`: address books as files of vCards."""

import sys
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from pillarbox.admin.accounts import AddressArgument
from pillarbox.admin.ask import ask
from pillarbox.admin.options import DataOption, JsonOption
from pillarbox.admin.output import print_json, print_line, print_problem
from pillarbox.model.errors import TooLarge

FILE_OCTETS = 30_000_000

contacts = typer.Typer(help="Address books as files of vCards.", no_args_is_help=True)

BookOption = Annotated[str | None, typer.Option("--book", metavar="NAME", help="The address book.")]


@contacts.command("import")
def import_contacts(
    address: AddressArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of vCards; - is standard input.")],
    data: DataOption,
    book: BookOption = None,
    json: JsonOption = False,
) -> None:
    """Put the contacts of a file into an address book, the default one unless said."""
    octets = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    if len(octets) > FILE_OCTETS:
        raise TooLarge(f"a file has at most {FILE_OCTETS} octets: import it in parts")
    found = ask(data, "contacts.import", address=address, book=book, octets=b64encode(octets).decode("ascii"))
    if json:
        return print_json(found)
    for problem in found["problems"]:
        print_problem(problem)
    print_line(f"{found['book']}: {found['added']} new, {found['known']} there already, {found['refused']} not taken")
    return None


@contacts.command("export")
def export_contacts(address: AddressArgument, data: DataOption, book: BookOption = None) -> None:
    """Print the contacts of an address book, or of all, as vCards."""
    sys.stdout.buffer.write(ask(data, "contacts.export", address=address, book=book).encode("utf-8"))
    sys.stdout.buffer.flush()
