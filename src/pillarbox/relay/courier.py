"""Takes messages to one destination: one connection for many messages, the next host where one cannot be reached.

What becomes of each recipient is recorded with the remote's words and the dialogue. A host that cannot be reached
delays all that waits for its destination at once; nothing waits for it message by message.
"""

import ssl
from collections import deque

import structlog

from pillarbox.client.smtp import Security, SmtpClient, SmtpRefusal, TlsUnavailable
from pillarbox.core.flow.queue import Queue
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.envelope import Envelope, Recipient
from pillarbox.model.errors import MailError, NotFound, Unavailable
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Dialogue, Speaker
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage
from pillarbox.relay.routing import Host, NoRoute, Routing

log = structlog.get_logger("relay")


class Trouble(MailError):
    """No host of the destination could be spoken to; `status` and `dialogue` tell more."""

    def __init__(self, status: str, text: str, host: str, dialogue: Dialogue | None, *, is_temporary: bool) -> None:
        super().__init__(text)
        self.status = status
        self.host = host
        self.dialogue = dialogue
        self.is_temporary = is_temporary


class Courier:
    """Works through `waiting`; whoever starts it runs `run` once, and may add to `waiting` while it runs."""

    def __init__(
        self,
        domain: str,
        queue: Queue,
        routing: Routing,
        *,
        hostname: str,
        limits: Limits,
        clock: Clock,
        tls: ssl.SSLContext,
    ) -> None:
        self.waiting: deque[QueuedMessage] = deque()
        self._domain = domain
        self._queue = queue
        self._routing = routing
        self._hostname = hostname
        self._limits = limits
        self._clock = clock
        self._tls = tls
        self._client: SmtpClient | None = None
        self._at_work: QueuedMessage | None = None

    async def run(self) -> None:
        """Until nothing waits. What is not done when this is cancelled goes back to the queue."""
        try:
            while self.waiting:
                self._at_work = self.waiting.popleft()
                await self._take(self._at_work)
                self._at_work = None
        except BaseException:  # perhaps in the middle of a content, where QUIT would be a part of it
            client, self._client = self._client, None
            if client is not None:
                client.abort()
            raise
        client, self._client = self._client, None
        if client is not None:
            await client.quit()

    async def give_back_waiting(self) -> None:
        """End the leases of what has not been begun."""
        left = list(self.waiting)
        self.waiting.clear()
        for message in left:
            await self._queue.release(message)

    async def give_back(self) -> None:
        """The same, and of what was at work when it was stopped."""
        message, self._at_work = self._at_work, None
        if message is not None:
            await self._queue.release(message)
        await self.give_back_waiting()

    async def _take(self, message: QueuedMessage) -> None:
        if self._clock.now() >= message.recipients[0].next_attempt:
            return  # it has waited here until its lease ended: it is for whoever claims it now
        try:
            client = await self._connected()
        except Trouble as trouble:
            await self._fail_all(message, trouble)
            return
        envelope = Envelope(
            message.reverse_path,
            tuple(Recipient(recipient.address, recipient.original) for recipient in message.recipients),
            message.body_type,
            message.smtputf8,
            identifier="" if message.submission_id is None else message.trace_id,
        )
        try:
            content = await self._queue.content(message.id)
        except NotFound:
            return  # cancelled meanwhile
        async with content:
            try:
                statuses, dialogue = await client.deliver(envelope, content.size_octets, content.pieces())
            except MailError as problem:  # the content cannot be read: the connection hangs in the middle of it
                self._client = None
                client.abort()
                ours = Trouble("4.3.0", problem.text, "", client.recorder.dialogue(), is_temporary=True)
                await self._fail(message, ours)
                return
        log.info(
            "delivery.attempted", queue_id=message.id, peer=client.recorder.server, status=statuses[0].diagnostic[:80]
        )
        self._at_work = None  # given back it would be sent again at once, and again, if it cannot be recorded
        await self._queue.record(message.id, statuses, dialogue)

    async def _connected(self) -> SmtpClient:
        """The connection at hand, or a new one. Raises: Trouble."""
        client = self._client
        if client is not None and client.is_open and client.messages < self._limits.relay_messages_per_connection:
            return client
        self._client = None
        if client is not None:
            await client.quit()
        self._client = await self._connect()
        return self._client

    async def _connect(self) -> SmtpClient:
        try:
            hosts = await self._routing.hosts(self._domain)
        except NoRoute as problem:
            raise Trouble(problem.status, problem.text, "", None, is_temporary=problem.is_temporary) from None
        trouble: Trouble | None = None
        for host in hosts:
            try:
                return await self._open(host)
            except Trouble as found:
                if trouble is None or found.is_temporary or not trouble.is_temporary:
                    trouble = found  # a host that may come back outweighs one that never takes mail
                log.info("host.failed", peer=f"{host.address}:{host.port}", status=found.text)
        assert trouble is not None
        raise trouble

    async def _open(self, host: Host) -> SmtpClient:
        """Speak to one host; in the clear when its TLS does not work (RFC 7435 §1). Raises: Trouble."""
        try:
            return await self._open_with(host, Security.OPPORTUNISTIC)
        except TlsUnavailable:
            try:
                return await self._open_with(host, Security.NONE)
            except TlsUnavailable as problem:
                raise Trouble("4.7.5", problem.text, host.name, None, is_temporary=True) from None

    async def _open_with(self, host: Host, security: Security) -> SmtpClient:
        client = SmtpClient(self._hostname, self._limits, self._clock)
        try:
            await client.open(host.address, host.port, security=security, context=self._tls, server_hostname=host.name)
        except TlsUnavailable:
            client.abort()
            raise
        except SmtpRefusal as refusal:
            await client.quit()
            reply = refusal.reply
            # RFC 5321 §3.1: 554 at the greeting, and 521 (RFC 7504 §2), are for good; all else may pass.
            for_good = reply.code in (521, 554, 556)
            status = reply.status or ("5.3.2" if for_good else "4.3.2")
            raise Trouble(
                status, str(reply), host.name, client.recorder.dialogue(), is_temporary=not for_good
            ) from None
        except Unavailable as problem:
            client.abort()
            client.recorder.add(Speaker.EVENT, problem.text)
            raise Trouble("4.4.1", problem.text, host.name, client.recorder.dialogue(), is_temporary=True) from None
        return client

    async def _fail_all(self, message: QueuedMessage, trouble: Trouble) -> None:
        """This message, and all that waits for the same destination."""
        await self._fail(message, trouble)
        while self.waiting:
            self._at_work = self.waiting.popleft()
            await self._fail(self._at_work, trouble)

    async def _fail(self, message: QueuedMessage, trouble: Trouble) -> None:
        action = Action.DELAYED if trouble.is_temporary else Action.FAILED
        statuses = [
            DeliveryStatus(recipient.address, action, trouble.status, trouble.text, trouble.host)
            for recipient in message.recipients
        ]
        await self._queue.record(message.id, statuses, trouble.dialogue)
