"""What has changed since a state: messages and threads, from the one feed (RFC 8620 §5.2).

An answer is about what is there now, whatever happened in between: a message that came and went again is in none of
the lists. Longer histories are told in steps: each ends at a mod-sequence that the client goes on from.
"""

from collections.abc import Callable

import msgspec

from pillarbox.core.feed.states import Changed, Kind, state_after
from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId
from pillarbox.store import emails as email_rows
from pillarbox.store.base import Database, Row, Transaction

PAGE = 1_000
MAIL_KINDS = ChangeKind.REMOVED.value


class EmailChanges:
    """Asks the feed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def emails(self, account_id: AccountId, since: int, most: int | None) -> Changed:
        """Raises: StateTooOld, NotFound (account)."""
        async with self._db.read(account_id) as tx:
            step = await _step(tx, account_id, since, Kind.EMAIL, most, lambda row: row[2])
            now = {row[0]: row[6] for row in await email_rows.facts(tx, account_id, list(step.ids))}
        created = [key for key in step.ids if now.get(key, 0) > since]
        updated = [key for key in step.ids if 0 < now.get(key, 0) <= since]
        destroyed = [key for key in step.ids if key not in now and key <= since]
        return step.changed(created, updated, destroyed)

    async def threads(self, account_id: AccountId, since: int, most: int | None) -> Changed:
        """A thread is updated when messages came to it or left it. Raises: StateTooOld, NotFound (account)."""
        async with self._db.read(account_id) as tx:
            step = await _step(tx, account_id, since, Kind.EMAIL, most, lambda row: row[3] or row[2])
            shown: dict[int, list[int]] = {}
            for thread_id, _, _, when in await email_rows.members(tx, account_id, list(step.ids)):
                shown.setdefault(thread_id, []).append(when)
            present = {row[0] for row in await email_rows.facts(tx, account_id, list({row[2] for row in step.rows}))}
        left = {row[3] or row[2] for row in step.rows if row[2] not in present and row[2] <= since}
        existed = left | {key for key, when in shown.items() if min(when) <= since}
        joined = {key for key, when in shown.items() if max(when) > since}
        return step.changed(
            [key for key in step.ids if key in shown and key not in existed],
            [key for key in step.ids if key in shown and key in existed and (key in joined or key in left)],
            [key for key in step.ids if key not in shown and key in existed],
        )


class _Step(msgspec.Struct, frozen=True):
    """Rows of the feed up to `state`, and the distinct ids in them."""

    state: int
    has_more: bool
    rows: list[Row]
    ids: dict[int, None]

    def changed(self, created: list[int], updated: list[int], destroyed: list[int]) -> Changed:
        return Changed(self.state, self.has_more, tuple(created), tuple(updated), tuple(destroyed))


async def _step(
    tx: Transaction,
    account_id: AccountId,
    since: int,
    kind: Kind,
    most: int | None,
    id_of: Callable[[Row], int],
) -> _Step:
    """Read on until all is known or `most` ids are."""
    state = await state_after(tx, account_id, kind.value, since)
    rows: list[Row] = []
    ids: dict[int, None] = {}
    last = since
    while last < state:
        page = await email_rows.changed(tx, account_id, last, kind.value[1], PAGE)
        for row in page:
            key = id_of(row)
            if most is not None and key not in ids and len(ids) >= most:
                return _Step(last, True, rows, ids)
            ids[key] = None
            rows.append(row)
            last = row[0]
        if len(page) < PAGE:
            break
    return _Step(state, False, rows, ids)
