"""The tree of `pillarbox mail`. The options that say whose mail it is may stand before or behind the verb."""

from typing import Any

import typer
from typer.core import TyperGroup

from pillarbox.admin.mail import read, write
from pillarbox.admin.mail.options import common

WITH_VALUE = ("--account", "--smtp", "--imap", "--user", "--name", "--ca")
FLAGS = ("--password-stdin",)


class AccountFirst(TyperGroup):
    """Moves the account's options to the front, where the group reads them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`list --user a --limit 5` → `--user a list --limit 5`."""
        moved: list[str] = []
        kept: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                kept += [word, *rest]
            elif word in FLAGS or (word.partition("=")[0] in WITH_VALUE and "=" in word):
                moved.append(word)
            elif word in WITH_VALUE:
                moved += [word, *[value for value in [next(rest, None)] if value is not None]]
            else:
                kept.append(word)
        return super().parse_args(ctx, moved + kept)


mail = typer.Typer(
    cls=AccountFirst,
    help="A small user agent, for any server: --account NAME of mail.toml, or --smtp --imap --user --password-stdin --ca.",
    no_args_is_help=True,
)
mail.callback()(common)
mail.command("list")(read.list_messages)
mail.command("mailboxes")(read.list_mailboxes)
mail.command("read")(read.read)
mail.command("save")(read.save)
mail.command("compose")(write.compose)
mail.command("reply")(write.reply)
mail.command("forward")(write.forward)
