"""Hints within one process that an account moved. They may be lost: the table is the truth.

Published by `after_commit` hooks: all that a batch publishes is merged for each account and told before the tasks that
wait for the batch go on. What must never happen: one listener's failure that keeps the hint from others.
"""

import asyncio
import inspect
import weakref
from collections.abc import Callable

import structlog

from pillarbox.model.ids import AccountId, ModSeq

log = structlog.get_logger("store")

Listener = Callable[[ModSeq], None]
Reference = Callable[[], Listener | None]


class LocalSignals:
    """Calls whoever listens, on the loop, once for all that was published in one of its steps."""

    def __init__(self) -> None:
        self._listeners: dict[AccountId, list[Reference]] = {}
        self._moved: dict[AccountId, ModSeq] = {}

    def publish(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Tell all who listen to this account, soon."""
        if account_id not in self._listeners:
            return
        if not self._moved:
            asyncio.get_running_loop().call_soon(self._tell)
        if modseq > self._moved.get(account_id, -1):
            self._moved[account_id] = modseq

    def _tell(self) -> None:
        moved, self._moved = self._moved, {}
        for account_id, modseq in moved.items():
            for reference in tuple(self._listeners.get(account_id, ())):
                callback = reference()
                if callback is None:
                    self._forget(account_id, reference)
                    continue
                try:
                    callback(modseq)
                except Exception:  # the others are to hear of it all the same
                    log.exception("listener.failed", account=account_id)

    def listen(self, account_id: AccountId, callback: Listener) -> Callable[[], None]:
        """Be told; the answer ends it. A bound method is held weakly: its object may go without a word."""
        reference: Reference = weakref.WeakMethod(callback) if inspect.ismethod(callback) else lambda: callback
        self._listeners.setdefault(account_id, []).append(reference)
        return lambda: self._forget(account_id, reference)

    def _forget(self, account_id: AccountId, reference: Reference) -> None:
        references = self._listeners.get(account_id, [])
        if reference in references:
            references.remove(reference)
        if not references:
            self._listeners.pop(account_id, None)
