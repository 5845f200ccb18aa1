"""Blob/upload, Blob/get, Blob/lookup (RFC 9404), with the examples of the standard."""

import base64
import hashlib
from pathlib import Path

import pytest
from jmap_site import CORE, MAIL, Site, open_jmap

from office import address, open_office
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.method import ANSWER_OCTETS

BLOB = "urn:ietf:params:jmap:blob"
FOX = "The quick brown fox jumped over the lazy dog."
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQMAAAAl21bKAAAAA1BMVEX/AAAZ4gk3AAAAAXRSTlN/gFy0ywAAAApJREFUeJxjYgAAAAYAAzY3fKgAAAAASUVORK5CYII="
BROKEN = "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wZWQgb3ZlciB0aGUggYEgZG9nLg=="
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
MESSAGE = (
    b"From: ann@far.test\r\nSubject: two parts\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nGood morning.\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(PICTURE)
    + b"\r\n--b--\r\n"
)


def blob_id(octets: bytes) -> str:
    return "U" + hashlib.sha256(octets).hexdigest()


async def calls(site: Site, *made: tuple[str, dict], using: tuple[str, ...] = (CORE, MAIL, BLOB)) -> list:
    """The arguments of the responses."""
    named = [[name, {"accountId": site.id, **arguments}, str(n)] for n, (name, arguments) in enumerate(made)]
    answer = await site.post(named, using=using)
    assert answer.status_code == 200, answer.text
    return [found for _, found, _ in answer.json()["methodResponses"]]


async def upload(site: Site, *sources: dict, kind: str | None = None) -> dict:
    """What is said of the only creation: created, or not."""
    (answer,) = await calls(site, ("Blob/upload", {"create": {"1": {"data": list(sources), "type": kind}}}))
    return (answer["created"] or answer["notCreated"])["1"]


# --- Blob/upload -----------------------------------------------------------------------------------------------------


async def test_the_capability_says_what_there_is(site: Site):
    session = (await site.http.get("/jmap/session")).json()
    assert session["capabilities"][BLOB] == {}
    assert session["accounts"][site.id]["accountCapabilities"][BLOB] == {
        "maxSizeBlobSet": 50_000_000,
        "maxDataSources": 256,
        "supportedTypeNames": ["Mailbox", "Thread", "Email"],
        "supportedDigestAlgorithms": ["sha-256", "sha"],
    }


async def test_without_the_capability_the_methods_are_not_known(site: Site):
    for name in ("Blob/upload", "Blob/get", "Blob/lookup"):
        (answer,) = await calls(site, (name, {}), using=(CORE, MAIL))
        assert answer == {"type": "unknownMethod"}


async def test_the_simple_example_of_section_4_1_1(site: Site):
    made = await upload(site, {"data:asBase64": DOT}, kind="image/png")
    octets = base64.b64decode(DOT)
    assert made == {"id": blob_id(octets), "blobId": blob_id(octets), "type": "image/png", "size": 95}
    answer = await site.http.get(f"/jmap/download/{site.id}/{made['id']}/x.png")
    assert answer.content == octets


async def test_the_complex_example_of_section_4_1_2(site: Site):
    sources = [
        {"data:asText": "How"},
        {"blobId": "#b4", "length": 7, "offset": 3},
        {"data:asText": "was t"},
        {"blobId": "#b4", "length": 1, "offset": 1},
        {"data:asBase64": "YXQ/"},
    ]
    first, second, got = await calls(
        site,
        ("Blob/upload", {"create": {"b4": {"data": [{"data:asText": FOX}]}}}),
        ("Blob/upload", {"create": {"cat": {"data": sources}}}),
        ("Blob/get", {"properties": ["data:asText", "size"], "ids": ["#cat"]}),
    )
    assert first["created"]["b4"]["size"] == 45
    assert first["created"]["b4"]["type"] == "application/octet-stream"
    cat = second["created"]["cat"]
    assert (cat["size"], second["notCreated"]) == (19, None)
    assert got["list"] == [{"id": cat["id"], "data:asText": "How quick was that?", "size": 19}]


async def test_no_source_at_all_makes_an_empty_blob(site: Site):
    assert (await upload(site))["id"] == blob_id(b"")
    assert (await upload(site, {"data:asText": ""}, {"data:asBase64": ""}))["size"] == 0


async def test_a_creation_may_refer_to_one_before_it_in_the_same_call(site: Site):
    create = {"a": {"data": [{"data:asText": "tick"}]}, "b": {"data": [{"blobId": "#a"}, {"blobId": "#a"}]}}
    (answer,) = await calls(site, ("Blob/upload", {"create": create}))
    assert answer["created"]["b"]["id"] == blob_id(b"ticktick")


async def test_a_large_blob_is_put_together_of_ranges_and_a_part_of_a_message(site: Site):
    large = bytes(range(256)) * 2_000
    answer = await site.http.post(f"/jmap/upload/{site.id}", content=large)
    email = await site.put(MESSAGE)
    made = await upload(
        site,
        {"blobId": answer.json()["blobId"], "offset": 100},
        {"blobId": f"B{email[1:]}_2", "offset": 8, "length": 70_000},
        {"blobId": f"B{email[1:]}_1"},
        {"blobId": answer.json()["blobId"], "length": 512_000},
    )
    expected = large[100:] + PICTURE[8:70_008] + b"Good morning." + large
    assert made["id"] == blob_id(expected)
    assert (await site.http.get(f"/jmap/download/{site.id}/{made['id']}/x")).content == expected


@pytest.mark.parametrize(
    "source",
    [
        {"data:asBase64": "a b="},
        {"data:asBase64": "YQ"},
        {"data:asBase64": "YWI=\n"},
        {"data:asBase64": "é"},
        {"data:asText": "a", "data:asBase64": "YQ=="},
        {"data:asText": "a", "length": 1},
        {"data:asText": 5},
        {"data:asHex": "00"},
        {},
        {"blobId": "#nothing", "offset": -1},
        {"blobId": "#nothing", "length": -1},
        {"blobId": "#nothing", "length": True},
    ],
)
async def test_nothing_is_guessed(site: Site, source: dict):
    assert (await upload(site, {"data:asText": "before"}, source))["type"] == "invalidProperties"


async def test_a_range_must_lie_within_its_blob(site: Site):
    fox = (await upload(site, {"data:asText": FOX}))["id"]
    for wrong in ({"offset": 46}, {"offset": 40, "length": 6}, {"length": 46}):
        problem = await upload(site, {"blobId": fox, **wrong})
        assert (problem["type"], problem["properties"]) == ("invalidProperties", ["data"])
    assert (await upload(site, {"blobId": fox, "offset": 45}))["size"] == 0


async def test_a_blob_that_is_not_there_is_named(site: Site):
    await site.mail.accounts.add(address("bob"), None)
    for name in ("#nothing", "B999", "U" + "0" * 64, "x"):
        problem = await upload(site, {"blobId": name})
        assert problem == {"type": "blobNotFound", "notFound": [name]}


async def test_limits(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(jmap_upload_octets=100)) as office, open_jmap(office) as site:
        assert (await upload(site, {"data:asText": "x" * 101}))["type"] == "tooLarge"
        half = (await upload(site, {"data:asText": "x" * 60}))["id"]
        assert (await upload(site, {"blobId": half}, {"blobId": half}))["type"] == "tooLarge"
        assert (await upload(site, *[{"data:asText": ""}] * 257))["type"] == "invalidProperties"
        assert (await upload(site, *[{"data:asText": ""}] * 256))["size"] == 0
        (answer,) = await calls(site, ("Blob/upload", {"create": {"a b": {"data": []}}}))
        assert answer["type"] == "invalidArguments"
    async with open_office(tmp_path / "2", limits=Limits(account_octets=50)) as office, open_jmap(office) as site:
        assert (await upload(site, {"data:asText": "x" * 51}))["type"] == "overQuota"


async def test_what_one_request_copies_and_brings_out_is_bounded(site: Site):
    octets = bytes(16_000_000)
    large = (await site.http.post(f"/jmap/upload/{site.id}", content=octets)).json()["blobId"]
    assert 5 * len(octets) > ANSWER_OCTETS
    create = {str(n): {"data": [{"blobId": large, "offset": n}]} for n in range(5)}
    (answer,) = await calls(site, ("Blob/upload", {"create": create}))
    assert list(answer["created"]) == ["0", "1", "2", "3"]
    assert answer["notCreated"]["4"]["type"] == "requestTooLarge"
    answers = await calls(site, *[("Blob/get", {"ids": [large], "properties": ["digest:sha-256"]})] * 5)
    assert answers[4]["type"] == "requestTooLarge"
    assert answers[3]["list"][0]["digest:sha-256"] == base64.b64encode(hashlib.sha256(octets).digest()).decode()


# --- Blob/get --------------------------------------------------------------------------------------------------------


async def test_the_simple_example_of_section_4_2_1(site: Site):
    fox = (await upload(site, {"data:asText": FOX}))["id"]
    (answer,) = await calls(
        site, ("Blob/get", {"ids": [fox, "not-a-blob"], "properties": ["data:asText", "digest:sha", "size"]})
    )
    assert answer == {
        "accountId": site.id,
        "list": [{"id": fox, "data:asText": FOX, "digest:sha": "wIVPufsDxBzOOALLDSIFKebu+U4=", "size": 45}],
        "notFound": ["not-a-blob"],
    }


async def test_the_example_of_section_4_2_2_with_ranges_and_encoding_errors(site: Site):
    create = {"b1": {"data": [{"data:asBase64": BROKEN}]}, "b2": {"data": [{"data:asText": "hello world"}]}}
    both = {"ids": ["#b1", "#b2"]}
    made, plain, text, encoded, head, tail = await calls(
        site,
        ("Blob/upload", {"create": create}),
        ("Blob/get", both),
        ("Blob/get", {**both, "properties": ["data:asText", "size"]}),
        ("Blob/get", {**both, "properties": ["data:asBase64", "size"]}),
        ("Blob/get", {**both, "offset": 0, "length": 5}),
        ("Blob/get", {**both, "offset": 20, "length": 100}),
    )
    one, two = made["created"]["b1"]["id"], made["created"]["b2"]["id"]
    broken = {"isEncodingProblem": True, "data:asText": None}
    assert plain["list"] == [
        {"id": one, **broken, "data:asBase64": BROKEN, "size": 43},
        {"id": two, "data:asText": "hello world", "size": 11},
    ]
    assert text["list"] == [{"id": one, **broken, "size": 43}, {"id": two, "data:asText": "hello world", "size": 11}]
    assert encoded["list"] == [
        {"id": one, "data:asBase64": BROKEN, "size": 43},
        {"id": two, "data:asBase64": "aGVsbG8gd29ybGQ=", "size": 11},
    ]
    assert head["list"] == [
        {"id": one, "data:asText": "The q", "size": 43},
        {"id": two, "data:asText": "hello", "size": 11},
    ]
    rest = "anVtcGVkIG92ZXIgdGhlIIGBIGRvZy4="
    assert tail["list"] == [
        {"id": one, "isTruncated": True, **broken, "data:asBase64": rest, "size": 43},
        {"id": two, "isTruncated": True, "data:asText": "", "size": 11},
    ]


async def test_a_character_cut_in_two_is_an_encoding_problem(site: Site):
    blob = (await upload(site, {"data:asText": "aé"}))["id"]
    (answer,) = await calls(site, ("Blob/get", {"ids": [blob], "length": 2}))
    assert answer["list"] == [
        {"id": blob, "isEncodingProblem": True, "data:asText": None, "data:asBase64": "YcM=", "size": 3}
    ]


async def test_without_a_length_only_an_offset_beyond_the_end_is_truncated(site: Site):
    blob = (await upload(site, {"data:asText": "abc"}))["id"]
    at_end, beyond, exact = await calls(
        site,
        ("Blob/get", {"ids": [blob], "offset": 3}),
        ("Blob/get", {"ids": [blob], "offset": 4}),
        ("Blob/get", {"ids": [blob], "offset": 1, "length": 2}),
    )
    assert "isTruncated" not in at_end["list"][0]
    assert beyond["list"] == [{"id": blob, "isTruncated": True, "data:asText": "", "size": 3}]
    assert exact["list"] == [{"id": blob, "data:asText": "bc", "size": 3}]


async def test_digests_are_of_the_range_and_parts_of_messages_are_blobs_too(site: Site):
    email = await site.put(MESSAGE)
    part, whole = f"B{email[1:]}_2", f"B{email[1:]}"
    wanted = {"properties": ["digest:sha-256", "digest:sha", "size"], "offset": 10, "length": 70_000}
    (answer,) = await calls(site, ("Blob/get", {"ids": [part, whole], **wanted}))
    for found, octets in zip(answer["list"], (PICTURE, MESSAGE), strict=True):
        piece = octets[10:70_010]
        assert found["digest:sha-256"] == base64.b64encode(hashlib.sha256(piece).digest()).decode()
        assert found["digest:sha"] == base64.b64encode(hashlib.sha1(piece).digest()).decode()
        assert found["size"] == len(octets)
        assert set(found) == {"id", "digest:sha-256", "digest:sha", "size"}


async def test_what_blob_get_refuses(site: Site):
    for arguments, kind in (
        ({"ids": ["x"], "properties": ["digest:md5"]}, "invalidArguments"),
        ({"ids": ["x"], "properties": ["nothing"]}, "invalidArguments"),
        ({"ids": ["x"], "offset": -1}, "invalidArguments"),
        ({"ids": None}, "requestTooLarge"),
        ({"ids": [str(n) for n in range(1_001)]}, "requestTooLarge"),
        ({"ids": [], "accountId": "a99"}, "accountNotFound"),
    ):
        (answer,) = await calls(site, ("Blob/get", arguments))
        assert answer["type"] == kind, arguments


# --- Blob/lookup -----------------------------------------------------------------------------------------------------


async def test_a_lookup_names_all_that_refers_to_a_blob(site: Site):
    email = await site.put(MESSAGE)
    archive = await site.mail.mailboxes.get(site.account.id, ("Archive",))
    inbox = await site.mail.mailboxes.get(site.account.id, ("INBOX",))
    await site.mail.messages.copy(site.account.id, inbox.id, [1], archive.id)
    uploaded = (await upload(site, {"data:asText": "nobody's"}))["id"]
    thread = (await site.call("Email/get", ids=[email], properties=["threadId"]))["list"][0]["threadId"]
    ids = [f"B{email[1:]}", f"B{email[1:]}_2", f"B{email[1:]}_3", uploaded, "B999", "not-a-blob"]
    (answer,) = await calls(site, ("Blob/lookup", {"typeNames": ["Mailbox", "Thread", "Email"], "ids": ids}))
    all_of_it = {
        "Mailbox": sorted([f"m{inbox.id}", f"m{archive.id}"]),
        "Thread": [thread],
        "Email": [email],
    }
    nothing = {"Mailbox": [], "Thread": [], "Email": []}
    found = [{**one["matchedIds"], "Mailbox": sorted(one["matchedIds"]["Mailbox"])} for one in answer["list"]]
    assert [one["id"] for one in answer["list"]] == ids
    assert found == [all_of_it, all_of_it, nothing, nothing, nothing, nothing]


async def test_a_lookup_tells_nobody_of_the_mail_of_others(site: Site):
    bob = await site.mail.accounts.add(address("bob"), None)
    assert bob.id != site.account.id
    await site.office.take("ann@far.test", "bob")
    (answer,) = await calls(
        site, ("Blob/lookup", {"typeNames": ["Email"], "ids": [f"B{number}" for number in range(1, 20)]})
    )
    assert all(one["matchedIds"] == {"Email": []} for one in answer["list"])


async def test_a_type_that_is_not_known_or_not_asked_for_is_refused(site: Site):
    (answer,) = await calls(site, ("Blob/lookup", {"typeNames": ["Email", "Calendar"], "ids": []}))
    assert answer["type"] == "unknownDataType"
    (answer,) = await calls(site, ("Blob/lookup", {"typeNames": ["Email"], "ids": []}), using=(CORE, BLOB))
    assert answer["type"] == "unknownDataType"
