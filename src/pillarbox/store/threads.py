"""Rows of `thread_key`: a hash of message identifier and base subject, and the thread that has it.

A thread without messages is over and its number is not used again: its keys are given to the next that has them.
"""

import functools
from collections.abc import Sequence

from pillarbox.model.ids import AccountId, ThreadId
from pillarbox.store.base import Transaction


@functools.cache
def _find(count: int) -> str:
    """A text for each number of keys: on the delivery path a list as one parameter would cost more than the look-up."""
    keys = ", ".join(f"${number}" for number in range(2, count + 2))
    return (
        "select k.key, k.thread_id, "
        "exists (select 1 from message m where m.account_id = k.account_id and m.thread_id = k.thread_id) "
        f"from thread_key k where k.account_id = $1 and k.key in ({keys})"
    )


async def join_thread(tx: Transaction, account_id: AccountId, keys: Sequence[int], fresh: int) -> ThreadId:
    """The oldest live thread that has one of these keys, else `fresh`; the keys that nobody has are its own now."""
    if not keys:
        return ThreadId(fresh)
    rows = await tx.all(_find(len(keys)), account_id, *keys)
    live = {key: thread for key, thread, is_live in rows if is_live}
    thread_id = min(live.values(), default=fresh)
    missing = [(account_id, key, thread_id) for key in keys if key not in live]
    if missing:
        await tx.run_many(
            "insert into thread_key (account_id, key, thread_id) values ($1, $2, $3) "
            "on conflict (account_id, key) do update set thread_id = excluded.thread_id",
            missing,
        )
    return ThreadId(thread_id)
