"""What tells push subscriptions: its words are JMAP's, its way is guarded HTTP."""

from pillarbox.app.config import Configuration
from pillarbox.client.web_push import WebPush
from pillarbox.core.mail import Mail
from pillarbox.grammar.push.encryption import private_key
from pillarbox.grammar.push.vapid import Sender
from pillarbox.relay.push import Pusher
from pillarbox.serve.jmap.push.texts import JmapTexts
from pillarbox.wire.http_fetch import HttpFetcher


def make_pusher(mail: Mail, configuration: Configuration) -> Pusher:
    """The worker, for services that have started."""
    contact = configuration.push.contact or f"mailto:postmaster@{configuration.server.domains[0]}"
    web_push = WebPush(
        HttpFetcher(mail.resolver, allowed_hosts=configuration.push.allowed_hosts),
        clock=mail.clock,
        random=mail.random,
        seconds=mail.limits.push_seconds,
        sender=Sender(private_key(mail.push_subscriptions.seed), contact),
    )
    return Pusher(mail.push_subscriptions, mail.state_feed, web_push, JmapTexts(), limits=mail.limits, clock=mail.clock)
