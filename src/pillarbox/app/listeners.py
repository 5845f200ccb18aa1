"""Which conversations are held on which port."""

import asyncio
from ssl import SSLContext

from pillarbox.app.config import Configuration
from pillarbox.core.mail import Mail
from pillarbox.serve.imap import listener as imap
from pillarbox.serve.smtp import listener as smtp
from pillarbox.serve.smtp.profile import MX, SUBMISSION, SUBMISSIONS
from pillarbox.wire.listener import Gate, Listener


class Listeners:
    """All listeners of a server."""

    def __init__(self, mail: Mail, configuration: Configuration, tls: SSLContext, tasks: asyncio.TaskGroup) -> None:
        gate = Gate(configuration.limits)
        self._configuration = configuration
        self._listeners: dict[str, Listener] = {
            profile.name: smtp.make_listener(mail, profile, tls, gate, tasks)
            for profile in (MX, SUBMISSION, SUBMISSIONS)
        }
        for name, starts_encrypted in (("imap", False), ("imaps", True)):
            self._listeners[name] = imap.make_listener(mail, tls, gate, tasks, starts_encrypted=starts_encrypted)

    async def open(self) -> None:
        """All of them, or none. Raises: Unavailable with the address that cannot be had."""
        try:
            for name, listener in self._listeners.items():
                await listener.open(self._configuration.server.listen, self._configuration.port(name))
        except BaseException:
            await self.close(0)
            raise

    def addresses(self) -> dict[str, str]:
        """ "host:port" by name."""
        return {name: listener.address for name, listener in self._listeners.items()}

    async def close(self, grace_seconds: float) -> None:
        """Accept no more; conversations say farewell."""
        async with asyncio.TaskGroup() as ending:
            for listener in self._listeners.values():
                ending.create_task(listener.close(grace_seconds))
