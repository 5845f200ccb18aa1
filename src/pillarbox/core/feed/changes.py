"""Who is told, in this process, when an account's mail changed (RFC 9051 §5.2).

Owns the feeds of open mailboxes and the listeners of accounts. News are published by `after_commit` hooks only, so
nobody hears of what is not durable, and in commit order. Nothing here waits; a listener must not raise.
"""

from collections.abc import Callable, Sequence

import msgspec

from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.keywords import FlagSet

FlagNews = tuple[int, FlagSet, int]
"""UID, the flags that it has now, the mod-sequence of that."""


class MailboxNews(msgspec.Struct, frozen=True):
    """What one transaction did to one mailbox.

    `modseq` is the mailbox's after it. `placed`, `flags` and `removed` are in the order of their UIDs; `what` is set
    when the mailbox itself was made, changed or removed.
    """

    account_id: AccountId
    mailbox_id: MailboxId
    modseq: int
    placed: Sequence[FlagNews] = ()
    flags: Sequence[FlagNews] = ()
    removed: Sequence[int] = ()
    what: ChangeKind | None = None


Listener = Callable[[MailboxNews], None]


class Changes:
    """The feeds and listeners of this process."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[AccountId, MailboxId], Listener] = {}
        self._listeners: dict[AccountId, list[Listener]] = {}
        self._watchers: list[Listener] = []

    def attach(self, account_id: AccountId, mailbox_id: MailboxId, feed: Listener) -> None:
        """Hand all news of one mailbox to `feed`, in place of the feed before."""
        self._feeds[account_id, mailbox_id] = feed

    def detach(self, account_id: AccountId, mailbox_id: MailboxId) -> None:
        """Nobody has it open any more."""
        self._feeds.pop((account_id, mailbox_id), None)

    def listen(self, account_id: AccountId, callback: Listener) -> Callable[[], None]:
        """Tell `callback` of all news of an account; the answer ends it."""
        self._listeners.setdefault(account_id, []).append(callback)

        def end() -> None:
            listeners = self._listeners.get(account_id, [])
            if callback in listeners:
                listeners.remove(callback)
            if not listeners:
                self._listeners.pop(account_id, None)

        return end

    def watch(self, callback: Listener) -> None:
        """Tell `callback` of all news of all accounts, for good. It is called for each delivery: it only notes."""
        self._watchers.append(callback)

    def publish(self, news: MailboxNews) -> None:
        """Tell who watches, the open mailbox, then the account's listeners. Called after commit."""
        for watcher in self._watchers:
            watcher(news)
        feed = self._feeds.get((news.account_id, news.mailbox_id))
        if feed is not None:
            feed(news)
        for listener in tuple(self._listeners.get(news.account_id, ())):
            listener(news)

    def account_gone(self, account_id: AccountId) -> None:
        """All that the account had open is gone. Called after commit."""
        for owner, mailbox_id in tuple(self._feeds):
            if owner == account_id:
                self.publish(MailboxNews(account_id, mailbox_id, 0, what=ChangeKind.MAILBOX_REMOVED))

    def publish_later(self, after_commit: Callable[[Callable[[], None]], None], news: MailboxNews) -> None:
        """Have `news` published once the transaction is durable."""
        after_commit(lambda: self.publish(news))
