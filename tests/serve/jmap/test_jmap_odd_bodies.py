"""Bodies that are not as they should be, and what of them is shown (RFC 8621 §4.1.4, §4.2)."""

import pytest
from jmap_site import Site

HEAD = b"From: ann@far.test\r\nSubject: odd\r\nMIME-Version: 1.0\r\n"
LISTS = ("textBody", "htmlBody", "attachments")


async def shown(site: Site, content: bytes, **more: object) -> dict:
    id = await site.put(HEAD + content)
    properties = ["bodyStructure", "bodyValues", *LISTS, "hasAttachment", "preview"]
    return (await site.call("Email/get", ids=[id], properties=properties, fetchAllBodyValues=True, **more))["list"][0]


@pytest.mark.parametrize("kind", [b"multipart/mixed", b"multipart/alternative; boundary=none"])
async def test_a_multipart_that_cannot_be_taken_apart_is_shown_as_text(site: Site, kind: bytes):
    email = await shown(site, b"Content-Type: " + kind + b"\r\n\r\nGood morning.\r\n")
    (part,) = email["textBody"]
    assert (part["partId"], part["type"], part["charset"]) == ("1", "text/plain", "us-ascii")
    assert email["htmlBody"] == [part] and email["attachments"] == [] and not email["hasAttachment"]
    assert email["bodyValues"]["1"]["value"] == "Good morning.\n" and email["preview"] == "Good morning."
    assert email["bodyStructure"]["partId"] == "1"
    answer = await site.http.get(f"/jmap/download/{site.id}/{part['blobId']}/x")
    assert answer.content == b"Good morning.\r\n" and part["size"] == len(answer.content)


async def test_a_broken_part_inside_a_sound_one_is_shown_in_its_place(site: Site):
    content = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
        b"--b\r\nContent-Type: multipart/related\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n"
    )
    email = await shown(site, content)
    assert [(part["partId"], part["size"]) for part in email["textBody"]] == [("1", 3), ("2", 3)]
    assert email["bodyValues"]["2"]["value"] == "two"
    answer = await site.http.get(f"/jmap/download/{site.id}/{email['textBody'][1]['blobId']}/x")
    assert answer.content == b"two"


async def test_an_image_that_is_shown_with_text_and_with_html_is_no_attachment(site: Site):
    content = (
        b"Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nlook:\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n%s--a--\r\n"
    )
    email = await shown(site, content % b"")
    assert [[part["partId"] for part in email[name]] for name in LISTS] == [["1.1", "1.2"], ["1.1", "1.2"], []]
    # With HTML beside it the image is in the text alone.
    email = await shown(site, content % b"--a\r\nContent-Type: text/html\r\n\r\n<p>look\r\n")
    assert [[part["partId"] for part in email[name]] for name in LISTS] == [["1.1", "1.2"], ["2"], ["1.2"]]


async def test_no_tag_is_cut_whatever_its_attributes_hold(site: Site):
    source = "<p>ä</p><a title=\"a > b\" href='<x>'>here</a> 1 < 2"
    id = await site.put(HEAD + f"Content-Type: text/html; charset=utf-8\r\n\r\n{source}".encode())
    seen = set()
    for most in range(1, len(source.encode()) + 2):
        answer = await site.call(
            "Email/get", ids=[id], properties=["bodyValues"], fetchHTMLBodyValues=True, maxBodyValueBytes=most
        )
        value = answer["list"][0]["bodyValues"]["1"]
        assert source.startswith(value["value"]) and len(value["value"].encode()) <= most
        assert value["isTruncated"] is (value["value"] != source)
        seen.add(value["value"])
    assert "<p>ä</p><a title=\"a > b\" href='<x>'>" in seen and source in seen
    assert not any(
        value.endswith(('title="a >', "href='<x>", "</a", "<")) for value in seen - {source[:-1], source[:-2]}
    )
