"""How far an account has come, and what of it has moved since: short looks into the feed."""

from pillarbox.model.change import ChangeKind
from pillarbox.model.ids import AccountId
from pillarbox.store.base import Transaction

LATEST = 1 << 62
MAILBOXES = (ChangeKind.MAILBOX_CREATED.value, ChangeKind.MAILBOX_REMOVED.value)
NEWEST_OF_MAIL = """
select modseq from change where account_id = $1 and modseq <= $2 and kind <= $3 order by modseq desc limit 1
"""
NEWEST_OF_MAILBOXES = """
select modseq from change where account_id = $1 and modseq <= $2 and kind > 3 and kind < 7 order by modseq desc limit 1
"""
NEWEST_OF_KIND = """
select modseq from change where account_id = $1 and kind > 6 and kind = $3 and modseq <= $2 order by modseq desc limit 1
"""
NEWEST_BY_KIND = "select kind, max(modseq) from change where account_id = $1 and modseq > $2 group by kind"
NEWEST_MESSAGE = """
select id from message where account_id = $1 and id > $2 and shown is not null order by id desc limit 1
"""


async def newest_change(tx: Transaction, account_id: AccountId, kinds: tuple[int, int], upto: int = LATEST) -> int:
    """The mod-sequence of the newest change of these kinds, the first and the last, up to `upto`; 0 for none. Mail's
    kinds come first and often; those of other things have indexes of their own."""
    first, last = kinds
    if first == 1:
        found = await tx.value(NEWEST_OF_MAIL, account_id, upto, last)
    elif kinds == MAILBOXES:
        found = await tx.value(NEWEST_OF_MAILBOXES, account_id, upto)
    else:
        each = [await tx.value(NEWEST_OF_KIND, account_id, upto, kind) or 0 for kind in range(first, last + 1)]
        return int(max(each))
    return int(found or 0)


async def account_modseq(tx: Transaction, account_id: AccountId) -> int | None:
    """The account's newest mod-sequence; None when there is no such account."""
    found: int | None = await tx.value("select modseq from account where id = $1 and domain <> ''", account_id)
    return found


async def newest_by_kind(tx: Transaction, account_id: AccountId, since: int) -> dict[int, int]:
    """The newest change after `since` of each kind that has one: costs a row a change."""
    return dict(await tx.all(NEWEST_BY_KIND, account_id, since))


async def newest_message(tx: Transaction, account_id: AccountId, since: int) -> int | None:
    """The newest message that came after `since` and shows; its id is the mod-sequence at which it came."""
    found: int | None = await tx.value(NEWEST_MESSAGE, account_id, since)
    return found
