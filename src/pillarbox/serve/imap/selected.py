"""The mailbox that a session has open: what its client was told, and what is to be told (RFC 9051 §7.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pillarbox.core.mailbox.view import View
from pillarbox.grammar.imap.commands.store import format_flags
from pillarbox.grammar.imap.mailbox_name import Path
from pillarbox.grammar.imap.responses.fetch import format_fetch
from pillarbox.grammar.imap.responses.mailbox import format_count
from pillarbox.grammar.imap.responses.mailbox import format_flags as format_flags_line
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.ids import MailboxId
from pillarbox.model.keywords import REGISTERED_KEYWORDS, SYSTEM_FLAGS, FlagSet

if TYPE_CHECKING:
    from pillarbox.serve.imap.session import ImapSession

RECENT = b"\\Recent"
LINES = 500
"""Lines of news made in one go: about a millisecond."""


class Selected:
    """A `View` with a name, and the ready texts of its flag sets."""

    __slots__ = ("_known_sets", "_texts", "_told_keywords", "mailbox_id", "path", "read_only", "view")

    def __init__(self, view: View, path: Path, mailbox_id: MailboxId, *, read_only: bool) -> None:
        self.view = view
        self.path = path
        self.mailbox_id = mailbox_id
        self.read_only = read_only
        self._texts: list[bytes] = []
        self._known_sets = len(view.flag_sets)
        self._told_keywords = len(view.mailbox.keywords)

    def flag_texts(self) -> list[bytes]:
        """`(\\Seen)` of each flag set, by its place in the view's `flag_sets`."""
        for flags in self.view.flag_sets[len(self._texts) :]:
            self._texts.append(format_flags(flags))
        return self._texts

    def flags_text(self, uid: int, flags: FlagSet) -> bytes:
        """`(\\Recent \\Seen)` of one message."""
        text = format_flags(flags)
        if uid in self.view.recent:
            return b"(%b%b)" % (RECENT, b" " + text[1:-1] if len(text) > 2 else b"")
        return text

    def flags_line(self) -> bytes:
        """`* FLAGS (…)`: all that are in use here."""
        return format_flags_line(self.known_flags())

    def known_flags(self) -> tuple[str, ...]:
        """System flags, registered keywords, and those that messages here bear."""
        names = tuple(name for _, name in (*SYSTEM_FLAGS, *REGISTERED_KEYWORDS))
        return (*names, *(k for k in self.view.mailbox.keywords if k not in names))

    def permanent_flags(self) -> Status:
        """PERMANENTFLAGS: the same, and any other (RFC 3501 §7.1)."""
        flags = "" if self.read_only else " ".join((*self.known_flags(), "\\*"))
        return Status(b"*", "OK", "Flags that are kept", f"PERMANENTFLAGS ({flags})".encode())

    @property
    def has_news(self) -> bool:
        """Whether others have changed something that is not told yet."""
        return self.view.gone or self.view.has_updates

    def tell_keywords(self, session: ImapSession) -> None:
        """Queue FLAGS when messages here bear a keyword that the client was not told of."""
        if len(self.view.flag_sets) == self._known_sets:
            return
        self._known_sets = len(self.view.flag_sets)
        keywords = len(self.view.mailbox.keywords)
        if keywords != self._told_keywords:
            self._told_keywords = keywords
            session.send(self.flags_line())
            session.tell(self.permanent_flags())

    async def tell(self, session: ImapSession, *, expunges: bool) -> None:
        """Say what others have changed, in pieces."""
        for _ in self._news(session, expunges):
            await session.pace()

    def tell_now(self, session: ImapSession, *, expunges: bool) -> None:
        """Queue the same at once, where nothing may wait."""
        for _ in self._news(session, expunges):
            pass

    def _news(self, session: ImapSession, expunges: bool) -> Iterator[None]:
        """Queue what there is; stops now and then, so that it can be sent. No waiting changes what is told."""
        if self.view.gone:
            session.let_go()
            session.tell(Status(b"*", "BYE", "The mailbox was deleted"))
            session.close_after_work()
            return
        self.tell_keywords(session)
        if not self.view.has_updates:
            return
        updates = self.view.take_updates(expunges=expunges)
        for start in range(0, len(updates.expunged), LINES):
            numbers = updates.expunged[start : start + LINES]
            session.send(b"".join(format_count(number, "EXPUNGE") for number in numbers))
            yield
        if updates.exists is not None:
            session.send(format_count(updates.exists, "EXISTS"))
        if updates.recent is not None:
            session.send(format_count(updates.recent, "RECENT"))
        for start in range(0, len(updates.changed), LINES):
            changed = updates.changed[start : start + LINES]
            session.send(b"".join(self._changed_line(number, uid, flags) for number, uid, flags, _ in changed))
            yield

    def _changed_line(self, number: int, uid: int, flags: FlagSet) -> bytes:
        return format_fetch(number, (b"UID %d FLAGS %b" % (uid, self.flags_text(uid, flags)),))

    def close(self) -> None:
        """Leave the mailbox."""
        self.view.close()
