"""Cards: people, organizations and groups, each in one address book or more (RFC 9610 §3, RFC 9553).

Many are made, changed or removed at once, some dozens in a transaction; what is wrong with one is the outcome of that
one, and the others go on. What must never happen: two cards with one uid in an account, a card in no book, or a content
that goes while a card needs it.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TypeAlias, TypeVar

import msgspec

from pillarbox.core.feed.states import Kind, Span
from pillarbox.core.people.address_books import AddressBooks, note, step
from pillarbox.core.people.completion import after, ranked
from pillarbox.grammar.jscontact import card as cards
from pillarbox.grammar.jscontact import text as card_text
from pillarbox.grammar.jscontact.values import format_moment, parse_moment
from pillarbox.grammar.message.text import fold
from pillarbox.model.change import ChangeKind
from pillarbox.model.contact import BookId, CardId, CardObject, StoredCard, Suggestion
from pillarbox.model.errors import Conflict, Invalid, MailError, NotFound, OverQuota, TooLarge, TooMany
from pillarbox.model.ids import AccountId, BlobId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random
from pillarbox.store import changes as change_rows
from pillarbox.store import contacts as card_rows
from pillarbox.store.base import Database, Transaction
from pillarbox.store.contacts import CardRows
from pillarbox.store.moment import micros

AT_ONCE = 25
"""Cards that are written in one transaction."""
MOST_ADDRESSES = 50
"""Of one card, that are suggested."""
SORT_CHARACTERS = 200
MOST_SUGGESTED = 100
"""Cards that are looked at for suggestions."""

Key = TypeVar("Key")


class UidTaken(Conflict):
    """Another card of the account has this uid."""


class NoSuchBook(Invalid):
    """A card must lie in address books that there are, and in one at least."""


class NoSuchContent(NotFound):
    """There is no such content."""


class CardDraft(msgspec.Struct, frozen=True):
    """All that its owner says of a card. Media that are contents, by their keys, have no `uri` in the card."""

    card: CardObject
    books: frozenset[BookId]
    contents: Mapping[str, BlobId] = {}


Edit: TypeAlias = Callable[[StoredCard], CardDraft | Exception]
"""Makes a new draft of a card as it stands, or says why there is none."""


class Contacts:
    """The cards of all accounts."""

    def __init__(self, db: Database, books: AddressBooks, *, limits: Limits, clock: Clock, random: Random) -> None:
        self._db = db
        self._books = books
        self._limits = limits
        self._clock = clock
        self._random = random

    async def get(self, account_id: AccountId, card_ids: Iterable[CardId]) -> dict[CardId, StoredCard]:
        """Those that there are."""
        async with self._db.read(account_id) as tx:
            return await card_rows.read_cards(tx, account_id, card_ids)

    async def ids(self, account_id: AccountId, above: int, limit: int) -> list[CardId]:
        """The next ids, in order."""
        async with self._db.read(account_id) as tx:
            return await card_rows.card_ids(tx, account_id, above, limit)

    async def add(
        self, account_id: AccountId, drafts: Mapping[Key, CardDraft], *, span: Span | None = None
    ) -> dict[Key, StoredCard | MailError]:
        """New cards, and for those that are not made why: InvalidCard, UidTaken, NoSuchBook, NoSuchContent, TooLarge,
        TooMany, OverQuota. What a card does not say of its version, uid and times is added.

        Raises: NotFound (account); StateMoved, as the `span` says.
        """
        outcomes: dict[Key, StoredCard | MailError] = {}
        for part in _parts(drafts):
            async with self._db.write(account_id) as tx, step(span, Kind.CONTACT, tx, account_id):
                batch = await self._begin(tx, account_id)
                for key in part:
                    outcomes[key] = await batch.put(self._completed(drafts[key]))
        return outcomes

    def _completed(self, draft: CardDraft) -> CardDraft:
        """RFC 9553 §2.1."""
        now = self._now_text()
        given: CardObject = {"@type": "Card", "version": cards.VERSION, "created": now, "updated": now}
        if "uid" not in draft.card:
            given["uid"] = uuid.UUID(bytes=self._random.octets(16), version=4).urn
        return msgspec.structs.replace(draft, card={**given, **draft.card})

    def _now_text(self) -> str:
        return format_moment(self._clock.now().replace(microsecond=0))

    async def change(
        self, account_id: AccountId, edits: Mapping[CardId, Edit], *, span: Span | None = None
    ) -> dict[CardId, StoredCard | Exception]:
        """Cards as they are now, with the time of the change; or why one was not changed: as above, NotFound, or what
        its edit says.

        Raises: as `add`.
        """
        outcomes: dict[CardId, StoredCard | Exception] = {}
        for part in _parts(edits):
            async with self._db.write(account_id) as tx, step(span, Kind.CONTACT, tx, account_id):
                batch = await self._begin(tx, account_id)
                known = await card_rows.read_cards(tx, account_id, part)
                for card_id in part:
                    before = known.get(card_id)
                    if before is None:
                        outcomes[card_id] = NotFound("no such card")
                        continue
                    draft = edits[card_id](before)
                    outcomes[card_id] = (
                        draft if isinstance(draft, Exception) else await batch.put(self._dated(draft, before), before)
                    )
        return outcomes

    def _dated(self, draft: CardDraft, before: StoredCard) -> CardDraft:
        """With the time of the change, unless the change itself says one (RFC 9553 §2.1.10)."""
        is_same = draft.card == before.card and dict(draft.contents) == dict(before.contents)
        if is_same or draft.card.get("updated") != before.card.get("updated"):
            return draft
        return msgspec.structs.replace(draft, card={**draft.card, "updated": self._now_text()})

    async def remove(
        self, account_id: AccountId, card_ids: Collection[CardId], *, span: Span | None = None
    ) -> dict[CardId, NotFound | None]:
        """Remove cards; NotFound is the outcome for those that there are not. Raises: as `add`."""
        outcomes: dict[CardId, NotFound | None] = {}
        for part in _parts(card_ids):
            async with self._db.write(account_id) as tx, step(span, Kind.CONTACT, tx, account_id):
                batch = await self._begin(tx, account_id)
                known = await card_rows.read_cards(tx, account_id, part)
                for card_id in part:
                    outcomes[card_id] = NotFound("no such card")
                    if card_id in known:
                        await batch.remove(known[card_id])
                        outcomes[card_id] = None
        return outcomes

    async def suggest(self, account_id: AccountId, text: str, limit: int) -> list[Suggestion]:
        """Whom one may mean who has begun to write so: names and addresses whose words begin with all of its words, the
        likeliest first."""
        wanted = card_text.beginnings(text)
        if not wanted:
            return []
        longest_first = sorted(wanted, key=len, reverse=True)
        async with self._db.read(account_id) as tx:
            found = await card_rows.cards_beginning(
                tx, account_id, [(prefix, after(prefix)) for prefix in longest_first], MOST_SUGGESTED
            )
            rows = await card_rows.addresses_of(tx, account_id, found)
        return ranked(rows, wanted)[:limit]

    async def _begin(self, tx: Transaction, account_id: AccountId) -> "_Batch":
        """With the account to ourselves."""
        await change_rows.take_modseqs(tx, account_id, 0)
        books = frozenset(book.id for book in await self._books.books_in(tx, account_id))
        return _Batch(tx, account_id, books, limits=self._limits, now=micros(self._clock.now()))


def _parts(keys: Iterable[Key]) -> Iterable[list[Key]]:
    rest = iter(keys)
    while part := list(islice(rest, AT_ONCE)):
        yield part


class _Batch:
    """Cards that are written in one transaction. What is wrong is seen before anything of the card is written."""

    def __init__(
        self, tx: Transaction, account_id: AccountId, books: frozenset[BookId], *, limits: Limits, now: int
    ) -> None:
        self._tx = tx
        self._account_id = account_id
        self._books = books
        self._limits = limits
        self._now = now
        self._count: int | None = None
        """Of all cards, once somebody has asked."""

    async def put(self, draft: CardDraft, before: StoredCard | None = None) -> StoredCard | MailError:
        """Write a new card, or another in place of `before`."""
        if before is not None and (draft.card, draft.books, dict(draft.contents)) == (
            before.card,
            before.books,
            dict(before.contents),
        ):
            return before
        octets = msgspec.json.encode(draft.card)
        try:
            rows = found_by(cards.check(draft.card, held=draft.contents.keys()))
            await self._check(draft, rows.uid, len(octets), before)
            held = frozenset() if before is None else frozenset(before.contents.values())
            fresh = await self._sizes(frozenset(draft.contents.values()) - held)
            return await self._write(draft, before, octets, rows, fresh)
        except (Invalid, NotFound, Conflict, cards.InvalidCard, TooLarge, TooMany, OverQuota) as problem:
            return problem

    async def _check(self, draft: CardDraft, uid: str, size_octets: int, before: StoredCard | None) -> None:
        tx, account_id = self._tx, self._account_id
        if size_octets > self._limits.card_octets:
            raise TooLarge(f"a card has at most {self._limits.card_octets} octets")
        if not draft.books or not draft.books <= self._books:
            raise NoSuchBook("a card is in address books that there are, and in one at least")
        other = await card_rows.find_uid(tx, account_id, uid)
        if other is not None and (before is None or other != before.id):
            raise UidTaken("another card has this uid")
        if before is None:
            if self._count is None:
                self._count = await card_rows.count_cards(tx, account_id)
            if self._count >= self._limits.cards:
                raise TooMany(f"at most {self._limits.cards} cards")

    async def _sizes(self, blobs: Collection[BlobId]) -> dict[BlobId, int]:
        """Of contents that the card does not hold yet."""
        sizes: dict[BlobId, int] = {}
        for blob in sorted(blobs):
            size = await card_rows.size_of_content(self._tx, self._account_id, blob, self._now)
            if size is None:
                raise NoSuchContent("no such content")
            if size > self._limits.card_medium_octets:
                raise TooLarge(f"a content has at most {self._limits.card_medium_octets} octets")
            sizes[blob] = size
        room = self._limits.card_media_octets - sum(sizes.values())
        if sizes and await card_rows.held_octets(self._tx, self._account_id) > room:
            raise OverQuota(f"the contents of all cards have at most {self._limits.card_media_octets} octets")
        return sizes

    async def _write(
        self, draft: CardDraft, before: StoredCard | None, octets: bytes, rows: CardRows, fresh: Mapping[BlobId, int]
    ) -> StoredCard:
        tx, account_id = self._tx, self._account_id
        if before is None:
            made = await note(tx, account_id, ChangeKind.CONTACT_CREATED, self._now)
        else:
            made = await note(tx, account_id, ChangeKind.CONTACT_UPDATED, self._now, before.id)
            for blob in sorted(set(before.contents.values()) - set(draft.contents.values())):
                await card_rows.release_content(tx, account_id, blob, before.id, self._now)
            await card_rows.forget_found(tx, account_id, before.id)
        for blob, size_octets in fresh.items():
            await card_rows.hold_content(tx, account_id, blob, CardId(made), size_octets)
        if before is None and self._count is not None:
            self._count += 1
        card = StoredCard(CardId(made), draft.card, draft.books, draft.contents, len(octets))
        await card_rows.put_card(tx, account_id, card, octets, rows)
        return card

    async def remove(self, card: StoredCard) -> None:
        """Remove one, and give up what it holds."""
        tx, account_id = self._tx, self._account_id
        await note(tx, account_id, ChangeKind.CONTACT_DESTROYED, self._now, card.id)
        for blob in sorted(set(card.contents.values())):
            await card_rows.release_content(tx, account_id, blob, card.id, self._now)
        await card_rows.delete_card(tx, account_id, card.id)


def found_by(card: CardObject) -> CardRows:
    """What a card that was checked is found by."""
    members = card.get("members")
    addresses = [one.address for one in card_text.mail_addresses(card)]
    return CardRows(
        uid=str(card["uid"]),
        kind=str(card.get("kind", "individual")),
        created=_micros(card.get("created")),
        updated=_micros(card.get("updated")),
        given=_sort_text(card, "given"),
        surname=_sort_text(card, "surname"),
        surname2=_sort_text(card, "surname2"),
        shown=card_text.display_name(card),
        texts={field.value: text for field, text in card_text.texts(card).items()},
        members=tuple(members) if isinstance(members, dict) else (),
        words=card_text.card_words(card),
        addresses=addresses[:MOST_ADDRESSES],
    )


def _sort_text(card: CardObject, kind: str) -> str:
    return fold(card_text.sort_text(card, kind)).replace("\0", " ")[:SORT_CHARACTERS]


def _micros(text: object) -> int | None:
    return micros(parse_moment(text)) if isinstance(text, str) else None
