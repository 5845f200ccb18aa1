"""Address books as files of vCards: brought along, and taken away (RFC 6350, RFC 9555).

A file that is brought a second time changes nothing: a card whose uid is here already is left as it is, and a card
without a uid gets one that follows from what it says.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec

from pillarbox.core.contents.uploads import Uploads
from pillarbox.core.people.address_books import AddressBooks
from pillarbox.core.people.contacts import CardDraft, Contacts, UidTaken
from pillarbox.grammar.jscontact import media
from pillarbox.grammar.vcard.from_card import format_card
from pillarbox.grammar.vcard.to_card import parse
from pillarbox.model.contact import AddressBook, BookId, CardObject, StoredCard
from pillarbox.model.errors import MailError, NotFound, SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId

CARDS_AT_ONCE = 100
MOST_PROBLEMS = 20
_UID_SPACE = uuid.UUID("0b9a6c1e-7d1c-4c55-9d0b-5f1f6a2f3c77")


class Brought(msgspec.Struct, frozen=True):
    """What became of a file: cards that are new, that were here, and that could not be taken, with the first reasons."""

    added: int = 0
    known: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()


class CardFiles:
    """Reads files into address books, and writes them."""

    def __init__(self, books: AddressBooks, contacts: Contacts, uploads: Uploads) -> None:
        self._books = books
        self._contacts = contacts
        self._uploads = uploads

    async def find_book(self, account_id: AccountId, name: str | None) -> AddressBook:
        """The book of this name, or the default one. Raises: NotFound."""
        for book in await self._books.list(account_id):
            if book.name == name or (name is None and book.is_default):
                return book
        raise NotFound(f"no address book is named {name}")

    async def bring(self, account_id: AccountId, octets: bytes, book_id: BookId) -> Brought:
        """Put all cards of a file into a book. What is wrong with one is in no other's way.

        Raises: NotFound (account).
        """
        added = known = number = 0
        problems: list[str] = []
        drafts: dict[int, CardDraft] = {}
        for number, card in enumerate(await asyncio.to_thread(lambda: list(parse(octets))), 1):
            if isinstance(card, SyntaxProblem):
                problems.append(f"card {number}: expected {card.expected}")
                continue
            try:
                drafts[number] = await self._draft(account_id, _with_uid(card), book_id)
            except MailError as problem:
                problems.append(f"card {number}: {problem.text}")
            if len(drafts) == CARDS_AT_ONCE:
                added, known = await self._add(account_id, drafts, added, known, problems)
                drafts = {}
        added, known = await self._add(account_id, drafts, added, known, problems)
        return Brought(added, known, number - added - known, tuple(problems[:MOST_PROBLEMS]))

    async def _add(
        self, account_id: AccountId, drafts: dict[int, CardDraft], added: int, known: int, problems: list[str]
    ) -> tuple[int, int]:
        for number, made in (await self._contacts.add(account_id, drafts)).items():
            if isinstance(made, StoredCard):
                added += 1
            elif isinstance(made, UidTaken):
                known += 1
            else:
                problems.append(f"card {number}: {made.text}")
        return added, known

    async def _draft(self, account_id: AccountId, card: CardObject, book_id: BookId) -> CardDraft:
        """Contents that stand in the card are kept apart; those that are none, or no image for a photograph, go."""
        found = card.get("media")
        if not isinstance(found, dict):
            return CardDraft(card, frozenset((book_id,)))
        contents: dict[str, BlobId] = {}
        kept: CardObject = {}
        for key, medium in found.items():
            if not media.is_data(medium["uri"]):
                kept[key] = medium
                continue
            try:
                said, octets = media.parse_data(medium["uri"])
            except SyntaxProblem:
                continue
            kind = media.image_type(octets[: media.HEAD_OCTETS])
            if medium["kind"] == "photo" and kind is None:
                continue
            contents[key] = await self._keep(account_id, octets)
            rest = {name: value for name, value in medium.items() if name != "uri"}
            kept[key] = {**rest, "mediaType": kind or said or media.DEFAULT_TYPE}
        return CardDraft({**card, "media": kept}, frozenset((book_id,)), contents)

    async def _keep(self, account_id: AccountId, octets: bytes) -> BlobId:
        spool = self._uploads.begin()
        try:
            spool.write(octets)
            with await spool.finish() as content:
                return (await self._uploads.keep(account_id, content)).blob
        finally:
            spool.abort()

    async def take(self, account_id: AccountId, book_id: BookId | None = None) -> AsyncIterator[str]:
        """The text of each card of a book, or of all."""
        above = 0
        while ids := await self._contacts.ids(account_id, above, CARDS_AT_ONCE):
            above = ids[-1]
            for stored in (await self._contacts.get(account_id, ids)).values():
                if book_id is None or book_id in stored.books:
                    yield await self._text(account_id, stored)

    async def _text(self, account_id: AccountId, stored: StoredCard) -> str:
        contents: dict[str, bytes] = {}
        for key, blob in stored.contents.items():
            async with await self._uploads.open(account_id, blob) as content:
                contents[key] = await content.read()
        return format_card(stored.card, contents)


def _with_uid(card: CardObject) -> CardObject:
    """RFC 9555 §2.1.1: the same for the same card."""
    if "uid" in card:
        return card
    return {**card, "uid": uuid.uuid5(_UID_SPACE, msgspec.json.encode(card).decode()).urn}
