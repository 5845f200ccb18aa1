"""`mail compose`, `mail reply`, `mail forward`."""

import asyncio
import mimetypes
from pathlib import Path
from typing import Annotated

import typer

from pillarbox.admin.mail.agent import LIMITS
from pillarbox.admin.mail.options import BodyOption, MailboxOption, agent, mailbox_path, read_body
from pillarbox.admin.output import print_line
from pillarbox.grammar.message import reply as replies
from pillarbox.grammar.message.address_list import format_mailbox
from pillarbox.grammar.message.compose import Attachment
from pillarbox.grammar.message.structure import scan

ToOption = Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="May recur.")]
CcOption = Annotated[list[str] | None, typer.Option("--cc", metavar="ADDRESS")]
BccOption = Annotated[list[str] | None, typer.Option("--bcc", metavar="ADDRESS")]
AttachOption = Annotated[list[Path] | None, typer.Option("--attach", metavar="FILE", help="May recur.")]
UidArgument = Annotated[int, typer.Argument(metavar="UID", help="As `mail list` shows it.")]


def compose(
    context: typer.Context,
    to: ToOption,
    subject: Annotated[str, typer.Option("--subject")] = "",
    cc: CcOption = None,
    bcc: BccOption = None,
    attach: AttachOption = None,
    body_stdin: BodyOption = False,
    draft: Annotated[bool, typer.Option("--draft", help="Keep it in Drafts, do not send.")] = False,
) -> None:
    """Write a message and send it."""
    person = agent(context)
    attachments = tuple(_attachment(path) for path in attach or [])
    text = read_body(body_stdin)
    made = person.draft(to=to, cc=cc or [], bcc=bcc or [], subject=subject, text=text, attachments=attachments)
    if draft:
        asyncio.run(person.keep_draft(made))
        return print_line("kept in Drafts")
    return print_line(asyncio.run(person.send(made)))


def _attachment(path: Path) -> Attachment:
    media_type, _ = mimetypes.guess_type(path.name)
    return Attachment(path.name, media_type or "application/octet-stream", path.read_bytes())


def reply(
    context: typer.Context,
    uid: UidArgument,
    mailbox: MailboxOption = "INBOX",
    to_all: Annotated[bool, typer.Option("--all", help="Answer all who got it.")] = False,
    body_stdin: BodyOption = False,
) -> None:
    """Answer a message; its text is quoted below yours."""
    person = agent(context)
    path = mailbox_path(mailbox)
    octets = asyncio.run(person.fetch_message(path, uid))
    origin = replies.read_origin(octets, scan(octets, limits=LIMITS))
    to, cc = replies.reply_recipients(origin, person.profile.address, to_all=to_all)
    quoted = replies.quote(origin)
    text = f"{read_body(True)}\n{quoted}" if body_stdin else read_body(False, before=f"\n\n{quoted}")
    made = person.draft(
        to=[format_mailbox(m) for m in to],
        cc=[format_mailbox(m) for m in cc],
        bcc=[],
        subject=replies.reply_subject(origin.subject),
        text=text,
        in_reply_to=origin.message_id,
        references=origin.references,
    )
    said = asyncio.run(person.send(made))
    asyncio.run(person.mark(path, uid, "\\Answered"))
    print_line(said)


def forward(
    context: typer.Context,
    uid: UidArgument,
    to: ToOption,
    mailbox: MailboxOption = "INBOX",
    body_stdin: BodyOption = False,
) -> None:
    """Send a message on, whole, as an attachment."""
    person = agent(context)
    path = mailbox_path(mailbox)
    octets = asyncio.run(person.fetch_message(path, uid))
    origin = replies.read_origin(octets, scan(octets, limits=LIMITS))
    made = person.draft(
        to=to,
        cc=[],
        bcc=[],
        subject=replies.forward_subject(origin.subject),
        text=read_body(body_stdin),
        attachments=(Attachment("message.eml", "message/rfc822", octets),),
        references=origin.references,
    )
    said = asyncio.run(person.send(made))
    asyncio.run(person.mark(path, uid, "$Forwarded"))
    print_line(said)
