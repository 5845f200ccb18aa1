"""Pictures from elsewhere: which URLs are fetched, and what octets are a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message.picture import TYPES, picture_type, picture_url
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.url import HttpsUrl

PNG = b"\x89PNG\r\n\x1a\n"
AVIF = b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1miafMA1B"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://pictures.test/a.png", "https://pictures.test/a.png"),
        (" https://pictures.test/a b.png\n", "https://pictures.test/a%20b.png"),
        ("https://pictures.test/ä.png?q=ö", "https://pictures.test/%C3%A4.png?q=%C3%B6"),
        ("https://pictures.test/a%20b.png", "https://pictures.test/a%20b.png"),
        ("https://pictures.test/a.png#here", "https://pictures.test/a.png"),
        ("https://pictures.test/{x}|y\\z^`", "https://pictures.test/%7Bx%7D%7Cy%5Cz%5E%60"),
        ("https://pictures.test:8443/a", "https://pictures.test:8443/a"),
        ("http://pictures.test/a.png", "https://pictures.test/a.png"),
        ("HTTP://Pictures.Test:80/a.png?b=http://x:80/", "https://pictures.test/a.png?b=http://x:80/"),
        ("http://pictures.test:80", "https://pictures.test/"),
        ("http://pictures.test:8080/a", "https://pictures.test:8080/a"),
    ],
)
def test_urls_as_messages_write_them(text: str, url: str):
    assert str(picture_url(text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.png",
        "/a.png",
        "//pictures.test/a.png",
        "cid:part1@uiowa.test",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://pictures.test/a.png",
        "https://user:password@pictures.test/a.png",
        "https://127.0.0.1\\@pictures.test/",
        "https://pictures.test /a.png",
        "https://exämple.test/",
        "https://0x7f.1/a.png",
        "https://2130706433/",
        "http://pictures.test:99999/",
        "https://pictures.test/" + "x" * 2_048,
    ],
)
def test_what_is_no_url_of_a_picture(text: str):
    with pytest.raises(SyntaxProblem):
        picture_url(text)


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_none(text: str):
    try:
        found = picture_url(f"https://pictures.test/{text}")
    except SyntaxProblem:
        return
    assert isinstance(found, HttpsUrl) and found.host == "pictures.test"


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (PNG + b"rest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (AVIF, "image/avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "image/avif"),
        (b"\x00\x00\x00\x18ftypavis\x00\x00\x00\x00avis", "image/avif"),
    ],
)
def test_what_is_a_picture_by_its_octets(octets: bytes, kind: str):
    assert picture_type(octets) == kind
    assert kind in TYPES


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x89PNG",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><html></html>",
        b" GIF89a",
        b"RIFF\x10\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        b"\x00\x00\x00\x10ftypmif1\x00\x00\x00\x00avif",  # behind the end of the box
        b"\xff\xff\xff\xffftypmif1\x00\x00\x00\x00" + b"x" * 400 + b"avif",
        b"BM6\x00\x00\x00",
        b"%PDF-1.7",
        b"PK\x03\x04",
    ],
)
def test_what_is_none(octets: bytes):
    assert picture_type(octets) is None


@given(st.binary(max_size=300))
def test_any_octets_are_a_picture_or_none(octets: bytes):
    assert picture_type(octets) in (None, *TYPES)
    assert picture_type(b"\x00\x00\x00\x20ftyp" + octets) in (None, "image/avif")
