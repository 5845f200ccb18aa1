"""Cards and books under all that may happen to them; whom one may mean (RFC 9610, RFC 8620 §5.2, §5.6)."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from office import DOMAIN, Office, open_office
from pillarbox.core.feed.states import Kind, Span, StateMoved, StateTooOld
from pillarbox.core.people.address_books import HasCards
from pillarbox.core.people.contacts import CardDraft, NoSuchBook, UidTaken
from pillarbox.grammar.jscontact.card import InvalidCard
from pillarbox.model.account import Account
from pillarbox.model.contact import (
    AddressBook,
    BookId,
    CardField,
    CardId,
    CardOrder,
    CardSortKey,
    HasCardText,
    InBook,
    IsKind,
    StoredCard,
)
from pillarbox.model.errors import NotAllowed, NotFound

NAMES = st.sampled_from(["Ann", "Bob", "Cy", "Ümit"])


def draft(given: str, *books: BookId, **more: object) -> CardDraft:
    return CardDraft({"name": {"components": [{"kind": "given", "value": given}]}, **more}, frozenset(books))


class Client:
    """Keeps a copy of what it was told."""

    def __init__(self) -> None:
        self.state = 0
        self.known: set[int] = set()


class ContactMachine(RuleBasedStateMachine):
    """Whatever is done, who follows the changes has what is there, and who follows a result has the result."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.opened = open_office(Path(self.folder.name) / "data")
        self.office: Office = self.run(self.opened.__aenter__())
        self.run(self.office.mail.directory.add_domain(DOMAIN))
        (self.alice,) = self.run(self.office.add("alice"))
        self.id = self.alice.id
        self.mail = self.office.mail
        self.books: dict[BookId, str] = {book.id: book.name for book in self.run(self.mail.address_books.list(self.id))}
        self.cards: dict[CardId, tuple[str, frozenset[BookId]]] = {}
        self.clients = {Kind.CONTACT: Client(), Kind.ADDRESS_BOOK: Client()}
        self.queries = [
            (IsKind("individual"), (CardOrder(CardSortKey.GIVEN),)),
            (HasCardText(CardField.NAME, "n"), ()),
            (InBook(next(iter(self.books))), (CardOrder(CardSortKey.GIVEN, is_ascending=False),)),
        ]
        self.results = [(0, ()) for _ in self.queries]

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.opened.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    def some(self, chance: int, things):
        ordered = sorted(things)
        return ordered[chance % len(ordered)]

    @rule(given=NAMES, chance=st.integers(0, 100), both=st.booleans())
    def add_card(self, given: str, chance: int, both: bool) -> None:
        books = [self.some(chance, self.books), *([self.some(chance + 1, self.books)] if both else [])]
        (made,) = self.run(self.mail.contacts.add(self.id, {0: draft(given, *books)})).values()
        assert isinstance(made, StoredCard)
        self.cards[made.id] = (given, made.books)

    @precondition(lambda self: self.cards)
    @rule(given=NAMES, chance=st.integers(0, 100), move=st.booleans())
    def change_card(self, given: str, chance: int, move: bool) -> None:
        card_id = self.some(chance, self.cards)
        books = frozenset([self.some(chance, self.books)]) if move else self.cards[card_id][1]

        def edit(stored: StoredCard) -> CardDraft:
            return CardDraft({**stored.card, **draft(given).card}, books)

        (made,) = self.run(self.mail.contacts.change(self.id, {card_id: edit})).values()
        assert isinstance(made, StoredCard)
        self.cards[card_id] = (given, books)

    @precondition(lambda self: self.cards)
    @rule(chance=st.integers(0, 100))
    def remove_card(self, chance: int) -> None:
        card_id = self.some(chance, self.cards)
        assert self.run(self.mail.contacts.remove(self.id, [card_id])) == {card_id: None}
        del self.cards[card_id]

    @rule(name=NAMES)
    def add_book(self, name: str) -> None:
        made = self.run(self.mail.address_books.add(self.id, AddressBook(BookId(0), name)))
        self.books[made.id] = name

    @rule(name=NAMES, chance=st.integers(0, 100))
    def change_book(self, name: str, chance: int) -> None:
        book_id = self.some(chance, self.books)
        self.run(self.mail.address_books.change(self.id, book_id, lambda book: AddressBook(book.id, name)))
        self.books[book_id] = name

    @rule(chance=st.integers(0, 100))
    def choose_default(self, chance: int) -> None:
        self.run(self.mail.address_books.set_default(self.id, self.some(chance, self.books)))

    @rule(chance=st.integers(0, 100), with_cards=st.booleans())
    def remove_book(self, chance: int, with_cards: bool) -> None:
        book_id = self.some(chance, self.books)
        try:
            self.run(self.mail.address_books.remove(self.id, book_id, with_cards=with_cards))
        except NotAllowed:
            return
        except HasCards:
            assert not with_cards and any(book_id in books for _, books in self.cards.values())
            return
        del self.books[book_id]
        left = {card_id: (given, books - {book_id}) for card_id, (given, books) in self.cards.items()}
        self.cards = {card_id: one for card_id, one in left.items() if one[1]}

    @rule(kind=st.sampled_from([Kind.CONTACT, Kind.ADDRESS_BOOK]), most=st.integers(1, 3))
    def follow(self, kind: Kind, most: int) -> None:
        client = self.clients[kind]
        while True:
            changed = self.run(self.mail.contact_changes.since(self.id, kind, client.state, most))
            assert len(changed.created) + len(changed.updated) + len(changed.destroyed) <= most
            client.known |= set(changed.created)
            client.known -= set(changed.destroyed)
            client.state = changed.state
            if not changed.has_more:
                break
        assert client.known == set(self.cards if kind is Kind.CONTACT else self.books)
        assert client.state == self.run(self.mail.states.get(self.id, kind))

    @rule(number=st.integers(0, 2))
    def follow_result(self, number: int) -> None:
        """As RFC 8620 §5.6 says: take away what is removed, put in what is added, the lowest index first."""
        query, orders = self.queries[number]
        state, ids = self.results[number]
        found = self.run(self.mail.contact_queries.find(self.id, query, orders))
        changed = self.run(self.mail.contact_changes.since(self.id, Kind.CONTACT, state))
        removed = {*changed.updated, *changed.destroyed}
        came = removed | set(changed.created)
        copy = [card_id for card_id in ids if card_id not in removed]
        for index, card_id in enumerate(found.ids):
            if card_id in came:
                copy.insert(index, card_id)
        assert tuple(copy) == found.ids
        self.results[number] = (found.state, found.ids)

    @invariant()
    def all_is_there(self) -> None:
        books = self.run(self.mail.address_books.list(self.id))
        assert {book.id: book.name for book in books} == self.books
        assert sum(book.is_default for book in books) == 1
        ids = self.run(self.mail.contacts.ids(self.id, 0, 1_000))
        cards = self.run(self.mail.contacts.get(self.id, ids))
        assert {
            card_id: (card.card["name"]["components"][0]["value"], card.books) for card_id, card in cards.items()
        } == self.cards


ContactMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestContacts = ContactMachine.TestCase


# --- one by one ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def alice(office: Office) -> Account:
    return (await office.add("alice"))[0]


async def test_a_state_that_has_gone_by_stops_all_before_it_begins(office: Office, alice: Account):
    contacts, books = office.mail.contacts, office.mail.address_books
    (book,) = await books.list(alice.id)
    state = await office.mail.states.get(alice.id, Kind.CONTACT)
    await contacts.add(alice.id, {0: draft("Ann", book.id)})
    with pytest.raises(StateMoved):
        await contacts.add(alice.id, {0: draft("Bob", book.id)}, span=Span(Kind.CONTACT, state))
    with pytest.raises(StateMoved):
        await contacts.remove(alice.id, await contacts.ids(alice.id, 0, 9), span=Span(Kind.CONTACT, state))
    assert len(await contacts.ids(alice.id, 0, 9)) == 1
    span = Span(Kind.CONTACT, await office.mail.states.get(alice.id, Kind.CONTACT))
    many = {n: draft("Many", book.id) for n in range(60)}
    assert len(await contacts.add(alice.id, many, span=span)) == 60, "in three transactions"
    assert span.after == await office.mail.states.get(alice.id, Kind.CONTACT)
    with pytest.raises(StateMoved):
        await books.add(alice.id, AddressBook(BookId(0), "x"), span=Span(Kind.ADDRESS_BOOK, 1))


async def test_what_is_wrong_with_one_is_its_own_outcome(office: Office, alice: Account):
    (book,) = await office.mail.address_books.list(alice.id)
    outcomes = await office.mail.contacts.add(
        alice.id,
        {
            "right": draft("Ann", book.id, uid="u"),
            "taken": draft("Bob", book.id, uid="u"),
            "nowhere": draft("Cy"),
            "elsewhere": draft("Cy", BookId(99)),
            "wrong": draft("Cy", book.id, kind=5),
        },
    )
    kinds = {key: type(made) for key, made in outcomes.items()}
    assert kinds == {
        "right": StoredCard,
        "taken": UidTaken,
        "nowhere": NoSuchBook,
        "elsewhere": NoSuchBook,
        "wrong": InvalidCard,
    }
    assert len(await office.mail.contacts.ids(alice.id, 0, 9)) == 1


async def test_the_default_book_is_made_once(office: Office, alice: Account):
    books = office.mail.address_books
    found = await asyncio.gather(*(books.list(alice.id) for _ in range(5)))
    assert len({tuple(one) for one in found}) == 1 and len(found[0]) == 1
    with pytest.raises(NotFound):
        await books.remove(alice.id, BookId(99), with_cards=True)


async def test_no_two_cards_get_one_uid_at_the_same_time(office: Office, alice: Account):
    (book,) = await office.mail.address_books.list(alice.id)
    made = await asyncio.gather(
        *(office.mail.contacts.add(alice.id, {0: draft("Ann", book.id, uid="u")}) for _ in range(5))
    )
    assert sorted(type(one[0]).__name__ for one in made) == ["StoredCard"] + ["UidTaken"] * 4


async def test_states_that_cannot_be_gone_on_from_are_refused(office: Office, alice: Account):
    for kind in (Kind.CONTACT, Kind.ADDRESS_BOOK):
        with pytest.raises(StateTooOld):
            await office.mail.contact_changes.since(alice.id, kind, 10_000)


# --- completion ------------------------------------------------------------------------------------------------------

PEOPLE = {
    "ann": ("Ann Smith", ["ann.smith@far.test", "asmith@home.test"]),
    "smith": ("Smitty Annan", ["boss@annan.test"]),
    "jo": ("José Müller", ["jose@far.test"]),
    "nobody": ("Annegret", []),
}


@pytest.fixture
async def people(office: Office, alice: Account) -> Office:
    (book,) = await office.mail.address_books.list(alice.id)
    drafts = {}
    for key, (full, addresses) in PEOPLE.items():
        emails = {str(n): {"address": address, "pref": n + 1} for n, address in enumerate(addresses)}
        drafts[key] = CardDraft(
            {"name": {"full": full}, "emails": emails, "nicknames": {"n": {"name": f"nick{key}"}}}, frozenset([book.id])
        )
    await office.mail.contacts.add(alice.id, drafts)
    return office


SUGGESTIONS = [
    ("ann", ["ann.smith@far.test", "asmith@home.test", "boss@annan.test"]),
    ("smi", ["boss@annan.test", "ann.smith@far.test", "asmith@home.test"]),
    ("ann smi", ["ann.smith@far.test", "asmith@home.test", "boss@annan.test"]),
    ("Smith, Ann", ["ann.smith@far.test", "asmith@home.test"]),
    ("asm", ["asmith@home.test"]),
    ("ann home", ["asmith@home.test"]),
    ("ann.smith@f", ["ann.smith@far.test"]),
    ("<ann.smith@far.test>", ["ann.smith@far.test"]),
    ("MÜL", ["jose@far.test"]),
    ("nickann", ["ann.smith@far.test", "asmith@home.test"]),
    ("far", ["ann.smith@far.test", "jose@far.test"]),
    ("mith", []),
    ("", []),
    (" ,; ", []),
    ("\0", []),
]


@pytest.mark.parametrize(("text", "expected"), SUGGESTIONS)
async def test_whom_one_may_mean(people: Office, text: str, expected: list[str]):
    account = await people.account("alice")
    found = await people.mail.contacts.suggest(account.id, text, 10)
    assert [one.address for one in found] == expected
    assert await people.mail.contacts.suggest(account.id, text, 1) == found[:1]


async def test_nobody_is_told_of_the_people_of_others(people: Office):
    (bob,) = await people.add("bob")
    assert await people.mail.contacts.suggest(bob.id, "ann", 10) == []
