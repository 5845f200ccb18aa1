"""A device with its push service, for tests: a TLS server on loopback that a pusher may speak to, and what opens its texts."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

from cryptography.hazmat.primitives.asymmetric import ec

from office import Office
from pillarbox.client.web_push import WebPush
from pillarbox.grammar.push.encryption import decrypt, encode_base64url, public_octets
from pillarbox.grammar.push.vapid import Sender
from pillarbox.model.limits import Limits
from pillarbox.model.push import PushKeys
from pillarbox.relay.push import Pusher
from pillarbox.serve.jmap.push.texts import JmapTexts
from pillarbox.wire.http_fetch import HttpFetcher
from pillarbox.wire.memory import MemoryResolver
from web_server import Asked, Authority, WebServer, web_server

NAME = "push.test"
PATIENCE_SECONDS = 15.0


class Device:
    """Has keys, and reads what comes."""

    def __init__(self, service: WebServer) -> None:
        self.service = service
        self.url = f"https://{NAME}:{service.port}/device/1"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.keys = PushKeys(public_octets(self._key), bytes(range(16)))

    @property
    def keys_json(self) -> dict[str, str]:
        return {"p256dh": encode_base64url(self.keys.p256dh), "auth": encode_base64url(self.keys.auth)}

    def read(self, asked: Asked) -> dict:
        """What a request says, encrypted or not."""
        encoded = asked.headers.get("content-encoding") == "aes128gcm"
        return json.loads(decrypt(asked.body, self._key, self.keys.auth) if encoded else asked.body)

    async def next(self) -> dict:
        return self.read(await self.service.next())


@contextlib.asynccontextmanager
async def pushing(office: Office, *, limits: Limits | None = None) -> AsyncIterator[tuple[Device, Pusher]]:
    """A device whose service runs, and a worker that may reach it."""
    vouching = Authority(NAME)
    async with web_server(vouching.server()) as service:
        limits = limits or Limits(push_interval_seconds=0.0)
        resolver = MemoryResolver({NAME: {"A": ["127.0.0.1"]}})
        fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
        sender = Sender(ec.generate_private_key(ec.SECP256R1()), "mailto:postmaster@uiowa.test")
        web_push = WebPush(fetch, clock=office.clock, random=office.mail.random, seconds=10, sender=sender)
        mail = office.mail
        async with running(
            Pusher(mail.push_subscriptions, mail.state_feed, web_push, JmapTexts(), limits=limits, clock=office.clock)
        ) as pusher:
            yield Device(service), pusher


@contextlib.asynccontextmanager
async def running(pusher: Pusher) -> AsyncIterator[Pusher]:
    """The worker at work."""
    work = asyncio.ensure_future(pusher.run())
    try:
        yield pusher
    finally:
        work.cancel()
        await asyncio.wait((work,))
        if not work.cancelled() and (problem := work.exception()) is not None:
            raise problem


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until it holds; `condition` may be a coroutine function."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.001)
