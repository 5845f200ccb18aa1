"""`mail list`, `mail mailboxes`, `mail read`, `mail save`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pillarbox.admin.mail import show
from pillarbox.admin.mail.agent import LIMITS, Agent
from pillarbox.admin.mail.options import MailboxOption, agent, mailbox_path
from pillarbox.admin.mail.write import UidArgument
from pillarbox.admin.options import JsonOption
from pillarbox.admin.output import print_json, print_line, print_table
from pillarbox.grammar.imap.commands.fetch import Item
from pillarbox.grammar.message import transfer
from pillarbox.grammar.message.part import section
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import NotFound
from pillarbox.model.query import All


def list_messages(
    context: typer.Context,
    mailbox: Annotated[str, typer.Argument(metavar="MAILBOX")] = "INBOX",
    limit: Annotated[int, typer.Option("--limit", help="The newest so many.")] = 50,
    json: JsonOption = False,
) -> None:
    """List messages, the newest last."""
    found = asyncio.run(_list(agent(context), mailbox_path(mailbox), limit))
    if json:
        return print_json(found)
    rows = [(str(r["uid"]), _marks(r["flags"]), r["date"], r["from"], r["subject"]) for r in found]
    return print_table(("uid", "", "date", "from", "subject"), rows, empty="no messages")


async def _list(person: Agent, path: tuple[str, ...], limit: int) -> list[dict[str, Any]]:
    async with person.imap() as client:
        await client.select(path, read_only=True)
        uids = (await client.search(All()))[-limit:]
        fetched = await client.fetch(uids, [Item.FLAGS, Item.ENVELOPE])
    return [
        show.listed(one.uid, one.flags or (), one.envelope)
        for one in fetched
        if one.uid is not None and one.envelope is not None
    ]


def _marks(flags: list[str]) -> str:
    """N new, R answered, F flagged, D draft."""
    marks = (("\\Answered", "R"), ("\\Flagged", "F"), ("\\Draft", "D"))
    return ("" if "\\Seen" in flags else "N") + "".join(mark for flag, mark in marks if flag in flags)


def list_mailboxes(context: typer.Context, json: JsonOption = False) -> None:
    """List mailboxes."""

    async def find(person: Agent) -> list[dict[str, Any]]:
        async with person.imap() as client:
            return [{"name": "/".join(m.path), "attributes": list(m.attributes)} for m in await client.mailboxes()]

    found = asyncio.run(find(agent(context)))
    if json:
        return print_json(found)
    return print_table(("mailbox",), [(row["name"],) for row in found], empty="no mailboxes")


def read(context: typer.Context, uid: UidArgument, mailbox: MailboxOption = "INBOX", json: JsonOption = False) -> None:
    """Show a message: header, text, and what is attached."""
    octets = asyncio.run(agent(context).fetch_message(mailbox_path(mailbox), uid, mark="\\Seen"))
    found = show.message(octets, scan(octets, limits=LIMITS))
    if json:
        return print_json({"uid": uid, **found})
    for name, value in found["headers"].items():
        print_line(f"{name}: {value}")
    print_line("")
    print_line(found["text"].rstrip("\n"))
    if len(found["parts"]) > 1:
        print_line("")
        for part in found["parts"]:
            print_line(f"[{part['number']}] {part['type']}  {part['octets']} octets  {part['name']}".rstrip())
    return None


def save(
    context: typer.Context,
    uid: UidArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="`-` is standard output.")],
    mailbox: MailboxOption = "INBOX",
    part: Annotated[str, typer.Option("--part", metavar="N", help="One part, decoded, by its number.")] = "",
) -> None:
    """Save a message, or one part of it, to a file."""
    octets = asyncio.run(agent(context).fetch_message(mailbox_path(mailbox), uid))
    if part:
        root = scan(octets, limits=LIMITS)
        numbers = tuple(int(word) for word in part.split(".")) if part.replace(".", "").isdecimal() else ()
        found = section(root, numbers) if numbers else None
        if found is None:
            raise NotFound(f"message {uid} has no part {part}")
        octets = transfer.decode(octets[found.body : found.end], found.encoding)
    if str(file) == "-":
        sys.stdout.buffer.write(octets)
        return
    file.write_bytes(octets)
    print_line(f"{len(octets)} octets in {file}")
