"""The options that say whose mail it is, shared by all commands of `pillarbox mail`."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from pillarbox.admin.mail import profile as profiles
from pillarbox.admin.mail.agent import Agent
from pillarbox.admin.mail.profile import Profile
from pillarbox.grammar.imap.mailbox_name import canonical
from pillarbox.model.errors import Invalid

AccountOption = Annotated[str | None, typer.Option("--account", help="A section of mail.toml; the first by default.")]
SmtpOption = Annotated[str | None, typer.Option("--smtp", metavar="HOST:PORT", help="Submission server.")]
ImapOption = Annotated[str | None, typer.Option("--imap", metavar="HOST:PORT", help="IMAP server.")]
UserOption = Annotated[str | None, typer.Option("--user", metavar="ADDRESS", help="Your address.")]
NameOption = Annotated[str, typer.Option("--name", help="Your name, as others see it.")]
CaOption = Annotated[Path | None, typer.Option("--ca", metavar="FILE", help="Trust this certificate.")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="The first line of standard input is the password.")
]
MailboxOption = Annotated[str, typer.Option("--mailbox", help="Where the message is.")]
BodyOption = Annotated[bool, typer.Option("--body-stdin", help="The text comes from standard input.")]


def common(
    context: typer.Context,
    account: AccountOption = None,
    smtp: SmtpOption = None,
    imap: ImapOption = None,
    user: UserOption = None,
    name: NameOption = "",
    ca: CaOption = None,
    password_stdin: PasswordOption = False,
) -> None:
    """A small user agent, for any server."""
    context.obj = {
        "account": account, "smtp": smtp, "imap": imap, "user": user, "name": name, "ca": ca,
        "password_stdin": password_stdin,
    }  # fmt: skip


def agent(context: typer.Context) -> Agent:
    """The agent that the options ask for. Raises: ConfigurationError; BadParameter for options that do not fit."""
    given = context.obj
    if given["smtp"] or given["imap"]:
        if not (given["smtp"] and given["imap"] and given["user"]):
            raise typer.BadParameter("--smtp, --imap and --user go together")
        profile = Profile(
            address=given["user"], smtp=given["smtp"], imap=given["imap"], name=given["name"],
            ca=str(given["ca"] or ""),
        )  # fmt: skip
    else:
        profile = profiles.load(given["account"])
    if given["password_stdin"]:
        return Agent(profile, sys.stdin.readline().rstrip("\r\n"))
    if not profile.password and not profile.password_command and sys.stdin.isatty():
        return Agent(profile, typer.prompt(f"Password of {profile.login}", hide_input=True, err=True))
    return Agent(profile, profile.find_password())


def read_body(from_stdin: bool, *, before: str = "") -> str:
    """The text: from standard input, or written in an editor on a terminal. Raises: Invalid."""
    if from_stdin:
        return sys.stdin.read()
    if not sys.stdin.isatty():
        raise Invalid("no terminal to write on: use --body-stdin")
    return _edit(before)


def _edit(before: str) -> str:
    """What a person writes with $VISUAL or $EDITOR. Raises: Invalid when nothing was written."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w+", suffix=".txt", encoding="utf-8") as file:
        file.write(before)
        file.flush()
        done = subprocess.run([*shlex.split(editor), file.name], check=False)
        written = Path(file.name).read_text("utf-8")
    if done.returncode or written.strip() == before.strip():
        raise Invalid("nothing was written")
    return written


def mailbox_path(text: str) -> tuple[str, ...]:
    """`Lists/python` → ("Lists", "python")."""
    return canonical(tuple(text.split("/")))
