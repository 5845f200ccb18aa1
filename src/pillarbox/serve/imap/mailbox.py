"""Mailboxes by name: CREATE, DELETE, RENAME, SUBSCRIBE, LIST, LSUB, STATUS, NAMESPACE (RFC 3501 §6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pillarbox.grammar.imap.commands import mailbox as commands
from pillarbox.grammar.imap.mailbox_name import Path, Pattern
from pillarbox.grammar.imap.object_id import format_mailbox_code, format_mailbox_id
from pillarbox.grammar.imap.responses import mailbox as responses
from pillarbox.grammar.imap.responses.mailbox import Listed, StatusItems
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.imap.states import State
from pillarbox.model.errors import Conflict, Invalid
from pillarbox.model.mailbox import Mailbox, MailboxRole
from pillarbox.serve.imap import replies

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

SELECTION_OPTIONS = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"}
INBOX: Path = ("INBOX",)
RETURN_OPTIONS = {"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS"}


async def create(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.3, RFC 6154 §3, RFC 8474 §4.1."""
    assert isinstance(command, commands.Create)
    try:
        made = await session.mail.mailboxes.create(session.owner.id, command.path, command.role)
    except Conflict as problem:
        return replies.reply_to(tag, problem, code=b"USEATTR")
    return Status(tag, "OK", "CREATE completed", format_mailbox_code(made.id))


async def delete(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.4."""
    assert isinstance(command, commands.Delete)
    await session.mail.mailboxes.delete(session.owner.id, command.path)
    if session.selected is not None and session.selected.view.gone:
        # The client knows; only those who do not are sent away (`Selected.tell`).
        session.let_go()
        session.state = State.AUTHENTICATED
        session.tell(Status(b"*", "OK", "The mailbox that was selected is no more", b"CLOSED"))
    return Status(tag, "OK", "DELETE completed")


async def rename(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.5."""
    assert isinstance(command, commands.Rename)
    await session.mail.mailboxes.rename(session.owner.id, command.path, command.new_path)
    if session.selected is not None and session.selected.path[: len(command.path)] == command.path != INBOX:
        session.selected.path = command.new_path + session.selected.path[len(command.path) :]
    if session.selected is not None:
        await session.selected.tell(session, expunges=True)
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
    session.send(responses.format_status(await _status_items(session, mailbox, command.items)))
    if session.selected is not None:
        await session.selected.tell(session, expunges=True)
    return Status(tag, "OK", "STATUS completed")


async def _status_items(session: ImapSession, mailbox: Mailbox, wanted: tuple[str, ...]) -> StatusItems:
    recent_from = session.mail.open_mailboxes.recent_from(session.owner.id, mailbox.id) or mailbox.recent_from
    known = {
        "MESSAGES": mailbox.total,
        "RECENT": min(mailbox.total, max(0, mailbox.uidnext - recent_from)),
        "UIDNEXT": mailbox.uidnext,
        "UIDVALIDITY": mailbox.uidvalidity,
        "UNSEEN": mailbox.unseen,
        "SIZE": mailbox.size_octets,
        "DELETED": mailbox.deleted,
    }
    if "DELETED-STORAGE" in wanted:
        known["DELETED-STORAGE"] = 0
        if mailbox.deleted:
            known["DELETED-STORAGE"] = await session.mail.whereabouts.freed_octets(session.owner.id, mailbox.id)
    object_id = format_mailbox_id(mailbox.id) if "MAILBOXID" in wanted else None
    return StatusItems(mailbox.path, {name: known[name] for name in wanted if name != "MAILBOXID"}, object_id)


async def list_(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.8, RFC 5258 §3."""
    assert isinstance(command, commands.List)
    unknown = {*command.selection} - SELECTION_OPTIONS | {*command.returns} - RETURN_OPTIONS
    if unknown:
        return Status(tag, "BAD", f"LIST options that are not known here: {' '.join(sorted(unknown))}")
    if "RECURSIVEMATCH" in command.selection and not {*command.selection} - {"RECURSIVEMATCH", "REMOTE"}:
        return Status(tag, "BAD", "RECURSIVEMATCH needs another option")  # RFC 5258 §3.1
    if command.patterns == (b"",) and not command.is_extended:
        # RFC 3501 §6.3.8: the separator, and the root of the reference.
        session.send(b'* LIST (\\Noselect) "/" ""\r\n')
        return Status(tag, "OK", "LIST completed")
    await _list(session, command)
    return Status(tag, "OK", "LIST completed")


async def _list(session: ImapSession, command: commands.List) -> None:
    patterns = [Pattern(command.reference, pattern) for pattern in command.patterns]
    tree = _Tree(
        await session.mail.mailboxes.list(session.owner.id),
        await session.mail.mailboxes.subscriptions(session.owner.id),
        command,
    )
    matching = []
    for path in tree.candidates():
        if any(pattern.matches(path) for pattern in patterns):
            matching.append(path)
        await session.pace()
    untold_above = tree.above(tree.selected.difference(matching))
    for path in matching:
        listed = tree.listed(path, has_untold_children=path in untold_above)
        if listed is None:
            continue
        session.send(responses.format_list(listed))
        mailbox = tree.by_path.get(path)
        if command.status_items and mailbox is not None and mailbox.selectable:
            session.send(responses.format_status(await _status_items(session, mailbox, command.status_items)))
        await session.pace()


class _Tree:
    """All names of an account, as one LIST looks at them (RFC 5258 §3)."""

    def __init__(self, mailboxes: Sequence[Mailbox], subscribed: Sequence[Path], command: commands.List) -> None:
        self.by_path = {mailbox.path: mailbox for mailbox in mailboxes}
        self._command = command
        self._subscribed = set(subscribed)
        self._parents = self.above(self.by_path)
        names = {*self.by_path, *self._subscribed} if "SUBSCRIBED" in command.selection else {*self.by_path}
        self.selected = {path for path in names if self._is_selected(path)}
        self._above = self.above(self.selected) if "RECURSIVEMATCH" in command.selection else set()

    def above(self, paths: Iterable[Path]) -> set[Path]:
        """The names above these."""
        return {path[:n] for path in paths for n in range(1, len(path))}

    def candidates(self) -> list[Path]:
        """Every name that may be listed."""
        return sorted(self.selected | self._above)

    def _is_selected(self, path: Path) -> bool:
        selection = self._command.selection
        if "SUBSCRIBED" in selection and path not in self._subscribed:
            return False
        return "SPECIAL-USE" not in selection or _use(self.by_path.get(path)) is not None

    def listed(self, path: Path, *, has_untold_children: bool) -> Listed | None:
        """What is said of a name that matches a pattern; None when nothing is.

        A name that is there for its children alone is left out where they are all told anyway (RFC 5258 §3.5).
        """
        if path not in self.selected and not has_untold_children:
            return None
        mailbox = self.by_path.get(path)
        attributes = _attributes(mailbox, has_children=path in self._parents, use=_use(mailbox))
        wants_subscribed = "SUBSCRIBED" in self._command.selection
        if path in self._subscribed and (wants_subscribed or "SUBSCRIBED" in self._command.returns):
            attributes += ("\\Subscribed",)
        return Listed(attributes, path, child_info=wants_subscribed and path in self._above)


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
    """RFC 3501 §6.3.9: names that are subscribed, also those of no mailbox; with `%`, also their parents, as \\Noselect,
    which says here that only what is below is subscribed (RFC 5258 §3.5)."""
    assert isinstance(command, commands.Lsub)
    pattern = Pattern(command.reference, command.pattern)
    subscribed = set(await session.mail.mailboxes.subscriptions(session.owner.id))
    for path in sorted(subscribed):
        if pattern.matches(path):
            session.send(responses.format_list(Listed((), path), name="LSUB"))
        await session.pace()
    if command.pattern.endswith(b"%"):
        for path in sorted(_unsubscribed_parents(subscribed)):
            if pattern.matches(path):
                session.send(responses.format_list(Listed(("\\Noselect",), path), name="LSUB"))
    return Status(tag, "OK", "LSUB completed")


def _unsubscribed_parents(subscribed: set[Path]) -> set[Path]:
    return {path[:length] for path in subscribed for length in range(1, len(path))} - subscribed
