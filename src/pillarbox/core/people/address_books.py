"""Address books: what cards lie in (RFC 9610 §2).

Each account has a default one, made when somebody first looks, and never without one from then on: the default book
cannot be removed before another is the default. A book that is removed with its cards is emptied in short transactions;
if a crash comes in between, it is there with fewer cards.
"""

import builtins
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from pillarbox.core.feed.object_changes import note_change
from pillarbox.core.feed.states import Kind, Span, state_in
from pillarbox.model.change import ChangeKind
from pillarbox.model.contact import DEFAULT_BOOK_NAME, AddressBook, BookId, CardId
from pillarbox.model.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge, TooMany
from pillarbox.model.ids import AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock
from pillarbox.store import address_books as book_rows
from pillarbox.store import changes as change_rows
from pillarbox.store import contacts as card_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.moment import micros

NAME_OCTETS = 255
DESCRIPTION_OCTETS = 10_000
CARDS_AT_ONCE = 100


class HasCards(Conflict):
    """There are cards in the book."""


class AddressBooks:
    """The address books of all accounts."""

    def __init__(self, db: Database, *, limits: Limits, clock: Clock) -> None:
        self._db = db
        self._limits = limits
        self._clock = clock

    async def list(self, account_id: AccountId) -> list[AddressBook]:
        """All, the oldest first; the default one is made where there is none. Raises: NotFound (account)."""
        async with self._db.read(account_id) as tx:
            found = await book_rows.list_books(tx, account_id)
        if found:
            return found
        async with self._db.write(account_id) as tx:
            return await self.books_in(tx, account_id)

    async def books_in(self, tx: Transaction, account_id: AccountId) -> builtins.list[AddressBook]:
        """All, within a writing transaction; there is a default one afterwards."""
        found = await book_rows.list_books(tx, account_id)
        if not found:
            found = [await self._insert(tx, account_id, AddressBook(BookId(0), DEFAULT_BOOK_NAME, is_default=True))]
        return found

    async def _insert(self, tx: Transaction, account_id: AccountId, book: AddressBook) -> AddressBook:
        made = await note(tx, account_id, ChangeKind.ADDRESS_BOOK_CREATED, micros(self._clock.now()))
        book = msgspec.structs.replace(book, id=BookId(made))
        await book_rows.put_book(tx, account_id, book)
        return book

    async def state(self, account_id: AccountId) -> int:
        """How far address books have come; the default one is there. Raises: NotFound (account)."""
        await self.list(account_id)
        async with self._db.read(account_id) as tx:
            return await state_in(tx, account_id, Kind.ADDRESS_BOOK)

    async def add(self, account_id: AccountId, book: AddressBook, *, span: Span | None = None) -> AddressBook:
        """A new one, with an id of its own; not the default.

        Raises: Invalid, TooLarge, TooMany, NotFound (account); StateMoved, as the `span` says.
        """
        self._check(book)
        async with self._db.write(account_id) as tx, step(span, Kind.ADDRESS_BOOK, tx, account_id):
            if len(await self.books_in(tx, account_id)) >= self._limits.address_books:
                raise TooMany(f"at most {self._limits.address_books} address books")
            return await self._insert(tx, account_id, msgspec.structs.replace(book, is_default=False))

    async def change(
        self,
        account_id: AccountId,
        book_id: BookId,
        edit: Callable[[AddressBook], AddressBook],
        *,
        span: Span | None = None,
    ) -> None:
        """Put what `edit` makes of it in its place; which one is the default stays. What `edit` raises changes nothing.

        Raises: NotFound, Invalid, TooLarge; StateMoved as above.
        """
        async with self._db.write(account_id) as tx, step(span, Kind.ADDRESS_BOOK, tx, account_id):
            book = await _found(tx, account_id, book_id)
            made = msgspec.structs.replace(edit(book), id=book.id, is_default=book.is_default)
            self._check(made)
            if made != book:
                await self._note(tx, account_id, ChangeKind.ADDRESS_BOOK_UPDATED, book_id)
                await book_rows.put_book(tx, account_id, made)

    async def set_default(
        self, account_id: AccountId, book_id: BookId, *, span: Span | None = None
    ) -> AddressBook | None:
        """Make it the default; the one that was before, None when it is the same. Raises: NotFound; StateMoved."""
        async with self._db.write(account_id) as tx, step(span, Kind.ADDRESS_BOOK, tx, account_id):
            book = await _found(tx, account_id, book_id)
            if book.is_default:
                return None
            before = next(one for one in await book_rows.list_books(tx, account_id) if one.is_default)
            for one, is_default in ((before, False), (book, True)):
                await self._note(tx, account_id, ChangeKind.ADDRESS_BOOK_UPDATED, one.id)
                await book_rows.put_book(tx, account_id, msgspec.structs.replace(one, is_default=is_default))
        return before

    async def remove(
        self, account_id: AccountId, book_id: BookId, *, with_cards: bool, span: Span | None = None
    ) -> None:
        """Remove a book; with `with_cards` its cards too, as far as they are in no other.

        Raises: NotFound, NotAllowed (the default), HasCards; StateMoved as above.
        """
        is_gone = False
        while not is_gone:
            async with self._db.write(account_id) as tx, step(span, Kind.ADDRESS_BOOK, tx, account_id):
                book = await _found(tx, account_id, book_id)
                if book.is_default:
                    raise NotAllowed("the default address book stays")
                cards = await book_rows.cards_in(tx, account_id, book_id, CARDS_AT_ONCE)
                if cards and not with_cards:
                    raise HasCards("there are cards in it")
                await self._take_out(tx, account_id, book_id, cards)
                is_gone = len(cards) < CARDS_AT_ONCE
                if is_gone:
                    await self._note(tx, account_id, ChangeKind.ADDRESS_BOOK_DESTROYED, book_id)
                    await book_rows.delete_book(tx, account_id, book_id)

    async def _take_out(
        self, tx: Transaction, account_id: AccountId, book_id: BookId, card_ids: builtins.list[CardId]
    ) -> None:
        """Cards that are in no other book go."""
        now = micros(self._clock.now())
        books = await book_rows.books_of(tx, account_id, card_ids)
        lonely = [card_id for card_id in card_ids if len(books[card_id]) == 1]
        held = await card_rows.read_cards(tx, account_id, lonely)
        for card_id in card_ids:
            if card_id in held:
                for blob in set(held[card_id].contents.values()):
                    await card_rows.release_content(tx, account_id, blob, card_id, now)
                await self._note(tx, account_id, ChangeKind.CONTACT_DESTROYED, card_id)
                await card_rows.delete_card(tx, account_id, card_id)
            else:
                await self._note(tx, account_id, ChangeKind.CONTACT_UPDATED, card_id)
                await card_rows.take_out(tx, account_id, card_id)
                await card_rows.put_places(tx, account_id, card_id, books[card_id] - {book_id})

    async def _note(self, tx: Transaction, account_id: AccountId, kind: ChangeKind, object_id: int) -> None:
        await note(tx, account_id, kind, micros(self._clock.now()), object_id)

    def _check(self, book: AddressBook) -> None:
        """RFC 9610 §2: a name is neither empty nor longer than 255 octets."""
        if not book.name or "\0" in book.name:
            raise Invalid("the name is empty")
        if len(book.name.encode()) > NAME_OCTETS:
            raise TooLarge(f"a name has at most {NAME_OCTETS} octets")
        if len((book.description or "").encode()) > DESCRIPTION_OCTETS:
            raise TooLarge(f"a description has at most {DESCRIPTION_OCTETS} octets")


async def _found(tx: Transaction, account_id: AccountId, book_id: BookId) -> AddressBook:
    book = await book_rows.find_book(tx, account_id, book_id)
    if book is None:
        raise NotFound("no such address book")
    return book


def step(span: Span | None, kind: Kind, tx: Transaction, account_id: AccountId) -> AbstractAsyncContextManager[None]:
    """One transaction of somebody's changes, of a span or by itself."""
    return (span or Span(kind)).step(tx, account_id)


async def note(tx: Transaction, account_id: AccountId, kind: ChangeKind, now: int, object_id: int | None = None) -> int:
    """Write what happened to an object, with a mod-sequence of its own, which is a new object's id; its id.

    Raises: NotFound (account).
    """
    modseq = await change_rows.take_modseqs(tx, account_id, 1)
    object_id = modseq if object_id is None else object_id
    await note_change(tx, account_id, modseq, kind, object_id, now)
    return object_id
