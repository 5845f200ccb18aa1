"""Joins `wire` and the sessions: a listener for each profile. The only module here that knows sockets."""

import asyncio
from ssl import SSLContext
from typing import cast

from pillarbox.core.mail import Mail
from pillarbox.serve.dialogue.pump import Spawn
from pillarbox.serve.smtp.profile import Profile
from pillarbox.serve.smtp.session import SmtpSession
from pillarbox.wire.connection import Sink
from pillarbox.wire.listener import Gate, Listener

FAREWELL = b"421 4.7.0 Too many connections, try again later\r\n"


def make_listener(
    mail: Mail, profile: Profile, tls: SSLContext | None, gate: Gate, tasks: asyncio.TaskGroup
) -> Listener:
    """A listener that is not open yet; commands at work are tasks of `tasks`."""
    spawn: Spawn = tasks.create_task

    def make_sink() -> Sink:
        return cast(Sink, SmtpSession(mail, profile, tls, spawn))

    return Listener(
        make_sink,
        limits=mail.limits,
        gate=gate,
        farewell=FAREWELL,
        tls=tls if profile.starts_encrypted else None,
    )
