"""A running server: builds its parts, starts them in order, ends them in order. The only place that does.

`open_mail` is the store and the services, under the folder's lock; `run_server` is all of it, with listeners, relay
and control socket, until SIGTERM.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

import structlog
import uvloop

from pillarbox.app import config, log
from pillarbox.app.config import Configuration, ConfigurationError
from pillarbox.app.listeners import Listeners
from pillarbox.app.operator import Operator, problem_json
from pillarbox.app.pushing import make_pusher
from pillarbox.core.flow.queue_put import QueueSettings
from pillarbox.core.mail import Mail
from pillarbox.model.address import domain_key
from pillarbox.model.errors import Invalid, MailError, StorageBroken
from pillarbox.relay.routing import RelaySettings, Routing
from pillarbox.relay.worker import Relay
from pillarbox.store.blobs_files import FileBlobs
from pillarbox.store.lock import FolderLock
from pillarbox.store.sqlite import SqliteDatabase
from pillarbox.wire.clock import SystemClock, SystemRandom
from pillarbox.wire.resolver import DnsResolver
from pillarbox.wire.tls import opportunistic_context, server_context
from pillarbox.wire.unix import ControlServer

STOP_SECONDS = 4.0
"""All of an orderly end fits into five."""

logger = structlog.get_logger("server")


@asynccontextmanager
async def open_mail(folder: Path, configuration: Configuration) -> AsyncIterator[Mail]:
    """The services on the store of a folder, which nobody else may write meanwhile.

    Raises: FolderInUse when another process holds the folder.
    """
    lock = FolderLock(folder)
    try:
        database = SqliteDatabase(folder / "mail.db")
        blobs = FileBlobs(folder / "blobs")
        try:
            await database.migrate()
            mail = Mail(
                database,
                blobs,
                hostname=configuration.server.hostname,
                node=configuration.server.hostname,
                limits=configuration.limits,
                clock=SystemClock(),
                random=SystemRandom(),
                queue_settings=QueueSettings(
                    retry_seconds=config.retry_seconds(configuration.relay),
                    expire_seconds=configuration.relay.expire_seconds,
                ),
                resolver=DnsResolver(configuration.dns.nameservers, configuration.limits),
                keep=configuration.keep,
                submission=configuration.submission,
                images=configuration.images,
            )
            await mail.start()
            try:
                yield mail
            finally:
                await mail.close()
        finally:
            await database.close()
            blobs.close()
    finally:
        lock.release()


def _relay_settings(configuration: Configuration) -> RelaySettings:
    relay = configuration.relay
    return RelaySettings(relay.port, {domain_key(d): t for d, t in configuration.routes.items()}, relay.smarthost)


@asynccontextmanager
async def open_operator(folder: Path) -> AsyncIterator[Operator]:
    """What an operator may ask for, of a store that no server has open."""
    async with open_mail(folder, config.load(folder)) as mail:
        yield Operator(mail)


def run_server(folder: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises: MailError, ConfigurationError when it cannot start."""
    configuration = config.load(folder)
    log.set_up(configuration.log.level, as_json=configuration.log.json)
    uvloop.run(_serve(folder, configuration))


async def _serve(folder: Path, configuration: Configuration) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        tls = server_context(folder / configuration.tls.certificate, folder / configuration.tls.key)
    except Invalid as problem:
        raise ConfigurationError(f"{folder / config.FILE}: tls.certificate: {problem.text}") from None
    try:
        await _serve_until(stop, folder, configuration, tls)
    except BaseExceptionGroup as group:
        raise _alone(group) from None


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What made the start fail, when that is all there is."""
    (first, *others) = group.exceptions
    return first if not others and isinstance(first, MailError) else group


async def _serve_until(stop: asyncio.Event, folder: Path, configuration: Configuration, tls: SSLContext) -> None:
    async with open_mail(folder, configuration) as mail, asyncio.TaskGroup() as tasks:
        listeners = Listeners(mail, configuration, tls, tasks)
        relay = Relay(
            mail.queue,
            mail.queued_delivery,
            Routing(mail.resolver, _relay_settings(configuration), mail.random, mail.hostname),
            hostname=mail.hostname,
            limits=mail.limits,
            clock=mail.clock,
            tls=opportunistic_context(),
        )
        control = ControlServer(folder / "control.sock", _answers(Operator(mail)))
        try:
            await listeners.open()
            await control.open()
        except BaseException:
            await listeners.close(0)
            raise
        work = tasks.create_task(relay.run())
        pushing = tasks.create_task(make_pusher(mail, configuration).run())
        chores = tasks.create_task(mail.housekeeping.run())
        indexing = tasks.create_task(mail.indexing.run())
        try:
            _say_ready(listeners.addresses())
            await stop.wait()
            logger.info("server.stopping")
        finally:
            chores.cancel()
            indexing.cancel()
            pushing.cancel()
            async with asyncio.TaskGroup() as ending:
                ending.create_task(listeners.close(STOP_SECONDS / 2))
                ending.create_task(relay.stop(STOP_SECONDS / 2))
                ending.create_task(control.close())
            work.cancel()


def _say_ready(addresses: dict[str, str]) -> None:
    sys.stdout.write("ready " + " ".join(f"{name}={address}" for name, address in addresses.items()) + "\n")
    sys.stdout.flush()
    logger.info("server.ready", pid=os.getpid())


def _answers(operator: Operator) -> Any:
    """What the control socket calls for each request."""

    async def answer(document: Any) -> Any:
        try:
            return {"answer": await operator.answer(document["request"], document.get("arguments", {}))}
        except MailError as problem:
            if isinstance(problem, StorageBroken):
                logger.error("store.broken")
            return problem_json(problem)
        except Exception:
            logger.exception("control.bug")
            return {"error": "something went wrong in the server; its log tells more", "temporary": True}

    return answer
