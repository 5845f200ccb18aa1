"""Address books (RFC 9610 §2)."""

from pathlib import Path

import pytest
from contact_site import CONTACTS, ContactSite, name
from jmap_site import CORE, MAIL, Site, open_jmap

from office import address, open_office
from pillarbox.model.contact import AddressBook, BookId
from pillarbox.model.limits import Limits

MAY = {"mayRead": True, "mayWrite": True, "mayShare": False}


@pytest.fixture
def contacts(site: Site) -> ContactSite:
    return ContactSite(site)


async def test_the_capability_says_what_an_account_may(site: Site):
    session = (await site.http.get("/.well-known/jmap", follow_redirects=True)).json()
    assert session["capabilities"][CONTACTS] == {}
    said = session["accounts"][site.id]["accountCapabilities"][CONTACTS]
    assert said == {"maxAddressBooksPerCard": None, "mayCreateAddressBook": True}
    assert session["primaryAccounts"][CONTACTS] == site.id


async def test_methods_are_unknown_without_the_capability(site: Site):
    answer = await site.post([["AddressBook/get", {"accountId": site.id}, "0"]], using=[CORE, MAIL])
    assert answer.json()["methodResponses"][0][1]["type"] == "unknownMethod"


async def test_fetching_initial_data_as_in_the_example_of_the_standard(contacts: ContactSite):
    """RFC 9610 §4.1."""
    personal = await contacts.default_book()
    autosaved = await contacts.book(name="Autosaved", sortOrder=1)
    made = await contacts.create(
        addressBookIds={personal: True},
        name=name("Joe", "Bloggs"),
        emails={"0": {"contexts": {"private": True}, "address": "joe.bloggs@example.com"}},
    )
    (_, books, _), (_, cards, _) = await contacts.calls(("AddressBook/get", {}), ("ContactCard/get", {}))
    assert books["list"] == [
        {
            "id": personal,
            "name": "Contacts",
            "description": None,
            "sortOrder": 0,
            "isDefault": True,
            "isSubscribed": True,
            "shareWith": None,
            "myRights": MAY | {"mayDelete": False},
        },
        {
            "id": autosaved,
            "name": "Autosaved",
            "description": None,
            "sortOrder": 1,
            "isDefault": False,
            "isSubscribed": True,
            "shareWith": None,
            "myRights": MAY | {"mayDelete": True},
        },
    ]
    assert books["notFound"] == []
    card = cards["list"][0]
    assert card | made == card, "what was told at the creation is what is there"
    for added in ("@type", "version", "uid", "created", "updated"):
        assert added in made
        del card[added]
    assert card == {
        "id": made["id"],
        "addressBookIds": {personal: True},
        "name": name("Joe", "Bloggs"),
        "emails": {"0": {"contexts": {"private": True}, "address": "joe.bloggs@example.com"}},
    }


async def test_changing_the_default_as_in_the_example_of_the_standard(contacts: ContactSite):
    """RFC 9610 §4.2."""
    personal = await contacts.default_book()
    autosaved = await contacts.book(name="Autosaved")
    answer = await contacts.call("AddressBook/set", onSuccessSetIsDefault=autosaved)
    assert answer["updated"][autosaved]["isDefault"] is True
    assert answer["updated"][personal]["isDefault"] is False
    assert int(answer["newState"]) > int(answer["oldState"])
    assert await contacts.default_book() == autosaved
    changed = await contacts.call("AddressBook/changes", sinceState=answer["oldState"])
    assert set(changed["updated"]) == {personal, autosaved} and changed["newState"] == answer["newState"]


async def test_a_new_book_becomes_the_default_in_the_same_call(contacts: ContactSite):
    personal = await contacts.default_book()
    answer = await contacts.call("AddressBook/set", create={"k": {"name": "Work"}}, onSuccessSetIsDefault="#k")
    made = answer["created"]["k"]
    assert made["isDefault"] is True and made["myRights"]["mayDelete"] is False
    assert answer["updated"] == {personal: {"isDefault": False, "myRights": MAY | {"mayDelete": True}}}


async def test_the_default_stays_when_the_new_one_is_unknown_or_something_failed(contacts: ContactSite):
    personal = await contacts.default_book()
    other = await contacts.book(name="Other")
    for wanted in ("b99", "x", "#none", personal):
        answer = await contacts.call("AddressBook/set", onSuccessSetIsDefault=wanted)
        assert answer["updated"] is None and answer["newState"] == answer["oldState"]
    answer = await contacts.call("AddressBook/set", destroy=["b99"], onSuccessSetIsDefault=other)
    assert answer["notDestroyed"]["b99"]["type"] == "notFound"
    assert await contacts.default_book() == personal


async def test_what_can_be_said_of_a_book(contacts: ContactSite):
    id = await contacts.book(name="Club", description="All of us", sortOrder=7, isSubscribed=False, shareWith=None)
    (found,) = (await contacts.call("AddressBook/get", ids=[id]))["list"]
    assert (found["name"], found["description"], found["sortOrder"], found["isSubscribed"]) == (
        "Club",
        "All of us",
        7,
        False,
    )
    answer = await contacts.call(
        "AddressBook/set", update={id: {"name": "The club", "description": None, "isSubscribed": True, "sortOrder": 2}}
    )
    assert answer["updated"] == {id: None}
    (found,) = (await contacts.call("AddressBook/get", ids=[id], properties=["name", "description"]))["list"]
    assert found == {"id": id, "name": "The club", "description": None}


WRONG = [
    ({}, ["name"]),
    ({"name": ""}, ["name"]),
    ({"name": 5}, ["name"]),
    ({"name": "ü" * 128}, ["name"]),
    ({"name": "a\0"}, ["name"]),
    ({"name": "a", "description": 5}, ["description"]),
    ({"name": "a", "description": "x" * 10_001}, ["description"]),
    ({"name": "a", "sortOrder": -1}, ["sortOrder"]),
    ({"name": "a", "sortOrder": 2**31}, ["sortOrder"]),
    ({"name": "a", "sortOrder": True}, ["sortOrder"]),
    ({"name": "a", "isSubscribed": None}, ["isSubscribed"]),
    ({"name": "a", "isDefault": True}, ["isDefault"]),
    ({"name": "a", "id": "b1"}, ["id"]),
    ({"name": "a", "colour": "red"}, ["colour"]),
]


@pytest.mark.parametrize(("book", "properties"), WRONG)
async def test_a_book_that_is_wrong_is_refused_and_told_why(contacts: ContactSite, book, properties):
    answer = await contacts.call("AddressBook/set", create={"k": book})
    assert answer["notCreated"]["k"]["type"] == "invalidProperties"
    assert answer["notCreated"]["k"]["properties"] == properties


async def test_a_name_may_have_255_octets(contacts: ContactSite):
    await contacts.book(name="x" * 255)


async def test_books_are_not_shared(contacts: ContactSite):
    answer = await contacts.call("AddressBook/set", create={"k": {"name": "a", "shareWith": {"p1": {"mayRead": True}}}})
    assert answer["notCreated"]["k"]["type"] == "forbidden"


async def test_updates_that_are_wrong(contacts: ContactSite):
    id = await contacts.book(name="Club")
    for patch, kind in (
        ({"name": None}, "invalidProperties"),
        ({"isDefault": True}, "invalidProperties"),
        ({"myRights/mayShare": True}, "invalidProperties"),
        ({"colour": "red"}, "invalidProperties"),
        ({"name": "x" * 256}, "invalidProperties"),
        ({"a/b": 1}, "invalidPatch"),
    ):
        answer = await contacts.call("AddressBook/set", update={id: patch})
        assert answer["notUpdated"][id]["type"] == kind, patch
    answer = await contacts.call("AddressBook/set", update={"b99": {"name": "x"}, "m1": {"name": "x"}})
    assert {one["type"] for one in answer["notUpdated"].values()} == {"notFound"}


async def test_a_book_with_cards_is_not_destroyed_unless_that_is_wanted(contacts: ContactSite):
    home, club = await contacts.default_book(), await contacts.book(name="Club")
    alone = (await contacts.create(addressBookIds={club: True}, name={"full": "Alone"}))["id"]
    both = (await contacts.create(addressBookIds={club: True, home: True}, name={"full": "Both"}))["id"]
    answer = await contacts.call("AddressBook/set", destroy=[club])
    assert answer["notDestroyed"][club]["type"] == "addressBookHasContents"
    state = (await contacts.call("ContactCard/get", ids=[]))["state"]
    answer = await contacts.call("AddressBook/set", destroy=[club], onDestroyRemoveContents=True)
    assert answer["destroyed"] == [club]
    found = await contacts.call("ContactCard/get", ids=[alone, both], properties=["addressBookIds"])
    assert found["list"] == [{"id": both, "addressBookIds": {home: True}}] and found["notFound"] == [alone]
    changed = await contacts.call("ContactCard/changes", sinceState=state)
    assert (changed["updated"], changed["destroyed"]) == ([both], [alone])


async def test_a_book_with_many_cards_goes_with_all_of_them(contacts: ContactSite):
    club = await contacts.book(name="Club")
    cards = {f"k{n}": {"addressBookIds": {club: True}, "name": {"full": str(n)}} for n in range(230)}
    assert (await contacts.call("ContactCard/set", create=cards))["notCreated"] is None
    answer = await contacts.call("AddressBook/set", destroy=[club], onDestroyRemoveContents=True)
    assert answer["destroyed"] == [club]
    assert await contacts.query() == []


async def test_the_default_book_stays_until_there_is_another_one(contacts: ContactSite):
    home = await contacts.default_book()
    answer = await contacts.call("AddressBook/set", destroy=[home])
    assert answer["notDestroyed"][home]["type"] == "forbidden"
    other = await contacts.book(name="Other")
    await contacts.call("AddressBook/set", onSuccessSetIsDefault=other)
    assert (await contacts.call("AddressBook/set", destroy=[home]))["destroyed"] == [home]


async def test_a_state_that_has_gone_by_is_a_mismatch(contacts: ContactSite):
    await contacts.book(name="One")
    answer = await contacts.call("AddressBook/set", create={"k": {"name": "Two"}})
    for wrong in (answer["oldState"], "x"):
        assert (await contacts.fail("AddressBook/set", ifInState=wrong, destroy=[]))["type"] == "stateMismatch"
    answer = await contacts.call("AddressBook/set", ifInState=answer["newState"], create={"k": {"name": "Three"}})
    assert answer["created"]


async def test_changes_of_books(contacts: ContactSite):
    home = await contacts.default_book()
    state = (await contacts.call("AddressBook/get"))["state"]
    first, second = await contacts.book(name="1"), await contacts.book(name="2")
    await contacts.call("AddressBook/set", update={home: {"name": "Home"}}, destroy=[second])
    changed = await contacts.call("AddressBook/changes", sinceState=state)
    assert (changed["created"], changed["updated"], changed["destroyed"]) == ([first], [home], [])
    changed = await contacts.call("AddressBook/changes", sinceState=state, maxChanges=1)
    assert changed["hasMoreChanges"]
    for wrong in ("999999", "x"):
        answer = await contacts.fail("AddressBook/changes", sinceState=wrong)
        assert answer["type"] == "cannotCalculateChanges"


async def test_there_is_an_end_of_books(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(address_books=2)) as office, open_jmap(office) as site:
        contacts = ContactSite(site)
        await contacts.book(name="Other")
        answer = await contacts.call("AddressBook/set", create={"k": {"name": "One more"}})
        assert answer["notCreated"]["k"]["type"] == "overQuota"


async def test_nobody_sees_the_books_of_others(contacts: ContactSite):
    bob = await contacts.mail.accounts.add(address("bob"), None)
    await contacts.mail.address_books.list(bob.id)
    theirs = await contacts.mail.address_books.add(bob.id, AddressBook(BookId(0), "Theirs"))
    id = f"b{theirs.id}"
    await contacts.default_book()
    assert (await contacts.call("AddressBook/get", ids=[id]))["notFound"] == [id]
    answer = await contacts.call("AddressBook/set", update={id: {"name": "x"}})
    assert answer["notUpdated"][id]["type"] == "notFound"
    assert (await contacts.refuse(addressBookIds={id: True}))["properties"] == ["addressBookIds"]
    answer = await contacts.fail("AddressBook/get", accountId=f"a{bob.id}")
    assert answer["type"] == "accountNotFound"
