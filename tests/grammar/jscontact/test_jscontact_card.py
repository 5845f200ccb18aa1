"""What is a card, and where what is none is wrong (RFC 9553)."""

import contextlib
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jscontact import patch
from pillarbox.grammar.jscontact.card import DEPTH, LANGUAGES, PROPERTIES, InvalidCard, check, problems
from pillarbox.grammar.jscontact.shapes import MOST_PROBLEMS
from pillarbox.grammar.jscontact.values import format_moment, parse_moment
from pillarbox.model.errors import SyntaxProblem

BASE = {"@type": "Card", "version": "1.0", "uid": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}

# The examples of RFC 9553, one property each, in its order.
EXAMPLES = [
    {"created": "2022-09-30T14:35:10Z"},
    {"kind": "individual"},
    {"language": "de-AT"},
    {
        "kind": "group",
        "name": {"full": "The Doe family"},
        "members": {"urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af": True},
    },
    {"prodId": "ACME Contacts App version 1.23.5"},
    {
        "relatedTo": {
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6": {"relation": {"friend": True}},
            "8cacdfb7d1ffdb59@example.com": {"relation": {}},
        }
    },
    {"updated": "2021-10-31T22:27:10Z"},
    {
        "name": {
            "components": [
                {"kind": "given", "value": "John", "phonetic": "/ˈdʒɑːn/"},
                {"kind": "surname", "value": "Smith", "phonetic": "/smɪθ/"},
            ],
            "phoneticSystem": "ipa",
        }
    },
    {
        "name": {
            "components": [
                {"kind": "given", "value": "Robert"},
                {"kind": "given2", "value": "Pau"},
                {"kind": "surname", "value": "Shou Chang"},
            ],
            "sortAs": {"surname": "Pau Shou Chang", "given": "Robert"},
            "isOrdered": True,
        }
    },
    {
        "language": "zh-Hant",
        "name": {
            "components": [
                {"kind": "surname", "value": "孫"},
                {"kind": "given", "value": "中山"},
                {"kind": "given2", "value": "文"},
                {"kind": "given2", "value": "逸仙"},
            ]
        },
        "localizations": {
            "yue": {
                "name/phoneticSystem": "jyut",
                "name/phoneticScript": "Latn",
                "name/components/0/phonetic": "syun1",
                "name/components/1/phonetic": "zung1saan1",
            }
        },
    },
    {"nicknames": {"k391": {"name": "Johnny"}}},
    {
        "organizations": {
            "o1": {
                "name": "ABC, Inc.",
                "units": [{"name": "North American Division"}, {"name": "Marketing"}],
                "sortAs": "ABC",
            }
        }
    },
    {
        "speakToAs": {
            "grammaticalGender": "neuter",
            "pronouns": {"k19": {"pronouns": "they/them", "pref": 2}, "k32": {"pronouns": "xe/xir", "pref": 1}},
        }
    },
    {"titles": {"k2": {"kind": "role", "name": "Project Leader", "organizationId": "o2"}}},
    {
        "emails": {
            "e1": {"contexts": {"work": True}, "address": "jqpublic@xyz.example.com"},
            "e2": {"address": "jane_doe@example.com", "pref": 1},
        }
    },
    {
        "onlineServices": {
            "x1": {"uri": "xmpp:alice@example.com"},
            "x2": {"service": "Mastodon", "user": "@alice@example2.com", "uri": "https://example2.com/@alice"},
        }
    },
    {
        "phones": {
            "tel0": {
                "contexts": {"private": True},
                "features": {"voice": True},
                "number": "tel:+1-555-555-5555;ext=5555",
                "pref": 1,
            }
        }
    },
    {"preferredLanguages": {"l1": {"language": "en", "contexts": {"work": True}, "pref": 1}}},
    {"calendars": {"calA": {"kind": "calendar", "uri": "webcal://calendar.example.com/calA.ics"}}},
    {"schedulingAddresses": {"sched1": {"uri": "mailto:janedoe@example.com"}}},
    {
        "addresses": {
            "k23": {
                "contexts": {"work": True},
                "components": [
                    {"kind": "number", "value": "54321"},
                    {"kind": "separator", "value": " "},
                    {"kind": "name", "value": "Oak St"},
                    {"kind": "locality", "value": "Reston"},
                ],
                "countryCode": "US",
                "defaultSeparator": ", ",
                "isOrdered": True,
            }
        }
    },
    {
        "addresses": {"k26": {"full": "2-7-2 Marunouchi, Tokyo"}},
        "localizations": {
            "jp": {
                "addresses/k26": {
                    "components": [{"kind": "region", "value": "東京都"}, {"kind": "locality", "value": "千代田区"}],
                    "defaultSeparator": "",
                    "isOrdered": True,
                }
            }
        },
    },
    {"cryptoKeys": {"mykey1": {"uri": "https://www.example.com/keys/jdoe.cer"}}},
    {
        "directories": {
            "dir1": {"kind": "entry", "uri": "https://dir.example.com/addrbook/jdoe/Jean%20Dupont.vcf"},
            "dir2": {"kind": "directory", "uri": "ldap://ldap.example/o=Example%20Tech,ou=Engineering", "pref": 1},
        }
    },
    {"links": {"link3": {"kind": "contact", "uri": "mailto:contact@example.com", "pref": 1}}},
    {
        "media": {
            "res45": {"kind": "sound", "uri": "CID:JOHNQ.part8.19960229T080000.xyzMail@example.com"},
            "res1": {"kind": "photo", "uri": "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAASABIAAD/4..."},
        }
    },
    {
        "name": {"full": "Gabriel García Márquez"},
        "titles": {"t1": {"kind": "title", "name": "novelist"}},
        "localizations": {"es": {"titles/t1/name": "escritor"}},
    },
    {
        "anniversaries": {
            "k8": {"kind": "birth", "date": {"year": 1953, "month": 4, "day": 15}},
            "k9": {
                "kind": "death",
                "date": {"@type": "Timestamp", "utc": "2019-10-15T23:10:00Z"},
                "place": {"full": "4445 Tree Street\nNew England, ND 58647\nUSA"},
            },
        }
    },
    {"keywords": {"internet": True, "IETF": True}},
    {
        "notes": {
            "n1": {
                "note": "Open office hours are 1600 to 1715 EST, Mon-Fri",
                "created": "2022-11-23T15:01:32Z",
                "author": {"name": "John"},
            }
        }
    },
    {"personalInfo": {"pi2": {"kind": "expertise", "value": "chemistry", "level": "high"}}},
    {"example.com:foo": "bar", "example.com:foo2": {"bar": "baz"}},
    {"kind": "example.com:baz"},
    {"vCardProps": [["x-foo", {"x-bar": "Hello", "group": "item1"}, "unknown", "World!"]]},
    {"emails": {"email1": {"address": "jane_doe@example.com", "vCardParams": {"x-foo": "Bar"}, "vCardName": "email"}}},
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: next(iter(example)))
def test_examples_of_the_standard_are_cards(example):
    card = {**BASE, **example}
    before = copy.deepcopy(card)
    assert problems(card) == []
    assert check(card) is card and card == before


def one(property: str, /, **value: object) -> dict:
    return {property: {"k": value}}


def named(*kinds: str, **more: object) -> dict:
    return {"name": {"components": [{"kind": kind, "value": "x"} for kind in kinds], **more}}


def born(**date: object) -> dict:
    return one("anniversaries", kind="birth", date=date)


RIGHT = [
    named("given", "separator", "surname", isOrdered=True),
    born(year=2000),
    born(month=2, day=29),
    born(year=2000, month=2, day=29, calendarScale="islamic-civil"),
    born(year=1996, month=2, day=29),
    born(year=1, month=12, calendarScale="example.com:mine"),
    one("emails", address='"a \\" b"@far.test'),
    one("emails", address="jörg@[192.0.2.1]", contexts={"private": False}),
    one("emails", address="a@b", contexts={"example.com:club": True}),
    one("addresses", coordinates="geo:46.772673,-71.282945"),
    one("addresses", timeZone="America/New_York"),
    one("addresses", countryCode="de", contexts={"billing": True, "work": True}),
    one("organizations", units=[{"name": "x"}]),
    one("links", uri="https://[2001:db8::1]/%C3%BC?a=b#c", **{"@type": "Link"}),
    {"created": "2010-10-10T10:10:10.003Z"},
    {"localizations": {}},
    {"name": {"full": "x", "notKnown": 1}},
    {"a": 1},
    {"localizations": {"de": {"kind": "group", "notes": {"n": {"note": "x"}}}}},
    {"localizations": {"de": {"kind": None, "example.com:x": None}}},
]


@pytest.mark.parametrize("more", RIGHT, ids=str)
def test_more_that_are_cards(more):
    assert problems({**BASE, **more}) == []


WRONG = [
    ({"@type": "Group"}, ["@type"]),
    ({"version": "2.0"}, ["version"]),
    ({"uid": "a\0b"}, ["uid"]),
    ({"uid": "x" * 1_001}, ["uid"]),
    ({"uid": 5}, ["uid"]),
    ({"created": "2010-10-10T10:10:10.000Z"}, ["created"]),
    ({"created": "2010-10-10T10:10:10.10Z"}, ["created"]),
    ({"created": "2010-13-10T10:10:10Z"}, ["created"]),
    ({"updated": "2010-10-10T10:10:10+00:00"}, ["updated"]),
    ({"kind": "Group"}, ["kind"]),
    ({"kind": None}, ["kind"]),
    ({"language": "d_e"}, ["language"]),
    ({"members": {"u": True}}, ["members"]),
    ({"kind": "group", "members": {"u": False, "": True}}, ["members/u", "members/"]),
    ({"prodId": ""}, ["prodId"]),
    (
        {"relatedTo": {"u": {"relation": {"foe": True, "friend": 1}}}},
        ["relatedTo/u/relation/foe", "relatedTo/u/relation/friend"],
    ),
    ({"name": {}}, ["name/components"]),
    ({"name": "x"}, ["name"]),
    ({"name": {"components": "x"}}, ["name/components"]),
    ({"name": {"components": ["x"]}}, ["name/components/0"]),
    ({"name": {"components": [{"kind": "given"}]}}, ["name/components/0/value"]),
    ({"name": {"components": [{"kind": "nick", "value": "x"}]}}, ["name/components/0/kind"]),
    ({"name": {"components": [{"kind": "given", "value": "x", "phonetic": "y"}]}}, ["name/phoneticSystem"]),
    (named("separator"), ["name/components"]),
    (named("given", "separator", "separator", "surname", isOrdered=True), ["name/components"]),
    (named("given", "separator", "surname"), ["name/isOrdered"]),
    (named("given", defaultSeparator="-"), ["name/defaultSeparator"]),
    ({"name": {"full": "x", "defaultSeparator": "-", "isOrdered": True}}, ["name/defaultSeparator"]),
    (named("given", sortAs={"surname": "x"}), ["name/sortAs"]),
    (named("given", sortAs={"first": "x"}), ["name/sortAs/first"]),
    ({"name": {"full": "x", "sortAs": {}}}, ["name/sortAs"]),
    (named("given", isOrdered=1), ["name/isOrdered"]),
    (named("given", phoneticScript="Latin"), ["name/phoneticScript"]),
    ({"nicknames": {"a/b": {"name": "x"}}}, ["nicknames/a~1b"]),
    ({"nicknames": {"a~b": {"name": "x"}}}, ["nicknames/a~0b"]),
    ({"nicknames": []}, ["nicknames"]),
    (one("nicknames", name="x", pref=0), ["nicknames/k/pref"]),
    (one("nicknames", name="x", pref=True), ["nicknames/k/pref"]),
    (one("nicknames", name="x", pref=1.5), ["nicknames/k/pref"]),
    (one("organizations"), ["organizations/k/name"]),
    (one("organizations", units=[]), ["organizations/k/units"]),
    ({"speakToAs": {}}, ["speakToAs/grammaticalGender"]),
    (one("emails", address="a b@far.test"), ["emails/k/address"]),
    (one("emails", address="a@"), ["emails/k/address"]),
    (one("emails", address="a" * 1_000 + "@b"), ["emails/k/address"]),
    (one("emails", address="a@b", contexts={"home": True}), ["emails/k/contexts/home"]),
    (one("emails", address="a@b", contexts={"work": "yes"}), ["emails/k/contexts/work"]),
    (one("onlineServices", service="x"), ["onlineServices/k/uri"]),
    (one("phones", number="1", features={"smell": True}), ["phones/k/features/smell"]),
    (one("addresses"), ["addresses/k/components"]),
    (one("addresses", countryCode="DEU"), ["addresses/k/countryCode"]),
    (one("addresses", countryCode="de", contexts={"work": False}), ["addresses/k/contexts/work"]),
    (one("addresses", countryCode="de", contexts={"home": True}), ["addresses/k/contexts/home"]),
    (one("addresses", coordinates="46,7"), ["addresses/k/coordinates"]),
    (one("addresses", timeZone="a//b"), ["addresses/k/timeZone"]),
    (one("calendars", uri="x:y"), ["calendars/k/kind"]),
    (one("links", uri="no uri"), ["links/k/uri"]),
    (one("links", uri="x:%zz"), ["links/k/uri"]),
    (one("media", kind="photo", uri="x:y", blobId="U1"), ["media/k/blobId"]),
    (one("media", kind="photo"), ["media/k/uri"]),
    (one("directories", kind="entry", uri="x:y", listAs=0), ["directories/k/listAs"]),
    (born(), ["anniversaries/k/date/year"]),
    (born(month=2), ["anniversaries/k/date/year"]),
    (born(year=2000, day=1), ["anniversaries/k/date/month"]),
    (born(year=1900, month=2, day=29), ["anniversaries/k/date/day"]),
    (born(year=2001, month=2, day=29), ["anniversaries/k/date/day"]),
    (born(month=4, day=31), ["anniversaries/k/date/day"]),
    (born(year=2000, calendarScale="Islamic"), ["anniversaries/k/date/calendarScale"]),
    (born(**{"@type": "Timestamp"}), ["anniversaries/k/date/utc"]),
    (one("anniversaries", kind="birth", date="2000"), ["anniversaries/k/date"]),
    ({"keywords": {"a": False}}, ["keywords/a"]),
    (one("notes", note="x", author={}), ["notes/k/author/name"]),
    ({"vCardProps": []}, ["vCardProps"]),
    ({"vCardProps": [["x", {}, "text"]]}, ["vCardProps/0"]),
    (one("emails", address="a@b", vCardParams=5), ["emails/k/vCardParams"]),
    # names of properties (RFC 9553 §1.5.2, §1.7.1, §1.7.2, §1.8.1)
    ({"extra": 1}, ["extra"]),
    ({"eMails": {}}, ["eMails"]),
    ({"name": {"full": "x", "FULL": "y"}}, ["name/FULL"]),
    ({"a b": 1}, ["a b"]),
    ({"": 1}, [""]),
    ({"example.com:a/b": 1}, ["example.com:a~1b"]),
    ({".com:a": 1}, [".com:a"]),
    ({"id": "x", "addressBookIds": {}}, ["id", "addressBookIds"]),
    # localizations (RFC 9553 §2.7.1)
    ({"localizations": {"d_e": {}}}, ["localizations/d_e"]),
    ({"localizations": {"de": 5}}, ["localizations/de"]),
    ({"localizations": {"de": {"localizations/fr": {}}}}, ["localizations/de"]),
    ({"localizations": {"de": {"name/full": "x"}}}, ["localizations/de"]),
    ({"localizations": {"de": {"name": {"full": 5}}}}, ["localizations/de"]),
    ({"localizations": {"de": {"uid": None}}}, ["localizations/de"]),
    ({"kind": "group", "members": {"u": True}, "localizations": {"de": {"kind": "org"}}}, ["localizations/de"]),
    ({"localizations": {f"x-{n}": {} for n in range(LANGUAGES + 1)}}, ["localizations"]),
]


@pytest.mark.parametrize(("more", "expected"), WRONG, ids=str)
def test_what_is_no_card_is_told_where(more, expected):
    card = {**BASE, **more}
    assert sorted(problems(card)) == sorted(expected)
    with pytest.raises(InvalidCard) as raised:
        check(card)
    assert sorted(raised.value.paths) == sorted(expected)


def test_all_that_is_mandatory():
    assert sorted(problems({})) == ["uid", "version"]
    for value in (None, [], "x", 5):
        assert problems(value) == [""]
        with pytest.raises(InvalidCard):
            check(value)
    assert InvalidCard([]).text


def test_a_property_is_unknown_where_it_does_not_belong_and_kept():
    assert problems({**BASE, "emails": {"e": {"address": "a@b", "number": 5}}}) == []


def test_contents_apart_need_no_uri():
    card = {**BASE, "media": {"k": {"kind": "photo"}, "l": {"kind": "logo", "uri": "x:y"}, "m": 5}}
    assert sorted(problems(card, held=["k", "l"])) == ["media/m"]
    assert problems({**BASE, "media": 5}, held=["k"]) == ["media"]
    del card["media"]["m"]
    assert check(card, held=["k"]) == card


def test_depth_is_bounded():
    deep: object = 1
    for _ in range(DEPTH - 2):
        deep = [deep]
    assert problems({**BASE, "example.com:x": deep}) == []
    assert problems({**BASE, "example.com:x": [{"a": deep}], "name": "x"}) == ["example.com:x"]


def test_not_all_of_many_problems_are_told():
    card = {**BASE, "emails": {f"e{n}": {} for n in range(200)}}
    assert len(problems(card)) == MOST_PROBLEMS


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["given", "separator", "x:y", "a@b", "2010-10-10T10:10:10Z", "Timestamp", "photo"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "components",
                    "kind",
                    "value",
                    "full",
                    "name",
                    "date",
                    "@type",
                    "address",
                    "uri",
                    "a/b",
                    "name/full",
                    "de",
                    "month",
                    "day",
                    "units",
                    "sortAs",
                    "phonetic",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(st.sampled_from([*PROPERTIES, "@type"]) | st.text(max_size=6), VALUES, max_size=4))
def test_whatever_is_sent_is_a_card_or_told_where_it_is_not(more):
    before = json.dumps(more)
    for value in (more, {**BASE, **more}):
        wrong = problems(value)
        assert all(isinstance(path, str) for path in wrong)
    assert json.dumps(more) == before


# --- patches ---------------------------------------------------------------------------------------------------------

TARGET = {"a": {"b": [{"c": 1}, [2, 3]]}, "d": None, "e~/": {}}
PATCHES = [
    ({}, TARGET),
    ({"a": 5}, {"a": 5, "d": None, "e~/": {}}),
    ({"a": None, "zz": None}, {"d": None, "e~/": {}}),
    ({"a/b/0/c": 9, "a/b/1/1": 8}, {"a": {"b": [{"c": 9}, [2, 8]]}, "d": None, "e~/": {}}),
    ({"a/b/0/c": None, "a/b/0/d": 1}, {"a": {"b": [{"d": 1}, [2, 3]]}, "d": None, "e~/": {}}),
    ({"e~0~1/x": 1}, {**TARGET, "e~/": {"x": 1}}),
]


@pytest.mark.parametrize(("changes", "expected"), PATCHES, ids=str)
def test_patches(changes, expected):
    before = copy.deepcopy(TARGET)
    assert patch.apply(TARGET, changes) == expected
    assert before == TARGET


@pytest.mark.parametrize(
    "changes",
    [
        5,
        {"a": 1, "a/b": 2},
        {"x/y": 1},
        {"d/x": 1},
        {"a/b/2": 1},
        {"a/b/-": 1},
        {"a/b/²": 1},
        {"a/b/0": None},
        {"a/b/9999999/c": 1},
        {"a~2": 1},
    ],
    ids=str,
)
def test_patches_that_lead_nowhere(changes):
    with pytest.raises(SyntaxProblem):
        patch.apply(TARGET, changes)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "a/b", "a/b/0", "a/b/1/0", "d/e", "x", "a/b/0/c", "a/b/00"]), VALUES, max_size=3
    )
)
def test_any_patch_applies_or_is_refused(changes):
    before = copy.deepcopy(TARGET)
    with contextlib.suppress(SyntaxProblem):
        patch.apply(TARGET, changes)
    assert before == TARGET


def test_moments_both_ways():
    for text in ("2010-10-10T10:10:10Z", "2010-10-10T10:10:10.003Z"):
        assert format_moment(parse_moment(text)) == text
