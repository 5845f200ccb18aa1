"""One client that waits for changes of its account over a connection.

Holds what is still to be told: newer states take the place of older ones, so a client that reads slowly is told less
often, and nothing is queued for it. Ends when the credential does that the connection was opened with.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from pillarbox.core.feed.state_feed import StateNews
from pillarbox.core.mail import Mail
from pillarbox.model.account import Account, Credential
from pillarbox.model.errors import RateLimited
from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.push.types import type_states

LONGEST_WAIT_SECONDS = 3_600.0
"""For the end of a credential, until the clock is looked at again."""
LONG_AGO = -1


class Places:
    """How many clients of each account wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[AccountId] = Counter()

    @contextmanager
    def one_more(self, account_id: AccountId) -> Iterator[None]:
        """Raises: RateLimited when there are as many as there may be."""
        if self._taken[account_id] >= self._most:
            raise RateLimited("too many connections of this account wait for changes")
        self._taken[account_id] += 1
        try:
            yield
        finally:
            self._taken[account_id] -= 1
            if not self._taken[account_id]:
                del self._taken[account_id]


def modseq_of(text: str) -> int:
    """The place in time that an event id or a pushState names; what we have not given is long ago."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else LONG_AGO


class CredentialWatch:
    """Calls `ended`, once, when a credential ends or its time is over. `stop` before it is forgotten."""

    __slots__ = ("_clock", "_credential", "_ended", "_stop", "_timer")

    def __init__(self, mail: Mail, account_id: AccountId, credential: Credential, ended: Callable[[], None]) -> None:
        self._clock = mail.clock
        self._credential = credential
        self._ended = ended
        self._timer: asyncio.TimerHandle | None = None
        self._stop = mail.credentials.listen(account_id, credential.key, self._end)
        self._look()

    def _look(self) -> None:
        if self._credential.expires is None:
            return
        left = (self._credential.expires - self._clock.now()).total_seconds()
        if left <= 0:
            self._end()
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(left, LONGEST_WAIT_SECONDS) + 0.01, self._look)

    def _end(self) -> None:
        self.stop()
        self._ended()

    def stop(self) -> None:
        """No more."""
        self._stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class StateStream:
    """What is to be told to one client. `changed` is called when there is something: states, or that it is over."""

    __slots__ = ("_changed", "_end", "_states", "_wanted", "is_over", "modseq")

    def __init__(self, wanted: Collection[str] | None, changed: Callable[[], None]) -> None:
        self._wanted = wanted
        self._changed = changed
        self._states: dict[str, str] = {}
        self._end: Callable[[], None] = lambda: None
        self.modseq = 0
        self.is_over = False

    async def begin(self, mail: Mail, account: Account, since: int | None) -> None:
        """Listen from now on, or from `since` on. Raises: NotFound (account), Unavailable."""
        listening = await mail.state_feed.listen(account.id, self._hear)
        self._end = listening.end
        self.modseq = max(self.modseq, listening.modseq)
        if since is None or since == listening.modseq:
            return
        try:
            self._hear(await mail.state_feed.since(account.id, since))
        except BaseException:
            self.end()
            raise

    def _hear(self, news: StateNews | None) -> None:
        if news is None:
            self.finish()
            return
        self.modseq = max(self.modseq, news.modseq)
        states = type_states(news, self._wanted)
        if states:
            self._states.update(states)
            self._changed()

    def finish(self) -> None:
        """It is over: the client is told no more."""
        if not self.is_over:
            self.is_over = True
            self.end()
            self._changed()

    def take(self) -> dict[str, str]:
        """The states to be told now, which are then told."""
        states, self._states = self._states, {}
        return states

    @property
    def has_news(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._states)

    def end(self) -> None:
        """Listen no more."""
        self._end()
        self._end = lambda: None
