"""Cards: their JSON in `card_content`, and narrow rows of what is looked for in them (RFC 9610 §3).

All rows of a card are written together, and go together. A content that one of its media is, is held by the card: a row
of `blob_ref` whose holder is the card's id.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import msgspec

from pillarbox.model.contact import BookId, CardId, StoredCard
from pillarbox.model.ids import AccountId, BlobId
from pillarbox.store.address_books import books_of
from pillarbox.store.base import Row, Transaction, Value
from pillarbox.store.uploads import CARD_HOLDS, UPLOAD_HOLDS

FIELDS = 13
AT_ONCE = 500

PUT = """
insert into card (account_id, id, uid, kind, created, updated, given, surname, surname2, shown)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (account_id, id) do update set uid = excluded.uid, kind = excluded.kind, created = excluded.created,
  updated = excluded.updated, given = excluded.given, surname = excluded.surname, surname2 = excluded.surname2,
  shown = excluded.shown
"""
PUT_CONTENT = """
insert into card_content (account_id, card_id, octets, media) values ($1, $2, $3, $4)
on conflict (account_id, card_id) do update set octets = excluded.octets, media = excluded.media
"""
FORGET_TEXTS = f"""
delete from card_text where account_id = $1 and card_id = $2 and field in ({", ".join(map(str, range(FIELDS)))})
"""
SIZE = f"""
select size_octets from blob_ref where account_id = $1 and blob = $2
  and (kind = {UPLOAD_HOLDS} and released > $3 or kind = {CARD_HOLDS} and released is null)
order by kind, holder limit 1
"""
HOLD = f"""
insert into blob_ref (account_id, blob, kind, holder, size_octets) values ($1, $2, {CARD_HOLDS}, $3, $4)
on conflict (account_id, blob, kind, holder) do update set released = null
"""
RELEASE = f"""
update blob_ref set released = $4
where account_id = $1 and blob = $2 and kind = {CARD_HOLDS} and holder = $3 and released is null
"""
HELD_OCTETS = f"""
select coalesce(sum(size_octets), 0) from blob_ref where account_id = $1 and kind = {CARD_HOLDS} and released is null
"""

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(dict[str, bytes])


class CardRows(msgspec.Struct, frozen=True):
    """What is written of a card beside its JSON: `texts` by the numbers of their fields; times in microseconds."""

    uid: str
    kind: str
    created: int | None
    updated: int | None
    given: str
    surname: str
    surname2: str
    shown: str
    texts: Mapping[int, str]
    members: Sequence[str]
    words: Sequence[str]
    addresses: Sequence[str]


async def count_cards(tx: Transaction, account_id: AccountId) -> int:
    """How many the account has."""
    return int(await tx.value("select count(*) from card where account_id = $1", account_id))


async def find_uid(tx: Transaction, account_id: AccountId, uid: str) -> CardId | None:
    """The card that has this uid."""
    found: CardId | None = await tx.value("select id from card where account_id = $1 and uid = $2", account_id, uid)
    return found


async def read_cards(tx: Transaction, account_id: AccountId, card_ids: Iterable[CardId]) -> dict[CardId, StoredCard]:
    """Those that there are."""
    wanted = list(card_ids)
    found: dict[CardId, StoredCard] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        books = await books_of(tx, account_id, part)
        rows = await tx.all(
            "select card_id, octets, media from card_content "
            f"where account_id = $1 and card_id {tx.dialect.in_list(2)} order by card_id",
            account_id,
            tx.dialect.list_value(part),
        )
        for card_id, octets, media in rows:
            contents = {key: BlobId(blob) for key, blob in _unpacker.decode(media).items()}
            found[card_id] = StoredCard(card_id, msgspec.json.decode(octets), books[card_id], contents, len(octets))
    return found


async def card_ids(tx: Transaction, account_id: AccountId, above: int, limit: int) -> list[CardId]:
    """The next ids, in order."""
    rows = await tx.all(
        "select id from card where account_id = $1 and id > $2 order by id limit $3", account_id, above, limit
    )
    return [CardId(card_id) for (card_id,) in rows]


async def put_card(tx: Transaction, account_id: AccountId, card: StoredCard, octets: bytes, rows: CardRows) -> None:
    """Write a card that is new, or in place of what was there; its contents must be held."""
    await tx.run(
        PUT,
        account_id,
        card.id,
        rows.uid,
        rows.kind,
        rows.created,
        rows.updated,
        rows.given,
        rows.surname,
        rows.surname2,
        rows.shown,
    )
    await tx.run(PUT_CONTENT, account_id, card.id, octets, _packer.encode(dict(card.contents)))
    await put_places(tx, account_id, card.id, card.books)
    await tx.run_many(
        "insert into card_text (account_id, field, card_id, text) values ($1, $2, $3, $4)",
        [(account_id, field, card.id, text) for field, text in rows.texts.items()],
    )
    for table, column, values in (
        ("card_member", "uid", rows.members),
        ("card_word", "word", rows.words),
    ):
        await tx.run_many(
            f"insert into {table} (account_id, card_id, {column}) values ($1, $2, $3)",
            [(account_id, card.id, value) for value in values],
        )
    await tx.run_many(
        "insert into card_address (account_id, card_id, number, address) values ($1, $2, $3, $4)",
        [(account_id, card.id, number, address) for number, address in enumerate(rows.addresses)],
    )


async def put_places(tx: Transaction, account_id: AccountId, card_id: CardId, books: Iterable[BookId]) -> None:
    """Put a card into these books; it is in none."""
    await tx.run_many(
        "insert into card_place (account_id, book_id, card_id) values ($1, $2, $3)",
        [(account_id, book_id, card_id) for book_id in sorted(books)],
    )


async def take_out(tx: Transaction, account_id: AccountId, card_id: CardId) -> None:
    """Take a card out of all books."""
    await tx.run("delete from card_place where account_id = $1 and card_id = $2", account_id, card_id)


async def forget_found(tx: Transaction, account_id: AccountId, card_id: CardId) -> None:
    """Take away all that a card is found by, before it is written anew."""
    await take_out(tx, account_id, card_id)
    await tx.run(FORGET_TEXTS, account_id, card_id)
    for table in ("card_member", "card_word", "card_address"):
        await tx.run(f"delete from {table} where account_id = $1 and card_id = $2", account_id, card_id)


async def delete_card(tx: Transaction, account_id: AccountId, card_id: CardId) -> None:
    """Remove all rows of a card; its contents must be released."""
    await forget_found(tx, account_id, card_id)
    await tx.run("delete from card_content where account_id = $1 and card_id = $2", account_id, card_id)
    await tx.run("delete from card where account_id = $1 and id = $2", account_id, card_id)


# contents


async def size_of_content(tx: Transaction, account_id: AccountId, blob: BlobId, now: int) -> int | None:
    """Octets of what was uploaded, or of what a card holds; None when there is no such content."""
    found: int | None = await tx.value(SIZE, account_id, blob, now)
    return found


async def hold_content(tx: Transaction, account_id: AccountId, blob: BlobId, card_id: CardId, size_octets: int) -> None:
    """Hold a content that was seen to be there in the same transaction."""
    await tx.run(HOLD, account_id, blob, card_id, size_octets)


async def release_content(tx: Transaction, account_id: AccountId, blob: BlobId, card_id: CardId, now: int) -> None:
    """The card needs it no more."""
    await tx.run(RELEASE, account_id, blob, card_id, now)


async def held_octets(tx: Transaction, account_id: AccountId) -> int:
    """Of all contents that the account's cards hold."""
    return int(await tx.value(HELD_OCTETS, account_id))


# queries


async def _ids(tx: Transaction, sql: str, *values: Value) -> set[int]:
    found: set[int] = set()
    async for rows in tx.batches(sql, *values):
        found.update(card_id for (card_id,) in rows)
    return found


def sort_rows(tx: Transaction, account_id: AccountId) -> AsyncIterator[list[Row]]:
    """(id, created, updated, given, surname, surname2) of all cards by id, in batches."""
    return tx.batches(
        "select id, created, updated, given, surname, surname2 from card where account_id = $1 order by id", account_id
    )


async def all_ids(tx: Transaction, account_id: AccountId) -> set[int]:
    """Of all cards."""
    return await _ids(tx, "select id from card where account_id = $1", account_id)


async def ids_in_book(tx: Transaction, account_id: AccountId, book_id: BookId) -> set[int]:
    """Of the cards in a book."""
    return await _ids(tx, "select card_id from card_place where account_id = $1 and book_id = $2", account_id, book_id)


async def ids_with_member(tx: Transaction, account_id: AccountId, uid: str) -> set[int]:
    """Of the groups that it is a member of."""
    return await _ids(tx, "select card_id from card_member where account_id = $1 and uid = $2", account_id, uid)


async def ids_of_kind(tx: Transaction, account_id: AccountId, kind: str) -> set[int]:
    """Of the cards of a kind."""
    return await _ids(tx, "select id from card where account_id = $1 and kind = $2", account_id, kind)


async def ids_by_time(
    tx: Transaction, account_id: AccountId, column: str, since: int | None, before: int | None
) -> set[int]:
    """Of the cards whose `column`, "created" or "updated", lies in a range; None is open."""
    return await _ids(
        tx,
        f"select id from card where account_id = $1 and {column} >= $2 and {column} < $3",
        account_id,
        -(2**62) if since is None else since,
        2**62 if before is None else before,
    )


async def ids_with_text(tx: Transaction, account_id: AccountId, field: int, text: str) -> set[int]:
    """Of the cards with this folded text in a field."""
    return await _ids(
        tx,
        f"select card_id from card_text where account_id = $1 and field = $2 and {tx.dialect.contains('text', 3)}",
        account_id,
        field,
        text,
    )


# completion

BEGINNING = """
select w.card_id, min(w.word) from card_word w where w.account_id = $1 and w.word >= $2 and w.word < $3{others}
group by w.card_id order by 2, 1 limit $4
"""
OTHER = """ and exists (select 1 from card_word o where o.account_id = w.account_id and o.card_id = w.card_id
  and o.word >= ${low} and o.word < ${high})"""


async def cards_beginning(
    tx: Transaction, account_id: AccountId, prefixes: Sequence[tuple[str, str]], limit: int
) -> list[CardId]:
    """Those that have for each prefix, given as (it, what comes after all that begin so), a word; by their words for the
    first."""
    first, *others = prefixes
    text = "".join(OTHER.format(low=5 + 2 * n, high=6 + 2 * n) for n in range(len(others)))
    values = [value for pair in others for value in pair]
    rows = await tx.all(BEGINNING.replace("{others}", text), account_id, *first, limit, *values)
    return [CardId(card_id) for card_id, _ in rows]


async def addresses_of(
    tx: Transaction, account_id: AccountId, card_ids: Iterable[CardId]
) -> list[tuple[int, str, int, str]]:
    """(card, name, number, address), by cards: the lower the number, the more the address is liked."""
    rows = await tx.all(
        "select a.card_id, c.shown, a.number, a.address from card_address a "
        "join card c on c.account_id = a.account_id and c.id = a.card_id "
        f"where a.account_id = $1 and a.card_id {tx.dialect.in_list(2)} order by a.card_id, a.number limit 2000",
        account_id,
        tx.dialect.list_value(card_ids),
    )
    return [(card_id, shown, number, address) for card_id, shown, number, address in rows]


# the end of an account


async def remove_some_cards(tx: Transaction, account_id: AccountId, now: int, limit: int) -> bool:
    """Delete some cards and release their contents; False when there are none."""
    found = await card_ids(tx, account_id, 0, limit)
    for card_id in found:
        await delete_card(tx, account_id, card_id)
    if found:
        await tx.run(
            f"update blob_ref set released = $2 where account_id = $1 and kind = {CARD_HOLDS} and released is null "
            f"and holder {tx.dialect.in_list(3)}",
            account_id,
            now,
            tx.dialect.list_value(found),
        )
    return bool(found)
