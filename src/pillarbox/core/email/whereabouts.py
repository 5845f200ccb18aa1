"""Which message a placement holds, and where in a mailbox a message or a thread stands (RFC 8474 §5, §6)."""

from collections.abc import AsyncIterator, Iterable, Sequence

from pillarbox.model.ids import AccountId, MailboxId, MessageId, ThreadId
from pillarbox.store import whereabouts as rows
from pillarbox.store.base import Database
from pillarbox.store.runs import runs

AT_ONCE = 1_000


class Whereabouts:
    """Asked by whoever names messages by more than UIDs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ids(
        self, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> AsyncIterator[list[tuple[int, tuple[MessageId, ThreadId]]]]:
        """(UID, (message, thread)) in batches of at most some hundred, each its own short read."""
        for low, high, part in runs(uids):
            async with self._db.read(account_id) as tx:
                page = await rows.ids_page(tx, account_id, mailbox_id, low, high)
            wanted = frozenset(part) if high - low >= len(part) else None  # else all that lies between is wanted
            yield page if wanted is None else [row for row in page if row[0] in wanted]

    async def uids_of_messages(
        self, account_id: AccountId, mailbox_id: MailboxId, ids: Iterable[MessageId]
    ) -> dict[int, list[int]]:
        """The UIDs of each of these that stands in the mailbox, rising."""
        found: dict[int, list[int]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), AT_ONCE):
            async with self._db.read(account_id) as tx:
                page = await rows.uids_of_messages(tx, account_id, mailbox_id, wanted[start : start + AT_ONCE])
            for number, uid in page:
                found.setdefault(number, []).append(uid)
        return found

    async def uids_in_threads(
        self, account_id: AccountId, mailbox_id: MailboxId, ids: Iterable[ThreadId]
    ) -> dict[int, list[int]]:
        """The UIDs of each of these that has messages in the mailbox, rising."""
        found: dict[int, list[int]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), AT_ONCE):
            async with self._db.read(account_id) as tx:
                page = await rows.uids_in_threads(tx, account_id, mailbox_id, wanted[start : start + AT_ONCE])
            for number, uid in page:
                found.setdefault(number, []).append(uid)
        return found

    async def freed_octets(self, account_id: AccountId, mailbox_id: MailboxId) -> int:
        """How much room there would be if all that is `\\Deleted` in a mailbox went (RFC 9208 §4.1.4)."""
        async with self._db.read(account_id) as tx:
            return await rows.freed_octets(tx, account_id, mailbox_id)
