"""A file of a message in a browser: it is kept or shown, and nothing in it runs as something of ours."""

from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from chromium import Window, open_reader
from elsewhere import answered
from playwright.async_api import BrowserContext, Page

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
HTML = b"<!doctype html><title>ran</title><script>document.title = 'ran'; fetch('/auth/sign-out')</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>document.title = "ran"</script></svg>'
SCRIPT = b"globalThis.ran = true; globalThis.postMessage?.(1);"
SHEET = b"html { --ran: yes }"


@pytest_asyncio.fixture(loop_scope="session")
async def reader(hers: BrowserContext, origin: str) -> Any:
    """A page of alice's that takes scripts and styles of our origin."""
    opened = await open_reader(hers, origin)
    yield opened
    await opened.close()


async def file(alice: Window, octets: bytes, kind: str, name: str) -> str:
    """Where it is downloaded."""
    blob = await alice.upload(octets, kind)
    return f"{alice.origin}/jmap/download/{alice.account_id}/{blob}/{name}?type={quote(kind, safe='')}"


@pytest.mark.parametrize(
    ("octets", "kind", "name"),
    [
        (HTML, "text/html", "a.html"),
        (HTML, "application/xhtml+xml", "a.xhtml"),
        (HTML, "text/plain", "a.txt"),
        (HTML, "multipart/x-mixed-replace", "a"),
        (SVG, "image/svg+xml", "a.svg"),
        (b"%PDF-1.4 /JS (app.alert(1))", "application/pdf", "a.pdf"),
    ],
    ids=["html", "xhtml", "text", "mixed-replace", "svg", "pdf"],
)
async def test_a_file_that_is_opened_in_a_tab_is_saved_and_does_not_run(
    alice: Window, reader: Page, octets: bytes, kind: str, name: str
):
    url = await file(alice, octets, kind, name)
    async with reader.expect_download() as opened:
        await reader.evaluate("url => { location = url; }", url)
    saved = await opened.value
    assert saved.suggested_filename == name
    assert (await saved.path()).read_bytes() == octets
    assert (await reader.title(), reader.url) == ("Mail", f"{alice.origin}/reader")
    assert await alice.who() == 200


async def test_the_name_of_a_file_comes_through(alice: Window, reader: Page):
    url = await file(alice, b"x", "application/octet-stream", "Gr%C3%BC%C3%9Fe%20%E2%82%AC%22.txt")
    async with reader.expect_download() as opened:
        await reader.evaluate("url => { location = url; }", url)
    assert (await opened.value).suggested_filename.startswith("Grüße €")


FRAME = """
([tag, name, url]) => {
  const element = document.createElement(tag);
  element[name] = url;
  document.body.append(element);
}
"""


async def test_a_file_in_a_frame_of_ours_does_not_run(alice: Window):
    """Not where a page of ours would allow frames: the file's own answer forbids it."""
    for octets, kind in ((HTML, "text/html"), (SVG, "image/svg+xml")):
        url = await file(alice, octets, kind, "a")
        for tag, name in (("iframe", "src"), ("object", "data"), ("embed", "src")):
            async with alice.page.expect_request(url) as sent:
                await alice.page.evaluate(FRAME, [tag, name, url])
            await answered(await sent.value)
    assert "ran" not in [await frame.title() for frame in alice.page.frames]
    assert await alice.who() == 200


async def test_a_picture_among_files_is_shown_and_what_is_in_it_does_not_run(alice: Window, reader: Page):
    url = await file(alice, SVG, "image/svg+xml", "a.svg")
    found = await reader.evaluate(
        "async url => { const img = new Image(); img.src = url; await img.decode(); return img.naturalWidth; }", url
    )
    assert (found, await reader.title()) == (9, "Mail")


LOAD = {
    "script": """
      url => new Promise(done => {
        const script = document.createElement('script');
        script.src = url;
        script.onload = script.onerror = () => done(globalThis.ran === true);
        document.head.append(script);
      })""",
    "module": "async url => { try { await import(url); } catch { } return globalThis.ran === true; }",
    "style": """
      url => new Promise(done => {
        const link = document.createElement('link');
        Object.assign(link, {rel: 'stylesheet', href: url});
        const style = () => getComputedStyle(document.documentElement).getPropertyValue('--ran') === 'yes';
        link.onload = link.onerror = () => done(style());
        document.head.append(link);
      })""",
    "worker": """
      url => new Promise(done => {
        const worker = new Worker(url);
        worker.onmessage = () => done(true);
        worker.onerror = () => done(false);
      })""",
    "service worker": """
      async url => {
        try { await navigator.serviceWorker.register(url); return true; } catch { return false; }
      }""",
}


@pytest.mark.parametrize("use", LOAD)
async def test_a_file_is_no_script_and_no_style_of_a_page_of_ours(alice: Window, use: str):
    """A page takes those that lie on our origin. Mail lies there too, and whoever slips in one element would bring the
    script along in a file. What the page has fetched before is in the browser's cache, and is no way around."""
    octets, kind = (SHEET, "text/css") if use == "style" else (SCRIPT, "text/javascript")
    url = await file(alice, octets, kind, use.replace(" ", "-"))
    page = await alice.context.new_page()
    await page.goto(f"{alice.origin}/healthz")
    for _ in range(2):
        assert await page.evaluate(LOAD[use], url) is False
        assert await page.evaluate("async url => (await fetch(url)).status", url) == 200, "a page may read it"
    await page.close()
