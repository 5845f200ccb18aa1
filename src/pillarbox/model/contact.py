"""Address books and cards, and what to look for among cards (RFC 9610, RFC 9553)."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, IntEnum, auto
from typing import NewType, TypeAlias

import msgspec

from pillarbox.model.ids import BlobId
from pillarbox.model.query import Query

BookId = NewType("BookId", int)
"""Unique within its account: the mod-sequence of its creation."""
CardId = NewType("CardId", int)
"""Unique within its account: the mod-sequence of its creation."""

CardObject: TypeAlias = dict[str, object]
"""A card as JSON values (RFC 9553 §2)."""

DEFAULT_BOOK_NAME = "Contacts"


class AddressBook(msgspec.Struct, frozen=True):
    """One address book. Each account that has any has one default; one with a lower `sort_order` comes first."""

    id: BookId
    name: str
    description: str | None = None
    sort_order: int = 0
    subscribed: bool = True
    is_default: bool = False


class StoredCard(msgspec.Struct, frozen=True):
    """A card, the books that it is in, and by their keys those of its media that are contents of ours: these have no
    `uri` in the card. `size_octets` is that of the card as text."""

    id: CardId
    card: CardObject
    books: frozenset[BookId]
    contents: Mapping[str, BlobId] = {}
    size_octets: int = 0


class Suggestion(msgspec.Struct, frozen=True):
    """Whom one may mean."""

    name: str
    address: str


class CardField(IntEnum):
    """What a text of a card is. The numbers are stored."""

    ANY = 0
    NAME = 1
    GIVEN = 2
    SURNAME = 3
    SURNAME2 = 4
    NICKNAME = 5
    ORGANIZATION = 6
    EMAIL = 7
    PHONE = 8
    ONLINE_SERVICE = 9
    ADDRESS = 10
    NOTE = 11
    OTHER = 12


class InBook(Query, frozen=True):
    """It is in this address book."""

    book_id: BookId


class HasUid(Query, frozen=True):
    """It has exactly this uid."""

    uid: str


class HasMember(Query, frozen=True):
    """It is a group that the card of this uid belongs to."""

    uid: str


class IsKind(Query, frozen=True):
    """It is a card of this kind; one that says none is an individual's."""

    kind: str


class CardCreated(Query, frozen=True):
    """What it says of its creation: `since` inclusive, `before` exclusive; None is open."""

    since: datetime | None = None
    before: datetime | None = None


class CardUpdated(Query, frozen=True):
    """What it says of its last change, as above."""

    since: datetime | None = None
    before: datetime | None = None


class HasCardText(Query, frozen=True):
    """A text of this kind contains it, folded."""

    field: CardField
    text: str


class CardSortKey(Enum):
    """What cards are put in order by; names as `sortAs` says, or else by the first part of the kind."""

    CREATED = auto()
    UPDATED = auto()
    GIVEN = auto()
    SURNAME = auto()
    SURNAME2 = auto()


class CardOrder(msgspec.Struct, frozen=True):
    """One key of an order."""

    key: CardSortKey
    is_ascending: bool = True
