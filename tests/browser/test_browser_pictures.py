"""Pictures of a message, shown in a browser: the server fetches them, and the browser asks nobody else for anything."""

import smtplib
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from chromium import Window, open_reader
from elsewhere import Elsewhere
from playwright.async_api import BrowserContext, Frame, Page, Request

from servers import Pillarbox
from web_server import reply

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
DRAW = """
async kind => {
  const canvas = new OffscreenCanvas(40, 30);
  canvas.getContext('2d').fillStyle = 'teal';
  canvas.getContext('2d').fillRect(0, 0, 40, 30);
  return [...new Uint8Array(await (await canvas.convertToBlob({type: kind})).arrayBuffer())];
}
"""
SHOW = """
html => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.sandbox = '';
  frame.srcdoc = html;
  frame.onload = () => done();
  document.body.append(frame);
})
"""
SIZES = """
() => Promise.all([...document.images].map(async img => {
  if (!img.complete) await new Promise(done => { img.onload = img.onerror = done; });
  return `${img.naturalWidth}x${img.naturalHeight}`;
}))
"""
# Without frames, which whoever shows mail must take out: what a policy holds back, Chromium connects to all the same.
LETTER = """<body background="{0}/background.png"><p style="background: url({0}/style.png)">Look:</p>
<img src="{0}/one.png?who=alice"><img srcset="{0}/set.png 1x"><picture><source srcset="{0}/source.png"><img></picture>
<link rel="stylesheet" href="{0}/sheet.css"><link rel="prefetch" href="{0}/prefetch"><script src="{0}/script.js"></script>
<script>new Image().src = "{0}/ran"</script><img src=":" onerror="this.src = '{0}/ran'">
<video src="{0}/film" poster="{0}/poster.png" autoplay></video>
<object data="{0}/object"></object><meta http-equiv="refresh" content="0; url={0}/refresh">
<form action="{0}/form"><input type="image" src="{0}/button.png"></form>"""


@pytest_asyncio.fixture(loop_scope="session")
async def reader(hers: BrowserContext, origin: str) -> Any:
    """The page of alice's that shows her mail."""
    opened = await open_reader(hers, origin)
    yield opened
    await opened.close()


async def draw(alice: Window, kind: str) -> bytes:
    """A picture of 40 by 30, which the browser makes itself."""
    return bytes(await alice.page.evaluate(DRAW, kind))


def at(elsewhere: Elsewhere) -> str:
    return elsewhere.origin("127.0.0.1")


async def address_of(alice: Window, url: str) -> str:
    """Ours, in the place of the URL."""
    (found,) = (await alice.call("RemoteImage/get", ids=[url]))["list"]
    assert found["url"].startswith(f"{alice.origin}/jmap/image/")
    return found["url"]


async def show(page: Page, html: str) -> Frame:
    """As the text of a message is shown: in a frame without scripts and without an origin."""
    await page.evaluate(SHOW, html)
    return next(frame for frame in page.frames if frame.parent_frame is page.main_frame)


async def sizes(frame: Frame) -> list[str]:
    """Of all pictures, once the browser has or has not got them."""
    return await frame.evaluate(SIZES)


def asked_elsewhere(page: Page, origin: str) -> list[Request]:
    """All that the browser will ask of somebody else."""
    found: list[Request] = []
    page.on(
        "request",
        lambda request: found.append(request) if not request.url.startswith((origin, "about:", "data:")) else None,
    )
    return found


async def test_a_message_s_picture_is_painted_and_the_server_alone_has_asked_for_it(
    server: Pillarbox, alice: Window, reader: Page, elsewhere: Elsewhere
):
    picture = await draw(alice, "image/png")
    elsewhere.server.usual = reply("200 OK", "Content-Type: image/png", "Set-Cookie: seen=alice", body=picture)
    url = f"{at(elsewhere)}/one.png?who=alice"
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "a newsletter", "ann@far.test", "alice@uiowa.test"
    message.set_content(LETTER.format(at(elsewhere)), subtype="html")
    with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as session:
        session.send_message(message)
    (id,) = (await alice.call("Email/query", filter={"subject": "a newsletter"}))["ids"]
    (email,) = (await alice.call("Email/get", ids=[id], properties=["bodyValues"], fetchHTMLBodyValues=True))["list"]
    ((_, body),) = email["bodyValues"].items()
    assert url in body["value"]
    others = asked_elsewhere(reader, alice.origin)

    frame = await show(reader, body["value"])
    assert set(await sizes(frame)) == {"0x0"}
    assert elsewhere.server.connections == 0, "as it came, nothing of it is fetched by anybody"

    await reader.reload()
    frame = await show(reader, body["value"].replace(url, await address_of(alice, url)))
    assert (await sizes(frame))[0] == "40x30"
    assert elsewhere.server.connections == 1
    asked = await elsewhere.server.next()
    assert (asked.method, asked.target, asked.headers["user-agent"]) == ("GET", "/one.png?who=alice", "Pillarbox")
    assert not {"cookie", "referer", "origin", "accept-language", "authorization", "x-forwarded-for"} & set(
        asked.headers
    )
    assert [request.failure for request in others] == ["csp"] * len(others), "what was kept back is named, not sent"
    assert not [one for one in await reader.context.cookies() if one["name"] == "seen"]
    assert frame.url == "about:srcdoc"


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp"])
async def test_a_picture_is_painted_whatever_its_sender_calls_it(
    alice: Window, reader: Page, elsewhere: Elsewhere, kind: str
):
    elsewhere.server.usual = reply("200 OK", "Content-Type: text/html", body=await draw(alice, kind))
    shown = await address_of(alice, f"{at(elsewhere)}/picture")
    assert await sizes(await show(reader, f'<img src="{shown}">')) == ["40x30"]


async def test_the_browser_keeps_a_picture_and_asks_once(alice: Window, elsewhere: Elsewhere):
    """On a page; for a frame without origin Chromium keeps nothing that outlives the frame."""
    elsewhere.server.usual = reply("200 OK", body=await draw(alice, "image/png"))
    shown = await address_of(alice, f"{at(elsewhere)}/kept.png")
    for _ in range(2):
        page = await alice.context.new_page()
        await page.goto(f"{alice.origin}/healthz")
        await page.evaluate("url => { document.body.innerHTML = `<img src='${url}'>`; }", shown)
        assert await sizes(page.main_frame) == ["40x30"]
        await page.close()
    assert elsewhere.server.count == 1


async def test_on_a_page_with_the_policy_of_all_answers_nothing_is_shown(
    alice: Window, hers: BrowserContext, elsewhere: Elsewhere
):
    page = await hers.new_page()
    await page.goto(f"{alice.origin}/healthz")
    for shown in (f"{at(elsewhere)}/a.png", await address_of(alice, f"{at(elsewhere)}/a.png")):
        await page.evaluate("url => { document.body.innerHTML = `<img src='${url}'>`; }", shown)
        assert await sizes(page.main_frame) == ["0x0"]
    assert elsewhere.server.connections == 0
    await page.close()


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="fetch('%s/ran')"><script>fetch('%s/ran')</script>
</svg>"""
HTML = b"<!doctype html><img src='%s/ran'><script>fetch('%s/ran')</script>"


@pytest.mark.parametrize(
    ("text", "kind"), [(SVG, "image/svg+xml"), (HTML, "image/png"), (HTML, "text/html")], ids=["svg", "png", "html"]
)
async def test_what_runs_is_no_picture(alice: Window, reader: Page, elsewhere: Elsewhere, text: bytes, kind: str):
    here = at(elsewhere).encode()
    elsewhere.server.usual = reply("200 OK", f"Content-Type: {kind}", body=text % (here, here))
    shown = await address_of(alice, f"{at(elsewhere)}/evil")
    others = asked_elsewhere(reader, alice.origin)
    assert await sizes(await show(reader, f'<img src="{shown}">')) == ["0x0"]
    opened = await reader.goto(shown)
    assert opened is not None and opened.status == 404
    assert "the picture cannot be had" in await reader.inner_text("body")
    assert others == []
    assert {(await elsewhere.server.next()).target for _ in range(elsewhere.server.count)} == {"/evil"}


async def test_a_picture_that_is_a_script_too_is_a_picture_alone(alice: Window, reader: Page, elsewhere: Elsewhere):
    """Its octets begin as a GIF's do, and are a script that is right; the page takes scripts of our origin."""
    elsewhere.server.usual = reply(
        "200 OK", body=b"GIF89a=1;document.title='ran';//<script>document.title='ran'</script>"
    )
    shown = await address_of(alice, f"{at(elsewhere)}/both.gif")
    assert await reader.evaluate(LOAD_SCRIPT, shown) == "error"
    async with reader.expect_download() as opened:
        await reader.evaluate("url => { location = url; }", shown)
    await (await opened.value).cancel()
    assert (await reader.title(), elsewhere.server.count) == ("Mail", 2)


LOAD_SCRIPT = """
url => new Promise(done => {
  const script = document.createElement('script');
  script.src = url;
  script.onload = () => done('ran');
  script.onerror = () => done('error');
  document.head.append(script);
})
"""
