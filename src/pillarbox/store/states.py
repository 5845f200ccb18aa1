"""How far an account has come, and what of it has moved since: three short looks into the feed."""

from pillarbox.model.ids import AccountId
from pillarbox.store.base import Transaction

NEWEST_BY_KIND = "select kind, max(modseq) from change where account_id = $1 and modseq > $2 group by kind"
NEWEST_MESSAGE = """
select id from message where account_id = $1 and id > $2 and shown is not null order by id desc limit 1
"""


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
