"""Tells push subscriptions what has changed (RFC 8620 §7.2): one worker for each node, one task for each text at work.

An account is looked at when it moves, when its subscriptions change, and when something that failed is due again. What
was told, and what failed, stands in the store: a start after a crash goes on from there. A subscription is sent one
text at a time and not more often than `push_interval_seconds`; what comes meanwhile is one text. A service that wants to
be left alone is, for so long; one that does not answer is tried ever less often, until the subscription expires.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from pillarbox.client.web_push import Outcome, PushAnswer, PushMessage, WebPush
from pillarbox.core.feed.push_subscriptions import PushSubscriptions
from pillarbox.core.feed.state_feed import StateFeed, StateNews
from pillarbox.model.errors import MailError, NotFound
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.model.push import PushStage, PushSubscription

RETRY_SECONDS = (10, 60, 300, 1_200, 3_600)
"""After the first failure, the second …; the last repeats."""
SLEEP_MOST_SECONDS = 600.0
TROUBLE_SECONDS = 5.0
CODE_TTL_SECONDS = 3_600
NEWS_TTL_SECONDS = 604_800
"""A device that is off for longer asks by itself what changed."""

LOOKED_OVER = 1_000
"""Changes that a subscription does not want to hear of are looked over again each time, until there are so many."""

log = structlog.get_logger("push")


class Texts(Protocol):
    """What subscriptions are sent, in the words of the protocol that made them."""

    content_type: str

    def verification(self, subscription: PushSubscription) -> bytes: ...

    def news(self, subscription: PushSubscription, news: StateNews) -> bytes | None:
        """None when nothing has changed that it wants to hear of."""
        ...


class Pusher:
    """`run` until it is cancelled."""

    def __init__(
        self,
        subscriptions: PushSubscriptions,
        feed: StateFeed,
        web_push: WebPush,
        texts: Texts,
        *,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._subscriptions = subscriptions
        self._feed = feed
        self._web_push = web_push
        self._texts = texts
        self._limits = limits
        self._clock = clock
        self._wake = asyncio.Event()
        self._moved: set[AccountId] = set()
        self._later: dict[AccountId, datetime] = {}
        self._listening: dict[AccountId, Callable[[], None]] = {}
        self._at_work: set[tuple[AccountId, int]] = set()
        self._swept: datetime | None = None
        subscriptions.wake = self.look_at

    def look_at(self, account_id: AccountId) -> None:
        """Something about this account or its subscriptions is new."""
        self._moved.add(account_id)
        self._wake.set()

    def wake(self) -> None:
        """Look at the clock again."""
        self._wake.set()

    async def run(self) -> None:
        """Work; a trouble of the store is waited out."""
        try:
            async with asyncio.TaskGroup() as group:
                is_started = False
                while True:
                    self._wake.clear()
                    try:
                        if not is_started:
                            self._moved.update(await self._subscriptions.accounts())
                            is_started = True
                        pause = await self._work(group)
                    except MailError as problem:
                        log.warning("push.waiting", status=problem.text)
                        pause = TROUBLE_SECONDS
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._wake.wait()
        finally:
            for end in self._listening.values():
                end()
            self._listening.clear()

    async def _work(self, group: asyncio.TaskGroup) -> float:
        """Begin all that is due; seconds until more is."""
        now = self._clock.now()
        self._moved.update(account_id for account_id, due in self._later.items() if due <= now)
        for account_id in tuple(self._moved):
            if len(self._at_work) >= self._limits.push_connections:
                break  # whoever ends wakes us
            self._moved.discard(account_id)
            try:
                await self._look(group, account_id)
            except NotFound:
                self._forget(account_id)
            except MailError:
                self._moved.add(account_id)
                raise
        if self._swept is None or (now - self._swept).total_seconds() >= SLEEP_MOST_SECONDS:
            await self._subscriptions.forget_expired()
            self._swept = now
        due = min(self._later.values(), default=None)
        return SLEEP_MOST_SECONDS if due is None else min(max((due - now).total_seconds(), 0.05), SLEEP_MOST_SECONDS)

    async def _look(self, group: asyncio.TaskGroup, account_id: AccountId) -> None:
        """Begin what is due in one account, and note when the rest is. Raises: NotFound (account)."""
        self._later.pop(account_id, None)
        there = await self._subscriptions.of_account(account_id)
        if not there:
            self._forget(account_id)
            return
        if account_id not in self._listening:
            listening = await self._feed.listen(account_id, lambda _: self.look_at(account_id))
            self._listening[account_id] = listening.end
        now = self._clock.now()
        for subscription in there:
            if (account_id, subscription.id) in self._at_work or subscription.stage is PushStage.ASKED:
                continue
            if subscription.next_attempt is not None and subscription.next_attempt > now:
                self._look_later(account_id, subscription.next_attempt)
                continue
            self._at_work.add((account_id, subscription.id))
            group.create_task(self._serve(subscription))

    def _look_later(self, account_id: AccountId, due: datetime) -> None:
        self._later[account_id] = min(due, self._later.get(account_id, due))

    def _forget(self, account_id: AccountId) -> None:
        self._later.pop(account_id, None)
        end = self._listening.pop(account_id, None)
        if end is not None:
            end()

    async def _serve(self, subscription: PushSubscription) -> None:
        """One text to one subscription, and the note of what came of it."""
        try:
            if subscription.stage is PushStage.NEW:
                await self._send_code(subscription)
            else:
                await self._send_news(subscription)
        except NotFound:
            pass  # the account went meanwhile
        except MailError as problem:
            log.warning("push.unnoted", account=subscription.account_id, status=problem.text)
            self._look_later(subscription.account_id, self._after(TROUBLE_SECONDS))
        except Exception:
            log.exception("push.bug", account=subscription.account_id)
            self._look_later(subscription.account_id, self._after(RETRY_SECONDS[-1]))
        finally:
            self._at_work.discard((subscription.account_id, subscription.id))
            self._wake.set()

    async def _send_code(self, subscription: PushSubscription) -> None:
        text = self._texts.verification(subscription)
        message = PushMessage(text, self._texts.content_type, CODE_TTL_SECONDS, "high")
        answer = await self._web_push.send(subscription, message)
        if answer.outcome is Outcome.REFUSED:
            log.info("push.refused", account=subscription.account_id, status=answer.reason)
        if answer.outcome in (Outcome.TAKEN, Outcome.REFUSED):  # a refused one is not sent again (RFC 9749 §6)
            await self._subscriptions.note_code_sent(subscription)
            self.look_at(subscription.account_id)
        else:
            await self._note_failure(subscription, answer)

    async def _send_news(self, subscription: PushSubscription) -> None:
        news = await self._feed.since(subscription.account_id, subscription.told)
        text = self._texts.news(subscription, news)
        if text is None:
            if news.modseq - subscription.told > LOOKED_OVER:
                await self._subscriptions.note_told(subscription, news.modseq, self._clock.now())
            return
        urgency = "low" if news.delivered is None else "normal"
        message = PushMessage(text, self._texts.content_type, NEWS_TTL_SECONDS, urgency)
        answer = await self._web_push.send(subscription, message)
        if answer.outcome is not Outcome.TAKEN:
            await self._note_failure(subscription, answer)
            return
        due = self._after(self._limits.push_interval_seconds)
        await self._subscriptions.note_told(subscription, news.modseq, due)
        self._look_later(subscription.account_id, due)  # for what came while this was sent

    async def _note_failure(self, subscription: PushSubscription, answer: PushAnswer) -> None:
        log.info("push.failed", account=subscription.account_id, status=answer.reason)
        if answer.outcome is Outcome.GONE:
            await self._subscriptions.forget(subscription)
            return
        wait = RETRY_SECONDS[min(subscription.attempts, len(RETRY_SECONDS) - 1)]
        due = self._after(max(wait, answer.retry_seconds or 0))
        await self._subscriptions.note_failed(subscription, due)
        self._look_later(subscription.account_id, due)

    def _after(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)
