"""What of an HTML text is found, and what is not: what its reader sees (RFC 8621 §4.4.1)."""

import pytest
from jmap_site import Site

HTML = """<html><head><title>Invisible</title><style>.purple { color: red }</style></head><body class="blue">
<p>The plan is <b title='Caf&eacute; au lait'>brilliant</b> indeed</p><script>var green = 1</script>
<img src="orange.png" alt="A lighthouse at night"><img alt=Elephant data-alt="pink">
<!-- yellow <img alt="grey"> --></body></html>"""


async def found(site: Site, **condition: str) -> bool:
    return bool((await site.call("Email/query", filter=condition))["ids"])


@pytest.fixture
async def id(site: Site) -> str:
    head = "From: ann@far.test\r\nSubject: a letter\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return await site.put((head + HTML).encode())


@pytest.mark.parametrize("is_indexed", [False, True])
async def test_what_stands_for_a_picture_and_what_explains_is_found_and_markup_is_not(
    site: Site, id: str, is_indexed: bool
):
    if is_indexed:
        await site.mail.indexing.catch_up()
    for text in ("brilliant", "lighthouse", "'lighthouse at night'", "elephant", "café", "'plan is brilliant indeed'"):
        assert await found(site, body=text) and await found(site, text=text), text
    for text in ("invisible", "purple", "blue", "green", "orange", "pink", "yellow", "grey", "title", "img"):
        assert not await found(site, body=text), text
    assert not await found(site, body="'brilliant Café'")


async def test_a_snippet_shows_where(site: Site, id: str):
    answer = await site.call("SearchSnippet/get", filter={"body": "lighthouse"}, emailIds=[id])
    assert "A <mark>lighthouse</mark> at night" in answer["list"][0]["preview"]


async def test_a_preview_is_what_is_shown_alone(site: Site, id: str):
    answer = await site.call("Email/get", ids=[id], properties=["preview"])
    assert answer["list"][0]["preview"] == "The plan is brilliant indeed"
