"""Rows of `address_book`."""

from collections.abc import Iterable

from pillarbox.model.contact import AddressBook, BookId, CardId
from pillarbox.model.ids import AccountId
from pillarbox.store.base import Row, Transaction

COLUMNS = "id, name, description, sort_order, subscribed, is_default"
PUT = """
insert into address_book (account_id, id, name, description, sort_order, subscribed, is_default)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (account_id, id) do update set name = excluded.name, description = excluded.description,
  sort_order = excluded.sort_order, subscribed = excluded.subscribed, is_default = excluded.is_default
"""


def _book(row: Row) -> AddressBook:
    return AddressBook(BookId(row[0]), row[1], row[2], row[3], bool(row[4]), bool(row[5]))


async def list_books(tx: Transaction, account_id: AccountId) -> list[AddressBook]:
    """All of an account, the oldest first."""
    rows = await tx.all(f"select {COLUMNS} from address_book where account_id = $1 order by id", account_id)
    return [_book(row) for row in rows]


async def find_book(tx: Transaction, account_id: AccountId, book_id: BookId) -> AddressBook | None:
    """One by its id."""
    row = await tx.one(f"select {COLUMNS} from address_book where account_id = $1 and id = $2", account_id, book_id)
    return None if row is None else _book(row)


async def put_book(tx: Transaction, account_id: AccountId, book: AddressBook) -> None:
    """Write it, in place of what was there."""
    await tx.run(
        PUT,
        account_id,
        book.id,
        book.name,
        book.description,
        book.sort_order,
        int(book.subscribed),
        int(book.is_default),
    )


async def delete_book(tx: Transaction, account_id: AccountId, book_id: BookId) -> None:
    """Remove the row; it must be empty."""
    await tx.run("delete from address_book where account_id = $1 and id = $2", account_id, book_id)


async def cards_in(tx: Transaction, account_id: AccountId, book_id: BookId, limit: int) -> list[CardId]:
    """The ids of its first cards."""
    rows = await tx.all(
        "select card_id from card_place where account_id = $1 and book_id = $2 order by card_id limit $3",
        account_id,
        book_id,
        limit,
    )
    return [CardId(card_id) for (card_id,) in rows]


async def books_of(
    tx: Transaction, account_id: AccountId, card_ids: Iterable[CardId]
) -> dict[CardId, frozenset[BookId]]:
    """Which books each of at most 1,000 cards is in."""
    found: dict[CardId, set[BookId]] = {}
    async for rows in tx.batches(
        f"select card_id, book_id from card_place where account_id = $1 and card_id {tx.dialect.in_list(2)}",
        account_id,
        tx.dialect.list_value(card_ids),
    ):
        for card_id, book_id in rows:
            found.setdefault(card_id, set()).add(book_id)
    return {card_id: frozenset(books) for card_id, books in found.items()}
