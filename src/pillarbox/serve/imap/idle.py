"""IDLE: the client waits, and is told at once (RFC 2177). No task waits for it: the view calls back."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from pillarbox.grammar.imap.responses.status import Status, format_continuation

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession


async def idle(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status | None:
    """From `+ idling` to DONE."""
    session.send(format_continuation(b"idling"))
    session.idle_tag = tag
    if session.selected is not None:
        session.selected.view.listener = _Listener(session)
    return None


class _Listener:
    """Tells the session without holding it: a session that is gone is told nothing."""

    __slots__ = ("_session",)

    def __init__(self, session: ImapSession) -> None:
        self._session = weakref.ref(session)

    def __call__(self) -> None:
        session = self._session()
        if session is None or session.is_closed or session.selected is None or session.is_working:
            return  # a task at work looks for news itself
        if session.line.is_congested:
            session.wake()  # the task waits until the client reads; what comes meanwhile is told at once then
            return
        session.selected.tell_now(session, expunges=True)
        session.flush()


def end_idle(session: ImapSession) -> None:
    """DONE has come, or something else."""
    if session.selected is not None:
        session.selected.view.listener = None
        session.selected.tell_now(session, expunges=True)
