"""Upload, download and Blob/copy (RFC 8620 §6), ranges (RFC 9110 §14)."""

import asyncio
import base64
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from jmap_site import PASSWORD, Site, open_jmap

from office import DOMAIN, address, open_office
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.ranges import Window, window_of
from pillarbox.serve.jmap.transfer import disposition, media_type

LARGE = bytes(range(256)) * 2_000
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
TEXT = "Grüße, und ein Zeilenende =\r\nhier".encode()
MESSAGE = (
    b"From: ann@far.test\r\nSubject: two parts\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=C3=BC=C3=9Fe, und ein Zeil=\r\nenende =3D\r\nhier\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(PICTURE)
    + b"\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nthe inner text\r\n--b--\r\n"
)


async def upload(site: Site, octets: bytes, content_type: str = "image/png") -> str:
    """The blob id."""
    answer = await site.http.post(f"/jmap/upload/{site.id}", content=octets, headers={"Content-Type": content_type})
    assert answer.status_code == 201, answer.text
    return answer.json()["blobId"]


async def download(site: Site, blob_id: str, name: str = "x.bin", **headers: str):
    return await site.http.get(f"/jmap/download/{site.id}/{blob_id}/{name}", headers=headers)


@pytest.mark.parametrize("octets", [b"", b"small", LARGE], ids=["empty", "small", "large"])
async def test_what_was_uploaded_comes_back(site: Site, octets: bytes):
    answer = await site.http.post(f"/jmap/upload/{site.id}", content=octets, headers={"Content-Type": "image/png"})
    blob_id = "U" + hashlib.sha256(octets).hexdigest()
    assert answer.json() == {"accountId": site.id, "blobId": blob_id, "type": "image/png", "size": len(octets)}
    answer = await site.http.get(f"/jmap/download/{site.id}/{blob_id}/my%20picture.png?type=image/png")
    assert answer.content == octets
    assert answer.headers["content-length"] == str(len(octets))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, immutable, max-age=31536000"
    assert (
        answer.headers["content-disposition"]
        == "attachment; filename=\"my picture.png\"; filename*=UTF-8''my%20picture.png"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_an_upload_in_chunks_of_no_said_length(site: Site):
    async def pieces():
        for start in range(0, len(LARGE), 70_000):
            yield LARGE[start : start + 70_000]

    answer = await site.http.post(f"/jmap/upload/{site.id}", content=pieces())
    assert answer.json()["size"] == len(LARGE)
    assert answer.json()["type"] == "application/octet-stream"


async def test_an_upload_that_is_too_large_is_refused(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(jmap_upload_octets=100_000)) as office, open_jmap(office) as site:

        async def pieces():
            for _ in range(4):
                yield bytes(50_000)

        for content in (bytes(100_001), pieces()):
            answer = await site.http.post(f"/jmap/upload/{site.id}", content=content)
            assert (answer.status_code, answer.json()["limit"]) == (413, "maxSizeUpload")
            assert answer.json()["type"] == "urn:ietf:params:jmap:error:limit"
        await upload(site, bytes(100_000))
        left = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        assert len(left) == 1, "nothing is left of what was refused"


async def test_an_account_uploads_so_many_at_once(tmp_path: Path):
    has_begun, go_on = asyncio.Event(), asyncio.Event()

    async def pieces():
        yield b"begun"
        has_begun.set()
        await go_on.wait()

    async with open_office(tmp_path, limits=Limits(jmap_concurrent_uploads=1)) as office, open_jmap(office) as site:
        url = f"/jmap/upload/{site.id}"
        assert (await site.http.post(url, content=b"x")).status_code == 201  # from now on the login is known
        first = asyncio.create_task(site.http.post(url, content=pieces()))
        await has_begun.wait()
        statuses = [(await site.http.post(url, content=b"x")).status_code for _ in range(20)]
        assert 429 in statuses
        go_on.set()
        assert (await first).status_code == 201


async def test_an_upload_belongs_to_who_made_it(site: Site):
    await site.mail.accounts.add(address("bob"), PASSWORD)
    bob = (f"bob@{DOMAIN}", PASSWORD)
    blob_id = await upload(site, b"for alice")
    bob_id = f"a{(await site.office.account('bob')).id}"
    for account_id in (site.id, bob_id):
        answer = await site.http.get(f"/jmap/download/{account_id}/{blob_id}/x", auth=bob)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await site.http.post(f"/jmap/upload/{bob_id}", content=b"x")).status_code == 404
    assert (await site.http.post("/jmap/upload/x", content=b"x")).status_code == 404


# --- how long, and how much ------------------------------------------------------------------------------------------


async def test_an_upload_goes_after_a_day_and_one_again_is_kept_longer(site: Site):
    once, twice = await upload(site, b"once"), await upload(site, b"twice")
    site.office.clock.advance(timedelta(hours=23).total_seconds())
    await upload(site, b"twice")
    site.office.clock.advance(timedelta(hours=2).total_seconds())
    assert (await download(site, once)).status_code == 404
    assert (await download(site, twice)).content == b"twice"


async def test_the_oldest_make_room_for_the_newest(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(jmap_upload_octets=100)) as office, open_jmap(office) as site:
        blobs = []
        for number in range(5):
            blobs.append(await upload(site, bytes([number]) * 100))
            office.clock.advance(1)
        statuses = [(await download(site, blob_id)).status_code for blob_id in blobs]
        assert statuses == [404, 200, 200, 200, 200]
        await upload(site, bytes([1]) * 100)
        office.clock.advance(1)
        blobs.append(await upload(site, b"another"))
        statuses = [(await download(site, blob_id)).status_code for blob_id in blobs]
        assert statuses == [404, 200, 404, 200, 200, 200], "the second was uploaded again, so the third was the oldest"


async def test_uploads_take_room_of_the_quota(tmp_path: Path):
    async with open_office(tmp_path, limits=Limits(account_octets=1_000)) as office, open_jmap(office) as site:
        await site.put(b"x" * 600)
        answer = await site.http.post(f"/jmap/upload/{site.id}", content=bytes(401))
        assert answer.status_code == 413
        first = await upload(site, bytes(400))
        office.clock.advance(1)
        await upload(site, b"one more")
        assert (await download(site, first)).status_code == 404


# --- messages and parts ----------------------------------------------------------------------------------------------


async def test_a_message_and_its_parts_are_downloaded(site: Site):
    number = (await site.put(MESSAGE))[1:]
    assert (await download(site, f"B{number}")).content == MESSAGE
    assert (await download(site, f"B{number}_1")).content == TEXT
    assert (await download(site, f"B{number}_2")).content == PICTURE
    assert (await download(site, f"B{number}_3")).content == b"Subject: inside\r\n\r\nthe inner text"
    assert (await download(site, f"B{number}_3_1")).content == b"the inner text"
    for part in ("_4", "_1_1", "_3_2"):
        assert (await download(site, f"B{number}{part}")).status_code == 404
    part = await download(site, f"B{number}_2", Range="bytes=100-70000")
    assert part.content == PICTURE[100:70_001]
    assert part.headers["content-range"] == f"bytes 100-70000/{len(PICTURE)}"


async def test_parts_of_an_upload_are_downloaded(site: Site):
    for octets in (MESSAGE, MESSAGE.replace(b"--b--\r\n", b"--b\r\n\r\n" + b"line\r\n" * 20_000 + b"--b--\r\n")):
        blob_id = await upload(site, octets, "message/rfc822")
        assert (await download(site, f"{blob_id}_2")).content == PICTURE
        assert (await download(site, f"{blob_id}_1", Range="bytes=0-3")).content == TEXT[:4]


@pytest.mark.parametrize("blob_id", ["B1", "B999999", "U" + "0" * 64, "x", "B", "B1_0", "e1", "B01"])
async def test_a_blob_that_there_is_not(site: Site, blob_id: str):
    answer = await download(site, blob_id)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_message_of_somebody_else_is_not_there(site: Site):
    number = (await site.put(MESSAGE))[1:]
    await site.mail.accounts.add(address("bob"), PASSWORD)
    bob_id = f"a{(await site.office.account('bob')).id}"
    answer = await site.http.get(f"/jmap/download/{bob_id}/B{number}/x", auth=(f"bob@{DOMAIN}", PASSWORD))
    assert answer.status_code == 404


async def test_the_type_is_as_asked_if_it_is_one(site: Site):
    blob_id = await upload(site, b"x")
    for asked, given in [
        ("text/html;charset=utf-8", "text/html;charset=utf-8"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("", "application/octet-stream"),
    ]:
        answer = await site.http.get(f"/jmap/download/{site.id}/{blob_id}/x", params={"type": asked})
        assert answer.headers["content-type"] == given
        assert "x" not in answer.headers


async def test_a_file_is_part_of_no_page(site: Site):
    """What a browser would run or take for a style is refused; to a program, and to be kept or shown, it is given."""
    blob_id = await upload(site, b"alert(1)", "text/javascript")
    for use in (
        "script",
        "style",
        "worker",
        "sharedworker",
        "serviceworker",
        "audioworklet",
        "xslt",
        "iframe",
        "object",
    ):
        refused = await download(site, blob_id, **{"Sec-Fetch-Dest": use})
        assert (refused.status_code, refused.headers["cache-control"]) == (403, "no-store")
    for use in ("empty", "document", "image", "audio", "video"):
        answer = await download(site, blob_id, **{"Sec-Fetch-Dest": use})
        assert (answer.status_code, answer.headers["vary"]) == (200, "Sec-Fetch-Dest"), "a cache tells them apart"


async def test_a_name_may_be_anything(site: Site):
    blob_id = await upload(site, b"x")
    for name in ("a%2Fb", "%22quoted%22.txt", "gr%C3%BC%C3%9Fe.txt", "", "%5C", "%00", "%7F"):
        answer = await site.http.get(f"/jmap/download/{site.id}/{blob_id}/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-disposition"].startswith("attachment")


def test_disposition():
    assert disposition("") == "attachment"
    assert disposition("a.txt") == "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"
    assert disposition('a"\\ü.txt') == "attachment; filename=\"a___.txt\"; filename*=UTF-8''a%22%5C%C3%BC.txt"
    assert disposition("a\r\nb\ud800") == "attachment; filename=\"a__b_\"; filename*=UTF-8''a%0D%0Ab%3F"


def test_media_types():
    for good in ("text/plain", "application/vnd.ms-excel", "text/html; charset=utf-8", "a/b;c"):
        assert media_type(good) == good
    for bad in (None, "", "text", "text/", "/x", "te xt/plain", "text/pläin", "text/plain\n", "a/" + "b" * 300):
        assert media_type(bad) == "application/octet-stream"


# --- ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "window"),
    [
        (None, Window(0, 10)),
        ("bytes=0-0", Window(0, 1, True)),
        ("bytes=0-", Window(0, 10, True)),
        ("BYTES=2-5", Window(2, 6, True)),
        ("bytes = 2-5", Window(2, 6, True)),
        ("bytes=2-99", Window(2, 10, True)),
        ("bytes=-3", Window(7, 10, True)),
        ("bytes=-99", Window(0, 10, True)),
        ("bytes=9-", Window(9, 10, True)),
        ("bytes=10-", None),
        ("bytes=10-20", None),
        ("bytes=-0", None),
        ("bytes=5-2", Window(0, 10)),
        ("bytes=-", Window(0, 10)),
        ("bytes=0-1,5-6", Window(0, 10)),
        ("lines=0-1", Window(0, 10)),
        ("bytes=a-b", Window(0, 10)),
        ("bytes=1-99999999999999999999", Window(0, 10)),
    ],
)
def test_windows(field: str | None, window: Window | None):
    assert window_of(field, 10) == window


def test_nothing_of_nothing():
    assert window_of("bytes=0-", 0) is None
    assert window_of("bytes=-5", 0) is None
    assert window_of(None, 0) == Window(0, 0)


@pytest.mark.parametrize("octets", [LARGE[:1_000], LARGE], ids=["small", "large"])
async def test_a_range_is_downloaded(site: Site, octets: bytes):
    blob_id, size = await upload(site, octets), len(octets)
    answer = await download(site, blob_id, Range="bytes=10-19")
    assert (answer.status_code, answer.content) == (206, octets[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{size}"
    assert answer.headers["accept-ranges"] == "bytes"
    answer = await download(site, blob_id, Range="bytes=-5")
    assert answer.content == octets[-5:]
    answer = await download(site, blob_id, Range=f"bytes={size}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
    assert answer.content == b""


async def test_a_range_only_of_what_the_client_has_a_part_of(site: Site):
    blob_id = await upload(site, LARGE)
    etag = (await download(site, blob_id)).headers["etag"]
    assert (await download(site, blob_id, **{"Range": "bytes=0-9", "If-Range": etag})).status_code == 206
    for other in ('"other"', "W/" + etag, "Tue, 24 Nov 2026 10:00:00 GMT"):
        answer = await download(site, blob_id, **{"Range": "bytes=0-9", "If-Range": other})
        assert (answer.status_code, len(answer.content)) == (200, len(LARGE))


async def test_what_the_client_has_is_not_sent_again(site: Site):
    blob_id = await upload(site, LARGE)
    etag = (await download(site, blob_id)).headers["etag"]
    for known in (etag, f'"a", W/{etag}', "*"):
        answer = await download(site, blob_id, **{"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert (await download(site, blob_id, **{"If-None-Match": '"other"'})).status_code == 200


async def test_head_says_how_large_it_is(site: Site):
    blob_id = await upload(site, LARGE)
    answer = await site.http.head(f"/jmap/download/{site.id}/{blob_id}/x")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(LARGE)), b"")


async def test_a_download_is_given_up_and_the_next_works(site: Site):
    blob_id = await upload(site, LARGE * 20)
    async with site.http.stream("GET", f"/jmap/download/{site.id}/{blob_id}/x") as answer:
        async for _ in answer.aiter_raw():
            break
    assert len((await download(site, blob_id)).content) == len(LARGE) * 20


# --- Blob/copy -------------------------------------------------------------------------------------------------------


async def test_blob_copy(site: Site):
    kept, message = await upload(site, b"kept"), "B" + (await site.put(MESSAGE))[1:]
    answer = await site.call("Blob/copy", fromAccountId=site.id, blobIds=[kept, message, f"{message}_2", "x", "B999"])
    assert answer["copied"] == {kept: kept, message: message, f"{message}_2": f"{message}_2"}
    assert {id: one["type"] for id, one in answer["notCopied"].items()} == {"x": "notFound", "B999": "notFound"}
    (bob,) = await site.office.add("bob")
    answer = await site.fail("Blob/copy", fromAccountId=f"a{bob.id}", blobIds=[kept])
    assert answer == {"type": "fromAccountNotFound"}
    answer = await site.fail("Blob/copy", fromAccountId=site.id, accountId=f"a{bob.id}", blobIds=[kept])
    assert answer == {"type": "accountNotFound"}
    answer = await site.call("Blob/copy", fromAccountId=site.id, blobIds=[])
    assert (answer["copied"], answer["notCopied"]) == (None, None)


async def test_an_account_is_removed_with_its_uploads(site: Site):
    bob = await site.mail.accounts.add(address("bob"), PASSWORD)
    answer = await site.http.post(f"/jmap/upload/a{bob.id}", content=b"x", auth=(f"bob@{DOMAIN}", PASSWORD))
    assert answer.status_code == 201
    await site.mail.accounts.remove(address("bob"))
    assert await site.office.database.value(bob.id, "select count(*) from content where account_id = $1", bob.id) == 0
