"""Which conversations are held on which port."""

import asyncio
from ssl import SSLContext

from starlette.routing import BaseRoute

from pillarbox.app.config import Configuration
from pillarbox.core.mail import Mail
from pillarbox.serve.http import health
from pillarbox.serve.http.application import make_application
from pillarbox.serve.http.autoconfig import Autoconfig, Ports
from pillarbox.serve.http.headers import HttpDate
from pillarbox.serve.http.listener import HttpListener
from pillarbox.serve.http.metrics import Metrics
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from pillarbox.serve.imap import listener as imap
from pillarbox.serve.jmap.image.route import image_routes
from pillarbox.serve.jmap.routes import jmap_routes
from pillarbox.serve.smtp import listener as smtp
from pillarbox.serve.smtp.profile import MX, SUBMISSION, SUBMISSIONS
from pillarbox.wire.http_fetch import HttpFetcher
from pillarbox.wire.listener import Gate, Listener


class Listeners:
    """All listeners of a server."""

    def __init__(self, mail: Mail, configuration: Configuration, tls: SSLContext, tasks: asyncio.TaskGroup) -> None:
        gate = Gate(configuration.limits)
        self._mail = mail
        self._configuration = configuration
        self._listeners: dict[str, Listener | HttpListener] = {
            profile.name: smtp.make_listener(mail, profile, tls, gate, tasks)
            for profile in (MX, SUBMISSION, SUBMISSIONS)
        }
        for name, starts_encrypted in (("imap", False), ("imaps", True)):
            self._listeners[name] = imap.make_listener(mail, tls, gate, tasks, starts_encrypted=starts_encrypted)
        self._add_http(mail, configuration, tls, gate)

    def _add_http(self, mail: Mail, configuration: Configuration, tls: SSLContext, gate: Gate) -> None:
        date = HttpDate(mail.clock)
        metrics = Metrics(mail, connections=lambda: gate.total)
        ports = Ports(*(configuration.port(name) for name in ("imap", "imaps", "submission", "submissions")))
        routes: list[BaseRoute] = [
            *health.routes(mail),
            *metrics.routes(),
            *Autoconfig(mail, ports).routes(),
            *jmap_routes(mail),
            *image_routes(mail, HttpFetcher(mail.resolver, allowed_hosts=configuration.images.allowed_hosts)),
            *sign_in_routes(mail),
        ]
        application = make_application(mail, routes, metrics=metrics, date=date, https_port=configuration.port("https"))
        for name, context in (("http", None), ("https", tls)):
            self._listeners[name] = HttpListener(application, limits=mail.limits, gate=gate, tls=context, date=date)

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
        """Accept no more; conversations say farewell, and event sources end."""
        self._mail.state_feed.end()
        async with asyncio.TaskGroup() as ending:
            for listener in self._listeners.values():
                ending.create_task(listener.close(grace_seconds))
