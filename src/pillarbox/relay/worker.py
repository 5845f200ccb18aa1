"""The relay: claims what is due, groups it by destination, sends couriers; sleeps until something is due or comes.

One task for each courier, in one group; bounds on connections in all and to one destination.
"""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace

from pillarbox.core.flow.queue import Queue
from pillarbox.core.flow.queued_delivery import QueuedDelivery
from pillarbox.model.errors import MailError
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.model.queued import QueuedMessage, QueuedRecipient
from pillarbox.relay.courier import Courier
from pillarbox.relay.routing import Routing

CLAIM = 100
SLEEP_MOST_SECONDS = 60.0
"""Other nodes queue too, and hints may be lost: look again after so long."""
TROUBLE_SECONDS = 5.0

log = structlog.get_logger("relay")


class Relay:
    """Mail out, for one node. `run` until `stop`."""

    def __init__(
        self,
        queue: Queue,
        local: QueuedDelivery,
        routing: Routing,
        *,
        hostname: str,
        limits: Limits,
        clock: Clock,
        tls: ssl.SSLContext,
    ) -> None:
        self._queue = queue
        self._local = local
        self._routing = routing
        self._hostname = hostname
        self._limits = limits
        self._clock = clock
        self._tls = tls
        self._wake = asyncio.Event()
        self._couriers: defaultdict[str, list[Courier]] = defaultdict(list)
        self._running = 0
        self._stopping = False
        self._done = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        queue.wake = self._wake.set

    async def run(self) -> None:
        """Work until `stop`; a trouble of the store is waited out."""
        try:
            async with asyncio.TaskGroup() as group:
                while not self._stopping:
                    self._wake.clear()
                    try:
                        claimed = await self._claim(group)
                        pause = 0.0 if claimed else await self._pause()
                    except MailError as problem:
                        log.warning("relay.waiting", status=problem.text)
                        pause = TROUBLE_SECONDS
                    if pause:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(pause):
                                await self._wake.wait()
        finally:
            self._done.set()

    async def _claim(self, group: asyncio.TaskGroup) -> int:
        """Take on what is due, as far as there is room for more couriers; people here never wait for those."""
        is_full = self._running >= self._limits.relay_connections
        messages = await self._queue.claim(CLAIM, here_only=is_full)
        here: list[QueuedMessage] = []
        away: defaultdict[str, list[QueuedMessage]] = defaultdict(list)
        for message in messages:
            for destination, recipients in self._by_destination(message).items():
                part = replace(message, recipients=tuple(recipients))
                (away[destination] if destination else here).append(part)
        if here:
            self._spawn(group, self._deliver_here(here))
        for destination, parts in away.items():
            self._assign(group, destination, parts)
        return len(messages)

    def _by_destination(self, message: QueuedMessage) -> dict[str, list[QueuedRecipient]]:
        """Recipients that can go over one connection; under the empty name those that are here."""
        found: dict[str, list[QueuedRecipient]] = {}
        for recipient in message.recipients:
            is_here = self._local.is_local(recipient.address)
            destination = "" if is_here else self._routing.destination(recipient.address.domain)
            found.setdefault(destination, []).append(recipient)
        return found

    def _assign(self, group: asyncio.TaskGroup, destination: str, parts: list[QueuedMessage]) -> None:
        """Share messages among the couriers of a destination; new ones while the bounds allow."""
        couriers = self._couriers[destination]
        domain = parts[0].recipients[0].address.domain
        room = min(
            self._limits.relay_connections_per_destination - len(couriers),
            self._limits.relay_connections - self._running,
            len(parts),
        )
        new = [self._courier(domain) for _ in range(room if couriers else max(room, 1))]
        couriers += new
        for position, part in enumerate(parts):
            couriers[position % len(couriers)].waiting.append(part)
        for courier in new:
            self._running += 1
            self._spawn(group, self._send(destination, courier))

    def _courier(self, domain: str) -> Courier:
        return Courier(
            domain,
            self._queue,
            self._routing,
            hostname=self._hostname,
            limits=self._limits,
            clock=self._clock,
            tls=self._tls,
        )

    def _spawn(self, group: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
        task = group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, destination: str, courier: Courier) -> None:
        try:
            await courier.run()
        except MailError as problem:
            log.warning("courier.stopped", status=problem.text)
        except Exception:
            log.exception("courier.bug")
        finally:
            self._couriers[destination].remove(courier)
            if not self._couriers[destination]:
                del self._couriers[destination]
            self._running -= 1
            with contextlib.suppress(MailError):
                await courier.give_back()
            self._wake.set()

    async def _deliver_here(self, parts: list[QueuedMessage]) -> None:
        for message in parts:
            try:
                statuses = [await self._local.deliver(message, recipient) for recipient in message.recipients]
                await self._queue.record(message.id, statuses, None)
            except MailError as problem:
                log.warning("delivery.waiting", queue_id=message.id, status=problem.text)
            except Exception:
                log.exception("delivery.bug", queue_id=message.id)

    async def _pause(self) -> float:
        """Seconds until something is due."""
        due = await self._queue.next_due()
        return SLEEP_MOST_SECONDS if due is None else min(SLEEP_MOST_SECONDS, _seconds(self._clock.now(), due))

    async def stop(self, grace_seconds: float) -> None:
        """Begin nothing more, let couriers finish what they are at, give back the rest."""
        self._stopping = True
        self._wake.set()
        for courier in [courier for couriers in self._couriers.values() for courier in couriers]:
            with contextlib.suppress(MailError):
                await courier.give_back_waiting()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._done.wait()
        for task in tuple(self._tasks):
            task.cancel()


def _seconds(now: datetime, due: datetime) -> float:
    return max(0.05, (due - now).total_seconds())
