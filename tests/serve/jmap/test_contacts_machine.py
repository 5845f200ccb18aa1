"""Address books and cards at random, by JMAP and from files: every client is told what is so.

After each step: what a JMAP client made of /changes is what it would get anew, word by word; what it made of
/queryChanges is what it would find, whether it keeps a whole result or its beginning; a state is another one if and
only if something is different; what an event source says are these states. A second client asks now and then, and for
little at once. Both believe the answers to what they set themselves; a third only sets.
The core's own machine (test_core_contacts) compares with a model; here it is what clients are told.

Standards: RFC 8620 §5.1, §5.2, §5.3, §5.6, §7.1; RFC 9610 §2, §3.
"""

import asyncio
import base64
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from contact_site import CONTACTS, ContactSite, name
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from jmap_site import CORE, Site, open_jmap
from machine import SHORT, ClientsMachine
from object_copy import DataType, Json, ObjectCopy
from three_clients import ThreeClients

from office import open_office

DAY = 86_400
USING = (CORE, CONTACTS)
UIDS = ("u-1", "u-2", "u-3", "u-4")
NAMES = ("Ann", "Bob", "ann", "Ümit")
IMAGE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()
NUMBER = st.integers(0, 9)
NUMBERS = st.lists(NUMBER, min_size=1, max_size=3, unique=True)
NAME = st.sampled_from(NAMES)
SPANS = (60, 3_600, 2 * DAY, 31 * DAY)
CARD = st.fixed_dictionaries(
    {"name": st.builds(name, NAME, st.sampled_from(("Neil", "Rivera")))},
    optional={
        "uid": st.sampled_from(UIDS),
        "kind": st.sampled_from(("individual", "org")),
        "updated": st.sampled_from(("2024-01-01T00:00:00Z", "2026-12-01T00:00:00Z")),
        "emails": st.builds(lambda who: {"e": {"address": f"{who}@far.test"}}, st.sampled_from(("ann", "bob"))),
        "notes": st.just({"n": {"note": "likes tea"}}),
        "media": st.just({"p": {"kind": "photo", "uri": IMAGE}}),
    },
)
GROUP = st.builds(
    lambda uid, members: {"uid": uid, "kind": "group", "name": {"full": uid}, "members": dict.fromkeys(members, True)},
    st.sampled_from(UIDS),
    st.lists(st.sampled_from(UIDS), max_size=2),
)
PATCH = st.fixed_dictionaries(
    {},
    optional={
        "name": st.builds(name, NAME, st.just("Neil")),
        "kind": st.sampled_from(("individual", "org", None)),
        "uid": st.sampled_from(UIDS),
        "emails": st.none() | st.just({"e": {"address": "eve@other.test"}}),
        "notes/n": st.none() | st.just({"note": "likes coffee"}),
        "nicknames": st.none() | st.just({"n": {"name": "Annie"}}),
        "updated": st.sampled_from(("2024-01-01T00:00:00Z", "2026-12-01T00:00:00Z")),
        "media": st.none() | st.just({"p": {"kind": "photo", "uri": IMAGE}}),
    },
)
BOOK = st.fixed_dictionaries(
    {},
    optional={
        "name": NAME,
        "description": st.sampled_from((None, "", "all of them")),
        "sortOrder": st.integers(0, 2),
        "isSubscribed": st.booleans(),
    },
)


def card_queries(first: str, second: str) -> tuple[Json, ...]:
    """Filters and sorts of each kind, of two address books."""
    given, surname = {"property": "name/given"}, {"property": "name/surname", "isAscending": False}
    newest = {"property": "updated", "isAscending": False}
    neither = {"operator": "NOT", "conditions": [{"inAddressBook": first}, {"inAddressBook": second}]}
    either = {"operator": "OR", "conditions": [{"email": "eve"}, {"nickname": "annie"}, {"note": "tea"}]}
    return (
        {},
        {"sort": [given, newest]},
        {"sort": [newest, surname]},
        {"sort": [{"property": "created"}], "filter": {"kind": "individual"}},
        {"filter": {"inAddressBook": first}, "sort": [surname, given]},
        {"filter": {"inAddressBook": second, "text": "ann"}},
        {"filter": neither, "sort": [given]},
        {"filter": either},
        {"filter": {"hasMember": "u-1"}},
        {"filter": {"uid": "u-1"}},
        {"filter": {"updatedAfter": "2025-01-01T00:00:00Z", "createdBefore": "2026-11-24T11:00:00Z"}, "sort": [newest]},
    )


class World:
    """The account, and its clients."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-contacts-"))
        self.stack = AsyncExitStack()
        self.site: Site
        self.clients: ThreeClients

    async def open(self) -> None:
        office = await self.stack.enter_async_context(open_office(self.folder / "data"))
        self.site = await self.stack.enter_async_context(open_jmap(office))
        probe = ObjectCopy(self.site, [DataType("AddressBook")], USING)
        await probe.ask(("AddressBook/set", {"create": {"k": {"name": "Second"}}}))
        await probe.read()
        books = sorted(probe.objects["AddressBook"])
        cards = DataType("ContactCard", card_queries(*books), leaves_out=True)
        self.clients = ThreeClients(self.site, (DataType("AddressBook"), cards), USING)
        await self.clients.open()

    async def bring(self, uid: str, given: str) -> None:
        """The operator reads a file into the default book."""
        octets = f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{uid}\r\nFN:{given}\r\nEND:VCARD\r\n".encode()
        files = self.site.mail.card_files
        await files.bring(self.site.account.id, octets * 2, (await files.find_book(self.site.account.id, None)).id)

    async def close(self) -> None:
        await self.stack.aclose()
        shutil.rmtree(self.folder)


class ContactsMachine(ClientsMachine):
    """What anybody may do."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize()
    def open(self) -> None:
        self.run(self.world.open())
        self.is_open = True

    def some(self, type: str, numbers: list[int]) -> list[str]:
        """Ids of some that the first client knows."""
        known = sorted(self.known(type))
        return list(dict.fromkeys(known[number % len(known)] for number in numbers)) if known else []

    # --- cards -------------------------------------------------------------------------------------------------------

    @rule(cards=st.lists(CARD | GROUP, min_size=1, max_size=3), books=NUMBERS)
    def add_cards(self, cards: list[Json], books: list[int]) -> None:
        where = dict.fromkeys(self.some("AddressBook", books), True)
        self.set("ContactCard", create={f"k{n}": {**card, "addressBookIds": where} for n, card in enumerate(cards)})

    @precondition(lambda self: self.known("ContactCard"))
    @rule(numbers=NUMBERS, patch=PATCH)
    def change_cards(self, numbers: list[int], patch: Json) -> None:
        self.set("ContactCard", update=dict.fromkeys(self.some("ContactCard", numbers), patch))

    @precondition(lambda self: self.known("ContactCard"))
    @rule(numbers=NUMBERS, come=NUMBER, go=st.none() | NUMBER)
    def move_cards(self, numbers: list[int], come: int, go: int | None) -> None:
        patch: Json = {f"addressBookIds/{book}": True for book in self.some("AddressBook", [come])}
        if go is not None:
            patch.update((f"addressBookIds/{book}", None) for book in self.some("AddressBook", [go]))
        self.set("ContactCard", update=dict.fromkeys(self.some("ContactCard", numbers), patch))

    @precondition(lambda self: self.known("ContactCard"))
    @rule(numbers=NUMBERS)
    def destroy_cards(self, numbers: list[int]) -> None:
        self.set("ContactCard", destroy=self.some("ContactCard", numbers))

    @precondition(lambda self: self.known("ContactCard"))
    @rule(card=CARD, numbers=NUMBERS, patch=PATCH)
    def do_all_at_once(self, card: Json, numbers: list[int], patch: Json) -> None:
        """After a state that is right."""
        update, destroy = self.some("ContactCard", numbers[:1]), self.some("ContactCard", numbers)
        state = self.known_state("ContactCard")
        self.set("ContactCard", ifInState=state, create={"k": card}, update={update[0]: patch}, destroy=destroy[1:])

    def known_state(self, type: str) -> str:
        return self.clients.now.states[type]

    @rule(uid=st.sampled_from(UIDS), given=NAME)
    def bring(self, uid: str, given: str) -> None:
        self.run(self.world.bring(uid, given))

    # --- address books -----------------------------------------------------------------------------------------------

    @rule(book=BOOK, is_default=st.booleans())
    def add_book(self, book: Json, is_default: bool) -> None:
        more = {"onSuccessSetIsDefault": "#k"} if is_default else {}
        self.set("AddressBook", create={"k": {"name": "More", **book}}, **more)

    @rule(number=NUMBER, book=BOOK, default=st.none() | NUMBER)
    def change_book(self, number: int, book: Json, default: int | None) -> None:
        more = {} if default is None else {"onSuccessSetIsDefault": self.some("AddressBook", [default])[0]}
        self.set("AddressBook", update=dict.fromkeys(self.some("AddressBook", [number]), book), **more)

    @rule(numbers=NUMBERS, with_cards=st.booleans())
    def destroy_books(self, numbers: list[int], with_cards: bool) -> None:
        self.set("AddressBook", destroy=self.some("AddressBook", numbers), onDestroyRemoveContents=with_cards)

    @rule(number=NUMBER)
    def act_on_what_was(self, number: int) -> None:
        """A state that has gone by stops everything, and none else does."""
        for type, patch in (("AddressBook", {"sortOrder": 3}), ("ContactCard", {"nicknames": None})):
            state, is_state = self.clients.late.states[type], self.known_state(type)
            answer = self.set(type, ifInState=state, update=dict.fromkeys(self.some(type, [number]), patch))
            assert answer.get("error") == (None if state == is_state else "stateMismatch")

    @rule(seconds=st.sampled_from(SPANS))
    def time_passes(self, seconds: int) -> None:
        """Old changes are forgotten after a month: a state may be too old then."""
        self.world.site.office.clock.advance(seconds)
        if seconds > 30 * DAY:
            self.run(self.clients.sweep())


TestContactsMachine = ContactsMachine.TestCase
TestContactsMachine.settings = SHORT


# --- what belongs to several clients at the same moment --------------------------------------------------------------


async def test_what_others_do_before_the_default_changes_is_not_between_the_states(site: Site):
    """A book is made, others make some, and then the first becomes the default: whoever knows the state before all that
    is not told that it knows the state after."""
    contacts = ContactSite(site)

    async def make(name: str, **more: object) -> Json:
        return await contacts.call("AddressBook/set", create={"k": {"name": name}}, **more)

    mine, *others = await asyncio.gather(
        make("mine", onSuccessSetIsDefault="#k"), *(make(f"another {number}") for number in range(7))
    )
    changes = await contacts.call("AddressBook/changes", sinceState=mine["oldState"])
    before = {other["created"]["k"]["id"] for other in others if int(other["newState"]) <= int(mine["newState"])}
    assert before and before.isdisjoint(changes["created"])
