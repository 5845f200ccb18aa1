"""Email creation (RFC 8621 §4.6): what may not be is named, the rest becomes a message that reads as it was meant."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap.compose import BlobsNotFound, Fresh, compose
from pillarbox.grammar.jmap.creation import InvalidEmail, parse_creation
from pillarbox.grammar.jmap.email import Values, parse_wanted, read_email
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

LIMITS = Limits()
FRESH = Fresh(datetime(2018, 7, 10, 11, 3, 11, tzinfo=timezone(timedelta(hours=10))), "new@x.example", "=_bound")
VALUES = {"t": {"value": "Hello\n"}, "h": {"value": "<p>Hello</p>"}}
TEXT, HTML = {"partId": "t", "type": "text/plain"}, {"partId": "h", "type": "text/html"}
PNG = b"\x89PNG\r\n\x1a\n" * 20


def make(blobs=None, **email) -> bytes:
    return compose(parse_creation(email, limits=LIMITS), blobs or {}, FRESH)


def read(octets: bytes, *properties: str, parts=None):
    wanted = parse_wanted(properties, parts, Values(all=True))
    return read_email(octets, scan(octets, limits=LIMITS), wanted, blob_id="B1")


def shape(octets: bytes) -> object:
    def of(part):
        return {part["type"]: [of(child) for child in part["subParts"]]} if part["subParts"] else part["type"]

    return of(read(octets, "bodyStructure", parts=["type", "subParts"])["bodyStructure"])


def wrong(**email) -> set[str]:
    with pytest.raises(InvalidEmail) as caught:
        parse_creation(email, limits=LIMITS)
    return set(caught.value.properties)


def test_the_plain_draft_of_rfc_8621_4_10():
    octets = make(
        mailboxIds={"2ea1ca41b38e": True},
        keywords={"$seen": True, "$draft": True},
        **{"from": [{"name": "Joe Bloggs", "email": "joe@example.com"}]},
        subject="World domination",
        receivedAt="2018-07-10T01:03:11Z",
        sentAt="2018-07-10T11:03:11+10:00",
        bodyStructure={"type": "text/plain", "partId": "bd48", "header:Content-Language": "en"},
        bodyValues={"bd48": {"value": "I have the most brilliant plan.  Let me tell\nyou all about it.  What we do is, we", "isTruncated": False}},
    )  # fmt: skip
    assert octets == (
        b"Date: Tue, 10 Jul 2018 11:03:11 +1000\r\n"
        b"From: Joe Bloggs <joe@example.com>\r\n"
        b"Subject: World domination\r\n"
        b"Message-ID: <new@x.example>\r\n"
        b"Content-Language:en\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"I have the most brilliant plan.  Let me tell\r\n"
        b"you all about it.  What we do is, we\r\n"
    )


def test_the_html_draft_of_rfc_8621_4_10():
    text = "I have the most brilliant plan.  Let me tell\nyou all about it.  What we do is, we"
    html = '<!DOCTYPE html><html><head><title></title>\n<style type="text/css">div{font-size:16px}</style></head>\n<body><div>I have the most <b>brilliant</b> plan.</div></body>\n</html>'
    octets = make(
        **{"from": [{"name": "Joe Bloggs", "email": "joe@example.com"}]},
        to=[{"name": "John", "email": "john@example.com"}],
        subject="World domination",
        sentAt="2018-07-10T11:05:08+10:00",
        bodyStructure={
            "type": "multipart/alternative",
            "subParts": [
                {"partId": "a49d", "type": "text/html", "header:Content-Language": "en"},
                {"partId": "bd48", "type": "text/plain", "header:Content-Language": "en"},
            ],
        },
        bodyValues={"bd48": {"value": text, "isTruncated": False}, "a49d": {"value": html, "isTruncated": False}},
    )
    found = read(
        octets,
        "from",
        "to",
        "subject",
        "sentAt",
        "bodyValues",
        "textBody",
        "htmlBody",
        parts=["partId", "type", "language"],
    )
    assert found == {
        "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
        "to": [{"name": "John", "email": "john@example.com"}],
        "subject": "World domination",
        "sentAt": "2018-07-10T11:05:08+10:00",
        "bodyValues": {
            "1": {"value": html, "isEncodingProblem": False, "isTruncated": False},
            "2": {"value": text, "isEncodingProblem": False, "isTruncated": False},
        },
        "textBody": [{"partId": "2", "type": "text/plain", "language": ["en"]}],
        "htmlBody": [{"partId": "1", "type": "text/html", "language": ["en"]}],
    }


def test_an_empty_email_has_what_every_message_must_have():
    found = read(make(), "sentAt", "messageId", "header:MIME-Version:asText", "bodyStructure", parts=["type", "size"])
    assert found == {
        "sentAt": "2018-07-10T11:03:11+10:00",
        "messageId": ["new@x.example"],
        "header:MIME-Version:asText": "1.0",
        "bodyStructure": {"type": "text/plain", "size": 0},
    }


def test_what_the_client_sets_is_not_set_again():
    octets = make(sentAt="2001-01-01T00:00:00Z", messageId=["mine@x"], **{"header:Mime-Version": " 1.0 (mine)"})
    assert octets.lower().count(b"mime-version") == octets.count(b"Date:") == octets.count(b"Message-ID:") == 1
    assert read(octets, "messageId", "sentAt") == {"messageId": ["mine@x"], "sentAt": "2001-01-01T00:00:00Z"}


FILE = {"blobId": "U1", "type": "image/png", "name": "ü.png", "disposition": "attachment"}
INLINE = {"blobId": "U1", "type": "image/png", "cid": "i@x", "disposition": "inline"}


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ({"textBody": [TEXT]}, "text/plain"),
        ({"htmlBody": [HTML]}, "text/html"),
        ({"textBody": [TEXT], "htmlBody": [HTML]}, {"multipart/alternative": ["text/plain", "text/html"]}),
        ({"textBody": [TEXT], "attachments": [FILE]}, {"multipart/mixed": ["text/plain", "image/png"]}),
        ({"attachments": [FILE]}, {"multipart/mixed": ["text/plain", "image/png"]}),
        ({"textBody": [TEXT], "attachments": [INLINE]}, {"multipart/mixed": ["text/plain", "image/png"]}),
        ({"htmlBody": [HTML], "attachments": [INLINE]}, {"multipart/related": ["text/html", "image/png"]}),
        (
            {"textBody": [TEXT], "htmlBody": [HTML], "attachments": [FILE, INLINE]},
            {"multipart/mixed": [{"multipart/related": [{"multipart/alternative": ["text/plain", "text/html"]}, "image/png"]}, "image/png"]},
        ),
        ({"textBody": [{"partId": "t"}], "htmlBody": [{"partId": "h"}]}, {"multipart/alternative": ["text/plain", "text/html"]}),
        ({"bodyStructure": {"subParts": [{"partId": "t"}, {"blobId": "U1"}]}}, {"multipart/mixed": ["text/plain", "application/octet-stream"]}),
        ({"textBody": None, "bodyStructure": TEXT, "attachments": None}, "text/plain"),
    ],
)  # fmt: skip
def test_the_structure_that_is_made(email, expected):
    assert shape(make({"U1": PNG}, bodyValues=VALUES, **email)) == expected


def test_all_properties_of_a_part_come_back():
    part = {
        "blobId": "U1", "type": "image/png", "name": "ü x.png", "disposition": "attachment", "cid": "i@x", "language": ["en", "de"],
        "location": "http://x/y", "size": 7, "header:X-Odd:asText": "grün", "charset": None,
    }  # fmt: skip
    octets = make({"U1": PNG}, attachments=[part])
    found = read(
        octets,
        "attachments",
        parts=["size", "name", "type", "charset", "disposition", "cid", "language", "location", "header:X-Odd:asText"],
    )
    expected = {name: value for name, value in part.items() if name != "blobId"}
    assert found == {"attachments": [{**expected, "size": len(PNG)}]}


def test_a_name_without_a_disposition_is_the_types():
    octets = make(
        {"U1": b"x\xff"}, bodyStructure={"blobId": "U1", "type": "text/csv", "charset": "iso-8859-1", "name": "a b.csv"}
    )
    found = read(octets, "bodyStructure", parts=["name", "disposition", "charset", "type"])["bodyStructure"]
    assert found == {"name": "a b.csv", "disposition": None, "charset": "iso-8859-1", "type": "text/csv"}


def test_a_content_type_of_the_clients_keeps_its_parameters_and_loses_its_boundary():
    octets = make(
        bodyStructure={
            "header:Content-Type": " multipart/report; report-type=delivery-status; boundary=evil",
            "subParts": [{"partId": "t", "header:Content-Type:asText": "text/plain; format=flowed; x*=utf-8''%C3%BC"}],
        },
        bodyValues=VALUES,
    )
    assert shape(octets) == {"multipart/report": ["text/plain"]}
    assert b"report-type=delivery-status" in octets
    assert b"format=flowed" in octets
    assert b"x*=utf-8''%C3%BC" in octets
    assert b"evil" not in octets


@pytest.mark.parametrize(
    ("kind", "octets", "encoding"),
    [
        ("message/rfc822", b"Subject: x\r\n\r\ny", b"7bit"),
        ("message/rfc822", "Subject: ü\r\n\r\ny".encode(), b"8bit"),
        ("message/rfc822", b"Subject: x\n\ny\0", b"binary"),
        ("text/plain", b"a\r\nb", b"7bit"),
        ("text/plain", b"a\nb", b"base64"),
        ("text/plain", "ü".encode(), b"base64"),
        ("application/pdf", b"abc", b"base64"),
    ],
)
def test_blobs_travel_unchanged(kind, octets, encoding):
    message = make({"U1": octets}, attachments=[{"blobId": "U1", "type": kind}])
    part = scan(message, limits=LIMITS).children[1]
    assert part.encoding == encoding
    found = read(message, "attachments", parts=["type", "size"])["attachments"]
    assert found == [{"type": kind, "size": len(octets)}]
    if encoding != b"base64":
        assert message[part.body : part.end] == octets


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("a\nb", b"7bit"),
        ("x" * 100, b"quoted-printable"),
        ("Grüße " + "x" * 50, b"quoted-printable"),
        ("日本語", b"base64"),
        ("a\0", b"quoted-printable"),
        ("\r\n\r", b"7bit"),
    ],
)
def test_text_is_as_readable_as_it_can_be(text, encoding):
    message = make(bodyStructure={"subParts": [{"partId": "t"}]}, bodyValues={"t": {"value": text}})
    assert scan(message, limits=LIMITS).children[0].encoding == encoding
    value = read(message, "bodyValues")["bodyValues"]["1"]
    assert value == {
        "value": text.replace("\r\n", "\n").replace("\r", "\n"),
        "isEncodingProblem": False,
        "isTruncated": False,
    }


def test_json_as_text_has_no_charset():
    octets = make(bodyStructure={"partId": "t", "type": "application/json"}, bodyValues={"t": {"value": "ü"}})
    assert b"Content-Type: application/json\r\n" in octets


def test_a_boundary_that_stands_in_the_content_is_changed():
    message = make(
        {"U1": b"x\r\n\r\n--=_bound_1_\r\n--=_bound_1_x--\r\ny"}, attachments=[{"blobId": "U1", "type": "text/plain"}]
    )
    assert shape(message) == {"multipart/mixed": ["text/plain", "text/plain"]}
    assert b'boundary="=_bound_1_xx"' in message


def test_lines_end_in_crlf_and_are_short_where_we_write_them():
    message = make(
        {"U1": PNG * 100}, bodyValues={"t": {"value": "ü\n" * 500 + "x" * 3_000}, "h": {"value": "<p>日本語"}},
        textBody=[TEXT], htmlBody=[HTML], attachments=[{**FILE, "name": "ü" * 300}], subject="ü" * 500,
        to=[{"name": "A" * 300, "email": f"a{n}@x.example"} for n in range(50)],
    )  # fmt: skip
    lines = message.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 100
    assert read(message, "attachments", parts=["name"])["attachments"] == [{"name": "ü" * 300}]


def test_fields_stand_in_the_usual_order_and_each_instance_is_written():
    octets = make(
        **{
            "header:X-A:all": [" 1", " 2"],
            "to": [{"email": "a@x"}],
            "from": [{"email": "b@x"}],
            "header:X-B:asURLs:all": [],
        }
    )
    names = [field["name"] for field in read(octets, "headers")["headers"]]
    assert names[:6] == ["Date", "From", "To", "Message-ID", "X-A", "X-A"]
    assert "X-B" not in names


def test_missing_blobs_are_all_named():
    email = parse_creation(
        {"attachments": [{"blobId": "U1"}, {"blobId": "U2"}, {"blobId": "U3"}, {"blobId": "U2"}]}, limits=LIMITS
    )
    assert email.blob_ids() == ("U1", "U2", "U3")
    assert email.content_octets({"U1": 100, "U3": 1}) >= 101
    with pytest.raises(BlobsNotFound) as caught:
        compose(email, {"U1": b""}, FRESH)
    assert caught.value.blob_ids == ("U2", "U3")


def nested(depth):
    part = {"partId": "t"}
    for _ in range(depth):
        part = {"subParts": [part]}
    return part


@pytest.mark.parametrize(
    ("email", "properties"),
    [
        ({"headers": []}, {"headers"}),
        ({"id": "e1", "preview": "x", "colour": 1}, {"id", "preview", "colour"}),
        ({"from": [], "header:from": " a@x"}, {"from", "header:from"}),
        ({"header:X": " a", "header:x:asText": "b"}, {"header:X", "header:x:asText"}),
        ({"header:From:asDate": "x"}, {"header:From:asDate"}),
        ({"header:a b": "x"}, {"header:a b"}),
        ({"header:" + "x" * 600: "x"}, {"header:" + "x" * 600}),
        ({"header:X:all": " x"}, {"header:X:all"}),
        ({"header:X:all": [" x", 5]}, {"header:X:all"}),
        ({"header:X": " x\r\nBcc: y"}, {"header:X"}),
        ({f"header:X{n}": " x" * 400 for n in range(400)}, {f"header:X{n}" for n in range(100)}),
        ({"subject": 5, "sentAt": "now"}, {"subject", "sentAt"}),
        ({"header:Content-Type": " text/plain"}, {"header:Content-Type"}),
        ({"header:content-x": " y"}, {"header:content-x"}),
        ({"bodyStructure": TEXT, "textBody": [TEXT], "attachments": []}, {"bodyStructure", "textBody", "attachments"}),
        ({"subject": "x", "bodyStructure": {**TEXT, "header:Subject": " y"}}, {"subject", "bodyStructure/header:Subject"}),
        ({"textBody": []}, {"textBody"}),
        ({"textBody": [TEXT, TEXT]}, {"textBody"}),
        ({"textBody": TEXT}, {"textBody"}),
        ({"textBody": [HTML]}, {"textBody/0/type"}),
        ({"htmlBody": [TEXT]}, {"htmlBody/0/type"}),
        ({"htmlBody": [{"partId": "t", "type": "text"}]}, {"htmlBody/0/type"}),
        ({"attachments": {}}, {"attachments"}),
        ({"attachments": [5]}, {"attachments/0"}),
        ({"bodyValues": []}, {"bodyValues"}),
        ({"bodyValues": {"t": "x"}}, {"bodyValues/t"}),
        ({"bodyValues": {"t": {"value": "x", "isTruncated": True}}}, {"bodyValues/t"}),
        ({"bodyValues": {"t": {"value": "x", "isEncodingProblem": 0}}}, {"bodyValues/t"}),
        ({"bodyValues": {"t": {"value": "x", "more": False}}}, {"bodyValues/t"}),
        ({"bodyStructure": 5}, {"bodyStructure"}),
        ({"bodyStructure": {}}, {"bodyStructure/partId"}),
        ({"bodyStructure": {"partId": "u"}}, {"bodyStructure/partId"}),
        ({"bodyStructure": {"partId": 5}}, {"bodyStructure/partId"}),
        ({"bodyStructure": {**TEXT, "blobId": "U1"}}, {"bodyStructure/partId", "bodyStructure/blobId"}),
        ({"bodyStructure": {**TEXT, "charset": "utf-8", "size": 5}}, {"bodyStructure/charset", "bodyStructure/size"}),
        ({"bodyStructure": {**TEXT, "headers": []}}, {"bodyStructure/headers"}),
        ({"bodyStructure": {**TEXT, "header:Content-Transfer-Encoding": " 8bit"}}, {"bodyStructure/header:Content-Transfer-Encoding"}),
        ({"bodyStructure": {**TEXT, "header:Content-Type": " text/x"}}, {"bodyStructure/type", "bodyStructure/header:Content-Type"}),
        ({"bodyStructure": {"partId": "t", "header:Content-Type": " text"}}, {"bodyStructure/header:Content-Type"}),
        ({"bodyStructure": {"partId": "t", "header:Content-Type": " a{/b"}}, {"bodyStructure/header:Content-Type"}),
        ({"bodyStructure": {"partId": "t", "header:Content-Type:all": [" a/b", " a/b"]}}, {"bodyStructure/header:Content-Type:all"}),
        ({"bodyStructure": {"partId": "t", "header:Content-Type": " text/plain; charset=koi8-r"}}, {"bodyStructure/header:Content-Type"}),
        ({"bodyStructure": {**TEXT, "cid": "a", "header:Content-ID": " <b>"}}, {"bodyStructure/cid", "bodyStructure/header:Content-ID"}),
        ({"bodyStructure": {**TEXT, "cid": "a>b", "location": "a b", "disposition": "x; y"}}, {f"bodyStructure/{n}" for n in ("cid", "location", "disposition")}),
        ({"bodyStructure": {**TEXT, "language": "en", "name": 5}}, {"bodyStructure/language", "bodyStructure/name"}),
        ({"bodyStructure": {**TEXT, "language": ["e n"], "colour": 5}}, {"bodyStructure/language", "bodyStructure/colour"}),
        ({"bodyStructure": {**TEXT, "name": "\ud800"}}, {"bodyStructure/name"}),
        ({"bodyStructure": {"blobId": "U 1"}}, {"bodyStructure/blobId"}),
        ({"bodyStructure": {"blobId": "U1", "type": "multipart/mixed"}}, {"bodyStructure/type", "bodyStructure/blobId"}),
        ({"bodyStructure": {"partId": "t", "type": "message/rfc822"}}, {"bodyStructure/type"}),
        ({"bodyStructure": {"type": "text/plain", "subParts": [TEXT]}}, {"bodyStructure/type", "bodyStructure/subParts"}),
        ({"bodyStructure": {"subParts": []}}, {"bodyStructure/subParts"}),
        ({"bodyStructure": {"subParts": "x"}}, {"bodyStructure/subParts"}),
        ({"bodyStructure": {"subParts": [TEXT, {"partId": "t", "type": "x"}]}}, {"bodyStructure/subParts/1/type"}),
        ({"bodyStructure": nested(51)}, {"bodyStructure" + "/subParts/0" * 51}),
        ({"attachments": [TEXT] * 1_001}, {"attachments/1000"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(email, properties):
    assert wrong(**{"bodyValues": VALUES, **email}) == properties


def test_no_more_than_a_hundred_wrong_properties_are_told():
    assert len(wrong(**{f"x{n}": 1 for n in range(200)})) == 100


def test_as_many_levels_as_are_allowed_can_be_made():
    assert make(bodyStructure=nested(50), bodyValues=VALUES).count(b"multipart/mixed") == 50


@pytest.mark.parametrize("email", [None, 5, "x", []])
def test_an_email_is_an_object(email):
    with pytest.raises(SyntaxProblem):
        parse_creation(email, limits=LIMITS)


NAMES = st.sampled_from(
    ["from", "subject", "sentAt", "messageId", "header:X:asText", "header:Content-Type", "header:X", "bodyStructure", "bodyValues", "textBody",
     "htmlBody", "attachments", "partId", "blobId", "type", "subParts", "name", "email", "value", "isTruncated", "language", "cid", "charset", "t"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["t", "U1", "text/html", "multipart/mixed", " a/b; c=d"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
PARTS = st.recursive(
    st.fixed_dictionaries({"partId": st.just("t")}, optional={"name": st.text(), "cid": st.text(), "header:X:asText": st.text(), "language": JSON})
    | st.fixed_dictionaries({"blobId": st.just("U1")}, optional={"name": st.text(), "type": st.sampled_from(["message/rfc822", "text/plain"]), "header:Content-Type": st.text()}),
    lambda inner: st.fixed_dictionaries({"subParts": st.lists(inner, min_size=1, max_size=3)}),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, JSON, max_size=6)
    | st.builds(lambda s, v: {"bodyStructure": s, "bodyValues": {"t": {"value": v}}}, PARTS, st.text()),
    st.binary(),
)
def test_any_creation_is_a_message_or_refused(email, blob):
    try:
        new = parse_creation(email, limits=LIMITS)
        octets = compose(new, {"U1": blob}, FRESH)
    except SyntaxProblem:
        return
    head = octets.partition(b"\r\n\r\n")[0]
    assert head.replace(b"\r\n", b"").count(b"\n") == 0
    assert octets.count(b"\r\nMessage-ID:") + octets.startswith(b"Message-ID:") == 1


@settings(deadline=None)
@given(PARTS, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")), st.binary())
def test_any_structure_comes_back(part, text, blob):
    try:
        octets = compose(
            parse_creation(
                {"bodyStructure": {"subParts": [part, part]}, "bodyValues": {"t": {"value": text}}}, limits=LIMITS
            ),
            {"U1": blob},
            FRESH,
        )
    except SyntaxProblem:
        return

    def leaves(value):
        return [leaf for child in value["subParts"] for leaf in leaves(child)] if "subParts" in value else [value]

    found = read(octets, "bodyStructure", "bodyValues", parts=["partId", "size", "type"])
    written, seen = leaves({"subParts": [part, part]}), leaves(found["bodyStructure"])
    assert len(written) == len(seen)
    for one, back in zip(written, seen, strict=True):
        if "partId" in one:
            assert found["bodyValues"][back["partId"]]["value"] == text
        else:
            assert back["size"] == len(blob)
