"""SELECT, EXAMINE, CLOSE, UNSELECT, EXPUNGE (RFC 3501 §6.3.1, §6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.imap.commands.select import Examine, Expunge, Select
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.grammar.imap.object_id import format_mailbox_code
from pillarbox.grammar.imap.responses.mailbox import format_count
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.imap.states import State
from pillarbox.model.errors import Invalid, NotAllowed
from pillarbox.model.keywords import SEEN
from pillarbox.serve.imap.selected import Selected

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def select(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.1, RFC 8474 §4.2."""
    assert isinstance(command, Select)
    await _open(session, command.path, read_only=False)
    return Status(tag, "OK", "SELECT completed", b"READ-WRITE")


async def examine(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.3.2."""
    assert isinstance(command, Examine)
    await _open(session, command.path, read_only=True)
    return Status(tag, "OK", "EXAMINE completed", b"READ-ONLY")


async def _open(session: ImapSession, path: Path, *, read_only: bool) -> None:
    session.let_go()
    session.state = State.AUTHENTICATED
    mailbox = await session.mail.mailboxes.get(session.owner.id, path)
    if not mailbox.selectable:
        raise Invalid("that name only holds others")
    view = await session.mail.open_mailboxes.open(session.owner.id, mailbox.id, claim_recent=not read_only)
    selected = Selected(view, mailbox.path, mailbox.id, read_only=read_only)
    session.selected = selected
    session.send(selected.flags_line())
    session.send(format_count(view.exists, "EXISTS"))
    session.send(format_count(view.recent_count, "RECENT"))
    unseen = view.first_unseen(SEEN)
    if unseen is not None:
        session.tell(Status(b"*", "OK", "First unseen", b"UNSEEN %d" % unseen))
    session.tell(selected.permanent_flags())
    session.tell(Status(b"*", "OK", "UIDs are valid", b"UIDVALIDITY %d" % view.uidvalidity))
    session.tell(Status(b"*", "OK", "Next UID, as expected", b"UIDNEXT %d" % view.mailbox.uidnext))
    session.tell(Status(b"*", "OK", "The mailbox, whatever its name", format_mailbox_code(mailbox.id)))


async def close(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.4.2: what is \\Deleted goes, silently."""
    selected = session.view
    if not selected.read_only:
        await session.mail.messages.expunge(session.owner.id, selected.mailbox_id, None)
    session.let_go()
    return Status(tag, "OK", "CLOSE completed")


async def unselect(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3691 §2: nothing goes."""
    session.let_go()
    return Status(tag, "OK", "UNSELECT completed")


async def expunge(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.4.3; UID EXPUNGE of RFC 4315 §2.1."""
    assert isinstance(command, Expunge)
    selected = session.view
    require_writable(selected)
    uids = None if command.uids is None else selected.view.uids_in(command.uids)
    await session.mail.messages.expunge(session.owner.id, selected.mailbox_id, uids)
    await selected.tell(session, expunges=True)
    return Status(tag, "OK", "EXPUNGE completed")


def require_writable(selected: Selected) -> None:
    """Raises: NotAllowed in a mailbox that was opened by EXAMINE."""
    if selected.read_only:
        raise NotAllowed("the mailbox is open for reading only")
