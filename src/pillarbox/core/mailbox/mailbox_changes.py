"""What has changed of mailboxes since a state, and how many threads each shows (RFC 8621 §2, §2.2).

A mailbox changes with its name, parent, role, order and subscription; and, in its counts alone, with every message of
the threads that it shows a part of. Threads are counted when somebody asks, and again when something has changed.
"""

from collections import OrderedDict

import msgspec

from pillarbox.core.feed.states import Kind, StateTooOld, family_state_in, state_after, state_in
from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.model.mailbox import MailboxRole
from pillarbox.store import mailbox_changes as change_queries
from pillarbox.store import mailboxes as mailbox_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.states import MAILBOXES

ACCOUNTS_COUNTED = 1_000
MANY_CHANGES = 10_000
"""Beyond so many, all mailboxes are said to have other counts, and no thread is looked at."""


class ChangedMailboxes(msgspec.Struct, frozen=True):
    """Ids since a state; following them leads to `state`. `counts_only`: of the updated nothing else has changed."""

    state: int
    has_more: bool
    created: tuple[MailboxId, ...] = ()
    updated: tuple[MailboxId, ...] = ()
    destroyed: tuple[MailboxId, ...] = ()
    counts_only: bool = False


class ThreadCounts(msgspec.Struct, frozen=True):
    """How many threads a mailbox shows, and how many of them are unread."""

    total: int = 0
    unread: int = 0


class MailboxChanges:
    """Asks the feed about mailboxes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counted: OrderedDict[AccountId, tuple[int, dict[MailboxId, ThreadCounts]]] = OrderedDict()

    async def since(self, account_id: AccountId, since: int, most: int) -> ChangedMailboxes:
        """At most so many ids. Raises: StateTooOld, also where there is no step so small; NotFound (account)."""
        async with self._db.read(account_id) as tx:
            state = until = await state_after(tx, account_id, Kind.MAILBOX.value, since)
            while True:
                found = await _between(tx, account_id, since, until)
                if len(found.created) + len(found.updated) + len(found.destroyed) <= most:
                    return msgspec.structs.replace(found, has_more=until < state)
                if until <= since + 1:
                    raise StateTooOld("one change concerns more mailboxes than are wanted")
                until = (since + until) // 2

    async def own_state(self, account_id: AccountId) -> int:
        """Moves when a mailbox as such changes, not with its counts. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            return await family_state_in(tx, account_id, MAILBOXES)

    async def own_since(self, account_id: AccountId, since: int) -> set[MailboxId]:
        """Mailboxes that were made, changed as such, or removed. Raises: StateTooOld, NotFound (account)."""
        async with self._db.read(account_id) as tx:
            state = await family_state_in(tx, account_id, MAILBOXES)
            # States that count messages as well may be newer.
            await state_after(tx, account_id, MAILBOXES if since <= state else Kind.MAILBOX.value, since)
            touched = await change_queries.touched_mailboxes(tx, account_id, since, state)
        return {mailbox_id for kind, mailbox_id in touched if kind >= ChangeKind.MAILBOX_CREATED}

    async def count_threads(self, account_id: AccountId) -> dict[MailboxId, ThreadCounts]:
        """Of each mailbox that shows any message. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            newest = await state_in(tx, account_id, Kind.MAILBOX)
            known = self._counted.get(account_id)
            if known is not None and known[0] == newest:
                return known[1]
            trash = await mailbox_rows.find_by_role(tx, account_id, MailboxRole.TRASH)
            counts = await change_queries.count_threads(tx, account_id, None if trash is None else trash.id)
        found = {mailbox_id: ThreadCounts(*pair) for mailbox_id, pair in counts.items()}
        self._counted[account_id] = (newest, found)
        self._counted.move_to_end(account_id)
        if len(self._counted) > ACCOUNTS_COUNTED:
            self._counted.popitem(last=False)
        return found


async def _between(tx: Transaction, account_id: AccountId, since: int, until: int) -> ChangedMailboxes:
    touched = await change_queries.touched_mailboxes(tx, account_id, since, until)
    # A mailbox's id is the mod-sequence of its creation.
    now = {mailbox.id for mailbox in await mailbox_rows.list_mailboxes(tx, account_id) if mailbox.id <= until}
    own = {mailbox_id for kind, mailbox_id in touched if kind >= ChangeKind.MAILBOX_CREATED}
    counted = {mailbox_id for kind, mailbox_id in touched if kind < ChangeKind.MAILBOX_CREATED}
    if counted and until - since > MANY_CHANGES:
        counted = now
    elif counted:
        counted |= await change_queries.touched_through_threads(tx, account_id, since, until)
    updated = sorted(mailbox_id for mailbox_id in (own | counted) & now if mailbox_id <= since)
    return ChangedMailboxes(
        until,
        False,
        created=tuple(sorted(mailbox_id for mailbox_id in now if mailbox_id > since)),
        updated=tuple(updated),
        destroyed=tuple(sorted(mailbox_id for mailbox_id in own - now if mailbox_id <= since)),
        counts_only=bool(updated) and own.isdisjoint(updated),
    )
