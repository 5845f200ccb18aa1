"""The command `pillarbox`: its tree, and what an error becomes (one line; 1 refused, 2 usage)."""

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from pillarbox import __version__
from pillarbox.admin import accounts, passport, queue, server, tokens
from pillarbox.admin.contacts import contacts
from pillarbox.admin.demo import demo
from pillarbox.admin.mail.command import mail
from pillarbox.admin.output import print_line, print_problem
from pillarbox.app.config import ConfigurationError
from pillarbox.model.errors import MailError

REFUSED = 1
USAGE = 2

app = typer.Typer(
    name="pillarbox",
    help="The whole of e-mail in one program.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
app.command("init")(server.init)
app.command("serve")(server.serve)
app.add_typer(accounts.account, name="account")
app.add_typer(tokens.token, name="token")
app.add_typer(accounts.alias, name="alias")
app.add_typer(accounts.domain, name="domain")
app.add_typer(contacts, name="contacts")
app.add_typer(queue.queue, name="queue")
app.command("passport")(passport.show_passport)
app.command("demo")(demo)
app.add_typer(mail, name="mail")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """The whole of e-mail in one program."""
    if show:
        print_line(f"pillarbox {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; ends the process with 0 done, 1 refused, 2 usage."""
    try:
        status = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(_refused("stopped"))
    except KeyboardInterrupt:
        sys.exit(_refused("stopped"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(REFUSED)
    except (MailError, ConfigurationError) as problem:
        sys.exit(_refused(str(problem)))
    except OSError as problem:
        sys.exit(_refused(f"{problem.strerror or problem}{f': {problem.filename}' if problem.filename else ''}"))
    except TyperException as problem:
        sys.exit(_misused(problem))
    sys.exit(status if isinstance(status, int) else 0)


def _refused(text: str) -> int:
    print_problem(text)
    return REFUSED


def _misused(problem: Exception) -> int:
    text = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    if type(problem).__name__ == "NoArgsIsHelpError":
        print_line(text)
    else:
        print_problem(f"{text} (--help tells more)")
    return int(getattr(problem, "exit_code", USAGE))
