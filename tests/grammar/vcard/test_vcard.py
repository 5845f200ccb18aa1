"""vCards and JSContact cards, both ways (RFC 6350, RFC 9555)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jscontact.card import problems
from pillarbox.grammar.vcard import content_line
from pillarbox.grammar.vcard.content_line import Line, components, escape, fold, format_line, split, unescape
from pillarbox.grammar.vcard.dates import format_date, format_timestamp, has_moment, parse_date, parse_timestamp
from pillarbox.grammar.vcard.from_card import format_card
from pillarbox.grammar.vcard.to_card import parse
from pillarbox.model.errors import SyntaxProblem


def card_of(*lines: str, version: str = "4.0") -> dict:
    text = "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])
    (card,) = parse(text.encode())
    assert isinstance(card, dict), card
    assert problems({"uid": "-", **card}) == []
    return {name: value for name, value in card.items() if name not in ("@type", "version")}


# The examples of RFC 9555 §2, in its order; identifiers are ours where it has others.
EXAMPLES = [
    (["KIND:individual"], {"kind": "individual"}),
    (
        ["SOURCE:https://dir.example.com/addrbook/jdoe/Jean%20Dupont.vcf"],
        {
            "directories": {
                "ENTRY-1": {"kind": "entry", "uri": "https://dir.example.com/addrbook/jdoe/Jean%20Dupont.vcf"}
            }
        },
    ),
    (
        ["BDAY:19531015T231000Z", "DEATHDATE:19960415", "ANNIVERSARY:19860201"],
        {
            "anniversaries": {
                "ANNIVERSARY-1": {"kind": "birth", "date": {"@type": "Timestamp", "utc": "1953-10-15T23:10:00Z"}},
                "ANNIVERSARY-2": {"kind": "death", "date": {"year": 1996, "month": 4, "day": 15}},
                "ANNIVERSARY-3": {"kind": "wedding", "date": {"year": 1986, "month": 2, "day": 1}},
            }
        },
    ),
    (["FN:John Q. Public\\, Esq."], {"name": {"full": "John Q. Public, Esq."}}),
    (
        ['N;SORT-AS="Stevenson,John Philip":Stevenson;John;Philip,Paul;Dr.;Jr.,M.D.,A.C.P.;;Jr.'],
        {
            "name": {
                "components": [
                    {"kind": "surname", "value": "Stevenson"},
                    {"kind": "given", "value": "John"},
                    {"kind": "given2", "value": "Philip"},
                    {"kind": "given2", "value": "Paul"},
                    {"kind": "title", "value": "Dr."},
                    {"kind": "credential", "value": "M.D."},
                    {"kind": "credential", "value": "A.C.P."},
                    {"kind": "generation", "value": "Jr."},
                ],
                "sortAs": {"surname": "Stevenson", "given": "John Philip"},
            }
        },
    ),
    (["NICKNAME:Johnny"], {"nicknames": {"NICK-1": {"name": "Johnny"}}}),
    (
        ["PHOTO:https://www.example.com/pub/photos/jqpublic.gif"],
        {"media": {"PHOTO-1": {"kind": "photo", "uri": "https://www.example.com/pub/photos/jqpublic.gif"}}},
    ),
    (
        ["ADR;TYPE=work;CC=US:;;54321 Oak St;Reston;VA;20190;USA;;;;54321;Oak St;;;;;;"],
        {
            "addresses": {
                "ADDR-1": {
                    "contexts": {"work": True},
                    "components": [
                        {"kind": "locality", "value": "Reston"},
                        {"kind": "region", "value": "VA"},
                        {"kind": "postcode", "value": "20190"},
                        {"kind": "country", "value": "USA"},
                        {"kind": "number", "value": "54321"},
                        {"kind": "name", "value": "Oak St"},
                    ],
                    "countryCode": "US",
                }
            }
        },
    ),
    (
        ["EMAIL;TYPE=work:jqpublic@xyz.example.com", "EMAIL;PREF=1:jane_doe@example.com"],
        {
            "emails": {
                "EMAIL-1": {"contexts": {"work": True}, "address": "jqpublic@xyz.example.com"},
                "EMAIL-2": {"address": "jane_doe@example.com", "pref": 1},
            }
        },
    ),
    (
        ["IMPP;PREF=1:xmpp:alice@example.com"],
        {"onlineServices": {"OS-1": {"uri": "xmpp:alice@example.com", "pref": 1, "vCardName": "impp"}}},
    ),
    (
        ["LANG;TYPE=work;PREF=1:en", "LANG;TYPE=home:fr"],
        {
            "preferredLanguages": {
                "LANG-1": {"language": "en", "contexts": {"work": True}, "pref": 1},
                "LANG-2": {"language": "fr", "contexts": {"private": True}},
            }
        },
    ),
    (["LANGUAGE:de-AT"], {"language": "de-AT"}),
    (
        ["SOCIALPROFILE;SERVICE-TYPE=Mastodon:https://example.com/@foo"],
        {"onlineServices": {"OS-1": {"service": "Mastodon", "uri": "https://example.com/@foo"}}},
    ),
    (
        [
            'TEL;PROP-ID=PHONE-A;VALUE=uri;PREF=1;TYPE="voice,home"',
            " :tel:+1-555-555-5555;ext=5555",
            "TEL;VALUE=uri;TYPE=home",
            " :tel:+33-01-23-45-67",
        ],
        {
            "phones": {
                "PHONE-A": {
                    "contexts": {"private": True},
                    "features": {"voice": True},
                    "number": "tel:+1-555-555-5555;ext=5555",
                    "pref": 1,
                },
                "PHONE-2": {"contexts": {"private": True}, "number": "tel:+33-01-23-45-67"},
            }
        },
    ),
    (
        ["CONTACT-URI;PREF=1:mailto:contact@example.com"],
        {"links": {"CONTACT-1": {"kind": "contact", "uri": "mailto:contact@example.com", "pref": 1}}},
    ),
    (
        ["KIND:group", "FN:The Doe family", "UID:urn:uuid:ab4310aa", "MEMBER:urn:uuid:03a0e51f"],
        {
            "kind": "group",
            "name": {"full": "The Doe family"},
            "uid": "urn:uuid:ab4310aa",
            "members": {"urn:uuid:03a0e51f": True},
        },
    ),
    (
        ['ORG;SORT-AS="ABC":ABC\\, Inc.;North American Division;Marketing'],
        {
            "organizations": {
                "ORG-1": {
                    "name": "ABC, Inc.",
                    "units": [{"name": "North American Division"}, {"name": "Marketing"}],
                    "sortAs": "ABC",
                }
            }
        },
    ),
    (
        [
            "RELATED;TYPE=friend:urn:uuid:f81d4fae",
            "RELATED;VALUE=text:Please contact my deputy John for any inquiries.",
        ],
        {
            "relatedTo": {
                "urn:uuid:f81d4fae": {"relation": {"friend": True}},
                "Please contact my deputy John for any inquiries.": {"relation": {}},
            }
        },
    ),
    (
        ["TITLE:Research Scientist", "group1.ROLE:Project Leader", "group1.ORG:ABC\\, Inc."],
        {
            "titles": {
                "TITLE-1": {"kind": "title", "name": "Research Scientist"},
                "TITLE-2": {"kind": "role", "name": "Project Leader", "organizationId": "ORG-1"},
            },
            "organizations": {"ORG-1": {"name": "ABC, Inc."}},
        },
    ),
    (
        ["EXPERTISE;LEVEL=beginner;INDEX=2:Chinese literature", "HOBBY;INDEX=1;LEVEL=high:reading"],
        {
            "personalInfo": {
                "PERSINFO-1": {"kind": "expertise", "value": "Chinese literature", "level": "low", "listAs": 2},
                "PERSINFO-2": {"kind": "hobby", "value": "reading", "level": "high", "listAs": 1},
            }
        },
    ),
    (
        ["ORG-DIRECTORY;INDEX=1:https://directory.mycompany.example.com"],
        {
            "directories": {
                "DIRECTORY-1": {
                    "kind": "directory",
                    "uri": "https://directory.mycompany.example.com",
                    "listAs": 1,
                }
            }
        },
    ),
    (
        ["CATEGORIES:internet,IETF,Information Technology"],
        {"keywords": {"internet": True, "IETF": True, "Information Technology": True}},
    ),
    (["CREATED:19940930T143510Z"], {"created": "1994-09-30T14:35:10Z"}),
    (
        ['NOTE;CREATED=20221123T150132Z;AUTHOR-NAME="John":', " Office hours are from 0800\\, Mon-Fri."],
        {
            "notes": {
                "NOTE-1": {
                    "note": "Office hours are from 0800, Mon-Fri.",
                    "created": "2022-11-23T15:01:32Z",
                    "author": {"name": "John"},
                }
            }
        },
    ),
    (["PRODID:ACME Contacts App version 1.23.5"], {"prodId": "ACME Contacts App version 1.23.5"}),
    (["REV:19951031T222710Z"], {"updated": "1995-10-31T22:27:10Z"}),
    (
        ["item1.URL:https://example.org/", "item1.X-ABLabel:_$!<foo>!$_"],
        {"links": {"LINK-1": {"uri": "https://example.org/", "label": "foo"}}},
    ),
    (
        ["KEY:https://www.example.com/keys/jdoe.cer"],
        {"cryptoKeys": {"KEY-1": {"uri": "https://www.example.com/keys/jdoe.cer"}}},
    ),
    (
        ["CALADRURI;PREF=1:mailto:janedoe@example.com"],
        {"schedulingAddresses": {"SCHEDULING-1": {"uri": "mailto:janedoe@example.com", "pref": 1}}},
    ),
    (
        ["CALURI;MEDIATYPE=text/calendar:https://ftp.example.com/calA.ics", "FBURL:https://www.example.com/busy"],
        {
            "calendars": {
                "CAL-1": {"kind": "calendar", "uri": "https://ftp.example.com/calA.ics", "mediaType": "text/calendar"},
                "FBURL-1": {"kind": "freeBusy", "uri": "https://www.example.com/busy"},
            }
        },
    ),
    (
        ["item1.X-FOO;X-BAR=Hello:World!"],
        {"vCardProps": [["x-foo", {"x-bar": "Hello", "group": "item1"}, "unknown", "World!"]]},
    ),
    (['JSPROP;JSPTR="someUnknownProperty":true'], {"someUnknownProperty": True}),
    (['JSPROP;JSPTR="example.com:foo":{"bar":1234}'], {"example.com:foo": {"bar": 1234}}),
    (
        ["TEL;PROP-ID=phone1:+33-01-23-45-67", 'JSPROP;JSPTR="phones/phone1/example.com:foo~1bar":', ' "tux hux"'],
        {"phones": {"phone1": {"number": "+33-01-23-45-67"}}},
    ),
]


@pytest.mark.parametrize(("lines", "expected"), EXAMPLES, ids=lambda value: str(value)[:40])
def test_examples_of_the_standard(lines, expected):
    """But for the last: a name with a solidus is none (RFC 9553 §1.8.1), so it is left out."""
    assert card_of(*lines) == expected


@pytest.mark.parametrize(("lines", "expected"), EXAMPLES[:-1], ids=lambda value: str(value)[:40])
def test_examples_come_back(lines, expected):
    (again,) = parse(format_card({"uid": "-", **expected}).encode())
    assert {name: again.get(name) for name in expected} == expected


MORE = [
    (["FN:"], {}),
    (["N:;;;;"], {}),
    (["N:Doe;Jane;;;", "FN;DERIVED=TRUE:Jane Doe"], {"name": {"components": [{"kind": "surname", "value": "Doe"}, {"kind": "given", "value": "Jane"}]}}),
    (["FN;DERIVED=TRUE:Jane Doe"], {"name": {"full": "Jane Doe"}}),
    (["N:Rivera,Barrientos;Diego;;;;Barrientos;"], {"name": {"components": [{"kind": "surname", "value": "Rivera"}, {"kind": "given", "value": "Diego"}, {"kind": "surname2", "value": "Barrientos"}]}}),
    (["FN:One", "FN:Two"], {"name": {"full": "One"}, "vCardProps": [["fn", {}, "unknown", "Two"]]}),
    (["EMAIL:not an address"], {"vCardProps": [["email", {}, "unknown", "not an address"]]}),
    (["TEL;X-A=1,2;VALUE=text:"], {"phones": {"PHONE-1": {"number": ""}}}),
    (["X-A;X-B=1,2;VALUE=text:x"], {"vCardProps": [["x-a", {"x-b": ["1", "2"]}, "text", "x"]]}),
    (["REV:yesterday"], {"vCardProps": [["rev", {}, "unknown", "yesterday"]]}),
    (["KIND:robot"], {"vCardProps": [["kind", {}, "unknown", "robot"]]}),
    (["KIND:ORG"], {"kind": "org"}),
    (["KIND:example.com:baz"], {"kind": "example.com:baz"}),
    (["MEMBER:u1"], {"kind": "group", "members": {"u1": True}}),
    (["MEMBER:"], {"vCardProps": [["member", {}, "unknown", ""]]}),
    (["ADR:;;Street 5;Town;;1234;Land"], {"addresses": {"ADDR-1": {"components": [{"kind": "name", "value": "Street 5"}, {"kind": "locality", "value": "Town"}, {"kind": "postcode", "value": "1234"}, {"kind": "country", "value": "Land"}]}}}),
    (['ADR;LABEL="A\\nB^nC";GEO="geo:1,2";TZ=Europe/Paris:;;;;;;'], {"addresses": {"ADDR-1": {"full": "A\\nB\nC", "coordinates": "geo:1,2", "timeZone": "Europe/Paris"}}}),
    (["ADR:;;;;;;"], {"vCardProps": [["adr", {}, "unknown", ";;;;;;"]]}),
    (["ORG:;Sales"], {"organizations": {"ORG-1": {"units": [{"name": "Sales"}]}}}),
    (['ORG;SORT-AS=",S":A;Sales;'], {"organizations": {"ORG-1": {"name": "A", "units": [{"name": "Sales", "sortAs": "S"}]}}}),
    (["ORG:"], {"vCardProps": [["org", {}, "unknown", ""]]}),
    (["TEL;PROP-ID=a:1", "TEL;PROP-ID=a:2", "TEL;PROP-ID=PHONE-4:3", "TEL:4"], {"phones": {"a": {"number": "1"}, "PHONE-2": {"number": "2"}, "PHONE-4": {"number": "3"}}, "vCardProps": [["tel", {}, "unknown", "4"]]}),
    (["BDAY;VALUE=text:circa 1800"], {"vCardProps": [["bday", {}, "text", "circa 1800"]]}),
    (["BDAY:noon"], {"vCardProps": [["bday", {}, "unknown", "noon"]]}),
    (["BDAY:20001315"], {"vCardProps": [["bday", {}, "unknown", "20001315"]]}),
    (["BDAY;CALSCALE=Gregorian:--0412"], {"anniversaries": {"ANNIVERSARY-1": {"kind": "birth", "date": {"month": 4, "day": 12, "calendarScale": "gregorian"}}}}),
    (["NOTE;AUTHOR=\"mailto:a@b\";CREATED=x:y"], {"notes": {"NOTE-1": {"note": "y", "author": {"uri": "mailto:a@b"}}}}),
    (["SOCIALPROFILE;VALUE=text;SERVICE-TYPE=X:peter"], {"onlineServices": {"OS-1": {"user": "peter", "service": "X"}}}),
    (["SOCIALPROFILE;USERNAME=pete:https://x.test/p"], {"onlineServices": {"OS-1": {"user": "pete", "uri": "https://x.test/p"}}}),
    (["INTEREST:rock"], {"personalInfo": {"PERSINFO-1": {"kind": "interest", "value": "rock"}}}),
    (["TEL;TYPE=cell;PREF=0:1", "TEL;PREF=x:2"], {"phones": {"PHONE-1": {"number": "1", "features": {"mobile": True}}, "PHONE-2": {"number": "2"}}}),
    (["JSPROP;JSPTR=a:{not json"], {"vCardProps": [["jsprop", {"jsptr": "a"}, "unknown", "{not json"]]}),
    (["JSPROP;JSPTR=name/full:\"x\""], {}),
    (["JSPROP;JSPTR=kind:5"], {}),
    (["X-ABLabel:loose"], {"vCardProps": [["x-ablabel", {}, "unknown", "loose"]]}),
    (["NICKNAME:A,B\\,C"], {"nicknames": {"NICK-1": {"name": "A"}, "NICK-2": {"name": "B,C"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), MORE, ids=lambda value: str(value)[:40])
def test_what_else_comes_and_what_has_no_place(lines, expected):
    assert card_of(*lines) == expected


def test_version_3():
    found = card_of(
        "N:Doe;Jane",
        "EMAIL;TYPE=INTERNET,HOME,pref:jane@far.test",
        "PHOTO;ENCODING=b;TYPE=JPEG:/9j/",
        " 4AAQ",
        "SOUND;ENCODING=b:AAAA",
        "KEY;ENCODING=b;TYPE=home:AAAA",
        "LOGO;ENCODING=b;TYPE=image/png:AAAA",
        "X-ADDRESSBOOKSERVER-KIND:group",
        "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1",
        version="3.0",
    )
    assert found["emails"] == {"EMAIL-1": {"address": "jane@far.test", "contexts": {"private": True}, "pref": 1}}
    assert found["media"] == {
        "PHOTO-1": {"kind": "photo", "uri": "data:image/jpeg;base64,/9j/4AAQ"},
        "SOUND-1": {"kind": "sound", "uri": "data:audio/octet-stream;base64,AAAA"},
        "LOGO-1": {"kind": "logo", "uri": "data:image/png;base64,AAAA"},
    }
    assert found["cryptoKeys"]["KEY-1"]["uri"] == "data:application/octet-stream;base64,AAAA"
    assert (found["kind"], found["members"]) == ("group", {"urn:uuid:1": True})


def test_version_2_1():
    found = card_of(
        "N;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:M=FCller;J=",
        "=FCrgen",
        "NOTE;QUOTED-PRINTABLE;CHARSET=nonsense:gr=C3=BCn",
        "NOTE;QUOTED-PRINTABLE:=FF",
        "TEL;HOME;VOICE:123",
        "AGENT:",
        "BEGIN:VCARD",
        "FN:Somebody else",
        "END:VCARD",
        version="2.1",
    )
    parts = [one["value"] for one in found["name"]["components"]]
    assert parts == ["Müller", "Jürgen"]
    assert [one["note"] for one in found["notes"].values()] == ["grün", "ÿ"]
    assert found["phones"] == {"PHONE-1": {"number": "123", "contexts": {"private": True}, "features": {"voice": True}}}
    assert "Somebody" not in str(found)


def test_a_file_holds_many_cards_and_what_is_wrong_with_one_is_its_own():
    text = "rubbish\nEND:VCARD\nBEGIN:VCARD\nFN:A\nEND:VCARD\n\nBEGIN:VCARD\nno line\nEND:VCARD\nbegin:vcard\nFN:B\nend:vcard\nBEGIN:VCARD"
    for octets in (
        text.encode(),
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
    ):
        found = list(parse(octets))
        assert [one["name"]["full"] if isinstance(one, dict) else type(one) for one in found] == [
            "A",
            SyntaxProblem,
            "B",
            SyntaxProblem,
        ]
    many = "BEGIN:VCARD\n" + "X:y\n" * (content_line.MOST_LINES + 1) + "END:VCARD\n"
    (found,) = parse(many.encode())
    assert isinstance(found, SyntaxProblem)


def test_latin_1_is_read_too():
    (found,) = parse("BEGIN:VCARD\nFN:Müller\nEND:VCARD\n".encode("latin-1"))
    assert found["name"] == {"full": "Müller"}


# --- writing ---------------------------------------------------------------------------------------------------------

CARDS = [
    {"name": {"components": [{"kind": "given", "value": "A;,\\B\nC"}, {"kind": "surname2", "value": "S"}], "full": "x"}},
    {"name": {"full": "x"}, "speakToAs": {"grammaticalGender": "neuter"}, "localizations": {"de": {"name/full": "y"}}},
    {"phones": {"p": {"number": "1", "label": "desk", "features": {"mobile": True, "main-number": True}}}},
    {"emails": {"e": {"address": '"a;b"@c.test', "contexts": {"work": False, "private": True}}}},
    {"media": {"m": {"kind": "example.com:x", "uri": "x:y"}}},
    {"media": {"m": {"kind": "logo", "uri": "https://x.test/a,b;c", "mediaType": "image/png", "label": "l"}}},
    {"anniversaries": {"a": {"kind": "birth", "date": {"year": 2000}, "place": {"full": "here"}}}},
    {"anniversaries": {"a": {"kind": "example.com:x", "date": {"year": 2000}}}},
    {"anniversaries": {"a": {"kind": "birth", "date": {"year": 2000, "month": 2, "calendarScale": "hebrew"}}}},
    {"onlineServices": {"o": {"user": "me;you", "service": "X"}, "p": {"uri": "x:y", "user": "z", "vCardName": "impp"}}},
    {"personalInfo": {"i": {"kind": "example.com:x", "value": "y"}}},
    {"personalInfo": {"i": {"kind": "expertise", "value": "y", "level": "high", "listAs": 3, "label": "l"}}},
    {"personalInfo": {"i": {"kind": "hobby", "value": "y", "level": "low"}, "j": {"kind": "interest", "value": "z"}}},
    {"organizations": {"o": {"name": "A"}}, "titles": {"t": {"name": "B", "kind": "role", "organizationId": "o"}}},
    {"titles": {"t": {"name": "B", "kind": "title", "organizationId": "gone"}}},
    {"addresses": {"a": {"components": [{"kind": "apartment", "value": "5"}], "pref": 3, "timeZone": "Europe/Rome"}}},
    {"relatedTo": {"a,b": {"relation": {"friend": True, "kin": True}}, "urn:x:1,2": {"relation": {}}}},
    {"keywords": {"a,b": True, "c\\": True}},
    {"keywords": {}},
    {"notes": {"n": {"note": "x" * 300 + "ü" * 300, "author": {"name": 'J "x" ^n', "uri": "mailto:a@b"}}}},
    {"directories": {"d": {"kind": "entry", "uri": "x:y", "listAs": 2}}},
    {"vCardProps": [["x-foo", {"x-bar": ["1", "2"], "group": "g"}, "text", "a"]]},
    {"example.com:a b": {"x": [1, "ü\n"]}},
    {"preferredLanguages": {"l": {"language": "de"}}, "nicknames": {"n": {"name": "x:a,b"}}},
    {"kind": "group", "members": {"a;b": True, "urn:uuid:1": True}},
]  # fmt: skip


@pytest.mark.parametrize("more", CARDS, ids=lambda card: str(card)[:40])
def test_cards_come_back(more):
    card = {"uid": "u;1", **more}
    assert problems({"version": "1.0", **card}) == []
    text = format_card(card)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (again,) = parse(text.encode())
    assert problems(again) == []
    for name, value in card.items():
        if name == "titles" and "organizations" not in card:
            value = {key: {n: v for n, v in title.items() if n != "organizationId"} for key, title in value.items()}
        if name == "emails":
            value = {"e": {"address": '"a;b"@c.test', "contexts": {"private": True}}}
        if value or name != "keywords":
            assert again.get(name) == value, text


def test_the_full_name_is_made_where_there_is_none():
    parts = [{"kind": "given", "value": "Jane"}, {"kind": "surname", "value": "Doe"}]
    text = format_card({"uid": "u", "name": {"components": parts, "isOrdered": True}})
    assert "FN;DERIVED=true:Jane Doe\r\nN:Doe;Jane;;;;;\r\n" in text
    assert "\r\nFN:\r\n" in format_card({"uid": "u"})


def test_contents_apart_are_written_into_the_card():
    card = {"uid": "u", "media": {"p": {"kind": "photo", "mediaType": "image/png"}, "q": {"kind": "photo"}}}
    text = format_card(card, {"p": b"\0\0\0"})
    (again,) = parse(text.encode())
    assert again["media"] == {"p": {"kind": "photo", "uri": "data:image/png;base64,AAAA"}}


def test_what_was_kept_in_an_odd_form_goes_along_too():
    card = {"uid": "u", "vCardProps": [["x-a", {"group": 5, "b": 7}, "integer", 5, True], ["x"]]}
    text = format_card(card)
    assert 'X-A;B=7;VALUE=integer:5,true\r\nJSPROP;JSPTR=vCardProps:["x"]' in text.replace("\\,", ",").replace(
        'JSPTR="vCardProps"', "JSPTR=vCardProps"
    )


# --- lines and dates -------------------------------------------------------------------------------------------------


def test_lines():
    line = content_line.parse('g.adr;X="a;b:c,d",e;y=^^1^\'^n^x;Z=:a:b;c')
    assert line == Line("ADR", "a:b;c", {"X": ["a;b:c,d", "e"], "Y": ['^1"\n^x']}, "g")
    assert line.parameter("X") == "a;b:c,d" and line.parameter("NONE") == "" and line.types == []
    assert format_line(Line("X", "a\r\nb", {"P": ["a b", "x"], "Q": []})) == 'X;P="a b",x:ab\r\n'
    for wrong in ("", "x", "ä:x", 'a;b="c:d', "a b:c", ".a:b", "a;=:b"):
        with pytest.raises(SyntaxProblem):
            content_line.parse(wrong)


def test_escapes():
    assert escape("a;b,c\\d\r\ne") == "a\\;b\\,c\\\\d\\ne"
    assert unescape("a\\;b\\,c\\\\d\\ne\\N\\x\\") == "a;b,c\\d\ne\nx\\"
    assert split("a\\;b;c;", ";") == ["a\\;b", "c", ""] and split("a\\", ";") == ["a\\"]
    assert components("a,b;;c\\,d") == [["a", "b"], [], ["c,d"]]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_any_text_comes_back(text):
    assert unescape(escape(text)) == text
    folded = fold(text.replace("\n", ""))
    assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
    assert folded.replace("\r\n ", "") == text.replace("\n", "")
    parameters = {"A": [text]} if text else {}
    line = content_line.parse(format_line(Line("X", "v", parameters)).replace("\r\n ", "")[:-2])
    assert line.parameters == parameters


DATES = [
    ("19531015", {"year": 1953, "month": 10, "day": 15}),
    ("1953-10-15", {"year": 1953, "month": 10, "day": 15}),
    ("1953-10", {"year": 1953, "month": 10}),
    ("1953", {"year": 1953}),
    ("--1015", {"month": 10, "day": 15}),
    ("--10-15", {"month": 10, "day": 15}),
    ("19531015T1020", {"year": 1953, "month": 10, "day": 15}),
]


@pytest.mark.parametrize(("text", "date"), DATES)
def test_dates(text, date):
    assert parse_date(text) == date
    assert parse_date(format_date(date)) == date


@pytest.mark.parametrize("text", ["", "53", "---15", "x", "٢٠٠٠"])
def test_what_is_no_date(text):
    with pytest.raises(SyntaxProblem):
        parse_date(text)


def test_timestamps():
    assert parse_timestamp("20221123T150132Z") == "2022-11-23T15:01:32Z"
    assert parse_timestamp("2022-11-23T15:01:32.5+01:30") == "2022-11-23T13:31:32Z"
    assert parse_timestamp("20211022T140000-05") == "2021-10-22T19:00:00Z"
    assert parse_timestamp("20211022") == "2021-10-22T00:00:00Z"
    assert parse_timestamp("20211022T140000") == "2021-10-22T14:00:00Z"
    assert format_timestamp("2022-11-23T15:01:32.5Z") == "20221123T150132Z"
    assert format_timestamp("0001-01-01T00:00:00Z") == "00010101T000000Z"
    assert has_moment("20221123T150132Z") and not has_moment("20221123T150132") and not has_moment("x")
    for wrong in ("", "20221323", "00010101T000000+01", "now"):
        with pytest.raises(SyntaxProblem):
            parse_timestamp(wrong)


PIECES = st.sampled_from(
    ["BEGIN:VCARD", "END:VCARD", "\r\n", "\n ", "FN:", "N:", "ADR", "TEL", ";", ":", ",", "TYPE=", "ENCODING=b", "=", '"', "\\", "JSPROP;JSPTR=", "kind", "{}", "PHOTO", "data:", "BDAY:", "2000", "QUOTED-PRINTABLE", "ORG", "x", "ü", "\0", "MEMBER:", "KIND:group"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join), st.binary(max_size=30))
def test_whatever_a_file_holds_is_cards_or_told(text, octets):
    for whole in (text.encode(), octets, b"BEGIN:VCARD\n" + text.encode() + octets + b"\nEND:VCARD"):
        for found in parse(whole):
            if isinstance(found, SyntaxProblem):
                continue
            assert problems({"uid": "-", **found}) == []
            for again in parse(format_card({"uid": "-", **found}).encode()):
                assert isinstance(again, dict)
