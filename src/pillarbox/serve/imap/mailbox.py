"""Mailboxes by name: CREATE, DELETE, RENAME, SUBSCRIBE, LIST, LSUB, STATUS, NAMESPACE (RFC 3501 §6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.imap.commands import mailbox as commands
from pillarbox.grammar.imap.mailbox_name import Path, Pattern
from pillarbox.grammar.imap.responses import mailbox as responses
from pillarbox.grammar.imap.responses.mailbox import Listed, StatusItems
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.errors import Invalid
from pillarbox.model.mailbox import Mailbox, MailboxRole

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

SELECTION_OPTIONS = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"}
RETURN_OPTIONS = {"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS"}


async def create(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.3."""
    assert isinstance(command, commands.Create)
    await session.mail.mailboxes.create(session.owner.id, command.path, command.role)
    return Status(tag, "OK", "CREATE completed")


async def delete(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.4."""
    assert isinstance(command, commands.Delete)
    await session.mail.mailboxes.delete(session.owner.id, command.path)
    return Status(tag, "OK", "DELETE completed")


async def rename(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.5."""
    assert isinstance(command, commands.Rename)
    await session.mail.mailboxes.rename(session.owner.id, command.path, command.new_path)
    if session.selected is not None:
        session.selected.tell_updates(session, expunges=True)
    return Status(tag, "OK", "RENAME completed")


async def subscribe(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.6."""
    assert isinstance(command, commands.Subscribe)
    await session.mail.mailboxes.subscribe(session.owner.id, command.path)
    return Status(tag, "OK", "SUBSCRIBE completed")


async def unsubscribe(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.7."""
    assert isinstance(command, commands.Unsubscribe)
    await session.mail.mailboxes.unsubscribe(session.owner.id, command.path)
    return Status(tag, "OK", "UNSUBSCRIBE completed")


async def namespace(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 2342 §5."""
    session.send(responses.format_namespace())
    return Status(tag, "OK", "NAMESPACE completed")


async def status(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.10."""
    assert isinstance(command, commands.Status)
    mailbox = await session.mail.mailboxes.get(session.owner.id, command.path)
    if not mailbox.selectable:
        raise Invalid("that name only holds others")
    session.send(responses.format_status(_status_items(session, mailbox, command.items)))
    if session.selected is not None:
        session.selected.tell_updates(session, expunges=True)
    return Status(tag, "OK", "STATUS completed")


def _status_items(session: ImapSession, mailbox: Mailbox, wanted: tuple[str, ...]) -> StatusItems:
    recent_from = session.mail.open_mailboxes.recent_from(session.owner.id, mailbox.id) or mailbox.recent_from
    known = {
        "MESSAGES": mailbox.total,
        "RECENT": min(mailbox.total, max(0, mailbox.uidnext - recent_from)),
        "UIDNEXT": mailbox.uidnext,
        "UIDVALIDITY": mailbox.uidvalidity,
        "UNSEEN": mailbox.unseen,
        "SIZE": mailbox.size_octets,
    }
    return StatusItems(mailbox.path, {name: known[name] for name in wanted})


async def list_(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.8, RFC 5258 §3."""
    assert isinstance(command, commands.List)
    unknown = {*command.selection} - SELECTION_OPTIONS | {*command.returns} - RETURN_OPTIONS
    if unknown or command.selection == ("RECURSIVEMATCH",):
        return Status(tag, "BAD", f"LIST options that are not known here: {' '.join(sorted(unknown)) or 'alone'}")
    if command.patterns == (b"",) and not command.is_extended:
        # RFC 3501 §6.3.8: the separator, and the root of the reference.
        session.send(b'* LIST (\\Noselect) "/" ""\r\n')
        return Status(tag, "OK", "LIST completed")
    await _list(session, command)
    return Status(tag, "OK", "LIST completed")


async def _list(session: ImapSession, command: commands.List) -> None:
    patterns = [Pattern(command.reference, pattern) for pattern in command.patterns]
    mailboxes = await session.mail.mailboxes.list(session.owner.id)
    subscribed = set(await session.mail.mailboxes.subscriptions(session.owner.id))
    by_path = {mailbox.path: mailbox for mailbox in mailboxes}
    parents = {path[:length] for path in by_path for length in range(1, len(path))}
    wants_subscribed = "SUBSCRIBED" in command.selection
    above = {path[:length] for path in subscribed for length in range(1, len(path))}
    candidates = set(by_path) | (subscribed if wants_subscribed else set())
    if wants_subscribed and "RECURSIVEMATCH" in command.selection:
        candidates |= above
    for path in sorted(candidates):
        if not any(pattern.matches(path) for pattern in patterns):
            continue
        mailbox = by_path.get(path)
        child_info = wants_subscribed and "RECURSIVEMATCH" in command.selection and path in above
        if wants_subscribed and path not in subscribed and not child_info:
            continue
        use = _use(mailbox)
        if "SPECIAL-USE" in command.selection and use is None:
            continue
        attributes = _attributes(mailbox, has_children=path in parents, use=use)
        if path in subscribed and (wants_subscribed or "SUBSCRIBED" in command.returns):
            attributes += ("\\Subscribed",)
        session.send(responses.format_list(Listed(attributes, path, child_info)))
        if command.status_items and mailbox is not None and mailbox.selectable:
            session.send(responses.format_status(_status_items(session, mailbox, command.status_items)))


def _attributes(mailbox: Mailbox | None, *, has_children: bool, use: str | None) -> tuple[str, ...]:
    found: tuple[str, ...] = ("\\HasChildren",) if has_children else ("\\HasNoChildren",)
    if mailbox is None:
        return ("\\NonExistent", *found)
    if not mailbox.selectable:
        found = ("\\Noselect", *found)
    return found if use is None else (*found, use)


def _use(mailbox: Mailbox | None) -> str | None:
    """RFC 6154 §2."""
    if mailbox is None or mailbox.role is None or mailbox.role is MailboxRole.INBOX:
        return None
    return "\\" + str(mailbox.role.value).capitalize()


async def lsub(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.9: names that are subscribed; with `%`, also their parents, as \\Noselect."""
    assert isinstance(command, commands.Lsub)
    pattern = Pattern(command.reference, command.pattern)
    subscribed = set(await session.mail.mailboxes.subscriptions(session.owner.id))
    existing = {m.path for m in await session.mail.mailboxes.list(session.owner.id) if m.selectable}
    for path in sorted(subscribed):
        if pattern.matches(path):
            attributes = () if path in existing else ("\\Noselect",)
            session.send(responses.format_list(Listed(attributes, path), name="LSUB"))
    if command.pattern.endswith(b"%"):
        for path in sorted(_unsubscribed_parents(subscribed)):
            if pattern.matches(path):
                session.send(responses.format_list(Listed(("\\Noselect",), path), name="LSUB"))
    return Status(tag, "OK", "LSUB completed")


def _unsubscribed_parents(subscribed: set[Path]) -> set[Path]:
    return {path[:length] for path in subscribed for length in range(1, len(path))} - subscribed
