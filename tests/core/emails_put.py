"""Messages put into mailboxes one by one, and what a search finds of them."""

from office import Office
from pillarbox.core.contents.spool import Content
from pillarbox.model.account import Account
from pillarbox.model.keywords import FlagSet
from pillarbox.model.query import Order, Query

SEEN, WORK = FlagSet.of("\\Seen"), FlagSet.of("work")


async def put(office: Office, account: Account, head: str, body: str = "hi", *, path: str = "INBOX", flags=FlagSet()):
    mailbox = await office.mail.mailboxes.get(account.id, (path,))
    octets = (head + "\r\n\r\n" + body + "\r\n").encode()
    office.clock.advance(1)
    placed = await office.mail.messages.append(
        account.id, mailbox.id, Content.of(octets), flags=flags, received=office.clock.now()
    )
    return placed.message_id


async def found(office: Office, account: Account, query: Query, *orders: Order, collapse: bool = False) -> list[int]:
    return list((await office.mail.email_queries.find(account.id, query, orders, collapse=collapse)).ids)
