"""Address books as files of vCards, brought along and taken away."""

import base64

import pytest

from office import Office
from pillarbox.core.people.card_files import Brought
from pillarbox.model.account import Account
from pillarbox.model.contact import AddressBook, BookId
from pillarbox.model.errors import NotFound
from pillarbox.model.query import All

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
FILE = f"""BEGIN:VCARD
VERSION:3.0
N:Doe;Jane;;;
FN:Jane Doe
EMAIL:jane@far.test
PHOTO;ENCODING=b;TYPE=PNG:{base64.b64encode(PNG).decode()}
END:VCARD
BEGIN:VCARD
VERSION:4.0
UID:urn:uuid:1
FN:Joe
PHOTO:data:image/png,none
LOGO:data:;base64,#
SOUND:https://far.test/sound
END:VCARD
BEGIN:VCARD
broken
END:VCARD
"""


@pytest.fixture
async def alice(office: Office) -> Account:
    return (await office.add("alice"))[0]


async def test_a_file_is_brought_and_a_second_time_changes_nothing(office: Office, alice: Account):
    files = office.mail.card_files
    book = await files.find_book(alice.id, None)
    assert await files.bring(alice.id, FILE.encode(), book.id) == Brought(2, 0, 1, ("card 3: expected a content line",))
    state = await office.mail.contact_queries.find(alice.id, All())
    assert await files.bring(alice.id, FILE.encode(), book.id) == Brought(0, 2, 1, ("card 3: expected a content line",))
    assert await office.mail.contact_queries.find(alice.id, All()) == state
    jane, joe = (await office.mail.contacts.get(alice.id, await office.mail.contacts.ids(alice.id, 0, 9))).values()
    assert jane.card["uid"].startswith("urn:uuid:") and set(jane.contents) == {"PHOTO-1"}
    assert jane.card["media"] == {"PHOTO-1": {"kind": "photo", "mediaType": "image/png"}}
    assert joe.card["media"] == {"SOUND-1": {"kind": "sound", "uri": "https://far.test/sound"}}
    async with await office.mail.uploads.open(alice.id, jane.contents["PHOTO-1"]) as content:
        assert await content.read() == PNG


async def test_what_is_taken_away_can_be_brought_to_another(office: Office, alice: Account):
    files, (bob,) = office.mail.card_files, await office.add("bob")
    book = await files.find_book(alice.id, None)
    await files.bring(alice.id, FILE.encode(), book.id)
    text = "".join([one async for one in files.take(alice.id)])
    assert text.count("BEGIN:VCARD") == 2
    theirs = await files.find_book(bob.id, None)
    assert await files.bring(bob.id, text.encode(), theirs.id) == Brought(2)
    again = "".join([one async for one in files.take(bob.id, theirs.id)])
    assert again == text


async def test_one_book_of_several(office: Office, alice: Account):
    files = office.mail.card_files
    club = await office.mail.address_books.add(alice.id, AddressBook(BookId(0), "Club"))
    assert await files.find_book(alice.id, "Club") == club
    with pytest.raises(NotFound):
        await files.find_book(alice.id, "None")
    await files.bring(alice.id, FILE.encode(), club.id)
    default = await files.find_book(alice.id, None)
    assert [one async for one in files.take(alice.id, default.id)] == []
    assert len([one async for one in files.take(alice.id, club.id)]) == 2


async def test_many_cards(office: Office, alice: Account):
    files = office.mail.card_files
    book = await files.find_book(alice.id, None)
    many = "".join(f"BEGIN:VCARD\nFN:N{n}\nEND:VCARD\n" for n in range(250))
    assert await files.bring(alice.id, many.encode(), book.id) == Brought(250)
    assert len([one async for one in files.take(alice.id)]) == 250
