"""Hints within one process that an account moved. They may be lost: the table is the truth."""

from collections.abc import Callable

from pillarbox.model.ids import AccountId, ModSeq


class LocalSignals:
    """Calls whoever listens, on the loop, at once."""

    def __init__(self) -> None:
        self._listeners: dict[AccountId, list[Callable[[ModSeq], None]]] = {}

    def publish(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Tell all who listen to this account."""
        for callback in tuple(self._listeners.get(account_id, ())):
            callback(modseq)

    def listen(self, account_id: AccountId, callback: Callable[[ModSeq], None]) -> Callable[[], None]:
        """Be told; the answer ends it."""
        self._listeners.setdefault(account_id, []).append(callback)

        def stop() -> None:
            listeners = self._listeners.get(account_id, [])
            if callback in listeners:
                listeners.remove(callback)
            if not listeners:
                self._listeners.pop(account_id, None)

        return stop
