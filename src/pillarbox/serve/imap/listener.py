"""Joins `wire` and the sessions. The only module here that knows sockets."""

import asyncio
from ssl import SSLContext
from typing import cast

from pillarbox.core.mail import Mail
from pillarbox.serve.dialogue.pump import Spawn
from pillarbox.serve.imap.session import ImapSession
from pillarbox.wire.connection import Sink
from pillarbox.wire.listener import Gate, Listener

FAREWELL = b"* BYE Too many connections, try again later\r\n"


def make_listener(
    mail: Mail, tls: SSLContext | None, gate: Gate, tasks: asyncio.TaskGroup, *, starts_encrypted: bool
) -> Listener:
    """A listener that is not open yet; commands at work are tasks of `tasks`."""
    spawn: Spawn = tasks.create_task

    def make_sink() -> Sink:
        return cast(Sink, ImapSession(mail, tls, spawn))

    return Listener(
        make_sink,
        limits=mail.limits,
        gate=gate,
        farewell=FAREWELL,
        tls=tls if starts_encrypted else None,
    )
