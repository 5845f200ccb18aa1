"""The end of what somebody has signed in with: what belongs to it ends with it (RFC 8620 §7.2, RFC 8887 §4.2).

Push subscriptions go in the transaction that ends the credential; whoever holds a connection open for it is told when
that is durable. Whatever ends a credential (a token removed, a password changed, a session signed out) calls `end`.
"""

from collections.abc import Callable

from pillarbox.model.account import Credential, CredentialKind
from pillarbox.model.ids import AccountId
from pillarbox.store import push as push_rows
from pillarbox.store import sessions as session_rows
from pillarbox.store.base import Transaction


class Credentials:
    """Who is to hear of it. Nothing here waits; a listener must not raise."""

    def __init__(self) -> None:
        self._listeners: dict[AccountId, list[tuple[str, Callable[[], None]]]] = {}

    def listen(self, account_id: AccountId, key: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the credential of this key ends, or its account; the answer ends that."""
        entry = (key, callback)
        self._listeners.setdefault(account_id, []).append(entry)

        def end() -> None:
            entries = self._listeners.get(account_id, [])
            if entry in entries:
                entries.remove(entry)
            if not entries:
                self._listeners.pop(account_id, None)

        return end

    async def end(self, tx: Transaction, account_id: AccountId, key: str) -> None:
        """End what belongs to a credential, in the transaction that ends it."""
        await push_rows.delete_of_credential(tx, account_id, key)
        tx.after_commit(lambda: self._tell(account_id, key))

    async def end_sessions(self, tx: Transaction, account_id: AccountId, *, kept: str | None = None) -> None:
        """End an account's sessions of browsers, but one, with what belongs to them."""
        for id in await session_rows.delete_other_sessions(tx, account_id, kept):
            await self.end(tx, account_id, Credential(CredentialKind.SESSION, id).key)

    async def end_all(self, tx: Transaction, account_id: AccountId) -> None:
        """End what belongs to any of an account's, in the transaction that ends the account."""
        await push_rows.delete_of_account(tx, account_id)
        tx.after_commit(lambda: self._tell(account_id, None))

    def _tell(self, account_id: AccountId, key: str | None) -> None:
        for listened, callback in tuple(self._listeners.get(account_id, ())):
            if key is None or listened == key:
                callback()
