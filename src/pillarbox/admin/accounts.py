"""`pillarbox account`, `alias` and `domain`: who has mail here."""

from typing import Annotated

import typer

from pillarbox.admin.ask import ask
from pillarbox.admin.options import DataOption, JsonOption, PasswordStdinOption, read_password
from pillarbox.admin.output import print_json, print_line, print_table

account = typer.Typer(help="People with mailboxes here.", no_args_is_help=True)
alias = typer.Typer(help="Addresses that lead to others.", no_args_is_help=True)
domain = typer.Typer(help="Domains that this server takes mail for.", no_args_is_help=True)

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="user@domain")]


@account.command("add")
def add_account(address: AddressArgument, data: DataOption, password_stdin: PasswordStdinOption = False) -> None:
    """Make an account, with its mailboxes."""
    password = read_password(from_stdin=password_stdin)
    ask(data, "account.add", address=address, password=password)
    print_line(f"{address} has a mailbox now")


@account.command("list")
def list_accounts(data: DataOption, json: JsonOption = False) -> None:
    """List accounts and what they use."""
    found = ask(data, "account.list")
    if json:
        return print_json(found)
    rows = [(row["address"], str(row["used_octets"]), str(row["quota_octets"] or "none")) for row in found]
    return print_table(("address", "octets used", "quota"), rows, empty="no accounts yet: `pillarbox account add`")


@account.command("password")
def set_password(address: AddressArgument, data: DataOption, password_stdin: PasswordStdinOption = False) -> None:
    """Set a new password."""
    answer = ask(data, "account.password", address=address, password=read_password(from_stdin=password_stdin))
    tokens = answer.get("tokens", 0)
    print_line(f"{address} has a new password" + (f"; its tokens stay good: {tokens}" if tokens else ""))


@account.command("recover")
def recover_account(address: AddressArgument, data: DataOption) -> None:
    """Let the password alone sign in again, for somebody who has lost their telephone, keys and recovery codes."""
    ask(data, "account.recover", address=address)
    print_line(f"{address} signs in with the password alone; all browsers are signed out")


@account.command("remove")
def remove_account(address: AddressArgument, data: DataOption) -> None:
    """Remove an account and all its mail."""
    ask(data, "account.remove", address=address)
    print_line(f"{address} is gone, with its mail")


@alias.command("add")
def add_alias(
    address: AddressArgument,
    targets: Annotated[list[str], typer.Argument(metavar="TARGET…", help="Where its mail goes, here or elsewhere.")],
    data: DataOption,
) -> None:
    """Lead mail for ADDRESS to each TARGET."""
    ask(data, "alias.add", address=address, targets=targets)
    print_line(f"{address} leads to {', '.join(targets)}")


@alias.command("list")
def list_aliases(data: DataOption, json: JsonOption = False) -> None:
    """List aliases."""
    found = ask(data, "alias.list")
    if json:
        return print_json(found)
    rows = [(row["address"], " ".join(row["targets"])) for row in found]
    return print_table(("address", "targets"), rows, empty="no aliases")


@alias.command("remove")
def remove_alias(address: AddressArgument, data: DataOption) -> None:
    """Remove an alias."""
    ask(data, "alias.remove", address=address)
    print_line(f"{address} leads nowhere now")


@domain.command("add")
def add_domain(name: Annotated[str, typer.Argument(metavar="DOMAIN")], data: DataOption) -> None:
    """Take mail for a domain."""
    ask(data, "domain.add", name=name)
    print_line(f"{name} is served here now")


@domain.command("list")
def list_domains(data: DataOption, json: JsonOption = False) -> None:
    """List domains."""
    found = ask(data, "domain.list")
    if json:
        return print_json(found)
    return print_table(("domain",), [(row["name"],) for row in found], empty="no domains")


@domain.command("remove")
def remove_domain(name: Annotated[str, typer.Argument(metavar="DOMAIN")], data: DataOption) -> None:
    """Take no more mail for a domain."""
    ask(data, "domain.remove", name=name)
    print_line(f"{name} is no longer served here")
