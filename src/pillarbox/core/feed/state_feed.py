"""Tells whoever listens to an account which kinds of things have changed (RFC 8620 §7.1), from the one feed of changes.

A hint after each commit says that an account moved (`store.signals`); the feed is then asked once what changed since
the listeners were told, for all of them together, and not again before `PAUSE_SECONDS` have passed: what comes
meanwhile is told as one. Nobody listens: nothing is asked. A listener's place in time is one number, the account's
mod-sequence, so one that was away is told what it missed.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
import structlog

from pillarbox.core.feed.states import Kind, state_in
from pillarbox.core.mailbox.quotas import Quota, quota_in
from pillarbox.model.change import ChangeKind
from pillarbox.model.errors import MailError, NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.store import changes as change_rows
from pillarbox.store import states as state_rows
from pillarbox.store.base import Database, Transaction

PAUSE_SECONDS = 0.2
FAR_BEHIND = 20_000
"""Changes: who is further behind is told that all may have changed, which costs less to find out."""

log = structlog.get_logger("push")


class StateNews(msgspec.Struct, frozen=True):
    """What has changed in an account up to `modseq`: the states of these kinds; `delivered` is the state of *new
    messages*, None when none came; `quota` is how full it is, None when no message came or went."""

    modseq: int
    states: Mapping[Kind, int]
    delivered: int | None = None
    quota: Quota | None = None


Listener = Callable[[StateNews | None], None]
"""Called on the loop with news, or with None when there will be no more. It must not wait, and must not raise."""


class Listening(msgspec.Struct, frozen=True):
    """`modseq` is where the account was; all that comes later is told. Call `end` once."""

    modseq: int
    end: Callable[[], None]


class _Watched:
    """An account that somebody listens to."""

    __slots__ = ("__weakref__", "at", "end", "is_behind", "listeners", "task", "timer")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.at: int | None = None
        self.is_behind = False
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.end: Callable[[], None] = lambda: None


class StateFeed:
    """For one process."""

    def __init__(self, db: Database, *, limits: Limits) -> None:
        self._db = db
        self._limits = limits
        self._watched: dict[AccountId, _Watched] = {}
        self._closed = False

    async def since(self, account_id: AccountId, modseq: int) -> StateNews:
        """What has changed after a mod-sequence; all, when that is too long ago to know. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            return await _since(tx, account_id, modseq, self._limits)

    async def listen(self, account_id: AccountId, listener: Listener) -> Listening:
        """Be told from now on. Raises: NotFound (account), Unavailable; then nothing is to be ended."""
        watched = self._watched.get(account_id)
        if watched is None:
            watched = self._watched[account_id] = _Watched()
            watched.end = self._db.signals.listen(account_id, lambda _: self._moved(account_id))
        watched.listeners.append(listener)
        try:
            async with self._db.read(account_id) as tx:
                at = await state_rows.account_modseq(tx, account_id)
            if at is None or self._closed:
                raise NotFound("no such account")
        except BaseException:
            self._leave(account_id, listener)
            raise
        if watched.at is None:
            watched.at = at
            if watched.is_behind:
                self._ask_soon(account_id, watched)
        return Listening(at, lambda: self._leave(account_id, listener))

    def _leave(self, account_id: AccountId, listener: Listener) -> None:
        watched = self._watched.get(account_id)
        if watched is None or listener not in watched.listeners:
            return
        watched.listeners.remove(listener)
        if not watched.listeners:
            self._forget(account_id, watched)

    def _forget(self, account_id: AccountId, watched: _Watched) -> None:
        self._watched.pop(account_id, None)
        watched.end()
        if watched.timer is not None:
            watched.timer.cancel()
            watched.timer = None

    def _moved(self, account_id: AccountId) -> None:
        watched = self._watched.get(account_id)
        if watched is not None:
            watched.is_behind = True
            self._ask_soon(account_id, watched)

    def _ask_soon(self, account_id: AccountId, watched: _Watched) -> None:
        if watched.at is not None and watched.task is None and watched.timer is None:
            watched.task = asyncio.get_running_loop().create_task(self._tell(account_id, watched))

    async def _tell(self, account_id: AccountId, watched: _Watched) -> None:
        """Ask, tell all, rest. The task ends with it: none waits for an account that is at rest."""
        watched.is_behind = False
        try:
            assert watched.at is not None
            news = await self.since(account_id, watched.at)
            if news.modseq != watched.at:
                watched.at = news.modseq
                for listener in tuple(watched.listeners):
                    listener(news)
        except NotFound:
            return  # the account is being removed, which is told by other means
        except MailError as problem:
            watched.is_behind = True
            log.warning("feed.waiting", account=account_id, status=problem.text)
        except Exception:
            log.exception("feed.bug", account=account_id)
        finally:
            watched.task = None
        if self._watched.get(account_id) is watched:
            watched.timer = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._rested, account_id, watched)

    def _rested(self, account_id: AccountId, watched: _Watched) -> None:
        watched.timer = None
        if watched.is_behind:
            self._ask_soon(account_id, watched)

    def end(self) -> None:
        """Tell every listener that there will be no more: the server stops."""
        self._closed = True
        for account_id, watched in tuple(self._watched.items()):
            listeners = tuple(watched.listeners)
            self._forget(account_id, watched)
            for listener in listeners:
                listener(None)

    async def close(self) -> None:
        """Wait for what is being asked."""
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        self.end()
        if tasks:
            await asyncio.wait(tasks)


async def _since(tx: Transaction, account_id: AccountId, since: int, limits: Limits) -> StateNews:
    modseq = await state_rows.account_modseq(tx, account_id)
    if modseq is None:
        raise NotFound("no such account")
    if since == modseq:
        return StateNews(modseq, {})
    delivered = await state_rows.newest_message(tx, account_id, since if since < modseq else 0)
    floor = await change_rows.change_floor(tx, account_id)
    if not floor <= since < modseq or modseq - since > FAR_BEHIND:
        all_states = {kind: await state_in(tx, account_id, kind) for kind in Kind}
        return StateNews(modseq, all_states, delivered, await quota_in(tx, account_id, limits=limits))
    newest = await state_rows.newest_by_kind(tx, account_id, since)
    states: dict[Kind, int] = {}
    for kind in Kind:
        first, last = kind.value
        found = max((at for number, at in newest.items() if first <= number <= last), default=0)
        if found:
            states[kind] = found
    has_moved = not newest.keys().isdisjoint((ChangeKind.PLACED, ChangeKind.REMOVED))
    quota = await quota_in(tx, account_id, limits=limits) if has_moved else None
    return StateNews(modseq, states, delivered, quota)
