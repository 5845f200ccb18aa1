"""What people look for in a card; contents in cards."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.jscontact import media, text
from pillarbox.model.contact import CardField
from pillarbox.model.errors import SyntaxProblem

JOHN = {
    "name": {
        "components": [
            {"kind": "given", "value": "John"},
            {"kind": "separator", "value": "-"},
            {"kind": "given2", "value": "Philip"},
            {"kind": "surname", "value": "Stevenson"},
            {"kind": "generation", "value": "Jr."},
        ],
        "defaultSeparator": "  ",
        "isOrdered": True,
        "sortAs": {"surname": "Steven"},
    },
    "nicknames": {"n": {"name": "Jo"}},
    "organizations": {"o": {"name": "ABC, Inc.", "units": [{"name": "Sales"}]}, "p": {"units": [{"name": "B"}]}},
    "emails": {
        "a": {"address": "john@far.test"},
        "b": {"address": "js@far.test", "pref": 3},
        "c": {"address": "john@far.test", "pref": 1},
        "d": {"address": "js@far.test"},
    },
    "phones": {"p": {"number": "+1 (555) 12", "label": "desk"}},
    "addresses": {
        "a": {
            "full": "Street 1\nTown",
            "components": [{"kind": "separator", "value": "-"}, {"kind": "room", "value": "R2"}],
        },
        "b": {"countryCode": "US"},
    },
    "titles": {"t": {"name": "Boss"}},
    "keywords": {"friend": True},
    "notes": {"n": {"note": "one\0two\n three"}},
}


def test_names():
    assert text.name_parts(JOHN, "given", "given2") == ["John", "Philip"]
    assert text.display_name(JOHN) == "John-Philip Stevenson Jr."
    assert text.sort_text(JOHN, "surname") == "Steven"
    assert text.sort_text(JOHN, "given") == "John"
    assert text.sort_text(JOHN, "surname2") == ""
    assert text.sort_text({}, "given") == "" and text.name_parts({}, "given") == []
    assert text.joined({"components": [{"kind": "given", "value": "A"}, {"kind": "surname", "value": "B"}]}) == "A B"


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"name": {"full": " The\nDoe\0 family "}}, "The Doe family"),
        ({"nicknames": {"n": {"name": "Jo"}}, "organizations": {"o": {"name": "ABC"}}}, "Jo"),
        ({"organizations": {"o": {"name": "ABC"}}}, "ABC"),
        ({"emails": {"e": {"address": "a@b"}}}, "a@b"),
        ({}, ""),
    ],
)
def test_what_a_card_is_shown_as(card, expected):
    assert text.display_name(card) == expected


def test_the_most_liked_address_comes_first():
    assert [(one.address, one.preference) for one in text.mail_addresses(JOHN)] == [
        ("john@far.test", 1),
        ("js@far.test", 3),
    ]


def test_texts_by_what_they_are():
    found = text.texts(JOHN)
    assert found[CardField.NAME].split("\n")[0] == "john-philip stevenson jr."
    assert found[CardField.GIVEN] == "john" and found[CardField.SURNAME] == "stevenson"
    assert CardField.SURNAME2 not in found and CardField.ONLINE_SERVICE not in found
    assert found[CardField.PHONE].split("\n") == ["+1 (555) 12", "desk", "155512", ""]
    assert found[CardField.ADDRESS] == "street 1 town\nr2"
    assert found[CardField.NOTE] == "one two three"
    assert found[CardField.OTHER] == "sales\nb\nboss\nfriend"
    for value in ("john", "boss", "abc, inc.", "155512", "js@far.test"):
        assert value in found[CardField.ANY].split("\n")
    assert text.texts({})[CardField.ANY] == ""


def test_words():
    assert text.words("Ümit O'Neil-ÜMIT_x") == ["ümit", "o", "neil", "x"]
    assert text.address_words("Jo.Doe@far.test") == ["jo.doe@far.test", "jo", "doe", "far", "test"]
    found = text.card_words(JOHN)
    assert {"john", "stevenson", "jo", "abc", "john@far.test", "js"} <= set(found)
    assert text.card_words({}) == []
    many = {"nicknames": {str(n): {"name": f"a{n}"} for n in range(500)}}
    assert len(text.card_words(many)) == text.MOST_WORDS
    assert text.card_words({"emails": {"e": {"address": "a\0@b"}}}) == ["a", "b"]


def test_beginnings():
    assert text.beginnings("Smith, <Jo.Doe@Far> smith") == ["smith", "jo.doe@far"]
    assert text.beginnings("a b c d e f") == list("abcde")
    assert text.beginnings(" ;\0 ") == []


@given(st.text())
def test_any_text_has_words(value):
    found = text.words(value) + text.beginnings(value)
    assert all(found) and all(len(word) <= text.WORD_CHARACTERS for word in found)


IMAGES = [
    (b"\x89PNG\r\n\x1a\n...", "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    (b"\0\0\0\x20ftypavif", "image/avif"),
    (b"\0\0\0\x20ftypheic", "image/heic"),
    (b"\0\0\0\x20ftypmp42", None),
    (b"RIFF\0\0\0\0WAVE", None),
    (b"<svg/>", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "expected"), IMAGES)
def test_images_are_known_by_how_they_begin(head, expected):
    assert media.image_type(head) == expected


def test_data_uris_both_ways():
    uri = media.format_data("image/png", b"\0\x01\xff")
    assert uri == "data:image/png;base64,AAH/"
    assert media.is_data(uri) and not media.is_data("https://far.test")
    assert media.parse_data(uri) == ("image/png", b"\0\x01\xff")
    assert media.parse_data("DATA:,a%20b,c") == ("", b"a b,c")
    assert media.parse_data("data:text/plain;charset=utf-8;base64,YQ==") == ("text/plain", b"a")


@pytest.mark.parametrize("uri", ["data:text/plain", "data:;base64,###", "data:;base64,YQ", "x"])
def test_what_is_no_data_uri(uri):
    with pytest.raises(SyntaxProblem):
        media.parse_data(uri)


@given(st.binary())
def test_any_content_comes_back(octets):
    assert media.parse_data(media.format_data("a/b", octets)) == ("a/b", octets)
    assert base64.b64encode(octets).decode() in media.format_data("a/b", octets)
