"""Cards by what they say (RFC 9610 §3.3, §3.4)."""

import pytest
from contact_site import ContactSite, name
from jmap_site import Site

CARDS = {
    "ann": {
        "uid": "u-ann",
        "created": "2020-01-01T00:00:00Z",
        "updated": "2024-01-01T00:00:00Z",
        "name": name("Ann Marie", "O'Neil") | {"sortAs": {"surname": "Neil"}},
        "nicknames": {"n": {"name": "Annie"}},
        "emails": {"e": {"address": "ann@far.test", "label": "at home"}},
        "phones": {"p": {"number": "+49 30 123-456", "label": "desk"}},
        "notes": {"n": {"note": "met in Zürich\nlikes tea"}},
    },
    "diego": {
        "uid": "u-diego",
        "created": "2021-01-01T00:00:00Z",
        "updated": "2023-01-01T00:00:00Z",
        "name": {
            "components": [
                {"kind": "given", "value": "Diego"},
                {"kind": "surname", "value": "Rivera"},
                {"kind": "surname2", "value": "Barrientos"},
            ],
            "isOrdered": True,
        },
        "organizations": {"o": {"name": "ABC, Inc.", "units": [{"name": "Marketing"}]}},
        "onlineServices": {"x": {"service": "Mastodon", "user": "@diego", "uri": "https://far.test/@diego"}},
        "addresses": {
            "a": {"full": "5 Court Street\nNew England", "components": [{"kind": "locality", "value": "Reston"}]}
        },
        "titles": {"t": {"name": "Boss"}},
        "keywords": {"painter": True},
    },
    "group": {
        "uid": "u-group",
        "created": "2022-01-01T00:00:00Z",
        "updated": "2022-01-01T00:00:00Z",
        "kind": "group",
        "name": {"full": "The Doe family"},
        "members": {"u-ann": True, "gone": True},
    },
}


@pytest.fixture
async def contacts(site: Site) -> ContactSite:
    made = ContactSite(site)
    answer = await made.call("ContactCard/set", create=CARDS)
    assert answer["notCreated"] is None, answer
    made.names = {one["id"]: key for key, one in answer["created"].items()}
    return made


async def found(contacts: ContactSite, filter: dict | None, **more: object) -> list[str]:
    return [contacts.names[id] for id in await contacts.query(filter, **more)]


FILTERS = [
    (None, "ann diego group"),
    ({}, "ann diego group"),
    ({"uid": "u-ann"}, "ann"),
    ({"uid": "U-ANN"}, ""),
    ({"uid": "a\0"}, ""),
    ({"hasMember": "u-ann"}, "group"),
    ({"hasMember": "gone"}, "group"),
    ({"hasMember": "u-diego\0"}, ""),
    ({"kind": "group"}, "group"),
    ({"kind": "individual"}, "ann diego"),
    ({"kind": "Group\0"}, ""),
    ({"createdBefore": "2021-01-01T00:00:00Z"}, "ann"),
    ({"createdAfter": "2021-01-01T00:00:00Z"}, "diego group"),
    ({"updatedBefore": "2023-01-01T00:00:00Z"}, "group"),
    ({"updatedAfter": "2023-01-01T00:00:00Z", "createdBefore": "2021-01-01T00:00:00Z"}, "ann"),
    ({"text": "zürich"}, "ann"),
    ({"text": "ZÜRICH tea"}, "ann"),
    ({"text": "painter"}, "diego"),
    ({"text": "marketing boss"}, "diego"),
    ({"text": '"likes tea"'}, "ann"),
    ({"text": '"tea likes"'}, ""),
    ({"text": '"Zürich likes"'}, "ann"),
    ({"text": '"likes tea ann"'}, ""),
    ({"text": "'met in'"}, "ann"),
    ({"text": ""}, "ann diego group"),
    ({"name": "marie"}, "ann"),
    ({"name": "doe FAMILY"}, "group"),
    ({"name": '"ann marie o\'neil"'}, "ann"),
    ({"name/given": "ann"}, "ann"),
    ({"name/given": "neil"}, ""),
    ({"name/surname": "rivera"}, "diego"),
    ({"name/surname2": "barr"}, "diego"),
    ({"nickname": "annie"}, "ann"),
    ({"organization": "abc,"}, "diego"),
    ({"organization": "marketing"}, ""),
    ({"email": "far.test"}, "ann"),
    ({"email": "home"}, "ann"),
    ({"phone": "123-456"}, "ann"),
    ({"phone": "4930123456"}, "ann"),
    ({"phone": "desk"}, "ann"),
    ({"onlineService": "mastodon"}, "diego"),
    ({"onlineService": "@diego"}, "diego"),
    ({"address": "court"}, "diego"),
    ({"address": "reston"}, "diego"),
    ({"note": "tea"}, "ann"),
    ({"inAddressBook": "b99"}, ""),
    ({"inAddressBook": "x"}, ""),
    ({"operator": "NOT", "conditions": [{"kind": "group"}]}, "ann diego"),
    ({"operator": "OR", "conditions": [{"uid": "u-ann"}, {"uid": "u-diego"}]}, "ann diego"),
    ({"operator": "OR", "conditions": []}, ""),
    ({"operator": "AND", "conditions": []}, "ann diego group"),
    ({"operator": "AND", "conditions": [{"kind": "individual"}, {"text": "a"}, {"name": "diego"}]}, "diego"),
    ({"operator": "AND", "conditions": [{"uid": "none"}, {"text": "a"}]}, ""),
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS, ids=str)
async def test_filters(contacts: ContactSite, filter, expected):
    assert await found(contacts, filter) == expected.split()


SORTS = [
    ([{"property": "created", "isAscending": False}], "group diego ann"),
    ([{"property": "updated"}], "group diego ann"),
    ([{"property": "name/given"}], "group ann diego"),
    ([{"property": "name/surname", "isAscending": False}], "diego ann group"),
    ([{"property": "name/surname2"}, {"property": "updated"}], "group ann diego"),
    ([{"property": "name/surname", "collation": "i;unicode-casemap"}], "group ann diego"),
    ([], "ann diego group"),
]


@pytest.mark.parametrize(("sort", "expected"), SORTS, ids=str)
async def test_sorts(contacts: ContactSite, sort, expected):
    assert await found(contacts, None, sort=sort) == expected.split()


async def test_windows(contacts: ContactSite):
    answer = await contacts.call("ContactCard/query", position=1, limit=1, calculateTotal=True)
    assert [contacts.names[id] for id in answer["ids"]] == ["diego"] and answer["total"] == 3
    assert answer["canCalculateChanges"] is True
    ids = await contacts.query()
    assert await contacts.query(anchor=ids[2], anchorOffset=-1) == ids[1:]
    assert (await contacts.fail("ContactCard/query", anchor="c99"))["type"] == "anchorNotFound"


async def test_what_cannot_be_looked_for_is_refused(contacts: ContactSite):
    for filter, kind in (
        ({"colour": "red"}, "unsupportedFilter"),
        ({"uid": 5}, "invalidArguments"),
        ({"text": ["a"]}, "invalidArguments"),
        ({"inAddressBook": 5}, "invalidArguments"),
        ({"createdBefore": "yesterday"}, "invalidArguments"),
        ({"operator": "XOR", "conditions": []}, "invalidArguments"),
        ({"text": " ".join(["a"] * 201)}, "unsupportedFilter"),
    ):
        assert (await contacts.fail("ContactCard/query", filter=filter))["type"] == kind, filter
    for sort, kind in (
        ([{"property": "colour"}], "unsupportedSort"),
        ([{"property": "created", "collation": "x"}], "unsupportedSort"),
        ([{"property": "created"}] * 21, "unsupportedSort"),
        ([{"property": "created", "isAscending": 1}], "invalidArguments"),
        (["created"], "invalidArguments"),
    ):
        assert (await contacts.fail("ContactCard/query", sort=sort))["type"] == kind, sort


async def test_changes_of_a_result(contacts: ContactSite):
    ids = {key: id for id, key in contacts.names.items()}
    filter = {"kind": "individual"}
    state = (await contacts.call("ContactCard/query", filter=filter))["queryState"]
    await contacts.update(ids["ann"], {"kind": "org"})
    await contacts.call("ContactCard/set", destroy=[ids["diego"]])
    new = (await contacts.create(name={"full": "New"}))["id"]
    answer = await contacts.call("ContactCard/queryChanges", filter=filter, sinceQueryState=state, calculateTotal=True)
    assert set(answer["removed"]) == {ids["ann"], ids["diego"]}
    assert answer["added"] == [{"id": new, "index": 0}] and answer["total"] == 1
    answer = await contacts.fail("ContactCard/queryChanges", filter=filter, sinceQueryState="99999")
    assert answer["type"] == "cannotCalculateChanges"
    answer = await contacts.fail("ContactCard/queryChanges", filter=filter, sinceQueryState=state, maxChanges=1)
    assert answer["type"] == "tooManyChanges"


async def test_a_card_that_comes_into_a_book_comes_into_its_result(contacts: ContactSite):
    ids = {key: id for id, key in contacts.names.items()}
    club = await contacts.book(name="Club")
    filter = {"inAddressBook": club}
    state = (await contacts.call("ContactCard/query", filter=filter))["queryState"]
    await contacts.update(ids["ann"], {f"addressBookIds/{club}": True})
    answer = await contacts.call("ContactCard/queryChanges", filter=filter, sinceQueryState=state)
    assert answer["added"] == [{"id": ids["ann"], "index": 0}]
