"""What has changed since a state, of things whose id is the mod-sequence of their creation: identities, submissions.

Their kinds in `ChangeKind` come in threes: created, updated, destroyed. An object that came and went again in between
is in none of the lists (RFC 8620 §5.2).
"""

import asyncio

from pillarbox.core.feed.states import Changed, Kind, state_after
from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId, MailboxId
from pillarbox.store import changes as change_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.changes import ChangeRow
from pillarbox.store.object_feed import objects_changed

PAGE = 1_000


class ObjectChanges:
    """Asks the feed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def since(self, account_id: AccountId, kind: Kind, since: int, most: int | None = None) -> Changed:
        """At most so many objects, or all. Raises: StateTooOld, NotFound (account)."""
        destroyed_kind = kind.value[1]
        touched: dict[int, bool] = {}  # object: whether its last change here destroyed it
        last, has_more = since, False
        while not has_more:
            async with self._db.read(account_id) as tx:
                state = await state_after(tx, account_id, kind.value, last)
                page = await objects_changed(tx, account_id, kind.value, last, PAGE)
            for modseq, number, object_id in page:
                if most is not None and object_id not in touched and len(touched) >= most:
                    has_more = True
                    break
                touched[object_id] = number == destroyed_kind
                last = modseq
            if len(page) < PAGE:
                break
            await asyncio.sleep(0)
        return Changed(
            last if has_more else max(last, state),
            has_more,
            created=tuple(one for one, is_gone in touched.items() if one > since and not is_gone),
            updated=tuple(one for one, is_gone in touched.items() if one <= since and not is_gone),
            destroyed=tuple(one for one, is_gone in touched.items() if one <= since and is_gone),
        )


async def note_change(
    tx: Transaction, account_id: AccountId, modseq: int, kind: ChangeKind, object_id: int, now: int
) -> None:
    """Write one row of the feed for a mod-sequence that was taken."""
    change = ChangeRow(modseq, kind, MailboxId(0), message_id=object_id)
    await change_rows.insert_changes(tx, account_id, now, [change])
