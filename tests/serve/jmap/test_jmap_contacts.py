"""Cards: read, made, changed, removed (RFC 9610 §3)."""

import base64
import re
from pathlib import Path

import pytest
from contact_site import ContactSite, name
from jmap_site import Site, open_jmap

from office import address, open_office
from pillarbox.core.people.contacts import CardDraft
from pillarbox.model.contact import BookId
from pillarbox.model.limits import Limits

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def contacts(site: Site) -> ContactSite:
    return ContactSite(site)


# --- making ----------------------------------------------------------------------------------------------------------


async def test_what_a_new_card_does_not_say_is_added_and_told(contacts: ContactSite):
    made = await contacts.create(name=name("Vincent", "van Gogh"))
    assert set(made) == {"id", "@type", "version", "uid", "created", "updated", "addressBookIds"}
    assert made["addressBookIds"] == {await contacts.default_book(): True}
    assert made["uid"].startswith("urn:uuid:") and MOMENT.fullmatch(made["created"])
    made = await contacts.create(
        **{
            "@type": "Card",
            "version": "1.0",
            "uid": "u1",
            "created": "2001-02-03T04:05:06Z",
            "updated": "2002-02-03T04:05:06Z",
        },
        addressBookIds={await contacts.default_book(): True},
    )
    assert set(made) == {"id"}
    assert (await contacts.card(made["id"]))["created"] == "2001-02-03T04:05:06Z"


async def test_what_we_do_not_know_is_kept_as_it_came(contacts: ContactSite):
    more = {"example.com:foo": {"bar": [1, 2.5, None]}, "someUnknownProperty": True}
    made = await contacts.create(name={"full": "X", "example.com:x": "y"}, **more)
    card = await contacts.card(made["id"], "example.com:foo", "someUnknownProperty", "name")
    assert card == {"id": made["id"], "name": {"full": "X", "example.com:x": "y"}, **more}


WRONG = [
    ({"emails": {"e": {"address": "no address"}}}, ["emails/e/address"]),
    ({"emails": {"e": {}}, "phones": {"a b": {"number": "1"}}}, ["emails/e/address", "phones/a b"]),
    ({"name": {"components": []}}, ["name/components"]),
    ({"Name": {"full": "X"}}, ["Name"]),
    ({"extra": 1}, ["extra"]),
    ({"members": {"u": True}}, ["members"]),
    ({"version": "7.0"}, ["version"]),
    ({"id": "c1"}, ["id"]),
    ({"uid": ""}, ["uid"]),
    ({"addressBookIds": {}}, ["addressBookIds"]),
    ({"addressBookIds": {"b7": False}}, ["addressBookIds"]),
    ({"addressBookIds": {"b99": True}}, ["addressBookIds"]),
    ({"addressBookIds": ["b7"]}, ["addressBookIds"]),
    ({"addressBookIds": {"#none": True}}, ["addressBookIds"]),
]


@pytest.mark.parametrize(("card", "properties"), WRONG)
async def test_a_card_that_is_wrong_is_refused_and_told_where(contacts: ContactSite, card, properties):
    problem = await contacts.refuse(**card)
    assert problem["type"] == "invalidProperties"
    assert problem["properties"] == properties


async def test_one_that_is_wrong_is_in_nobody_s_way(contacts: ContactSite):
    cards = {"a": {"name": {"full": "A"}}, "b": {"name": {}}, "c": {"name": {"full": "C"}}}
    answer = await contacts.call("ContactCard/set", create=cards)
    assert set(answer["created"]) == {"a", "c"} and set(answer["notCreated"]) == {"b"}
    assert len(await contacts.query()) == 2


async def test_there_is_one_card_of_a_uid(contacts: ContactSite):
    first = await contacts.create(uid="u1")
    assert (await contacts.refuse(uid="u1"))["properties"] == ["uid"]
    second = await contacts.create(uid="u2")
    _, problem = await contacts.update(second["id"], {"uid": "u1"})
    assert problem["type"] == "invalidProperties" and problem["properties"] == ["uid"]
    assert (await contacts.update(first["id"], {"uid": "u3"}))[1] is None
    await contacts.create(uid="u1")


async def test_a_book_of_the_same_request_is_named_by_its_creation_id(contacts: ContactSite):
    (_, books, _), (_, cards, _) = await contacts.calls(
        ("AddressBook/set", {"create": {"new": {"name": "New"}}}),
        ("ContactCard/set", {"create": {"k": {"addressBookIds": {"#new": True}, "name": {"full": "X"}}}}),
    )
    book = books["created"]["new"]["id"]
    assert cards["created"]["k"]["addressBookIds"] == {book: True}
    assert await contacts.query({"inAddressBook": book}) == [cards["created"]["k"]["id"]]


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_get_gives_what_a_card_says_of_what_is_asked(contacts: ContactSite):
    id = (await contacts.create(name=name("A", "B"), kind="org"))["id"]
    assert await contacts.card(id, "kind", "emails") == {"id": id, "kind": "org"}
    answer = await contacts.call("ContactCard/get", ids=[id, id, "c99", "x"])
    assert len(answer["list"]) == 1 and answer["notFound"] == ["c99", "x"]
    answer = await contacts.fail("ContactCard/get", ids=[id], properties=["no/property"])
    assert answer["type"] == "invalidArguments"


async def test_more_than_fit_in_an_answer_are_too_many(tmp_path: Path):
    async with open_office(tmp_path / "data", limits=Limits(jmap_objects=2)) as office, open_jmap(office) as site:
        contacts = ContactSite(site)
        for number in range(3):
            assert len((await contacts.call("ContactCard/get"))["list"]) == number
            await contacts.create(name={"full": str(number)})
        assert (await contacts.fail("ContactCard/get"))["type"] == "requestTooLarge"


# --- changing --------------------------------------------------------------------------------------------------------


async def test_a_change_is_dated_and_told(contacts: ContactSite):
    made = await contacts.create(name=name("A", "B"), emails={"e": {"address": "a@far.test"}})
    contacts.office.clock.advance(60)
    more, problem = await contacts.update(
        made["id"], {"emails/e/pref": 1, "name": {"full": "AB"}, "kind": "individual"}
    )
    assert problem is None
    card = await contacts.card(made["id"])
    assert more == {"updated": card["updated"]} and card["updated"] > made["updated"]
    assert card["created"] == made["created"]
    assert card["emails"] == {"e": {"address": "a@far.test", "pref": 1}} and card["name"] == {"full": "AB"}
    assert (await contacts.update(made["id"], {"emails": None}))[1] is None
    assert "emails" not in await contacts.card(made["id"])


async def test_a_change_that_says_when_it_was_is_believed(contacts: ContactSite):
    id = (await contacts.create(name=name("A", "B")))["id"]
    more, _ = await contacts.update(id, {"kind": "org", "updated": "2003-01-01T00:00:00Z"})
    assert more is None
    assert (await contacts.card(id))["updated"] == "2003-01-01T00:00:00Z"


async def test_a_change_of_nothing_changes_nothing(contacts: ContactSite):
    id = (await contacts.create(name=name("A", "B")))["id"]
    state = (await contacts.call("ContactCard/get", ids=[]))["state"]
    answer = await contacts.call("ContactCard/set", update={id: {"name": name("A", "B")}})
    assert answer["updated"] == {id: None} and answer["newState"] == state


async def test_cards_move_between_books(contacts: ContactSite):
    home, club = await contacts.default_book(), await contacts.book(name="Club")
    made = await contacts.create(name=name("A", "B"))
    contacts.office.clock.advance(60)
    assert await contacts.update(made["id"], {f"addressBookIds/{club}": True}) == (None, None)
    card = await contacts.card(made["id"])
    assert card["addressBookIds"] == {home: True, club: True}
    assert card["updated"] == made["updated"], "the card itself says what it said"
    assert await contacts.update(made["id"], {"addressBookIds": {club: True}}) == (None, None)
    assert await contacts.query({"inAddressBook": home}) == []
    _, problem = await contacts.update(made["id"], {f"addressBookIds/{club}": None})
    assert problem["properties"] == ["addressBookIds"], "a card is in one book at least"


async def test_updates_that_are_wrong(contacts: ContactSite):
    id = (await contacts.create(name=name("A", "B")))["id"]
    for patch, kind, properties in (
        ({"name/components/0/value": "C"}, "invalidPatch", None),
        ({"emails/e/address": "a@b"}, "invalidPatch", None),
        ({"name/x": 1, "name": {"full": "A"}}, "invalidPatch", None),
        ({"id": "c99"}, "invalidProperties", ["id"]),
        ({"uid": None}, "invalidProperties", ["uid"]),
        ({"version": None}, "invalidProperties", ["version"]),
        ({"name": "X"}, "invalidProperties", ["name"]),
        ({"addressBookIds": None}, "invalidProperties", ["addressBookIds"]),
    ):
        _, problem = await contacts.update(id, patch)
        assert (problem["type"], problem.get("properties")) == (kind, properties), patch
    for unknown in ("c99", "m1", "x"):
        assert (await contacts.update(unknown, {"kind": "org"}))[1]["type"] == "notFound"


async def test_removing(contacts: ContactSite):
    ids = [(await contacts.create(name={"full": str(n)}))["id"] for n in range(3)]
    answer = await contacts.call("ContactCard/set", destroy=[ids[0], "c99", "x"])
    assert answer["destroyed"] == [ids[0]]
    assert {id: one["type"] for id, one in answer["notDestroyed"].items()} == {"c99": "notFound", "x": "notFound"}
    assert await contacts.query() == ids[1:]


async def test_a_state_that_has_gone_by_is_a_mismatch(contacts: ContactSite):
    id = (await contacts.create(name=name("A", "B")))["id"]
    state = (await contacts.call("ContactCard/get", ids=[]))["state"]
    answer = await contacts.call("ContactCard/set", ifInState=state, update={id: {"kind": "org"}})
    assert answer["oldState"] == state and answer["newState"] != state
    for wrong in (state, "x", "99999"):
        assert (await contacts.fail("ContactCard/set", ifInState=wrong, destroy=[id]))["type"] == "stateMismatch"
    assert await contacts.query() == [id]


async def test_there_is_nothing_to_copy_from(contacts: ContactSite):
    answer = await contacts.fail("ContactCard/copy", fromAccountId="a99", create={})
    assert answer["type"] == "fromAccountNotFound"
    answer = await contacts.fail("ContactCard/copy", fromAccountId=contacts.id, create={})
    assert answer["type"] == "invalidArguments"


async def test_changes_of_cards(contacts: ContactSite):
    first = (await contacts.create(name={"full": "1"}))["id"]
    state = (await contacts.call("ContactCard/get", ids=[]))["state"]
    second = (await contacts.create(name={"full": "2"}))["id"]
    third = (await contacts.create(name={"full": "3"}))["id"]
    await contacts.update(first, {"kind": "org"})
    await contacts.call("ContactCard/set", destroy=[third])
    changed = await contacts.call("ContactCard/changes", sinceState=state)
    assert (changed["created"], changed["updated"], changed["destroyed"]) == ([second], [first], [])
    assert changed["newState"] == (await contacts.call("ContactCard/get", ids=[]))["state"]
    answer = await contacts.fail("ContactCard/changes", sinceState="99999")
    assert answer["type"] == "cannotCalculateChanges"


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_bounds_of_cards(tmp_path: Path):
    limits = Limits(cards=2, card_octets=1_000)
    async with open_office(tmp_path / "data", limits=limits) as office, open_jmap(office) as site:
        contacts = ContactSite(site)
        assert (await contacts.refuse(notes={"n": {"note": "x" * 1_000}}))["type"] == "tooLarge"
        cards = {str(n): {"name": {"full": str(n)}} for n in range(4)}
        answer = await contacts.call("ContactCard/set", create=cards)
        assert set(answer["created"]) == {"0", "1"}
        assert {one["type"] for one in answer["notCreated"].values()} == {"overQuota"}


# --- media -----------------------------------------------------------------------------------------------------------


async def test_a_photograph_that_was_uploaded_stays_with_its_card(contacts: ContactSite):
    blob = await contacts.upload(PNG)
    made = await contacts.create(media={"p": {"kind": "photo", "blobId": blob}})
    assert made["media"] == {"p": {"kind": "photo", "blobId": blob, "mediaType": "image/png"}}
    contacts.office.clock.advance(10 * 86_400)
    await contacts.mail.housekeeping.sweep()
    assert await contacts.download(blob) == (200, PNG)
    assert (await contacts.card(made["id"]))["media"] == made["media"]
    await contacts.call("ContactCard/set", destroy=[made["id"]])
    assert (await contacts.download(blob))[0] == 404
    contacts.office.clock.advance(10 * 86_400)
    await contacts.mail.housekeeping.sweep()
    assert await held(contacts) == []


async def held(contacts: ContactSite) -> list:
    account_id = contacts.site.account.id
    return await contacts.office.database.all(
        account_id,
        "select blob from blob_ref where account_id = $1 union select blob from content where account_id = $1",
        account_id,
    )


async def test_a_data_uri_becomes_a_blob(contacts: ContactSite):
    uri = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    made = await contacts.create(media={"p": {"kind": "photo", "uri": uri, "label": "me"}})
    medium = made["media"]["p"]
    assert set(medium) == {"kind", "blobId", "mediaType", "label"} and medium["mediaType"] == "image/jpeg"
    assert await contacts.download(medium["blobId"]) == (200, JPEG)
    other = await contacts.create(media={"s": {"kind": "sound", "uri": "data:audio/ogg,abc%20d"}})
    assert other["media"]["s"]["mediaType"] == "audio/ogg"
    assert await contacts.download(other["media"]["s"]["blobId"]) == (200, b"abc d")


async def test_a_large_photograph_is_a_file(contacts: ContactSite):
    large = PNG + bytes(range(256)) * 400
    made = await contacts.create(media={"p": {"kind": "photo", "blobId": await contacts.upload(large)}})
    assert await contacts.download(made["media"]["p"]["blobId"]) == (200, large)


async def test_a_part_of_a_message_can_be_a_photograph(contacts: ContactSite):
    encoded = base64.encodebytes(PNG)
    email = await contacts.site.put(
        b"MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
    )
    made = await contacts.create(media={"p": {"kind": "photo", "blobId": f"B{email[1:]}_1"}})
    assert made["media"]["p"]["blobId"].startswith("U")
    assert await contacts.download(made["media"]["p"]["blobId"]) == (200, PNG)


async def test_a_photograph_is_an_image(contacts: ContactSite):
    text = await contacts.upload(b"<svg onload='x'/>")
    for medium in (
        {"kind": "photo", "blobId": text},
        {"kind": "photo", "uri": "data:image/png,no%20image"},
        {"kind": "photo", "blobId": "U" + "0" * 64},
        {"kind": "photo", "blobId": "x"},
        {"kind": "photo", "blobId": 5},
        {"kind": "photo", "blobId": text, "uri": "https://far.test/x"},
        {"kind": "sound", "uri": "data:text/plain;base64,###"},
        {"kind": "sound", "uri": "data:text/plain"},
    ):
        problem = await contacts.refuse(media={"p": medium})
        assert problem["type"] == "invalidProperties" and problem["properties"] == ["media/p"], medium
    made = await contacts.create(media={"p": {"kind": "logo", "blobId": text, "mediaType": "image/png"}})
    _, problem = await contacts.update(made["id"], {"media/p/kind": "photo"})
    assert problem["properties"] == ["media/p"]


async def test_media_change_with_their_card(contacts: ContactSite):
    first, second = await contacts.upload(PNG), await contacts.upload(JPEG)
    id = (await contacts.create(media={"p": {"kind": "photo", "blobId": first}}))["id"]
    more, _ = await contacts.update(id, {"media/p/label": "me"})
    assert not more or "media" not in more
    more, _ = await contacts.update(id, {"media/p/blobId": second, "media/p/mediaType": None})
    assert more["media"] == {"p": {"kind": "photo", "blobId": second, "mediaType": "image/jpeg", "label": "me"}}
    contacts.office.clock.advance(2 * 86_400)
    assert (await contacts.download(first))[0] == 404
    assert await contacts.download(second) == (200, JPEG)
    more, problem = await contacts.update(id, {"media/p/blobId": None})
    assert problem["properties"] == ["media/p/uri"], "it would be a medium of nothing"
    assert (await contacts.update(id, {"media": None}))[1] is None
    assert (await contacts.download(second))[0] == 404


async def test_two_cards_can_have_one_photograph(contacts: ContactSite):
    blob = await contacts.upload(PNG)
    medium = {"p": {"kind": "photo", "blobId": blob}, "l": {"kind": "logo", "blobId": blob}}
    first, second = [(await contacts.create(media=medium))["id"] for _ in range(2)]
    contacts.office.clock.advance(2 * 86_400)
    await contacts.create(media=medium)
    await contacts.call("ContactCard/set", destroy=[first])
    assert (await contacts.download(blob))[0] == 200
    assert set((await contacts.card(second))["media"]) == {"p", "l"}


async def test_bounds_of_media(tmp_path: Path):
    limits = Limits(card_medium_octets=100, card_media_octets=120)
    async with open_office(tmp_path / "data", limits=limits) as office, open_jmap(office) as site:
        contacts = ContactSite(site)
        large = await contacts.upload(PNG + b"x" * 100)
        assert (await contacts.refuse(media={"p": {"kind": "photo", "blobId": large}}))["type"] == "tooLarge"
        uri = "data:audio/ogg," + "x" * 101
        assert (await contacts.refuse(media={"p": {"kind": "sound", "uri": uri}}))["type"] == "tooLarge"
        blobs = [await contacts.upload(PNG + bytes([n])) for n in range(3)]
        for blob in blobs[:2]:
            await contacts.create(media={"p": {"kind": "photo", "blobId": blob}})
        assert (await contacts.refuse(media={"p": {"kind": "photo", "blobId": blobs[2]}}))["type"] == "overQuota"
        many = {str(n): {"kind": "sound", "uri": f"data:,{n}"} for n in range(21)}
        assert (await contacts.refuse(media=many))["properties"] == ["media"]


# --- others ----------------------------------------------------------------------------------------------------------


async def test_nobody_sees_the_cards_of_others(contacts: ContactSite):
    bob = await contacts.mail.accounts.add(address("bob"), None)
    (book,) = await contacts.mail.address_books.list(bob.id)
    await contacts.mail.contacts.add(
        bob.id, {n: CardDraft({"name": {"full": "x"}}, frozenset([book.id])) for n in range(5)}
    )
    theirs = max(await contacts.mail.contacts.ids(bob.id, 0, 10))
    id = f"c{theirs}"
    own = (await contacts.create(name={"full": "Mine"}))["id"]
    assert own != id
    assert (await contacts.call("ContactCard/get", ids=[id]))["notFound"] == [id]
    assert (await contacts.update(id, {"kind": "org"}))[1]["type"] == "notFound"
    assert (await contacts.call("ContactCard/set", destroy=[id]))["notDestroyed"][id]["type"] == "notFound"
    assert await contacts.query() == [own]
    assert [c.id for c in (await contacts.mail.contacts.get(bob.id, [theirs])).values()] == [theirs]


async def test_the_photographs_of_others_are_not_to_be_had(contacts: ContactSite):
    blob = await contacts.upload(PNG)
    await contacts.create(media={"p": {"kind": "photo", "blobId": blob}})
    bob = await contacts.mail.accounts.add(address("bob"), None)
    (book,) = await contacts.mail.address_books.list(bob.id)
    stored = await contacts.mail.contacts.get(
        contacts.site.account.id, await contacts.mail.contacts.ids(contacts.site.account.id, 0, 1)
    )
    (mine,) = stored.values()
    card = {"media": {"p": {"kind": "photo"}}}
    outcome = await contacts.mail.contacts.add(
        bob.id, {"k": CardDraft(card, frozenset([BookId(book.id)]), dict(mine.contents))}
    )
    assert "content" in str(outcome["k"])


async def test_an_account_goes_with_its_cards(contacts: ContactSite):
    await contacts.create(media={"p": {"kind": "photo", "blobId": await contacts.upload(PNG)}}, name={"full": "A"})
    await contacts.create(kind="group", members={"u": True}, emails={"e": {"address": "a@b.test"}})
    account = contacts.site.account
    await contacts.mail.accounts.remove(account.address)
    tables = (
        "address_book",
        "card",
        "card_content",
        "card_place",
        "card_text",
        "card_member",
        "card_word",
        "card_address",
    )
    for table in tables:
        count = await contacts.office.database.value(
            account.id, f"select count(*) from {table} where account_id = $1", account.id
        )
        assert count == 0, table
    contacts.office.clock.advance(30 * 86_400)
    await contacts.mail.housekeeping.sweep()
    assert await held(contacts) == []
