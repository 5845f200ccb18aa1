"""Rows of `vacation`, one for an account at most, and of `vacation_answer`: whom its answers went to.

The second is bounded: each account's oldest rows make room for new ones, and all are forgotten when they are too old
to matter.
"""

from datetime import datetime

from pillarbox.model.ids import AccountId
from pillarbox.model.vacation import Vacation
from pillarbox.store.base import Transaction
from pillarbox.store.moment import micros, moment

PUT = """
insert into vacation (account_id, enabled, begins, ends, subject, text_body, html_body)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (account_id) do update set enabled = excluded.enabled, begins = excluded.begins, ends = excluded.ends,
  subject = excluded.subject, text_body = excluded.text_body, html_body = excluded.html_body
"""
ANSWERED = "select at from vacation_answer where account_id = $1 and response = $2 and sender_key = $3"
NOTE = """
insert into vacation_answer (account_id, response, sender_key, at) values ($1, $2, $3, $4)
on conflict (account_id, response, sender_key) do update set at = excluded.at
"""
MAKE_ROOM = """
delete from vacation_answer where account_id = $1 and at <=
  (select at from vacation_answer where account_id = $1 order by at desc limit 1 offset $2)
"""
FORGET = """
delete from vacation_answer where (account_id, response, sender_key) in
  (select account_id, response, sender_key from vacation_answer where at < $1 order by at limit $2)
returning 1
"""


async def find_vacation(tx: Transaction, account_id: AccountId) -> Vacation | None:
    """What the account has set up, if it ever has."""
    row = await tx.one(
        "select enabled, begins, ends, subject, text_body, html_body from vacation where account_id = $1", account_id
    )
    if row is None:
        return None
    enabled, begins, ends, subject, text, html = row
    return Vacation(bool(enabled), _moment(begins), _moment(ends), subject, text, html)


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else moment(stored)


async def put_vacation(tx: Transaction, account_id: AccountId, vacation: Vacation) -> None:
    """Write it in place of what was there."""
    await tx.run(
        PUT,
        account_id,
        int(vacation.is_enabled),
        None if vacation.begins is None else micros(vacation.begins),
        None if vacation.ends is None else micros(vacation.ends),
        vacation.subject,
        vacation.text,
        vacation.html,
    )


async def enabled_accounts(tx: Transaction) -> list[AccountId]:
    """Who has a response that is switched on."""
    found: list[AccountId] = []
    async for rows in tx.batches("select account_id from vacation where enabled = 1 order by account_id"):
        found += [AccountId(account_id) for (account_id,) in rows]
    return found


async def last_answer(tx: Transaction, account_id: AccountId, response: bytes, sender_key: str) -> datetime | None:
    """When this response last went to this sender."""
    return _moment(await tx.value(ANSWERED, account_id, response, sender_key))


async def note_answer(
    tx: Transaction, account_id: AccountId, response: bytes, sender_key: str, *, at: datetime, most: int
) -> None:
    """Note that it goes there now; of an account's rows at most `most` stay, the newest."""
    await tx.run(NOTE, account_id, response, sender_key, micros(at))
    await tx.run(MAKE_ROOM, account_id, most)


async def forget_answers(tx: Transaction, before: int, limit: int) -> int:
    """Forget answers that were sent before then, oldest first; how many."""
    return len(await tx.all(FORGET, before, limit))
