"""How far each kind of thing has come: the mod-sequence of its newest change.

Two equal states mean that nothing of that kind has changed (RFC 8620 §5.1). Nothing is kept for it: the feed knows, which
forgets old changes but for the newest of each family. A state is too old when a change of its kind was forgotten after it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

import msgspec

from pillarbox.model.errors import Conflict
from pillarbox.model.ids import AccountId
from pillarbox.store import changes as change_rows
from pillarbox.store import states as rows
from pillarbox.store.base import Database, Transaction


class Kind(Enum):
    """What has a state: the first and last number of its changes in `ChangeKind`. Messages and threads change
    together; so do a mailbox and its counts."""

    EMAIL = (1, 3)
    MAILBOX = (1, 6)
    IDENTITY = (10, 12)
    SUBMISSION = (20, 22)
    VACATION = (30, 32)
    CONTACT = (50, 52)
    ADDRESS_BOOK = (60, 62)
    QUEUED = (70, 72)


class StateTooOld(Conflict):
    """The state is not one from which changes can be told: all has to be read anew (RFC 8620 §5.2)."""


class Changed(msgspec.Struct, frozen=True):
    """Ids since a state, in the order of their changes; `state` is what they lead to."""

    state: int
    has_more: bool
    created: tuple[int, ...]
    updated: tuple[int, ...]
    destroyed: tuple[int, ...]


FAMILIES = (Kind.EMAIL.value, rows.MAILBOXES, *(kind.value for kind in Kind if kind.value[0] > rows.MAILBOXES[1]))
"""The kinds of changes of which the newest is never forgotten; each kind of thing is one of them, or some."""


async def state_in(tx: Transaction, account_id: AccountId, kind: Kind) -> int:
    """The state, in a transaction that is open. Raises: NotFound (account)."""
    return await family_state_in(tx, account_id, kind.value)


async def family_state_in(tx: Transaction, account_id: AccountId, family: tuple[int, int]) -> int:
    """The same for kinds of changes, the first and the last. Raises: NotFound (account)."""
    await change_rows.change_floor(tx, account_id)  # of an account that is not there nothing can be said
    return await rows.newest_change(tx, account_id, family)


async def state_after(tx: Transaction, account_id: AccountId, family: tuple[int, int], since: int) -> int:
    """The present state, when all changes of these kinds between it and an earlier one are known.

    Raises: StateTooOld when they are not, or that never was a state; NotFound (account).
    """
    floor = await change_rows.change_floor(tx, account_id)
    state = await rows.newest_change(tx, account_id, family)
    if since > state:
        raise StateTooOld("this is no state of ours")
    if since < floor and since < await rows.newest_change(tx, account_id, family, floor):
        raise StateTooOld("changes since that state are not known")
    return state


class StateMoved(Conflict):
    """Something has changed since the state that the writer goes by; nothing was written."""


class Span:
    """From which state to which one writer's transactions have led.

    With `expected`, the first that changes anything is held to that state (RFC 8620 §5.3, ifInState). Between two of
    them somebody else may write. Then only the last is spanned: whoever knows an earlier state sees that `before` is
    not what it knows, and asks; nobody takes `after` for a state in which it knows all.
    """

    def __init__(self, kind: Kind, expected: int | None = None) -> None:
        self._kind = kind
        self._expected = expected
        self.before: int | None = None
        self.after: int | None = None
        """None until something is durable."""

    @asynccontextmanager
    async def step(self, tx: Transaction, account_id: AccountId) -> AsyncIterator[None]:
        """All that one transaction does. Raises: StateMoved, NotFound (account)."""
        before = await state_in(tx, account_id, self._kind)
        if self._expected not in (None, before):
            raise StateMoved("something has changed since that state")
        yield
        after = await state_in(tx, account_id, self._kind)
        if after != before:
            tx.after_commit(lambda: self._note(before, after))

    def _note(self, before: int, after: int) -> None:
        self._expected = None
        if self.after != before:
            self.before = before
        self.after = after


class States:
    """Asked by whoever tells clients how far they are."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, account_id: AccountId, kind: Kind) -> int:
        """The state. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            return await state_in(tx, account_id, kind)
